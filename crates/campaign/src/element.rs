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
    Item(String),
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
    let items: Set<&String> = people.persons.iter().flat_map(|person| &person.items).collect();
    let persons = people.persons.iter().map(|person| Element::Person(person.name.clone()));
    persons
        .chain(items.into_iter().cloned().map(Element::Item))
        .chain(people.accounts.keys().cloned().map(Element::Account))
        .chain(people.consoles.iter().map(|console| Element::Console(console.name.clone())))
        .chain(people.bridges.keys().cloned().map(Element::Bridge))
        .chain(machines.map(Element::Machine))
        .chain(links.map(Element::Link))
        .collect()
}

/// The scenario without these elements of `before`, from which it may differ: what was added to it is not lost.
pub(crate) fn without<'a>(
    scenario: &Scenario,
    elements: impl IntoIterator<Item = &'a Element>,
    before: &Scenario,
) -> Scenario {
    let mut scenario = scenario.clone();
    elements.into_iter().for_each(|element| element.lose(&mut scenario, &before.people));
    scenario
}

impl Element {
    fn lose(&self, scenario: &mut Scenario, before: &People) {
        match self {
            Self::Machine(machine) => {
                scenario.faults.push(from_the_start(Kind::PowerOff { machine: machine.clone() }));
            }
            Self::Link(ends) => scenario.faults.push(from_the_start(Kind::LinkDown { ends: ends.clone() })),
            _ => self.leave(&mut scenario.people, before),
        }
    }

    fn leave(&self, people: &mut People, before: &People) {
        match self {
            Self::Person(name) => people.persons.retain(|person| person.name != *name),
            Self::Item(name) => {
                let held = |person: &&Person| person.items.contains(name);
                let holders: Set<&String> =
                    before.persons.iter().filter(held).map(|person| &person.name).collect();
                let holding = people.persons.iter_mut().filter(|person| holders.contains(&person.name));
                holding.for_each(|person| person.items.retain(|item| item != name));
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
            Self::Item(_) => "item",
            Self::Account(_) => "account",
            Self::Console(_) => "console",
            Self::Bridge(_) => "bridge",
            Self::Machine(_) => "machine",
            Self::Link(_) => "link",
        }
    }

    /// Its name in the scenario.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Link([a, b]) => format!("{a} - {b}"),
            Self::Person(name)
            | Self::Item(name)
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
