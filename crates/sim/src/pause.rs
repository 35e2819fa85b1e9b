//! A machine that stands still: what happens to it waits, and happens when it goes on.

use crate::Error;
use crate::air::{Birth, Change};
use crate::node::{DropCause, NodeId};
use crate::packet::Bytes;
use crate::record::SimEvent;
use crate::world::World;

/// Packets that wait for a paused machine: the ring of a network card (virtio-net: 256 descriptors).
const RING: usize = 256;

/// What the kernel of a machine has to deal with.
pub(crate) enum Happening {
    /// A packet came over a link.
    Packet { birth: Birth, bytes: Bytes },
    /// A packet that the machine sent to itself.
    Loopback(Bytes),
    /// A TCP socket's deadline.
    Due { socket: u32, generation: u32 },
    /// A TCP socket was written to or read from.
    Touched { socket: u32 },
}

impl World {
    /// Deals with it, now or when the machine goes on.
    pub(crate) fn happen(&mut self, at: usize, what: Happening) {
        let Some(waiting) = &mut self.nodes[at].paused else { return self.deal_with(at, what) };
        match what {
            Happening::Packet { bytes, .. } if is_full(waiting) => {
                self.discard(at, DropCause::QueueFull, bytes)
            }
            what => waiting.push(what),
        }
    }

    fn deal_with(&mut self, at: usize, what: Happening) {
        match what {
            Happening::Packet { birth, bytes } => self.forward(at, birth, bytes),
            Happening::Loopback(bytes) => self.deliver(at, bytes),
            Happening::Due { socket, generation } => self.socket_due(at, socket, generation),
            Happening::Touched { socket } => self.poll_tcp(at, socket, None),
        }
    }

    pub(crate) fn pause(&mut self, id: NodeId) -> Result<(), Error> {
        let node = self.node_mut(id).ok_or(Error::UnknownNode(id.0))?;
        if !node.powered {
            return Err(Error::NoPower(node.name.to_string()));
        }
        if node.paused.is_none() {
            self.interrupt_flights(Change::Forwarding(id));
            self.nodes[id.0 as usize].paused = Some(Vec::new());
            self.emit_sim(Some(id), &SimEvent::Paused);
        }
        Ok(())
    }

    /// All that waited happens, in the order in which it came.
    pub(crate) fn resume(&mut self, id: NodeId) -> Result<(), Error> {
        let node = self.node_mut(id).ok_or(Error::UnknownNode(id.0))?;
        let Some(waiting) = node.paused.take() else { return Ok(()) };
        self.interrupt_flights(Change::Forwarding(id));
        self.emit_sim(Some(id), &SimEvent::Resumed);
        let at = id.0 as usize;
        for what in waiting {
            if let Happening::Due { socket, generation } = what {
                self.tcp_overdue(at, socket, generation);
            }
            self.deal_with(at, what);
        }
        Ok(())
    }
}

fn is_full(waiting: &[Happening]) -> bool {
    waiting.iter().filter(|what| matches!(what, Happening::Packet { .. })).count() == RING
}
