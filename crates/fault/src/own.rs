//! Faults in a simulation of your own, which no scenario describes: its machines and links.

use crate::inject::inject;
use crate::schedule::Fault;
use crate::target::{On, Targets, Thing};
use blackstart_rt::Map;
use blackstart_sim::{NodeId, Sim, control};
use blackstart_world::{Machine, People, Wiring, World};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// What can be broken in it: every machine and every link, by the names of its nodes.
#[must_use]
pub fn targets_of(sim: &Sim) -> Targets {
    let mut targets = Targets::default();
    for (name, node) in machines(sim) {
        targets.add(Thing::new(On::Machine, &[&name]));
        for port in control::interfaces(node) {
            // Faults find a link by the names of its ends, and once is enough.
            if port.name == port.neighbour && name < port.neighbour {
                targets.add(Thing::new(On::Link, &[&name, &port.neighbour]));
            }
        }
    }
    targets
}

/// Lets a schedule happen in it, from the start of its run. A fault on what is not there is recorded as missed, and one that
/// waits for a signal never begins: signals belong to scenarios.
pub fn inject_into(sim: &Sim, schedule: Vec<Fault>) {
    let machine = |(name, node): (String, NodeId)| {
        let address = control::addresses(node).first().copied();
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let (site, router, resolvers) = Default::default();
        (name, Machine { node, address, site, router, resolvers, rack: None })
    };
    let wiring = Wiring { machines: machines(sim).into_iter().map(machine).collect(), ..Wiring::default() };
    let world = Rc::new(World::new(People::default(), wiring, 0));
    sim.spawn("faults", async move { inject(&world, schedule) });
}

fn machines(sim: &Sim) -> Map<String, NodeId> {
    sim.nodes().into_iter().filter_map(|node| Some((control::node_name(node)?, node))).collect()
}
