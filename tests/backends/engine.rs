//! The engine: every host is joined to every other by a link of its own.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;
use blackstart_sim::{Config, LinkId, LinkSpec, NodeId, NodeSpec, Sim, control};
use rt::Map;

use crate::net::{Cuttable, Net, PATIENCE, Service, Task};

/// How far the simulation goes before it is asked whether a task is done.
const STEP: Duration = Duration::from_millis(100);

pub(crate) struct Engine {
    sim: Sim,
    hosts: Map<&'static str, Host>,
    links: Map<(NodeId, NodeId), LinkId>,
}

struct Host {
    node: NodeId,
    services: Rc<RefCell<Vec<Service>>>,
}

impl Engine {
    pub(crate) fn new(config: Config) -> Self {
        Self { sim: Sim::new(config).unwrap(), hosts: Map::new(), links: Map::new() }
    }

    fn node(&self, host: &str) -> NodeId {
        self.hosts[host].node
    }
}

impl Net for Engine {
    fn host(&mut self, name: &'static str) -> IpAddr {
        let number = self.hosts.len() as u8 + 1;
        let address = IpAddr::from([10, 0, 0, number]);
        let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)]);
        let spec = NodeSpec { name: name.to_owned(), addresses: vec![address, v6], forwards: false };
        let node = self.sim.add_node(spec).unwrap();
        for other in self.hosts.values() {
            let link = self.sim.add_link(LinkSpec::new(other.node, node)).unwrap();
            self.links.insert((other.node, node), link);
        }
        let services: Rc<RefCell<Vec<Service>>> = Rc::default();
        let program = Rc::clone(&services);
        let boot = move || {
            for service in program.borrow().iter() {
                drop(rt::task::spawn("service", service()));
            }
        };
        self.sim.set_program(node, boot).unwrap();
        self.hosts.insert(name, Host { node, services });
        address
    }

    fn port(&mut self, usual: u16) -> u16 {
        usual
    }

    fn start_boxed(&mut self, host: &'static str, service: Service) {
        self.hosts[host].services.borrow_mut().push(service);
    }

    fn tell_boxed(&mut self, host: &str, task: Task) {
        // The node boots with the first step.
        self.pause(Duration::ZERO);
        let task = control::spawn_on(self.node(host), "told", task);
        let end = self.sim.now() + PATIENCE * 10;
        while !task.is_finished() && self.sim.now() < end {
            self.pause(STEP);
        }
    }

    fn stop(&mut self, host: &str) {
        control::power_off(self.node(host)).unwrap();
    }

    fn boot(&mut self, host: &str) {
        control::power_on(self.node(host)).unwrap();
    }

    fn pause(&mut self, span: Duration) {
        self.sim.run_until(self.sim.now() + span);
    }
}

impl Cuttable for Engine {
    fn cut(&mut self, a: &str, b: &str, is_cut: bool) {
        let (a, b) = (self.node(a), self.node(b));
        let link = self.links[&(a.min(b), a.max(b))];
        control::set_link_loss(link, if is_cut { 1.0 } else { 0.0 }).unwrap();
    }
}
