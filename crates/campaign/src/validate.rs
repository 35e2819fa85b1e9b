//! Can people carry this runbook out? The same runbook over many seeds, counted.

use crate::fuzz::attempt::without_numbers;
use crate::mitigate::Change;
use crate::phases::phases;
use crate::statistics::{rank, rank_interval, share_interval};
use crate::{Error, Progress, Seeds, Trial, Workers, flips, record, remedies, single_points};
use blackstart_report::judge::objective;
use blackstart_report::validation::{
    BlockingStep, Conclusion, Coverage, Quantile, Recovery, Validation, Verdicts,
};
use blackstart_rt::{Map, Set};
use blackstart_runbook::execute::Verdict;
use blackstart_runbook::step::Runbook;
use blackstart_scenario::Scenario;
use std::sync::Arc;
use std::time::Duration;

/// Reasons for stopping that are followed down to faults.
const EXPLAINED_MAX: usize = 4;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The scenario, its variant applied.
    pub scenario: &'a Scenario,
    /// The runbook.
    pub runbook: &'a Arc<Runbook>,
    /// One run for each.
    pub seeds: Seeds,
    /// Share of runs that must complete.
    pub required: f64,
    /// How much is asked beyond one run for each seed.
    pub depth: Depth,
    /// Changes and hypotheses of which a few are tried; see [`changes`](crate::mitigate::changes).
    pub changes: &'a [Change],
}

/// How much is asked beyond one run for each seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Nothing.
    Quick,
    /// Single points, assumptions that flip the verdict, changes and hypotheses, within a fixed number of runs.
    Usual,
    /// All of them, however many runs that takes; single points are confirmed on every seed.
    Thorough,
}

/// What further runs are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) runbook: &'a Arc<Runbook>,
    pub(crate) trials: &'a [Trial],
}

/// Runs the campaign and counts. `wall_s` is 0: whoever may read the wall clock fills it in.
///
/// # Errors
/// When the engine refuses.
pub fn validate(
    question: &Question<'_>,
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<Validation, Error> {
    let Question { scenario, runbook, seeds, required, depth, changes } = question;
    let trials = workers.trials(scenario, runbook, &seeds.all(), progress)?;
    let verdicts = count(&trials);
    let base = Base { scenario, runbook, trials: &trials };
    let mut stopped = blocking_steps(runbook, &trials);
    explain(&base, &mut stopped, workers, progress)?;
    let asked = remedies::Asked { base: &base, changes, depth: *depth };
    let fixes = asked.fixes(stopped.first(), workers, progress)?;
    let looks_further = *depth != Depth::Quick && verdicts.conclusion() == Conclusion::Executable;
    let fragility = match looks_further {
        true => Some(single_points::find(&base, *depth, workers, progress)?),
        false => None,
    };
    let flips = match looks_further {
        true => Some(flips::find(&base, *depth, workers, progress)?),
        false => None,
    };
    let changes = if looks_further { asked.savings(workers, progress)? } else { None };
    let hypotheses = asked.hypotheses(workers, progress)?;
    let (single_points, single_points_tried) = fragility.unzip();
    Ok(Validation {
        scenario: scenario.name.clone(),
        variant: scenario.variant.clone(),
        runbook: runbook.name.clone(),
        seeds: seeds.to_string(),
        runs: trials.len(),
        wall_s: 0.0,
        required: *required,
        completed_interval: share_interval(verdicts.completed, trials.len()),
        verdicts,
        objective_s: objective(scenario, runbook).map(|objective| objective.as_secs_f64()),
        recovery_s: recovery(&trials),
        phases: median(&trials).and_then(|trial| phases(scenario, trial)),
        blocking_steps: stopped,
        single_points: single_points.unwrap_or_default(),
        single_points_tried,
        flips,
        fixes,
        changes,
        hypotheses,
        coverage: coverage(runbook, &trials),
        assumed_up: names(&trials, |trial| &trial.report.assumed_up),
        unmodelled: names(&trials, |trial| &trial.report.unmodelled),
        not_modelled: scenario.not_modelled.clone(),
    })
}

pub(crate) fn count(trials: &[Trial]) -> Verdicts {
    let of = |verdict| trials.iter().filter(|trial| trial.verdict == verdict).count();
    Verdicts {
        completed: of(Verdict::Completed),
        late: of(Verdict::Late),
        blocked: of(Verdict::Blocked),
        deadlocked: of(Verdict::Deadlocked),
        inconclusive: of(Verdict::Inconclusive),
    }
}

/// Trials by recovery time, those that never recovered last, equals by seed.
pub(crate) fn by_recovery(trials: &[Trial]) -> Vec<&Trial> {
    let mut sorted: Vec<&Trial> = trials.iter().collect();
    sorted.sort_by_key(|trial| (trial.recovery().unwrap_or(Duration::MAX), trial.seed));
    sorted
}

/// Seeds of the runs at the quartiles; the last is the median run.
pub(crate) fn quartiles(trials: &[Trial]) -> Vec<u64> {
    let sorted = by_recovery(trials);
    let at = |p| Some(sorted.get(rank(sorted.len(), p)?)?.seed);
    let mut seeds: Vec<u64> = Vec::new();
    for seed in [0.5, 0.75, 0.25].into_iter().filter_map(at) {
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
    }
    seeds.reverse();
    seeds
}

/// One real run: the one whose recovery is the lower median. Medians of single steps would not add up.
fn median(trials: &[Trial]) -> Option<&Trial> {
    by_recovery(trials).get(rank(trials.len(), 0.5)?).copied()
}

pub(crate) fn recovery(trials: &[Trial]) -> Recovery {
    let sorted = by_recovery(trials);
    let at = |rank: Option<usize>| Some(sorted.get(rank?)?.recovery()?.as_secs_f64());
    let quantile = |p| {
        let (low, high) = rank_interval(sorted.len(), p);
        Quantile { value: at(rank(sorted.len(), p)), low: at(low), high: at(high) }
    };
    Recovery::new(quantile(0.05), quantile(0.5), quantile(0.95))
}

/// Runs that stopped, by step and by what they stopped on; most runs first.
fn blocking_steps(runbook: &Runbook, trials: &[Trial]) -> Vec<BlockingStep> {
    let mut groups: Map<(usize, String), BlockingStep> = Map::new();
    for trial in trials {
        let Some((index, step)) = trial.stopped_at() else { continue };
        let why = step.blocked_on.clone().unwrap_or_default();
        let group = groups.entry((index, without_numbers(&why))).or_insert_with(|| BlockingStep {
            id: step.id.clone(),
            line: runbook.steps[index].line,
            runs: 0,
            seed: trial.seed,
            chain: why,
        });
        group.runs += 1;
    }
    let mut groups: Vec<BlockingStep> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.runs));
    groups
}

/// The first groups' reasons down to faults, by the evidence of their first runs, which are done again for it. Groups with the
/// same causes become one. A reason stays as it is where the evidence says nothing.
fn explain(
    base: &Base<'_>,
    groups: &mut Vec<BlockingStep>,
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let rest = groups.split_off(groups.len().min(EXPLAINED_MAX));
    progress.planned(groups.len());
    let trees = workers.each(groups, |group| {
        let tree = record::tree(base.scenario, &base.runbook.name, group);
        progress.done();
        tree
    })?;
    let mut merged: Map<(String, String), BlockingStep> = Map::new();
    for (mut group, tree) in groups.drain(..).zip(trees) {
        let tree = Some(tree).filter(|tree| !tree.causes.is_empty());
        group.chain = tree.as_ref().map_or(group.chain, |tree| tree.chain(record::CHAIN_COLUMNS));
        let key = tree.map_or_else(|| group.chain.clone(), |tree| tree.key());
        match merged.get_mut(&(group.id.clone(), key.clone())) {
            Some(same) => same.runs += group.runs,
            None => drop(merged.insert((group.id.clone(), key), group)),
        }
    }
    groups.extend(merged.into_values().chain(rest));
    groups.sort_by_key(|group| std::cmp::Reverse(group.runs));
    Ok(())
}

fn coverage(runbook: &Runbook, trials: &[Trial]) -> Coverage {
    let executed = |id: &str| {
        let mut steps = trials.iter().flat_map(|trial| &trial.report.steps);
        steps.any(|step| step.id == id && step.started.is_some())
    };
    let bodies = runbook.steps.iter().filter_map(|step| step.body.as_ref());
    let waits = bodies.flat_map(|body| body.after.iter().chain(&body.until));
    let ran_out: Set<usize> = trials.iter().flat_map(|trial| trial.report.ran_out.iter().copied()).collect();
    Coverage {
        steps: runbook.steps.len(),
        executed: runbook.steps.iter().filter(|step| executed(&step.id)).count(),
        branches: waits.clone().count(),
        branches_taken: waits.filter(|wait| ran_out.contains(&wait.seen.signal.span.start)).count(),
    }
}

fn names(trials: &[Trial], of: impl Fn(&Trial) -> &Set<String>) -> Vec<String> {
    let all: Set<&String> = trials.iter().flat_map(of).collect();
    all.into_iter().cloned().collect()
}
