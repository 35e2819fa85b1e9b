//! Who does a step: chosen from those who can be reached, in the order of the scenario's list.

use super::{Failure, Incident, Kind};
use crate::step::{Name, Who};
use blackstart_rt::Set;
use blackstart_sim::Time;
use blackstart_world::{Lapse, Person};

impl Incident {
    /// Whether somebody answers a call now.
    pub(super) fn answers(&self, person: &Person) -> bool {
        person.answers(Time::now().since_start())
            && !self.has_left(person)
            && !self.world.lapses(&person.name, Lapse::Away)
    }

    /// The people who do a step, by name.
    pub(super) fn crew_for(&self, who: &Who) -> Result<Vec<String>, Failure> {
        match who {
            Who::Role(role) => self.one_with_role(&role.text).map(|name| vec![name]),
            Who::Approvers { roles, of, deputies } => self.approvers(roles, *of, *deputies),
            Who::Team { skills, .. } => self.team(skills),
        }
    }

    /// People who can be spoken to: those on a bridge; before there is one, everybody's own phone.
    pub(super) fn reachable(&self) -> Vec<&Person> {
        let on_bridges: Set<String> = self.world.with_state(|state| {
            let people = state.physical.bridges.keys().flat_map(|bridge| state.physical.on_bridge(bridge));
            people.map(str::to_owned).collect()
        });
        let hears = |person: &&Person| match on_bridges.is_empty() {
            true => self.answers(person),
            false => {
                let is_there = on_bridges.contains(&person.name) || self.has_come(person);
                is_there && !self.has_left(person) && !self.world.lapses(&person.name, Lapse::Away)
            }
        };
        self.world.people.persons.iter().filter(hears).collect()
    }

    /// Whoever took the role over and has not gone home; else the first who has it.
    pub(super) fn one_with_role(&self, role: &str) -> Result<String, Failure> {
        let acting = self.world.with_state(|state| state.physical.acting.get(role).cloned());
        let acting =
            acting.filter(|name| !self.world.people.person(name).is_some_and(|person| self.has_left(person)));
        let has = |person: &&&Person| match &acting {
            Some(acting) => person.name == *acting,
            None => person.roles.iter().any(|r| r == role),
        };
        let found = self.reachable().iter().find(has).map(|person| person.name.clone());
        found.ok_or_else(|| {
            Failure::at_once(Kind::Person, role, format!("nobody who can be reached is {role}"))
        })
    }

    fn approvers(&self, roles: &[Name], of: usize, deputies: bool) -> Result<Vec<String>, Failure> {
        let stand_in =
            |role: &str| deputies.then(|| self.one_with_role(&format!("deputy-{role}")).ok()).flatten();
        let holder = |role: &Name| self.one_with_role(&role.text).ok().or_else(|| stand_in(&role.text));
        let found: Set<String> = roles.iter().filter_map(holder).collect();
        match found.len() >= of {
            true => Ok(found.into_iter().collect()),
            false => {
                let asked: Vec<&str> = roles.iter().map(|role| role.text.as_str()).collect();
                let text = format!("{} of {of} approvers can be reached", found.len());
                Err(Failure::at_once(Kind::Person, asked.join(", "), text))
            }
        }
    }

    /// The fewest people, first come first taken, who have all skills between them.
    fn team(&self, skills: &[Name]) -> Result<Vec<String>, Failure> {
        let reachable = self.reachable();
        let mut team: Vec<String> = Vec::new();
        for skill in skills {
            let has = |person: &&&Person| person.skills.contains(&skill.text);
            let known = reachable.iter().filter(has).any(|person| team.contains(&person.name));
            if known {
                continue;
            }
            let Some(person) = reachable.iter().find(has) else {
                let text = format!("nobody who can be reached has `{}`", skill.text);
                return Err(Failure::at_once(Kind::Person, skill.text.clone(), text));
            };
            team.push(person.name.clone());
        }
        Ok(team)
    }

    /// The first of the crew: who speaks and types.
    pub(super) fn lead(&self) -> Result<String, Failure> {
        self.crew.borrow().first().cloned().ok_or_else(|| "nobody acts in this step".to_owned().into())
    }

    /// Who of the crew holds an item.
    pub(super) fn holder(&self, item: &str) -> Result<String, Failure> {
        let crew = self.crew.borrow();
        let holds = |name: &&String| self.world.with_state(|state| state.physical.holds(name, item));
        let found = crew.iter().find(holds).cloned();
        let nobody = || format!("none of {} holds `{item}`", crew.join(", "));
        found.ok_or_else(|| Failure::at_once(Kind::Item, item, nobody()))
    }

    /// Where a person is now.
    pub(super) fn place_of(&self, person: &str) -> Result<String, Failure> {
        let place = self.world.with_state(|state| state.physical.at.get(person).cloned());
        place.ok_or_else(|| format!("nobody knows where {person} is").into())
    }

    /// The site where the crew stands.
    pub(super) fn site(&self) -> Result<String, Failure> {
        let place = self.place_of(&self.lead()?)?;
        let site = self.world.people.site_of(&place).map(str::to_owned);
        site.ok_or_else(|| format!("{place} is not at a site").into())
    }
}
