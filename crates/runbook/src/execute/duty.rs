//! What a long night does to those who are on duty: shifts end and whoever comes must learn how things stand; others call in the
//! middle of it. Nothing of it happens unless the scenario's people say so.

use super::{Event, Failure, Incident};
use blackstart_sim::Time;
use blackstart_world::Person;
use blackstart_world::people::Interruption;

impl Incident {
    /// Whether somebody has gone home.
    pub(super) fn has_left(&self, person: &Person) -> bool {
        let now = Time::now().since_start();
        self.world.people.stays.is_some_and(|stays| person.has_left(stays, now))
    }

    /// Whether somebody has come to work since, and takes part without being called.
    pub(super) fn has_come(&self, person: &Person) -> bool {
        self.world.people.stays.is_some() && person.has_come(Time::now().since_start())
    }

    /// A step has ended: those on the bridge know how things stand, and those who did it, if they knew before.
    pub(super) fn heard(&self) {
        if self.world.people.stays.is_none() {
            return;
        }
        let ended = self.latest() + 1;
        let heard = |person: &&Person| {
            let took_part = self.crew.borrow().contains(&person.name) && self.knows(&person.name);
            (took_part || self.is_on_a_bridge(&person.name)) && !self.has_left(person)
        };
        let heard = self.world.people.persons.iter().filter(heard);
        let heard: Vec<_> = heard.map(|person| (person.name.clone(), ended)).collect();
        self.known.borrow_mut().extend(heard);
    }

    fn is_on_a_bridge(&self, person: &str) -> bool {
        self.world.with_state(|state| {
            let mut bridges = state.physical.bridges.keys();
            bridges.any(|bridge| state.physical.on_bridge(bridge).contains(person))
        })
    }

    /// How many steps have ended of which somebody knows.
    fn latest(&self) -> usize {
        self.known.borrow().values().max().copied().unwrap_or_default()
    }

    fn knows(&self, person: &str) -> bool {
        self.known.borrow().get(person).copied().unwrap_or_default() == self.latest()
    }

    /// Whoever leads this step learns how things stand: from somebody who knows, or by themselves, which takes longer.
    pub(super) async fn catch_up(&self) -> Result<(), Failure> {
        let lead = self.lead()?;
        if self.world.people.stays.is_none() || self.knows(&lead) {
            return Ok(());
        }
        let knows = |person: &&&Person| self.knows(&person.name);
        let from = self.reachable().iter().find(knows).map(|person| person.name.clone());
        self.busy(&lead, if from.is_some() { "brief" } else { "find-out" }).await?;
        self.told(&lead, from);
        Ok(())
    }

    /// Somebody knows how things stand from now on.
    pub(super) fn told(&self, person: &str, from: Option<String>) {
        let latest = self.latest();
        self.known.borrow_mut().insert(person.to_owned(), latest);
        self.world.emit(&Event::Learned { person: person.to_owned(), from });
    }

    /// Those who called a person between `began` and now have their say, unless somebody else takes the call.
    pub(super) async fn interrupted(&self, person: &str, began: Time) {
        for (n, call) in self.world.people.interruptions.iter().enumerate() {
            if !self.one_with_role(&call.role).is_ok_and(|name| name == person) {
                continue;
            }
            for _ in 0..self.calls_of(n, call, began) {
                self.takes_call(person, n, call).await;
            }
        }
    }

    async fn takes_call(&self, person: &str, n: usize, call: &Interruption) {
        let takes = self.clock.draw(format!("{}/takes/{n}", call.by), &call.takes);
        let other = call.taken_by.as_ref().and_then(|role| self.one_with_role(role).ok());
        let (person, lost_s) = match other.filter(|other| other != person) {
            Some(other) => (other, 0),
            None => {
                self.people_spend(takes, &call.by, person).await;
                (person.to_owned(), takes.as_secs())
            }
        };
        self.world.emit(&Event::Interrupted { person, by: call.by.clone(), lost_s });
    }

    /// How often somebody has called since `began`; who called before met nobody who was busy.
    fn calls_of(&self, n: usize, call: &Interruption, began: Time) -> usize {
        let mut calls = self.calls.borrow_mut();
        let every = || self.clock.draw(format!("{}/every/{n}", call.by), &call.every);
        while calls.len() <= n {
            calls.push(began + every());
        }
        let mut count = 0;
        while calls[n] <= Time::now() {
            count += usize::from(calls[n] >= began);
            calls[n] += every();
        }
        count
    }
}
