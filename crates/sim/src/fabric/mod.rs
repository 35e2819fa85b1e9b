//! How packets get from node to node.
//!
//! A packet goes hop by hop: at each node it is local, or it ages, takes the exit that the forwarding table
//! gives, and crosses one link. Its bytes move, they are never copied, but for a packet that a link duplicates.
//!
//! - `spec`: what one direction of a link is
//! - `way`: its state, and what becomes of a packet on it: no bytes, no world
//! - `link`: two ends and two directions

mod link;
mod spec;
mod way;

pub use link::{Direction, LinkId, LinkSpec};
pub(crate) use link::{End, Link, Port};
pub use spec::{Bandwidth, GilbertElliott, Latency, Loss, WaySpec};

use crate::air::{Birth, Hop};
use crate::canary::Canary;
use crate::checksum;
use crate::fib::Exit;
use crate::node::DropCause;
use crate::packet::{self, Bytes, Complaint};
use crate::world::World;
use std::net::IpAddr;
pub(crate) use way::{Arrival, Fate, Touch};

/// How long a packet from a node to itself takes: not nothing, or a service that talks to itself without a pause
/// would stop time.
const LOOPBACK_NS: u64 = 20_000;

impl World {
    /// What a node does with a packet from a link.
    pub(crate) fn forward(&mut self, at: usize, birth: Birth, mut bytes: Bytes) {
        if birth.spoiled.is_some_and(|version| !checksum::header_is_sound(&bytes, version)) {
            return self.discard(at, DropCause::Corrupted, bytes);
        }
        let node = &mut self.nodes[at];
        let Some(destination) = packet::destination(&bytes).filter(|address| !address.is_loopback()) else {
            return self.discard(at, DropCause::Malformed, bytes);
        };
        let known = node.find(destination);
        if node.fib.exit(known) == Exit::Local {
            if birth.spoiled.is_some() && !checksum::payload_is_sound(&bytes) {
                return self.discard(at, DropCause::Corrupted, bytes);
            }
            return self.deliver(at, bytes);
        }
        if !node.forwards {
            return self.discard(at, DropCause::NotForwarding, bytes);
        }
        // As on Linux a packet that has no way is told so, or discarded, whatever is left of its life.
        let has_way = matches!(node.fib.exit(known), Exit::Port(_) | Exit::Spread(_));
        if has_way && !packet::age(&mut bytes) {
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
        let birth = Birth::new(&mut self.queue, &bytes);
        self.leave(at, known, birth, bytes)
    }

    /// Sends a packet on its way: in a flight, or over the next link. The bytes come back when there is no route.
    fn leave(&mut self, at: usize, known: u32, birth: Birth, bytes: Bytes) -> Result<(), Bytes> {
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

    fn transmit(&mut self, at: usize, port: u16, birth: Birth, bytes: Bytes) {
        let port = &self.nodes[at].ports[usize::from(port)];
        let hop = Hop::new(port.link, port.side);
        let link = &mut self.links[hop.link()];
        let even_dark = self.config.has_planted(Canary::CutLinkCarries);
        let (fate, watched) = (link.pass(hop.side(), self.now, bytes.len(), even_dark), link.watched);
        if watched {
            self.capture_sent(hop, &bytes, birth.spoiled.is_some(), fate);
        }
        match fate {
            Fate::Dropped(cause) => self.discard_on(Some(LinkId(hop.link() as u32)), at, cause, bytes),
            Fate::TooBig { mtu } => self.refuse(at, DropCause::TooBig, Complaint::TooBig { mtu }, bytes),
            Fate::Arrives(arrival, None) => self.launch(hop, arrival, birth, bytes),
            Fate::Arrives(first, Some(second)) => {
                let mut copy = self.wire.buffer();
                copy.clone_from(&bytes);
                self.launch(hop, first, birth, bytes);
                let birth = birth.again(&mut self.queue);
                self.launch(hop, second, birth, copy);
            }
        }
    }

    /// A packet is on the wire.
    fn launch(&mut self, hop: Hop, arrival: Arrival, mut birth: Birth, mut bytes: Bytes) {
        if let Some(bit) = arrival.touch.flip {
            birth.spoil(&mut bytes, bit);
        }
        self.cross(hop, arrival, birth, bytes);
    }

    /// Drops a packet and counts it.
    pub(crate) fn discard(&mut self, at: usize, cause: DropCause, bytes: Bytes) {
        self.discard_on(None, at, cause, bytes);
    }

    /// [`World::discard`] of a packet that a link did not take or bring.
    pub(crate) fn discard_on(&mut self, link: Option<LinkId>, at: usize, cause: DropCause, bytes: Bytes) {
        self.note_drop(at, link, cause, &bytes);
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
}
