//! The night in small, in the engine: two backbone routers, the operations host with sign-in, audit and
//! controller behind the first of them, and a person at each console.
//!
//! ```text
//! ops ── bb1 ── bb2
//! ```
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use blackstart_identity::{code, server};
use blackstart_manage::client::{Cli, Error};
use blackstart_manage::event::{Capacity, Cause, Event, Refusal};
use blackstart_manage::{audit, capacity, router};
use blackstart_rt as rt;
use blackstart_sim::{Config, Latency, LinkSpec, NodeSpec, Sim, Time, control};
use rt::fib::{Protocol, Target};
use serde_json::{from_value, json};

const EPOCH_S: u64 = 1_633_361_000;
/// Seconds from the start at which the controller assesses, and at which the people are at their consoles.
const ASSESS_S: u64 = 60;
const PEOPLE_S: u64 = 200;
/// The controller repeats its order so often.
const REASSESS_S: u64 = 300;

const OPS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);
const BB1: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const BB2: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const BB3: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
const CONTROL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(OPS), 9001);

/// What the people at the consoles do besides rolling back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum People {
    Away,
    JustRollBack,
    LockTheRouters,
    HoldTheController,
}

type Notes = Rc<RefCell<Vec<String>>>;

/// What was recorded, and what the people wrote down.
struct Night {
    events: Vec<(u64, String, Event)>,
    notes: Vec<String>,
    lit: bool,
}

impl Night {
    fn run(buggy: bool, people: People, until_s: u64) -> Self {
        let epoch = Duration::from_secs(EPOCH_S);
        let mut sim = Sim::new(Config { seed: 7, epoch, ..Config::default() }).unwrap();
        let node = |name: &str, address: Ipv4Addr, forwards| {
            sim.add_node(NodeSpec { name: name.to_owned(), addresses: vec![address.into()], forwards })
                .unwrap()
        };
        let (ops, bb1, bb2) = (node("ops", OPS, false), node("bb1", BB1, true), node("bb2", BB2, true));
        let link = |a, b| {
            let latency = Latency::Fixed(Duration::from_millis(2));
            sim.add_link(LinkSpec::new(a, b).latency(latency)).unwrap()
        };
        link(ops, bb1);
        let backbone = link(bb1, bb2);
        let notes = Notes::default();
        sim.set_program(ops, move || boot_ops(buggy, people)).unwrap();
        for (host, other) in [(bb1, BB2), (bb2, BB1)] {
            let notes = notes.clone();
            sim.set_program(host, move || boot_router(other, people, notes.clone())).unwrap();
        }
        sim.run_until(Time::ZERO + Duration::from_secs(until_s));
        let event = |record: blackstart_sim::Record| {
            let event = rt::decode::<Event>(record.kind, &record.bytes)?.unwrap();
            let seconds = (record.time - Time::ZERO).as_secs();
            Some((seconds, control::node_name(record.node?)?, event))
        };
        let events = sim.records().into_iter().filter_map(event).collect();
        Self { events, notes: notes.take(), lit: control::has_carrier(backbone) }
    }

    /// Commits as (seconds, router, who, cause, ports shut, ports opened).
    fn commits(&self) -> Vec<(u64, &str, &str, Cause, usize, usize)> {
        let commits = self.events.iter().filter_map(|(at, host, event)| match event {
            Event::Committed { who, cause, ports_down, ports_up } => {
                Some((*at, host.as_str(), who.as_str(), *cause, ports_down.len(), ports_up.len()))
            }
            _ => None,
        });
        commits.collect()
    }

    /// The controller's steps, with seconds.
    fn capacity(&self) -> Vec<(u64, &Capacity)> {
        let steps = self.events.iter().filter_map(|(at, _, event)| match event {
            Event::CapacityCommand(step) => Some((*at, step)),
            _ => None,
        });
        steps.collect()
    }

    fn has(&self, host: &str, wanted: &Event) -> bool {
        self.events.iter().any(|(_, at, event)| at == host && event == wanted)
    }
}

fn boot_ops(buggy: bool, people: People) {
    default_route(BB1);
    let accounts =
        json!([{ "account": "capacity", "password": "p", "code-seed": "c", "groups": ["robots"] }]);
    let identity = from_value(json!({ "listen": "10.0.0.10:7000", "accounts": accounts })).unwrap();
    rt::task::spawn("identity", server::run(identity));
    let audit = json!({ "listen": "10.0.0.10:7001", "buggy": buggy });
    rt::task::spawn("audit", audit::run(from_value(audit).unwrap()));
    let controller = json!({
        "routers": [
            { "name": "bb1", "address": "10.0.0.1:22", "ports": ["bb2"] },
            { "name": "bb2", "address": "10.0.0.2:22", "ports": ["bb1"] },
        ],
        "audit": "10.0.0.10:7001",
        "sign-in": { "at": "10.0.0.10:7000" },
        "account": { "account": "capacity", "password": "p", "code-seed": "c" },
        "assess-at-unix-s": EPOCH_S + ASSESS_S,
        "reassess-every-s": REASSESS_S,
        "control": CONTROL,
    });
    rt::task::spawn("capacity", capacity::run(from_value(controller).unwrap()));
    if people == People::HoldTheController {
        rt::task::spawn("person", async {
            rt::time::sleep(Duration::from_secs(PEOPLE_S - 20)).await;
            capacity::hold(CONTROL, "cy", true, Duration::from_secs(5)).await.unwrap();
        });
    }
}

fn boot_router(other: Ipv4Addr, people: People, notes: Notes) {
    // bb2 knows the operations host behind bb1; bb1 is its neighbour.
    if other == BB1 {
        default_route(BB1);
    }
    let envelope = json!([{ "account": "break-glass", "password": "envelope", "code-seed": "generator" }]);
    let config = json!({
        "in-band": "0.0.0.0:22",
        "console": "127.0.0.1:23",
        "sign-in": { "at": "10.0.0.10:7000" },
        "local": { "accounts": envelope },
    });
    rt::task::spawn("router", router::run(from_value(config).unwrap()));
    if people != People::Away {
        rt::task::spawn("person", async move {
            let done = at_the_console(other, people, &notes).await;
            notes.borrow_mut().extend(done.err().map(|error| error.to_string()));
        });
    }
}

fn default_route(via: Ipv4Addr) {
    let target = Target::Via(vec![via.into()]);
    rt::fib::install(Protocol::Static, "0.0.0.0/0".parse().unwrap(), target, 0);
}

/// Read before write, as the runbook has it.
async fn at_the_console(other: Ipv4Addr, people: People, notes: &Notes) -> Result<(), Error> {
    rt::time::sleep(Duration::from_secs(PEOPLE_S)).await;
    let patience = Duration::from_secs(5);
    let mut cli = Cli::connect(([127, 0, 0, 1], 23).into(), patience).await?;
    let shown = code::at("generator", rt::time::unix_now());
    cli.login_local("break-glass", "envelope", &shown).await?;
    for change in cli.diff_last_good().await? {
        let values = (change.from.unwrap_or_default(), change.to.unwrap_or_default());
        let line = format!("{}: {} was {}, is {}", rt::host_name(), change.key, values.0, values.1);
        notes.borrow_mut().push(line);
    }
    let before = cli.reachable(other.into()).await?;
    if people == People::LockTheRouters {
        cli.lock("ann", true).await?;
    }
    cli.rollback_last_good("ann").await?;
    rt::time::sleep(Duration::from_secs(5)).await;
    let ports = cli.ports().await?;
    let lit = ports.iter().filter(|port| port.carrier).count();
    notes.borrow_mut().push(format!("{}: {before}, then {lit} of {} lit", rt::host_name(), ports.len()));
    Ok(())
}

#[test]
fn a_command_meant_to_assess_shuts_the_link_at_both_ends_at_one_moment() {
    let night = Night::run(true, People::Away, 150);
    let at = ASSESS_S + 10;
    assert_eq!(
        night.commits(),
        [(at, "bb1", "capacity", Cause::Scheduled, 1, 0), (at, "bb2", "capacity", Cause::Scheduled, 1, 0)]
    );
    let at_unix_s = EPOCH_S + at;
    assert_eq!(night.capacity(), [(ASSESS_S, &Capacity::Ordered { routers: 2, ports: 2, at_unix_s })]);
    assert!(!night.lit);
}

#[test]
fn an_audit_that_works_stops_it() {
    let night = Night::run(false, People::Away, 2000);
    let reason = "the command shuts 2 of 2 ports, more than 250 in 1000".to_owned();
    assert_eq!(night.capacity(), [(ASSESS_S, &Capacity::Denied { reason })]);
    assert_eq!(night.commits(), []);
    assert!(night.lit);
}

#[test]
fn nobody_gets_in_over_the_network_that_is_down() {
    let night = Night::run(true, People::Away, 2000);
    let steps = night.capacity();
    let (_, failed) = steps.iter().find(|(at, _)| *at > ASSESS_S + REASSESS_S).unwrap();
    assert!(matches!(failed, Capacity::RouterFailed { router, .. } if router == "bb2"), "{failed:?}");
    assert!(!night.lit);
}

#[test]
fn people_at_the_consoles_bring_it_back_and_the_controller_shuts_it_again() {
    let night = Night::run(true, People::JustRollBack, 340);
    let expected = [
        "bb1: port.bb2 was up, is down",
        "bb2: port.bb1 was up, is down",
        "bb1: false, then 2 of 2 lit",
        "bb2: false, then 1 of 1 lit",
    ];
    assert_eq!(night.notes, expected);
    assert_eq!(
        night.commits()[2..],
        [
            (PEOPLE_S, "bb1", "break-glass/ann", Cause::Rollback, 0, 1),
            (PEOPLE_S, "bb2", "break-glass/ann", Cause::Rollback, 0, 1),
        ]
    );
    assert!(night.lit);

    let night = Night::run(true, People::JustRollBack, 450);
    let at = ASSESS_S + REASSESS_S + 10;
    assert_eq!(
        night.commits()[4..],
        [(at, "bb1", "capacity", Cause::Scheduled, 1, 0), (at, "bb2", "capacity", Cause::Scheduled, 1, 0)]
    );
    assert!(!night.lit);
}

/// Shuts bb1's backbone port at its console and has the power go and come; answers whether the link is lit.
fn lit_after_a_power_cut(save: bool) -> bool {
    let mut sim = Sim::new(Config::default()).unwrap();
    let node = |name: &str, address: Ipv4Addr| {
        let addresses = vec![address.into()];
        sim.add_node(NodeSpec { name: name.to_owned(), addresses, forwards: true }).unwrap()
    };
    let (a, b) = (node("bb1", BB1), node("bb2", BB2));
    let link = LinkSpec::new(a, b);
    let link = sim.add_link(link).unwrap();
    sim.set_program(a, || boot_router(BB2, People::Away, Notes::default())).unwrap();
    sim.run_until(Time::from_secs(1));
    let done = control::spawn_on(a, "person", async move {
        let mut cli = Cli::connect(([127, 0, 0, 1], 23).into(), Duration::from_secs(5)).await?;
        cli.login_local("break-glass", "envelope", &code::at("generator", rt::time::unix_now())).await?;
        cli.stage("bb2", false).await?;
        cli.commit("ann").await?;
        if save { cli.save("ann").await } else { Ok(()) }
    });
    sim.run_until(Time::from_secs(5));
    assert!(done.is_finished() && !control::has_carrier(link));
    control::power_off(a).unwrap();
    sim.run_until(Time::from_secs(6));
    control::power_on(a).unwrap();
    sim.run_until(Time::from_secs(10));
    control::has_carrier(link)
}

/// What the console of bb1, in a row of three routers, says to `asked`.
fn asked_at_the_console(ping: bool, to: &str) -> Vec<String> {
    let sim = &mut Sim::new(Config::default()).unwrap();
    let routers = [("bb1", BB1), ("bb2", BB2), ("bb3", BB3)].map(|(name, address)| {
        let addresses = vec![address.into()];
        sim.add_node(NodeSpec { name: name.to_owned(), addresses, forwards: true }).unwrap()
    });
    for pair in routers.windows(2) {
        sim.add_link(LinkSpec::new(pair[0], pair[1])).unwrap();
    }
    for (at, via) in [(routers[0], BB2), (routers[2], BB2)] {
        let target = Target::Via(vec![via.into()]);
        control::install_route(at, Protocol::Static, "10.0.0.0/8".parse().unwrap(), target, 0).unwrap();
    }
    sim.set_program(routers[0], || boot_router(BB2, People::Away, Notes::default())).unwrap();
    sim.run_until(Time::from_secs(1));
    let said = Notes::default();
    let (heard, to) = (said.clone(), to.parse().unwrap());
    drop(control::spawn_on(routers[0], "person", async move {
        let mut cli = Cli::connect(([127, 0, 0, 1], 23).into(), Duration::from_secs(60)).await.unwrap();
        cli.login_local("break-glass", "envelope", &code::at("generator", rt::time::unix_now()))
            .await
            .unwrap();
        let lines = if ping { cli.ping(to).await } else { cli.traceroute(to).await };
        *heard.borrow_mut() = lines.unwrap();
    }));
    sim.run_until(Time::from_secs(60));
    said.take()
}

#[test]
fn ping_and_traceroute_answer_at_the_console() {
    let said = asked_at_the_console(true, "10.0.0.3");
    assert_eq!(said[0], "PING 10.0.0.3 (10.0.0.3) 56(84) bytes of data.");
    assert_eq!(said[1], "64 bytes from 10.0.0.3: icmp_seq=1 ttl=63 time=4.000 ms");
    assert_eq!(
        said[6..],
        ["--- 10.0.0.3 ping statistics ---", "5 packets transmitted, 5 received, 0% packet loss"]
    );
    let said = asked_at_the_console(true, "10.0.0.4");
    assert_eq!(said[1], "From 10.0.0.2 icmp_seq=1 Destination Net Unreachable");
    assert_eq!(said.last().unwrap(), "5 packets transmitted, 0 received, 100% packet loss");
    assert_eq!(asked_at_the_console(true, "192.0.2.1"), ["ping: connect: network unreachable"]);

    let head = |to| format!("traceroute to {to} ({to}), 30 hops max");
    let said = asked_at_the_console(false, "10.0.0.3");
    assert_eq!(said, [head("10.0.0.3").as_str(), " 1  10.0.0.2  2.000 ms", " 2  10.0.0.3  4.000 ms"]);
    let said = asked_at_the_console(false, "10.0.0.4");
    assert_eq!(said, [head("10.0.0.4").as_str(), " 1  10.0.0.2  2.000 ms !N"]);
}

#[test]
fn a_boot_returns_to_what_was_saved() {
    assert!(lit_after_a_power_cut(false));
    assert!(!lit_after_a_power_cut(true));
}

#[test]
fn locked_routers_keep_the_controller_out() {
    let night = Night::run(true, People::LockTheRouters, 2000);
    assert_eq!(night.commits().len(), 4);
    let refused = Event::CommitRefused { who: "capacity".into(), reason: Refusal::Locked };
    assert!(night.has("bb1", &refused) && night.has("bb2", &refused));
    assert!(night.lit);
}

#[test]
fn a_held_controller_does_not_repeat_its_order() {
    let night = Night::run(true, People::HoldTheController, 2000);
    assert_eq!(night.commits().len(), 4);
    let held = Capacity::Held { on: true, who: "cy".to_owned() };
    assert_eq!(night.capacity().last(), Some(&(PEOPLE_S - 20, &held)));
    assert!(night.lit);
}
