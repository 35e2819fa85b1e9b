//! The record of a scenario's day beside its own run: same seed, its own runbook.

use crate::phases::phases;
use crate::{Error, Plan, default_or_named, perform, trial};
use blackstart_report::comparison::{Lived, page};
use blackstart_scenario::Scenario;

/// Runs the scenario with its own seed and runbook and writes the page.
///
/// # Errors
/// When people try no runbook here; when the engine refuses.
pub fn compare(scenario: &Scenario) -> Result<String, Error> {
    let runbook = default_or_named(scenario, None)?;
    let night = perform(scenario, &Plan::default(), |_| {})?;
    let trial = trial(scenario, runbook, scenario.seed)?;
    let phases = phases(scenario, &trial);
    Ok(page(scenario, &Lived { outcome: &night.outcome, history: &night.history, phases: phases.as_ref() }))
}
