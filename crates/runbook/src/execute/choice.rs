//! Choosing a runbook: somebody sees what its `use-when` says, looks again, and takes the first that fits.

use super::{
    Event, Failure, Incident, Report, Runbook, Spending, Spent, StepReport, StepVerdict, Time, World,
};
use super::{clock, sleep, watch};
use crate::step::CHOICE;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// What those who choose have before them.
pub(super) struct Choice<'a> {
    pub(super) world: &'a Rc<World>,
    /// All of these have a trigger, unless there is only one.
    pub(super) runbooks: &'a [Arc<Runbook>],
    pub(super) clock: &'a Rc<clock::Clock>,
    pub(super) report: &'a Rc<RefCell<Report>>,
}

impl Choice<'_> {
    /// The incident of the runbook that is taken up; `None` when there is none to take up or nobody to do it.
    pub(super) async fn made(&self) -> Option<Incident> {
        let first = self.runbooks.first()?;
        *self.report.borrow_mut() = Report::new(first);
        if first.use_when.is_empty() {
            return Some(self.incident(0));
        }
        let step = StepReport { id: CHOICE.to_owned(), ..StepReport::default() };
        self.report.borrow_mut().choice = Some(step.clone());
        match self.person(self.seen().await) {
            Ok(person) => self.taken_up(step, person).await,
            Err(why) => self.ended(step, StepVerdict::Blocked, Some(why)),
        }
    }

    /// From the alarm to the runbook: whoever has noticed looks again, and goes on watching when it has passed.
    async fn taken_up(&self, mut step: StepReport, person: String) -> Option<Incident> {
        let from = Time::now();
        step.started = Some(from);
        self.report.borrow_mut().choice = Some(step.clone());
        self.world.emit(&Event::StepStarted { step: CHOICE.to_owned() });
        match self.incident(0).length(&person, "notice") {
            Ok(length) => sleep(length).await,
            Err(why) => return self.ended(step, StepVerdict::Blocked, Some(why)),
        }
        let (what, until) = ("notice".to_owned(), Time::now());
        step.spent.push(Spent { on: Spending::People, what, who: person.clone(), from, until });
        let index = self.seen().await;
        let runbook = &self.runbooks[index];
        *self.report.borrow_mut() = Report { runbook: index, ..Report::new(runbook) };
        self.world.emit(&Event::TookUp { person, runbook: runbook.name.clone() });
        self.ended(step, StepVerdict::Done, None);
        Some(self.incident(index))
    }

    /// Notes how the choice ended. Without a runbook there is no incident.
    fn ended(&self, mut step: StepReport, verdict: StepVerdict, why: Option<Failure>) -> Option<Incident> {
        let text = why.as_ref().map(|why| why.text.clone());
        step.verdict = verdict;
        step.started.get_or_insert_with(Time::now);
        step.ended = Some(Time::now());
        step.blocked_on.clone_from(&text);
        step.failed = why.map(|why| why.attempts).unwrap_or_default();
        self.report.borrow_mut().choice = Some(step);
        let verdict = verdict.word().to_owned();
        self.world.emit(&Event::StepEnded { step: CHOICE.to_owned(), verdict, why: text });
        None
    }

    /// Waits until the trigger of some runbook holds; the first of those.
    async fn seen(&self) -> usize {
        let holds =
            |runbook: &Arc<Runbook>| runbook.use_when.iter().all(|seen| watch::holds(self.world, seen));
        loop {
            let changed = self.world.changed();
            if let Some(index) = self.runbooks.iter().position(holds) {
                return index;
            }
            changed.await;
        }
    }

    /// Who begins this runbook.
    fn person(&self, index: usize) -> Result<String, Failure> {
        let who = self.runbooks[index].beginner();
        let who = who.ok_or_else(|| "nobody does any step of this runbook".to_owned())?;
        let crew = self.incident(index).crew_for(who)?;
        crew.into_iter().next().ok_or_else(|| "nobody does the first step".to_owned().into())
    }

    fn incident(&self, index: usize) -> Incident {
        let (world, runbook) = (self.world.clone(), self.runbooks[index].clone());
        let (report, clock) = (self.report.clone(), self.clock.clone());
        let sessions = Rc::new(RefCell::new(world.wiring.sessions.clone()));
        let (open, crew, tried, admitted, restored, afar, tunnels, known, calls) = Default::default();
        Incident {
            world,
            runbook,
            report,
            clock,
            admitted,
            afar,
            tunnels,
            sessions,
            known,
            calls,
            restored,
            open,
            crew,
            tried,
        }
    }
}
