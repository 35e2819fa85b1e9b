//! Which assumed duration, at what value, changes the verdict of most runs.
//!
//! Each duration that rests on an assumption is made longer, alone: first by the largest factor on the median run, then, where
//! that ends otherwise, bisected on that run, then confirmed on the runs at the quartiles. Those on which the median run spent
//! most time come first.

use crate::assumption::Assumption;
use crate::validate::{Base, Depth, quartiles};
use crate::{Error, Progress, Workers, trial};
use blackstart_report::validation::{Flip, Flips};
use blackstart_rt::Map;
use blackstart_runbook::execute::Verdict;
use blackstart_scenario::Scenario;
use blackstart_world::Estimate;
use std::cmp::Reverse;
use std::time::Duration;

/// The largest factor tried.
const FACTOR_MAX: f64 = 4.0;
/// Bisections: the factor is known to 3 / 2^3, about a third.
const BISECTIONS: usize = 3;
/// Durations tried, unless everything is asked for.
const TRIED: usize = 4;
/// Those of them whose value is looked for.
const FOLLOWED: usize = 1;

/// Assumed durations that flip the verdict.
pub(crate) fn find(
    base: &Base<'_>,
    depth: Depth,
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<Flips, Error> {
    let limit = |runs| if depth == Depth::Thorough { usize::MAX } else { runs };
    let seeds = quartiles(base.trials);
    let assumed = assumed(base);
    let assumptions = assumed.len();
    let tried = &assumed[..assumptions.min(limit(TRIED))];
    progress.planned(tried.len());
    let ends = workers.each(tried, |duration| {
        let end = seeds.last().map(|median| verdict(base, duration, FACTOR_MAX, *median)).transpose();
        progress.done();
        end
    })?;
    let ends = tried.iter().zip(ends).filter_map(|(duration, end)| Some((duration, end?)));
    let flipped: Vec<(&Assumption, Verdict)> = ends.filter(|(_, end)| *end != Verdict::Completed).collect();
    let followed = &flipped[..flipped.len().min(limit(FOLLOWED))];
    let each = BISECTIONS + seeds.len().saturating_sub(1);
    progress.planned(followed.len() * each);
    let found = workers.each(followed, |(duration, end)| {
        let flip = flip(base, duration, *end, &seeds);
        (0..each).for_each(|_| progress.done());
        flip
    })?;
    let mut found: Vec<Flip> = found.into_iter().flatten().collect();
    found.sort_by(|a, b| (a.from_s / a.assumed_s).total_cmp(&(b.from_s / b.assumed_s)));
    Ok(Flips {
        assumptions,
        tried: tried.len(),
        factor_max: FACTOR_MAX,
        seeds,
        found,
        further: flipped[followed.len()..].iter().map(|(duration, _)| duration.name()).collect(),
        runs: tried.len() + followed.len() * each,
    })
}

/// Durations that rest on an assumption and that some run drew from; those that took longest in the median run first.
fn assumed(base: &Base<'_>) -> Vec<Assumption> {
    let people = &base.scenario.people;
    let median = quartiles(base.trials).last().copied();
    let mut took: Map<Assumption, Duration> = Map::new();
    for trial in base.trials {
        for spent in trial.report.steps.iter().flat_map(|step| &step.spent) {
            let length = if Some(trial.seed) == median { spent.until - spent.from } else { Duration::ZERO };
            for duration in Assumption::behind(people, spent) {
                *took.entry(duration).or_default() += length;
            }
        }
    }
    let mut took: Vec<(Assumption, Duration)> = took.into_iter().collect();
    took.retain(|(duration, _)| duration.is_assumed(people));
    took.sort_by_key(|(_, length)| Reverse(*length));
    took.into_iter().map(|(duration, _)| duration).collect()
}

fn verdict(
    base: &Base<'_>,
    duration: &Assumption,
    factor: f64,
    seed: u64,
) -> Result<Verdict, blackstart_sim::Error> {
    Ok(trial(&scaled(base.scenario, duration, factor), base.runbook, seed)?.verdict)
}

fn flip(
    base: &Base<'_>,
    duration: &Assumption,
    mut flipped: Verdict,
    seeds: &[u64],
) -> Result<Option<Flip>, blackstart_sim::Error> {
    let Some((median, quartiles)) = seeds.split_last() else { return Ok(None) };
    let Some(stated) = duration.estimate(&base.scenario.people) else { return Ok(None) };
    let verdict = |factor, seed| verdict(base, duration, factor, seed);
    let (mut low, mut high) = (1.0, FACTOR_MAX);
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        match verdict(middle, *median)? {
            Verdict::Completed => low = middle,
            end => (high, flipped) = (middle, end),
        }
    }
    let ends: Result<Vec<Verdict>, _> = quartiles.iter().map(|seed| verdict(high, *seed)).collect();
    let otherwise = ends?.into_iter().filter(|end| *end != Verdict::Completed).count() + 1;
    if 2 * otherwise <= seeds.len() {
        return Ok(None);
    }
    let from_s = stated.likely.as_secs_f64() * high;
    Ok(Some(Flip {
        name: duration.name(),
        assumed_s: stated.likely.as_secs_f64(),
        high_s: stated.high.as_secs_f64(),
        from_s,
        in_range: from_s <= stated.high.as_secs_f64(),
        verdict: flipped.word(),
    }))
}

/// The scenario with one duration scaled.
fn scaled(scenario: &Scenario, duration: &Assumption, factor: f64) -> Scenario {
    let mut scenario = scenario.clone();
    if let Some(estimate) = duration.estimate_mut(&mut scenario.people) {
        let Estimate { low, likely, high, .. } = estimate;
        [low, likely, high].into_iter().for_each(|length| *length = length.mul_f64(factor));
    }
    scenario
}
