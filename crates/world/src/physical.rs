//! Where everyone is and what has been agreed, folded from the records: nothing here decides anything.

use crate::event::Event;
use crate::people::People;
use blackstart_rt::{Map, Set};

/// The physical side of a run at one moment.
#[derive(Clone, Debug, Default)]
pub struct Physical {
    /// Place of each person.
    pub at: Map<String, String>,
    /// Bridge -> role -> people who joined in that role.
    pub bridges: Map<String, Map<String, Set<String>>>,
    /// Sites whose guard has the names.
    pub guard_told: Set<String>,
    /// What each person holds.
    pub held: Map<String, Set<String>>,
    /// Items that nobody holds -> place.
    pub lying: Map<String, String>,
    /// Role -> who took it over.
    pub acting: Map<String, String>,
    /// Team -> members.
    pub teams: Map<String, Vec<String>>,
    /// Router -> people with a privileged prompt on it.
    pub prompts: Map<String, Set<String>>,
    /// Router -> ports that its last change shut.
    pub shut_by_last_change: Map<String, Vec<String>>,
    /// Data centres reached from a console, of how many.
    pub reach: Option<(u32, u32)>,
    /// Services that start again -> what they wait for, if anything.
    pub starting: Map<String, Option<String>>,
    /// Share of users that may come in, as last ordered.
    pub admitted_percent: Option<u32>,
}

impl Physical {
    /// The start: everyone where the scenario puts them.
    #[must_use]
    pub fn new(people: &People) -> Self {
        let at = people.persons.iter().map(|p| (p.name.clone(), p.at.clone())).collect();
        let held = people.persons.iter().map(|p| (p.name.clone(), p.items.iter().cloned().collect()));
        Self { at, held: held.collect(), lying: people.items.clone(), ..Self::default() }
    }

    /// Whether a person holds an item.
    #[must_use]
    pub fn holds(&self, person: &str, item: &str) -> bool {
        self.held.get(person).is_some_and(|items| items.contains(item))
    }

    /// Takes one event in.
    pub fn step(&mut self, event: &Event) {
        match event {
            Event::Joined { person, role, bridge } => {
                let roles = self.bridges.entry(bridge.clone()).or_default();
                roles.entry(role.clone()).or_default().insert(person.clone());
            }
            Event::GuardTold { site } => {
                self.guard_told.insert(site.clone());
            }
            Event::TeamFormed { team, members } => {
                self.teams.insert(team.clone(), members.clone());
            }
            Event::Took { person, item, from } => {
                let left = from.as_ref().and_then(|from| self.held.get_mut(from));
                left.map(|items| items.remove(item));
                self.lying.remove(item);
                self.held.entry(person.clone()).or_default().insert(item.clone());
            }
            Event::HandedOver { role, to } => {
                self.acting.insert(role.clone(), to.clone());
            }
            Event::Moved { person, to } => {
                self.at.insert(person.clone(), to.clone());
            }
            Event::Prompt { person, router, .. } => {
                self.prompts.entry(router.clone()).or_default().insert(person.clone());
            }
            Event::Compared { router, shut } => {
                self.shut_by_last_change.insert(router.clone(), shut.clone());
            }
            Event::Booting { service } => {
                self.starting.insert(service.clone(), None);
            }
            Event::BootWaits { service, on } => {
                self.starting.insert(service.clone(), Some(on.clone()));
            }
            Event::Booted { service } => {
                self.starting.remove(service);
            }
            Event::Reach { reached, total } => self.reach = Some((*reached, *total)),
            Event::Admitted { percent } => self.admitted_percent = Some(*percent),
            _ => {}
        }
    }

    /// Whether every member of a team is in a place for which `here` holds.
    #[must_use]
    pub fn team_is(&self, team: &str, here: impl Fn(&str) -> bool) -> bool {
        let Some(members) = self.teams.get(team) else { return false };
        members.iter().all(|m| self.at.get(m).is_some_and(|place| here(place)))
    }

    /// Everyone on a bridge, in name order.
    #[must_use]
    pub fn on_bridge(&self, bridge: &str) -> Set<&str> {
        let roles = self.bridges.get(bridge).into_iter().flatten();
        roles.flat_map(|(_, people)| people.iter().map(String::as_str)).collect()
    }
}
