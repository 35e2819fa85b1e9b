//! People: who may do a step, whether they can be spoken to by then, what they hold, where they stand.

use super::any_or;
use super::steps::{Steps, goes_through};
use crate::vocabulary::presence;
use blackstart_rt::Set;
use blackstart_runbook::check::Presence;
use blackstart_runbook::needs::{Id, Met, ROADS};
use blackstart_runbook::step::{Action, Name, Who};
use blackstart_world::Person;

impl<'a> Steps<'a> {
    /// Those who may do a step: whoever has one of its roles or skills.
    pub(super) fn candidates(&self, who: &Who) -> Vec<&'a Person> {
        let persons = self.ground.scenario.people.persons.iter();
        let duration = self.ground.scenario.duration;
        let comes = |person: &&Person| presence(person, duration) != Presence::Never;
        let fits = |person: &&Person| match who {
            Who::Role(role) => person.roles.contains(&role.text),
            Who::Approvers { roles, deputies, .. } => {
                roles.iter().any(|role| fills(person, &role.text, *deputies))
            }
            Who::Team { skills, .. } => skills.iter().any(|skill| person.skills.contains(&skill.text)),
        };
        persons.filter(fits).filter(comes).collect()
    }

    /// Enough people for a step can be spoken to.
    pub(super) fn crew(&mut self, index: usize, who: &Who) -> Id {
        let people = self.candidates(who);
        let parts = match who {
            Who::Role(role) => vec![self.one_of(index, &people, &role.text)],
            Who::Team { skills, .. } => skills
                .iter()
                .map(|skill| {
                    let able: Vec<&Person> =
                        people.iter().copied().filter(|p| p.skills.contains(&skill.text)).collect();
                    self.one_of(index, &able, &skill.text)
                })
                .collect(),
            Who::Approvers { roles, of, deputies } => {
                let seats = roles.iter().map(|role| {
                    let able: Vec<&Person> = people
                        .iter()
                        .copied()
                        .filter(|person| fills(person, &role.text, *deputies))
                        .collect();
                    self.one_of(index, &able, &role.text)
                });
                let seats: Vec<Id> = seats.collect();
                if *of < seats.len() { vec![self.ground.enough(*of, &seats)] } else { seats }
            }
        };
        self.ground.graph.joint(Met::All(parts))
    }

    fn one_of(&mut self, index: usize, people: &[&'a Person], word: &str) -> Id {
        let ways = people.iter().map(|person| self.spoken_to(index, person)).collect();
        let met = any_or(ways, "nobody has this role or skill");
        self.ground.graph.fact(format!("{word} for `{}`", self.runbook.steps[index].id), met)
    }

    /// Before anybody has met on a bridge everybody's own phone will do; from then on only those on it are heard.
    fn spoken_to(&mut self, index: usize, person: &Person) -> Id {
        let earlier: Vec<usize> = (0..index).collect();
        if !earlier.iter().any(|&i| matches!(self.action(i), Some(Action::Convene { .. }))) {
            return self.ground.graph.joint(Met::Given);
        }
        let calls = |i: &usize| match self.action(*i) {
            Some(Action::Convene { roles, .. }) => {
                let caller = self.runbook.steps[*i].body.as_ref().map(|body| self.candidates(&body.who));
                roles.iter().any(|role| person.roles.contains(&role.text))
                    || caller.is_some_and(|callers| callers.iter().any(|c| c.name == person.name))
            }
            Some(Action::Call { roles } | Action::Page { roles, .. }) => {
                roles.iter().any(|role| person.roles.contains(&role.text))
            }
            Some(Action::Travel { alert: Some(role), .. }) => person.roles.contains(&role.text),
            _ => false,
        };
        let callers: Vec<usize> = earlier.into_iter().filter(calls).collect();
        let ways = callers.into_iter().map(|i| self.on_bridge(i, person)).collect();
        let met = any_or(ways, "no step before calls them to the bridge");
        self.ground
            .graph
            .fact(format!("{} on the bridge for `{}`", person.name, self.runbook.steps[index].id), met)
    }

    /// The step in which somebody is called is done, and they can open the tool in which its bridge is held.
    fn on_bridge(&mut self, index: usize, person: &Person) -> Id {
        let acted = self.acted(index);
        let Some(Action::Convene { bridge, .. }) = self.action(index) else { return acted };
        let Some(tool) = self.held_at(bridge) else { return acted };
        let machine = Met::Lost(format!("{} has no machine", person.name));
        let page = self.page(person, tool);
        let page =
            page.unwrap_or_else(|| self.ground.graph.fact(format!("{} at {tool}", person.name), machine));
        self.ground.graph.joint(Met::All(vec![acted, page]))
    }

    /// Somebody who does the step holds an item.
    pub(super) fn held(&mut self, who: &Who, item: &Name) -> Id {
        let held = self.candidates(who).iter().any(|person| person.items.contains(&item.text));
        let fetched =
            self.acting(|action| matches!(action, Action::Fetch { item: other } if other.text == item.text));
        let met = match held {
            true => Met::Given,
            false => any_or(fetched, "nobody who does this step holds it, and no step fetches it"),
        };
        self.ground.graph.fact(format!("{} in hand", item.text), met)
    }

    /// An item can be got: from the place where it lies, or from somebody who holds it and can be spoken to.
    pub(super) fn fetched(&mut self, index: usize, item: &Name) -> Id {
        let people = &self.ground.scenario.people;
        let mut ways: Vec<Id> =
            people.items.get(&item.text).map(|place| self.place(place)).into_iter().collect();
        let holders = people.persons.iter().filter(|person| person.items.contains(&item.text));
        ways.extend(holders.map(|person| self.spoken_to(index, person)).collect::<Vec<_>>());
        self.ground.graph.fact(format!("{} fetched", item.text), any_or(ways, "it is nowhere"))
    }

    /// The sites where those who do a step may stand: where they went last, or where they begin.
    pub(super) fn sites(&self, index: usize, who: &Who) -> Set<String> {
        let gone = (0..=index).rev().find_map(|i| match self.action(i) {
            Some(Action::Travel { to, .. }) if self.same_people(i, who) => Some(to.text.clone()),
            _ => None,
        });
        let people = &self.ground.scenario.people;
        let begin =
            || self.candidates(who).into_iter().filter_map(|p| people.site_of(&p.at)).map(str::to_owned);
        gone.map_or_else(|| begin().collect(), |site| Set::from([site]))
    }

    fn same_people(&self, index: usize, who: &Who) -> bool {
        self.runbook.steps[index].body.as_ref().is_some_and(|body| body.who == *who)
    }

    /// The scenario says how long it takes to a site from where those stand who do a step: one for each skill of a team.
    pub(super) fn way(&mut self, index: usize, who: &Who, site: &str) -> Id {
        let people = &self.ground.scenario.people;
        let candidates = self.candidates(who);
        let groups: Vec<Vec<&Person>> = match who {
            Who::Team { skills, .. } => {
                let able = |skill: &Name| {
                    candidates.iter().copied().filter(|person| person.skills.contains(&skill.text)).collect()
                };
                skills.iter().map(able).collect()
            }
            Who::Role(_) | Who::Approvers { .. } => vec![candidates],
        };
        let been = self.been(index);
        let lost = match people.gate_of(site) {
            None => Some("no [[place]] is there".to_owned()),
            Some(gate) => groups.into_iter().find_map(|group| {
                let begin = group.into_iter().map(|person| person.at.clone());
                let from: Set<String> = begin.chain(been.clone()).collect();
                let leads = |place: &String| place == gate || people.travel(place, gate).is_some();
                let from: Vec<&str> = match from.iter().any(leads) {
                    true => return None,
                    false => from.iter().map(String::as_str).collect(),
                };
                Some(format!("no [[travel]] joins {gate} and {}", from.join(" or ")))
            }),
        };
        self.ground.graph.fact(format!("a way to {site}"), lost.map_or(Met::Given, Met::Lost))
    }

    /// Where the steps before this one take people.
    fn been(&self, index: usize) -> Set<String> {
        let people = &self.ground.scenario.people;
        let place = |i: usize| match self.action(i)? {
            Action::Travel { to, .. } => people.gate_of(&to.text),
            Action::Enter { door, .. } | Action::Escort { door, .. } => {
                people.doors.get(&door.text).map(|door| door.to.as_str())
            }
            _ => None,
        };
        (0..index).filter_map(place).map(str::to_owned).collect()
    }

    /// Somebody can stand in a place: behind a door once that is opened; elsewhere when they are there or can travel.
    pub(super) fn place(&mut self, place: &str) -> Id {
        let (id, fresh) = self.ground.graph.named(format!("place {place}"));
        if fresh {
            let people = &self.ground.scenario.people;
            let is_here = people.persons.iter().any(|person| person.at == place);
            let doors: Vec<&str> = people
                .doors
                .values()
                .filter(|door| door.to == place)
                .map(|door| door.name.as_str())
                .collect();
            let met = match (is_here, doors.is_empty()) {
                (true, _) => Met::Given,
                (false, true) => Met::All(vec![self.word(ROADS)]),
                (false, false) => any_or(self.entries(&doors), "no step goes through its door"),
            };
            self.ground.graph.explain(id, met);
        }
        id
    }

    fn entries(&self, doors: &[&str]) -> Vec<Id> {
        self.acting(|action| goes_through(action, |door| doors.contains(&door)))
    }

    /// Somebody at a site whom those who act can speak to.
    pub(super) fn hands(&mut self, index: usize, site: &str) -> Id {
        let people = &self.ground.scenario.people;
        let there: Vec<&Person> =
            people.persons.iter().filter(|person| people.site_of(&person.at) == Some(site)).collect();
        let ways = there.into_iter().map(|person| self.spoken_to(index, person)).collect();
        let step = &self.runbook.steps[index].id;
        let met = any_or(ways, "nobody stands there");
        self.ground.graph.fact(format!("hands at {site} for `{step}`"), met)
    }
}

fn fills(person: &Person, role: &str, deputies: bool) -> bool {
    person.roles.iter().any(|r| r == role || deputies && r.strip_prefix("deputy-") == Some(role))
}
