//! Which elements, lost alone from the start, stop every run.
//!
//! Elements come from the scenario, by kind. Whoever gets through without several at once gets through without each of them, so
//! elements that nothing names are lost together first, and a group without which the run stops is halved. What is left is lost
//! alone: on the earliest run, on the median run, and those that stop both on more.

use crate::validate::{Base, Depth, by_recovery};
use crate::{Error, Progress, Trial, Workers, trial};
use blackstart_fault::{Fault, Kind};
use blackstart_report::validation::{SinglePoint, Tried};
use blackstart_rt::Set;
use blackstart_runbook::execute::Verdict;
use blackstart_scenario::Scenario;
use blackstart_world::People;
use std::time::Duration;

/// Runs for all of it, unless everything is asked for.
const RUNS: usize = 40;
/// Those of them that may go into the first look.
const FIRST_LOOK: usize = 30;
/// Seeds on which what stopped two runs is confirmed, at most.
const CONFIRMED: usize = 10;
/// Elements that are lost together at first.
const TOGETHER: usize = 8;

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
    let limit = |runs| if depth == Depth::Thorough { usize::MAX } else { runs };
    let seeds = seeds(base.trials);
    let (screened, further) = seeds.split_at(2.min(seeds.len()));
    let elements = elements(base.scenario);
    let lost_on = |elements: &[Element], seed: u64| {
        let trial = trial(&without(base.scenario, elements), base.runbook, seed);
        progress.done();
        trial.map(|trial| trial.is_stopped().then_some(trial))
    };
    let (mut runs, mut untried) = (0, 0);
    let mut stopping: Vec<(Element, Trial)> = Vec::new();
    let mut groups = groups(base, &elements);
    while let (false, Some(seed)) = (groups.is_empty(), screened.first()) {
        let room = limit(FIRST_LOOK) - runs;
        untried += groups.drain(room.min(groups.len())..).map(|group| group.len()).sum::<usize>();
        progress.planned(groups.len());
        runs += groups.len();
        let ends = workers.each(&groups, |group| lost_on(group, *seed))?;
        let mut halves = Vec::new();
        for (group, end) in groups.into_iter().zip(ends) {
            match (&group[..], end) {
                (_, None) => {}
                ([alone], Some(trial)) => stopping.push((alone.clone(), trial)),
                (several, Some(_)) => {
                    let (a, b) = several.split_at(several.len() / 2);
                    halves.extend([a.to_vec(), b.to_vec()]);
                }
            }
        }
        groups = halves;
    }
    for seed in screened.iter().skip(1) {
        runs += stopping.len();
        retain(&mut stopping, *seed, &lost_on, workers, progress)?;
    }
    let room = limit(RUNS).saturating_sub(runs) / stopping.len().max(1);
    let confirmed = &further[..further.len().min(room).min(limit(CONFIRMED - screened.len()))];
    for seed in confirmed {
        runs += stopping.len();
        retain(&mut stopping, *seed, &lost_on, workers, progress)?;
    }
    let order = |element: &Element| elements.iter().position(|one| one == element);
    stopping.sort_by_key(|(element, _)| order(element));
    let tried = Tried {
        elements: elements.len() - untried,
        untried,
        screened: screened.to_vec(),
        confirmed: [screened, confirmed].concat(),
        runs,
    };
    let points = stopping.iter().map(|(element, first)| element.point(first, tried.confirmed.len()));
    Ok((points.collect(), tried))
}

/// Keeps those without which the run of this seed stops too.
fn retain(
    stopping: &mut Vec<(Element, Trial)>,
    seed: u64,
    lost_on: &(impl Fn(&[Element], u64) -> Result<Option<Trial>, blackstart_sim::Error> + Sync),
    workers: &Workers,
    progress: &dyn Progress,
) -> Result<(), Error> {
    progress.planned(stopping.len());
    let ends = workers.each(stopping, |(element, _)| lost_on(std::slice::from_ref(element), seed))?;
    let mut stops = ends.into_iter().map(|end| end.is_some());
    stopping.retain(|_| stops.next() == Some(true));
    Ok(())
}

/// Seeds of the runs that complete, the earliest and the median first: runs that fail with nothing lost would say nothing.
fn seeds(trials: &[Trial]) -> Vec<u64> {
    let sorted = by_recovery(trials).into_iter().filter(|trial| trial.verdict == Verdict::Completed);
    let mut sorted: Vec<u64> = sorted.map(|trial| trial.seed).collect();
    let mut seeds = Vec::new();
    if !sorted.is_empty() {
        seeds.push(sorted.remove(0));
    }
    if !sorted.is_empty() {
        seeds.push(sorted.remove((sorted.len() - 1) / 2));
    }
    sorted.sort_unstable();
    seeds.extend(sorted);
    seeds
}

/// What is lost together in the first runs: what the runbook or the reports name alone, the rest several at once, kind by kind.
fn groups(base: &Base<'_>, elements: &[Element]) -> Vec<Vec<Element>> {
    let named = named(base);
    let is_named = |element: &&Element| named.iter().any(|text| text.contains(&element.name()));
    let (alone, rest): (Vec<&Element>, Vec<&Element>) = elements.iter().partition(is_named);
    let alone = alone.into_iter().map(|element| vec![element.clone()]);
    let (links, rest): (Vec<&Element>, Vec<&Element>) =
        rest.into_iter().partition(|element| matches!(element, Element::Link(_)));
    let together = [rest, links];
    let together = together.iter().flat_map(|elements| elements.chunks(TOGETHER));
    alone.chain(together.map(|chunk| chunk.iter().copied().cloned().collect())).collect()
}

/// The runbook's text, and who and what its reports say was there.
fn named<'a>(base: &Base<'a>) -> Set<&'a str> {
    let steps = base.trials.iter().flat_map(|trial| &trial.report.steps);
    let spent =
        steps.flat_map(|step| &step.spent).flat_map(|spent| [spent.who.as_str(), spent.what.as_str()]);
    spent.chain([base.runbook.file.text()]).collect()
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

/// The scenario without these.
fn without(scenario: &Scenario, elements: &[Element]) -> Scenario {
    let mut scenario = scenario.clone();
    elements.iter().for_each(|element| element.lose(&mut scenario));
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
    Fault::at(Duration::ZERO, None, kind)
}
