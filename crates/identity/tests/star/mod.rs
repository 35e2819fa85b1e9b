//! A small network for tests: hosts around one router, and a story told from one of them.

use std::cell::RefCell;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt::fib::{Protocol, Target};
use blackstart_sim::{Config, Latency, LinkSpec, NodeId, NodeSpec, Sim, Time, control};

const ROUTER: &str = "10.0.0.254";

/// Hosts named so own 10.0.0.1, 10.0.0.2 … and are 2 ms from a router named "r".
pub(crate) struct Star {
    pub(crate) sim: Sim,
    hosts: Vec<NodeId>,
}

impl Star {
    pub(crate) fn new(seed: u64, names: &[&str]) -> Self {
        let epoch = Duration::from_secs(1_633_361_958);
        let sim = Sim::new(Config { seed, epoch, ..Config::default() }).unwrap();
        let add = |name: &str, address: IpAddr, forwards| {
            sim.add_node(NodeSpec { name: name.into(), addresses: vec![address], forwards }).unwrap()
        };
        let router = add("r", ROUTER.parse().unwrap(), true);
        let hosts = (1..).zip(names).map(|(n, name)| add(name, address(n), false)).collect::<Vec<_>>();
        for host in &hosts {
            let latency = Latency::Fixed(Duration::from_millis(2));
            let link = LinkSpec::new(*host, router).latency(latency);
            sim.add_link(link).unwrap();
            let target = Target::Via(vec![ROUTER.parse().unwrap()]);
            control::install_route(*host, Protocol::Static, "0.0.0.0/0".parse().unwrap(), target, 0).unwrap();
        }
        Self { sim, hosts }
    }

    /// What the n-th host, counted from 1, starts at each boot.
    pub(crate) fn program(&self, n: u8, program: impl Fn() + 'static) {
        self.sim.set_program(self.node(n), program).unwrap();
    }

    pub(crate) fn node(&self, n: u8) -> NodeId {
        self.hosts[usize::from(n) - 1]
    }

    /// Runs a story on the n-th host to its end, at most a day.
    pub(crate) fn tell<T: 'static>(&mut self, n: u8, story: impl Future<Output = T> + 'static) -> T {
        let told = Rc::new(RefCell::new(None));
        let ended = Rc::clone(&told);
        control::spawn_on(self.node(n), "story", async move {
            let value = story.await;
            *ended.borrow_mut() = Some(value);
        });
        while told.borrow().is_none() && self.sim.now() < Time::from_secs(86_400) {
            let next = self.sim.now().as_nanos() + 1_000_000_000;
            self.sim.run_until(Time::from_nanos(next));
        }
        let value = told.borrow_mut().take();
        value.expect("the story did not end, or crashed")
    }
}

/// The address of the n-th host.
pub(crate) fn address(n: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, n])
}

/// A port of the n-th host.
pub(crate) fn at(n: u8, port: u16) -> SocketAddr {
    SocketAddr::new(address(n), port)
}

/// Shuts the n-th host's port to the router, or opens it.
pub(crate) fn plug(host: NodeId, in_place: bool) {
    control::set_admin_up(host, "r", in_place).unwrap();
}
