//! Which smallest sets of losses stop a runbook on every seed, and which one change would get it through all the same.
//!
//! - [`cuts`]: the question to its answer. Start here.
//! - `search`: the search, over anything that can be lost
//! - `candidates`: what may still be a cut, proposed by a SAT solver

mod candidates;
mod search;

use crate::element::{Element, elements, without};
use crate::mitigate::Change;
use crate::trial::steps_alone;
use crate::{Error, Progress, Seeds, Trial, Workers, named, record};
use blackstart_report::cuts::{Cut, Cuts, Lost};
use blackstart_report::recovery::Outage;
use blackstart_rt::Set;
use blackstart_runbook::step::Runbook;
use blackstart_scenario::Scenario;
use candidates::Elements;
use search::{Answer, Found, Oracle, search};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sets that are asked for at once. It does not follow the machine: the order of questions may decide which of several
/// explanations is found first.
const WIDTH: usize = 8;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The scenario, its variant applied.
    pub scenario: &'a Scenario,
    /// The runbook.
    pub runbook: &'a Arc<Runbook>,
    /// A cut stops the runs of all of these.
    pub seeds: Seeds,
    /// The most elements of a cut.
    pub max: usize,
    /// Changes of which those are looked for that get through a cut all the same; hypotheses are no changes.
    pub changes: &'a [Change],
}

/// Looks for every minimal cut up to the size asked. `goes_on` is asked now and then whether there is time left. `wall_s` is 0:
/// whoever may read the wall clock fills it in.
///
/// # Errors
/// When the engine refuses.
pub fn cuts(
    question: &Question<'_>,
    workers: &Workers,
    progress: &dyn Progress,
    goes_on: &(dyn Fn() -> bool + Sync),
) -> Result<Cuts, Error> {
    let elements = elements(question.scenario);
    let seeds = question.seeds.all();
    let runs = AtomicUsize::new(0);
    let changes: Vec<&Change> = question.changes.iter().filter(|change| !change.hypothesis).collect();
    let losses =
        Losses { question, elements: &elements, seeds: &seeds, workers, progress, goes_on, runs: &runs };
    let Found { cuts, no_outage, mut exhausted } = search(&losses, elements.len(), question.max, WIDTH)?;
    let explained = workers.each(&cuts, |cut| losses.explained(cut))?;
    let mut shown = Vec::new();
    for (mut cut, lost) in explained.into_iter().zip(&cuts) {
        let is_time_left = goes_on();
        exhausted &= is_time_left;
        if is_time_left {
            cut.repairs = losses.repairs(lost, &changes)?;
        }
        shown.push(cut);
    }
    Ok(Cuts {
        scenario: question.scenario.name.clone(),
        variant: question.scenario.variant.clone(),
        runbook: question.runbook.name.clone(),
        seeds: question.seeds.to_string(),
        max: question.max,
        elements: elements.iter().map(lost).collect(),
        changes: changes.len(),
        runs: runs.load(Ordering::Relaxed),
        wall_s: 0.0,
        exhausted,
        cuts: shown,
        no_outage: no_outage.iter().map(|set| losses.names(set)).collect(),
    })
}

/// The scenario with sets of elements lost.
struct Losses<'a> {
    question: &'a Question<'a>,
    elements: &'a [Element],
    seeds: &'a [u64],
    workers: &'a Workers,
    progress: &'a dyn Progress,
    goes_on: &'a (dyn Fn() -> bool + Sync),
    runs: &'a AtomicUsize,
}

impl Losses<'_> {
    fn of<'b>(&'b self, lost: &'b Elements) -> impl Iterator<Item = &'b Element> {
        lost.iter().filter_map(|element| self.elements.get(*element))
    }

    fn names(&self, set: &Elements) -> Vec<Lost> {
        self.of(set).map(lost).collect()
    }

    fn without(&self, scenario: &Scenario, lost: &Elements) -> Scenario {
        without(scenario, self.of(lost))
    }

    /// A run, counted.
    fn run(
        &self,
        scenario: &Scenario,
        runbook: &Arc<Runbook>,
        lost: &Elements,
        seed: u64,
    ) -> Result<Trial, Error> {
        self.progress.planned(1);
        let trial = steps_alone(&self.without(scenario, lost), runbook, seed);
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.progress.done();
        Ok(trial?)
    }

    /// Why the first seed's run stops with these lost.
    fn explained(&self, cut: &Elements) -> Result<Cut, Error> {
        let scenario = self.without(self.question.scenario, cut);
        let seed = self.seeds.first().copied().unwrap_or_default();
        let stopped = record::why_stopped(&scenario, &self.question.runbook.name, seed)?;
        let (step, tree) = stopped.unzip();
        let reason = step.as_ref().and_then(|step| step.blocked_on.clone()).unwrap_or_default();
        let tree = tree.filter(|tree| !tree.causes.is_empty());
        Ok(Cut {
            faults: self.names(cut),
            step: step.map(|step| step.id).unwrap_or_default(),
            chain: tree.map_or(reason, |tree| tree.chain(record::CHAIN_COLUMNS)),
            repairs: Vec::new(),
        })
    }

    /// Those of `changes` with any one of which every seed's run gets through with these lost.
    fn repairs(&self, cut: &Elements, changes: &[&Change]) -> Result<Vec<String>, Error> {
        let helps = self.workers.each(changes, |change| {
            let runbook = named(&change.scenario, &self.question.runbook.name)?;
            for seed in self.seeds {
                if !gets_through(&self.run(&change.scenario, runbook, cut, *seed)?) {
                    return Ok::<bool, Error>(false);
                }
            }
            Ok(true)
        })?;
        let helping = changes.iter().zip(helps).filter(|(_, helps)| *helps);
        Ok(helping.map(|(change, _)| change.name.clone()).collect())
    }

    /// Elements that the run's report names: who did something, and with what.
    fn used(&self, trial: &Trial) -> Elements {
        let spent = trial.report.steps.iter().flat_map(|step| &step.spent);
        let named: Set<&str> = spent.flat_map(|spent| [spent.who.as_str(), spent.what.as_str()]).collect();
        let is_used = |element: &Element| named.contains(element.name().as_str());
        (0..self.elements.len()).filter(|element| is_used(&self.elements[*element])).collect()
    }
}

impl Oracle for Losses<'_> {
    type Error = Error;

    fn lose(&self, lost: &Elements) -> Result<Answer, Error> {
        for seed in self.seeds {
            let trial = self.run(self.question.scenario, self.question.runbook, lost, *seed)?;
            if trial.outage == Outage::None {
                return Ok(Answer::NoOutage);
            }
            if gets_through(&trial) {
                return Ok(Answer::Goes { seed: *seed, used: self.used(&trial) });
            }
        }
        Ok(Answer::Stops)
    }

    fn goes(&self, lost: &Elements, seed: u64) -> Result<bool, Error> {
        Ok(gets_through(&self.run(self.question.scenario, self.question.runbook, lost, seed)?))
    }

    fn at_once<R: Send>(
        &self,
        sets: &[Elements],
        ask: impl Fn(&Elements) -> Result<R, Error> + Send + Sync,
    ) -> Result<Vec<R>, Error> {
        self.workers.each(sets, ask)
    }

    fn goes_on(&self) -> bool {
        (self.goes_on)()
    }
}

fn lost(element: &Element) -> Lost {
    Lost { kind: element.kind(), name: element.name() }
}

/// Whether the runbook was carried out, in time or late; what nothing models is not what stops it.
fn gets_through(trial: &Trial) -> bool {
    !trial.is_stopped() && trial.outage != Outage::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use blackstart_rt::Map;
    use std::path::Path;

    /// Every set of up to `max` elements asked for by itself.
    fn by_brute_force(losses: &Losses<'_>, max: usize) -> Vec<Elements> {
        let all = losses.elements.len();
        let mut sets: Vec<Elements> = vec![Elements::new()];
        for _ in 0..max {
            let longer = sets
                .iter()
                .flat_map(|set| (0..all).map(|element| set.iter().copied().chain([element]).collect()));
            sets = longer.chain(sets.clone()).collect::<Set<Elements>>().into_iter().collect();
        }
        let answers = losses.at_once(&sets, |set| losses.lose(set)).unwrap();
        let answers: Map<Elements, Answer> = sets.into_iter().zip(answers).collect();
        let is_minimal = |set: &Elements| {
            let mut smaller = answers.keys().filter(|other| other.is_subset(set) && *other != set);
            smaller.all(|other| matches!(answers[other], Answer::Goes { .. }))
        };
        let stops =
            answers.iter().filter(|(_, answer)| **answer == Answer::Stops).map(|(set, _)| set.clone());
        stops.filter(is_minimal).collect()
    }

    #[test]
    fn cuts_of_a_small_world_are_those_that_trying_every_set_finds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../blackstart/tests/data/small");
        let scenario = Scenario::load(&folder, None).unwrap();
        let runbook = scenario.runbooks.values().next().unwrap();
        let seeds: Seeds = "1..2".parse().unwrap();
        let question = Question { scenario: &scenario, runbook, seeds, max: 2, changes: &[] };
        let (workers, runs) = (Workers::new(None).unwrap(), AtomicUsize::new(0));
        let losses = Losses {
            question: &question,
            elements: &elements(&scenario),
            seeds: &seeds.all(),
            workers: &workers,
            progress: &(),
            goes_on: &|| true,
            runs: &runs,
        };
        let mut found = search(&losses, losses.elements.len(), 2, WIDTH).unwrap();
        let searched = runs.swap(0, Ordering::Relaxed);
        found.cuts.sort();
        assert_eq!(found.cuts, by_brute_force(&losses, 2));
        assert!(found.exhausted && !found.cuts.is_empty());
        let tried = runs.into_inner();
        assert!(searched < tried, "{searched} runs to find what {tried} show");
    }
}
