//! How large a host's packets may be: its own links, and what routers said about the path beyond (path MTU
//! discovery, RFC 1191 and RFC 8201).
//!
//! smoltcp fixes the MTU of an interface when it is made, so a stack has one interface for each MTU that its
//! connections use. A connection keeps the MTU that it began with until a router asks for less.

use crate::fib::Exit;
use crate::hash::fold;
use crate::packet::{self, Flow};
use crate::stack::{Wire, instant};
use crate::world::World;
use crate::{Map, WaySpec};
use smoltcp::iface::{Config, Interface};
use smoltcp::wire::HardwareAddress;
use std::net::IpAddr;
use std::time::Duration;

/// That of Ethernet, and of what has none of its own.
pub(super) const DEFAULT: u16 = 1500;
/// No IPv4 path has a smaller one (RFC 791 section 3.2).
const LEAST_V4: u16 = 68;
/// No IPv6 path has a smaller one (RFC 8200 section 5).
const LEAST_V6: u16 = 1280;
/// How long what a router said is believed (RFC 1191 section 6.3).
const BELIEF: Duration = Duration::from_secs(600);

/// A stack's interfaces, one for each MTU.
pub(crate) struct Interfaces {
    all: Vec<(u16, Interface)>,
    seed: u64,
}

impl Interfaces {
    pub(super) fn new(wire: &mut Wire, seed: u64, now: u64) -> Self {
        Interfaces { all: vec![(DEFAULT, interface(wire, DEFAULT, seed, now))], seed }
    }

    /// The one with the default MTU.
    pub(super) fn usual(&mut self) -> &mut Interface {
        &mut self.all[0].1
    }

    /// The one with this MTU, which a connection was given.
    pub(super) fn with(&mut self, mtu: u16) -> &mut Interface {
        let index = self.all.iter().position(|(known, _)| *known == mtu).unwrap_or(0);
        &mut self.all[index].1
    }

    fn add(&mut self, wire: &mut Wire, mtu: u16, now: u64) {
        if self.all.iter().all(|(known, _)| *known != mtu) {
            let seed = fold(self.seed, u64::from(mtu));
            self.all.push((mtu, interface(wire, mtu, seed, now)));
        }
    }
}

fn interface(wire: &mut Wire, mtu: u16, seed: u64, now: u64) -> Interface {
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = seed;
    wire.mtu = usize::from(mtu);
    let mut interface = Interface::new(config, wire, instant(now));
    interface.set_any_ip(true);
    interface
}

/// What routers said about paths: by destination, the largest packet, and until when that is believed.
#[derive(Default)]
pub(crate) struct Paths(Map<IpAddr, (u16, u64)>);

impl Paths {
    fn get(&self, to: IpAddr, now: u64) -> Option<u16> {
        self.0.get(&to).filter(|(_, until)| now < *until).map(|(mtu, _)| *mtu)
    }

    /// A router never makes a path wider.
    fn learn(&mut self, to: IpAddr, mtu: u16, now: u64) {
        self.0.retain(|_, (_, until)| now < *until);
        let known = self.get(to, now).unwrap_or(u16::MAX);
        self.0.insert(to, (mtu.min(known), now + BELIEF.as_nanos() as u64));
    }
}

impl World {
    /// The largest packet from a node to a destination, as far as the node knows; none to itself, where there is no
    /// limit. `known` is what its forwarding table says.
    pub(super) fn path_mtu(&self, at: usize, known: u32, to: IpAddr) -> Option<u16> {
        let node = &self.nodes[at];
        let exit = node.fib.exit(known);
        if exit == Exit::Local {
            return None;
        }
        let way = |port: &u16| -> &WaySpec {
            let port = &node.ports[usize::from(*port)];
            self.links[port.link.0 as usize].ways[usize::from(port.side)].spec()
        };
        let links = node.fib.ports(&exit).iter().map(|port| way(port).mtu).min();
        let path = node.stack.paths.get(to, self.now).unwrap_or(u16::MAX);
        Some(links.unwrap_or(DEFAULT).min(path).max(least(to)))
    }

    /// The MTU for a new connection, and an interface that has it. What a host tells itself goes by the default.
    pub(super) fn connection_mtu(&mut self, at: usize, to: IpAddr) -> u16 {
        let known = self.nodes[at].find(to);
        let mtu = self.path_mtu(at, known, to).unwrap_or(DEFAULT);
        self.nodes[at].stack.interfaces.add(&mut self.wire, mtu, self.now);
        mtu
    }

    /// A router could not forward a packet of this flow: it was larger than `mtu`.
    pub(super) fn learn_path_mtu(&mut self, at: usize, flow: Flow, mtu: u16) {
        let (node, to) = (&mut self.nodes[at], flow.destination.ip());
        if !node.owns(flow.source.ip()) {
            return;
        }
        let mtu = mtu.max(least(to));
        node.stack.paths.learn(to, mtu, self.now);
        node.stack.interfaces.add(&mut self.wire, mtu, self.now);
        if flow.protocol == packet::TCP {
            self.tcp_narrow(at, flow, mtu);
        }
    }
}

fn least(to: IpAddr) -> u16 {
    if to.is_ipv4() { LEAST_V4 } else { LEAST_V6 }
}
