//! One run of many: its states are kept, its log is not.

use blackstart_report::judge;
use blackstart_report::recovery::Outage;
use blackstart_runbook::execute::{Report, StepReport, StepVerdict, Verdict};
use blackstart_runbook::step::Runbook;
use blackstart_scenario::{LONGER, Run, Scenario, build_without_log};
use blackstart_sim::{Error, Time};
use std::sync::Arc;
use std::time::Duration;

/// Simulated time between two looks at the progress, and at whether anything can still change the verdict. The same for
/// everybody: looking must not change the run.
const SLICE: Duration = Duration::from_secs(60);

/// What a run of many leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Its seed.
    pub seed: u64,
    /// What came of the runbook.
    pub verdict: Verdict,
    /// What users went through.
    pub outage: Outage,
    /// What came of each step.
    pub report: Report,
}

impl Trial {
    /// Whether some step could not be done.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.verdict, Verdict::Blocked | Verdict::Deadlocked)
    }

    /// The step at which it stopped, with its place in the runbook.
    #[must_use]
    pub fn stopped_at(&self) -> Option<(usize, &StepReport)> {
        let mut steps = self.report.steps.iter().enumerate();
        steps.rfind(|(_, step)| step.verdict == StepVerdict::Blocked).filter(|_| self.is_stopped())
    }

    /// Achieved recovery time; `None` means never: the runbook was not carried out to its end, or users were not back.
    #[must_use]
    pub fn recovery(&self) -> Option<Duration> {
        match self.verdict {
            Verdict::Completed | Verdict::Late => self.outage.recovery(),
            _ => None,
        }
    }
}

/// Runs `scenario` with `seed` until its verdict is known: to the scenario's end; less far when the runbook is blocked
/// before; further, up to twice as far, when people are still at it then.
///
/// # Errors
/// When the engine refuses, as when this thread already holds a run.
pub fn trial(scenario: &Scenario, runbook: &Arc<Runbook>, seed: u64) -> Result<Trial, Error> {
    Ok(decided(&mut build_without_log(scenario, seed, Some(runbook))?, scenario, runbook, seed))
}

/// As [`trial`], and no further than until the runbook is over: whether its steps can be done, not when users are back. Late
/// counts as completed, deadlocked as blocked.
///
/// # Errors
/// As [`trial`].
pub(crate) fn steps_alone(scenario: &Scenario, runbook: &Arc<Runbook>, seed: u64) -> Result<Trial, Error> {
    let mut run = build_without_log(scenario, seed, Some(runbook))?;
    let is_over = |run: &Run| run.runbook().is_some_and(|(_, report)| report.over);
    let enough = |run: &Run, at_end| is_over(run) && outage(run) != Outage::None || is_decided(run, at_end);
    play(&mut run, scenario, enough, |_| {});
    let (outage, report) = (outage(&run), report(&run));
    Ok(Trial { seed, verdict: report.verdict(false), outage, report })
}

/// Lets a run that was built go on until its verdict is known.
pub(crate) fn decided(run: &mut Run, scenario: &Scenario, runbook: &Runbook, seed: u64) -> Trial {
    play(run, scenario, is_decided, |_| {});
    let (outage, report) = (outage(run), report(run));
    let verdict = judge::verdict(scenario, runbook, &report, outage);
    Trial { seed, verdict, outage, report }
}

/// Lets a run go on until it is `enough`, which is told whether the scenario's end is reached; `progress` is told how far it has
/// come. The scenario's own end is one of the stops: there a run is what `run` shows.
pub(crate) fn play(
    run: &mut Run,
    scenario: &Scenario,
    enough: impl Fn(&Run, bool) -> bool,
    mut progress: impl FnMut(Duration),
) {
    let (mut reached, end) = (Duration::ZERO, scenario.duration);
    while reached < end * LONGER && !enough(run, reached >= end) {
        reached = if reached < end { end.min(reached + SLICE) } else { reached + SLICE };
        run.sim.run_until(Time::ZERO + reached);
        progress(reached);
    }
}

fn outage(run: &Run) -> Outage {
    run.world.with_state(|state| Outage::of(&state.history))
}

fn report(run: &Run) -> Report {
    run.runbook().map(|(_, report)| report.clone()).unwrap_or_default()
}

/// Whether nothing can change the verdict any more; `at_end` when the scenario's end is reached.
pub(crate) fn is_decided(run: &Run, at_end: bool) -> bool {
    let Some((_, report)) = run.runbook() else { return at_end };
    let is_blocked = report.over && report.finished.is_none();
    let is_under_way = !report.over && report.steps.iter().any(|step| step.started.is_some());
    let is_out = || matches!(outage(run), Outage::Lasting { .. });
    // Whoever stops before the outage stopped nothing if it never comes.
    is_blocked && (at_end || outage(run) != Outage::None) || at_end && !is_under_way && !is_out()
}
