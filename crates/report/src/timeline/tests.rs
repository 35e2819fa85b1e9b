use super::*;
use crate::outcome::{Invariant, Milestone, Milestones, RunOutcome, Runbook, Step, Variant};
use crate::page;
use blackstart_rt as rt;
use blackstart_sim::record::SimEvent;
use jiff::Timestamp;

/// Machines of the small night below, by number.
const MACHINES: [&str; 6] = ["bb1", "bb2", "ns1", "probe", "laptop", "ris"];

fn names() -> Map<NodeId, String> {
    (0..).zip(MACHINES).map(|(n, name)| (NodeId(n), name.to_owned())).collect()
}

fn at<E: rt::Event>(s: u64, machine: &str, event: E) -> Record {
    let bytes = postcard::to_stdvec(&event).unwrap();
    record(s, machine, E::KIND, bytes)
}

fn engine(s: u64, machine: &str, event: SimEvent) -> Record {
    record(s, machine, SimEvent::KIND, postcard::to_stdvec(&event).unwrap())
}

fn record(s: u64, machine: &str, kind: &'static str, bytes: Vec<u8>) -> Record {
    let node = MACHINES.iter().position(|name| *name == machine).map(|n| NodeId(n as u32));
    Record { time: Time::from_secs(s), node, kind, bytes, emitter: None }
}

/// A night with a bit of everything.
fn night() -> Vec<Record> {
    use blackstart_app::{DnsFailure, Event as App, Outcome};
    use blackstart_badge::{Event as Badge, Verdict, event::Path};
    use blackstart_bgp::Event as Bgp;
    use blackstart_chat::{Event as Chat, event::Why};
    use blackstart_dns::Event as Dns;
    use blackstart_manage::event::{Capacity, Event as Manage};
    use blackstart_world::Event as World;
    let text = str::to_owned;
    let port = |up| SimEvent::PortAdmin { port: "x".to_owned(), up };
    let probed = |check: &str, outcome| App::Probed { check: check.to_owned(), outcome };
    let paths = |paths| Bgp::PathsChanged { prefix: "192.0.2.0/24".parse().unwrap(), paths };
    let prefix = "192.0.2.0/24".parse().unwrap();
    let servfail = Outcome::Dns(DnsFailure::ServFail);
    let audited = Manage::Audited {
        command: text("assess-global-capacity"),
        ports: 2,
        ports_total: 2,
        allowed: true,
        reason: text("`assess-global-capacity` only reads"),
    };
    let ordered = Manage::CapacityCommand(Capacity::Ordered { routers: 2, ports: 2, at_unix_s: 0 });
    let sends = |ok, failed| App::SendsWindow { product: text("chat"), ok, failed, reason: None };
    let decision = Badge::Decision {
        door: text("cage"),
        badge: text("F-1"),
        verdict: Verdict::NoAnswer,
        path: Path::FailSecure,
    };
    let step = |s: &str| World::StepStarted { step: s.to_owned() };
    let ended = |s: &str, verdict: &str, why: Option<&str>| World::StepEnded {
        step: s.to_owned(),
        verdict: verdict.to_owned(),
        why: why.map(str::to_owned),
    };
    let turned_away = |tried: &str| World::TurnedAway {
        person: text("Ines"),
        tried: tried.to_owned(),
        saw: text("no route"),
    };
    vec![
        // Coming up: nothing of this is worth a line.
        engine(0, "bb1", SimEvent::PowerOn),
        at(1, "ris", paths(1)),
        at(2, "ris", paths(2)),
        at(3, "laptop", Chat::Online { nick: text("ines") }),
        at(4, "probe", probed("http.site", Outcome::Ok(200))),
        at(5, "ns1", Dns::Announced { prefix }),
        // The night.
        at(300, "", audited),
        at(301, "bb1", ordered),
        engine(540, "bb1", port(false)),
        engine(540, "bb2", port(false)),
        at(541, "probe", probed("http.site", Outcome::Http(503))),
        at(541, "probe", probed("http.shop", Outcome::Http(503))),
        at(545, "laptop", Chat::Offline { nick: text("ines"), why: Why::Dns(text("chat.example")) }),
        at(550, "probe", sends(0, 20)),
        at(720, "ns1", Dns::Health { up: false, answering: 0, targets: 2 }),
        at(720, "ns1", Dns::Withdrawn { prefix }),
        at(721, "ris", paths(1)),
        at(722, "ris", paths(0)),
        at(800, "probe", probed("http.site", servfail)),
        at(900, "", step("notice")),
        at(1000, "", ended("notice", "done", None)),
        at(1000, "", step("try-consoles")),
        at(1200, "", turned_away("console oob-1")),
        at(1400, "", turned_away("console oob-2")),
        at(1500, "", ended("try-consoles", "failed-over", Some("oob-1: no route; oob-2: no route"))),
        at(1600, "bb1", decision),
        at(1700, "", World::Prompt { person: text("Emil"), router: text("bb1"), by: text("serial") }),
        engine(1800, "bb1", port(true)),
        at(1801, "", World::Restored { router: text("bb1"), ports: vec![text("x")], person: text("Emil") }),
        engine(1860, "bb2", port(true)),
        at(1900, "ns1", Dns::Health { up: true, answering: 2, targets: 2 }),
        at(1900, "ns1", Dns::Announced { prefix }),
        at(1960, "probe", probed("http.site", Outcome::Ok(200))),
        at(2000, "probe", sends(20, 0)),
        at(2100, "laptop", App::Posted { author: text("us"), text: text("We are back.") }),
        record(2200, "bb1", "a kind of tomorrow", vec![1, 2, 3]),
        record(2201, "bb1", "dns", vec![255]),
    ]
}

fn outcome() -> RunOutcome {
    let moment = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let row = |id: &str, expected, observed, off_by_s, met| Milestone {
        id: id.to_owned(),
        what: "what was seen".to_owned(),
        kind: "emergent",
        expected,
        observed,
        off_by_s,
        met,
    };
    let expected = moment("2021-10-04T15:39:00Z");
    let step = |id: &str, verdict, started, ended, why: Option<&str>| Step {
        id: id.to_owned(),
        verdict,
        started,
        ended,
        blocked_on: why.map(str::to_owned),
        place: String::new(),
        failed: Vec::new(),
        unmodelled: Vec::new(),
        spent: Vec::new(),
    };
    RunOutcome {
        scenario: "small".to_owned(),
        title: "A small night".to_owned(),
        variant: Some(Variant { name: "v".to_owned(), expects: Some("little".to_owned()) }),
        start: "2021-10-04T15:30:00Z".parse().unwrap(),
        seed: 7,
        driver: "native",
        hosts: 6,
        ases: 2,
        simulated_s: 3600.0,
        wall_s: 0.25,
        packets: 1234,
        records: 37,
        log_hash: format!("{:016x}", 0xab),
        milestones: Milestones {
            met: 1,
            total: 3,
            rows: vec![
                row("M1", expected, moment("2021-10-04T15:39:01.5Z"), Some(1.5), true),
                row("M2", expected, moment("2021-10-04T15:20:00Z"), Some(-1140.0), false),
                row("M3", None, None, None, false),
            ],
        },
        invariants: vec![
            Invariant {
                name: "no service crashes".to_owned(),
                holds: true,
                first_violation: None,
                saw: None,
            },
            Invariant {
                name: "no door opens".to_owned(),
                holds: false,
                first_violation: expected,
                saw: Some("bb1: cage opened".to_owned()),
            },
        ],
        runbooks: vec![Runbook {
            name: "reset".to_owned(),
            verdict: "blocked",
            achieved_recovery_s: Some(1450.0),
            objective_s: Some(3600.0),
            assumed_up: vec!["roads".to_owned()],
            unmodelled: vec!["moon".to_owned()],
            steps: vec![
                step("notice", "done", expected, moment("2021-10-04T15:49:30Z"), None),
                step("enter", "blocked", expected, expected, Some("nobody holds the key")),
                step("ramp", "not-reached", None, None, None),
            ],
        }],
        unserved_since: None,
        not_modelled: vec!["the weather".to_owned(), "the moon".to_owned()],
    }
}

#[test]
fn a_small_night_on_a_page() {
    let records = night();
    let page = page::page(&outcome(), &lines(&records, &names()), "blackstart run small --runbook none");
    assert!(page.lines().all(|line| line.chars().count() <= page::COLUMNS), "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn what_never_came_up_is_told_before_what_came_later() {
    use blackstart_app::{DnsFailure, Event as App, Outcome};
    let failing = Outcome::Dns(DnsFailure::ServFail);
    let probed = App::Probed { check: "http.shop".to_owned(), outcome: failing };
    let records = [at(15, MACHINES[0], probed), engine(3600, MACHINES[1], SimEvent::PowerOff)];
    let told = lines(&records, &names());
    let told: Vec<(Time, bool)> =
        told.iter().map(|line| (line.at, line.text.contains("http.shop"))).collect();
    assert_eq!(told, [(Time::from_secs(240), true), (Time::from_secs(3600), false)]);
}

#[test]
fn a_quiet_night_says_so() {
    let quiet = RunOutcome { variant: None, runbooks: Vec::new(), ..outcome() };
    assert!(page::page(&quiet, &[], "").contains("\nnothing notable happened\n"));
}

/// The keys, their order and the shapes of values are what other programs rely on.
#[test]
fn the_json_is_the_contract() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&outcome()).unwrap());
}

#[test]
fn what_falls_short() {
    let expected = ["2 of 3 milestones missed", "invariant broken: no door opens", "runbook reset blocked"];
    assert_eq!(outcome().shortfalls(), expected);
    let mut good = outcome();
    good.milestones.met = 3;
    good.invariants.truncate(1);
    good.runbooks[0].verdict = "completed";
    assert!(good.held());
    good.runbooks[0].verdict = "late";
    assert!(!good.held());
    good.runbooks.clear();
    assert!(good.held(), "a run without a runbook has no verdict to fall short of");
    good.unserved_since = Some("2021-10-04T15:40:00Z".parse().unwrap());
    assert_eq!(good.shortfalls(), ["users have been without service since 15:40:00, to the end"]);
}
