//! Causes from hand-made evidence.

use super::evidence::{Dropped, Fact, Machine, What};
use super::{Cause, End, Evidence, Tree, causes};
use crate::outcome::Step;
use blackstart_badge::event::{Event as Badge, Why};
use blackstart_bgp::Event as Bgp;
use blackstart_bgp::session::DownReason;
use blackstart_dns::Event as Dns;
use blackstart_dns::message::Rcode;
use blackstart_fault::{Fault, Kind as FaultKind};
use blackstart_igp::Event as Igp;
use blackstart_manage::event::{Capacity, Cause as Brought, Event as Manage};
use blackstart_rt::{Map, Set};
use blackstart_runbook::execute::{Attempt, Kind, Spending, Spent};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{DropCause, Time};
use blackstart_world::{Account, AccountKind, Door, Estimate, Event as World, People, Person, Place};
use std::net::SocketAddr;
use std::time::Duration;

fn at(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

fn attempt(kind: Kind, from: &str, to: &str, ended: u64) -> Attempt {
    let (by, from) = (Some("Ines".to_owned()), (!from.is_empty()).then(|| from.to_owned()));
    let (to, began) = (to.to_owned(), at(ended - 5));
    Attempt { kind, by, from, to, began, ended: at(ended), saw: "nothing".to_owned() }
}

pub(super) fn step(failed: Vec<Attempt>) -> Step {
    Step {
        id: "enter".to_owned(),
        verdict: "blocked",
        started: None,
        ended: None,
        blocked_on: None,
        place: String::new(),
        failed,
        unmodelled: Vec::new(),
        spent: Vec::new(),
    }
}

fn explain(evidence: &Evidence, failed: Vec<Attempt>) -> Tree {
    causes(&step(failed), evidence)
}

/// A desk with a laptop and a door behind router `r1`; everything else behind `r2`.
pub(super) fn evidence() -> Evidence {
    let machine = |address: &str, router: Option<&str>, resolvers: &[&str]| Machine {
        addresses: vec![address.parse().unwrap()],
        router: router.map(str::to_owned),
        resolvers: resolvers.iter().map(|text| text.parse().unwrap()).collect(),
        asks: Set::from(["access.example".to_owned()]),
    };
    let machines = [
        ("laptop", machine("10.1.0.2", Some("r1"), &["10.1.0.53"])),
        ("resolver", machine("10.1.0.53", Some("r1"), &[])),
        ("doors", machine("10.1.0.70", Some("r1"), &["10.1.0.53"])),
        ("names", machine("10.2.0.53", Some("r2"), &[])),
        ("server", machine("10.2.0.10", Some("r2"), &[])),
        ("r1", machine("10.0.0.1", None, &[])),
        ("r2", machine("10.0.0.2", None, &[])),
    ];
    let machines = machines.into_iter().map(|(name, machine)| (name.to_owned(), machine)).collect();
    let door = Door {
        name: "vault".into(),
        from: "gate".into(),
        to: "room".into(),
        reader: "reader".into(),
        controller: "doors".into(),
        key: Some("brass-key".into()),
        fail: Default::default(),
        rule: Default::default(),
        escorts: None,
    };
    let person = |name: &str, at: &str, roles: &[&str], items: &[&str]| Person {
        name: name.into(),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        skills: Vec::new(),
        at: at.into(),
        laptop: None,
        badge: None,
        items: items.iter().map(|&item| item.to_owned()).collect(),
        shift: None,
        called_at_home: false,
        phone: None,
        numbers: None,
        on_duty_for: Duration::ZERO,
        refuses: None,
        no_answer: 0.0,
        account: None,
    };
    let account = Account {
        name: "envelope".into(),
        kind: AccountKind::Local,
        secret: String::new(),
        code_seed: None,
        kept_at: Some("room".into()),
        person: None,
        holders: Vec::new(),
        sealed: None,
    };
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let takes =
        Estimate { low: minutes(1), likely: minutes(2), high: minutes(9), basis: "assumption: slow".into() };
    let people = People {
        places: Map::from([(
            "gate".to_owned(),
            Place { name: "gate".into(), site: Some("centre".to_owned()) },
        )]),
        doors: Map::from([("vault".to_owned(), door)]),
        persons: vec![
            person("Ines", "home", &["commander"], &[]),
            person("Gil", "home", &["keeper"], &["brass-key"]),
        ],
        accounts: Map::from([("envelope".to_owned(), account)]),
        tasks: Map::from([("join".to_owned(), takes.clone()), ("call".to_owned(), takes)]),
        ..People::default()
    };
    let hosts = [("web".to_owned(), "server".to_owned())].into();
    Evidence { machines, hosts, people, ..Evidence::default() }
}

impl Evidence {
    fn fact(mut self, host: &str, seconds: u64, what: What) -> Self {
        let service = (host == "auto1").then(|| "automation".to_owned());
        let facts = self.facts.entry(host.to_owned()).or_default();
        facts.push(Fact { at: at(seconds), service, what });
        facts.sort_by_key(|fact| fact.at);
        self
    }

    fn dropping(mut self, seconds: u64, host: &str, cause: DropCause, from: &str, to: &str) -> Self {
        let end = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (source, destination) = (end(from), end(to));
        let host = host.to_owned();
        self.drops.push(Dropped { at: at(seconds), host, link: None, cause, source, destination });
        self.drops.sort_by_key(|drop| drop.at);
        self
    }

    /// `r1` and `r2` were adjacent until automation shut the port between them, `late` seconds after second 100.
    fn parted(self, late: u64) -> Self {
        let other = |text: &str| text.parse().unwrap();
        let shut = || vec!["r2".to_owned()];
        let (who, due) = ("robot".to_owned(), 1000 + late);
        let scheduled = Manage::CommitScheduled {
            who: who.clone(),
            at_unix_s: due,
            ports_down: shut(),
            ports_up: Vec::new(),
        };
        let committed =
            Manage::Committed { who, cause: Brought::Scheduled, ports_down: shut(), ports_up: Vec::new() };
        let audited = Manage::Audited {
            command: "assess".into(),
            ports: 1,
            ports_total: 1,
            allowed: true,
            reason: "it only reads".into(),
        };
        let ordered = Manage::CapacityCommand(Capacity::Ordered { routers: 1, ports: 1, at_unix_s: due });
        let down = |address| Igp::AdjacencyDown {
            neighbour: other(address),
            reason: blackstart_igp::event::DownReason::Carrier,
        };
        let shut_at = 100 + late;
        self.fact("r1", 1, What::Igp(Igp::AdjacencyUp { neighbour: other("10.0.0.2") }))
            .fact("r2", 1, What::Igp(Igp::AdjacencyUp { neighbour: other("10.0.0.1") }))
            .fact("audit1", 49, What::Manage(audited))
            .fact("r1", 50, What::Manage(scheduled))
            .fact("auto1", 50, What::Manage(ordered))
            .fact("r1", shut_at, What::Engine(SimEvent::PortAdmin { port: "r2".into(), up: false }))
            .fact("r1", shut_at, What::Manage(committed))
            .fact("r1", shut_at, What::Igp(down("10.0.0.2")))
            .fact("r2", shut_at, What::Igp(down("10.0.0.1")))
    }
}

/// Every cause of a tree.
fn all(tree: &Tree) -> Vec<&Cause> {
    fn collect<'a>(cause: &'a Cause, into: &mut Vec<&'a Cause>) {
        into.push(cause);
        cause.causes.iter().for_each(|cause| collect(cause, into));
    }
    let mut found = Vec::new();
    tree.causes.iter().for_each(|cause| collect(cause, &mut found));
    found
}

fn ends(tree: &Tree) -> Vec<(End, &str)> {
    all(tree).into_iter().filter_map(|cause| Some((cause.end?, cause.text.as_str()))).collect()
}

#[test]
fn nothing_on_record_is_said_to_be_nothing_on_record() {
    let tree = explain(&evidence(), vec![attempt(Kind::Connect, "laptop", "10.2.0.10", 200)]);
    assert_eq!(ends(&tree), [(End::NotRecorded, "Ines, from laptop: connection to 10.2.0.10: nothing")]);
}

#[test]
fn what_is_not_believed_by_a_wrong_clock_ends_at_the_clock() {
    let off = |machine: &str| FaultKind::ClockOffset { machine: machine.into(), offset_s: 3600 };
    for (machine, expected) in [
        ("laptop", vec![(End::Fault, "clock of laptop off by 3600 s")]),
        ("server", vec![(End::NotRecorded, "Ines, from laptop: connection to chat: nothing")]),
    ] {
        let faults = vec![Fault::at(Duration::from_secs(90), None, off(machine))];
        let evidence = Evidence { faults, ..evidence() };
        let tree = explain(&evidence, vec![attempt(Kind::Certificate, "laptop", "chat", 200)]);
        assert_eq!(ends(&tree), expected);
    }
    let faults = vec![Fault::at(Duration::from_secs(90), None, off("doors"))];
    let why = Why::Certificate("its certificate has expired by the clock here".into());
    let evidence = Evidence { faults, ..evidence() };
    let evidence = evidence.fact("doors", 100, What::Badge(Badge::ServerUnreachable { why }));
    let tree = explain(&evidence, vec![attempt(Kind::BadgeTap, "reader", "vault", 200)]);
    assert_eq!(ends(&tree), [(End::Fault, "clock of doors off by 3600 s")]);
}

#[test]
fn what_is_wrong_with_the_other_machine_is_found() {
    let service = || "web".to_owned();
    let killed = FaultKind::KillService { service: service() };
    let dark = FaultKind::PowerOff { machine: "server".into() };
    let fault = |kind| vec![Fault::at(Duration::from_secs(90), None, kind)];
    let crash = SimEvent::TaskCrash { service: service(), message: "index".into() };
    let kill = || SimEvent::ServiceKilled { service: service() };
    let restart = SimEvent::ServiceRestarted { service: service() };
    let off = || (90, SimEvent::PowerOff);
    let cases = [
        (vec![(90, kill())], fault(killed.clone()), vec![(End::Fault, "service web killed")]),
        (vec![off()], fault(dark), vec![(End::Fault, "server without power")]),
        (
            vec![(90, SimEvent::Paused)],
            fault(FaultKind::Pause { machine: "server".into() }),
            vec![(End::Fault, "server stands still")],
        ),
        (
            vec![(90, kill())],
            fault(FaultKind::CrashLoop { service: service(), every_s: 9 }),
            vec![(End::Fault, "service web crashes every 9 s")],
        ),
        // It runs, and not as it should.
        (
            Vec::new(),
            fault(FaultKind::ServiceSilent { service: service() }),
            vec![(End::Fault, "service web never answers")],
        ),
        // Nothing in the schedule did it, and nobody knows what did.
        (vec![off()], Vec::new(), vec![(End::NotRecorded, "server has no power")]),
        (vec![(90, crash)], Vec::new(), vec![(End::Crash, "service web on server crashed: index")]),
        // What is over is no cause: restarted, booted since, or not yet so.
        (vec![(90, kill()), (95, restart)], fault(killed), vec![]),
        (vec![off(), (95, SimEvent::PowerOn)], Vec::new(), vec![]),
        (vec![(300, kill())], Vec::new(), vec![]),
    ];
    for (facts, faults, expected) in cases {
        let mut evidence = Evidence { faults, ..evidence() };
        for (seconds, event) in facts.clone() {
            evidence = evidence.fact("server", seconds, What::Engine(event));
        }
        let tree = explain(&evidence, vec![attempt(Kind::Connect, "laptop", "10.2.0.10", 200)]);
        match expected.is_empty() {
            true => assert_eq!(ends(&tree)[0].0, End::NotRecorded, "{facts:?}"),
            false => assert_eq!(ends(&tree), expected, "{facts:?}"),
        }
    }
}

#[test]
fn packets_without_a_route_lead_to_the_command() {
    let evidence =
        evidence().parted(0).dropping(198, "r1", DropCause::NoRoute, "10.1.0.2:4000", "10.2.0.10:80");
    let tree = explain(&evidence, vec![attempt(Kind::Connect, "laptop", "10.2.0.10", 200)]);
    assert_eq!(
        tree.chain(200),
        "no connection to 10.2.0.10 < no route at r1 < network parted < ports shut < by assess 00:01"
    );
    let [(End::Command, text)] = ends(&tree)[..] else { panic!("{tree:#?}") };
    assert_eq!(text, "`assess`, ordered by automation on auto1, which the audit let pass: it only reads");
}

#[test]
fn drops_of_others_and_of_other_times_are_no_cause() {
    let cases = [
        (198, "10.1.0.2:4000", "10.2.0.53:80"),
        (198, "10.1.0.70:4000", "10.2.0.10:80"),
        (100, "10.1.0.2:4000", "10.2.0.10:80"),
        (201, "10.1.0.2:4000", "10.2.0.10:80"),
    ];
    for (seconds, from, to) in cases {
        let evidence = evidence().parted(0).dropping(seconds, "r1", DropCause::NoRoute, from, to);
        let tree = explain(&evidence, vec![attempt(Kind::Connect, "laptop", "10.2.0.10", 200)]);
        assert_eq!(ends(&tree)[0].0, End::NotRecorded, "{seconds} {from} {to}");
    }
}

/// The part of the network that is off matters only to what lies on its other side.
#[test]
fn a_cut_elsewhere_is_no_cause() {
    let evidence =
        evidence().parted(0).dropping(198, "r1", DropCause::NoRoute, "10.1.0.2:4000", "10.0.0.1:80");
    let tree = explain(&evidence, vec![attempt(Kind::Connect, "laptop", "10.0.0.1", 200)]);
    assert_eq!(tree.chain(200), "no connection to 10.0.0.1 < no route at r1");
    assert_eq!(ends(&tree)[0].0, End::NotRecorded);
}

/// A door that does not open for a badge, because a name does not resolve, because its server withdrew.
fn night(late: u64) -> Evidence {
    let why = Why::Dns("SERVFAIL".into());
    let prefix = || "10.2.0.0/16".parse().unwrap();
    let servfail = Dns::Outcome { name: "access.example.".into(), rcode: Rcode::ServFail };
    let unhealthy = Dns::Health { up: false, answering: 0, targets: 1 };
    let stopped = Bgp::WithdrawnLocal { prefix: prefix(), by_control: true };
    evidence()
        .parted(late)
        .dropping(105, "r2", DropCause::NoRoute, "10.2.0.53:4001", "10.1.0.2:80")
        .fact("names", 120, What::Dns(unhealthy))
        .fact("names", 120, What::Bgp(stopped))
        .fact("r1", 121, What::Bgp(Bgp::Withdrawn { prefix: prefix() }))
        .dropping(190, "r1", DropCause::NoRoute, "10.1.0.53:4000", "10.2.0.53:53")
        .fact("resolver", 191, What::Dns(servfail))
        .fact("doors", 192, What::Badge(Badge::ServerUnreachable { why }))
}

#[test]
fn a_badge_and_a_key_that_fail_are_both_told() {
    let failed =
        vec![attempt(Kind::BadgeTap, "reader", "vault", 200), attempt(Kind::GuardKey, "", "vault", 201)];
    let tree = explain(&night(0), failed);
    assert_eq!(
        tree.chain(400),
        "badge denied < access server silent < resolver fails < no route at r1 < 10.2.0.0/16 withdrawn < name servers \
         withdrew < health checks fail < no route at r2 < network parted < ports shut < by assess 00:01; \
         no guard with a key < `brass-key` is held by Gil at home"
    );
    assert_eq!(tree.key(), "badge vault < command assess; guard-key vault < key brass-key not at gate");
    let known: Vec<End> = ends(&tree).into_iter().map(|(end, _)| end).collect();
    assert_eq!(known, [End::Command, End::Assumption]);
}

/// No packet was lost: the machine is there, and the name server on it is not.
#[test]
fn a_name_server_that_was_killed_is_found_behind_servfail() {
    let servfail = Dns::Outcome { name: "access.example.".into(), rcode: Rcode::ServFail };
    let killed = SimEvent::ServiceKilled { service: "dns".into() };
    let evidence =
        evidence().fact("names", 100, What::Engine(killed)).fact("resolver", 191, What::Dns(servfail));
    let faults =
        vec![Fault::at(Duration::from_secs(100), None, FaultKind::KillService { service: "dns".into() })];
    let name_servers = Map::from([
        (".".parse().unwrap(), Set::from(["server".to_owned()])),
        ("example.".parse().unwrap(), Set::from(["names".to_owned()])),
    ]);
    let evidence = Evidence { faults, name_servers, ..evidence };
    let tree = explain(&evidence, vec![attempt(Kind::NameLookup, "laptop", "access.example", 200)]);
    assert_eq!(
        tree.chain(200),
        "access.example does not resolve < resolver fails < dns does not run < service dns killed"
    );
}

/// Its packets arrive, and what they say is wrong.
#[test]
fn a_name_that_is_denied_leads_to_who_denies_it_and_names_of_others_to_nobody() {
    let denied = |name: &str| What::Dns(Dns::Outcome { name: name.into(), rcode: Rcode::NxDomain });
    let name_servers = Map::from([("example.".parse().unwrap(), Set::from(["server".to_owned()]))]);
    let kind = FaultKind::ServiceDenies { service: "web".into() };
    let faults = vec![Fault::at(Duration::from_secs(100), None, kind)];
    let evidence = Evidence { faults, name_servers, ..evidence() };
    let waited = || vec![attempt(Kind::Wait, "", "sends-succeed@laptop", 200)];
    let told = |name: &str| explain(&evidence.clone().fact("resolver", 191, denied(name)), waited());
    let tree = told("access.example.");
    assert_eq!(
        tree.chain(200),
        "sends-succeed@laptop was nothing < name denied < service web says no to everything"
    );
    assert_eq!(ends(&told("other.example."))[0].0, End::NotRecorded);
}

/// The access server is silent too, and has nothing to do with it.
#[test]
fn a_reader_without_power_asks_nobody() {
    let dark = FaultKind::PowerOff { machine: "reader".into() };
    let mut evidence = night(0).fact("reader", 90, What::Engine(SimEvent::PowerOff));
    evidence.faults.push(Fault::at(Duration::from_secs(90), None, dark));
    let tree = explain(&evidence, vec![attempt(Kind::BadgeTap, "reader", "vault", 200)]);
    assert_eq!(tree.chain(400), "badge denied < reader has no power < reader without power");
}

#[test]
fn a_chain_gives_up_its_middle_first() {
    let tree = explain(&night(0), vec![attempt(Kind::BadgeTap, "reader", "vault", 200)]);
    let cases = [
        (
            110,
            "badge denied < access server silent < resolver fails < network parted < ports shut < by assess 00:01",
        ),
        (60, "badge denied < access server silent < by assess 00:01"),
        (30, "badge denied < by assess 00:01"),
        (10, "badge den…"),
    ];
    for (columns, expected) in cases {
        assert_eq!(tree.chain(columns), expected);
    }
    for columns in 1..300 {
        assert!(tree.chain(columns).chars().count() <= columns, "{columns}");
        assert!(tree.lines(columns.max(60)).iter().all(|line| line.chars().count() <= columns.max(60)));
    }
}

#[test]
fn keys_know_no_times() {
    let tree = |late| explain(&night(late), vec![attempt(Kind::BadgeTap, "reader", "vault", 200)]);
    assert_ne!(tree(0), tree(3));
    assert_eq!(tree(0).key(), tree(3).key());
}

#[test]
fn a_cause_is_told_once_and_circles_end() {
    // Each router lost its session with the other, because it had no route, because it lost the session.
    let down = |peer: &str| {
        What::Bgp(Bgp::SessionDown { peer: peer.parse().unwrap(), reason: DownReason::HoldTimerExpired })
    };
    let lost = |prefix: &str| What::Bgp(Bgp::Withdrawn { prefix: prefix.parse().unwrap() });
    let evidence = evidence()
        .dropping(20, "r1", DropCause::NoRoute, "10.0.0.1:179", "10.0.0.2:4000")
        .fact("r1", 15, lost("10.0.0.2/32"))
        .fact("r1", 15, down("10.0.0.2"))
        .dropping(14, "r1", DropCause::NoRoute, "10.0.0.1:179", "10.0.0.2:4000");
    let attempts =
        vec![attempt(Kind::Connect, "r1", "10.0.0.2", 21), attempt(Kind::Connect, "r1", "10.0.0.2", 21)];
    let tree = explain(&evidence, attempts);
    let told = all(&tree);
    assert!(told.len() < 10, "{tree:#?}");
    assert!(told.iter().any(|cause| cause.again), "{tree:#?}");
    let mut keys: Vec<&str> =
        told.iter().filter(|cause| !cause.again).map(|cause| cause.key.as_str()).collect();
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count, "each told once");
    assert!(!tree.chain(500).is_empty() && !tree.key().is_empty());
}

#[test]
fn people_and_things_end_in_what_is_assumed_of_them() {
    let called = World::Called { by: "Ines".into(), person: "Gil".into() };
    let away = World::TurnedAway { person: "Ines".into(), tried: "door vault".into(), saw: "denied".into() };
    let evidence = night(0).fact("", 199, What::World(called)).fact("", 199, What::World(away));
    let cases = [
        (Kind::Person, "surgeon", End::Assumption, "there is nobody who is or can surgeon"),
        (
            Kind::Person,
            "keeper",
            End::Assumption,
            "Ines called Gil, who had not joined yet (1 to 9 min, assumption: slow)",
        ),
        (
            Kind::Person,
            "commander",
            End::NotRecorded,
            "Ines is on no bridge, and no call to Ines is on record",
        ),
        (Kind::Item, "brass-key", End::Assumption, "`brass-key` is with Gil"),
        (Kind::Item, "lamp", End::Assumption, "nobody has `lamp`"),
        // The envelope lies behind the door that stayed shut.
        (
            Kind::Item,
            "envelope",
            End::Command,
            "`assess`, ordered by automation on auto1, which the audit let pass: it only reads",
        ),
        (
            Kind::Wait,
            "roles-present@bridge",
            End::Assumption,
            "Ines called Gil, who had not joined yet (1 to 9 min, assumption: slow)",
        ),
        (Kind::Travel, "centre", End::Assumption, "Ines: nothing"),
    ];
    for (kind, to, end, text) in cases {
        let tree = explain(&evidence, vec![attempt(kind, "", to, 200)]);
        assert_eq!(ends(&tree), [(end, text)], "{kind:?} {to}");
    }
}

#[test]
fn a_wait_is_traced_from_where_it_was_watched() {
    for signal in ["dns.access.example@laptop", "http.example@laptop"] {
        let tree = explain(&night(0), vec![attempt(Kind::Wait, "", signal, 200)]);
        assert_eq!(
            ends(&tree).into_iter().map(|(end, _)| end).collect::<Vec<_>>(),
            [End::Command],
            "{signal}"
        );
    }
    let tree = explain(&night(0), vec![attempt(Kind::Wait, "", "dns.other.example@laptop", 200)]);
    assert_eq!(ends(&tree)[0].0, End::NotRecorded, "nobody asked for that name");
}

#[test]
fn what_nothing_models_and_a_run_that_ends_early_are_said() {
    let unmodelled = vec!["satellite-phones".to_owned()];
    let tree = causes(&Step { unmodelled, verdict: "done", ..step(Vec::new()) }, &evidence());
    let text = "rests on `satellite-phones`, which nothing models and the runbook does not take for granted";
    assert_eq!(ends(&tree), [(End::Unmodelled, text)]);
    let blocked_on = Some("the run ended while this step was under way".to_owned());
    let tree = causes(&Step { blocked_on, ..step(Vec::new()) }, &evidence());
    assert_eq!(ends(&tree), [(End::NotRecorded, "the run ended while this step was under way")]);
    assert_eq!(causes(&Step { verdict: "done", ..step(Vec::new()) }, &evidence()).causes, []);
}

#[test]
fn a_limit_names_the_longest_tasks() {
    let task = |what: &str, minutes: u64| Spent {
        on: Spending::People,
        what: what.into(),
        who: "Ines".into(),
        from: at(0),
        until: at(60 * minutes),
    };
    let spent = vec![task("weigh", 1), task("call", 50), task("isolate", 3), task("post", 2)];
    let step = Step { spent, ..step(vec![attempt(Kind::Limit, "", "enter", 4000)]) };
    let tree = causes(&step, &evidence());
    let texts: Vec<&str> = ends(&tree).into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        texts,
        [
            "call by Ines took 50 min (1 to 9 min, assumption: slow)",
            "isolate by Ines took 3 min (of several tasks)",
            "post by Ines took 2 min (of several tasks)",
        ]
    );
    assert!(!tree.key().contains("50"), "{}", tree.key());
}
