//! Going through a door: a badge over the simulated network, or a guard with a key.

use super::{Attempt, Failure, Incident, Kind};
use crate::needs::PHONES;
use crate::step::Name;
use blackstart_badge::directory::DenyReason;
use blackstart_badge::{Verdict, reader};
use blackstart_sim::Time;
use blackstart_world::{Door, Event, Person};
use std::net::SocketAddr;

/// What the reader shows to somebody who may pass.
enum Light {
    /// The door is open.
    Green,
    /// The door waits for a second person; why it is still shut.
    Waits(Failure),
}

impl Incident {
    /// Tries the ways in turn. `Ok(Some(..))` says what failed before one worked.
    pub(super) async fn enter(&self, door: &Name, ways: &[Name]) -> Result<Option<Failure>, Failure> {
        let known = self.world.people.doors.get(&door.text);
        let known = known.ok_or_else(|| format!("there is no door `{}`", door.text))?;
        let opened = self.first_that_works(ways, async |way| match way {
            "badge" => self.by_badge(known).await,
            "guard-key-with-escort" => self.by_guard(known).await,
            other => Err(format!("nobody knows how to open a door by `{other}`").into()),
        });
        let failed_first = opened.await?;
        self.go_in(known);
        Ok(failed_first)
    }

    async fn by_badge(&self, door: &Door) -> Result<(), Failure> {
        let crew = self.crew.borrow().clone();
        if door.escorts.is_some() {
            return self.each_by_badge(door, crew).await;
        }
        let mut shut = Failure::at_once(Kind::Item, "badge", "badge: nobody in the team has one");
        for (person, badge) in crew.iter().filter_map(|name| self.badge_of(name)) {
            match self.tap(door, person, badge).await? {
                Light::Green => return Ok(()),
                Light::Waits(why) => shut = why,
            }
        }
        Err(shut)
    }

    /// Where it is said who may take others along nobody else does: everybody comes in by a badge, those who may first. Whoever has
    /// none needs one of them.
    async fn each_by_badge(&self, door: &Door, mut crew: Vec<String>) -> Result<(), Failure> {
        let may =
            |name: &String| self.world.people.person(name).is_some_and(|person| door.may_escort(person));
        crew.sort_by_key(|name| !may(name));
        let (mut escorted, mut shut) = (false, None);
        for name in &crew {
            let Some((person, badge)) = self.badge_of(name) else { continue };
            match self.tap(door, person, badge).await? {
                Light::Green => (escorted, shut) = (escorted || may(name), None),
                Light::Waits(why) => shut = Some(why),
            }
        }
        let alone = crew.iter().find(|name| !escorted && self.badge_of(name).is_none());
        let shut = shut.or(alone.map(|name| {
            let text =
                format!("badge: {name} has none, and nobody here may take others through {}", door.name);
            Failure::at_once(Kind::Item, "badge", text)
        }));
        shut.map_or(Ok(()), Err)
    }

    /// A person with the badge that they carry.
    fn badge_of(&self, person: &str) -> Option<(String, String)> {
        Some((person.to_owned(), self.world.people.person(person)?.badge.clone()?))
    }

    /// People go out of a place; whoever came in by a door that counts holds the badge to the reader inside. The way out is free
    /// even where nobody hears of it.
    pub(super) async fn leave(&self, people: &[String]) {
        for (person, badge) in people.iter().filter_map(|name| self.badge_of(name)) {
            let Ok(place) = self.place_of(&person) else { continue };
            let behind = self.world.people.doors.values();
            for door in behind.filter(|door| door.to == place && door.rule.zone.is_some()) {
                let Ok(controller) = self.controller(door) else { continue };
                let (name, badge) = (door.name.clone(), badge.clone());
                let left = async move { reader::leave_with_badge(controller, &name, &badge).await };
                let _ = self.on_machine(&door.reader, left).await;
            }
        }
    }

    /// Somebody else comes, opens the door and takes the crew through.
    pub(super) async fn escort(&self, door: &Name, by: &Name) -> Result<(), Failure> {
        let known = self.world.people.doors.get(&door.text);
        let known = known.ok_or_else(|| format!("there is no door `{}`", door.text))?;
        let (lead, guide) = (self.lead()?, self.one_with_role(&by.text)?);
        self.may_escort(known, &guide)?;
        let stands = self.place_of(&lead)?;
        if stands != known.from {
            let text = format!("{lead} is at {stands}, not before the door {}", known.name);
            return Err(Failure::at_once(Kind::Travel, &known.from, text));
        }
        self.assume(&[PHONES.to_owned()]);
        self.reached(&lead, &guide).await?;
        self.let_in(known, &guide).await?;
        self.busy(&guide, "escort").await?;
        self.world.emit(&Event::Moved { person: guide, to: known.to.clone() });
        self.go_in(known);
        Ok(())
    }

    fn may_escort(&self, door: &Door, guide: &str) -> Result<(), Failure> {
        match self.world.people.person(guide).is_some_and(|person| door.may_escort(person)) {
            true => Ok(()),
            false => {
                let text = format!("{guide} may not take others through {}", door.name);
                Err(Failure::at_once(Kind::Person, guide, text))
            }
        }
    }

    /// From inside nobody asks; from outside a badge or the key does it.
    async fn let_in(&self, door: &Door, guide: &str) -> Result<(), Failure> {
        let at = self.place_of(guide)?;
        if at == door.to {
            return Ok(());
        }
        if at != door.from {
            self.go(guide, &at, &door.from).await?;
        }
        let key =
            door.key.as_ref().filter(|key| self.world.with_state(|state| state.physical.holds(guide, key)));
        let badge = self.world.people.person(guide).and_then(|person| person.badge.clone());
        match (key, badge) {
            (Some(_), _) => self.turn_key(door).await,
            (None, Some(badge)) => match self.tap(door, guide.to_owned(), badge).await? {
                Light::Green => Ok(()),
                Light::Waits(why) => Err(why),
            },
            (None, None) => {
                let text = format!("{guide} has neither a badge nor a key for {}", door.name);
                Err(Failure::at_once(Kind::Item, "badge", text))
            }
        }
    }

    async fn tap(&self, door: &Door, person: String, badge: String) -> Result<Light, Failure> {
        self.busy(&person, "tap-badge").await?;
        let controller = self.controller(door)?;
        let name = door.name.clone();
        let began = Time::now();
        let tap = async move { reader::tap(controller, &name, &badge).await };
        let answer = self.on_machine(&door.reader, tap).await;
        let waits = matches!(answer, Ok(Ok(Verdict::Denied(DenyReason::SecondPerson))));
        let saw = match answer {
            Ok(Ok(Verdict::Opened)) => return Ok(Light::Green),
            Ok(Ok(Verdict::Denied(reason))) => format!("denied: {reason}"),
            Ok(Ok(Verdict::NoAnswer)) => "denied: the access server does not answer".to_owned(),
            Ok(Err(error)) => format!("not read: the reader stays dark: {error}"),
            Err(dark) => format!("not read: {}", dark.text),
        };
        let tap = Attempt::new(Kind::BadgeTap, &door.name, began, &saw).by(&person).from(&door.reader);
        let text = format!("badge {saw}");
        self.world.emit(&Event::TurnedAway { person, tried: format!("door {}", door.name), saw });
        let why = Failure::of(text, tap);
        if waits { Ok(Light::Waits(why)) } else { Err(why) }
    }

    async fn by_guard(&self, door: &Door) -> Result<(), Failure> {
        let fails = |text: String| Failure::at_once(Kind::GuardKey, &door.name, text);
        let no_lock = || fails(format!("guard key: {} has no lock", door.name));
        let key = door.key.as_ref().ok_or_else(no_lock)?;
        let holds = |person: &&Person| self.world.with_state(|state| state.physical.holds(&person.name, key));
        let mut guards = self.world.people.persons.iter().filter(holds);
        let guard = guards.find(|person| self.place_of(&person.name).is_ok_and(|place| place == door.from));
        let no_key = || fails(format!("guard key: nobody at {} holds `{key}`", door.from));
        let guard = guard.ok_or_else(no_key)?;
        self.may_escort(door, &guard.name)?;
        let site = self.world.people.site_of(&door.from).unwrap_or_default().to_owned();
        if !self.world.with_state(|state| state.physical.guard_told.contains(&site)) {
            return Err(fails(format!("guard key: the guard at {site} was never given the names")));
        }
        self.busy(&guard.name, "guard-check").await?;
        self.busy(&guard.name, "escort").await?;
        // The key may have been lost on the way.
        if !holds(&guard) {
            return Err(fails(format!("guard key: {} no longer has `{key}`", guard.name)));
        }
        self.turn_key(door).await
    }

    /// The lock is mechanical: the controller merely hears its contact, and need not be alive for that.
    async fn turn_key(&self, door: &Door) -> Result<(), Failure> {
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
