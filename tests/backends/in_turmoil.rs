//! Hosts of a plain `turmoil::Sim`, driven by turmoil's own API.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use blackstart_rt as rt;
use rt::Map;
use rt::turmoil::Host;

use crate::net::{Cuttable, Inbox, Net, PATIENCE, Service, Task};

/// What a step of the simulation takes, and so the least that a message does.
pub(crate) const TICK: Duration = Duration::from_millis(10);

pub(crate) struct Turmoil {
    /// For what only turmoil can do.
    pub(crate) sim: turmoil::Sim<'static>,
    seed: u64,
    hosts: Map<&'static str, (Services, Inbox)>,
}

/// What a host boots.
type Services = Rc<RefCell<Vec<Service>>>;

impl Turmoil {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, turmoil::Builder::new().max_message_latency(TICK))
    }

    pub(crate) fn with(seed: u64, builder: &mut turmoil::Builder) -> Self {
        let builder = builder.rng_seed(seed).epoch(UNIX_EPOCH + Duration::from_secs(1_633_361_958));
        let sim = builder.tick_duration(TICK).simulation_duration(PATIENCE * 100).build();
        Self { sim, seed, hosts: Map::new() }
    }
}

impl Net for Turmoil {
    fn host(&mut self, name: &'static str) -> IpAddr {
        let host = Host::new(self.seed, name);
        let (services, inbox): (Services, Inbox) = Default::default();
        self.hosts.insert(name, (Rc::clone(&services), inbox.clone()));
        self.sim.host(name, move || host.boot(program(Rc::clone(&services), inbox.clone())));
        self.sim.lookup(name)
    }

    fn port(&mut self, usual: u16) -> u16 {
        usual
    }

    fn start_boxed(&mut self, host: &'static str, service: Service) {
        self.hosts[host].0.borrow_mut().push(service);
    }

    fn tell_boxed(&mut self, host: &str, task: Task) {
        let done = Rc::new(());
        let running = Rc::clone(&done);
        self.hosts[host].1.put(Box::pin(async move {
            task.await;
            drop(running);
        }));
        let end = self.sim.elapsed() + PATIENCE * 10;
        while Rc::strong_count(&done) > 1 && self.sim.elapsed() < end {
            self.sim.step().unwrap();
        }
    }

    fn stop(&mut self, host: &str) {
        self.sim.crash(host);
    }

    fn boot(&mut self, host: &str) {
        self.sim.bounce(host);
    }

    fn pause(&mut self, span: Duration) {
        let end = self.sim.elapsed() + span;
        while self.sim.elapsed() < end {
            self.sim.step().unwrap();
        }
    }
}

async fn program(services: Rc<RefCell<Vec<Service>>>, inbox: Inbox) -> turmoil::Result {
    for service in services.borrow().iter() {
        rt::task::spawn("service", service());
    }
    inbox.serve().await;
    Ok(())
}

impl Cuttable for Turmoil {
    fn cut(&mut self, a: &str, b: &str, is_cut: bool) {
        if is_cut {
            self.sim.partition(a, b);
        } else {
            self.sim.repair(a, b);
        }
    }
}
