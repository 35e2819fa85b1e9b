//! Listening ports and their queues of connections to accept.

use crate::stack::Slab;
use crate::stack::udp::wildcard;
use crate::watch::Waiters;
use crate::world::World;
use crate::{Map, stack};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::Waker;

/// Connections that may wait to be accepted; SYNs beyond are dropped (Linux: `somaxconn`).
const BACKLOG_MAX: usize = 4096;

/// The listener that a half-open connection belongs to: number and generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backlog {
    index: u32,
    generation: u32,
}

#[derive(Default)]
pub(crate) struct Listeners {
    slots: Slab<Listener>,
    bound: Map<SocketAddr, u32>,
}

pub(crate) struct Listener {
    pub(crate) local: SocketAddr,
    queue: VecDeque<u32>,
    acceptors: Waiters,
}

impl Listeners {
    pub(crate) fn get(&mut self, index: u32, generation: u32) -> Option<&mut Listener> {
        let current = self.slots.generation(index) == generation;
        self.slots.get_mut(index).filter(|_| current)
    }

    pub(crate) fn count(&self) -> usize {
        self.slots.len()
    }

    /// Whether something listens on exactly this address or on its wildcard.
    pub(crate) fn has(&self, local: SocketAddr) -> bool {
        self.find(local).is_some()
    }

    fn find(&self, local: SocketAddr) -> Option<u32> {
        let everywhere = SocketAddr::new(wildcard(local.ip()), local.port());
        self.bound.get(&local).or_else(|| self.bound.get(&everywhere)).copied()
    }

    /// The listener for a SYN to `local`; `Some(None)` when its queue is full.
    pub(crate) fn admit(&self, local: SocketAddr) -> Option<Option<Backlog>> {
        let index = self.find(local)?;
        let room = self.slots.get(index)?.queue.len() < BACKLOG_MAX;
        Some(room.then(|| Backlog { index, generation: self.slots.generation(index) }))
    }

    /// Queues an established connection. False when the listener has gone.
    pub(crate) fn push(&mut self, backlog: Backlog, connection: u32, wakes: &mut Vec<Waker>) -> bool {
        let Some(listener) = self.get(backlog.index, backlog.generation) else { return false };
        listener.queue.push_back(connection);
        listener.acceptors.wake(wakes);
        true
    }

    /// A port is taken by an equal address, and by or against the wildcard of the same family.
    fn taken(&self, local: SocketAddr) -> bool {
        let same = |other: &SocketAddr| other.port() == local.port() && other.is_ipv4() == local.is_ipv4();
        self.has(local) || (local.ip().is_unspecified() && self.bound.keys().any(same))
    }
}

impl Listener {
    pub(crate) fn acceptors(&mut self) -> &mut Waiters {
        &mut self.acceptors
    }

    pub(crate) fn pop(&mut self) -> Option<u32> {
        self.queue.pop_front()
    }
}

impl World {
    /// Binds a listening port; port 0 asks for an ephemeral one. Gives its number and generation.
    pub(crate) fn tcp_listen(&mut self, at: usize, mut local: SocketAddr) -> io::Result<(u32, u32)> {
        let node = &mut self.nodes[at];
        if !local.ip().is_unspecified() && !node.owns(local.ip()) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if local.port() == 0 {
            let taken = |stack: &stack::Stack, port| stack.listeners.taken(SocketAddr::new(local.ip(), port));
            let port = node.stack.ephemeral(taken)?;
            local.set_port(port);
        }
        let listeners = &mut node.stack.listeners;
        if listeners.taken(local) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let listener = Listener { local, queue: VecDeque::new(), acceptors: Waiters::default() };
        let (index, generation) = listeners.slots.insert(listener);
        listeners.bound.insert(local, index);
        Ok((index, generation))
    }

    /// Closes a listening port and resets what was not accepted. What must be dropped outside the world comes back.
    pub(crate) fn tcp_unlisten(&mut self, at: usize, index: u32) -> Option<Listener> {
        let listeners = &mut self.nodes[at].stack.listeners;
        let mut listener = listeners.slots.remove(index)?;
        listeners.bound.remove(&listener.local);
        while let Some(connection) = listener.pop() {
            self.tcp_abort(at, connection);
        }
        Some(listener)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(addresses: &[&str]) -> Listeners {
        let mut listeners = Listeners::default();
        for address in addresses {
            let local = address.parse().unwrap();
            let listener = Listener { local, queue: VecDeque::new(), acceptors: Waiters::default() };
            let (index, _) = listeners.slots.insert(listener);
            listeners.bound.insert(local, index);
        }
        listeners
    }

    #[test]
    fn a_listener_answers_for_its_address_and_a_wildcard_for_its_family() {
        let listeners = listening(&["10.0.0.1:80", "0.0.0.0:81", "[::]:81"]);
        let cases = [
            ("10.0.0.1:80", Some(0)),
            ("10.0.0.2:80", None),
            ("10.0.0.2:81", Some(1)),
            ("[2001:db8::1]:81", Some(2)),
            ("[2001:db8::1]:80", None),
        ];
        for (address, expected) in cases {
            assert_eq!(listeners.find(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_port_is_taken_by_and_against_the_wildcard() {
        let listeners = listening(&["10.0.0.1:80", "0.0.0.0:81"]);
        let taken = ["10.0.0.1:80", "0.0.0.0:80", "10.0.0.1:81", "0.0.0.0:81"];
        assert!(taken.iter().all(|address| listeners.taken(address.parse().unwrap())));
        let free = ["10.0.0.2:80", "[::]:80", "10.0.0.1:82", "[::]:81"];
        assert!(!free.iter().any(|address| listeners.taken(address.parse().unwrap())));
    }

    #[test]
    fn a_full_queue_admits_nobody_and_a_new_listener_takes_nothing_over() {
        let mut listeners = listening(&["10.0.0.1:80"]);
        let local = "10.0.0.1:80".parse().unwrap();
        let backlog = listeners.admit(local).unwrap().unwrap();
        for connection in 0..BACKLOG_MAX as u32 {
            assert!(listeners.push(backlog, connection, &mut Vec::new()));
        }
        assert_eq!(listeners.admit(local), Some(None));
        listeners.slots.remove(0);
        listeners.slots.insert(Listener { local, queue: VecDeque::new(), acceptors: Waiters::default() });
        assert!(!listeners.push(backlog, 7, &mut Vec::new()), "its listener has gone");
    }
}
