//! Which elements, lost alone from the start, stop every run.
//!
//! Elements come from the scenario, by kind. Each is tried on a few seeds until one run gets through; those that stopped all of
//! these are confirmed on more.

use crate::validate::{Base, Depth};
use crate::{Error, Progress, Trial, Workers, trial};
use blackstart_fault::{Fault, Kind};
use blackstart_report::validation::{SinglePoint, Tried};
use blackstart_rt::Set;
use blackstart_runbook::execute::Verdict;
use blackstart_scenario::Scenario;
use blackstart_world::People;
use std::time::Duration;

/// Seeds on which every element is tried.
const SCREENED: usize = 3;
/// Seeds on which those that stopped all of these are confirmed, unless all are asked for.
const CONFIRMED: usize = 10;

/// Something that can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    Person(String),
    Item(String),
    Account(String),
    Console(String),
    Bridge(String),
    Machine(String),
    Link([String; 2]),
}

/// Elements without which no run tried gets through, and what was tried.
pub(crate) fn find(
    base: &Base<'_>,
    depth: Depth,
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<(Vec<SinglePoint>, Tried), Error> {
    // Runs that fail with nothing lost would say nothing.
    let sound = base.trials.iter().filter(|trial| trial.verdict == Verdict::Completed);
    let sound: Vec<u64> = sound.map(|trial| trial.seed).collect();
    let confirmed = if depth == Depth::Thorough { sound.len() } else { CONFIRMED.min(sound.len()) };
    let (screened, rest) = sound[..confirmed].split_at(SCREENED.min(confirmed));
    let elements = elements(base.scenario);
    progress.planned(elements.len());
    let suspects = workers.each(&elements, |element| {
        let stopped = stopped(base, element, screened);
        progress.done();
        stopped.map(|first| Some((element.clone(), first?)))
    })?;
    let suspects: Vec<(Element, Trial)> = suspects.into_iter().flatten().collect();
    progress.planned(suspects.len());
    let points = workers.each(&suspects, |(element, first)| {
        let stopped = stopped(base, element, rest);
        progress.done();
        let point = || element.point(first, confirmed);
        stopped.map(|one| (rest.is_empty() || one.is_some()).then(point))
    })?;
    let tried = Tried {
        elements: elements.len(),
        screened: screened.to_vec(),
        confirmed: sound[..confirmed].to_vec(),
    };
    Ok((points.into_iter().flatten().collect(), tried))
}

/// The first run without this element when none of these seeds gets through; tried only as far as it takes to know.
fn stopped(base: &Base<'_>, lost: &Element, seeds: &[u64]) -> Result<Option<Trial>, blackstart_sim::Error> {
    let scenario = lost.lost(base.scenario);
    let mut first = None;
    for seed in seeds {
        let trial = trial(&scenario, base.runbook, *seed)?;
        if matches!(trial.verdict, Verdict::Completed | Verdict::Late) {
            return Ok(None);
        }
        first.get_or_insert(trial);
    }
    Ok(first)
}

fn elements(scenario: &Scenario) -> Vec<Element> {
    let people = &scenario.people;
    let items: Set<&String> = people.persons.iter().flat_map(|person| &person.items).collect();
    let persons = people.persons.iter().map(|person| Element::Person(person.name.clone()));
    persons
        .chain(items.into_iter().cloned().map(Element::Item))
        .chain(people.accounts.keys().cloned().map(Element::Account))
        .chain(people.consoles.iter().map(|console| Element::Console(console.name.clone())))
        .chain(people.bridges.keys().cloned().map(Element::Bridge))
        .chain(scenario.instruments().into_iter().map(Element::Machine))
        .chain(scenario.borders().into_iter().map(Element::Link))
        .collect()
}

impl Element {
    /// The scenario without it.
    fn lost(&self, scenario: &Scenario) -> Scenario {
        let mut scenario = scenario.clone();
        match self {
            Self::Machine(machine) => {
                scenario.faults.push(from_the_start(Kind::PowerOff { machine: machine.clone() }))
            }
            Self::Link(ends) => scenario.faults.push(from_the_start(Kind::LinkDown { ends: ends.clone() })),
            _ => self.leave(&mut scenario.people),
        }
        scenario
    }

    fn leave(&self, people: &mut People) {
        match self {
            Self::Person(name) => people.persons.retain(|person| person.name != *name),
            Self::Item(name) => {
                people.persons.iter_mut().for_each(|person| person.items.retain(|item| item != name));
            }
            Self::Account(name) => drop(people.accounts.remove(name)),
            Self::Console(name) => people.consoles.retain(|console| console.name != *name),
            Self::Bridge(name) => drop(people.bridges.remove(name)),
            Self::Machine(_) | Self::Link(_) => {}
        }
    }

    fn kind(&self) -> &'static str {
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

    fn name(&self) -> String {
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

    fn point(&self, first: &Trial, runs: usize) -> SinglePoint {
        let step = first.stopped_at().map(|(_, step)| step);
        SinglePoint {
            kind: self.kind(),
            name: self.name(),
            step: step.map(|step| step.id.clone()).unwrap_or_default(),
            chain: step.and_then(|step| step.blocked_on.clone()).unwrap_or_default(),
            runs,
        }
    }
}

fn from_the_start(kind: Kind) -> Fault {
    Fault { at: Duration::ZERO, until: None, kind }
}
