//! Doors, people, items, and the time that people take.

use super::super::evidence::What;
use super::super::{Cause, End};
use super::{BEFORE, Search, before};
use crate::words::list;
use blackstart_badge::Event as Badge;
use blackstart_badge::event::Why;
use blackstart_fault::Kind as FaultKind;
use blackstart_rt::Set;
use blackstart_runbook::execute::{Spending, Spent};
use blackstart_sim::Time;
use blackstart_world::Event as World;
use std::time::Duration;

/// Most tasks that are named when time ran out.
const TASKS_NAMED: usize = 3;

impl Search<'_> {
    // ---- doors ----

    /// Why a door's controller did not open for a badge.
    pub(super) fn badge(&mut self, door: &str, reader: &str, began: Time, ended: Time) -> Vec<Cause> {
        let Some(controller) = self.evidence.people.doors.get(door).map(|door| door.controller.clone())
        else {
            return Vec::new();
        };
        let silent = self.evidence.back(&controller, ended).find_map(|fact| match &fact.what {
            What::Badge(Badge::ServerReachable) => Some(None),
            What::Badge(Badge::ServerUnreachable { why }) => Some(Some((fact.at, why.clone()))),
            _ => None,
        });
        // A reader that does not work asks nobody.
        let mut causes = self.dead(reader, ended);
        if causes.is_empty() {
            causes = self.between(reader, &controller, began, ended);
        }
        if let (true, Some(Some((since, why)))) = (causes.is_empty(), silent) {
            causes.push(self.access_server_silent(&controller, since, &why, ended));
        }
        causes
    }

    fn access_server_silent(&mut self, controller: &str, since: Time, why: &Why, at: Time) -> Cause {
        let saw = match why {
            Why::Dns(error) => format!("its name does not resolve: {error}"),
            Why::Connect(error) => format!("no connection: {error}"),
            Why::Timeout => "no answer".to_owned(),
            Why::Failed(error) => format!("it cannot decide: {error}"),
            Why::Certificate(error) => error.clone(),
        };
        let text = format!("{controller} does not hear from the access server: {saw}");
        self.cause(format!("access server {controller}"), "access server silent", text, since, |search| {
            let mut causes = match why {
                Why::Dns(_) => search.unresolved_anything(controller, at),
                Why::Certificate(_) => search.wrong_clock(controller, at).into_iter().collect(),
                _ => Vec::new(),
            };
            causes.extend(search.lost_packets(controller, before(since, BEFORE), at, |_| true));
            causes
        })
    }

    /// Why no guard opened a door.
    pub(super) fn guard(&mut self, door: &str, at: Time) -> Vec<Cause> {
        let people = &self.evidence.people;
        let Some(door) = people.doors.get(door).cloned() else { return Vec::new() };
        let Some(key) = door.key else {
            let text = format!("{} has no lock that a key opens", door.name);
            return vec![self.end(
                format!("no lock {}", door.name),
                "no lock",
                text,
                Time::ZERO,
                End::Assumption,
            )];
        };
        let place = |name: &str| {
            let moved = self.told_by_people(at).find_map(|(_, event)| match event {
                World::Moved { person, to } if person == name => Some(to.clone()),
                _ => None,
            });
            moved.or_else(|| people.person(name).map(|person| person.at.clone())).unwrap_or_default()
        };
        let holders: Vec<String> = people
            .persons
            .iter()
            .filter(|person| person.items.contains(&key))
            .map(|person| format!("{} at {}", person.name, place(&person.name)))
            .collect();
        let here = holders.iter().any(|holder| holder.ends_with(&format!(" at {}", door.from)));
        let told = self.told_by_people(at).any(|(_, event)| {
            matches!(event, World::GuardTold { site } if people.site_of(&door.from) == Some(site))
        });
        match (here, told) {
            (true, false) => {
                let text = format!("nothing on record gave the guard at {} the names", door.from);
                vec![self.end(format!("untold {}", door.from), "guard not told", text, at, End::NotRecorded)]
            }
            (true, true) => Vec::new(),
            (false, _) => {
                let text = match holders.is_empty() {
                    true => format!("nobody holds `{key}`"),
                    false => format!("`{key}` is held by {}", holders.join(", ")),
                };
                let key = format!("key {key} not at {}", door.from);
                vec![self.end(key, &text, text.clone(), Time::ZERO, End::Assumption)]
            }
        }
    }

    // ---- people and things ----

    /// Why nobody with this role, skill, or at this site could be asked.
    pub(super) fn person(&mut self, wanted: &str, at: Time) -> Vec<Cause> {
        let people = &self.evidence.people;
        let words: Vec<&str> = wanted.split(", ").collect();
        let is = |person: &&blackstart_world::Person| {
            let known = person.roles.iter().chain(&person.skills).any(|word| words.contains(&word.as_str()));
            known || people.site_of(&person.at) == Some(wanted)
        };
        let candidates: Vec<String> =
            people.persons.iter().filter(is).map(|person| person.name.clone()).collect();
        if candidates.is_empty() {
            let text = format!("there is nobody who is or can {wanted}");
            return vec![self.end(
                format!("nobody {wanted}"),
                &text,
                text.clone(),
                Time::ZERO,
                End::Assumption,
            )];
        }
        candidates.into_iter().filter_map(|name| self.absent(&name, at)).collect()
    }

    /// People who were called and have not joined.
    pub(super) fn not_joined(&mut self, at: Time) -> Vec<Cause> {
        let called: Set<String> = (self.told_by_people(at))
            .filter_map(|(_, event)| match event {
                World::Called { person, .. } => Some(person.clone()),
                _ => None,
            })
            .collect();
        called.into_iter().filter_map(|name| self.absent(&name, at)).collect()
    }

    /// Why somebody is on no bridge.
    fn absent(&mut self, name: &str, at: Time) -> Option<Cause> {
        let joined =
            |(_, event): (Time, &World)| matches!(event, World::Joined { person, .. } if person == name);
        if self.told_by_people(at).any(joined) {
            return None;
        }
        let away = |kind: &FaultKind| matches!(kind, FaultKind::PersonAway { person } if person == name);
        if let Some(fault) = self.fault(at, away) {
            return Some(fault);
        }
        let called = self.told_by_people(at).find_map(|(when, event)| match event {
            World::Called { person, by } if person == name => Some((when, by.clone())),
            _ => None,
        });
        Some(match called {
            Some((when, by)) => {
                let join = self.assumed("join");
                let text = format!("{by} called {name}, who had not joined yet ({join})");
                self.end(
                    format!("not joined {name}"),
                    &format!("{name} not there"),
                    text,
                    when,
                    End::Assumption,
                )
            }
            None => {
                let text = format!("{name} is on no bridge, and no call to {name} is on record");
                self.end(
                    format!("not called {name}"),
                    &format!("{name} not called"),
                    text,
                    at,
                    End::NotRecorded,
                )
            }
        })
    }

    /// Why an item was not at hand: who holds it, where it lies, which door is in between.
    pub(super) fn item(&mut self, item: &str, at: Time) -> Vec<Cause> {
        let lost = |kind: &FaultKind| matches!(kind, FaultKind::ItemLost { item: other } if other == item);
        if let Some(fault) = self.fault(at, lost) {
            return vec![fault];
        }
        let people = &self.evidence.people;
        if let Some(place) = people.accounts.get(item).and_then(|account| account.kept_at.clone()) {
            let doors: Vec<_> = people.doors.values().filter(|door| door.to == place).cloned().collect();
            return doors.iter().filter_map(|door| self.shut_door(&door.name, &door.reader, at)).collect();
        }
        let holds = |person: &&blackstart_world::Person| {
            person.items.iter().any(|i| i == item) || (item == "badge" && person.badge.is_some())
        };
        let holders: Vec<&str> =
            people.persons.iter().filter(holds).map(|person| person.name.as_str()).collect();
        let text = match holders.is_empty() {
            true => format!("nobody has `{item}`"),
            false => format!("`{item}` is with {}", list(&holders, super::NAMES)),
        };
        vec![self.end(format!("item {item} elsewhere"), &text, text.clone(), Time::ZERO, End::Assumption)]
    }

    /// A door at which somebody was turned away.
    fn shut_door(&mut self, door: &str, reader: &str, at: Time) -> Option<Cause> {
        let tried = format!("door {door}");
        let (when, saw) = self.told_by_people(at).find_map(|(when, event)| match event {
            World::TurnedAway { tried: other, saw, .. } if *other == tried => Some((when, saw.clone())),
            _ => None,
        })?;
        let text = format!("{door} stayed shut: {saw}");
        let began = before(when, Duration::from_secs(60));
        Some(
            self.cause(format!("badge {door}"), "door shut", text, when, |s| {
                s.badge(door, reader, began, when)
            }),
        )
    }

    // ---- time ----

    /// The tasks that took longest.
    pub(super) fn time_of_people(&mut self, spent: &[Spent]) -> Vec<Cause> {
        let mut people: Vec<&Spent> = spent.iter().filter(|spent| spent.on == Spending::People).collect();
        people.sort_by_key(|spent| std::cmp::Reverse(spent.until - spent.from));
        let told = people.into_iter().take(TASKS_NAMED).map(|spent| {
            let minutes = (spent.until - spent.from).as_secs() / 60;
            let text =
                format!("{} by {} took {minutes} min ({})", spent.what, spent.who, self.assumed(&spent.what));
            let short = format!("{} took {minutes} min", spent.what);
            self.end(format!("time {}", spent.what), &short, text, spent.from, End::Assumption)
        });
        told.collect()
    }

    /// What people.toml says of a task.
    fn assumed(&self, task: &str) -> String {
        let minutes = |length: Duration| length.as_secs_f64() / 60.0;
        match self.evidence.people.tasks.get(task) {
            Some(e) => format!("{:.0} to {:.0} min, {}", minutes(e.low), minutes(e.high), e.basis),
            None => "of several tasks".to_owned(),
        }
    }
}
