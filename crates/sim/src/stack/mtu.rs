//! How large a host's packets may be: its own links, and what routers said about the path beyond (path MTU
//! discovery, RFC 1191 and RFC 8201).
//!
//! A connection keeps the MTU that it began with until a router asks for less.

use crate::fib::Exit;
use crate::packet::{self, Flow};
use crate::world::World;
use crate::{Map, WaySpec};
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

    /// The MTU for a new connection. What a host tells itself goes by the default.
    pub(super) fn connection_mtu(&mut self, at: usize, to: IpAddr) -> u16 {
        let known = self.nodes[at].find(to);
        self.path_mtu(at, known, to).unwrap_or(DEFAULT)
    }

    /// A router could not forward a packet of this flow: it was larger than `mtu`.
    pub(super) fn learn_path_mtu(&mut self, at: usize, flow: Flow, mtu: u16) {
        let (node, to) = (&mut self.nodes[at], flow.destination.ip());
        if !node.owns(flow.source.ip()) {
            return;
        }
        let mtu = mtu.max(least(to));
        node.stack.paths.learn(to, mtu, self.now);
        if flow.protocol == packet::TCP {
            self.tcp_narrow(at, flow, mtu);
        }
    }
}

fn least(to: IpAddr) -> u16 {
    if to.is_ipv4() { LEAST_V4 } else { LEAST_V6 }
}
