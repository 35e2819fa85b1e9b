//! A node's ports as services see them, and the connected routes that follow from them.

use crate::control;
use crate::fabric::End;
use crate::fib::{Hops, Protocol, Route};
use crate::node::{Node, NodeId};
use crate::watch::Watch;
use crate::world::World;
use crate::{exec, world};
use ipnet::IpNet;
use std::io;
use std::net::IpAddr;

/// One port of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The neighbour's host name unless the port was given another.
    pub name: String,
    /// The host at the other end.
    pub neighbour: String,
    /// The neighbour's primary address: its first one.
    pub neighbour_address: Option<IpAddr>,
    /// Whether this end is switched on.
    pub admin_up: bool,
    /// Whether light arrives: both ends on, both hosts powered, the link not cut both ways.
    pub carrier: bool,
}

/// The current node's ports.
pub fn interfaces() -> Vec<Interface> {
    exec::current_node().map(control::interfaces).unwrap_or_default()
}

/// Switches this end of a port of the current node on or off.
///
/// # Errors
/// `NotFound` when the node has no such port, `Unsupported` outside a node.
pub fn set_admin_up(name: &str, up: bool) -> io::Result<()> {
    let node = exec::current_node().ok_or(io::ErrorKind::Unsupported)?;
    control::set_admin_up(node, name, up).map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))
}

/// Watches the current node's ports from now on.
pub fn watch() -> Watch {
    Watch::link(exec::current_node())
}

pub(crate) fn interfaces_of(world: &World, node: NodeId) -> Vec<Interface> {
    let ports = world.node(node).map(|node| node.ports.as_slice()).unwrap_or_default();
    let describe = |port: &crate::fabric::Port| {
        let neighbour = &world.nodes[port.neighbour.0 as usize];
        Interface {
            name: port.name.clone(),
            neighbour: neighbour.name.to_string(),
            neighbour_address: neighbour.addresses.first().copied(),
            admin_up: port.admin_up,
            carrier: world.links[port.link.0 as usize].carrier,
        }
    };
    ports.iter().map(describe).collect()
}

/// The connected routes to the neighbour at `end`: its primary addresses, over every port with light.
pub(crate) fn refresh_connected(world: &mut world::World, end: End) {
    let node = &world.nodes[end.node.0 as usize];
    let neighbour = node.ports[usize::from(end.port)].neighbour;
    let lit = |(_, port): &(usize, &crate::fabric::Port)| {
        port.neighbour == neighbour && world.links[port.link.0 as usize].carrier
    };
    let ports: Vec<u16> = node.ports.iter().enumerate().filter(lit).map(|(index, _)| index as u16).collect();
    let primaries: Vec<IpAddr> = primaries(&world.nodes[neighbour.0 as usize]);
    for address in primaries {
        let prefix = IpNet::from(address);
        let hops = Hops::Ports(ports.clone());
        world.change_fib(end.node, |fib| match ports.is_empty() {
            true => fib.remove(Protocol::Connected, prefix),
            false => fib.insert(prefix, Route { protocol: Protocol::Connected, metric: 0, hops }),
        });
    }
}

fn primaries(node: &Node) -> Vec<IpAddr> {
    node.primaries().collect()
}
