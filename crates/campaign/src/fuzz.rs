//! Looks for schedules of faults that nobody thought of, with which people do not get everything back.
//!
//! - [`fuzz`]: the question to its answer. Start here.
//! - [`attempt`]: one run with a schedule
//! - `corpus`: which schedule is tried next: random, swarm, guided by what runs were like
//! - `features`: what a run was like
//! - [`shrink`]: a schedule that fails to the smallest that fails in the same way
//! - [`memo`]: runs that were done are not done again
//!
//! Everything follows from the question: runs go in rounds, each round from what the ones before showed, and what a run shows
//! may come from memory. So a search that was broken off goes on where it was when the same question is asked again.

pub mod attempt;
mod corpus;
mod features;
pub mod memo;
pub mod shrink;

use crate::{Error, Progress, Workers, record};
use attempt::{Attempt, Failure};
use blackstart_fault::{Arsenal, Budget, Fault};
use blackstart_report::fuzzing::{Finding, Fuzzing};
use blackstart_report::why::Tree;
use blackstart_rt::{Map, Set};
use blackstart_runbook::step::Runbook;
use blackstart_scenario::Scenario;
pub use corpus::Mode;
use corpus::{Corpus, Draw};
use memo::{Asked, Memory};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs of a round. It does not follow the machine, so that the search is the same on any.
const ROUND: u64 = 16;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The scenario, its variant applied.
    pub scenario: &'a Scenario,
    /// The runbook that people try.
    pub runbook: &'a Arc<Runbook>,
    /// What everything that is drawn follows from; run `n` has the seed `seed + n`.
    pub seed: u64,
    /// Runs with drawn schedules.
    pub runs: u64,
    /// The most faults of a schedule.
    pub faults_max: usize,
    /// How schedules are chosen.
    pub mode: Mode,
}

/// Searches. `goes_on` is asked before each round whether there is time left. `wall_s` is 0: whoever may read the wall clock
/// fills it in.
///
/// # Errors
/// When the engine refuses, or memory fails.
pub fn fuzz(
    question: &Question<'_>,
    memory: &dyn Memory,
    workers: &Workers,
    progress: &dyn Progress,
    goes_on: &dyn Fn() -> bool,
) -> Result<Fuzzing, Error> {
    let search = Search { question, memory, progress, executed: AtomicUsize::new(0) };
    let length = question.scenario.duration;
    let budget = Budget { faults_max: question.faults_max, length, spared: Set::new() };
    let mut corpus =
        Corpus::new(question.mode, Arsenal::new(&question.scenario.breakable()), budget, question.seed);
    let mut known: Set<String> = Set::new();
    let mut failed: Vec<(Failure, Draw, Vec<Fault>)> = Vec::new();
    let mut drawn = 0;
    while drawn < question.runs && goes_on() {
        let round: Vec<u64> = (drawn..question.runs.min(drawn + ROUND)).collect();
        let draws: Vec<Draw> = round.iter().map(|run| corpus.draw(*run)).collect();
        progress.planned(draws.len());
        let attempts = workers.each(&draws, |draw| {
            let attempt = search.attempt(&draw.schedule, draw.seed);
            progress.done();
            attempt
        })?;
        for (draw, attempt) in draws.into_iter().zip(attempts) {
            corpus.learn(&draw, &attempt);
            for failure in attempt.failures {
                if known.insert(failure.key.clone()) {
                    failed.push((failure, draw.clone(), attempt.executed.clone()));
                }
            }
        }
        drawn += round.len() as u64;
    }
    // Each schedule shrinks run by run, and no draw depends on it: all at once they keep every core busy.
    progress.planned(failed.len());
    let explained = workers.each(&failed, |(failure, draw, executed)| {
        let explained = search.explained(&search.minimal(failure, draw, executed)?);
        progress.done();
        explained
    })?;
    Ok(Fuzzing {
        scenario: question.scenario.name.clone(),
        variant: question.scenario.variant.clone(),
        runbook: question.runbook.name.clone(),
        seed: question.seed,
        mode: question.mode.word(),
        faults_max: question.faults_max,
        runs: drawn as usize,
        executed: search.executed.load(Ordering::Relaxed),
        runs_per_s: 0.0,
        wall_s: 0.0,
        features: corpus.features(),
        findings: grouped(explained),
    })
}

/// A failure with the smallest schedule that was found for it.
struct Found {
    failure: Failure,
    seed: u64,
    run: u64,
    schedule: Vec<Fault>,
}

struct Search<'a> {
    question: &'a Question<'a>,
    memory: &'a dyn Memory,
    progress: &'a dyn Progress,
    /// Runs that were done and not remembered.
    executed: AtomicUsize,
}

impl Search<'_> {
    fn attempt(&self, schedule: &[Fault], seed: u64) -> Result<Attempt, Error> {
        let Question { scenario, runbook, .. } = self.question;
        let asked = Asked { runbook: &runbook.name, seed, schedule };
        if let Some(known) = self.memory.recall(&asked)? {
            return Ok(known);
        }
        let attempt = attempt::attempt(scenario, runbook, schedule, seed)?;
        self.executed.fetch_add(1, Ordering::Relaxed);
        self.memory.keep(&asked, &attempt)?;
        Ok(attempt)
    }

    fn minimal(&self, failure: &Failure, draw: &Draw, executed: &[Fault]) -> Result<Found, Error> {
        // What was seen with the smallest schedule: the last that failed.
        let mut seen = failure.clone();
        let fails = |schedule: &[Fault]| {
            self.progress.planned(1);
            let attempt = self.attempt(schedule, draw.seed)?;
            self.progress.done();
            let again = attempt.failures.into_iter().find(|other| other.key == failure.key);
            let Some(again) = again else { return Ok::<bool, Error>(false) };
            seen = again;
            Ok(true)
        };
        let schedule = shrink::shrink(&draw.schedule, executed, self.question.scenario.duration, fails)?;
        Ok(Found { failure: seen, seed: draw.seed, run: draw.run, schedule })
    }

    /// With the chain of causes where a step of the runbook failed, by which failures are grouped.
    fn explained(&self, found: &Found) -> Result<(String, Finding), Error> {
        let tree = self.tree(found)?.filter(|tree| !tree.causes.is_empty());
        let group = tree
            .as_ref()
            .map_or_else(|| found.failure.key.clone(), |tree| format!("{}: {}", tree.step, tree.key()));
        let finding = Finding {
            id: memo::id(&found.failure.key),
            failure: found.failure.key.clone(),
            cause: tree.map_or_else(
                || found.failure.saw.clone(),
                |tree| format!("{}: {}", tree.step, tree.chain(record::CHAIN_COLUMNS)),
            ),
            faults: found.schedule.clone(),
            seed: found.seed,
            run: found.run,
            again: 0,
            replay: None,
        };
        Ok((group, finding))
    }

    /// Why the step stopped at which it failed, from a run with evidence.
    fn tree(&self, found: &Found) -> Result<Option<Tree>, Error> {
        let Some(failed) = &found.failure.step else { return Ok(None) };
        let scenario = self.question.scenario.clone().with_faults(found.schedule.clone());
        let stopped = record::why_stopped(&scenario, &self.question.runbook.name, found.seed)?;
        Ok(stopped.filter(|(step, _)| step.id == *failed).map(|(_, tree)| tree))
    }
}

/// One finding for each cause: the one with the fewest faults, then the earliest; it says how many others there were.
fn grouped(findings: Vec<(String, Finding)>) -> Vec<Finding> {
    let mut groups: Map<String, Finding> = Map::new();
    for (group, finding) in findings {
        match groups.get_mut(&group) {
            None => drop(groups.insert(group, finding)),
            Some(first) => {
                let again = first.again + 1;
                if finding.faults.len() < first.faults.len() {
                    *first = finding;
                }
                first.again = again;
            }
        }
    }
    let mut findings: Vec<Finding> = groups.into_values().collect();
    findings.sort_by_key(|finding| (finding.faults.len(), finding.run));
    findings
}
