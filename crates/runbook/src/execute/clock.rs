//! How long people take: draws from the scenario's estimates, one stream for each person and task, so that a change to one
//! person's evening shifts nobody else's draws.

use super::{Event, Failure, Incident, Kind, Spending, sleep};
use blackstart_rt::Map;
use blackstart_sim::Time;
use blackstart_sim::draw::Stream;
use blackstart_world::people::Fatigue;
use blackstart_world::{Estimate, World};
use std::cell::RefCell;
use std::time::Duration;

/// Draws of durations.
pub(super) struct Clock {
    seed: u64,
    streams: RefCell<Map<String, Stream>>,
}

impl Clock {
    pub(super) fn new(world: &World) -> Self {
        Self { seed: world.seed, streams: RefCell::default() }
    }

    pub(super) fn draw(&self, name: String, estimate: &Estimate) -> Duration {
        estimate.quantile(self.unit(name))
    }

    /// A number from 0 to 1, of a stream of its own.
    pub(super) fn unit(&self, name: String) -> f64 {
        let mut streams = self.streams.borrow_mut();
        let fresh = || Stream::new(self.seed, &format!("people/{name}"));
        streams.entry(name.clone()).or_insert_with(fresh).unit()
    }
}

impl Incident {
    /// How long this task takes this person this time.
    pub(super) fn length(&self, person: &str, task: &str) -> Result<Duration, Failure> {
        let estimate = self.world.people.tasks.get(task);
        let estimate = estimate.ok_or_else(|| format!("nobody knows how long `{task}` takes"))?;
        Ok(self.as_slow_as(person, self.clock.draw(format!("{person}/{task}"), estimate)))
    }

    /// How long it takes this person now. To the millisecond, as everything people do.
    fn as_slow_as(&self, person: &str, length: Duration) -> Duration {
        let tired = self.tired(person).map_or(1.0, |(fatigue, on_duty)| fatigue.slowness(on_duty));
        let slowness = self.world.slowness(person) * tired;
        if slowness == 1.0 {
            length
        } else {
            Duration::from_millis((length.as_millis() as f64 * slowness) as u64)
        }
    }

    /// What being long on duty does to a person, and how long they have been.
    fn tired(&self, person: &str) -> Option<(&Fatigue, Duration)> {
        let fatigue = self.world.people.fatigue.as_ref()?;
        Some((fatigue, self.world.people.person(person)?.on_duty(Time::now().since_start())))
    }

    /// Lets a person be busy with a task, and once more when it went wrong; and with whoever calls in the middle of it.
    pub(super) async fn busy(&self, person: &str, task: &str) -> Result<(), Failure> {
        let began = Time::now();
        self.people_spend(self.length(person, task)?, task, person).await;
        if self.slips(person, task) {
            self.world.emit(&Event::Slipped { person: person.to_owned(), task: task.to_owned() });
            self.people_spend(self.length(person, task)?, task, person).await;
        }
        self.interrupted(person, began).await;
        Ok(())
    }

    fn slips(&self, person: &str, task: &str) -> bool {
        let chance = self.tired(person).map_or(0.0, |(fatigue, on_duty)| fatigue.slips(on_duty));
        chance > 0.0 && self.clock.unit(format!("{person}/{task}/slip")) < chance
    }

    /// Lets time pass that somebody needs for something.
    pub(super) async fn people_spend(&self, length: Duration, what: &str, who: &str) {
        let began = Time::now();
        sleep(length).await;
        self.spent(Spending::People, what, who, began);
    }

    /// Lets a pause pass that the runbook prescribes.
    pub(super) async fn hold(&self, length: Duration, what: &str) {
        let began = Time::now();
        sleep(length).await;
        self.spent(Spending::Hold, what, "", began);
    }

    /// Lets several people be busy with the same task at once: the slowest counts.
    pub(super) async fn all_busy(&self, people: &[String], task: &str) -> Result<(), Failure> {
        let lengths: Result<Vec<_>, _> = people.iter().map(|person| self.length(person, task)).collect();
        let longest = lengths?.into_iter().max().unwrap_or_default();
        self.people_spend(longest, task, &people.join(", ")).await;
        Ok(())
    }

    /// How long a person is on the way between two places.
    pub(super) fn way(&self, person: &str, from: &str, to: &str) -> Result<Duration, Failure> {
        if from == to {
            return Ok(Duration::ZERO);
        }
        let way = self.world.people.travel(from, to);
        let unknown = || format!("nobody knows how long it takes from {from} to {to}");
        let way = way.ok_or_else(|| Failure::at_once(Kind::Travel, to, unknown()))?;
        Ok(self.as_slow_as(person, self.clock.draw(format!("{person}/{from}/{to}"), way)))
    }
}
