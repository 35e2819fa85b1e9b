//! The command from outside: exit codes, what goes where, the JSON's keys.
//!
//! `data/small` is the scenario; `common` copies and breaks it. Broken input has a file of its own: `bad_input.rs`.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use common::{Ran, blackstart, copy, small};
use serde_json::Value;

fn run(arguments: &[&str]) -> Ran {
    let small = small();
    blackstart(&[&["run", small.to_str().unwrap()], arguments].concat())
}

#[test]
fn a_night_that_holds() {
    let ran = run(&[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    for part in
        ["link cut: isp-r1 - shop-r1", "3 of 3 met", "call: COMPLETED", "VERDICT       everything held"]
    {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
}

#[test]
fn what_falls_short_ends_with_one() {
    let nobody = run(&["--runbook", "none"]);
    assert_eq!(nobody.code, 1);
    assert!(nobody.stdout.contains("FELL SHORT: 2 of 3 milestones missed\n"), "{}", nobody.stdout);
    let strict = run(&["--variant", "strict"]);
    assert_eq!(strict.code, 1);
    assert!(strict.stdout.contains("FELL SHORT: runbook call late\n"), "{}", strict.stdout);
}

#[test]
fn json_is_one_object_with_the_keys_of_the_contract() {
    let ran = run(&["--format", "json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let outcome: Value = serde_json::from_str(&ran.stdout).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let cases = [
        (
            "",
            "ases driver hosts invariants log_hash milestones packets records runbooks scenario seed simulated_s \
             unserved_since wall_s",
        ),
        ("/milestones", "met rows total"),
        ("/milestones/rows/0", "expected id kind met observed off_by_s"),
        ("/invariants/0", "first_violation holds name"),
        ("/runbooks/0", "achieved_recovery_s assumed_up name steps verdict"),
        ("/runbooks/0/steps/0", "blocked_on ended id started verdict"),
    ];
    for (place, expected) in cases {
        assert_eq!(keys(outcome.pointer(place).unwrap()), expected, "{place}");
    }
    assert_eq!((outcome["scenario"].as_str(), outcome["seed"].as_u64()), (Some("small"), Some(1)));
    assert_eq!((outcome["hosts"].as_u64(), outcome["ases"].as_u64()), (Some(6), Some(2)));
    assert!(outcome["wall_s"].as_f64().unwrap() > 0.0);
    let recovery = outcome["runbooks"][0]["achieved_recovery_s"].as_f64();
    assert_eq!(recovery, Some(1800.0), "the line is mended after half an hour");
}

#[test]
fn a_seed_fixes_the_run() {
    let hash = |arguments: &[&str]| {
        let ran = run(&[&["--format", "json"], arguments].concat());
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["log_hash"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash(&["--seed", "3"]), hash(&["--seed", "3"]));
    assert_ne!(hash(&["--seed", "3"]), hash(&["--seed", "4"]));
    assert_eq!(hash(&["--seed", "3"]).len(), 16);
}

#[test]
fn twice_the_same() {
    let ran = run(&["--check-determinism", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("the second run was the same to the byte: "), "{}", ran.stderr);
    assert!(serde_json::from_str::<Value>(&ran.stdout).is_ok(), "still one object");
}

#[test]
fn both_drivers_give_one_result() {
    let of = |driver: &str| {
        let ran = run(&["--check-determinism", "--format", "json", "--driver", driver]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let mut outcome: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(outcome["driver"].take(), driver);
        outcome["wall_s"].take();
        outcome
    };
    assert_eq!(of("native"), of("tokio"));
}

#[test]
fn rust_log_changes_nothing_but_standard_error() {
    let plain: Value = serde_json::from_str(&run(&["--format", "json"]).stdout).unwrap();
    let small = small();
    let traced = common::blackstart_with(
        &["run", small.to_str().unwrap(), "--format", "json"],
        &[("RUST_LOG", "trace")],
    );
    assert!(traced.stderr.contains("SessionUp"), "what is recorded can be followed: {}", traced.stderr);
    let traced: Value = serde_json::from_str(&traced.stdout).unwrap();
    assert_eq!(plain["log_hash"], traced["log_hash"]);
    let odd = common::blackstart_with(&["check", small.to_str().unwrap()], &[("RUST_LOG", "a=b=c")]);
    assert_eq!(odd.code, 0);
    assert!(odd.stderr.starts_with("RUST_LOG is not understood"), "{}", odd.stderr);
}

#[test]
fn results_land_whole() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b");
    let ran = run(&["--out", out.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(out.join("timeline.txt")).unwrap(), ran.stdout);
    let json = std::fs::read_to_string(out.join("run.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["scenario"], "small");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2, "nothing is left half-written");
}

#[test]
fn a_folder_that_cannot_be_made_is_bad_input() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let ran = run(&["--out", file.path().join("x").to_str().unwrap()]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "nothing runs");
    assert!(ran.stderr.contains("cannot be made"), "{}", ran.stderr);
}

#[test]
fn usage() {
    let small = small();
    let people = small.join("people.toml");
    let (small, people) = (small.to_str().unwrap(), people.to_str().unwrap());
    let cases: [(&[&str], i32, &str); 13] = [
        (&["--help"], 0, ""),
        (&["--version"], 0, ""),
        (&[], 2, "Usage"),
        (&["dance"], 2, "unrecognized subcommand"),
        (&["run"], 2, "<SCENARIO>"),
        (&["run", small, "--seed", "x"], 2, "invalid value 'x'"),
        (&["run", small, "--driver", "tokyo"], 2, "[possible values: native, tokio]"),
        (
            &["run", small, "--runbook", "cal"],
            2,
            "unknown runbook `cal`; expected one of `call`, `none`; did you mean `call`?",
        ),
        (
            &["cuts", small, "--runbook", "cal"],
            2,
            "unknown runbook `cal`; expected `call`; did you mean `call`?",
        ),
        (
            &["run", small, "--variant", "strickt"],
            2,
            "unknown variant `strickt`; expected `strict`; did you mean `strict`?",
        ),
        (&["run", "no/such/folder"], 2, "no scenario folder at `no/such/folder`"),
        (&["run", people], 2, "people.toml`: not a directory; expected a folder with a scenario.toml"),
        (&["fuzz", small, "--runs", "0"], 2, "0 is not in 1.."),
    ];
    for (arguments, code, stderr) in cases {
        let ran = blackstart(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(stderr), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout.is_empty(), code != 0, "{arguments:?}: {}", ran.stdout);
    }
}

#[test]
fn check_counts_what_there_is() {
    let small = small();
    let ran = blackstart(&["check", small.to_str().unwrap()]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with(&format!("{}: ok\n", small.display())), "{}", ran.stdout);
    for part in [
        "2 ASes, 2 sites, 2 routers",
        "6 hosts, 5 services",
        "call: 4 steps, 1 unchecked",
        "variants    strict",
    ] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    let json = blackstart(&["check", small.to_str().unwrap(), "--format", "json"]);
    let findings: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((findings["ok"].as_bool(), findings["counts"]["hosts"].as_u64()), (Some(true), Some(6)));
}

#[test]
fn check_finds_the_scenario_around_a_runbook() {
    let runbook = small().join("runbooks/call.md");
    let inside = blackstart(&["check", runbook.to_str().unwrap()]);
    assert_eq!(inside.code, 0, "{}", inside.stderr);
    assert!(inside.stdout.contains("6 hosts"), "{}", inside.stdout);

    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("call.md");
    std::fs::copy(&runbook, &alone).unwrap();
    let alone = blackstart(&["check", alone.to_str().unwrap()]);
    assert_eq!(alone.code, 0, "{}", alone.stderr);
    assert!(alone.stderr.contains("no scenario around this runbook"), "{}", alone.stderr);
    assert!(alone.stdout.contains("call: 4 steps") && !alone.stdout.contains("hosts"), "{}", alone.stdout);
}

#[test]
fn check_reads_every_variant() {
    let folder = copy(&small());
    let variant = folder.path().join("variants/broken.toml");
    let text = std::fs::read_to_string(folder.path().join("variants/strict.toml")).unwrap();
    std::fs::write(&variant, text.replace("\"shop\"", "\"shopp\"")).unwrap();
    let ran = blackstart(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("variants/broken.toml:7:8: unknown service `shopp`"), "{}", ran.stderr);
}

#[test]
fn variants_are_held_to_what_they_expect() {
    let folder = copy(&small());
    let asked = ["variants", folder.path().to_str().unwrap()];
    let kept = blackstart(&asked);
    assert_eq!((kept.code, kept.stderr.as_str()), (0, ""), "{}", kept.stdout);
    assert!(kept.stdout.contains("1 of 1 variants as expected"), "{}", kept.stdout);
    let variant = folder.path().join("variants/strict.toml");
    let text = std::fs::read_to_string(&variant).unwrap();
    std::fs::write(&variant, text.replace("\"late\"", "\"completed\"")).unwrap();
    let missed = blackstart(&[&asked[..], &["--format", "json"]].concat());
    assert_eq!(missed.code, 1);
    let json: Value = serde_json::from_str(&missed.stdout).unwrap();
    let seen = &json["variants"][0]["expectations"][0];
    assert_eq!((&seen["observed"], &seen["kept"]), (&Value::from("late"), &Value::from(false)), "{json}");
}

#[test]
fn a_scenario_is_put_beside_its_record() {
    let small = small();
    let ran = blackstart(&["compare", small.to_str().unwrap()]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    for part in ["3 of 3 rows are met", "| what people did | minutes in this run |"] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
}

#[test]
fn captures_land_beside_the_results() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let ran = run(&["--out", out, "--capture", "isp-r1", "--capture", "shop-r1"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    for name in ["isp-r1", "shop-r1"] {
        let file = std::fs::read(folder.path().join(format!("{name}.pcapng"))).unwrap();
        assert_eq!(file[..4], [0x0a, 0x0d, 0x0d, 0x0a], "a pcapng section begins");
        assert!(file.len() > 1000);
    }
    assert_eq!(run(&[]).stdout.lines().last(), ran.stdout.lines().last(), "watching changes nothing");
    let unknown = run(&["--out", out, "--capture", "isp-r2"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("unknown machine `isp-r2`") && unknown.stderr.contains("isp-r1"));
    let nowhere = run(&["--capture", "isp-r1"]);
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.stderr.contains("--out"), "{}", nowhere.stderr);
}

/// `cargo run -- schema actions > docs/src/actions.md` writes it again.
#[test]
fn the_manual_of_actions_is_current() {
    let ran = blackstart(&["schema", "actions"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, include_str!("../../../docs/src/actions.md"));
}

/// `cargo run -- schema faults > docs/src/faults.md` writes it again.
#[test]
fn the_manual_of_faults_is_current() {
    let ran = blackstart(&["schema", "faults"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, include_str!("../../../docs/src/faults.md"));
}

#[test]
fn the_schema_names_every_key_of_a_step() {
    let ran = blackstart(&["schema", "runbook"]);
    let schema: Value = serde_json::from_str(&ran.stdout).unwrap();
    let keys: Vec<&String> = schema["$defs"]["step"]["properties"].as_object().unwrap().keys().collect();
    let mut expected =
        ["who", "with-previous", "after", "do", "tries", "pause", "until", "undo", "needs", "then"];
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn a_runbook_is_printed_or_its_mistakes_are() {
    let sheet = blackstart(&["print", small().join("runbooks/call.md").to_str().unwrap()]);
    assert_eq!(sheet.code, 0, "{}", sheet.stderr);
    assert!(sheet.stdout.contains("began __:__"), "{}", sheet.stdout);
    let missing = blackstart(&["print", "no-such.md"]);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("no-such.md"), "{}", missing.stderr);
}

#[test]
fn check_tells_what_it_learned_when_it_is_asked() {
    let folder = copy(&small());
    // A proxy in front of the shop, which nothing says that it needs.
    let services = folder.path().join("services.toml");
    let text = std::fs::read_to_string(&services).unwrap()
        + "[[host]]\nname = 'edge1'\nsite = 'cellar'\nrouter = 'shop-r1'\naddress = '203.0.113.81'\n\
           [[service]]\nname = 'edge'\nhost = 'edge1'\n[service.run.edge]\n\
           pools = [{ backends = ['203.0.113.80:80'] }]\n";
    std::fs::write(&services, text).unwrap();
    let check = |arguments: &[&str]| {
        let ran = blackstart(
            &[&["check", folder.path().to_str().unwrap(), "--format", "json"], arguments].concat(),
        );
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap();
        let warnings = told["warnings"].as_array().unwrap().clone();
        warnings.iter().filter(|warning| warning["message"].as_str().unwrap().contains(" asked ")).count()
    };
    assert_eq!((check(&[]), check(&["--learn"])), (0, 1));
}
