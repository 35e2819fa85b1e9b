//! A node's TCP/IP stack: sockets, found by the addresses they talk between. What TCP itself does stands in `tcb`.
//!
//! - `tcp`: connections: finding them, polling them, their timers
//! - `connection`: one of them, and what Linux would say when it fails
//! - `listen`: listening ports: one socket per SYN, so that bursts are never refused
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
use crate::stack::mtu::Paths;
use crate::stack::tcp::Tcp;
use crate::stack::udp::Udp;
use crate::tcb::segment::{self, Head};
use crate::world::World;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Empty packet buffers kept for the next packets.
const POOL_MAX: usize = 1024;
/// Buffers larger than this are not worth keeping: with it jumbo frames are.
const POOL_BYTES_MAX: usize = 16 * 1024;
/// The first ephemeral port (RFC 6335 section 6).
const EPHEMERAL: u16 = 49_152;

/// What leaves a node now, and a pool of buffers.
#[derive(Default)]
pub(crate) struct Wire {
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

    /// Puts a segment on the wire, from the first end to the second.
    fn write(
        &mut self,
        ends: (SocketAddr, SocketAddr),
        ttl: u8,
        head: &Head,
        length: usize,
        fill: impl FnOnce(&mut [u8]),
    ) {
        let mut bytes = self.buffer();
        segment::write(&mut bytes, ends, ttl, head, length, fill);
        self.outgoing.push(bytes);
    }
}

pub(crate) struct Stack {
    paths: Paths,
    pub(crate) tcp: Tcp,
    pub(crate) listeners: Listeners,
    pub(crate) udp: Udp,
    pub(crate) echoes: Echoes,
    next_port: u16,
}

impl Stack {
    pub(crate) fn new(seed: u64) -> Self {
        let spread = u64::from(u16::MAX - EPHEMERAL) + 1;
        let next_port = EPHEMERAL + (mix(seed) % spread) as u16;
        Stack {
            paths: Paths::default(),
            tcp: Tcp::new(seed),
            listeners: Listeners::default(),
            udp: Udp::default(),
            echoes: Echoes::default(),
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

    /// Sends what was put on the wire. Without a route it is lost, as on a host whose route has gone.
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
