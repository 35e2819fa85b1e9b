//! People doing a runbook inside the simulated world, step by step, with what they hold and from where they stand.
//!
//! A step acts through the simulated systems only: a door opens because its controller said so or because a guard turned a
//! key; a port comes up because a router took the command. What this code decides is who does it and how long people take.
//!
//! - [`run`]: one runbook from its first step to its verdict. Start here.
//! - [`Report`]: what came of it, step by step.
//! - [`Failure`], [`Attempt`]: why something did not work. [`Spent`]: where the time of a step went.
//! - `crew`: who does a step. `clock`: how long it takes them. `watch`: waiting for a signal.
//! - `gather`, `enter`, `console`, `ramp`: the actions.

mod clock;
mod console;
mod crew;
mod enter;
mod failure;
mod gather;
mod ramp;
mod report;
mod watch;

use crate::step::{Action, Body, Otherwise, Runbook, Step, Wait, Who};
use blackstart_rt as rt;
use blackstart_rt::Set;
use blackstart_sim::Time;
use blackstart_world::{Event, World};
pub use failure::{Attempt, Failure, Kind};
pub use report::{Report, Spending, Spent, StepReport, StepVerdict, Verdict};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// A step entered so often means that the runbook goes in a circle.
const ENTRIES_MAX: usize = 3;

/// A runbook being executed.
struct Incident {
    world: Rc<World>,
    runbook: Arc<Runbook>,
    report: Rc<RefCell<Report>>,
    clock: clock::Clock,
    /// People who act in the present step.
    crew: RefCell<Vec<String>>,
    /// What failed in the present step so far.
    tried: RefCell<Vec<Attempt>>,
    /// Shares of users admitted so far, in percent, for stepping back.
    admitted: RefCell<Vec<u32>>,
    /// Ports brought up by hand, for taking it back.
    restored: RefCell<Vec<(String, String)>>,
}

/// What to do after a step.
enum Next {
    Step,
    GoTo(usize),
    End,
}

/// Executes a runbook to its end, writing into `report` as it goes: a run that ends in the middle of a step leaves a report
/// of what was reached. To be spawned as a task of the world, not of a host.
pub async fn run(world: Rc<World>, runbook: Arc<Runbook>, report: Rc<RefCell<Report>>) {
    *report.borrow_mut() = Report::new(&runbook);
    let clock = clock::Clock::new(&world);
    let (crew, tried, admitted, restored) = Default::default();
    let incident = Incident { world, runbook, report, clock, crew, tried, admitted, restored };
    incident.all_steps().await;
    incident.report.borrow_mut().over = true;
}

impl Incident {
    async fn all_steps(&self) {
        let mut entries = vec![0; self.runbook.steps.len()];
        let mut index = 0;
        while let Some(step) = self.runbook.steps.get(index) {
            entries[index] += 1;
            if entries[index] > ENTRIES_MAX {
                self.end(step, StepVerdict::Blocked, Some("the runbook goes in a circle".to_owned().into()));
                return;
            }
            match self.step(step).await {
                Next::Step => index += 1,
                Next::GoTo(target) => index = target,
                Next::End => return,
            }
        }
        self.report.borrow_mut().finish(Time::now());
    }

    async fn step(&self, step: &Step) -> Next {
        let Some(body) = &step.body else {
            self.begin(step);
            self.end(step, StepVerdict::Unchecked, None);
            return Next::Step;
        };
        if let Some(after) = &body.after {
            let began = Time::now();
            let seen = self.seen(after, began + after.within).await;
            self.begin(step);
            self.report.borrow_mut().spent(Spending::Signal, &after.signal.text, "", began);
            if !seen {
                let text = format!("waited {} for {}", rough(after.within), self.as_seen(after));
                return self.otherwise(step, after, self.not_seen(after, began, text)).await;
            }
        } else {
            self.begin(step);
        }
        self.assume(&body.needs.iter().map(|need| need.text.clone()).collect::<Vec<_>>());
        let started = Time::now();
        let Some(until) = &body.until else {
            let acted = self.act(body).await;
            return self.plain_end(step, acted);
        };
        let acted = rt::time::timeout(until.within, self.act(body)).await;
        let acted = acted.unwrap_or_else(|_| Err(self.too_long(step, until, started)));
        if acted.is_ok() {
            let looking = Time::now();
            let seen = self.seen(until, started + until.within).await;
            self.report.borrow_mut().spent(Spending::Signal, &until.signal.text, "", looking);
            if !seen {
                let text = format!("{} after {}", self.as_seen(until), rough(until.within));
                let mut why = self.not_seen(until, looking, text);
                why.attempts.extend(acted.ok().flatten().map(|first| first.attempts).unwrap_or_default());
                return self.otherwise(step, until, why).await;
            }
        }
        match acted {
            Ok(_) => self.plain_end(step, acted),
            Err(why) => self.otherwise(step, until, why).await,
        }
    }

    fn too_long(&self, step: &Step, until: &Wait, began: Time) -> Failure {
        let text = format!("not done within {}", rough(until.within));
        let mut attempts = self.tried.take();
        attempts.push(Attempt::new(Kind::Limit, step.id.clone(), began, &text));
        Failure { text, attempts }
    }

    fn not_seen(&self, wait: &Wait, began: Time, text: String) -> Failure {
        let mut waits = self.signals(wait).into_iter().map(|signal| {
            let saw = self.value_of(&signal);
            Attempt::new(Kind::Wait, signal, began, saw)
        });
        Failure { text, attempts: waits.by_ref().collect() }
    }

    /// The end of a step that was seen to work, or that has nothing to see. `Ok(Some(..))` says which ways failed first.
    fn plain_end(&self, step: &Step, acted: Result<Option<Failure>, Failure>) -> Next {
        match acted {
            Ok(None) => self.end(step, StepVerdict::Done, None),
            Ok(failed_first) => self.end(step, StepVerdict::FailedOver, failed_first),
            Err(why) => {
                self.end(step, StepVerdict::Blocked, Some(why));
                return Next::End;
            }
        }
        Next::Step
    }

    /// What the runbook says to do when a wait ran out or the action failed.
    async fn otherwise(&self, step: &Step, wait: &Wait, why: Failure) -> Next {
        self.report.borrow_mut().ran_out.insert(wait.signal.span.start);
        match &wait.otherwise {
            Otherwise::Step(name) => {
                let target = self.runbook.steps.iter().position(|s| s.id == name.text);
                self.end(step, StepVerdict::FailedOver, Some(why));
                target.map_or(Next::Step, Next::GoTo)
            }
            Otherwise::Undo => {
                let undone = match step.body.as_ref().and_then(|body| body.undo.as_ref()) {
                    Some(undo) => self.perform(undo).await.map(|_| "taken back".to_owned()),
                    None => Ok("nothing to take back".to_owned()),
                };
                let undone = undone.unwrap_or_else(|failure| format!("could not be taken back: {failure}"));
                self.end(step, StepVerdict::Blocked, Some(why.in_words(|why| format!("{why}; {undone}"))));
                Next::End
            }
            Otherwise::PreviousPercent => {
                let back = self
                    .step_back()
                    .await
                    .unwrap_or_else(|failure| format!("could not step back: {failure}"));
                self.end(step, StepVerdict::Blocked, Some(why.in_words(|why| format!("{why}; {back}"))));
                Next::End
            }
            Otherwise::Escalate | Otherwise::Stop => {
                self.end(step, StepVerdict::Blocked, Some(why));
                Next::End
            }
        }
    }

    async fn act(&self, body: &Body) -> Result<Option<Failure>, Failure> {
        let crew = self.crew_for(&body.who)?;
        if let Who::Team { name, .. } = &body.who {
            let formed = self.world.with_state(|state| state.physical.teams.get(&name.text) == Some(&crew));
            if !formed {
                self.world.emit(&Event::TeamFormed { team: name.text.clone(), members: crew.clone() });
            }
        }
        *self.crew.borrow_mut() = crew;
        self.tried.borrow_mut().clear();
        self.perform(&body.action).await
    }

    /// Does one action. `Ok(Some(..))` when it worked after other ways had failed.
    async fn perform(&self, action: &Action) -> Result<Option<Failure>, Failure> {
        let done = |()| None;
        match action {
            Action::Observe { .. } => self.observe().await.map(done),
            Action::Convene { bridge, by, roles } => self.convene(bridge, by, roles).await.map(done),
            Action::Decide { what, record, site } => self.decide(what, record, site).await.map(done),
            Action::Travel { to, carry, alert } => self.travel(to, carry, alert.as_ref()).await.map(done),
            Action::Enter { door, ways } => self.enter(door, ways).await,
            Action::Login { by, on, with, second_factor } if by.text == "serial" => {
                self.login_serial(on, with, second_factor.as_ref()).await.map(done)
            }
            Action::Login { on, with, .. } => self.login_remote(on, with).await.map(done),
            Action::Compare { save } => self.compare(save.as_ref()).await.map(done),
            Action::Apply { what, on, first, hold, isolate, admit, .. } if what.text == "last-good" => {
                let order = console::Restore {
                    on,
                    first: *first,
                    hold: *hold,
                    isolate: isolate.as_ref(),
                    admit: *admit,
                };
                self.restore(&order).await.map(done)
            }
            Action::Apply { .. } => self.take_back().await.map(done),
            Action::Admit { percents, hold, stop_errors_percent } => {
                self.admit(percents, *hold, *stop_errors_percent).await.map(done)
            }
            Action::Post { on, text } => self.post(on, text).await.map(done),
        }
    }

    /// Notes what failed, for when the step's time runs out before it is told otherwise.
    fn note_failed(&self, why: &Failure) {
        self.tried.borrow_mut().extend(why.attempts.iter().cloned());
    }

    /// Notes needs that have no model: the verdict says so.
    fn assume(&self, needs: &[String]) {
        let known: Set<&str> = self.runbook.assumes_up.iter().map(|name| name.text.as_str()).collect();
        self.report.borrow_mut().assume(needs, &known);
    }

    fn begin(&self, step: &Step) {
        self.report.borrow_mut().begin(&step.id, Time::now());
        self.world.emit(&Event::StepStarted { step: step.id.clone() });
    }

    fn end(&self, step: &Step, verdict: StepVerdict, why: Option<Failure>) {
        let text = why.as_ref().map(|why| why.text.clone());
        self.report.borrow_mut().end(&step.id, Time::now(), verdict, why);
        let verdict = verdict.word().to_owned();
        self.world.emit(&Event::StepEnded { step: step.id.clone(), verdict, why: text });
    }

    /// Runs `work` on the machine with this name, as a program that somebody starts there, and waits for it.
    async fn on_machine<T: 'static>(
        &self,
        machine: &str,
        work: impl Future<Output = T> + 'static,
    ) -> Result<T, Failure> {
        let known =
            self.world.wiring.machine(machine).ok_or_else(|| format!("there is no machine `{machine}`"))?;
        let began = Time::now();
        let task = blackstart_sim::control::spawn_on(known.node, "person", work);
        let done = task.await;
        self.report.borrow_mut().spent(Spending::Protocols, machine, "", began);
        done.map_err(|_| {
            let text = format!("{machine} is dark");
            Failure::of(text.clone(), Attempt::new(Kind::Connect, machine, began, text).from(machine))
        })
    }
}

/// A duration in words: `1h30m`, `45m`, `20s`.
fn rough(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes:02}m"),
    }
}

/// Sleeps in simulated time.
async fn sleep(duration: std::time::Duration) {
    rt::time::sleep(duration).await;
}
