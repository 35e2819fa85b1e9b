//! A link: two nodes' ports, a direction each way, and whether there is light.

use super::spec::{Latency, Loss, WaySpec};
use super::way::{Fate, Way};
use crate::air::Change;
use crate::canary::Canary;
use crate::node::{DropCause, NodeId};
use crate::record::SimEvent;
use crate::world::World;
use crate::{Error, draw, link};

/// The number of a link, given in the order of [`Sim::add_link`](crate::Sim::add_link).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

/// A direction of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the link's first end to its second.
    AToB,
    /// From the link's second end to its first.
    BToA,
}

/// What a link is; see [`Sim::add_link`](crate::Sim::add_link).
///
/// ```
/// # use blackstart_sim::{Latency, LinkSpec, NodeId, WaySpec};
/// # use std::time::Duration;
/// # let (host, router, dish) = (NodeId(0), NodeId(1), NodeId(2));
/// let cable = LinkSpec::new(host, router).latency(Latency::Fixed(Duration::from_micros(50)));
/// let satellite = LinkSpec {
///     b_to_a: WaySpec { overtaking: true, ..WaySpec::default() },
///     ..LinkSpec::new(router, dish).loss(0.01)
/// };
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LinkSpec {
    /// One end.
    pub a: NodeId,
    /// The other end.
    pub b: NodeId,
    /// The name of the port at `a`; the name of `b` if not given.
    pub port_a: Option<String>,
    /// The name of the port at `b`; the name of `a` if not given.
    pub port_b: Option<String>,
    /// From `a` to `b`.
    pub a_to_b: WaySpec,
    /// From `b` to `a`.
    pub b_to_a: WaySpec,
}

impl LinkSpec {
    /// A clean link of 1 ms.
    pub fn new(a: NodeId, b: NodeId) -> Self {
        let (a_to_b, b_to_a) = (WaySpec::default(), WaySpec::default());
        LinkSpec { a, b, port_a: None, port_b: None, a_to_b, b_to_a }
    }

    /// With both directions like this.
    #[must_use]
    pub fn both(self, way: WaySpec) -> Self {
        LinkSpec { a_to_b: way, b_to_a: way, ..self }
    }

    /// With this latency in both directions.
    #[must_use]
    pub fn latency(mut self, latency: Latency) -> Self {
        self.a_to_b.latency = latency;
        self.b_to_a.latency = latency;
        self
    }

    /// With this probability of a loss in both directions, for each packet by itself.
    #[must_use]
    pub fn loss(mut self, loss: f64) -> Self {
        self.a_to_b.loss = Loss::Independent(loss);
        self.b_to_a.loss = Loss::Independent(loss);
        self
    }

    /// With these names of the ports at `a` and `b`.
    #[must_use]
    pub fn ports(self, at_a: impl Into<String>, at_b: impl Into<String>) -> Self {
        LinkSpec { port_a: Some(at_a.into()), port_b: Some(at_b.into()), ..self }
    }
}

/// One node's end of a link.
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) link: LinkId,
    /// 0 at the link's first end, 1 at its second.
    pub(crate) side: u8,
    pub(crate) neighbour: NodeId,
    pub(crate) admin_up: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) node: NodeId,
    pub(crate) port: u16,
}

pub(crate) struct Link {
    pub(crate) ends: [End; 2],
    pub(crate) ways: [Way; 2],
    pub(crate) carrier: bool,
    /// Counts losses of carrier: what was on the link then never arrives.
    pub(crate) cut: u32,
    /// Whether a capture sees what passes.
    pub(crate) watched: bool,
}

impl Link {
    /// The delay of a packet that leaves `side` at this time, if it is within the MTU and nothing else can happen to it.
    pub(crate) fn plain(&self, side: usize, at: u64) -> Option<u64> {
        self.ways[side].plain(at).filter(|_| self.carrier && !self.watched)
    }

    /// A packet of `length` bytes is to leave `side` now. Only a planted bug lets it pass without light.
    pub(super) fn pass(&mut self, side: usize, now: u64, length: usize, even_dark: bool) -> Fate {
        match self.carrier || even_dark {
            true => self.ways[side].pass(now, length),
            false => Fate::Dropped(DropCause::LinkDown),
        }
    }
}

impl World {
    pub(crate) fn add_link(&mut self, spec: LinkSpec) -> Result<LinkId, Error> {
        let (name_a, name_b) = (self.name_of(spec.a)?, self.name_of(spec.b)?);
        if spec.a == spec.b {
            return Err(Error::SelfLink(name_a));
        }
        spec.a_to_b.check()?;
        spec.b_to_a.check()?;
        let port_a = spec.port_a.unwrap_or_else(|| name_b.clone());
        let port_b = spec.port_b.unwrap_or_else(|| name_a.clone());
        self.check_port(spec.a, &port_a)?;
        self.check_port(spec.b, &port_b)?;
        let id = LinkId(self.links.len() as u32);
        let seed = self.config.seed;
        let way = |from: &str, port: &str, spec: WaySpec| {
            Way::new(draw::key(seed, &format!("link/{from}/{port}")), spec)
        };
        let ways = [way(&name_a, &port_a, spec.a_to_b), way(&name_b, &port_b, spec.b_to_a)];
        let ends = [self.plug(spec.a, port_a, id, 0, spec.b), self.plug(spec.b, port_b, id, 1, spec.a)];
        let carrier = ends.iter().all(|end| self.end_up(end));
        self.note_mtu(&spec.a_to_b);
        self.note_mtu(&spec.b_to_a);
        self.links.push(Link { ends, ways, carrier, cut: 0, watched: false });
        self.watch_links();
        for end in ends {
            link::refresh_connected(self, end);
        }
        Ok(id)
    }

    pub(crate) fn set_watched(&mut self, id: LinkId, watched: bool) {
        if self.links[id.0 as usize].watched != watched {
            self.interrupt_flights(Change::Link(id));
            self.links[id.0 as usize].watched = watched;
        }
    }

    fn note_mtu(&mut self, way: &WaySpec) {
        self.least_mtu = self.least_mtu.min(way.mtu.into());
    }

    /// Makes one direction of a link like this.
    pub(crate) fn set_way(&mut self, id: LinkId, side: usize, spec: WaySpec) -> Result<(), Error> {
        spec.check()?;
        self.interrupt_flights(Change::Link(id));
        self.note_mtu(&spec);
        self.links.get_mut(id.0 as usize).ok_or(Error::UnknownLink(id.0))?.ways[side].set_spec(spec);
        Ok(())
    }

    fn name_of(&self, node: NodeId) -> Result<String, Error> {
        self.node(node).map(|node| node.name.to_string()).ok_or(Error::UnknownNode(node.0))
    }

    fn check_port(&self, node: NodeId, port: &str) -> Result<(), Error> {
        let entry = self.node(node).ok_or(Error::UnknownNode(node.0))?;
        if entry.ports.iter().any(|other| other.name == port) {
            return Err(Error::DuplicatePort { node: entry.name.to_string(), port: port.to_owned() });
        }
        Ok(())
    }

    fn plug(&mut self, node: NodeId, name: String, link: LinkId, side: u8, neighbour: NodeId) -> End {
        let ports = &mut self.nodes[node.0 as usize].ports;
        ports.push(Port { name, link, side, neighbour, admin_up: true });
        End { node, port: ports.len() as u16 - 1 }
    }

    /// Finds out anew whether there is light on a link, and tells everybody if that changed.
    pub(crate) fn refresh_carrier(&mut self, id: LinkId) {
        let link = &self.links[id.0 as usize];
        let carrier = link.ends.iter().all(|end| self.end_up(end)) && !link.ways.iter().all(Way::is_blocked);
        if carrier == link.carrier {
            return;
        }
        let ends = link.ends;
        self.interrupt_flights(Change::Link(id));
        let link = &mut self.links[id.0 as usize];
        link.carrier = carrier;
        link.cut += u32::from(!carrier);
        link.ways.iter_mut().for_each(Way::clear);
        if self.config.has_planted(Canary::CutLinkCarries) {
            return;
        }
        for end in ends {
            self.carrier_changed(end, carrier);
        }
    }

    fn end_up(&self, end: &End) -> bool {
        let node = &self.nodes[end.node.0 as usize];
        node.powered && node.ports[usize::from(end.port)].admin_up
    }

    fn carrier_changed(&mut self, end: End, up: bool) {
        let node = &self.nodes[end.node.0 as usize];
        let port = node.ports[usize::from(end.port)].name.clone();
        self.emit_sim(Some(end.node), &SimEvent::Carrier { port, up });
        link::refresh_connected(self, end);
        self.nodes[end.node.0 as usize].link_changes.bump(&mut self.wakes);
    }
}
