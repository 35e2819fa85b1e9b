//! Whole networks of router machines over a lossy wire, checked against shortest paths computed another way.
#![allow(clippy::unwrap_used, reason = "a test's way to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use blackstart_igp::config::{Advertise, Config, Interface};
use blackstart_igp::message::Message;
use blackstart_igp::router::{Input, Output, Route, Router};
use ipnet::IpNet;
use proptest::prelude::*;

const LATENCY: Duration = Duration::from_millis(10);
/// Long enough for lost hellos, retransmissions and dead neighbours.
const SETTLE: Duration = Duration::from_secs(200);
const FAR: u64 = u64::MAX / 4;

fn address(router: usize) -> IpAddr {
    [10, 0, 0, u8::try_from(router + 1).unwrap()].into()
}

fn stub(router: usize) -> IpNet {
    format!("10.1.{}.0/24", router + 1).parse().unwrap()
}

#[derive(Clone, Debug)]
struct Graph {
    routers: usize,
    /// One entry per direction.
    metrics: BTreeMap<(usize, usize), u32>,
    overloaded: BTreeSet<usize>,
}

prop_compose! {
    fn graph()(routers in 2..9usize)(
        edges in prop::collection::btree_map((0..routers, 0..routers), (1..5u32, 1..5u32), 1..20),
        overloaded in prop::collection::btree_set(0..routers, 0..2),
        routers in Just(routers),
    ) -> Graph {
        let mut metrics = BTreeMap::new();
        for ((a, b), (there, back)) in edges.into_iter().filter(|((a, b), _)| a != b) {
            metrics.insert((a, b), there);
            metrics.insert((b, a), back);
        }
        Graph { routers, metrics, overloaded }
    }
}

impl Graph {
    fn neighbours(&self, router: usize) -> Vec<usize> {
        self.metrics.keys().filter(|(from, _)| *from == router).map(|(_, to)| *to).collect()
    }

    fn config(&self, router: usize) -> Config {
        let mut config = Config::new(address(router));
        config.overload = self.overloaded.contains(&router);
        config.prefixes = vec![Advertise { prefix: stub(router), metric: 0, behind: None }];
        config.interfaces = self
            .neighbours(router)
            .into_iter()
            .map(|to| Interface { neighbour: to.to_string(), metric: self.metrics[&(router, to)] })
            .collect();
        config
    }

    /// Floyd and Warshall; an overloaded router is never in the middle.
    fn distances(&self, is_up: impl Fn(usize, usize) -> bool) -> Vec<Vec<u64>> {
        let n = self.routers;
        let mut far = vec![vec![FAR; n]; n];
        (0..n).for_each(|i| far[i][i] = 0);
        for ((a, b), metric) in self.metrics.iter().filter(|((a, b), _)| is_up(*a, *b)) {
            far[*a][*b] = u64::from(*metric);
        }
        for k in (0..n).filter(|k| !self.overloaded.contains(k)) {
            for i in 0..n {
                for j in 0..n {
                    far[i][j] = far[i][j].min(far[i][k] + far[k][j]);
                }
            }
        }
        far
    }
}

/// The routers and the wire between them.
struct Net {
    graph: Graph,
    routers: Vec<Router>,
    down: BTreeSet<(usize, usize)>,
    wire: BTreeMap<(Duration, u64), (usize, usize, Message)>,
    now: Duration,
    sent: u64,
    /// One in this many datagrams is lost; 0 loses none.
    loss: u64,
    draws: u64,
}

impl Net {
    fn new(graph: Graph, draws: u64) -> Self {
        let routers = (0..graph.routers).map(|router| Router::new(&graph.config(router), 1)).collect();
        let (down, wire) = (BTreeSet::new(), BTreeMap::new());
        let mut net = Self { graph, routers, down, wire, now: Duration::ZERO, sent: 0, loss: 4, draws };
        (0..net.graph.routers).for_each(|router| net.plug(router));
        net
    }

    fn is_up(&self, a: usize, b: usize) -> bool {
        !self.down.contains(&(a.min(b), a.max(b)))
    }

    fn plug(&mut self, router: usize) {
        for (interface, to) in self.graph.neighbours(router).into_iter().enumerate() {
            let up = self.is_up(router, to);
            self.step(router, Input::Carrier { interface, address: Some(address(to)), up });
        }
    }

    fn set_link(&mut self, a: usize, b: usize, up: bool) {
        let link = (a.min(b), a.max(b));
        if up {
            self.down.remove(&link)
        } else {
            self.down.insert(link)
        };
        self.plug(a);
        self.plug(b);
    }

    fn restart(&mut self, router: usize) {
        let instance = u64::try_from(self.now.as_nanos()).unwrap();
        self.routers[router] = Router::new(&self.graph.config(router), instance);
        self.plug(router);
    }

    fn step(&mut self, router: usize, input: Input) {
        for output in self.routers[router].step(self.now, input) {
            let Output::Send(to, message) = output else { continue };
            let IpAddr::V4(to) = to else { panic!("IPv4 only") };
            self.send(router, usize::from(to.octets()[3] - 1), message);
        }
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        self.draws =
            self.draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let is_lost = self.loss > 0 && (self.draws >> 33).is_multiple_of(self.loss);
        if self.is_up(from, to) && !is_lost {
            self.sent += 1;
            let bytes = message.encode().unwrap();
            let message = Message::decode(&bytes).unwrap();
            self.wire.insert((self.now + LATENCY, self.sent), (from, to, message));
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
            let timer = self.routers.iter().filter_map(Router::deadline).min();
            let Some(next) = arrival.into_iter().chain(timer).min().filter(|at| *at <= end) else { break };
            self.now = next;
            if arrival == Some(next) {
                let (_, (from, to, message)) = self.wire.pop_first().unwrap();
                if self.is_up(from, to) {
                    self.step(to, Input::Received(address(from), message));
                }
            } else {
                let due = |router: &Router| router.deadline() == Some(next);
                let router = self.routers.iter().position(due).unwrap();
                self.step(router, Input::Tick);
            }
        }
        self.now = end;
    }

    /// Loses datagrams for a while, then none.
    fn settle(&mut self) {
        self.loss = 4;
        self.run(Duration::from_secs(30));
        self.loss = 0;
        self.run(SETTLE);
    }

    /// Every route is as long as the shortest way and starts with exactly the neighbours that are on one.
    fn check(&self) {
        let far = self.graph.distances(|a, b| self.is_up(a, b));
        for from in 0..self.graph.routers {
            for to in (0..self.graph.routers).filter(|to| *to != from) {
                let found = self.routers[from].routes().get(&stub(to));
                assert_eq!(found, self.expected(&far, from, to).as_ref(), "from {from} to {to}");
            }
        }
    }

    fn expected(&self, far: &[Vec<u64>], from: usize, to: usize) -> Option<Route> {
        let is_first = |n: &usize| {
            let passes = *n == to || !self.graph.overloaded.contains(n);
            let metric = u64::from(self.graph.metrics[&(from, *n)]);
            passes && self.is_up(from, *n) && metric + far[*n][to] == far[from][to]
        };
        let next_hops: Vec<_> =
            self.graph.neighbours(from).into_iter().filter(is_first).map(address).collect();
        let metric = u32::try_from(far[from][to]).ok()?;
        Some(Route { metric, next_hops })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn routes_are_shortest_paths_before_and_after_failures(
        graph in graph(),
        draws in any::<u64>(),
        failures in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..6),
        restarts in prop::collection::vec(any::<prop::sample::Index>(), 0..2),
    ) {
        let links: Vec<_> = graph.metrics.keys().copied().collect();
        let mut net = Net::new(graph, draws);
        net.settle();
        net.check();
        for (link, up) in &failures {
            if let Some((a, b)) = links.get(link.index(links.len().max(1))) {
                net.set_link(*a, *b, *up);
                net.run(Duration::from_millis(70));
            }
        }
        for router in restarts {
            net.restart(router.index(net.graph.routers));
        }
        net.settle();
        net.check();
    }
}

/// Three routers in a row: 0 - 1 - 2.
fn row() -> Net {
    let metrics = [((0, 1), 1), ((1, 0), 1), ((1, 2), 1), ((2, 1), 1)].into();
    let mut net = Net::new(Graph { routers: 3, metrics, overloaded: BTreeSet::new() }, 1);
    net.loss = 0;
    net.run(Duration::from_secs(5));
    net.check();
    net
}

#[test]
fn a_restarted_router_is_not_shadowed_by_its_former_self() {
    let mut net = row();
    let before = net.routers[2].database()[&address(0)].sequence;
    net.graph.overloaded.insert(0); // the new life differs from the old one
    net.restart(0);
    net.run(Duration::from_secs(5));
    let lsp = &net.routers[2].database()[&address(0)];
    assert!(lsp.overload && lsp.sequence > before, "{lsp:?} after {before}");
    net.check();
}

#[test]
fn a_cut_is_acted_on_after_detection_flooding_and_the_spf_delay() {
    let mut net = row();
    net.set_link(0, 1, false);
    net.run(Duration::from_millis(205)); // 100 detection, 100 delay; the news reaches 2 only 10 ms later
    assert!(!net.routers[1].routes().contains_key(&stub(0)));
    assert!(net.routers[2].routes().contains_key(&stub(0)));
    net.run(Duration::from_millis(10));
    assert!(!net.routers[2].routes().contains_key(&stub(0)));
}

#[test]
fn a_flap_shorter_than_the_detection_time_changes_nothing() {
    let mut net = row();
    let sequence = net.routers[1].database()[&address(1)].sequence;
    net.set_link(0, 1, false);
    net.run(Duration::from_millis(90));
    net.set_link(0, 1, true);
    net.run(Duration::from_secs(5));
    assert_eq!(net.routers[1].database()[&address(1)].sequence, sequence);
    net.check();
}

#[test]
fn silence_with_a_carrier_ends_an_adjacency() {
    let mut net = row();
    net.loss = 1; // everything is lost, in both directions, with the lights on
    net.run(Duration::from_secs(125));
    assert!(net.routers[1].routes().is_empty());
}

proptest! {
    #[test]
    fn no_datagram_brings_a_router_down(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(message) = Message::decode(&bytes) {
            let mut net = row();
            net.step(1, Input::Received(address(0), message));
            net.run(Duration::from_secs(1));
        }
    }
}
