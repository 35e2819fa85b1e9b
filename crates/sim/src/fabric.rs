//! Links, ports, and how packets get from node to node.
//!
//! A packet goes hop by hop: at each node it is local, or it ages, takes the exit that the forwarding table
//! gives, and crosses one link. Its bytes move, they are never copied.

use crate::air::{Change, Hop};
use crate::draw::{self, Stream};
use crate::fib::Exit;
use crate::node::{DropCause, NodeId};
use crate::packet::{self, Bytes, Complaint};
use crate::time::nanos;
use crate::world::World;
use crate::{Error, link};
use std::net::IpAddr;
use std::time::Duration;

/// How long a packet from a node to itself takes: not nothing, or a service that talks to itself without a pause
/// would stop time.
const LOOPBACK_NS: u64 = 20_000;

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

/// How long a packet takes over a link. Packets never overtake each other on one link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Anything from `min` to below `max`.
    Uniform {
        /// The least.
        min: Duration,
        /// The bound.
        max: Duration,
    },
    /// Around a mean; never less than a tenth of it.
    Normal {
        /// The mean.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// At least `min`, with a heavy tail that ends at a hundred times that.
    Pareto {
        /// The least.
        min: Duration,
        /// The index of the tail, above 0; the smaller, the heavier.
        shape: f64,
    },
}

impl Default for Latency {
    /// 1 ms.
    fn default() -> Self {
        Latency::Fixed(Duration::from_millis(1))
    }
}

/// What a link is; see [`Sim::add_link`](crate::Sim::add_link).
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
    /// How long a packet takes, in each direction.
    pub latency: Latency,
    /// The probability that a packet is lost, in each direction.
    pub loss: f64,
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
    pub(crate) latency: Latency,
    pub(crate) loss: f64,
    pub(crate) carrier: bool,
    /// Counts losses of carrier: what was on the link then never arrives.
    pub(crate) cut: u32,
}

impl Link {
    /// The delay of a packet that leaves `side` at this time, if nothing else can happen to it there.
    pub(crate) fn plain(&self, side: usize, at: u64) -> Option<u64> {
        let way = &self.ways[side];
        let Latency::Fixed(delay) = self.latency else { return None };
        let delay = nanos(delay);
        let plain = self.carrier && !way.blocked && self.loss == 0.0 && way.last_arrival <= at + delay;
        plain.then_some(delay)
    }

    /// Notes a packet that is on the link and arrives then: none that follows may overtake it.
    pub(crate) fn occupy(&mut self, side: usize, arrival: u64) {
        let way = &mut self.ways[side];
        way.last_arrival = way.last_arrival.max(arrival);
    }
}

/// One direction of a link. The n-th packet whose fate is drawn has the draws of (direction's name, n).
pub(crate) struct Way {
    pub(crate) blocked: bool,
    key: u64,
    drawn: u64,
    last_arrival: u64,
}

impl Way {
    /// The delay of the next packet in nanoseconds; none if it is lost.
    fn draw(&mut self, latency: Latency, loss: f64) -> Option<u64> {
        if loss == 0.0
            && let Latency::Fixed(delay) = latency
        {
            return Some(nanos(delay));
        }
        let mut stream = Stream::at(self.key, self.drawn);
        self.drawn += 1;
        let lost = stream.chance(loss);
        (!lost).then(|| delay(latency, &mut stream))
    }
}

fn delay(latency: Latency, stream: &mut Stream) -> u64 {
    match latency {
        Latency::Fixed(delay) => nanos(delay),
        Latency::Uniform { min, max } => nanos(stream.between(min, max)),
        Latency::Normal { mean, deviation } => {
            let mean = nanos(mean) as f64;
            stream.normal(mean, nanos(deviation) as f64).max(mean / 10.0) as u64
        }
        Latency::Pareto { min, shape } => {
            let min = nanos(min) as f64;
            stream.pareto(min, shape).min(min * 100.0) as u64
        }
    }
}

pub(crate) fn check_loss(loss: f64) -> Result<(), Error> {
    if (0.0..=1.0).contains(&loss) { Ok(()) } else { Err(Error::BadLoss(loss)) }
}

pub(crate) fn check_latency(latency: Latency) -> Result<(), Error> {
    let sound = match latency {
        Latency::Fixed(_) | Latency::Normal { .. } => true,
        Latency::Uniform { min, max } => min <= max,
        Latency::Pareto { shape, .. } => shape.is_finite() && shape > 0.0,
    };
    if sound { Ok(()) } else { Err(Error::BadLatency(format!("{latency:?}"))) }
}

impl World {
    pub(crate) fn add_link(&mut self, spec: LinkSpec) -> Result<LinkId, Error> {
        let (name_a, name_b) = (self.name_of(spec.a)?, self.name_of(spec.b)?);
        if spec.a == spec.b {
            return Err(Error::SelfLink(name_a));
        }
        check_loss(spec.loss)?;
        check_latency(spec.latency)?;
        let port_a = spec.port_a.unwrap_or_else(|| name_b.clone());
        let port_b = spec.port_b.unwrap_or_else(|| name_a.clone());
        self.check_port(spec.a, &port_a)?;
        self.check_port(spec.b, &port_b)?;
        let id = LinkId(self.links.len() as u32);
        let way = |from: &str, port: &str| Way {
            blocked: false,
            key: draw::key(self.config.seed, &format!("link/{from}/{port}")),
            drawn: 0,
            last_arrival: 0,
        };
        let ways = [way(&name_a, &port_a), way(&name_b, &port_b)];
        let ends = [self.plug(spec.a, port_a, id, 0, spec.b), self.plug(spec.b, port_b, id, 1, spec.a)];
        let carrier = ends.iter().all(|end| self.end_up(end));
        self.links.push(Link { ends, ways, latency: spec.latency, loss: spec.loss, carrier, cut: 0 });
        for end in ends {
            link::refresh_connected(self, end);
        }
        Ok(id)
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

    /// What a node does with a packet from a link.
    pub(crate) fn forward(&mut self, at: usize, birth: u64, mut bytes: Bytes) {
        let node = &mut self.nodes[at];
        let Some(destination) = packet::destination(&bytes).filter(|address| !address.is_loopback()) else {
            return self.discard(at, DropCause::Malformed, bytes);
        };
        let known = node.find(destination);
        if node.fib.exit(known) == Exit::Local {
            return self.deliver(at, bytes);
        }
        if !node.forwards {
            return self.discard(at, DropCause::NotForwarding, bytes);
        }
        if !packet::age(&mut bytes) {
            return self.refuse(at, DropCause::TtlExpired, Complaint::TimeExceeded, bytes);
        }
        match self.leave(at, known, birth, bytes) {
            Ok(()) => {}
            Err(bytes) => {
                let complaint = self.why_unreachable(at, destination);
                self.refuse(at, DropCause::NoRoute, complaint, bytes);
            }
        }
    }

    /// Sends a packet that the node itself made. The bytes come back when there is no route.
    pub(crate) fn send(&mut self, at: usize, bytes: Bytes) -> Result<(), Bytes> {
        let Some(destination) = packet::destination(&bytes) else { return Err(bytes) };
        let known = self.nodes[at].find(destination);
        self.send_by(at, known, bytes)
    }

    /// [`World::send`] by what the forwarding table is known to say.
    pub(crate) fn send_by(&mut self, at: usize, known: u32, bytes: Bytes) -> Result<(), Bytes> {
        if self.nodes[at].fib.exit(known) == Exit::Local {
            self.loop_back(at, LOOPBACK_NS, bytes);
            return Ok(());
        }
        let birth = self.queue.next_sequence();
        self.leave(at, known, birth, bytes)
    }

    /// Sends a packet on its way: in a flight, or over the next link. The bytes come back when there is no route.
    fn leave(&mut self, at: usize, known: u32, birth: u64, bytes: Bytes) -> Result<(), Bytes> {
        let Err(bytes) = self.fly(at, known, birth, bytes) else { return Ok(()) };
        match self.nodes[at].fib.exit(known) {
            Exit::Port(port) => self.transmit(at, port, birth, bytes),
            Exit::Spread(index) => {
                let port = self.nodes[at].spread(index, &bytes);
                self.transmit(at, port, birth, bytes);
            }
            Exit::Discard => self.discard(at, DropCause::Discard, bytes),
            Exit::Local | Exit::NoRoute => return Err(bytes),
        }
        Ok(())
    }

    fn transmit(&mut self, at: usize, port: u16, birth: u64, bytes: Bytes) {
        let port = &self.nodes[at].ports[usize::from(port)];
        let hop = Hop::new(port.link, port.side);
        let link = &mut self.links[hop.link()];
        let way = &mut link.ways[hop.side()];
        if !link.carrier {
            return self.discard(at, DropCause::LinkDown, bytes);
        }
        if way.blocked {
            return self.discard(at, DropCause::Blocked, bytes);
        }
        let Some(delay) = way.draw(link.latency, link.loss) else {
            return self.discard(at, DropCause::Loss, bytes);
        };
        let arrival = (self.now + delay).max(way.last_arrival);
        way.last_arrival = arrival;
        self.cross(hop, arrival, birth, bytes);
    }

    /// Drops a packet and counts it.
    pub(crate) fn discard(&mut self, at: usize, cause: DropCause, bytes: Bytes) {
        self.nodes[at].count_drop(cause);
        self.wire.recycle(bytes);
    }

    /// Drops a packet and tells its sender why, from the node's primary address.
    fn refuse(&mut self, at: usize, cause: DropCause, complaint: Complaint, bytes: Bytes) {
        let v6 = bytes.first().is_some_and(|first| first >> 4 == 6);
        if let Some(from) = self.nodes[at].primary(v6) {
            self.complain(at, from, complaint, &bytes);
        }
        self.discard(at, cause, bytes);
    }

    pub(crate) fn complain(&mut self, at: usize, from: IpAddr, complaint: Complaint, about: &[u8]) {
        let Some(bytes) = packet::complain(complaint, from, about) else { return };
        if let Err(bytes) = self.send(at, bytes) {
            self.discard(at, DropCause::NoRoute, bytes);
        }
    }

    /// A router says "host unreachable" of its own neighbours, "net unreachable" of everything else.
    fn why_unreachable(&self, at: usize, destination: IpAddr) -> Complaint {
        let mut neighbours = self.nodes[at].ports.iter().map(|port| port.neighbour);
        match neighbours.any(|id| self.nodes[id.0 as usize].primaries().any(|own| own == destination)) {
            true => Complaint::HostUnreachable,
            false => Complaint::NetUnreachable,
        }
    }

    /// Finds out anew whether there is light on a link, and tells everybody if that changed.
    pub(crate) fn refresh_carrier(&mut self, id: LinkId) {
        let link = &self.links[id.0 as usize];
        let carrier =
            link.ends.iter().all(|end| self.end_up(end)) && !link.ways.iter().all(|way| way.blocked);
        if carrier == link.carrier {
            return;
        }
        let ends = link.ends;
        self.interrupt_flights(Change::Link(id));
        let link = &mut self.links[id.0 as usize];
        link.carrier = carrier;
        link.cut += u32::from(!carrier);
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
        self.emit_sim(Some(end.node), &crate::record::SimEvent::Carrier { port, up });
        link::refresh_connected(self, end);
        self.nodes[end.node.0 as usize].link_changes.bump(&mut self.wakes);
    }
}
