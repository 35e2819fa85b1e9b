//! A finished run to its outcome.

use crate::outcome::{Invariant, Milestone, Milestones, RunOutcome, Runbook, Step, Variant};
use crate::recovery::Outage;
use crate::utc::moment;
use blackstart_judge::End;
use blackstart_runbook::execute::{Report, Verdict};
use blackstart_runbook::step;
use blackstart_scenario::{Needs, Run, Scenario};
use blackstart_world::milestone;
use jiff::Timestamp;
use std::time::Duration;

/// Judges a run as far as it has come. `wall_s` is 0: whoever may read the wall clock fills it in.
#[must_use]
pub fn judge(scenario: &Scenario, seed: u64, run: &Run) -> RunOutcome {
    let counts = scenario.counts();
    let outage = run.world.with_state(|state| Outage::of(&state.history));
    let runbook = run.runbook();
    RunOutcome {
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        variant: scenario.variant.clone().map(|name| Variant { name, expects: scenario.expects.clone() }),
        start: scenario.start,
        seed,
        driver: run.sim.driver().name(),
        hosts: counts.hosts,
        ases: counts.ases,
        simulated_s: run.sim.now().since_start().as_secs_f64(),
        wall_s: 0.0,
        packets: run.sim.packets(),
        records: run.sim.record_count(),
        log_hash: format!("{:016x}", run.sim.log_hash()),
        milestones: milestones(scenario, run),
        invariants: invariants(scenario.start, run),
        runbooks: runbook
            .map(|(book, report)| of_runbook(scenario, book, &report, outage))
            .into_iter()
            .collect(),
        unserved_since: match outage {
            Outage::Lasting { from } => Some(moment(scenario.start, from)),
            Outage::None | Outage::Over { .. } => None,
        },
        not_modelled: scenario.not_modelled.clone(),
    }
}

fn milestones(scenario: &Scenario, run: &Run) -> Milestones {
    let judged = run.world.with_state(|state| milestone::judge(&scenario.milestones, &state.history));
    let row = |(stated, outcome): (&milestone::Milestone, &milestone::Outcome)| Milestone {
        id: outcome.id.clone(),
        what: stated.what.clone(),
        kind: stated.kind.word(),
        expected: outcome.expected.map(|at| moment(scenario.start, at)),
        observed: outcome.observed.map(|at| moment(scenario.start, at)),
        off_by_s: outcome.off_by_s().map(to_milliseconds),
        met: outcome.met,
    };
    let rows: Vec<Milestone> = scenario.milestones.iter().zip(&judged).map(row).collect();
    Milestones { met: rows.iter().filter(|row| row.met).count(), total: rows.len(), rows }
}

/// Seconds without the digits that a sum of floating-point numbers leaves behind.
fn to_milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn invariants(start: Timestamp, run: &Run) -> Vec<Invariant> {
    let row = |outcome: blackstart_judge::Outcome| Invariant {
        name: outcome.name,
        holds: outcome.first_violation.is_none(),
        first_violation: outcome.first_violation.as_ref().map(|(at, _)| moment(start, *at)),
        saw: outcome.first_violation.map(|(_, saw)| saw),
    };
    outcomes(run).into_iter().map(row).collect()
}

/// What came of everything that must hold, where the run stands now.
#[must_use]
pub fn outcomes(run: &Run) -> Vec<blackstart_judge::Outcome> {
    let report = run.runbook().map(|(_, report)| report);
    let done = report.as_ref().and_then(|report| report.finished);
    let began = report.is_some_and(|report| report.steps.iter().any(|step| step.started.is_some()));
    let now = run.sim.now();
    run.world.with_state(|state| {
        let end = End { now, history: &state.history, began, done };
        run.judges.borrow_mut().outcomes(&end)
    })
}

/// What was seen comes first: only a runbook that was blocked is asked whether it could ever have worked.
#[must_use]
pub fn verdict(scenario: &Scenario, book: &step::Runbook, report: &Report, outage: Outage) -> Verdict {
    // Without an objective, too, a service that never comes back was not restored.
    let never = !book.restores.is_empty() && matches!(outage, Outage::Lasting { .. });
    match report.verdict(never || outage.missed(objective(scenario, book))) {
        Verdict::Blocked if matches!(scenario.needs(book), Needs::Deadlocked { .. }) => Verdict::Deadlocked,
        seen => seen,
    }
}

fn of_runbook(scenario: &Scenario, book: &step::Runbook, report: &Report, outage: Outage) -> Runbook {
    let objective = objective(scenario, book);
    let at = |time: Option<blackstart_sim::Time>| time.map(|time| moment(scenario.start, time));
    let line = |id: &str| book.steps.iter().find(|step| step.id == id).map_or(1, |step| step.line);
    let step = |step: &blackstart_runbook::execute::StepReport| Step {
        id: step.id.clone(),
        verdict: step.verdict.word(),
        started: at(step.started),
        ended: at(step.ended),
        blocked_on: step.blocked_on.clone(),
        place: format!("{}:{}", book.file.name(), line(&step.id)),
        failed: step.failed.clone(),
        unmodelled: step.unmodelled.iter().cloned().collect(),
        spent: step.spent.clone(),
    };
    Runbook {
        name: book.name.clone(),
        verdict: verdict(scenario, book, report, outage).word(),
        achieved_recovery_s: outage.recovery().map(|took| took.as_secs_f64()),
        objective_s: objective.map(|objective| objective.as_secs_f64()),
        assumed_up: report.assumed_up.iter().cloned().collect(),
        unmodelled: report.unmodelled.iter().cloned().collect(),
        steps: report.choice.iter().chain(&report.steps).map(step).collect(),
    }
}

/// The time in which the runbook must have everything back: the largest objective among the services that it says it
/// restores, by their names.
#[must_use]
pub fn objective(scenario: &Scenario, book: &step::Runbook) -> Option<Duration> {
    book.restores.iter().filter_map(|service| scenario.objectives.get(&service.text)).max().copied()
}
