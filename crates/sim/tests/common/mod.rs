//! Small networks, and running one future on one of their nodes.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use blackstart_sim::{Config, Driver, Latency, LinkId, LinkSpec, NodeId, NodeSpec, Sim, Time, control, fib};
use std::cell::RefCell;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn sock(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn collect<T>() -> Rc<RefCell<Vec<T>>> {
    Rc::default()
}

pub struct Net {
    pub sim: Sim,
}

impl Net {
    pub fn new(seed: u64) -> Self {
        Self::driven(seed, Driver::Native)
    }

    pub fn driven(seed: u64, driver: Driver) -> Self {
        let epoch = Duration::from_secs(1_633_360_000);
        let config = Config { seed, epoch, driver, ..Config::default() };
        Net { sim: Sim::new(config).unwrap() }
    }

    /// Hosts "a" and "b", 10 ms apart.
    pub fn pair(seed: u64, a: &str, b: &str) -> Self {
        let net = Net::new(seed);
        net.host("a", &[a]);
        net.host("b", &[b]);
        net.join("a", "b", 10);
        net
    }

    /// Hosts "n1" and "nN" with routers between, 10.0.0.1 to 10.0.0.N, 1 ms apart, with default routes both ways.
    pub fn line(seed: u64, n: u8) -> Self {
        let net = Net::new(seed);
        for i in 1..=n {
            net.add(&format!("n{i}"), &[&format!("10.0.0.{i}")], i != 1 && i != n);
        }
        for i in 1..n {
            net.join(&format!("n{i}"), &format!("n{}", i + 1), 1);
        }
        for i in 1..=n {
            for to in 1..=n {
                let next = if to > i { i + 1 } else { i.wrapping_sub(1) };
                if to != i && to != next {
                    net.route(&format!("n{i}"), &format!("10.0.0.{to}/32"), &[&format!("10.0.0.{next}")]);
                }
            }
        }
        net.route("n1", "0.0.0.0/0", &["10.0.0.2"]);
        net
    }

    pub fn add(&self, name: &str, addresses: &[&str], forwards: bool) -> NodeId {
        let addresses = addresses.iter().map(|text| ip(text)).collect();
        self.sim.add_node(NodeSpec { name: name.to_owned(), addresses, forwards }).unwrap()
    }

    pub fn host(&self, name: &str, addresses: &[&str]) -> NodeId {
        self.add(name, addresses, false)
    }

    pub fn router(&self, name: &str, addresses: &[&str]) -> NodeId {
        self.add(name, addresses, true)
    }

    pub fn join(&self, a: &str, b: &str, ms: u64) -> LinkId {
        let (a, b) = (self.node(a), self.node(b));
        let latency = Latency::Fixed(Duration::from_millis(ms));
        self.sim.add_link(LinkSpec::new(a, b).latency(latency)).unwrap()
    }

    pub fn route(&self, node: &str, prefix: &str, via: &[&str]) {
        let target = fib::Target::Via(via.iter().map(|text| ip(text)).collect());
        let prefix = prefix.parse().unwrap();
        control::install_route(self.node(node), fib::Protocol::Static, prefix, target, 0).unwrap();
    }

    pub fn node(&self, name: &str) -> NodeId {
        control::node(name).unwrap()
    }

    pub fn link(&self, number: u32) -> LinkId {
        LinkId(number)
    }

    pub fn program(&self, node: &str, program: impl Fn() + 'static) {
        self.sim.set_program(self.node(node), program).unwrap();
    }

    pub fn spawn(&self, node: &str, future: impl Future<Output = ()> + 'static) {
        control::spawn_on(self.node(node), "test", future);
    }

    /// Runs `future` on a node for at most `seconds` of virtual time, and gives its output.
    pub fn run<T: 'static>(
        &mut self,
        node: &str,
        seconds: u64,
        future: impl Future<Output = T> + 'static,
    ) -> T {
        let output = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&output);
        self.spawn(node, async move {
            let value = future.await;
            *slot.borrow_mut() = Some(value);
        });
        let end = self.sim.now() + Duration::from_secs(seconds);
        self.sim.run_until(self.sim.now());
        while output.borrow().is_none() {
            match self.sim.next_event_at().filter(|&at| at <= end) {
                Some(at) => self.sim.run_until(at),
                None => break,
            }
        }
        output.take().unwrap_or_else(|| panic!("not done after {seconds} s; log: {:?}", self.crashes()))
    }

    pub fn crashes(&self) -> Vec<blackstart_sim::record::SimEvent> {
        use blackstart_sim::record::SimEvent;
        let events = self.sim.records().into_iter().filter_map(|record| SimEvent::decode(&record));
        events.filter(|event| matches!(event, SimEvent::TaskCrash { .. })).collect()
    }

    pub fn now(&self) -> Time {
        self.sim.now()
    }
}
