//! Elements that a recovery may stand on, and the scenario without some of them from the start.
//!
//! They are people and what they hold and use, machines that a recovery is carried out with, and links between owners.

use blackstart_fault::{Fault, Kind};
use blackstart_rt::Set;
use blackstart_scenario::Scenario;
use blackstart_world::{People, Person};
use std::time::Duration;

/// Something that can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Person(String),
    /// In one person's hands: what others hold too is not lost with it.
    Item {
        item: String,
        holder: String,
        /// Nobody else holds one.
        alone: bool,
    },
    Account(String),
    Console(String),
    Bridge(String),
    Machine(String),
    Link([String; 2]),
}

/// Everything whose loss is tried; not what the scenario spares, nor links to it.
pub(crate) fn elements(scenario: &Scenario) -> Vec<Element> {
    let people = &scenario.people;
    let targets = scenario.breakable();
    let breakable = |machine: &String| !targets.machines_of(machine).is_empty();
    let machines = scenario.instruments().into_iter().filter(&breakable);
    let links = scenario.borders().into_iter().filter(|ends| ends.iter().all(&breakable));
    let persons = people.persons.iter().map(|person| Element::Person(person.name.clone()));
    persons
        .chain(items(&people.persons))
        .chain(people.accounts.keys().cloned().map(Element::Account))
        .chain(people.consoles.iter().map(|console| Element::Console(console.name.clone())))
        .chain(people.bridges.keys().cloned().map(Element::Bridge))
        .chain(machines.map(Element::Machine))
        .chain(links.map(Element::Link))
        .collect()
}

/// What people hold, in the order of its names.
fn items(persons: &[Person]) -> Vec<Element> {
    let held: Set<(&String, &String)> =
        persons.iter().flat_map(|person| person.items.iter().map(move |item| (item, &person.name))).collect();
    let one = |(item, holder): &(&String, &String)| Element::Item {
        item: (*item).clone(),
        holder: (*holder).clone(),
        alone: held.iter().filter(|(other, _)| other == item).count() == 1,
    };
    held.iter().map(one).collect()
}

/// The scenario without these elements.
pub(crate) fn without<'a>(scenario: &Scenario, elements: impl IntoIterator<Item = &'a Element>) -> Scenario {
    let mut scenario = scenario.clone();
    elements.into_iter().for_each(|element| element.lose(&mut scenario));
    scenario
}

impl Element {
    fn lose(&self, scenario: &mut Scenario) {
        match self {
            Self::Machine(machine) => {
                scenario.faults.push(from_the_start(Kind::PowerOff { machine: machine.clone() }));
            }
            Self::Link(ends) => scenario.faults.push(from_the_start(Kind::LinkDown { ends: ends.clone() })),
            _ => self.leave(&mut scenario.people),
        }
    }

    fn leave(&self, people: &mut People) {
        match self {
            Self::Person(name) => people.persons.retain(|person| person.name != *name),
            Self::Item { item, holder, .. } => {
                let holding = people.persons.iter_mut().filter(|person| person.name == *holder);
                holding.for_each(|person| person.items.retain(|other| other != item));
            }
            Self::Account(name) => drop(people.accounts.remove(name)),
            Self::Console(name) => people.consoles.retain(|console| console.name != *name),
            Self::Bridge(name) => drop(people.bridges.remove(name)),
            Self::Machine(_) | Self::Link(_) => {}
        }
    }

    /// What it is, in a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Person(_) => "person",
            Self::Item { .. } => "item",
            Self::Account(_) => "account",
            Self::Console(_) => "console",
            Self::Bridge(_) => "bridge",
            Self::Machine(_) => "machine",
            Self::Link(_) => "link",
        }
    }

    /// Whether a text speaks of it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Item { item, .. } => text.contains(item),
            other => text.contains(&other.name()),
        }
    }

    /// Its name in the scenario.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Link([a, b]) => format!("{a} - {b}"),
            Self::Item { item, holder, alone: false } => format!("{item} of {holder}"),
            Self::Person(name)
            | Self::Item { item: name, .. }
            | Self::Account(name)
            | Self::Console(name)
            | Self::Bridge(name)
            | Self::Machine(name) => name.clone(),
        }
    }
}

fn from_the_start(kind: Kind) -> Fault {
    Fault::at(Duration::ZERO, None, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_two_people_hold_is_lost_in_two_pieces() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/three-services");
        let mut scenario = Scenario::load(&path, None).unwrap();
        let items = |scenario: &Scenario| -> Vec<String> {
            let items = elements(scenario).into_iter().filter(|element| element.kind() == "item");
            items.map(|item| item.name()).collect()
        };
        assert_eq!(items(&scenario), ["cage-key", "code-generator", "laptop", "wallet-card"]);
        let ben = scenario.people.persons.iter_mut().find(|person| person.name == "Ben").unwrap();
        ben.items.push("laptop".to_owned());
        assert_eq!(
            items(&scenario),
            ["cage-key", "code-generator", "laptop of Ada", "laptop of Ben", "wallet-card"]
        );
        let all = elements(&scenario);
        let lost = all.iter().find(|element| element.name() == "laptop of Ada").unwrap();
        let holds = |scenario: &Scenario, name: &str| {
            scenario.people.person(name).unwrap().items.contains(&"laptop".to_owned())
        };
        let without = without(&scenario, [lost]);
        assert!(!holds(&without, "Ada") && holds(&without, "Ben"));
    }
}
