//! Each variant of a scenario, run beside the scenario as it is and held to what it expects.

use crate::{Error, Night, Plan, Progress, Workers, perform};
use blackstart_report::expected::{Seen, Variant, Variants, judge};
use blackstart_scenario::{Scenario, variants as names_of};
use std::path::Path;

/// Runs the scenario at `path` as it is and with each variant, all with the scenario's own seed.
///
/// # Errors
/// What is wrong with the scenario or a variant; a refusal of the engine.
pub fn variants(path: &Path, workers: &Workers, progress: &dyn Progress) -> Result<Variants, Error> {
    let names = names_of(path);
    progress.planned(names.len() + 1);
    let base = played(&Scenario::load(path, None)?, progress)?;
    let (seed, scenario) = (base.outcome.seed, base.outcome.scenario.clone());
    let base = (base.outcome, base.history);
    let variants = workers.each(&names, |name| {
        let scenario = Scenario::load(path, Some(name))?;
        let night = played(&scenario, progress)?;
        let variant = Seen { outcome: &night.outcome, history: &night.history };
        let base = Seen { outcome: &base.0, history: &base.1 };
        Ok::<_, Error>(Variant {
            name: name.clone(),
            expects: scenario.expects.clone().unwrap_or_default(),
            expectations: judge(&scenario.expectations, variant, base),
        })
    })?;
    Ok(Variants { scenario, seed, variants })
}

fn played(scenario: &Scenario, progress: &dyn Progress) -> Result<Night, Error> {
    let night = perform(scenario, &Plan::default(), |_| {})?;
    progress.done();
    Ok(night)
}
