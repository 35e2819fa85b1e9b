//! People doing a runbook inside the simulated world, step by step, with what they hold and from where they stand.
//!
//! A step acts through the simulated systems only: a door opens because its controller said so or because a guard turned a
//! key; a port comes up because a router took the command. What this code decides is who does it and how long people take.
//!
//! - [`run`]: one runbook, or the one of several that fits, from its first step to its verdict. Start here.
//! - [`Report`]: what came of it, step by step.
//! - [`Failure`], [`Attempt`]: why something did not work. [`Spent`]: where the time of a step went.
//! - `choice`: which runbook fits. `crew`: who does a step. `duty`: who knows how things stand, who is kept from it. `clock`: how long it takes them. `watch`: waiting for a signal.
//! - `gather`, `phone`, `talk`, `enter`, `console`, `configure`, `afar`, `tunnel`, `ramp`, `at_hand`, `browse`, `reset`: the actions.

mod afar;
mod at_hand;
mod browse;
mod choice;
mod clock;
mod configure;
mod console;
mod crew;
mod duty;
mod enter;
mod failure;
mod gather;
mod phone;
mod ramp;
mod report;
mod reset;
mod talk;
mod tunnel;
mod watch;

use crate::measure::rough;
use crate::step::{Action, Body, Name, Otherwise, Runbook, Step, Then, Wait, Who};
use blackstart_rt as rt;
use blackstart_rt::{Map, Set};
use blackstart_sim::Time;
use blackstart_world::{Event, Lapse, World};
pub use failure::{Attempt, Failure, Kind};
pub use report::{Report, Spending, Spent, StepReport, StepVerdict, Verdict};
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

/// A step entered so often means that the runbook goes in a circle.
const ENTRIES_MAX: usize = 3;

/// A runbook being executed, as those see it who do one step: a copy shares everything but the step and its crew.
#[derive(Clone)]
struct Incident {
    world: Rc<World>,
    runbook: Arc<Runbook>,
    report: Rc<RefCell<Report>>,
    clock: Rc<clock::Clock>,
    /// Shares of users admitted so far, in percent, for stepping back.
    admitted: Rc<RefCell<Vec<u32>>>,
    /// Routers that are talked to over the network, and how.
    afar: Rc<RefCell<Map<String, afar::Route>>>,
    /// Tunnels into the company's network, by person.
    tunnels: Rc<RefCell<Map<String, tunnel::Inside>>>,
    /// Sessions of tools in people's browsers, by person and host name.
    sessions: Rc<RefCell<Map<(String, String), String>>>,
    /// How many steps each person knows the end of.
    known: Rc<RefCell<Map<String, usize>>>,
    /// When each of those who call in the middle of it calls next.
    calls: Rc<RefCell<Vec<Time>>>,
    /// Ports brought up by hand, for taking it back.
    restored: Rc<RefCell<Vec<(String, String)>>>,
    /// The present step.
    open: Cell<usize>,
    /// People who act in it.
    crew: RefCell<Vec<String>>,
    /// What failed in it so far.
    tried: RefCell<Vec<Attempt>>,
}

/// What to do after a step.
enum Next {
    /// The next one of the file.
    Step,
    /// This one.
    GoTo(usize),
    /// None: all is done.
    Finished,
    /// None: it cannot go on.
    End,
}

impl Next {
    /// What to do after two steps that were done together.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::End, _) | (_, Self::End) => Self::End,
            (Self::Step, next) => next,
            (next, _) => next,
        }
    }
}

/// Chooses one of these runbooks by what can be seen and executes it to its end, writing into `report` as it goes: a run that
/// ends in the middle of a step leaves a report of what was reached. To be spawned as a task of the world, not of a host.
pub async fn run(world: Rc<World>, runbooks: Vec<Arc<Runbook>>, report: Rc<RefCell<Report>>) {
    let clock = Rc::new(clock::Clock::new(&world));
    let choice = choice::Choice { world: &world, runbooks: &runbooks, clock: &clock, report: &report };
    if let Some(incident) = choice.made().await {
        incident.all_steps().await;
    }
    report.borrow_mut().over = true;
}

impl Incident {
    async fn all_steps(&self) {
        let steps = &self.runbook.steps;
        let mut entries = vec![0; steps.len()];
        let mut index = 0;
        while index < steps.len() {
            entries[index] += 1;
            if entries[index] > ENTRIES_MAX {
                self.open.set(index);
                self.end(StepVerdict::Blocked, Some("the runbook goes in a circle".to_owned().into()));
                return;
            }
            let together = self.begun_together(index);
            match self.steps(together.clone()).await {
                Next::Step => index = together.end,
                Next::GoTo(target) => index = target,
                Next::Finished => break,
                Next::End => return,
            }
        }
        self.report.borrow_mut().finish(Time::now());
    }

    /// A step and those that begin together with it.
    fn begun_together(&self, first: usize) -> Range<usize> {
        let with_previous = |step: &&Step| step.body.as_ref().is_some_and(|body| body.with_previous);
        first..first + 1 + self.runbook.steps[first + 1..].iter().take_while(with_previous).count()
    }

    /// Does steps at the same time; what comes after is known when all have ended.
    async fn steps(&self, together: Range<usize>) -> Next {
        if together.len() == 1 {
            return self.step(together.start).await;
        }
        let apart = |index| {
            let incident = self.clone();
            blackstart_sim::task::spawn("runbook", async move { incident.step(index).await })
        };
        let tasks: Vec<_> = together.map(apart).collect();
        let mut next = Next::Step;
        for task in tasks {
            next = next.and(task.await.unwrap_or(Next::End));
        }
        next
    }

    async fn step(&self, index: usize) -> Next {
        self.open.set(index);
        let Some(body) = &self.runbook.steps[index].body else {
            self.begin();
            self.end(StepVerdict::Unchecked, None);
            return Next::Step;
        };
        if let Some(after) = &body.after {
            let began = Time::now();
            let seen = self.seen(after, began + after.within).await;
            self.begin();
            self.spent(Spending::Signal, &after.seen.signal.text, "", began);
            if !seen {
                let text = format!("waited {} for {}", rough(after.within), self.as_seen(&after.seen));
                return self.otherwise(body, after, self.not_seen(after, began, text)).await;
            }
        } else {
            self.begin();
        }
        self.assume(&body.needs.iter().map(|need| need.text.clone()).collect::<Vec<_>>());
        match (self.tries(body).await, &body.until) {
            (Ok(None), _) => self.end(StepVerdict::Done, None),
            (Ok(failed_first), _) => self.end(StepVerdict::FailedOver, failed_first),
            (Err(why), Some(until)) => return self.otherwise(body, until, why).await,
            (Err(why), None) => {
                self.end(StepVerdict::Blocked, Some(why));
                return Next::End;
            }
        }
        self.after(body)
    }

    /// Where a step that is done leads.
    fn after(&self, body: &Body) -> Next {
        match &body.then {
            None => Next::Step,
            Some(Then::End) => Next::Finished,
            Some(Then::Step(name)) => self.step_called(name),
        }
    }

    fn step_called(&self, name: &Name) -> Next {
        let target = self.runbook.steps.iter().position(|step| step.id == name.text);
        target.map_or(Next::Step, Next::GoTo)
    }

    /// Tries as often as the step says. `Ok(Some(..))` tells which ways failed before one worked.
    async fn tries(&self, body: &Body) -> Result<Option<Failure>, Failure> {
        for _ in 1..body.tries.most {
            match self.attempt(body).await {
                Ok(first) => return Ok(first),
                Err(why) => self.report.borrow_mut().failed(self.open.get(), why.attempts),
            }
            self.hold(body.tries.pause, "before the next try").await;
        }
        self.attempt(body).await
    }

    /// Does the step's action and waits for what must be seen then.
    async fn attempt(&self, body: &Body) -> Result<Option<Failure>, Failure> {
        let Some(until) = &body.until else { return self.act(body).await };
        let started = Time::now();
        let acted = rt::time::timeout(until.within, self.act(body)).await;
        let acted = acted.unwrap_or_else(|_| Err(self.too_long(until, started)))?;
        let looking = Time::now();
        let seen = self.seen(until, started + until.within).await;
        self.spent(Spending::Signal, &until.seen.signal.text, "", looking);
        if seen {
            return Ok(acted);
        }
        let mut why = self.not_seen(
            until,
            looking,
            format!("{} after {}", self.as_seen(&until.seen), rough(until.within)),
        );
        why.attempts.extend(acted.map(|first| first.attempts).unwrap_or_default());
        Err(why)
    }

    fn too_long(&self, until: &Wait, began: Time) -> Failure {
        let text = format!("not done within {}", rough(until.within));
        let mut attempts = self.tried.take();
        attempts.push(Attempt::new(Kind::Limit, self.present().id.clone(), began, &text));
        Failure { text, attempts }
    }

    fn present(&self) -> &Step {
        &self.runbook.steps[self.open.get()]
    }

    fn not_seen(&self, wait: &Wait, began: Time, text: String) -> Failure {
        let waited = |signal: String| {
            let saw = self.value_of(&signal);
            Attempt::new(Kind::Wait, signal, began, saw)
        };
        let lacking = watch::lacking(&self.world, &wait.seen);
        Failure { text, attempts: lacking.into_iter().map(waited).collect() }
    }

    /// What the runbook says to do when a wait ran out or the action failed.
    async fn otherwise(&self, body: &Body, wait: &Wait, why: Failure) -> Next {
        self.report.borrow_mut().ran_out.insert(wait.seen.signal.span.start);
        let why = match &wait.otherwise {
            Otherwise::Step(name) => {
                self.end(StepVerdict::FailedOver, Some(why));
                return self.step_called(name);
            }
            Otherwise::Escalate if self.runbook.escalate_to.is_empty() => why,
            Otherwise::Escalate => match self.escalate(body).await {
                Ok(()) => {
                    self.end(StepVerdict::FailedOver, Some(why));
                    return self.after(body);
                }
                Err(again) => why.then(again, "; "),
            },
            Otherwise::Undo => {
                let undone = match &body.undo {
                    Some(undo) => self.perform(undo).await.map(|_| "taken back".to_owned()),
                    None => Ok("nothing to take back".to_owned()),
                };
                let undone = undone.unwrap_or_else(|failure| format!("could not be taken back: {failure}"));
                why.in_words(|why| format!("{why}; {undone}"))
            }
            Otherwise::PreviousPercent => {
                let back = self
                    .step_back()
                    .await
                    .unwrap_or_else(|failure| format!("could not step back: {failure}"));
                why.in_words(|why| format!("{why}; {back}"))
            }
            Otherwise::Stop => why,
        };
        self.end(StepVerdict::Blocked, Some(why));
        Next::End
    }

    /// Calls those whom the runbook names; with them on the line the step is tried once more.
    async fn escalate(&self, body: &Body) -> Result<(), Failure> {
        let called = self.call_in(&self.runbook.escalate_to).await?;
        let with = called.join(", ");
        let again = self.attempt(body).await;
        again.map(drop).map_err(|why| why.in_words(|why| format!("escalated to {with}: {why}")))
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
        self.catch_up().await?;
        self.perform(&body.action).await
    }

    /// Does one action. `Ok(Some(..))` when it worked after other ways had failed.
    async fn perform(&self, action: &Action) -> Result<Option<Failure>, Failure> {
        if self.lead().is_ok_and(|lead| self.world.lapses(&lead, Lapse::Skips)) {
            return Ok(None);
        }
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
            Action::Isolate { service } => self.isolate(service).await.map(done),
            Action::Fetch { item } => self.fetch(item).await.map(done),
            Action::SignIn { account } => self.sign_in_at_hand(account).await.map(done),
            Action::Open { document } => self.open_document(document).await.map(done),
            Action::PowerCycle { machine } => self.power_cycle(machine).await.map(done),
            Action::Restart { service } => self.restart(service).await.map(done),
            Action::Call { roles } => self.call_in(roles).await.map(|_| None),
            Action::HandOver { role, to } => self.hand_over(role, to).await.map(done),
            Action::Chat { channel, on, to, text, with, ways } => {
                let said = talk::Said { channel, on, text, account: with.as_ref() };
                self.chat(&said, to, ways).await
            }
            Action::Page { roles, on, patience, with } => {
                self.page(roles, on, *patience, with.as_ref()).await
            }
            Action::Escort { door, by } => self.escort(door, by).await.map(done),
            Action::Ssh { on, through, with } => self.ssh(on, through, with).await.map(done),
            Action::Originate { prefix, on, announced } => {
                self.originate(prefix, on, *announced).await.map(done)
            }
            Action::FailOver { prefix, from, to } => self.fail_over(prefix, from, to).await.map(done),
            Action::Configure { order, on, with } => self.configure(order, on, with).await.map(done),
            Action::TakeOver { service, to } => self.take_over(service, to).await.map(done),
            Action::Repoint { name, on, from, to } => self.repoint(name, on, from.ip, to.ip).await.map(done),
            Action::Vpn { on, with } => self.vpn(on, with).await.map(done),
            Action::Reset { machines, patience } => self.reset(machines, *patience).await.map(done),
            Action::Post { on, text } => self.post(on, text).await.map(done),
        }
    }

    /// Tries ways in turn. `Ok(Some(..))` says what failed before one worked.
    async fn first_that_works(
        &self,
        ways: &[Name],
        attempt: impl AsyncFn(&str) -> Result<(), Failure>,
    ) -> Result<Option<Failure>, Failure> {
        let mut failed: Vec<Failure> = Vec::new();
        for way in ways {
            match attempt(&way.text).await {
                Ok(()) => return Ok(Failure::all(failed, "; ")),
                Err(why) => {
                    self.note_failed(&why);
                    failed.push(why);
                }
            }
        }
        Err(Failure::all(failed, "; ").unwrap_or_else(|| "nobody says how".to_owned().into()))
    }

    /// Notes what failed, for when the step's time runs out before it is told otherwise.
    fn note_failed(&self, why: &Failure) {
        self.tried.borrow_mut().extend(why.attempts.iter().cloned());
    }

    /// Notes needs that have no model: the verdict says so.
    fn assume(&self, needs: &[String]) {
        let known: Set<&str> = self.runbook.assumes_up.iter().map(|name| name.text.as_str()).collect();
        self.report.borrow_mut().assume(self.open.get(), needs, &known);
    }

    fn begin(&self) {
        self.report.borrow_mut().begin(self.open.get(), Time::now());
        self.world.emit(&Event::StepStarted { step: self.present().id.clone() });
    }

    fn end(&self, verdict: StepVerdict, why: Option<Failure>) {
        let text = why.as_ref().map(|why| why.text.clone());
        self.heard();
        self.report.borrow_mut().end(self.open.get(), Time::now(), verdict, why);
        let verdict = verdict.word().to_owned();
        self.world.emit(&Event::StepEnded { step: self.present().id.clone(), verdict, why: text });
    }

    /// Notes that the time since `from` went on something.
    fn spent(&self, on: Spending, what: &str, who: &str, from: Time) {
        self.report.borrow_mut().spent(self.open.get(), on, what, who, from);
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
        self.spent(Spending::Protocols, machine, "", began);
        done.map_err(|_| {
            let text = format!("{machine} is dark");
            Failure::of(text.clone(), Attempt::new(Kind::Connect, machine, began, text).from(machine))
        })
    }
}

/// Sleeps in simulated time.
async fn sleep(duration: std::time::Duration) {
    rt::time::sleep(duration).await;
}
