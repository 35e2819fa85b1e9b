//! Which elements, lost alone from the start, stop every run.
//!
//! Elements come from the scenario. Those that the runs used come first, then those that the runbook names, each lost alone.
//! Whoever gets through without several at once gets through without each of them, so the rest is lost together, and a group
//! without which the run stops is halved. All of that happens on the earliest run; what stops it is lost on the median run too,
//! and what stops both on more.

use crate::element::{Element, elements, without};
use crate::trial::steps_alone;
use crate::validate::{Base, Depth, by_recovery};
use crate::{Error, Progress, Trial, Workers};
use blackstart_report::recovery::Outage;
use blackstart_report::validation::{SinglePoint, Tried};
use blackstart_rt::Set;
use blackstart_runbook::execute::Verdict;

/// Runs for all of it, unless everything is asked for.
const RUNS: usize = 90;
/// Those of them that may go into the first look.
const FIRST_LOOK: usize = 60;
/// Seeds on which what stopped two runs is confirmed, at most.
const CONFIRMED: usize = 10;
/// Elements that are lost together at first.
const TOGETHER: usize = 16;

/// Elements without which no run tried gets through, and what was tried.
pub(crate) fn find(
    base: &Base<'_>,
    depth: Depth,
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<(Vec<SinglePoint>, Tried), Error> {
    let limit = |runs| if depth == Depth::Thorough { usize::MAX } else { runs };
    let seeds = seeds(base.trials);
    let (screened, further) = seeds.split_at(2.min(seeds.len()));
    let elements = elements(base.scenario);
    let lost_on = |elements: &[Element], seed: u64| {
        let trial = steps_alone(&without(base.scenario, elements), base.runbook, seed);
        progress.done();
        trial.map(|trial| trial.is_stopped().then_some(trial))
    };
    let is_measured = base.trials.iter().any(|trial| trial.outage != Outage::None);
    let (mut runs, mut untried) = (0, 0);
    let mut stopping: Vec<(Element, Trial)> = Vec::new();
    let mut groups = groups(base, &elements);
    while let (false, Some(seed)) = (groups.is_empty(), screened.first()) {
        let room = limit(FIRST_LOOK) - runs;
        untried += groups.drain(room.min(groups.len())..).map(|group| group.len()).sum::<usize>();
        progress.planned(groups.len());
        runs += groups.len();
        let ends = workers.each(&groups, |group| lost_on(group, *seed))?;
        let mut halves = Vec::new();
        for (group, end) in groups.into_iter().zip(ends) {
            match (&group[..], end) {
                (_, None) => {}
                // Without it there is nothing to recover from.
                ([_], Some(trial)) if is_measured && trial.outage == Outage::None => {}
                ([alone], Some(trial)) => stopping.push((alone.clone(), trial)),
                (several, Some(_)) => {
                    let (a, b) = several.split_at(several.len() / 2);
                    halves.extend([a.to_vec(), b.to_vec()]);
                }
            }
        }
        groups = halves;
    }
    for seed in screened.iter().skip(1) {
        runs += stopping.len();
        retain(&mut stopping, *seed, &lost_on, workers, progress)?;
    }
    let room = limit(RUNS).saturating_sub(runs) / stopping.len().max(1);
    let confirmed = &further[..further.len().min(room).min(limit(CONFIRMED - screened.len()))];
    for seed in confirmed {
        runs += stopping.len();
        retain(&mut stopping, *seed, &lost_on, workers, progress)?;
    }
    let order = |element: &Element| elements.iter().position(|one| one == element);
    stopping.sort_by_key(|(element, _)| order(element));
    let tried = Tried {
        elements: elements.len() - untried,
        untried,
        screened: screened.to_vec(),
        confirmed: [screened, confirmed].concat(),
        runs,
    };
    let points = stopping.iter().map(|(element, first)| point(element, first, tried.confirmed.len()));
    Ok((points.collect(), tried))
}

/// Keeps those without which the run of this seed stops too.
fn retain(
    stopping: &mut Vec<(Element, Trial)>,
    seed: u64,
    lost_on: &(impl Fn(&[Element], u64) -> Result<Option<Trial>, blackstart_sim::Error> + Sync),
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<(), Error> {
    progress.planned(stopping.len());
    let ends = workers.each(stopping, |(element, _)| lost_on(std::slice::from_ref(element), seed))?;
    let mut stops = ends.into_iter().map(|end| end.is_some());
    stopping.retain(|_| stops.next() == Some(true));
    Ok(())
}

/// Seeds of the runs that complete, the earliest and the median first: runs that fail with nothing lost would say nothing.
fn seeds(trials: &[Trial]) -> Vec<u64> {
    let sorted = by_recovery(trials).into_iter().filter(|trial| trial.verdict == Verdict::Completed);
    let mut sorted: Vec<u64> = sorted.map(|trial| trial.seed).collect();
    let mut seeds = Vec::new();
    if !sorted.is_empty() {
        seeds.push(sorted.remove(0));
    }
    if !sorted.is_empty() {
        seeds.push(sorted.remove((sorted.len() - 1) / 2));
    }
    sorted.sort_unstable();
    seeds.extend(sorted);
    seeds
}

/// What is lost in the first runs: what the runs used alone, then what the runbook names alone, then the rest several at once,
/// links apart from what is not one.
fn groups(base: &Base<'_>, elements: &[Element]) -> Vec<Vec<Element>> {
    let used = used(base);
    let is_used = |element: &&Element| used.iter().any(|text| element.is_in(text));
    let is_named = |element: &&Element| element.is_in(base.runbook.file.text());
    let (used, rest): (Vec<&Element>, Vec<&Element>) = elements.iter().partition(is_used);
    let (named, rest): (Vec<&Element>, Vec<&Element>) = rest.into_iter().partition(is_named);
    let (links, rest): (Vec<&Element>, Vec<&Element>) =
        rest.into_iter().partition(|element| matches!(element, Element::Link(_)));
    let alone = used.into_iter().chain(named).map(|element| vec![element.clone()]);
    let together = [rest, links];
    let together = together.iter().flat_map(|elements| elements.chunks(TOGETHER));
    alone.chain(together.map(|chunk| chunk.iter().copied().cloned().collect())).collect()
}

/// Who and what the runs spent time with.
fn used<'a>(base: &Base<'a>) -> Set<&'a str> {
    let steps = base.trials.iter().flat_map(|trial| &trial.report.steps);
    steps.flat_map(|step| &step.spent).flat_map(|spent| [spent.who.as_str(), spent.what.as_str()]).collect()
}

fn point(element: &Element, first: &Trial, runs: usize) -> SinglePoint {
    let step = first.stopped_at().map(|(_, step)| step);
    SinglePoint {
        kind: element.kind(),
        name: element.name(),
        step: step.map(|step| step.id.clone()).unwrap_or_default(),
        chain: step.and_then(|step| step.blocked_on.clone()).unwrap_or_default(),
        runs,
    }
}
