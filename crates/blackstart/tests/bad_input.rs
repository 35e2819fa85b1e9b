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
        name: "a person for a role",
        broken: |f| replace(&f.join("runbooks/call.md"), "role = \"on-call\"", "role = \"Ada\""),
        at: "runbooks/call.md:14:16",
        says: &["unknown role `Ada`", "`Ada` is a person, who is on-call"],
    },
    Case {
        name: "a verb beside `do`",
        broken: |f| {
            let observe = "do = { observe = [\"http.shop\"] }\nuntil = { signal = \"http.shop\", is = 200";
            replace(
                &f.join("runbooks/call.md"),
                observe,
                &observe.replace("do = { ", "").replacen(" }", "", 1),
            );
        },
        at: "runbooks/call.md:35:1",
        says: &["unknown key `observe`", "what is done stands in `do`: `do = { observe = … }`"],
    },
    Case {
        name: "text where a table belongs",
        broken: |f| replace(&f.join("runbooks/call.md"), "{ role = \"on-call\" }", "\"on-call\""),
        at: "runbooks/call.md:14:7",
        says: &["\"on-call\" is text; expected a table, as in `{ key = \"value\" }`"],
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
        name: "an epoch that is not in UTC",
        broken: |f| replace(&f.join("scenario.toml"), "04:00:00Z", "05:00:00+01:00"),
        at: "scenario.toml:2:9",
        says: &[
            "`2024-02-03T05:00:00+01:00` is no time in UTC",
            "`2024-02-03T04:00:00Z`, which is the same moment",
        ],
    },
    Case {
        name: "a share of calls beyond all calls",
        broken: |f| {
            let people = fs::read_to_string(f.join("people.toml")).unwrap();
            let more = "[[person]]\nname = \"Zoe\"\nroles = [\"third\"]\nat = \"home\"\nno-answer = 1.5\n";
            fs::write(f.join("people.toml"), people + more).unwrap();
        },
        at: "people.toml",
        says: &["1.5 is no share", "0 to 1"],
    },
    Case {
        name: "a run of no time",
        broken: |f| replace(&f.join("scenario.toml"), "\"1h\"", "\"0s\""),
        at: "scenario.toml:3:12",
        says: &["`0s` is no time at all; expected more than that"],
    },
    Case {
        name: "a fault for centuries",
        broken: |f| replace(&f.join("faults.toml"), "+40m", "+5000000h"),
        at: "faults.toml:5:9",
        says: &["`5000000h` is too long; expected at most 8784 h, which is a year"],
    },
    Case {
        name: "an objective in centuries",
        broken: |f| replace(&f.join("services.toml"), "rto = \"45m\"", "rto = \"5000000h\""),
        at: "services.toml:9:7",
        says: &["`5000000h` is too long"],
    },
    Case {
        name: "a wait for centuries",
        broken: |f| replace(&f.join("runbooks/call.md"), "within = \"40m\"", "within = \"5000000h\""),
        at: "runbooks/call.md:36:",
        says: &["`5000000h` is too long; expected at most `366d`, which is a year"],
    },
    Case {
        name: "a wait for no time",
        broken: |f| replace(&f.join("runbooks/call.md"), "within = \"40m\"", "within = \"0s\""),
        at: "runbooks/call.md:36:",
        says: &["`0s` is no time at all; expected more than that"],
    },
    Case {
        name: "unknown signal of a bridge",
        broken: |f| replace(&f.join("milestones.toml"), "roles-present@phone", "roles-presnt@phone"),
        at: "milestones.toml:15:10",
        says: &["unknown signal of phone `roles-presnt`", "did you mean `roles-present`?"],
    },
    Case {
        name: "a signal where nothing is seen",
        broken: |f| replace(&f.join("milestones.toml"), "roles-present@phone", "updates@shop-r1"),
        at: "milestones.toml:15:10",
        says: &["unknown signal of shop-r1 `updates`"],
    },
    Case {
        name: "no scenario.toml",
        broken: |f| fs::remove_file(f.join("scenario.toml")).unwrap(),
        at: "scenario.toml",
        says: &["no such file; expected a scenario's folder, which has one"],
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

/// What is probably a mistake, and stops nothing: how it is made, and what is said of it.
type Doubt = (fn(&Path), &'static [&'static str]);

const DOUBTS: &[Doubt] = &[
    (
        |f| {
            let session = "[[session]]\nends = [\"shop-r1\", \"isp-r1\"]\nrelation = \"customer\"\n";
            replace(&f.join("network.toml"), session, "");
        },
        &[
            "network.toml:29:9: `shop-r1` and `isp-r1` are in two networks and have no [[session]]: nothing is routed over this link",
        ],
    ),
    (
        |f| fs::rename(f.join("faults.toml"), f.join("fault.toml")).unwrap(),
        &[
            "fault.toml: nothing reads this file; expected one of `scenario.toml`",
            "did you mean `faults.toml`?",
        ],
    ),
    (
        |f| {
            fs::copy(f.join("runbooks/call.md"), f.join("runbooks/call.markdown")).unwrap();
        },
        &["call.markdown: nothing reads this file; expected a name that ends in `.md`"],
    ),
    (
        |f| {
            replace(&f.join("faults.toml"), "+10m", "+99h");
            replace(&f.join("faults.toml"), "+40m", "+100h");
        },
        &["faults.toml:4:6: this begins after the run's end"],
    ),
    (
        |f| {
            replace(&f.join("faults.toml"), "+10m", "03:50:00");
            replace(&f.join("faults.toml"), "until = \"+40m\"", "lasts = \"5m\"");
        },
        &[
            "faults.toml:4:6: 03:50:00 is before the run's start at 04:00:00: this begins on the next day, after its end",
            "write a time of day from the start on",
        ],
    ),
    (
        |f| {
            replace(&f.join("services.toml"), "\nhost = \"www.shop.example\"", "\nhost = \"ww.shop.example\"")
        },
        &[
            "services.toml:58:8: this asks for the name `ww.shop.example`, for which no zone has an address",
            "did you mean `www.shop.example`?",
        ],
    ),
    (
        |f| {
            let tool = "[[service]]\nname = \"docs\"\nhost = \"web1\"\n[service.run.tool]\nhosts = [\"docs.shop.example\"]\n\
                        content = \"how\"\nsign-in = \"203.0.113.80:7100\"\nsession = \"12h\"\n\
                        certificate = { from = \"2024-01-01T00:00:00Z\", until = \"2024-02-03T04:30:00Z\" }\n";
            let services = fs::read_to_string(f.join("services.toml")).unwrap();
            fs::write(f.join("services.toml"), services + tool).unwrap();
        },
        &[
            "the certificate of `docs` is over at 2024-02-03T04:30:00Z, before the run ends at 2024-02-03T05:00:00Z",
        ],
    ),
    (
        |f| replace(&f.join("zones/shop.example.zone"), "203.0.113.80", "203.0.113.81"),
        &[
            "`www.shop.example`, which leads to 203.0.113.81, and no machine has that address",
            "correct the record",
        ],
    ),
];

#[test]
fn what_is_probably_a_mistake_is_said_and_stops_nothing() {
    for (made, says) in DOUBTS {
        let folder = copy(&small());
        made(folder.path());
        let ran = blackstart(&["check", folder.path().to_str().unwrap()]);
        assert_ne!(ran.code, 2, "{}", ran.stderr);
        for words in *says {
            assert!(ran.stderr.contains(words), "no {words:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_folder_that_is_not_there_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    for command in ["run", "check", "compare", "validate", "variants"] {
        let seeds: &[&str] = if command == "validate" { &["--seeds", "1..2"] } else { &[] };
        let ran = blackstart(&[&[command, nowhere.to_str().unwrap()], seeds].concat());
        assert_eq!(ran.code, 2, "{command}");
        assert!(ran.stderr.contains("no scenario folder at"), "{command}: {}", ran.stderr);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
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
