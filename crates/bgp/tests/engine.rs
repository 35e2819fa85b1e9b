//! Speakers in the engine: chains of ASes, reflection, and every way in which a session can die.
#![allow(clippy::unwrap_used, reason = "a test's way to fail")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use blackstart_bgp::config::{Config, Neighbour, Originate, Role};
use blackstart_bgp::session::{DownReason, Loss};
use blackstart_bgp::{Event, control as bgp_control, run};
use blackstart_rt as rt;
use blackstart_sim as sim;
use ipnet::IpNet;
use sim::fib::{Protocol, Target};
use sim::{Direction, LinkId, LinkSpec, NodeId, NodeSpec, Sim, Time, control};

const DNS: &str = "129.134.30.0/24";
const CONTROL: u16 = 1790;

fn address(node: u8) -> IpAddr {
    [10, 0, 0, node].into()
}

fn prefix(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn inside(text: &str) -> IpAddr {
    prefix(text).hosts().next().unwrap()
}

/// Routers numbered from 1, each at 10.0.0.n, each running a speaker.
struct Net {
    sim: Sim,
}

impl Net {
    fn new(seed: u64) -> Self {
        Self { sim: Sim::new(sim::Config { seed, ..sim::Config::default() }).unwrap() }
    }

    /// Adds the next router.
    fn router(&self, number: u8, config: Config) -> NodeId {
        let name = format!("r{number}");
        let node = NodeSpec { name, addresses: vec![address(number)], forwards: true };
        let node = self.sim.add_node(node).unwrap();
        self.sim.set_program(node, move || drop(rt::task::spawn("bgp", serve(config.clone())))).unwrap();
        node
    }

    fn link(&self, a: NodeId, b: NodeId) -> LinkId {
        self.sim.add_link(LinkSpec::new(a, b)).unwrap()
    }

    fn run(&mut self, seconds: u64) {
        self.sim.run_until(Time::from_secs(seconds));
    }

    /// What a router reported, with the second in which it did.
    fn events(&self, node: NodeId) -> Vec<(u64, Event)> {
        let records = self.sim.records();
        let of_node = records.iter().filter(|record| record.node == Some(node));
        let decoded = of_node.filter_map(|record| {
            let event = rt::decode::<Event>(record.kind, &record.bytes)?.unwrap();
            Some((record.time.since_start().as_secs(), event))
        });
        decoded.collect()
    }

    /// The paths that a router chose for a prefix over time; `None` is none.
    fn paths(&self, node: NodeId, prefix: IpNet) -> Vec<(u64, Option<Vec<u32>>)> {
        let paths = self.events(node).into_iter().filter_map(|(at, event)| match event {
            Event::BestPathChanged { prefix: changed, as_path, .. } if changed == prefix => {
                Some((at, Some(as_path)))
            }
            Event::Withdrawn { prefix: changed } if changed == prefix => Some((at, None)),
            _ => None,
        });
        paths.collect()
    }

    fn downs(&self, node: NodeId) -> Vec<(u64, DownReason)> {
        let downs = self.events(node).into_iter().filter_map(|(at, event)| match event {
            Event::SessionDown { reason, .. } => Some((at, reason)),
            _ => None,
        });
        downs.collect()
    }

    fn ups(&self, node: NodeId) -> Vec<u64> {
        let is_up = |event: &Event| matches!(event, Event::SessionUp { .. });
        self.events(node).into_iter().filter(|(_, event)| is_up(event)).map(|(at, _)| at).collect()
    }
}

async fn serve(config: Config) {
    run(config).await.unwrap();
}

fn config(asn: u32, number: u8) -> Config {
    let mut config = Config::new(asn, Ipv4Addr::new(10, 0, 0, number));
    config.control_port = Some(CONTROL);
    config
}

fn neighbour(number: u8, asn: u32, role: Role) -> Neighbour {
    Neighbour::new(address(number), asn, role)
}

fn originate(text: &str) -> Originate {
    Originate { prefix: prefix(text), discard: false, while_reachable: None, at_start: true }
}

/// AS 65001 - 65002 - 65003, customers to the left; the first originates the DNS prefix.
fn chain(seed: u64) -> (Net, [NodeId; 3], [LinkId; 2]) {
    let net = Net::new(seed);
    let mut left = config(65001, 1);
    left.neighbours = vec![neighbour(2, 65002, Role::Provider)];
    left.originate = vec![originate(DNS)];
    let mut middle = config(65002, 2);
    middle.neighbours = vec![neighbour(1, 65001, Role::Customer), neighbour(3, 65003, Role::Provider)];
    let mut right = config(65003, 3);
    right.neighbours = vec![neighbour(2, 65002, Role::Customer)];
    let nodes = [net.router(1, left), net.router(2, middle), net.router(3, right)];
    let links = [net.link(nodes[0], nodes[1]), net.link(nodes[1], nodes[2])];
    (net, nodes, links)
}

#[test]
fn a_chain_of_ases_learns_and_forgets_a_prefix() {
    let (mut net, [left, _, right], _) = chain(1);
    net.run(120);
    let route = control::lookup_route(right, inside(DNS)).unwrap();
    assert_eq!((route.protocol, route.prefix), (Protocol::Ebgp, prefix(DNS)));
    let socket = (Ipv4Addr::LOCALHOST, CONTROL).into();
    let withdraw = async move { bgp_control::withdraw(socket, prefix(DNS)).await.unwrap() };
    drop(control::spawn_on(left, "operator", withdraw));
    net.run(240);
    assert_eq!(control::lookup_route(right, inside(DNS)), None);
    let paths = net.paths(right, prefix(DNS));
    assert_eq!(
        paths.iter().map(|(_, path)| path.clone()).collect::<Vec<_>>(),
        [Some(vec![65002, 65001]), None]
    );
    assert_eq!(paths[1].0, 120, "nothing held the withdrawal up");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let hash = |seed| {
        let (mut net, ..) = chain(seed);
        net.run(600);
        net.sim.log_hash()
    };
    assert_eq!(hash(7), hash(7));
    assert_ne!(hash(7), hash(8), "timers are drawn");
}

#[test]
fn losing_the_carrier_ends_an_external_session_at_once() {
    let (mut net, [left, middle, right], links) = chain(1);
    net.run(120);
    block(links[0], true);
    net.run(130);
    assert_eq!(net.downs(left), [(120, DownReason::LinkDown)]);
    assert_eq!(net.downs(middle), [(120, DownReason::LinkDown)]);
    assert_eq!(net.paths(right, prefix(DNS)).last(), Some(&(120, None)));
    block(links[0], false);
    net.run(240);
    assert!(control::lookup_route(right, inside(DNS)).is_some());
}

fn block(link: LinkId, blocked: bool) {
    for direction in [Direction::AToB, Direction::BToA] {
        control::set_link_blocked(link, direction, blocked).unwrap();
    }
}

#[test]
fn silence_with_a_carrier_ends_a_session_at_the_hold_time() {
    let (mut net, [left, middle, _], links) = chain(1);
    net.run(120);
    control::set_link_loss(links[0], 1.0).unwrap();
    net.run(240);
    for node in [left, middle] {
        let downs = net.downs(node);
        let [(at, DownReason::HoldTimerExpired)] = downs[..] else { panic!("{downs:?}") };
        assert!((180..=210).contains(&at), "90 s after the last keepalive, not at {at} s");
    }
    control::set_link_loss(links[0], 0.0).unwrap();
    net.run(420);
    assert_eq!(net.ups(left).len(), 2);
}

/// Two routers of an AS with a third between them that only forwards.
fn distant_pair() -> (Net, [NodeId; 3]) {
    let net = Net::new(3);
    let mut left = config(65001, 1);
    left.neighbours = vec![neighbour(3, 65001, Role::Ibgp)];
    left.originate = vec![originate(DNS)];
    let mut right = config(65001, 3);
    right.neighbours = vec![neighbour(1, 65001, Role::Ibgp)];
    let nodes = [net.router(1, left), net.router(2, config(65001, 2)), net.router(3, right)];
    net.link(nodes[0], nodes[1]);
    net.link(nodes[1], nodes[2]);
    for (node, to) in [(0, 3), (2, 1)] {
        let via = Target::Via(vec![address(2)]);
        control::install_route(nodes[node], Protocol::Static, address(to).into(), via, 0).unwrap();
    }
    (net, nodes)
}

#[test]
fn a_silent_loss_of_power_is_noticed_at_the_hold_time() {
    let (mut net, [left, _, right]) = distant_pair();
    net.run(120);
    assert!(control::lookup_route(right, inside(DNS)).is_some());
    control::power_off(left).unwrap();
    net.run(170);
    assert!(control::lookup_route(right, inside(DNS)).is_some(), "nobody has told");
    net.run(240);
    let downs = net.downs(right);
    let [(at, DownReason::HoldTimerExpired)] = downs[..] else { panic!("{downs:?}") };
    assert!((180..=210).contains(&at));
    assert_eq!(control::lookup_route(right, inside(DNS)), None);
}

#[test]
fn a_reboot_resets_the_old_session_and_a_new_one_follows() {
    let (mut net, [left, _, right]) = distant_pair();
    net.run(120);
    control::power_off(left).unwrap();
    net.run(125);
    control::power_on(left).unwrap();
    net.run(300);
    let downs = net.downs(right);
    let [(at, DownReason::ConnectionLost(Loss::Reset))] = downs[..] else { panic!("{downs:?}") };
    assert!(at <= 155, "the first keepalive to the rebooted router is answered with a reset, not at {at} s");
    assert!(control::lookup_route(right, inside(DNS)).is_some());
}

#[test]
fn a_killed_speaker_takes_its_routes_along() {
    let (mut net, [left, middle, right], _) = chain(1);
    net.run(120);
    assert!(control::kill_service(middle, "bgp"));
    net.run(125);
    assert_eq!(net.paths(right, prefix(DNS)).last(), Some(&(120, None)));
    assert!(matches!(net.downs(left)[..], [(120, DownReason::ConnectionLost(_))]));
}

/// A reflector in the middle of three clients; the first originates.
#[test]
fn a_reflector_spares_the_full_mesh() {
    let mut net = Net::new(5);
    let mut reflector = config(65001, 1);
    reflector.neighbours = [2, 3, 4].map(|number| neighbour(number, 65001, Role::ReflectorClient)).to_vec();
    let hub = net.router(1, reflector);
    let mut clients = Vec::new();
    for number in [2, 3, 4] {
        let mut client = config(65001, number);
        client.neighbours = vec![neighbour(1, 65001, Role::Ibgp)];
        client.originate.extend((number == 2).then(|| originate(DNS)));
        let node = net.router(number, client);
        net.link(hub, node);
        let via = Target::Via(vec![address(1)]);
        control::install_route(node, Protocol::Static, prefix("10.0.0.0/24"), via, 0).unwrap();
        clients.push(node);
    }
    net.run(60);
    for client in &clients[1..] {
        assert_eq!(control::lookup_route(*client, inside(DNS)).unwrap().protocol, Protocol::Ibgp);
    }
    control::power_off(clients[0]).unwrap();
    net.run(65);
    assert_eq!(control::lookup_route(clients[1], inside(DNS)), None, "its next hop went with the carrier");
}

#[test]
fn a_collector_counts_updates_and_paths() {
    let mut net = Net::new(1);
    let mut origin = config(65001, 1);
    origin.originate = vec![originate(DNS)];
    origin.neighbours = vec![neighbour(2, 65002, Role::Provider), neighbour(3, 65003, Role::Provider)];
    let origin = net.router(1, origin);
    let mut collector = config(65100, 4);
    collector.collector = true;
    collector.neighbours = vec![neighbour(2, 65002, Role::Provider), neighbour(3, 65003, Role::Provider)];
    let collector = net.router(4, collector);
    for (number, asn) in [(2, 65002), (3, 65003)] {
        let mut feed = config(asn, number);
        feed.neighbours = vec![neighbour(1, 65001, Role::Customer), neighbour(4, 65100, Role::Customer)];
        let feed = net.router(number, feed);
        net.link(feed, collector);
        net.link(feed, origin);
    }
    net.run(120);
    let socket = (Ipv4Addr::LOCALHOST, CONTROL).into();
    let withdraw = async move { bgp_control::withdraw(socket, prefix(DNS)).await.unwrap() };
    drop(control::spawn_on(origin, "operator", withdraw));
    net.run(240);
    let events = net.events(collector);
    let counts: Vec<_> = events.iter().filter_map(|(_, event)| paths(event)).collect();
    assert_eq!(counts, [1, 2, 1, 0]);
    let late = events.iter().filter(|(at, _)| *at >= 120);
    assert_eq!(
        late.filter(|(_, event)| matches!(event, Event::UpdateReceived { withdrawn: 1, .. })).count(),
        2
    );
    assert_eq!(control::lookup_route(collector, inside(DNS)), None, "a collector forwards nothing");
}

fn paths(event: &Event) -> Option<u32> {
    match event {
        Event::PathsChanged { paths, .. } => Some(*paths),
        _ => None,
    }
}

/// A data centre's prefix is announced only while there is a way to it.
#[test]
fn a_condition_follows_the_forwarding_table() {
    let mut net = Net::new(1);
    let mut edge = config(65001, 1);
    edge.neighbours = vec![neighbour(2, 65002, Role::Provider)];
    edge.originate = vec![Originate { while_reachable: Some(address(9)), ..originate("157.240.0.0/16") }];
    edge.originate.push(Originate { discard: true, ..originate("129.134.0.0/17") });
    let mut transit = config(65002, 2);
    transit.neighbours = vec![neighbour(1, 65001, Role::Customer)];
    let (edge, transit) = (net.router(1, edge), net.router(2, transit));
    let backend =
        net.sim.add_node(NodeSpec { name: "dc".into(), addresses: vec![address(9)], forwards: false });
    let backend = backend.unwrap();
    net.link(edge, transit);
    let backbone = net.link(edge, backend);
    net.run(100);
    block(backbone, true);
    net.run(200);
    let seen: Vec<_> =
        net.paths(transit, prefix("157.240.0.0/16")).into_iter().map(|(_, path)| path).collect();
    assert_eq!(seen, [Some(vec![65001]), None]);
    assert!(control::lookup_route(transit, inside("129.134.0.0/17")).is_some(), "the covering prefix stays");
    assert_eq!(control::lookup_route(edge, inside("129.134.0.0/17")).unwrap().protocol, Protocol::Static);
}

/// An hour of three speakers with nothing to say is cheap.
#[test]
fn silence_is_keepalives_only() {
    let (mut net, ..) = chain(1);
    net.run(300);
    let (before, records) = (net.sim.packets(), net.sim.record_count());
    net.run(300 + 3600);
    let per_session = (net.sim.packets() - before) / 2;
    let keepalives = 2 * Duration::from_secs(3600).as_secs() / 30;
    assert!(per_session <= keepalives * 3, "{per_session} packets a session in an hour");
    assert_eq!(net.sim.record_count(), records);
}
