//! Broken input: exit code 2, the place, what was expected, the near miss, and nothing runs.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use common::{blackstart, copy, replace, small};
use std::fs;
use std::path::Path;

/// One way to break the small scenario, and what must be said of it.
struct Case {
    name: &'static str,
    broken: fn(&Path),
    /// `FILE:LINE:COLUMN` inside the folder, or only `FILE` where there is no place.
    at: &'static str,
    says: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "unknown key",
        broken: |f| replace(&f.join("scenario.toml"), "duration =", "durration ="),
        at: "scenario.toml:3:1",
        says: &["unknown key `durration`", "expected one of", "did you mean `duration`?"],
    },
    Case {
        name: "unknown machine that searches spare",
        broken: |f| replace(&f.join("scenario.toml"), "seed =", "spares = [\"web2\"]\nseed ="),
        at: "scenario.toml:4:11",
        says: &["unknown machine or label of machines `web2`", "did you mean `web1`?"],
    },
    Case {
        name: "unknown host",
        broken: |f| replace(&f.join("services.toml"), "host = \"web1\"", "host = \"web2\""),
        at: "services.toml:8:8",
        says: &["unknown host `web2`", "expected one of `laptop1`", "did you mean `web1`?"],
    },
    Case {
        name: "overlapping prefixes",
        broken: |f| {
            replace(
                &f.join("network.toml"),
                "[\"198.51.100.0/24\"]",
                "[\"198.51.100.0/24\", \"203.0.113.128/25\"]",
            );
        },
        at: "network.toml:20:13",
        says: &["203.0.113.0/24 overlaps 203.0.113.128/25 of isp-r1", "give each router networks of its own"],
    },
    Case {
        name: "a hold time that is too short",
        broken: |f| {
            let relation = "relation = \"customer\"";
            replace(&f.join("network.toml"), relation, &format!("{relation}\nhold-time = \"2s\""));
        },
        at: "network.toml",
        says: &["a hold time of 2s", "expected whole seconds, `3s` to `240s`"],
    },
    Case {
        name: "unknown check of a probe",
        broken: |f| {
            let failing =
                |check: &str| format!("signal = \"{check}@probe1\"\nexpect = {{ becomes = \"failing\"");
            replace(&f.join("milestones.toml"), &failing("http.shop"), &failing("http.shp"));
        },
        at: "milestones.toml:5:10",
        says: &["unknown signal of probe1 `http.shp`", "did you mean `http.shop`?"],
    },
    Case {
        name: "a prefix announced twice",
        broken: |f| {
            let path = f.join("network.toml");
            let originate = "\n[[originate]]\nrouter = \"isp-r1\"\nprefix = \"198.51.100.0/24\"\n";
            fs::write(&path, fs::read_to_string(&path).unwrap() + originate).unwrap();
        },
        at: "network.toml",
        says: &["isp-r1 announces 198.51.100.0/24 already", "leave one out"],
    },
    Case {
        name: "import cycle",
        broken: |f| {
            let other = f.join("other");
            fs::create_dir(&other).unwrap();
            fs::write(other.join("scenario.toml"), "title = \"Other\"\nimports = [\"..\"]\n").unwrap();
            replace(&f.join("scenario.toml"), "seed = 1", "imports = [\"other\"]");
        },
        at: "other/scenario.toml:2:12",
        says: &["imports lead in a circle", "remove one import of the circle"],
    },
    Case {
        name: "missing zone file",
        broken: |f| fs::remove_file(f.join("zones/shop.example.zone")).unwrap(),
        at: "services.toml:23:23",
        says: &[
            "unknown zone file `shop.example.zone`",
            "expected `root.zone`",
            "write zones/shop.example.zone",
        ],
    },
    Case {
        name: "zone syntax error",
        broken: |f| replace(&f.join("zones/shop.example.zone"), "203.0.113.80", "203.0.113.280"),
        at: "zones/shop.example.zone:6:13",
        says: &["not an IP address", "expected a record as in RFC 1035"],
    },
    Case {
        name: "a step whose actor does not exist",
        broken: |f| replace(&f.join("runbooks/call.md"), "role = \"on-call\"", "role = \"on-cal\""),
        at: "runbooks/call.md:14:16",
        says: &["unknown role `on-cal`", "expected one of `keeper`, `on-call`", "did you mean `on-call`?"],
    },
    Case {
        name: "a value that a true or false signal never has",
        broken: |f| {
            let wait = "signal = \"http.shop\", is = 200, from = \"1 of 1 outside vantage points\"";
            replace(&f.join("runbooks/call.md"), wait, "signal = \"team-at-gate@shop\", is = \"yes\"");
        },
        at: "runbooks/call.md:36:20",
        says: &["unknown value of `team-at-gate@shop` `yes`", "expected one of `false`, `true`"],
    },
    Case {
        name: "a signal that the actor cannot observe",
        broken: |f| {
            let wait = "signal = \"http.shop\", is = 200, from = \"1 of 1 outside vantage points\"";
            replace(&f.join("runbooks/call.md"), wait, "signal = \"team-at-gate@cellar\", is = true");
        },
        at: "runbooks/call.md:36:20",
        says: &[
            "`on-call` cannot observe `team-at-gate`, seen only at `cellar`",
            "expected `travel = \"cellar\"` first",
        ],
    },
    Case {
        name: "a file of 100 MB",
        broken: |f| {
            let file = fs::OpenOptions::new().write(true).open(f.join("scenario.toml")).unwrap();
            file.set_len(100_000_000).unwrap();
        },
        at: "scenario.toml",
        says: &["the file has 100000000 bytes", "expected at most 1048576 bytes"],
    },
    Case {
        name: "no UTF-8",
        broken: |f| fs::write(f.join("people.toml"), b"[[place]]\nname = \"Lule\xe5\"\n").unwrap(),
        at: "people.toml:2:13",
        says: &["byte 0xe5 at offset 22 is not UTF-8", "expected UTF-8 text"],
    },
    Case {
        name: "no TOML",
        broken: |f| replace(&f.join("faults.toml"), "[[fault]]", "[[fault]"),
        at: "faults.toml:1:9",
        says: &["expected `]`"],
    },
    Case {
        name: "a kind of fault that nobody knows",
        broken: |f| replace(&f.join("faults.toml"), "\"link-down\"", "\"link-dwon\""),
        at: "faults.toml:2:8",
        says: &["unknown kind of fault `link-dwon`", "link-down"],
    },
    Case {
        name: "a fault done to nothing",
        broken: |f| replace(&f.join("faults.toml"), "shop-r1 - isp-r1", "shop-r1 - isp-r9"),
        at: "faults.toml:3:6",
        says: &["unknown link `shop-r1 - isp-r9`"],
    },
    Case {
        name: "more of a label than there is",
        broken: |f| replace(&f.join("faults.toml"), "shop-r1 - isp-r1", "any 20 of outside"),
        at: "faults.toml:3:6",
        says: &["`outside` stands for", "20 are asked for"],
    },
    Case {
        name: "a fault beyond all limits",
        broken: |f| {
            let faults = f.join("faults.toml");
            replace(&faults, "link-down", "lossy-link");
            replace(&faults, "until", "with = { share = 1.5 }\nuntil");
        },
        at: "faults.toml:5:18",
        says: &["`share` is 1.5", "0.01 to 1 share of packets"],
    },
    Case {
        name: "a number that the fault has not",
        broken: |f| replace(&f.join("faults.toml"), "until", "with = { share = 0.5 }\nuntil"),
        at: "faults.toml:5:18",
        says: &["unknown number of this kind `share`"],
    },
    Case {
        name: "a fault that begins at no time",
        broken: |f| {
            let faults = f.join("faults.toml");
            replace(&faults, "at = \"+10m\"\n", "");
            replace(&faults, "until = \"+40m\"\n", "");
        },
        at: "faults.toml:2:8",
        says: &["nothing says when `link-down` begins", "`at` or `when`"],
    },
    Case {
        name: "a fault that ends before it begins",
        broken: |f| replace(&f.join("faults.toml"), "+40m", "+5m"),
        at: "faults.toml:5:9",
        says: &["it ends before it begins"],
    },
    Case {
        name: "a fault that waits for a signal from nowhere",
        broken: |f| {
            let faults = f.join("faults.toml");
            replace(&faults, "at = \"+10m\"\nuntil = \"+40m\"", "when = \"http.shop@moon is ok\"");
        },
        at: "faults.toml:4:8",
        says: &["unknown vantage point `moon`"],
    },
    Case {
        name: "a fault that happens again and again, and never",
        broken: |f| replace(&f.join("faults.toml"), "until", "every = \"0s\"\ntimes = 3\nuntil"),
        at: "faults.toml:5:9",
        says: &["it happens again, but not soundly", "`every` above zero"],
    },
    Case {
        name: "a misspelt order in a wait",
        broken: |f| {
            replace(
                &f.join("runbooks/call.md"),
                "is = 2, within = \"30m\", else = \"stop\"",
                "is = 2, within = \"30m\", else = \"stopp\"",
            )
        },
        at: "runbooks/call.md:25:",
        says: &["unknown step `stopp`", "`escalate`", "did you mean `stop`?"],
    },
    Case {
        name: "no scenario.toml",
        broken: |f| fs::remove_file(f.join("scenario.toml")).unwrap(),
        at: "scenario.toml",
        says: &["no such file"],
    },
];

#[test]
fn broken_input_is_named_and_nothing_runs() {
    for case in CASES {
        let folder = copy(&small());
        (case.broken)(folder.path());
        let path = folder.path().to_str().unwrap();
        for command in ["check", "run"] {
            let ran = blackstart(&[command, path]);
            let told = format!("{command}, {}: {}{}", case.name, ran.stdout, ran.stderr);
            assert_eq!(ran.code, 2, "{told}");
            assert!(!ran.stdout.contains("VERDICT"), "{told}");
            assert!(ran.stderr.contains(case.at), "no {:?}: {told}", case.at);
            for words in case.says {
                assert!(ran.stderr.contains(words), "no {words:?}: {told}");
            }
        }
    }
}

/// What is probably a mistake, and stops nothing.
#[test]
fn what_has_no_effect_is_said() {
    let folder = copy(&small());
    fs::rename(folder.path().join("faults.toml"), folder.path().join("fault.toml")).unwrap();
    let late = "[[fault]]\nkind = \"link-down\"\non = \"shop-r1 - isp-r1\"\nat = \"+99h\"\nlasts = \"1m\"\n";
    fs::write(folder.path().join("faults.toml"), late).unwrap();
    fs::copy(folder.path().join("runbooks/call.md"), folder.path().join("runbooks/call.markdown")).unwrap();
    let ran = blackstart(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for words in [
        "call.markdown: nothing reads this file; expected a name that ends in `.md`",
        "fault.toml: nothing reads this file; expected one of `scenario.toml`",
        "did you mean `faults.toml`?",
        "faults.toml:4:6: this begins after the run's end",
    ] {
        assert!(ran.stderr.contains(words), "no {words:?}: {}", ran.stderr);
    }
}

#[test]
fn files_of_editors_that_mark_them_are_read() {
    let folder = copy(&small());
    for name in ["scenario.toml", "runbooks/call.md", "zones/shop.example.zone"] {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name), format!("\u{feff}{text}")).unwrap();
    }
    let ran = blackstart(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn everything_is_told_at_once() {
    let folder = copy(&small());
    replace(&folder.path().join("services.toml"), "host = \"web1\"", "host = \"web2\"");
    replace(&folder.path().join("runbooks/call.md"), "role = \"on-call\"", "role = \"on-cal\"");
    let ran = blackstart(&["check", folder.path().to_str().unwrap(), "--format", "json"]);
    assert_eq!(ran.code, 2);
    let findings: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let errors = findings["errors"].as_array().unwrap();
    let of = |file: &str| errors.iter().any(|error| error["file"].as_str().unwrap().ends_with(file));
    assert!(of("services.toml") && of("runbooks/call.md"), "{}", ran.stdout);
    assert_eq!(findings["ok"], false);
}
