//! Going through a door: a badge over the simulated network, or a guard with a key.

use super::{Failure, Incident};
use crate::step::Name;
use blackstart_badge::{Verdict, reader};
use blackstart_world::{Door, Event};
use std::net::SocketAddr;

impl Incident {
    /// Tries the ways in turn. `Ok(Some(..))` says what failed before one worked.
    pub(super) async fn enter(&self, door: &Name, ways: &[Name]) -> Result<Option<Failure>, Failure> {
        let known = self.world.people.doors.get(&door.text);
        let known = known.ok_or_else(|| format!("there is no door `{}`", door.text))?;
        let mut failed: Vec<Failure> = Vec::new();
        for way in ways {
            let tried = match way.text.as_str() {
                "badge" => self.by_badge(known).await,
                "guard-key-with-escort" => self.by_guard(known).await,
                other => Err(format!("nobody knows how to open a door by `{other}`")),
            };
            match tried {
                Ok(()) => {
                    self.go_in(known);
                    return Ok((!failed.is_empty()).then(|| failed.join("; ")));
                }
                Err(why) => failed.push(why),
            }
        }
        Err(failed.join("; "))
    }

    async fn by_badge(&self, door: &Door) -> Result<(), Failure> {
        let crew = self.crew.borrow().clone();
        let badge_of = |name: &String| Some((name.clone(), self.world.people.person(name)?.badge.clone()?));
        let Some((person, badge)) = crew.iter().find_map(badge_of) else {
            return Err("badge: nobody in the team has one".to_owned());
        };
        self.busy(&person, "tap-badge").await?;
        let controller = self.controller(door)?;
        let name = door.name.clone();
        let tap = async move { reader::tap(controller, &name, &badge).await };
        let saw = match self.on_machine(&door.reader, tap).await {
            Ok(Ok(Verdict::Opened)) => return Ok(()),
            Ok(Ok(Verdict::Denied(reason))) => format!("denied: {reason}"),
            Ok(Ok(Verdict::NoAnswer)) => "denied: the access server does not answer".to_owned(),
            Ok(Err(error)) => format!("the reader stays dark: {error}"),
            Err(dark) => dark,
        };
        let (tried, person) = (format!("door {}", door.name), person.clone());
        self.world.emit(&Event::TurnedAway { person, tried, saw: saw.clone() });
        Err(format!("badge {saw}"))
    }

    async fn by_guard(&self, door: &Door) -> Result<(), Failure> {
        let key = door.key.as_ref().ok_or_else(|| format!("guard key: {} has no lock", door.name))?;
        let holds = |items: &Vec<String>| items.iter().any(|item| item == key);
        let mut guards = self.world.people.persons.iter().filter(|person| holds(&person.items));
        let guard = guards.find(|person| self.place_of(&person.name).is_ok_and(|place| place == door.from));
        let guard = guard.ok_or_else(|| format!("guard key: nobody at {} holds `{key}`", door.from))?;
        let site = self.world.people.site_of(&door.from).unwrap_or_default().to_owned();
        if !self.world.with_state(|state| state.physical.guard_told.contains(&site)) {
            return Err(format!("guard key: the guard at {site} was never given the names"));
        }
        self.busy(&guard.name, "guard-check").await?;
        self.busy(&guard.name, "escort").await?;
        // The lock is mechanical: the controller merely hears its contact, and need not be alive for that.
        let (controller, name) = (self.controller(door)?, door.name.clone());
        let contact = async move { reader::open_with_key(controller, &name).await };
        let _ = self.on_machine(&door.reader, contact).await;
        Ok(())
    }

    fn controller(&self, door: &Door) -> Result<SocketAddr, Failure> {
        let machine = self.world.wiring.machine(&door.controller);
        let machine = machine.ok_or_else(|| format!("there is no controller `{}`", door.controller))?;
        Ok(SocketAddr::new(machine.address, blackstart_world::DOOR_PORT))
    }

    fn go_in(&self, door: &Door) {
        for person in self.crew.borrow().iter() {
            self.world.emit(&Event::Moved { person: person.clone(), to: door.to.clone() });
        }
    }
}
