//! Who gets through a door: by a badge and the system that knows it, with somebody who has the key, two at a time, or not at
//! all. Each in the smallest scenario, before and after its line goes down (09:10).

use blackstart_badge as badge;
use blackstart_badge::event::Why;
use blackstart_tests::night::Night;
use blackstart_tests::tried::{QUIET, tried, tried_in, tried_with, verdicts};

const TEAM: &str = "who = { team = 'two', skills = ['core-router', 'break-glass'] }";

#[test]
fn somebody_else_opens_the_door() {
    let travel = format!("{TEAM}\ndo = {{ travel = 'data-centre' }}");
    let escort = "do = { escort = 'router-room', by = 'guard' }";
    let night = tried("", "", &[&travel, escort, "do = { power-cycle = 'web1' }"]);
    assert_eq!(verdicts(&night), ["done"; 3], "{:#?}", night.runbook().steps);
    let by_key = |(_, event): (_, badge::Event)| {
        matches!(event, badge::Event::DoorOpened { by: badge::event::By::Key, .. })
    };
    assert!(night.events::<badge::Event>().any(by_key), "on the controller's record");
    // Somebody who has neither a badge nor the key.
    let escort = "do = { escort = 'router-room', by = 'helper' }";
    let helper = "[[person]]\nname = 'Hal'\nroles = ['helper']\nat = 'hall'\n";
    let night = tried("", helper, &[&travel, escort]);
    assert_eq!(
        night.runbook().steps[1].blocked_on.as_deref(),
        Some("Hal has neither a badge nor a key for router-room")
    );
}

/// The same with other words about the door to the router room, and with further people.
fn tried_at_the_door(door: &str, faults: &str, people: &str, steps: &[&str]) -> Night {
    tried_with(
        |known| known.replace("key = \"cage-key\"\n", &format!("key = \"cage-key\"\n{door}\n")),
        "",
        faults,
        "",
        people,
        steps,
    )
}

const ENTER: &str = "do = { enter = 'router-room', try = ['badge'] }";
const TRAVEL: &str = "do = { travel = 'data-centre' }";

#[test]
fn a_door_wants_two_people_and_nobody_who_is_in() {
    let bea = "[[person]]\nname = 'Bea'\nroles = ['second']\nat = 'home'\nbadge = 'B-2'\nskills = ['second']\n\
        [[badge]]\nid = 'B-2'\nperson = 'Bea'\ndoors = ['router-room']\n";
    let team = |skills: &str| format!("who = {{ team = 'two', skills = [{skills}] }}\n{TRAVEL}");
    let (alone, both) = (team("'core-router', 'break-glass'"), team("'second', 'break-glass'"));
    let saw = |night: &Night| night.runbook().steps[1].blocked_on.clone().unwrap_or_default();
    let two =
        |people: &str, team: &str| tried_at_the_door("two-within = '5m'", QUIET, people, &[team, ENTER]);
    let (one, pair) = (two(bea, &alone), two(bea, &both));
    assert_eq!(saw(&one), "badge denied: waits for a second person");
    assert_eq!(verdicts(&pair), ["done"; 2], "{:#?}", pair.runbook().steps);

    // Through the door twice in a row, then out and in again.
    let counted = "anti-passback = 'cage'";
    let twice = tried_at_the_door(counted, QUIET, "", &[&alone, ENTER, ENTER]);
    assert_eq!(verdicts(&twice), ["done", "done", "blocked"]);
    assert_eq!(twice.runbook().steps[2].blocked_on.as_deref(), Some("badge denied: in already"));
    let way = |from: &str, to: &str| {
        let takes = "takes = { low = '10m', likely = '12m', high = '20m', basis = 'assumption' }";
        format!("[[travel]]\nfrom = '{from}'\nto = '{to}'\n{takes}\n")
    };
    let ways = way("router-room", "desk") + &way("desk", "hall");
    let away = "do = { travel = 'office' }";
    let again = tried_at_the_door(counted, QUIET, &ways, &[&alone, ENTER, away, TRAVEL, ENTER]);
    assert_eq!(verdicts(&again), ["done"; 5], "{:#?}", again.runbook().steps);
}

#[test]
fn a_door_fails_as_its_file_says() {
    let team = format!("who = {{ team = 'two', skills = ['core-router', 'break-glass'] }}\n{TRAVEL}");
    let silent = "[[fault]]\nat = '+1m'\nkind = 'kill-service'\non = 'access-server'\n";
    for (fail, verdict) in [("fail = 'secure'", "blocked"), ("", "blocked"), ("fail = 'safe'", "done")] {
        // The list that the controller has does not know doors for two.
        let door = format!("{fail}\ntwo-within = '5m'");
        let night = tried_at_the_door(&door, silent, "", &[&team, ENTER]);
        assert_eq!(verdicts(&night), ["done", verdict], "{fail}: {:#?}", night.runbook().steps);
    }
}

/// The controller has a list from before the server fell silent, and nobody who is in is on it.
#[test]
fn a_door_with_rules_does_what_its_file_says_while_the_server_is_silent() {
    let team = format!("{TEAM}\n{TRAVEL}");
    let silent = "[[fault]]\nat = '+1m'\nkind = 'kill-service'\non = 'access-server'\n";
    // The list leaves out a door with rules.
    let dark = "badge denied: not on the list that this door holds";
    for (door, verdicts_of, why) in [
        ("anti-passback = 'cage'", vec!["done", "blocked", "not-reached"], dark),
        ("anti-passback = 'cage'\nwhen-silent = 'shut'", vec!["done", "blocked", "not-reached"], dark),
        ("anti-passback = 'cage'\nwhen-silent = 'list'", vec!["done"; 3], ""),
        (
            "anti-passback = 'cage'\nwhen-silent = 'own-record'",
            vec!["done", "done", "blocked"],
            "badge denied: in already",
        ),
        ("two-within = '5m'\nwhen-silent = 'list'", vec!["done"; 3], ""),
        (
            "two-within = '5m'\nwhen-silent = 'own-record'",
            vec!["done", "blocked", "not-reached"],
            "badge denied: waits for a second person",
        ),
    ] {
        let night = tried_at_the_door(door, &(QUIET.to_owned() + silent), "", &[&team, ENTER, ENTER]);
        assert_eq!(verdicts(&night), verdicts_of, "{door}: {:#?}", night.runbook().steps);
        let saw = night.runbook().steps.iter().find_map(|step| step.blocked_on.clone()).unwrap_or_default();
        assert_eq!(saw, why, "{door}");
    }
}

/// Ada is on call and has no badge for the router room, or none at all; Ben has, and Gus stands before it with the key.
#[test]
fn others_come_in_with_whoever_may_take_them_along() {
    let travel = format!("{TEAM}\n{TRAVEL}");
    let with_guard = "do = { escort = 'router-room', by = 'guard' }";
    let key = "do = { enter = 'router-room', try = ['guard-key-with-escort'] }";
    let decide = "who = { approvers = ['chief'] }\n\
        do = { decide = 'emergency-access', record = 'paper-log', site = 'data-centre' }";
    let chief = "[[person]]\nname = 'Cleo'\nroles = ['chief']\nat = 'home'\n";
    let elsewhere = format!("{chief}[[badge]]\nid = 'A-1'\nperson = 'Ada'\ndoors = []\n");
    for (roles, badge, step, why) in [
        ("", false, ENTER, ""),
        ("'engineer'", false, ENTER, ""),
        ("'guard'", false, ENTER, "badge: Ada has none, and nobody here may take others through router-room"),
        // A badge for other doors opens this one behind somebody who may, and only then.
        ("'engineer'", true, ENTER, ""),
        ("'guard'", true, ENTER, "badge denied: not allowed at this door"),
        ("'guard', 'engineer'", false, with_guard, ""),
        ("'engineer'", false, with_guard, "Gus may not take others through router-room"),
        ("'guard'", false, key, ""),
        ("'engineer'", false, key, "Gus may not take others through router-room"),
    ] {
        let escorts = match roles {
            "" => String::new(),
            roles => format!("escorts = {{ roles = [{roles}], within = '5m' }}\n"),
        };
        let carries =
            if badge { "laptop = \"ada-laptop\"\nbadge = 'A-1'\n" } else { "laptop = \"ada-laptop\"\n" };
        let change = |known: String| {
            let known = known.replace("key = \"cage-key\"\n", &format!("key = \"cage-key\"\n{escorts}"));
            known.replace("laptop = \"ada-laptop\"\n", carries)
        };
        let people = if badge { elsewhere.as_str() } else { chief };
        let step = format!("{TEAM}\n{step}");
        let night = tried_with(change, "", QUIET, "", people, &[decide, &travel, &step]);
        assert_eq!(saw(&night), why, "{roles}, {step}: {:#?}", night.runbook().steps);
        let granted = night.events::<badge::Event>().filter(|(_, event)| {
            matches!(event, badge::Event::Decision { badge, verdict: badge::Verdict::Opened, .. } if badge == "A-1")
        });
        assert_eq!(granted.count(), usize::from(badge && why.is_empty()), "{roles}: the server's own word");
    }
}

/// What the last step was blocked on.
fn saw(night: &Night) -> String {
    night.runbook().steps.last().and_then(|step| step.blocked_on.clone()).unwrap_or_default()
}

/// A data centre's own access system beside the office's: server, controller, reader and a door `cage`; the office gets a door
/// `desk`. Both servers are named by address, as `words` say more about the new one.
fn two_systems(words: &str, faults: &str, steps: &[&str]) -> Night {
    let host = |name: &str, site: &str, router: &str, address: &str| {
        format!("[[host]]\nname = '{name}'\nsite = '{site}'\nrouter = '{router}'\naddress = '{address}'\n")
    };
    let controller = |name: &str, host: &str, server: &str| {
        format!(
            "[[service]]\nname = '{name}'\nhost = '{host}'\n\
             run = {{ door-controller = {{ server = '{server}', resolvers = [] }} }}\n"
        )
    };
    let services = [
        host("dc-access1", "data-centre", "dc-r1", "203.0.113.51"),
        format!(
            "[[service]]\nname = 'dc-access'\nhost = 'dc-access1'\nrun = {{ access-server = {{ {words} }} }}\n"
        ),
        host("dc-doors1", "data-centre", "dc-r1", "203.0.113.52"),
        controller("dc-doors", "dc-doors1", "203.0.113.51"),
        host("dc-reader1", "data-centre", "dc-r1", "203.0.113.53"),
        host("hq-doors1", "office", "hq-r1", "203.0.113.181"),
        controller("hq-doors", "hq-doors1", "203.0.113.141"),
        host("hq-reader1", "office", "hq-r1", "203.0.113.182"),
    ];
    let door = |name: &str, from: &str, to: &str, site: &str| {
        format!(
            "[[door]]\nname = '{name}'\nfrom = '{from}'\nto = '{to}'\nreader = '{site}-reader1'\ncontroller = '{site}-doors1'\n"
        )
    };
    let person = |name: &str, badge: &str, system: &str| {
        format!(
            "[[person]]\nname = '{name}'\nroles = ['{system}']\nat = 'home'\nbadge = '{badge}'\n\
             [[badge]]\nid = '{badge}'\nperson = '{name}'\ndoors = ['cage', 'desk']\nenrolled-at = ['{system}']\n"
        )
    };
    let people = [
        "[[place]]\nname = 'cage'\nsite = 'data-centre'\n[[place]]\nname = 'lobby'\nsite = 'office'\n"
            .to_owned(),
        door("cage", "hall", "cage", "dc"),
        door("desk", "lobby", "desk", "hq"),
        person("Dia", "D-1", "dc-access"),
        person("Oli", "O-1", "access-server"),
    ];
    let gate = |known: String| known.replace("to = \"desk\"", "to = \"lobby\"");
    tried_with(gate, &services.concat(), &(QUIET.to_owned() + faults), "", &people.concat(), steps)
}

/// Somebody whose badge is in this server's directory goes to a site and taps at a door.
fn taps(words: &str, faults: &str, (system, site, door): (&str, &str, &str)) -> Night {
    let go = format!("who = {{ role = '{system}' }}\ndo = {{ travel = '{site}' }}");
    let enter = format!("do = {{ enter = '{door}', try = ['badge'] }}");
    two_systems(words, faults, &[&go, &enter])
}

#[test]
fn offices_and_data_centres_have_systems_of_their_own() {
    let dead = |server: &str| format!("[[fault]]\nat = '+2m'\nkind = 'kill-service'\non = '{server}'\n");
    let (cage, desk) = (("data-centre", "cage"), ("office", "desk"));
    let (unknown, silent) =
        ("badge denied: unknown badge", "badge denied: the access server does not answer");
    for (faults, system, (site, door), expected) in [
        (String::new(), "dc-access", cage, ""),
        (String::new(), "access-server", desk, ""),
        // What one directory knows, the other does not, whatever doors the badge is good for.
        (String::new(), "dc-access", desk, unknown),
        (String::new(), "access-server", cage, unknown),
        (dead("access-server"), "dc-access", cage, ""),
        (dead("access-server"), "access-server", desk, silent),
        (dead("dc-access"), "dc-access", cage, silent),
        (dead("dc-access"), "access-server", desk, ""),
    ] {
        let night = taps("", &faults, (system, site, door));
        assert_eq!(saw(&night), expected, "{system} at {door}, {faults}");
        assert_eq!(verdicts(&night), ["done", if expected.is_empty() { "done" } else { "blocked" }]);
    }
}

#[test]
fn an_access_server_is_believed_by_the_clock_of_the_controller() {
    let certificate = "certificate = { from = '2024-06-03T08:45:00Z', until = '2024-06-03T09:45:00Z' }";
    let clock = |kind: &str, of: &str| format!("[[fault]]\nat = '+0s'\nkind = 'clock-{kind}'\non = '{of}'\n");
    for (faults, why) in [
        (String::new(), None),
        (clock("jump", "dc-doors1"), Some("its certificate has expired by the clock here")),
        (clock("back", "dc-doors1"), Some("its certificate is not valid yet by the clock here")),
        // The other system's clocks are nobody's here.
        (clock("jump", "hq-doors1"), None),
    ] {
        let night = taps(certificate, &faults, ("dc-access", "data-centre", "cage"));
        let reason = night.events::<badge::Event>().find_map(|(_, event)| match event {
            badge::Event::ServerUnreachable { why: Why::Certificate(why) } => Some(why),
            _ => None,
        });
        assert_eq!(reason.as_deref(), why, "{faults}");
        let silent = if why.is_some() { "badge denied: the access server does not answer" } else { "" };
        assert_eq!(saw(&night), silent, "{faults}");
    }
}

#[test]
fn a_guard_who_lost_the_key_on_the_way_opens_no_door() {
    let travel = format!("{TEAM}\ndo = {{ travel = 'data-centre' }}");
    let decide = "who = { approvers = ['chief'] }\n\
        do = { decide = 'emergency-access', record = 'paper-log', site = 'data-centre' }";
    let enter = format!("{TEAM}\ndo = {{ enter = 'router-room', try = ['guard-key-with-escort'] }}");
    let chief = "[[person]]\nname = 'Cleo'\nroles = ['chief']\nat = 'home'\n";
    // The check takes a minute at least: at half of it the guard still had the key when it began.
    let lost =
        "[[fault]]\nkind = 'item-lost'\non = 'cage-key'\nwhen = 'step.s3@runbook is begun'\nafter = '30s'\n";
    let opened = |(_, event): (_, badge::Event)| matches!(event, badge::Event::DoorOpened { .. });
    for (faults, why) in [("", ""), (lost, "guard key: Gus no longer has `cage-key`")] {
        let night = tried_in(&(QUIET.to_owned() + faults), "", chief, &[decide, &travel, &enter]);
        assert_eq!(saw(&night), why, "{:#?}", night.runbook().steps);
        assert_eq!(night.events::<badge::Event>().any(opened), why.is_empty());
    }
}
