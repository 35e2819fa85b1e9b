//! Runs of a campaign done again with evidence: the one that stands for all, and the first of each group that stopped.

use crate::{Error, Night, Plan, RunbookChoice, Workers, perform};
use blackstart_report::outcome::Step;
use blackstart_report::validation::{BlockingStep, Validation};
use blackstart_report::why::{Tree, causes};
use blackstart_scenario::Scenario;

/// Columns of a chain of causes.
pub(crate) const CHAIN_COLUMNS: usize = 180;

/// The run that stands for a campaign, with evidence: the median run; when that never recovered, the first that stopped at the
/// step where most did; when none stopped, the first.
///
/// # Errors
/// When the engine refuses.
pub fn shown(scenario: &Scenario, validation: &Validation, first_seed: u64) -> Result<Night, Error> {
    let median = validation.phases.as_ref().map(|phases| phases.seed);
    let stopped = validation.blocking_steps.first().map(|step| step.seed);
    again(scenario, &validation.runbook, median.or(stopped).unwrap_or(first_seed))
}

/// Why runs stopped, one tree for each group of `validation.blocking_steps`, from its first run.
///
/// # Errors
/// When the engine refuses.
pub fn stopped(scenario: &Scenario, validation: &Validation, workers: &Workers) -> Result<Vec<Tree>, Error> {
    workers.each(&validation.blocking_steps, |group| tree(scenario, &validation.runbook, group))
}

/// Why the group's first run stopped.
pub(crate) fn tree(scenario: &Scenario, runbook: &str, group: &BlockingStep) -> Result<Tree, Error> {
    let night = again(scenario, runbook, group.seed)?;
    let mut steps = night.outcome.runbooks.iter().flat_map(|runbook| &runbook.steps);
    let step = steps.find(|step| step.id == group.id).zip(night.evidence.as_ref());
    let nothing = || Tree { step: group.id.clone(), verdict: "blocked", causes: Vec::new() };
    Ok(step.map_or_else(nothing, |(step, evidence)| causes(step, evidence)))
}

/// The last step that stopped in this run, and why; `None` when none did.
pub(crate) fn why_stopped(
    scenario: &Scenario,
    runbook: &str,
    seed: u64,
) -> Result<Option<(Step, Tree)>, Error> {
    let night = again(scenario, runbook, seed)?;
    let mut steps = night.outcome.runbooks.iter().flat_map(|runbook| &runbook.steps);
    let stopped = steps.rfind(|step| step.verdict == "blocked").zip(night.evidence.as_ref());
    Ok(stopped.map(|(step, evidence)| (step.clone(), causes(step, evidence))))
}

fn again(scenario: &Scenario, runbook: &str, seed: u64) -> Result<Night, Error> {
    let runbook = RunbookChoice::Named(runbook.to_owned());
    let plan = Plan { seed: Some(seed), runbook, evidence: true, until_decided: true, ..Plan::default() };
    perform(scenario, &plan, |_| {})
}
