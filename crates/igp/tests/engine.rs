//! Routers in the engine: a square of links, cut, restarted and overloaded, seen through the forwarding tables.
#![allow(clippy::unwrap_used, reason = "a test's way to fail")]

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use blackstart_igp::config::{Advertise, Config, Interface};
use blackstart_igp::event::{DownReason, Event};
use blackstart_igp::run;
use blackstart_rt as rt;
use blackstart_sim as sim;
use ipnet::IpNet;
use sim::fib::Protocol;
use sim::{LinkSpec, NodeId, NodeSpec, Sim, Time, control};

fn address(router: u8) -> IpAddr {
    [10, 0, 0, router].into()
}

fn ipv6(router: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, router.into())
}

/// A service address of the router, which neighbours do not know by themselves.
fn service(router: u8) -> IpAddr {
    [10, 1, 0, router].into()
}

struct Net {
    sim: Sim,
    nodes: Vec<NodeId>,
}

impl Net {
    /// Routers 1 to 4 in a square 1-2-4-3-1; the way over 3 costs more.
    fn square(change: impl Fn(&mut Config)) -> Self {
        let sim = Sim::new(sim::Config::default()).unwrap();
        let links = [(1, 2, 10), (2, 4, 10), (1, 3, 15), (3, 4, 15)];
        let nodes = (1..=4).map(|router| node(&sim, router, &links, &change)).collect::<Vec<_>>();
        for (a, b, _) in links {
            let (a, b) = (nodes[a - 1], nodes[b - 1]);
            sim.add_link(LinkSpec::new(a, b)).unwrap();
        }
        let mut net = Self { sim, nodes };
        net.run(10.0);
        net
    }

    fn run(&mut self, until_s: f64) {
        let nanos = Duration::from_secs_f64(until_s).as_nanos();
        self.sim.run_until(Time::from_nanos(u64::try_from(nanos).unwrap()));
    }

    fn node(&self, router: u8) -> NodeId {
        self.nodes[usize::from(router) - 1]
    }

    fn metric(&self, from: u8, to: IpAddr) -> Option<u32> {
        let route = control::lookup_route(self.node(from), to)?;
        assert_eq!(route.protocol, Protocol::Igp);
        Some(route.metric)
    }

    fn events(&self, router: u8) -> Vec<Event> {
        let records = self.sim.records();
        let of_node = records.iter().filter(|record| record.node == Some(self.node(router)));
        of_node.filter_map(|record| rt::decode(record.kind, &record.bytes)).map(Result::unwrap).collect()
    }
}

fn node(sim: &Sim, router: usize, links: &[(usize, usize, u32)], change: &impl Fn(&mut Config)) -> NodeId {
    let number = u8::try_from(router).unwrap();
    let addresses = vec![address(number), ipv6(number).into(), service(number)];
    let node = sim.add_node(NodeSpec { name: router.to_string(), addresses, forwards: true }).unwrap();
    let mut config = Config::new(address(number));
    config.router_ipv6 = Some(ipv6(number));
    config.prefixes = vec![Advertise { prefix: IpNet::from(service(number)), metric: 0, behind: None }];
    for (a, b, metric) in links.iter().filter(|(a, b, _)| *a == router || *b == router) {
        let neighbour = (a + b - router).to_string();
        config.interfaces.push(Interface { neighbour, metric: *metric });
    }
    change(&mut config);
    let program = move || {
        let config = config.clone();
        drop(rt::task::spawn("igp", async move { run(config).await.unwrap() }));
    };
    sim.set_program(node, program).unwrap();
    node
}

#[test]
fn the_cheaper_side_of_the_square_is_used_until_it_is_cut() {
    let mut net = Net::square(|_| {});
    assert_eq!(net.metric(1, service(4)), Some(20));
    control::set_admin_up(net.node(2), "4", false).unwrap();
    net.run(10.05);
    assert_eq!(net.metric(1, service(4)), Some(20), "not detected yet");
    net.run(11.0);
    assert_eq!(net.metric(1, service(4)), Some(30));
    assert_eq!(net.metric(2, service(4)), Some(40));
    let down = Event::AdjacencyDown { neighbour: address(4), reason: DownReason::Carrier };
    assert!(net.events(2).contains(&down));
    control::set_admin_up(net.node(2), "4", true).unwrap();
    net.run(20.0);
    assert_eq!(net.metric(1, service(4)), Some(20));
}

#[test]
fn ipv6_routes_go_over_ipv6_next_hops() {
    let net = Net::square(|_| {});
    assert_eq!(net.metric(1, ipv6(4).into()), Some(20));
}

#[test]
fn an_overloaded_router_is_driven_around() {
    let net = Net::square(|config| config.overload = config.router == address(2));
    assert_eq!(net.metric(1, service(4)), Some(30));
    assert_eq!(net.metric(1, service(2)), Some(10));
}

#[test]
fn a_router_without_power_is_forgotten_and_comes_back() {
    let mut net = Net::square(|_| {});
    control::power_off(net.node(4)).unwrap();
    net.run(11.0);
    assert_eq!(net.metric(1, service(4)), None);
    control::power_on(net.node(4)).unwrap();
    net.run(20.0);
    assert_eq!(net.metric(1, service(4)), Some(20));
    assert_eq!(net.metric(4, service(1)), Some(20));
}

/// Else packets to what is gone would go round between this router and whoever announces a wider prefix.
#[test]
fn a_prefix_behind_a_dead_port_is_taken_back() {
    let behind = |config: &mut Config| config.prefixes[0].behind = Some("2".to_owned());
    let mut net = Net::square(|config| {
        if config.router == address(4) {
            behind(config);
        }
    });
    assert_eq!(net.metric(1, service(4)), Some(20));
    control::set_admin_up(net.node(4), "2", false).unwrap();
    net.run(20.0);
    assert_eq!(net.metric(1, service(4)), None);
    assert_eq!(net.metric(1, address(4)), Some(30), "the router itself is there");
    control::set_admin_up(net.node(4), "2", true).unwrap();
    net.run(30.0);
    assert_eq!(net.metric(1, service(4)), Some(20));
}

/// The machine has power and its links have light, but nothing answers.
#[test]
fn a_dead_process_is_noticed_by_its_silence() {
    let mut net = Net::square(|_| {});
    control::kill_service(net.node(2), "igp");
    net.run(120.0);
    assert_eq!(net.metric(1, service(4)), Some(30));
    let down = Event::AdjacencyDown { neighbour: address(2), reason: DownReason::Silence };
    assert!(net.events(1).contains(&down));
}

#[test]
fn traffic_arrives_over_the_routes() {
    let mut net = Net::square(|_| {});
    let target = std::net::SocketAddr::new(service(4), 7);
    drop(control::spawn_on(net.node(4), "echo", async move {
        let listener = rt::net::TcpListener::bind(target).await.unwrap();
        while listener.accept().await.is_ok() {}
    }));
    let call = async move { rt::net::TcpStream::connect(target).await.unwrap() };
    let called = control::spawn_on(net.node(1), "call", call);
    net.run(11.0);
    assert!(called.is_finished());
}

/// Stable links cost hellos and nothing else.
#[test]
fn a_quiet_hour_is_hellos_only() {
    let mut net = Net::square(|_| {});
    let (packets, records) = (net.sim.packets(), net.sim.record_count());
    net.run(10.0 + 3600.0);
    assert_eq!(net.sim.packets() - packets, 8 * 3600 / 30);
    assert_eq!(net.sim.record_count(), records);
}
