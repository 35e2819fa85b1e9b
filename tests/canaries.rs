//! Planted bugs are caught, each by its judge and by no other; without the bug the same faults break nothing.

use blackstart_campaign::fuzz::memo::Store;
use blackstart_campaign::fuzz::{Mode, Question, fuzz};
use blackstart_campaign::{Workers, named};
use blackstart_scenario::Scenario;
use blackstart_sim::canary::Canary;
use blackstart_tests::canaries::{Planted, RUNBOOK, planted, scenario};
use blackstart_tests::night::{Night, load, play};
use std::collections::BTreeSet;

/// Runs of a search within which each bug is found.
const RUNS_TO_FIND: u64 = 1024;
/// Most faults of what is found.
const FAULTS_MAX: usize = 3;

fn broken(night: &Night) -> Vec<String> {
    let broken = night.outcome.invariants.iter().filter(|invariant| !invariant.holds);
    broken.map(|invariant| invariant.name.clone()).collect()
}

fn with_faults(mut scenario: Scenario, planted: &Planted) -> Scenario {
    scenario.faults = planted.faults.clone();
    scenario
}

/// What is broken in the run of each bug on the list, and what should be.
fn compare(run: impl Fn(&Planted) -> Night, wanted: impl Fn(&Planted) -> Vec<&'static str>) {
    let seen: Vec<_> = planted().iter().map(|bug| (bug.name, broken(&run(bug)))).collect();
    let words = |bug: &Planted| wanted(bug).into_iter().map(str::to_owned).collect();
    let wanted: Vec<_> = planted().iter().map(|bug| (bug.name, words(bug))).collect();
    assert_eq!(seen, wanted);
}

#[test]
fn each_is_caught_by_its_judge_and_by_no_other() {
    let scenario = load(&scenario(), None);
    let run = |bug: &Planted| play(&with_faults(bug.plant(&scenario), bug), scenario.seed);
    compare(run, |bug| vec![bug.caught_by]);
}

#[test]
fn without_the_bug_the_same_faults_break_nothing() {
    let scenario = load(&scenario(), None);
    let healthy = Planted { canary: None, runbook: RUNBOOK, ..planted().remove(0) };
    let run = |bug: &Planted| play(&with_faults(healthy.plant(&scenario), bug), scenario.seed);
    compare(run, |_| Vec::new());
}

#[test]
fn without_faults_a_bug_does_not_show() {
    let scenario = load(&scenario(), None);
    compare(|bug| play(&bug.plant(&scenario), scenario.seed), |_| Vec::new());
}

/// A bug belongs to one run: the next one on the same thread has none.
#[test]
fn a_bug_does_not_leak_into_the_next_run() {
    let scenario = load(&scenario(), None);
    let hash = |scenario: &Scenario| play(scenario, 3).outcome.log_hash;
    // What a resolver remembers changes what is sent.
    let bug = planted()
        .into_iter()
        .find(|bug| bug.canary == Some(Canary::ResolverKeepsServfail))
        .expect("it is listed");
    let healthy = with_faults(scenario.clone(), &bug);
    let before = hash(&healthy);
    assert_ne!(hash(&with_faults(bug.plant(&scenario), &bug)), before);
    assert_eq!(hash(&healthy), before);
}

#[test]
fn every_planted_bug_is_on_the_list_with_few_faults() {
    let bugs = planted();
    let listed = |canary: &Canary| bugs.iter().any(|bug| bug.canary == Some(*canary));
    assert!(bugs.len() >= 6 && Canary::ALL.iter().all(listed));
    assert!(bugs.iter().all(|bug| (1..=3).contains(&bug.faults.len())));
    let judges: BTreeSet<&str> = bugs.iter().map(|bug| bug.caught_by).collect();
    assert_eq!(judges.len(), bugs.len(), "each has a judge of its own");
}

#[test]
fn a_search_finds_them_and_makes_them_small() {
    let scenario = load(&scenario(), None);
    let missed: Vec<&str> =
        planted().iter().filter(|bug| !is_found(&scenario, bug)).map(|bug| bug.name).collect();
    assert!(missed.is_empty(), "not found in {RUNS_TO_FIND} runs: {missed:?}");
}

/// Whether a search finds it, asked for twice as many runs each time; the store remembers those that were done.
fn is_found(scenario: &Scenario, bug: &Planted) -> bool {
    let sick = bug.plant(scenario);
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("runs.redb"), &[]).expect("a store");
    let workers = Workers::new(None).expect("threads");
    let broken = format!("broken: {}", bug.caught_by);
    let mut runs = (5..).map(|power| 1 << power).take_while(|runs| *runs <= RUNS_TO_FIND);
    runs.any(|runs| {
        let question = Question {
            scenario: &sick,
            runbook: named(&sick, bug.runbook).expect("its runbook"),
            seed: 1,
            runs,
            faults_max: FAULTS_MAX,
            mode: Mode::Guided,
        };
        let found = fuzz(&question, &store, &workers, &(), &|| true).expect("a search");
        found.findings.iter().any(|finding| finding.failure == broken && finding.faults.len() <= FAULTS_MAX)
    })
}
