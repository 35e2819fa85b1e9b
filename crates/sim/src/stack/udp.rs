//! Datagram sockets. The queue holds the packets themselves; a read copies the payload out.

use crate::node::DropCause;
use crate::packet::{self, Bytes, Complaint, Flow};
use crate::stack::{Demux, Slab, here_if_unspecified};
use crate::watch::Waiters;
use crate::world::World;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Bytes of packets that a socket queues before it drops, as Linux's default receive buffer.
const QUEUE_BYTES_MAX: usize = 212_992;

/// "Message too long", by Linux's number: `io::ErrorKind` has no name for it.
const EMSGSIZE: i32 = 90;

#[derive(Default)]
pub(crate) struct Udp {
    sockets: Slab<UdpEnd>,
    bound: Demux<SocketAddr>,
}

/// One datagram socket.
pub(crate) struct UdpEnd {
    pub(crate) local: SocketAddr,
    pub(crate) peer: Option<SocketAddr>,
    /// The time to live of what it sends over IPv4.
    pub(crate) ttl: u8,
    queue: VecDeque<(Flow, Bytes)>,
    queued_bytes: usize,
    refused: bool,
    readers: Waiters,
}

/// A datagram as its reader sees it.
pub(crate) struct Datagram {
    pub(crate) length: usize,
    pub(crate) peer: SocketAddr,
    pub(crate) local: IpAddr,
}

impl Datagram {
    fn read(flow: &Flow, bytes: &[u8], buffer: &mut [u8]) -> Self {
        let payload = packet::udp_payload(bytes).unwrap_or_default();
        let length = payload.len().min(buffer.len());
        buffer[..length].copy_from_slice(&payload[..length]);
        Datagram { length, peer: flow.source, local: flow.destination.ip() }
    }
}

impl Udp {
    pub(crate) fn get(&mut self, index: u32, generation: u32) -> Option<&mut UdpEnd> {
        let current = self.sockets.generation(index) == generation;
        self.sockets.get_mut(index).filter(|_| current)
    }

    /// A port is taken by an equal address, and by or against the wildcard of the same family.
    fn taken(&self, local: SocketAddr) -> bool {
        self.bound.contains_key(&local)
            || self.bound.contains_key(&SocketAddr::new(wildcard(local.ip()), local.port()))
            || (local.ip().is_unspecified() && self.anyone_on(local))
    }

    fn anyone_on(&self, local: SocketAddr) -> bool {
        let same = |end: &UdpEnd| end.local.port() == local.port() && end.local.is_ipv4() == local.is_ipv4();
        (0..self.sockets.slots.len() as u32).filter_map(|index| self.sockets.get(index)).any(same)
    }

    fn find(&self, flow: &Flow) -> Option<u32> {
        let to = flow.destination;
        let wildcard = || SocketAddr::new(wildcard(to.ip()), to.port());
        self.bound.get(&to).or_else(|| self.bound.get(&wildcard())).copied()
    }

    pub(crate) fn count(&self) -> usize {
        self.sockets.len()
    }
}

pub(crate) fn wildcard(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}

impl UdpEnd {
    /// The next datagram's payload into `buffer`; what does not fit is lost, as on Linux. The packet comes back.
    fn read(&mut self, buffer: &mut [u8]) -> Option<(Datagram, Bytes)> {
        let (flow, bytes) = self.queue.pop_front()?;
        self.queued_bytes -= bytes.len();
        Some((Datagram::read(&flow, &bytes, buffer), bytes))
    }

    /// As [`UdpEnd::read`], and the datagram stays.
    fn peek(&self, buffer: &mut [u8]) -> Option<Datagram> {
        self.queue.front().map(|(flow, bytes)| Datagram::read(flow, bytes, buffer))
    }

    /// Whether a read would not wait.
    pub(crate) fn is_readable(&self) -> bool {
        self.refused || !self.queue.is_empty()
    }

    /// A connected peer refused an earlier datagram; told once.
    fn take_refusal(&mut self) -> Option<io::Error> {
        std::mem::take(&mut self.refused).then(|| io::ErrorKind::ConnectionRefused.into())
    }

    pub(crate) fn readers(&mut self) -> &mut Waiters {
        &mut self.readers
    }
}

impl World {
    /// Binds a datagram socket; port 0 asks for an ephemeral one. Gives its number and generation.
    pub(crate) fn udp_bind(&mut self, at: usize, mut local: SocketAddr) -> io::Result<(u32, u32)> {
        let node = &mut self.nodes[at];
        if !local.ip().is_unspecified() && !node.owns(local.ip()) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if local.port() == 0 {
            let taken = |stack: &super::Stack, port| stack.udp.taken(SocketAddr::new(local.ip(), port));
            let port = node.stack.ephemeral(taken)?;
            local.set_port(port);
        }
        let udp = &mut node.stack.udp;
        if udp.taken(local) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let end = UdpEnd {
            local,
            peer: None,
            ttl: packet::HOP_LIMIT,
            queue: VecDeque::new(),
            queued_bytes: 0,
            refused: false,
            readers: Waiters::default(),
        };
        let (index, generation) = udp.sockets.insert(end);
        udp.bound.insert(local, index);
        Ok((index, generation))
    }

    /// Fixes the peer, and the address to talk from where that was left open.
    pub(crate) fn udp_connect(&mut self, at: usize, index: u32, to: SocketAddr) -> io::Result<()> {
        let end = self.nodes[at].stack.udp.sockets.get(index).ok_or(io::ErrorKind::NotConnected)?;
        let bound = end.local;
        let (local, peer, _) = self.udp_ends(at, bound, None, to)?;
        let udp = &mut self.nodes[at].stack.udp;
        udp.bound.remove(&bound);
        udp.bound.insert(local, index);
        if let Some(end) = udp.sockets.get_mut(index) {
            (end.local, end.peer) = (local, Some(peer));
        }
        Ok(())
    }

    /// The addresses of a datagram from a socket bound to `bound`, and what the forwarding table says about it.
    fn udp_ends(
        &mut self,
        at: usize,
        bound: SocketAddr,
        from: Option<IpAddr>,
        to: SocketAddr,
    ) -> io::Result<(SocketAddr, SocketAddr, u32)> {
        if to.is_ipv4() != bound.is_ipv4() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an address of another family"));
        }
        let to = SocketAddr::new(here_if_unspecified(to.ip()), to.port());
        let source = self.source_for(at, from.or(Some(bound.ip())), to.ip())?;
        let known = self.nodes[at].route_to(to.ip())?;
        Ok((SocketAddr::new(source, bound.port()), to, known))
    }

    /// Closes a socket. What it held comes back, to be dropped outside the world.
    pub(crate) fn udp_close(&mut self, at: usize, index: u32) -> Option<UdpEnd> {
        let udp = &mut self.nodes[at].stack.udp;
        let end = udp.sockets.remove(index)?;
        udp.bound.remove(&end.local);
        Some(end)
    }

    /// The next datagram, an error, or none: wait.
    pub(crate) fn udp_read(
        &mut self,
        at: usize,
        index: u32,
        buffer: &mut [u8],
    ) -> Option<io::Result<Datagram>> {
        let end = self.nodes[at].stack.udp.sockets.get_mut(index)?;
        if let Some(refusal) = end.take_refusal() {
            return Some(Err(refusal));
        }
        let (datagram, bytes) = end.read(buffer)?;
        self.wire.recycle(bytes);
        Some(Ok(datagram))
    }

    /// As [`World::udp_read`], and the datagram stays.
    pub(crate) fn udp_peek(
        &mut self,
        at: usize,
        index: u32,
        buffer: &mut [u8],
    ) -> Option<io::Result<Datagram>> {
        let end = self.nodes[at].stack.udp.sockets.get_mut(index)?;
        end.take_refusal().map(Err).or_else(|| end.peek(buffer).map(Ok))
    }

    /// Sends one datagram, to the socket's peer unless told otherwise. It is never fragmented.
    pub(crate) fn udp_send(
        &mut self,
        at: usize,
        index: u32,
        from: Option<IpAddr>,
        to: Option<SocketAddr>,
        payload: &[u8],
    ) -> io::Result<usize> {
        let end = self.nodes[at].stack.udp.sockets.get_mut(index).ok_or(io::ErrorKind::NotConnected)?;
        if let Some(refusal) = end.take_refusal() {
            return Err(refusal);
        }
        let to = to.or(end.peer).ok_or(io::ErrorKind::NotConnected)?;
        let (bound, ttl) = (end.local, if to.is_ipv4() { end.ttl } else { packet::HOP_LIMIT });
        if payload.len() > packet::udp_payload_max(to.is_ipv4()) {
            return Err(io::Error::from_raw_os_error(EMSGSIZE));
        }
        if to.port() == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no datagram goes to port 0"));
        }
        let (local, to, known) = self.udp_ends(at, bound, from, to)?;
        let length = packet::udp_len(to.is_ipv4(), payload.len());
        if length > self.least_mtu && self.path_mtu(at, known, to.ip()).is_some_and(|mtu| length > mtu.into())
        {
            return Err(io::Error::from_raw_os_error(EMSGSIZE));
        }
        let bytes = packet::udp(self.wire.buffer(), local, to, ttl, payload);
        if let Err(bytes) = self.send_by(at, known, bytes) {
            self.discard(at, DropCause::NoRoute, bytes);
        }
        Ok(payload.len())
    }

    pub(crate) fn deliver_udp(&mut self, at: usize, flow: Flow, bytes: Bytes) {
        let udp = &mut self.nodes[at].stack.udp;
        let accepts = |end: &&mut UdpEnd| end.peer.is_none_or(|peer| peer == flow.source);
        let found = udp.find(&flow);
        let Some(end) = found.and_then(|index| udp.sockets.get_mut(index)).filter(accepts) else {
            self.complain(at, flow.destination.ip(), Complaint::PortUnreachable, &bytes);
            return self.wire.recycle(bytes);
        };
        if end.queued_bytes + bytes.len() > QUEUE_BYTES_MAX {
            return self.discard(at, DropCause::QueueFull, bytes);
        }
        end.queued_bytes += bytes.len();
        end.queue.push_back((flow, bytes));
        end.readers.wake(&mut self.wakes);
    }

    /// Port unreachable: connected sockets are told, others are not (as on Linux).
    pub(crate) fn udp_refused(&mut self, at: usize, flow: Flow) {
        let udp = &mut self.nodes[at].stack.udp;
        let ours = Flow { source: flow.destination, destination: flow.source, protocol: flow.protocol };
        let found = udp.find(&ours);
        if let Some(end) = found.and_then(|index| udp.sockets.get_mut(index))
            && end.peer == Some(flow.destination)
        {
            end.refused = true;
            end.readers.wake(&mut self.wakes);
        }
    }
}
