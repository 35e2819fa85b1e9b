//! What going through a door needs: a badge that its access system knows, a guard with the key, somebody who comes out.

use super::any_or;
use super::steps::Steps;
use crate::access;
use crate::files::services::{DoorController, Run, Service};
use crate::index::all;
use blackstart_badge::rules::{Rule, WhenSilent};
use blackstart_rt::Set;
use blackstart_runbook::needs::{Id, Met, PHONES};
use blackstart_runbook::step::{Action, Name, Who};
use blackstart_world::{Door, Person};

impl<'a> Steps<'a> {
    pub(super) fn enter(&mut self, who: &Who, door: &Name, ways: &[Name]) -> Vec<Id> {
        let Some(known) = self.ground.scenario.people.doors.get(&door.text) else { return Vec::new() };
        let ways = ways.iter().map(|way| match way.text.as_str() {
            "badge" => self.badge(who, known),
            _ => self.key(known),
        });
        let ways = ways.collect();
        vec![self.ground.graph.joint(Met::Any(ways))]
    }

    /// Badge, reader, controller, and either a list that the door remembers or the access server.
    fn badge(&mut self, who: &Who, door: &'a Door) -> Id {
        let servers = self.servers(&door.controller);
        let badges: Set<&str> = all(&self.ground.scenario.folder.people, |f| &f.badge)
            .filter(|(_, badge)| badge.doors.iter().any(|name| *name.get_ref() == door.name))
            .filter(|(_, badge)| servers.iter().any(|server| access::knows(server, badge)))
            .map(|(_, badge)| badge.id.get_ref().as_str())
            .collect();
        let people = self.candidates(who);
        let opens = |person: &&&Person| person.badge.as_deref().is_some_and(|badge| badges.contains(badge));
        let good = people.iter().filter(opens).count();
        let escorted = people.iter().filter(opens).any(|person| door.may_escort(person));
        let left_out = match who {
            Who::Team { skills, .. } if !escorted => skills
                .iter()
                .find(|skill| !people.iter().filter(opens).any(|person| person.skills.contains(&skill.text))),
            _ => None,
        };
        let mut needs = vec![self.ground.path(&door.reader, &door.controller)];
        if servers.is_empty() {
            let why = format!("{} leads to none", self.names_asked(&door.controller).join(" and "));
            needs.push(self.ground.graph.fact(format!("an access server for {}", door.name), Met::Lost(why)));
        } else if good == 0 {
            let why = Met::Lost("nobody who does this step has one that opens it".to_owned());
            needs.push(self.ground.graph.fact(format!("a badge for {}", door.name), why));
        }
        if let Some(skill) = left_out.filter(|_| good > 0) {
            let why = format!(
                "nobody who can {} has one that opens it, and nobody may take them along",
                skill.text
            );
            needs.push(self.ground.graph.fact(format!("badges for {}", door.name), Met::Lost(why)));
        }
        if good == 1 && door.rule.two_within_s.is_some() {
            let why = Met::Lost("only one of those who do this step has one that opens it".to_owned());
            needs.push(self.ground.graph.fact(format!("two badges for {}", door.name), why));
        }
        needs.extend(self.judged(door));
        self.ground.graph.fact(format!("badge at {}", door.name), Met::All(needs))
    }

    /// The access servers that a controller may come to ask.
    fn servers(&self, controller: &str) -> Vec<&'a Service> {
        let services = self.ground.services_on(controller).into_iter();
        services
            .flat_map(|service| match &service.run {
                Run::DoorController(config) => self.asked(config),
                _ => Vec::new(),
            })
            .collect()
    }

    /// The names under which a controller asks for its access server.
    fn names_asked(&self, controller: &str) -> Vec<String> {
        let services = self.ground.services_on(controller).into_iter();
        let name = |service: &Service| match &service.run {
            Run::DoorController(config) => Some(format!("`{}`", config.server)),
            _ => None,
        };
        services.filter_map(name).collect()
    }

    fn asked(&self, controller: &DoorController) -> Vec<&'a Service> {
        access::servers(self.ground.index, &self.ground.scenario.zones, controller)
    }

    /// The door's controller can tell whether a badge is good.
    fn judged(&mut self, door: &Door) -> Vec<Id> {
        let controller = door.controller.as_str();
        let listed = door.rule == Rule::default() || door.rule.when_silent != WhenSilent::Shut;
        let mut needs = Vec::new();
        for service in self.ground.services_on(controller) {
            let Run::DoorController(config) = &service.run else { continue };
            needs.push(self.ground.runs(service));
            if config.offline_list.is_some() && listed {
                continue;
            }
            let mut asked = vec![self.ground.name(controller, &config.resolvers, &config.server)];
            let servers = self.asked(config).into_iter();
            let ways = servers.map(|s| self.ground.used_from(controller, s.name.get_ref())).collect();
            asked.push(self.ground.graph.joint(any_or(ways, "there is no access server")));
            needs.push(self.ground.graph.fact(format!("access server at {controller}"), Met::All(asked)));
        }
        if needs.is_empty() {
            let why = Met::Lost("nothing there decides on badges".to_owned());
            needs.push(self.ground.graph.fact(format!("controller {controller}"), why));
        }
        needs
    }

    /// A guard who stands there with the key and was told the names.
    fn key(&mut self, door: &Door) -> Id {
        let people = &self.ground.scenario.people;
        let holds = |person: &&blackstart_world::Person| {
            let key = door.key.as_ref().is_some_and(|key| person.items.contains(key));
            person.at == door.from && key && door.may_escort(person)
        };
        let there = people.persons.iter().any(|person| holds(&person));
        let site = people.site_of(&door.from).unwrap_or_default();
        let told = self.acting(|a| matches!(a, Action::Decide { site: told, .. } if told.text == site));
        let holder = match there {
            true => Met::Given,
            false => Met::Lost(format!("nobody at {} holds it and may take others along", door.from)),
        };
        let told = any_or(told, "no step tells them");
        let graph = &mut self.ground.graph;
        let needs = vec![
            graph.fact(format!("key holder of {}", door.name), holder),
            graph.fact(format!("names known to the guard at {site}"), told),
        ];
        graph.fact(format!("guard's key to {}", door.name), Met::All(needs))
    }

    /// Somebody comes who has a badge or the key, or is inside.
    pub(super) fn escorted(&mut self, index: usize, door: &Name, by: &Name) -> Vec<Id> {
        let Some(known) = self.ground.scenario.people.doors.get(&door.text) else { return Vec::new() };
        let who = Who::Role(by.clone());
        let people = self.candidates(&who);
        if !people.iter().any(|person| known.may_escort(person)) {
            let why = Met::Lost(format!("nobody who is {} may", by.text));
            return vec![self.ground.graph.fact(format!("others taken through {}", known.name), why)];
        }
        let at_once = people.iter().any(|person| {
            person.at == known.to || known.key.as_ref().is_some_and(|key| person.items.contains(key))
        });
        let opened = match at_once {
            true => self.ground.graph.joint(Met::Given),
            false => self.badge(&who, known),
        };
        vec![self.crew(index, &who), self.word(PHONES), opened]
    }

    /// Somebody can stand where a machine is: behind a door of its site, if that has one.
    pub(super) fn beside(&mut self, machine: &str) -> Vec<Id> {
        let index = self.ground.index;
        let router = index.routers.get(machine).map(|(_, router)| router.site.get_ref().as_str());
        let host = index.hosts.get(machine).map(|(_, host)| host.site.get_ref().as_str());
        let site = router.or(host);
        let people = &self.ground.scenario.people;
        let rooms: Set<&str> = people
            .doors
            .values()
            .filter(|door| people.site_of(&door.to) == site)
            .map(|door| door.to.as_str())
            .collect();
        if rooms.is_empty() {
            return Vec::new();
        }
        let ways = rooms.into_iter().map(|room| self.place(room)).collect();
        vec![self.ground.graph.fact(format!("somebody beside {}", machine), Met::Any(ways))]
    }
}
