//! `blackstart validate --out` from outside: what it writes, that its numbers agree, and that findings are closed later.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod common;

use blackstart::evidence::{STAMP, sha256};
use common::{Ran, blackstart, copy, replace, small};
use serde_json::Value;
use std::fs;
use std::path::Path;

const FILES: [&str; 4] = ["evidence.json", "journal.json", "junit.xml", "report.html"];

fn validate(scenario: &Path, arguments: &[&str]) -> Ran {
    let words = ["validate", scenario.to_str().unwrap(), "--runbook", "call", "--seeds", "1..3", "--quick"];
    blackstart(&[&words, arguments].concat())
}

fn validate_to(scenario: &Path, out: &Path, arguments: &[&str]) -> Ran {
    validate(scenario, &[&["--out", out.to_str().unwrap()], arguments].concat())
}

fn text(out: &Path, name: &str) -> String {
    fs::read_to_string(out.join(name)).unwrap()
}

fn json(out: &Path, name: &str) -> Value {
    serde_json::from_str(&text(out, name)).unwrap()
}

/// The same world in which nobody waits until the line is mended.
fn impatient() -> tempfile::TempDir {
    let folder = copy(&small());
    replace(&folder.path().join("runbooks/call.md"), "within = \"40m\"", "within = \"5m\"");
    folder
}

#[test]
fn evidence_says_what_was_tested_and_how_it_went() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("a/b");
    let ran = validate_to(&small(), &out, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, FILES, "nothing else is left");

    let evidence = json(&out, "evidence.json");
    assert_eq!(evidence["stamp"], STAMP);
    let runbook = fs::read(small().join("runbooks/call.md")).unwrap();
    assert_eq!(evidence["runbook"]["sha256"], sha256(&runbook));
    let hashed = evidence["scenario"]["files"].as_array().unwrap();
    for name in ["scenario.toml", "runbooks/call.md", "zones/root.zone", "variants/strict.toml"] {
        let file = hashed.iter().find(|file| file["name"] == name).unwrap();
        assert_eq!(file["sha256"], sha256(&fs::read(small().join(name)).unwrap()), "{name}");
    }
    for step in evidence["record"]["steps"].as_array().unwrap() {
        let started = step["started"].as_str().unwrap();
        assert!(started.ends_with('Z') && started <= step["ended"].as_str().unwrap_or("Z"), "{step}");
    }
    assert!(evidence["to_be_filled_in"].as_object().unwrap().values().all(Value::is_null));
    let durations = evidence["limits"]["durations"].as_array().unwrap();
    assert!(durations.iter().any(|duration| duration["basis"].as_str().unwrap().starts_with("assumption")));

    let again = scratch.path().join("again");
    validate_to(&small(), &again, &["--jobs", "1"]);
    for name in FILES {
        assert_eq!(text(&out, name), text(&again, name), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn evidence_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    validate_to(&small(), &out, &[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&out), 0o700);
    for name in FILES {
        assert_eq!(mode(&out.join(name)), 0o600, "{name}");
    }
}

/// The terminal, the JSON and the HTML are three views of one value.
#[test]
fn the_numbers_agree_everywhere() {
    for (scenario, code) in [(copy(&small()), 0), (impatient(), 1)] {
        let scratch = tempfile::tempdir().unwrap();
        let ran = validate_to(scenario.path(), scratch.path(), &[]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let evidence = json(scratch.path(), "evidence.json");
        let page = text(scratch.path(), "report.html");

        let summary = evidence["summary"].as_array().unwrap();
        for (said, shown) in summary.iter().zip(ran.stdout.lines()) {
            assert_eq!(said, shown);
        }
        let shown = page.split("<pre id=\"summary\">").nth(1).unwrap().split("</pre>").next().unwrap();
        let plain =
            shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        let lines: Vec<&str> = summary.iter().map(|line| line.as_str().unwrap()).collect();
        assert_eq!(plain.lines().collect::<Vec<_>>(), lines);

        let printed = validate(scenario.path(), &["--format", "json"]);
        let mut printed: Value = serde_json::from_str(&printed.stdout).unwrap();
        assert!(printed.as_object_mut().unwrap().remove("wall_s").is_some());
        assert_eq!(printed, evidence["validation"]);

        let verdicts = ["completed", "late", "blocked", "deadlocked", "inconclusive"];
        let cells = verdicts.map(|verdict| format!("<td>{}</td>", printed["verdicts"][verdict]));
        assert!(page.contains(&cells.concat()), "{cells:?}");
        let share = printed["verdicts"]["completed"].as_f64().unwrap() / printed["runs"].as_f64().unwrap();
        assert_eq!(evidence["achieved"]["share_within"].as_f64(), Some(share));
        for quantile in ["p5", "p50", "p95"] {
            let row = page.split(&format!("<th>{quantile}</th><td>")).nth(1).unwrap();
            let shown = row.split('<').next().unwrap();
            assert!(
                ran.stdout.contains(&format!("{quantile} {shown}")),
                "{quantile} {shown}\n{}",
                ran.stdout
            );
        }
        if let Some(median) = printed["phases"]["seed"].as_u64() {
            assert_eq!(evidence["record"]["seed"].as_u64(), Some(median));
            assert_eq!(evidence["record"]["achieved_recovery_s"], printed["phases"]["recovery_s"]);
        }
    }
}

/// What a change did stands in the page as `validation` has it, and as the terminal says it.
#[test]
fn changes_agree_everywhere() {
    let (scenario, out) = (impatient(), tempfile::tempdir().unwrap());
    let words = ["validate", scenario.path().to_str().unwrap(), "--runbook", "call", "--seeds", "1..3"];
    let ran = blackstart(&[&words[..], &["--out", out.path().to_str().unwrap()]].concat());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let (evidence, page) = (json(out.path(), "evidence.json"), text(out.path(), "report.html"));
    let rows = evidence["validation"]["fixes"]["rows"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let runs = |verdict: &str| row["verdicts"][verdict].as_u64().unwrap();
        let stopped = runs("blocked") + runs("deadlocked");
        let cells = format!(
            "<tr><td>{}</td><td>{}</td><td>{stopped}</td>",
            row["name"].as_str().unwrap(),
            runs("completed")
        );
        assert!(page.contains(&cells.replace('\'', "&#39;")) || page.contains(&cells), "{cells}\n{page}");
    }
    let still = rows[0]["verdicts"]["blocked"].as_u64().unwrap();
    let said = match rows[0]["blocked_removed"].as_i64().unwrap() {
        0 => "unblocks a run".to_owned(),
        _ => format!("{still} of 3 stopped runs still stop"),
    };
    assert!(
        ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ").contains(&said),
        "{said}\n{}",
        ran.stdout
    );
}

/// Every element that is opened is closed, in its turn; every link leads to something on the page.
#[test]
fn the_page_is_well_formed() {
    for scenario in [copy(&small()), impatient()] {
        let out = tempfile::tempdir().unwrap();
        validate_to(scenario.path(), out.path(), &[]);
        let page = text(out.path(), "report.html");
        let mut open: Vec<&str> = Vec::new();
        for tag in page.split('<').skip(2).map(|rest| rest.split('>').next().unwrap()) {
            let name = tag.trim_start_matches('/').split_whitespace().next().unwrap();
            match tag.strip_prefix('/') {
                Some(_) => assert_eq!(open.pop(), Some(name), "{tag}"),
                None if ["meta", "br"].contains(&name) => {}
                None => open.push(name),
            }
        }
        assert_eq!(open, Vec::<&str>::new());
        for link in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(page.contains(&format!("<h2 id=\"{link}\">")), "{link}");
        }
        // A bar for each step that began, inside the drawing, one below the other.
        let number = |text: &str, key: &str| -> f64 {
            text.split(&format!("{key}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let bars: Vec<&str> =
            page.split("<rect ").skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
        let steps = json(out.path(), "evidence.json")["record"]["steps"].as_array().unwrap().clone();
        assert_eq!(bars.len(), steps.iter().filter(|step| !step["started"].is_null()).count());
        let tops: Vec<f64> = bars.iter().map(|bar| number(bar, " y")).collect();
        assert!(tops.windows(2).all(|pair| pair[1] - pair[0] >= 24.0), "{tops:?}");
        assert!(bars.iter().all(|bar| number(bar, " x") + number(bar, "width") <= 1000.0), "{bars:?}");
        let blocked = steps.iter().filter(|step| step["verdict"] == "blocked").count();
        assert_eq!(page.matches("<text class=\"why\"").count(), blocked, "its cause stands below the bar");
    }
}

#[test]
fn the_page_needs_nothing_else() {
    let out = tempfile::tempdir().unwrap();
    validate_to(&small(), out.path(), &[]);
    let page = text(out.path(), "report.html");
    let page = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for word in ["http:", "https:", "<script", "<link", "<img", "url(", "@import", "src="] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("<rect class=\"done\"") && page.contains("<title>see: done"), "{page}");
}

#[test]
fn a_blocked_step_fails_its_test_case_with_its_chain() {
    let (scenario, out) = (impatient(), tempfile::tempdir().unwrap());
    validate_to(scenario.path(), out.path(), &[]);
    let junit = text(out.path(), "junit.xml");
    let steps = json(out.path(), "evidence.json")["record"]["steps"].as_array().unwrap().len();
    assert_eq!(junit.matches("<testcase ").count(), steps + 1);
    assert_eq!(junit.matches("<failure ").count(), 2, "the step and the share of runs\n{junit}");
    assert!(junit.contains("<property name=\"seeds\" value=\"1..3\"/>"), "{junit}");
    let case = junit.split("<testcase name=\"see\"").nth(1).unwrap().split("</testcase>").next().unwrap();
    assert!(case.contains("link shop-r1 - isp-r1 down"), "{case}");

    let journal = json(out.path(), "journal.json");
    for key in
        ["experiment", "status", "start", "end", "duration", "deviated", "steady_states", "run", "rollbacks"]
    {
        assert!(!journal[key].is_null(), "{key}");
    }
    assert_eq!((&journal["status"], &journal["deviated"]), (&"completed".into(), &true.into()));
    let failed: Vec<&Value> =
        journal["run"].as_array().unwrap().iter().filter(|result| result["status"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["activity"]["name"], "see");
    assert!(failed[0]["exception"].to_string().contains("[fault of the schedule]"), "{}", failed[0]);
}

#[test]
fn a_later_campaign_closes_findings() {
    let scratch = tempfile::tempdir().unwrap();
    let (before, same, after) =
        (scratch.path().join("1"), scratch.path().join("2"), scratch.path().join("3"));
    let scenario = impatient();
    // A scenario is known by the name of its folder, as it is when it is repaired.
    validate_to(scenario.path(), &before, &[]);
    let found = json(&before, "evidence.json");
    let ids = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&found["findings"]).len(), 1, "{}", found["findings"]);
    assert_eq!(found["findings"][0]["kind"], "blocked");
    let against = before.join("evidence.json");
    let against = ["--against", against.to_str().unwrap()];

    validate_to(scenario.path(), &same, &against);
    let compared = &json(&same, "evidence.json")["compared"];
    assert_eq!(compared["open"], serde_json::json!(ids(&found["findings"])), "{compared}");
    assert_eq!((&compared["closed"], &compared["new"]), (&serde_json::json!([]), &serde_json::json!([])));

    replace(&scenario.path().join("runbooks/call.md"), "within = \"5m\"", "within = \"40m\"");
    let ran = validate_to(scenario.path(), &after, &against);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let compared = &json(&after, "evidence.json")["compared"];
    assert_eq!(ids(&compared["closed"]), ids(&found["findings"]));
    assert_eq!(compared["closed"][0]["status"], "closed");
}

#[test]
fn what_is_not_looked_for_is_not_closed() {
    let scratch = tempfile::tempdir().unwrap();
    let (before, after) = (scratch.path().join("1"), scratch.path().join("2"));
    validate_to(&small(), &before, &[]);
    let mut found = json(&before, "evidence.json");
    found["findings"] = serde_json::json!([{ "id": "0123456789ab", "kind": "single-point", "step": null,
        "what": "person Ada, lost alone, stops all runs", "status": "open", "owner": null, "due": null }]);
    let file = before.join("evidence.json");
    fs::write(&file, found.to_string()).unwrap();
    validate_to(&small(), &after, &["--against", file.to_str().unwrap()]);
    let compared = &json(&after, "evidence.json")["compared"];
    assert_eq!(compared["closed"], serde_json::json!([]));
    assert_eq!(compared["not_looked_for"][0]["id"], "0123456789ab", "{compared}");
}

#[test]
fn redacted_files_name_nobody() {
    let (plain, redacted) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    validate_to(&small(), plain.path(), &[]);
    validate_to(&small(), redacted.path(), &["--redact"]);
    for name in FILES {
        let (named, hidden) = (text(plain.path(), name), text(redacted.path(), name).to_lowercase());
        assert!(!hidden.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == "ada"), "{name}");
        assert_eq!(named.contains("Ada"), hidden.contains("person-1"), "{name}");
    }
    assert!(text(plain.path(), "report.html").contains("Ada"));
    let (plain, redacted) = (json(plain.path(), "evidence.json"), json(redacted.path(), "evidence.json"));
    assert_eq!(plain["record"]["log_hash"], redacted["record"]["log_hash"]);
    assert_eq!(plain["validation"]["verdicts"], redacted["validation"]["verdicts"]);
}

/// People with long names, whose numbers stand wherever somebody may write one.
fn talkative() -> tempfile::TempDir {
    let folder = copy(&small());
    let at = |name: &str| folder.path().join(name);
    let add = |name: &str, more: &str| {
        let text = fs::read_to_string(at(name)).unwrap();
        fs::write(at(name), text + more).unwrap();
    };
    replace(&at("people.toml"), "\"Ada\"", "\"Ada Lovelace-Byron\"");
    replace(&at("people.toml"), "\"Ben\"", "\"Ben O'Brien\"");
    let people = fs::read_to_string(at("people.toml")).unwrap();
    let basis = "basis = \"assumption: asked Ben_O'Brien on +41 44 668 18 03\"";
    fs::write(at("people.toml"), people.replacen("basis = \"assumption\"", basis, 2)).unwrap();
    replace(&at("runbooks/call.md"), "# Call each other", "# Call each other on (044) 668-18-00");
    replace(&at("runbooks/call.md"), "## Wait", "## Wait for ada.lovelace-byron, 044.668.18.01");
    replace(&at("scenario.toml"), "title = \"", "title = \"Zo\u{eb} says, 044/668 18 04: ");
    add(
        "services.toml",
        "[[host]]\nname = 'posts1'\nsite = 'outside'\nrouter = 'isp-r1'\naddress = '198.51.100.70'\n\
         [[service]]\nname = 'posts'\nhost = 'posts1'\n[service.run.posts]\n",
    );
    add("zones/shop.example.zone", "posts IN A 198.51.100.70\n");
    add(
        "faults.toml",
        "\n[[statement]]\nat = '+5m'\nauthor = 'Zo\u{eb} Quill'\non = 'posts.shop.example'\nfrom = 'laptop1'\n\
         text = 'Ask Ben or AdaLovelaceByron, 1.650.555.0105 or 650\u{a0}555\u{a0}0106'\n",
    );
    folder
}

#[test]
fn no_name_and_no_number_is_left_in_any_redacted_file() {
    let scenario = talkative();
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        words.map(str::to_lowercase).collect()
    };
    let digits = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
    let names = ["ada", "lovelace", "byron", "adalovelacebyron", "ben", "brien", "zo\u{eb}", "quill"];
    let numbers = ["446681800", "446681801", "446681803", "446681804", "6505550105", "6505550106"];
    let (plain, redacted) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ran = validate_to(scenario.path(), plain.path(), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    validate_to(scenario.path(), redacted.path(), &["--redact"]);
    let all = |out: &Path| FILES.map(|name| text(out, name)).concat();
    let told = all(plain.path());
    for name in names {
        assert!(words(&told).iter().any(|word| word == name), "{name} is in none of the plain files");
    }
    for number in numbers {
        assert!(digits(&told).contains(number), "{number} is in none of the plain files");
    }
    for entry in fs::read_dir(redacted.path()).unwrap() {
        let file = entry.unwrap().path();
        let hidden = fs::read_to_string(&file).unwrap();
        let left = words(&hidden).into_iter().find(|word| names.contains(&word.as_str()));
        assert_eq!(left, None, "{}", file.display());
        for number in numbers {
            assert!(!digits(&hidden).contains(number), "{number} in {}", file.display());
        }
    }
}

#[test]
fn what_cannot_work_is_told_before_any_run() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    fs::write(&file, "{}").unwrap();
    let (file, out) = (file.to_str().unwrap(), scratch.path().join("out"));
    let out = out.to_str().unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["--out", file], "file: "),
        (&["--redact"], "--out"),
        (&["--out", out, "--against", file], "this is no evidence.json: missing field"),
        (&["--out", out, "--against", "no-such-file"], "no-such-file: "),
    ];
    for (arguments, message) in cases {
        let ran = validate(&small(), arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(message), "{arguments:?}: {}", ran.stderr);
    }
}
