//! Changes that put something outside the company: derived for a company that has nothing there, run, and compared.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use blackstart_campaign::mitigate::{Changes, changes, mitigate};
use blackstart_campaign::{Workers, named};
use blackstart_report::mitigation::{Mitigated, Mitigation};
use blackstart_scenario::Scenario;
use std::fs;
use std::path::{Path, PathBuf};

fn three_services() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/three-services")
}

fn tried(path: &Path, variant: Option<&str>, kind: &str) -> (Mitigation, Changes) {
    let scenario = Scenario::load(path, variant).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let runbook = named(&scenario, "bring-it-back").unwrap();
    let mut changes = changes(path, &scenario, runbook).unwrap();
    changes.made.retain(|change| change.kind == kind);
    let workers = Workers::new(Some(2)).unwrap();
    (mitigate(&scenario, runbook, "1..3".parse().unwrap(), &changes, &workers, &()).unwrap(), changes)
}

fn only(mitigation: &Mitigation) -> &Mitigated {
    let [only] = &mitigation.changes[..] else { panic!("{:?}", mitigation.changes) };
    only
}

/// A copy of the company, changed by `edit`, file by file.
fn company(edit: impl Fn(&str, String) -> String) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for folder in ["", "zones", "runbooks", "variants"] {
        fs::create_dir_all(copy.path().join(folder)).unwrap();
        let Ok(entries) = fs::read_dir(three_services().join(folder)) else { continue };
        for file in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            let text = edit(name, fs::read_to_string(&file).unwrap());
            fs::write(copy.path().join(folder).join(name), text).unwrap();
        }
    }
    copy
}

#[test]
fn consoles_on_another_carrier_save_the_way_there() {
    let (mitigation, changes) = tried(&three_services(), None, "independent-out-of-band");
    let change = only(&mitigation);
    assert_eq!((mitigation.verdicts.completed, change.verdicts.completed), (3, 3), "{change:?}");
    assert!(change.name.ends_with("people go on at `confirm`"), "{}", change.name);
    assert!(change.gain_s.unwrap() > 1200.0, "nobody drives: {change:?}");
    let [change] = &changes.made[..] else { panic!("{changes:?}") };
    let consoles = &change.scenario.people.consoles;
    assert_eq!(consoles.len(), 1);
    assert_eq!(consoles[0].routers, ["dc-r1", "dc-r2"]);
    assert!(change.scenario.milestones.len() == 3, "the rest is as it was");
}

/// The consoles are not asserted to be there: when the carrier's own line is cut they are of no use.
#[test]
fn consoles_on_a_carrier_that_is_gone_as_well_save_nothing() {
    let cut = "[[fault]]\nkind = 'power-off'\non = 'ada-laptop'\nat = '+5m'\n";
    let copy = company(|_, text| text);
    fs::write(copy.path().join("faults.toml"), cut).unwrap();
    let (mitigation, _) = tried(copy.path(), None, "independent-out-of-band");
    let change = only(&mitigation);
    assert_eq!(change.verdicts.completed, 3, "people go on as before: {change:?}");
    assert!(change.gain_s.unwrap() < 0.0, "and lose the time of trying: {change:?}");
}

#[test]
fn what_cannot_be_derived_is_said() {
    let inside = company(|name, text| match name {
        "services.toml" => text.replace(
            "site = \"outside\"\nrouter = \"isp-r1\"\naddress = \"198.51.100.62\"",
            "site = \"office\"\nrouter = \"hq-r1\"\naddress = \"203.0.113.150\"",
        ),
        _ => text,
    });
    let (mitigation, _) = tried(inside.path(), None, "independent-out-of-band");
    let why = |kind: &str| {
        let found = mitigation.left_out.iter().find(|left_out| left_out.kind == kind);
        found.map(|left_out| left_out.why.clone()).unwrap_or_else(|| panic!("{:?}", mitigation.left_out))
    };
    assert_eq!(why("independent-out-of-band"), "ada-laptop hangs on the company's own network, at hq-r1");
    assert_eq!(why("outside-chat"), "no step asks anybody in a chat");
    assert_eq!(why("standing-authority"), "no step decides anything");
    let page = mitigation.page();
    assert!(page.contains("NOT TRIED   outside-chat: no step asks anybody in a chat\n"), "{page}");
}

const CHAT: &str = r#"
[[host]]
name = "chat1"
site = "office"
router = "hq-r1"
address = "203.0.113.150"
[[service]]
name = "chat"
host = "chat1"
[service.run.chat]
listen = "0.0.0.0:6667"
identity = "203.0.113.140:7100"
settings = { name = "chat.shop.example" }
[[host]]
name = "ben-laptop"
site = "outside"
router = "isp-r1"
address = "198.51.100.63"
resolvers = ["198.51.100.54:53"]
"#;
const ASK: &str = r#"## Ask

```toml step
who = { role = "on-call" }
after = { signal = "http.shop", is = "failing", from = "1 of 1 outside vantage points", within = "1h", else = "stop" }
do = { chat = "\#incident", on = "chat", to = "engineer", text = "Are you there?", with = "automation" }
```

## Go"#;

#[test]
fn a_chat_outside_is_there_when_the_office_is_not() {
    let task =
        "[[task]]\nname = 'NAME'\ntakes = { low = '1m', likely = '1m', high = '1m', basis = 'assumption' }\n";
    let asks = company(|name, text| match name {
        "services.toml" => text + CHAT,
        "people.toml" => {
            let tasks = ["write", "acknowledge", "sign-in"].map(|name| task.replace("NAME", name)).concat();
            text.replace("name = \"Ben\"\n", "name = \"Ben\"\nlaptop = \"ben-laptop\"\n") + &tasks
        }
        "bring-it-back.md" => text.replacen("## Go", &ASK.replace("\\#", "#"), 1),
        _ => text,
    });
    let (mitigation, _) = tried(asks.path(), None, "outside-chat");
    let change = only(&mitigation);
    assert_eq!(mitigation.verdicts.stopped(), 3, "the office is cut off: {:?}", mitigation.verdicts);
    assert_eq!((change.verdicts.completed, change.blocked_removed), (3, 3), "{change:?}");
}

#[test]
fn changes_lie_on_top_of_a_variant() {
    let slow = "title = 'Nobody is quick'\nexpects = 'later'\n[[change]]\nfile = 'people.toml'\ntable = 'task'\n\
        name = 'agree-on-cause'\nset = 'takes'\nto = { low = '15m', likely = '16m', high = '17m', basis = 'assumption' }\n";
    let gone = "title = 'No such task'\nexpects = 'nothing'\n[[change]]\nfile = 'people.toml'\ntable = 'task'\n\
        name = 'agree-on-cause'\nset = 'name'\nto = 'agree'\n";
    let copy = company(|_, text| text);
    fs::write(copy.path().join("variants/slow.toml"), slow).unwrap();
    fs::write(copy.path().join("variants/other.toml"), slow.replace("16m", "15m")).unwrap();
    let (plain, _) = tried(copy.path(), None, "independent-out-of-band");
    let (slow, changes) = tried(copy.path(), Some("slow"), "independent-out-of-band");
    assert_eq!(slow.variant.as_deref(), Some("slow"));
    assert!(slow.recovery_s.p50.unwrap() > plain.recovery_s.p50.unwrap() + 500.0);
    assert!(only(&slow).recovery_s.p50.unwrap() > only(&plain).recovery_s.p50.unwrap() + 500.0, "{slow:?}");
    assert!(changes.left_out.iter().all(|left_out| !left_out.kind.starts_with("variant")));
    fs::write(copy.path().join("variants/other.toml"), gone).unwrap();
    let load = || Scenario::load(copy.path(), Some("other")).unwrap_err().to_string();
    assert!(load().contains("agree-on-cause"), "by itself it is a mistake: {}", load());
    let (_, changes) = tried(copy.path(), Some("slow"), "variant");
    let [left_out, ..] = &changes.left_out[..] else { panic!("{changes:?}") };
    assert!(
        left_out.kind == "variant other" && left_out.why.starts_with("does not go with slow: "),
        "{left_out:?}"
    );
}
