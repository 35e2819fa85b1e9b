//! `blackstart validate` and `mitigate` from outside: exit codes, bad input, and where blocked runs lead.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use common::{Ran, blackstart, copy, replace, small};
use serde_json::Value;
use std::path::Path;

fn validate(scenario: &Path, arguments: &[&str]) -> Ran {
    let path = scenario.to_str().unwrap();
    blackstart(&[&["validate", path, "--runbook", "call"], arguments].concat())
}

#[test]
fn the_share_required_decides_the_exit_code() {
    let folder = copy(&small());
    replace(&folder.path().join("runbooks/call.md"), "within = \"40m\"", "within = \"5m\"");
    let cases = [
        (small(), ["--seeds", "1..2"].as_slice(), 0),
        (folder.path().to_owned(), &["--seeds", "1..2"], 1),
        (folder.path().to_owned(), &["--seeds", "1..2", "--require", "0%"], 0),
    ];
    for (scenario, arguments, code) in cases {
        let ran = validate(&scenario, &[arguments, &["--quick"]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{}", ran.stdout);
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= 109), "{}", ran.stdout);
    }
}

#[test]
fn bad_words_are_refused_before_anything_runs() {
    let cases = [
        (["--seeds", "9..1"].as_slice(), "expected FIRST..LAST, both included"),
        (&["--seeds", "one"], "`one` is no seed"),
        (&["--seeds", "1", "--require", "2"], "expected one from `0%` to `100%`"),
        (&["--seeds", "1", "--jobs", "0"], "expected one from 1 on"),
    ];
    for (arguments, message) in cases {
        let ran = validate(&small(), arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
}

#[test]
fn runs_that_block_for_one_reason_are_one_group_with_its_chain() {
    let folder = copy(&small());
    replace(&folder.path().join("runbooks/call.md"), "within = \"40m\"", "within = \"5m\"");
    let ran = validate(folder.path(), &["--seeds", "1..3", "--format", "json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let groups = json["blocking_steps"].as_array().unwrap();
    assert_eq!((groups.len(), groups[0]["runs"].as_u64()), (1, Some(3)), "{groups:?}");
    assert_eq!(groups[0]["id"], "see");
    assert!(groups[0]["chain"].as_str().unwrap().contains(" < "), "{groups:?}");
}

#[test]
fn changes_are_tried_one_by_one() {
    let path = small();
    let arguments = ["mitigate", path.to_str().unwrap(), "--seeds", "1..2"];
    let ran = blackstart(&arguments);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    assert!(ran.stdout.contains("as it is: 2 of 2 runs completed") && ran.stdout.contains("variant strict"));
    assert!(
        ran.stdout.contains("NOT TRIED   outside-chat: no step asks anybody in a chat"),
        "{}",
        ran.stdout
    );
    let strict = blackstart(&[&arguments[..], &["--variant", "strict", "--format", "json"]].concat());
    let json: Value = serde_json::from_str(&strict.stdout).unwrap();
    assert_eq!((&json["variant"], &json["verdicts"]["late"]), (&"strict".into(), &2.into()));
    let changes = json["changes"].as_array().unwrap();
    assert!(!changes.is_empty() && changes.iter().all(|change| change["kind"] != "variant"), "{changes:?}");
}
