//! What came of a runbook: a verdict for each step and one for the whole.

use super::{Attempt, Failure};
use crate::step::Runbook;
use blackstart_rt::Set;
use blackstart_sim::Time;

/// What came of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepVerdict {
    /// It worked as written.
    Done,
    /// It worked another way, or the runbook went on elsewhere.
    FailedOver,
    /// Nobody could go on.
    Blocked,
    /// The runbook went past it.
    Skipped,
    /// Prose only: nothing to judge.
    Unchecked,
    /// The run never came to it.
    #[default]
    NotReached,
}

impl StepVerdict {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::FailedOver, Self::Blocked, Self::Skipped, Self::Unchecked, Self::NotReached];

    /// The word used in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::FailedOver => "failed-over",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
            Self::Unchecked => "unchecked",
            Self::NotReached => "not-reached",
        }
    }
}

/// On what a stretch of time went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spending {
    /// People who did something.
    People,
    /// Machines that talked to each other.
    Protocols,
    /// A signal that was waited for.
    Signal,
    /// A pause that the runbook prescribes.
    Hold,
}

/// A stretch of a step's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// On what kind of thing.
    pub on: Spending,
    /// The task, the machine, the signal.
    pub what: String,
    /// By whom; empty when by nobody.
    pub who: String,
    /// From when.
    pub from: Time,
    /// Until when.
    pub until: Time,
}

/// What came of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepReport {
    /// Step id.
    pub id: String,
    /// Its verdict.
    pub verdict: StepVerdict,
    /// When it began.
    pub started: Option<Time>,
    /// When it ended.
    pub ended: Option<Time>,
    /// Why it is not plainly done.
    pub blocked_on: Option<String>,
    /// What was tried in it and did not work.
    pub failed: Vec<Attempt>,
    /// Needs without a model that it used and that are not taken for granted.
    pub unmodelled: Set<String>,
    /// Where its time went, in order.
    pub spent: Vec<Spent>,
}

/// What came of the runbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every step was done, in time.
    Completed,
    /// Every step was done, later than an objective allows.
    Late,
    /// Some step could not be done, or the run ended first.
    Blocked,
    /// As blocked, and judged before the run: a step needs what can never be had in the broken world.
    Deadlocked,
    /// It rests on something that nobody modelled and the runbook does not take for granted; or nothing ever called for it.
    Inconclusive,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Completed, Self::Late, Self::Blocked, Self::Deadlocked, Self::Inconclusive];

    /// The word used in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Late => "late",
            Self::Blocked => "blocked",
            Self::Deadlocked => "deadlocked",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// A runbook's execution so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Which of the runbooks at hand it is.
    pub runbook: usize,
    /// How it was chosen; `None` when it is begun whatever is seen.
    pub choice: Option<StepReport>,
    /// Steps in the order of the file.
    pub steps: Vec<StepReport>,
    /// When the last step ended; `None` while it has not.
    pub finished: Option<Time>,
    /// Nobody goes on with it: it is finished or blocked, and what is still to come changes no step.
    pub over: bool,
    /// Waits that ran out, by where their signal stands in the runbook's file.
    pub ran_out: Set<usize>,
    /// Needs without a model that were used, and that the runbook takes for granted.
    pub assumed_up: Set<String>,
    /// Needs without a model that were used and are not taken for granted.
    pub unmodelled: Set<String>,
}

impl Report {
    pub(super) fn new(runbook: &Runbook) -> Self {
        let blank = |id: &str| StepReport { id: id.to_owned(), ..StepReport::default() };
        Self { steps: runbook.steps.iter().map(|step| blank(&step.id)).collect(), ..Self::default() }
    }

    /// The verdict, given that `late` says whether an objective was missed.
    #[must_use]
    pub fn verdict(&self, late: bool) -> Verdict {
        match self.finished {
            None if self.steps.iter().chain(&self.choice).all(|step| step.started.is_none()) => {
                Verdict::Inconclusive
            }
            None => Verdict::Blocked,
            Some(_) if !self.unmodelled.is_empty() || self.is_prose() => Verdict::Inconclusive,
            Some(_) if late => Verdict::Late,
            Some(_) => Verdict::Completed,
        }
    }

    /// Whether there is no step that anything could be said of.
    fn is_prose(&self) -> bool {
        self.steps.iter().all(|step| step.verdict == StepVerdict::Unchecked)
    }

    pub(super) fn assume(&mut self, index: usize, needs: &[String], taken_for_granted: &Set<&str>) {
        for need in needs {
            if taken_for_granted.contains(need.as_str()) {
                self.assumed_up.insert(need.clone());
                continue;
            }
            self.unmodelled.insert(need.clone());
            if let Some(step) = self.steps.get_mut(index) {
                step.unmodelled.insert(need.clone());
            }
        }
    }

    pub(super) fn begin(&mut self, index: usize, now: Time) {
        if let Some(step) = self.steps.get_mut(index) {
            step.started.get_or_insert(now);
            step.verdict = StepVerdict::Blocked;
            step.blocked_on = Some("the run ended while this step was under way".to_owned());
        }
    }

    pub(super) fn end(&mut self, index: usize, now: Time, verdict: StepVerdict, why: Option<Failure>) {
        if let Some(step) = self.steps.get_mut(index) {
            step.ended = Some(now);
            step.verdict = verdict;
            step.blocked_on = why.as_ref().map(|why| why.text.clone());
            step.failed.extend(why.into_iter().flat_map(|why| why.attempts));
        }
    }

    /// Notes what failed in a step that goes on.
    pub(super) fn failed(&mut self, index: usize, attempts: Vec<Attempt>) {
        if let Some(step) = self.steps.get_mut(index) {
            step.failed.extend(attempts);
        }
    }

    /// Notes that a step's time since `from` went on something. Once the step has ended nobody counts it.
    pub(super) fn spent(&mut self, index: usize, on: Spending, what: &str, who: &str, from: Time) {
        let until = Time::now();
        if let Some(step) = self.steps.get_mut(index).filter(|step| step.ended.is_none() && until > from) {
            step.spent.push(Spent { on, what: what.to_owned(), who: who.to_owned(), from, until });
        }
    }

    /// The last step is over: what was never begun was gone past.
    pub(super) fn finish(&mut self, now: Time) {
        self.finished = Some(now);
        for step in self.steps.iter_mut().filter(|step| step.started.is_none()) {
            step.verdict = StepVerdict::Skipped;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(steps: &[(StepVerdict, bool)], finished: bool) -> Report {
        let step = |&(verdict, begun): &(StepVerdict, bool)| StepReport {
            id: "step".into(),
            verdict,
            started: begun.then_some(Time::ZERO),
            ..StepReport::default()
        };
        let steps = steps.iter().map(step).collect();
        Report { steps, finished: finished.then_some(Time::ZERO), ..Report::default() }
    }

    #[test]
    fn each_verdict_has_its_cause() {
        let done = [(StepVerdict::Done, true)];
        assert_eq!(report(&done, true).verdict(false), Verdict::Completed);
        assert_eq!(report(&done, true).verdict(true), Verdict::Late);
        assert_eq!(report(&[(StepVerdict::Blocked, true)], false).verdict(false), Verdict::Blocked);
        assert_eq!(
            report(&[(StepVerdict::NotReached, false)], false).verdict(false),
            Verdict::Inconclusive,
            "not called for"
        );
        let prose = [(StepVerdict::Unchecked, true)];
        assert_eq!(report(&prose, true).verdict(false), Verdict::Inconclusive, "nothing was judged");
        let partly = [(StepVerdict::Unchecked, true), (StepVerdict::Done, true)];
        assert_eq!(report(&partly, true).verdict(false), Verdict::Completed);
    }

    #[test]
    fn a_need_without_a_model_is_inconclusive_unless_taken_for_granted() {
        let needs = ["roads".to_owned(), "satellite-phones".to_owned()];
        let mut granted = report(&[(StepVerdict::Done, true)], true);
        granted.assume(0, &needs, &Set::from(["roads", "satellite-phones"]));
        assert_eq!(granted.verdict(false), Verdict::Completed);
        assert_eq!(granted.assumed_up.len(), 2, "the verdict prints both");
        let mut open = report(&[(StepVerdict::Done, true)], true);
        open.assume(0, &needs, &Set::from(["roads"]));
        assert_eq!(open.verdict(false), Verdict::Inconclusive);
        assert_eq!(open.unmodelled, Set::from(["satellite-phones".to_owned()]));
        assert_eq!(open.steps[0].unmodelled, open.unmodelled, "and the step that used it");
    }
}
