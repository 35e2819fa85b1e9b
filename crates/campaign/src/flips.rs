//! Which assumed duration, at what value, changes the verdict of most runs.
//!
//! Each duration that rests on an assumption is made longer, alone: first by the largest factor on the median run, then, where
//! that ends otherwise, bisected on that run, then confirmed on the runs at the quartiles.

use crate::assumption::Assumption;
use crate::statistics::rank;
use crate::validate::{Base, by_recovery};
use crate::{Error, Progress, Workers, trial};
use blackstart_report::validation::{Flip, Flips};
use blackstart_rt::Set;
use blackstart_runbook::execute::{Spending, Verdict};
use blackstart_scenario::Scenario;
use blackstart_world::Estimate;

/// The largest factor tried.
const FACTOR_MAX: f64 = 4.0;
/// Bisections: the factor is known to 3 / 2^5, about a tenth.
const BISECTIONS: usize = 5;

/// Assumed durations that flip the verdict.
pub(crate) fn find(base: &Base<'_>, workers: &Workers, progress: &dyn Progress) -> Result<Flips, Error> {
    let sorted = by_recovery(base.trials);
    let at = |p| Some(sorted.get(rank(sorted.len(), p)?)?.seed);
    let mut seeds: Vec<u64> = [0.25, 0.75, 0.5].into_iter().filter_map(at).collect();
    seeds.dedup();
    let assumed = assumed(base);
    progress.planned(assumed.len());
    let found = workers.each(&assumed, |duration| {
        let flip = flip(base, duration, &seeds);
        progress.done();
        flip
    })?;
    let mut found: Vec<Flip> = found.into_iter().flatten().collect();
    found.sort_by(|a, b| (a.from_s / a.assumed_s).total_cmp(&(b.from_s / b.assumed_s)));
    Ok(Flips { assumptions: assumed.len(), factor_max: FACTOR_MAX, seeds, found })
}

/// Durations that rest on an assumption and that some run drew from.
fn assumed(base: &Base<'_>) -> Vec<Assumption> {
    let people = &base.scenario.people;
    let steps = base.trials.iter().flat_map(|trial| &trial.report.steps);
    let spent = steps.flat_map(|step| &step.spent).filter(|spent| spent.on == Spending::People);
    let whats: Set<&str> = spent.map(|spent| spent.what.as_str()).collect();
    let durations: Set<Assumption> =
        whats.into_iter().flat_map(|what| Assumption::behind(people, what)).collect();
    durations.into_iter().filter(|duration| duration.is_assumed(people)).collect()
}

fn flip(
    base: &Base<'_>,
    duration: &Assumption,
    seeds: &[u64],
) -> Result<Option<Flip>, blackstart_sim::Error> {
    let Some((median, quartiles)) = seeds.split_last() else { return Ok(None) };
    let Some(stated) = duration.estimate(&base.scenario.people) else { return Ok(None) };
    let verdict =
        |factor, seed| Ok(trial(&scaled(base.scenario, duration, factor), base.runbook, seed)?.verdict);
    let mut flipped = verdict(FACTOR_MAX, *median)?;
    if flipped == Verdict::Completed {
        return Ok(None);
    }
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
