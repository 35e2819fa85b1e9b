//! Searches for failures: saved ones fail again, and one that was broken off goes on.

use blackstart_campaign::fuzz::memo::{Memory, Store};
use blackstart_campaign::fuzz::{Mode, Question, fuzz};
use blackstart_campaign::regression::replay;
use blackstart_campaign::{Workers, named};
use blackstart_report::fuzzing::Fuzzing;
use blackstart_scenario::Scenario;
use blackstart_tests::canaries;
use blackstart_tests::night::load;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

fn search(
    scenario: &Scenario,
    runbook: &str,
    runs: u64,
    memory: &dyn Memory,
    goes_on: &dyn Fn() -> bool,
) -> Fuzzing {
    let runbook = named(scenario, runbook).expect("a runbook");
    let question = Question { scenario, runbook, seed: 1, runs, faults_max: 3, mode: Mode::Guided };
    let workers = Workers::new(None).expect("threads");
    fuzz(&question, memory, &workers, &(), goes_on).expect("a search")
}

#[test]
fn saved_failures_fail_again() {
    let mut tried = 0;
    for scenario in fs::read_dir(scenarios()).expect("scenarios") {
        let folder = scenario.expect("a folder").path().join("regressions");
        for file in fs::read_dir(&folder).into_iter().flatten() {
            let file = file.expect("a file").path();
            let replay = replay(&file).unwrap_or_else(|error| panic!("{error}"));
            assert!(replay.fails, "{}: {} is gone; now {:?}", file.display(), replay.failure, replay.saw);
            tried += 1;
        }
    }
    assert!(tried > 0);
}

#[test]
fn a_search_that_was_broken_off_goes_on_and_ends_as_one_that_was_not() {
    let scenario = load(&canaries::scenario(), None);
    let folder = tempfile::tempdir().expect("a folder");
    let in_file = |file: &str| Store::open(&folder.path().join(file), &[b"this build"]).expect("a store");
    let whole = search(&scenario, canaries::RUNBOOK, 48, &in_file("whole.redb"), &|| true);
    let store = || in_file("runs.redb");
    let rounds = Cell::new(0);
    let one_round = || rounds.replace(rounds.get() + 1) < 1;
    let begun = search(&scenario, canaries::RUNBOOK, 48, &store(), &one_round);
    assert_eq!(begun.runs, 16);
    let ended = search(&scenario, canaries::RUNBOOK, 48, &store(), &|| true);
    assert_eq!(ended.executed + begun.executed, whole.executed, "no run is lost, and none is done twice");
    let again = search(&scenario, canaries::RUNBOOK, 48, &store(), &|| true);
    assert_eq!(again.executed, 0);
    let shown = |found: &Fuzzing| serde_json::to_value(&found.findings).expect("plain data");
    assert_eq!(shown(&ended), shown(&whole));
    assert_eq!(shown(&again), shown(&whole));
    // Another build remembers nothing of it.
    let other = Store::open(&folder.path().join("runs.redb"), &[b"another build"]).expect("a store");
    assert_eq!(search(&scenario, canaries::RUNBOOK, 16, &other, &|| true).executed, begun.executed);
}
