//! One change at a time, on the same seeds: what would it have helped?
//!
//! Changes are the scenario's variants, and those that can be made to any scenario: see `changes`.

mod changes;
mod elsewhere;

use crate::validate::{count, recovery};
use crate::{Error, Progress, Seeds, Trial, Workers, named};
use blackstart_report::mitigation::{Mitigated, Mitigation};
use blackstart_runbook::step::Runbook;
use blackstart_scenario::Scenario;
pub use changes::{Change, Changes, changes};
use std::sync::Arc;

/// Runs the scenario as it is, then with each change, and ranks them. `wall_s` is 0: whoever may read the wall clock fills it
/// in.
///
/// # Errors
/// When the engine refuses.
pub fn mitigate(
    scenario: &Scenario,
    runbook: &Arc<Runbook>,
    seeds: Seeds,
    changes: &Changes,
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<Mitigation, Error> {
    let all = seeds.all();
    progress.planned(all.len() * changes.made.len());
    let base = workers.trials(scenario, runbook, &all, progress)?;
    let mut changed = Vec::new();
    for change in &changes.made {
        let trials = runs_with(change, &runbook.name, &all, workers, progress)?;
        changed.push(compared(change, &base, &trials));
    }
    rank(&mut changed);
    Ok(Mitigation {
        scenario: scenario.name.clone(),
        variant: scenario.variant.clone(),
        runbook: runbook.name.clone(),
        seeds: seeds.to_string(),
        runs: all.len(),
        wall_s: 0.0,
        verdicts: count(&base),
        recovery_s: recovery(&base),
        changes: changed,
        left_out: changes.left_out.clone(),
    })
}

/// One run with the change for each seed. A variant may come with another text of the same runbook.
pub(crate) fn runs_with(
    change: &Change,
    runbook: &str,
    seeds: &[u64],
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<Vec<Trial>, Error> {
    let runbook = named(&change.scenario, runbook)?;
    workers.each(seeds, |seed| {
        let trial = crate::trial(&change.scenario, runbook, *seed);
        progress.done();
        trial
    })
}

/// Those that unblock most runs first, then those that save most time.
pub(crate) fn rank(changes: &mut [Mitigated]) {
    let gain = |it: &Mitigated| it.gain_s.unwrap_or(0.0);
    changes.sort_by(|a, b| b.blocked_removed.cmp(&a.blocked_removed).then(gain(b).total_cmp(&gain(a))));
}

/// What a change did to each seed.
pub(crate) fn compared(change: &Change, base: &[Trial], changed: &[Trial]) -> Mitigated {
    let (before, after) = (count(base), count(changed));
    Mitigated {
        kind: change.kind,
        name: change.name.clone(),
        verdicts: after,
        recovery_s: recovery(changed),
        blocked_removed: before.stopped() as i64 - after.stopped() as i64,
        gain_s: median_gain(base, changed),
    }
}

/// The median, over seeds that recover with and without the change, of how much sooner they do with it.
fn median_gain(base: &[Trial], changed: &[Trial]) -> Option<f64> {
    let pairs = base.iter().zip(changed);
    let gain = |(before, after): (&Trial, &Trial)| {
        Some(before.recovery()?.as_secs_f64() - after.recovery()?.as_secs_f64())
    };
    let mut gains: Vec<f64> = pairs.filter_map(gain).collect();
    gains.sort_by(f64::total_cmp);
    gains.get(crate::statistics::rank(gains.len(), 0.5)?).copied()
}
