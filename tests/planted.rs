//! Deadlocks planted in one small world: each is found before any run, the run agrees where it can show it, and the same
//! world with the defect repaired recovers.
//!
//! Each file in `planted/` is a few changes of `scenarios/three-services`: `world` for both, `defect` or `repair` for one of
//! them. Where a defect turns on load or on the content of changes, which are no needs, only the run can show it.

use blackstart_scenario::{Needs, Scenario};
use blackstart_tests::folder;
use blackstart_tests::night::{load, play, three_services};
use serde::Deserialize;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// One planted defect.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    /// The shape that it stands for.
    shape: String,
    /// What is wrong here, for the reader.
    what: String,
    /// `deadlocked`, `inconclusive`, `met`, or `refused` when the scenario is not even loaded.
    verdict: String,
    /// The step that can never be done.
    #[serde(default)]
    step: String,
    /// Words of the chain, in this order; or of the refusal.
    #[serde(default)]
    why: Vec<String>,
    /// What a run shows, where that is not what was found without one.
    #[serde(default)]
    run: Option<String>,
    /// Why a run cannot show it.
    #[serde(default)]
    not_shown: Option<String>,
    #[serde(default)]
    world: Vec<Change>,
    #[serde(default)]
    defect: Vec<Change>,
    #[serde(default)]
    repair: Vec<Change>,
}

/// Words that stand exactly once in a file are replaced, or words are added to its end, or make a new one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Change {
    file: String,
    #[serde(default)]
    was: String,
    #[serde(default)]
    now: String,
    #[serde(default)]
    add: String,
}

impl Change {
    fn make(&self, folder: &Path) {
        let path = folder.join(&self.file);
        let there = fs::read_to_string(&path);
        let text = match self.was.is_empty() {
            true => there.unwrap_or_default() + &self.add,
            false => {
                let text = there.expect("a file of the scenario");
                assert_eq!(text.matches(&self.was).count(), 1, "{}: {}", self.file, self.was);
                text.replace(&self.was, &self.now)
            }
        };
        fs::write(&path, text).expect("a copy can be written");
    }
}

fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("planted");
    let entries = fs::read_dir(folder).expect("the folder of cases");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a case").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a case");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!case.shape.is_empty() && !case.what.is_empty(), "{name}");
        (name, case)
    };
    paths.into_iter().map(read).collect()
}

/// The base world with changes made, in a folder that lives as long as the guard.
fn changed(changes: &[&[Change]]) -> tempfile::TempDir {
    let copy = folder::copy(&three_services());
    changes.iter().copied().flatten().for_each(|change| change.make(copy.path()));
    copy
}

fn needs(scenario: &Scenario) -> Needs {
    scenario.needs(&scenario.runbooks["bring-it-back"])
}

#[test]
fn each_defect_is_found_without_a_run() {
    let cases = cases();
    assert!(cases.len() >= 20, "only {} cases", cases.len());
    for (name, case) in cases {
        let folder = changed(&[&case.world, &case.defect]);
        let (verdict, step, told) = match Scenario::load(folder.path(), None) {
            Err(refused) => ("refused", String::new(), refused.to_string()),
            Ok(scenario) => match needs(&scenario) {
                Needs::Met => ("met", String::new(), String::new()),
                Needs::Inconclusive(words) => ("inconclusive", String::new(), words.join(" ")),
                Needs::Deadlocked { step, why } => ("deadlocked", step, why.join("\n")),
            },
        };
        let (expected, why) = match case.run {
            None => (&case.step, &case.why[..]),
            Some(_) => (&String::new(), &[][..]),
        };
        assert_eq!((verdict, &step), (case.verdict.as_str(), expected), "{name}: {told}");
        in_order(&name, &told, why);
    }
}

fn in_order(name: &str, told: &str, words: &[String]) {
    let mut rest = told;
    for word in words {
        let at =
            rest.find(word.as_str()).unwrap_or_else(|| panic!("{name}: no {word:?} in order in:\n{told}"));
        rest = &rest[at + word.len()..];
    }
}

#[test]
fn the_run_agrees_with_what_was_found() {
    for (name, case) in cases() {
        if case.not_shown.is_some() || case.verdict == "refused" {
            continue;
        }
        let folder = changed(&[&case.world, &case.defect]);
        let scenario = load(folder.path(), None);
        let night = play(&scenario, scenario.seed);
        let runbook = night.runbook();
        let found = if case.verdict == "met" { "completed" } else { &case.verdict };
        let expected = case.run.as_deref().unwrap_or(found);
        assert_eq!(runbook.verdict, expected, "{name}: {:#?}", runbook.steps);
        let blocked = runbook.steps.iter().find(|step| step.verdict == "blocked");
        if case.run.is_some() {
            let saw = blocked.and_then(|step| step.blocked_on.clone()).unwrap_or_default();
            in_order(&name, &saw, &case.why);
        }
        assert_eq!(blocked.map_or("", |step| &step.id), case.step, "{name}: {:#?}", runbook.steps);
    }
}

#[test]
fn each_repaired_twin_recovers() {
    for (name, case) in cases() {
        let folder = changed(&[&case.world, &case.repair]);
        let scenario = load(folder.path(), None);
        assert_eq!(needs(&scenario), Needs::Met, "{name}");
        let night = play(&scenario, scenario.seed);
        assert_eq!(night.runbook().verdict, "completed", "{name}: {:#?}", night.runbook().steps);
    }
}

/// A test of somebody's own fails with the whole tree as its message, and passes once the defect is repaired.
#[test]
fn an_assertion_fails_with_the_causes() {
    let (name, case) =
        cases().into_iter().find(|(name, _)| name.starts_with("08")).expect("the door and the key");
    let ask = |changes: &[Change]| {
        let folder = changed(&[&case.world, changes]);
        catch_unwind(|| blackstart::recovery(folder.path()).seeds(1..=3).assert())
    };
    ask(&case.repair).expect("the repaired twin recovers");
    let panic = ask(&case.defect).expect_err("the defect stops it");
    let message = panic.downcast_ref::<String>().expect("a message");
    let words = [
        "bring-it-back: NOT EXECUTABLE. 0 of 3 simulated runs restore service",
        "stops 3 of the runs; in the run with seed 1:",
        "< ",
        "[command]",
    ];
    in_order(&name, message, &words.map(str::to_owned));
    assert!(message.contains(&format!("\n{} (line ", case.step)), "{message}");
}

/// The base world is no defect, and the founding night was hard but not impossible.
#[test]
fn scenarios_that_work_are_not_called_deadlocked() {
    for folder in [three_services(), blackstart_tests::night::founding()] {
        let scenario = load(&folder, None);
        for (name, runbook) in &scenario.runbooks {
            assert_eq!(scenario.needs(runbook), Needs::Met, "{name}");
        }
    }
}
