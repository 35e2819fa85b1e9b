//! A node's TCP/IP stack: smoltcp's TCP behind a demultiplexer of our own, UDP and ICMP built on smoltcp's wire
//! formats.
//!
//! smoltcp walks all sockets of a set for each packet. Here every socket has a set of its own, found by its four
//! addresses, and only the socket concerned is polled. The interface owns no address: any-IP makes it accept
//! what the fabric delivers.
//!
//! - `tcp`: connections: finding them, polling them, their timers
//! - `connection`: one of them, and what Linux would say when it fails
//! - `listen`: listening ports: one smoltcp socket per SYN, so that bursts are never refused
//! - `rest`: TIME-WAIT
//! - `udp`: datagram sockets
//! - `echo`: ICMP echo, asked and answered
//! - `mtu`: how large packets may be

pub(crate) mod connection;
pub(crate) mod echo;
pub(crate) mod listen;
pub(crate) mod mtu;
mod rest;
pub(crate) mod tcp;
pub(crate) mod udp;

use crate::fib::Exit;
use crate::hash::{LookupMap, mix};
use crate::node::{DropCause, Node};
use crate::packet::{self, Bytes, Complaint};
use crate::stack::echo::Echoes;
use crate::stack::listen::Listeners;
use crate::stack::mtu::{Interfaces, Paths};
use crate::stack::tcp::Tcp;
use crate::stack::udp::Udp;
use crate::world::World;
use smoltcp::iface::SocketSet;
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Empty packet buffers kept for the next packets.
const POOL_MAX: usize = 1024;
/// Buffers larger than this are not worth keeping: with it jumbo frames are.
const POOL_BYTES_MAX: usize = 16 * 1024;
/// The first ephemeral port (RFC 6335 section 6).
const EPHEMERAL: u16 = 49_152;

/// The device that all stacks share: one packet in, some out, and a pool of buffers.
#[derive(Default)]
pub(crate) struct Wire {
    /// That of the next interface to be made.
    mtu: usize,
    pub(crate) incoming: Option<Bytes>,
    /// The incoming packet once it was read.
    spent: Option<Bytes>,
    pub(crate) outgoing: Vec<Bytes>,
    pool: Vec<Bytes>,
}

impl Wire {
    pub(crate) fn buffer(&mut self) -> Bytes {
        self.pool.pop().unwrap_or_default()
    }

    pub(crate) fn recycle(&mut self, bytes: Bytes) {
        if self.pool.len() < POOL_MAX && bytes.capacity() <= POOL_BYTES_MAX {
            self.pool.push(bytes);
        }
    }

    /// Keeps the buffer of a packet that was read, or that nobody read.
    pub(crate) fn recycle_incoming(&mut self) {
        let left = [self.incoming.take(), self.spent.take()];
        left.into_iter().flatten().for_each(|bytes| self.recycle(bytes));
    }
}

pub(crate) struct Incoming<'a> {
    bytes: Bytes,
    spent: &'a mut Option<Bytes>,
}

impl RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(&self.bytes);
        *self.spent = Some(self.bytes);
        result
    }
}

pub(crate) struct Outgoing<'a> {
    outgoing: &'a mut Vec<Bytes>,
    pool: &'a mut Vec<Bytes>,
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut bytes = self.pool.pop().unwrap_or_default();
        bytes.clear();
        bytes.resize(length, 0);
        let result = write(&mut bytes);
        self.outgoing.push(bytes);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Incoming<'a>;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        let bytes = self.incoming.take()?;
        let incoming = Incoming { bytes, spent: &mut self.spent };
        Some((incoming, Outgoing { outgoing: &mut self.outgoing, pool: &mut self.pool }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing { outgoing: &mut self.outgoing, pool: &mut self.pool })
    }

    /// Checksums are real on the wire. Whether they are right is asked before, and only where a bit may have flipped.
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        let checksum = &mut capabilities.checksum;
        for protocol in [&mut checksum.ipv4, &mut checksum.tcp, &mut checksum.udp, &mut checksum.icmpv4] {
            *protocol = Checksum::Tx;
        }
        checksum.icmpv6 = Checksum::Tx;
        capabilities
    }
}

pub(crate) struct Stack {
    pub(crate) interfaces: Interfaces,
    paths: Paths,
    pub(crate) tcp: Tcp,
    pub(crate) listeners: Listeners,
    pub(crate) udp: Udp,
    pub(crate) echoes: Echoes,
    nobody: SocketSet<'static>,
    next_port: u16,
}

impl Stack {
    pub(crate) fn new(wire: &mut Wire, seed: u64, now_ns: u64) -> Self {
        let spread = u64::from(u16::MAX - EPHEMERAL) + 1;
        let next_port = EPHEMERAL + (mix(seed) % spread) as u16;
        Stack {
            interfaces: Interfaces::new(wire, seed, now_ns),
            paths: Paths::default(),
            tcp: Tcp::default(),
            listeners: Listeners::default(),
            udp: Udp::default(),
            echoes: Echoes::default(),
            nobody: SocketSet::new(Vec::new()),
            next_port,
        }
    }

    /// The next ephemeral port that is not `taken`.
    ///
    /// # Errors
    /// `AddrInUse` when all are.
    pub(crate) fn ephemeral(&mut self, taken: impl Fn(&Stack, u16) -> bool) -> io::Result<u16> {
        for _ in EPHEMERAL..=u16::MAX {
            let port = self.next_port;
            self.next_port = if port == u16::MAX { EPHEMERAL } else { port + 1 };
            if !taken(self, port) {
                return Ok(port);
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }
}

/// smoltcp counts microseconds.
pub(crate) fn instant(ns: u64) -> Instant {
    Instant::from_micros((ns / 1000) as i64)
}

/// Sockets by number. A slot's generation tells its present tenant from earlier ones.
pub(crate) struct Slab<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// The number and generation of the new tenant.
    pub(crate) fn insert(&mut self, value: T) -> (u32, u32) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() as u32 - 1
        });
        let (generation, slot) = &mut self.slots[index as usize];
        *generation = generation.wrapping_add(1);
        *slot = Some(value);
        (index, *generation)
    }

    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        self.slots.get(index as usize)?.1.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slots.get_mut(index as usize)?.1.as_mut()
    }

    pub(crate) fn generation(&self, index: u32) -> u32 {
        self.slots.get(index as usize).map_or(0, |slot| slot.0)
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let value = self.slots.get_mut(index as usize)?.1.take();
        if value.is_some() {
            self.free.push(index);
        }
        value
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

/// Sockets by the addresses they talk between.
pub(crate) type Demux<K, V = u32> = LookupMap<K, V>;

impl World {
    /// A packet reached the node that owns its destination.
    pub(crate) fn deliver(&mut self, at: usize, bytes: Bytes) {
        let Some(flow) = packet::flow(&bytes) else {
            return self.discard(at, DropCause::Malformed, bytes);
        };
        match flow.protocol {
            packet::TCP => self.deliver_tcp(at, flow, bytes),
            packet::UDP => self.deliver_udp(at, flow, bytes),
            _ => self.deliver_other(at, bytes),
        }
    }

    /// ICMP errors go to the socket that they are about.
    fn deliver_other(&mut self, at: usize, bytes: Bytes) {
        match packet::complaint(&bytes) {
            Some((complaint, flow)) => {
                match (flow.protocol, complaint) {
                    (_, Complaint::TooBig { mtu }) => self.learn_path_mtu(at, flow, mtu),
                    (packet::ICMP_V4 | packet::ICMP_V6, _) => self.echo_complaint(at, complaint, &bytes),
                    (packet::TCP, _) => self.tcp_complaint(at, flow, complaint),
                    (packet::UDP, Complaint::PortUnreachable) => self.udp_refused(at, flow),
                    _ => {}
                }
                self.wire.recycle(bytes);
            }
            None => self.deliver_echo(at, bytes),
        }
    }

    /// A packet that no socket wants: smoltcp answers a segment with RST.
    pub(crate) fn poll_nobody(&mut self, at: usize, bytes: Bytes) {
        self.wire.incoming = Some(bytes);
        let stack = &mut self.nodes[at].stack;
        stack.interfaces.usual().poll(instant(self.now), &mut self.wire, &mut stack.nobody);
        self.wire.recycle_incoming();
        self.flush_wire(at);
    }

    /// Sends what smoltcp put on the wire. Without a route it is lost, as on a host whose route has gone.
    pub(crate) fn flush_wire(&mut self, at: usize) {
        if self.wire.outgoing.is_empty() {
            return;
        }
        let mut outgoing = std::mem::take(&mut self.wire.outgoing);
        for bytes in outgoing.drain(..) {
            if let Err(bytes) = self.send(at, bytes) {
                self.discard(at, DropCause::NoRoute, bytes);
            }
        }
        self.wire.outgoing = outgoing;
    }

    /// The source address of what `at` sends to `to`, unless `asked` names one.
    ///
    /// # Errors
    /// `AddrNotAvailable` for an address that is not the node's, or of another family; `InvalidInput` for a loopback
    /// address that would leave the node; `NetworkUnreachable` when the node has no address of the family.
    pub(crate) fn source_for(&self, at: usize, asked: Option<IpAddr>, to: IpAddr) -> io::Result<IpAddr> {
        let node = &self.nodes[at];
        match asked.filter(|address| !address.is_unspecified()) {
            Some(address) if !node.owns(address) || address.is_ipv4() != to.is_ipv4() => {
                Err(io::ErrorKind::AddrNotAvailable.into())
            }
            Some(address) if address.is_loopback() && !node.owns(to) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "a loopback address never leaves its host"))
            }
            Some(address) => Ok(address),
            None if to.is_loopback() => Ok(loopback(to)),
            None if node.owns(to) => Ok(to),
            None => node.primary(to.is_ipv6()).ok_or_else(|| io::ErrorKind::NetworkUnreachable.into()),
        }
    }
}

impl Node {
    /// What the forwarding table knows about `to`, if packets of the node's own may go there.
    ///
    /// # Errors
    /// `NetworkUnreachable` without a route; `InvalidInput` where the node itself discards (Linux: `EINVAL` for a
    /// blackhole route).
    fn route_to(&mut self, to: IpAddr) -> io::Result<u32> {
        let known = self.find(to);
        match self.fib.exit(known) {
            Exit::NoRoute => Err(io::ErrorKind::NetworkUnreachable.into()),
            Exit::Discard => Err(io::Error::new(io::ErrorKind::InvalidInput, "a discard route of this host")),
            Exit::Local | Exit::Port(_) | Exit::Spread(_) => Ok(known),
        }
    }
}

/// Linux takes the unspecified address, as a destination, for this host.
fn here_if_unspecified(to: IpAddr) -> IpAddr {
    if to.is_unspecified() { loopback(to) } else { to }
}

fn loopback(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}
