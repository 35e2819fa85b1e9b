//! `blackstart explain` from outside: a step that was done, one that was not, and words that mean no step.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use common::{Ran, blackstart, copy, replace, small};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn explain(scenario: &Path, arguments: &[&str]) -> Ran {
    blackstart(&[&["explain", scenario.to_str().unwrap()], arguments].concat())
}

#[test]
fn a_step_that_was_done_says_where_its_time_went() {
    let ran = explain(&small(), &["--step", "call", "--seed", "3"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    for part in ["call: done, from ", "/call.md:", "nothing failed", "PEOPLE ", "call (Ada) [assumption]"] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
}

/// Nobody waits until the line is mended, so what the probe sees leads to the cut.
#[test]
fn a_step_that_blocked_leads_to_the_fault() {
    let folder = copy(&small());
    replace(&folder.path().join("runbooks/call.md"), "within = \"40m\"", "within = \"5m\"");
    let ran = explain(folder.path(), &["--step", "see"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    for part in ["see: blocked, from ", "link shop-r1 - isp-r1 down [fault of the schedule]", "SIGNALS "] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 109 || line.contains("call.md")));

    let ran = explain(folder.path(), &["--step", "see", "--format", "json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys.join(" "),
        "blocked_on chain ended key log_hash place runbook scenario seed started time tree"
    );
    assert_eq!((json["tree"]["verdict"].as_str(), json["seed"].as_u64()), (Some("blocked"), Some(1)));
    let key = json["key"].as_str().unwrap();
    assert!(key.ends_with("< fault link shop-r1 - isp-r1 down"), "{key}");

    let run = blackstart(&["run", folder.path().to_str().unwrap(), "--format", "json"]);
    let run: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["log_hash"], run["log_hash"], "the night that is explained is the night that was run");
    assert_eq!(json["blocked_on"], run["runbooks"][0]["steps"][3]["blocked_on"]);
}

/// The run in which something failed once, from its file: the same faults, seed and runbook.
#[test]
fn a_saved_failure_can_be_looked_at() {
    let folder = copy(&small());
    let file = folder.path().join("regressions/lost.toml");
    fs::create_dir(folder.path().join("regressions")).unwrap();
    let away = "[[fault]]\nkind = \"person-away\"\non = \"Ada\"\nat = \"+0s\"\n";
    let found = "[regression]\nrunbook = \"call\"\nseed = 7\nfailure = \"call\"\n\n";
    fs::write(&file, [found, away].concat()).unwrap();
    let with = ["--with", file.to_str().unwrap()];

    let ran = explain(folder.path(), &[&["--step", "call"], with.as_slice()].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    for part in ["call: blocked", "seed 7", "Ada cannot be reached [fault of the schedule]"] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    let scenario = folder.path().to_str().unwrap();
    let run = blackstart(&[&["run", scenario], with.as_slice()].concat());
    assert_eq!(run.code, 1, "{}", run.stdout);
    for part in ["BLOCKED", &format!("{scenario} --with {} --seed 7", file.display())] {
        assert!(run.stdout.contains(part), "no {part:?} in\n{}", run.stdout);
    }
}

#[test]
fn what_is_no_step_is_refused() {
    let cases = [
        (["--step", "cal"].as_slice(), "there is no step `cal`; expected one of", "did you mean `call`?"),
        (&["--step", "call", "--runbook", "cal"], "unknown runbook `cal`", "did you mean `call`?"),
        (&["--step", "call", "--variant", "no"], "no", ""),
    ];
    for (arguments, message, help) in cases {
        let ran = explain(&small(), arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(message) && ran.stderr.contains(help), "{}", ran.stderr);
    }
}
