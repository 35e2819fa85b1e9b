//! A node: a machine with addresses, ports, a stack, a forwarding table, a disk and a clock.

use crate::clock::Clock;
use crate::disk::Disk;
use crate::fabric::Port;
use crate::fib::{Exit, Fib};
use crate::hash::fold;
use crate::pause::Happening;
use crate::stack::Stack;
use crate::watch::Changes;
use crate::world::World;
use crate::{Error, Map, draw, packet};
use std::net::IpAddr;
use std::rc::Rc;

/// The number of a node, given in the order of [`Sim::add_node`](crate::Sim::add_node).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// What a node is; see [`Sim::add_node`](crate::Sim::add_node).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeSpec {
    /// Unique; draws and records are keyed by it.
    pub name: String,
    /// Every address it owns. The first of each family is its primary one: the source of what it sends, and what
    /// its neighbours have a route for. Several nodes may own one address (anycast).
    pub addresses: Vec<IpAddr>,
    /// Whether it forwards packets of others: a router.
    pub forwards: bool,
}

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropCause {
    /// No route to its destination.
    NoRoute,
    /// A discard route.
    Discard,
    /// Its time to live ran out.
    TtlExpired,
    /// The link went down while the packet was on it, or before it left.
    LinkDown,
    /// The link is cut in this direction.
    Blocked,
    /// Lost on the link by chance.
    Loss,
    /// It reached a machine that is not its destination and does not forward.
    NotForwarding,
    /// The receiver's queue was full.
    QueueFull,
    /// Not a packet that a machine can make sense of, or from or to an address that must not be on a link.
    Malformed,
    /// The queue before the link was full.
    TailDrop,
    /// Larger than the link's MTU.
    TooBig,
    /// A bit flipped on a link, and a checksum found it.
    Corrupted,
}

const CAUSES: usize = 12;

pub(crate) struct Node {
    pub(crate) name: Rc<str>,
    /// A stable hash of the name.
    pub(crate) salt: u64,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) forwards: bool,
    pub(crate) powered: bool,
    /// What happened to it since it was paused; none: it is not.
    pub(crate) paused: Option<Vec<Happening>>,
    pub(crate) booted: bool,
    /// Counts losses of power; handles of an earlier epoch are dead.
    pub(crate) epoch: u32,
    pub(crate) program: Option<Rc<dyn Fn()>>,
    pub(crate) ports: Vec<Port>,
    pub(crate) fib: Fib,
    pub(crate) stack: Stack,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    pub(crate) fib_changes: Changes,
    pub(crate) link_changes: Changes,
    /// How often each stream of draws was opened.
    pub(crate) streams: Map<String, u64>,
    drops: [u64; CAUSES],
}

impl Node {
    pub(crate) fn primary(&self, v6: bool) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| address.is_ipv6() == v6)
    }

    /// The primary address of each family.
    pub(crate) fn primaries(&self) -> impl Iterator<Item = IpAddr> + use<> {
        [self.primary(false), self.primary(true)].into_iter().flatten()
    }

    /// Whether it forwards packets of others, and does so now.
    pub(crate) fn passes_on(&self) -> bool {
        self.forwards && self.paused.is_none()
    }

    pub(crate) fn owns(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.addresses.contains(&address)
    }

    /// What the forwarding table says about a destination; see [`Fib::find`].
    pub(crate) fn find(&mut self, address: IpAddr) -> u32 {
        let addresses = &self.addresses;
        self.fib.find(address, || address.is_loopback() || addresses.contains(&address))
    }

    pub(crate) fn exit(&mut self, address: IpAddr) -> Exit {
        let known = self.find(address);
        self.fib.exit(known)
    }

    /// The port that a packet's flow takes out of several.
    pub(crate) fn spread(&self, index: u32, bytes: &[u8]) -> u16 {
        self.fib.spread(index, packet::flow_hash(bytes, self.salt))
    }

    pub(crate) fn count_drop(&mut self, cause: DropCause) {
        self.drops[cause as usize] += 1;
    }

    pub(crate) fn drops(&self, cause: DropCause) -> u64 {
        self.drops[cause as usize]
    }
}

impl World {
    pub(crate) fn add_node(&mut self, spec: NodeSpec) -> Result<NodeId, Error> {
        self.check_node(&spec)?;
        let id = NodeId(self.nodes.len() as u32);
        let salt = draw::key(self.config.seed, &spec.name);
        let stack = self.new_stack(salt, 0);
        let disk = Disk::of_host(self.config.seed, &spec.name);
        self.names.insert(spec.name.clone(), id);
        self.nodes.push(Node {
            name: Rc::from(spec.name),
            salt,
            addresses: spec.addresses,
            forwards: spec.forwards,
            powered: true,
            paused: None,
            booted: false,
            epoch: 0,
            program: None,
            ports: Vec::new(),
            fib: Fib::default(),
            stack,
            disk,
            clock: Clock::default(),
            fib_changes: Changes::default(),
            link_changes: Changes::default(),
            streams: Map::new(),
            drops: [0; CAUSES],
        });
        Ok(id)
    }

    fn check_node(&self, spec: &NodeSpec) -> Result<(), Error> {
        if spec.name.is_empty() {
            return Err(Error::EmptyName);
        }
        if self.names.contains_key(&spec.name) {
            return Err(Error::DuplicateNode(spec.name.clone()));
        }
        match spec.addresses.iter().find(|address| !is_unicast(**address)) {
            Some(&address) => Err(Error::BadAddress { node: spec.name.clone(), address }),
            None => Ok(()),
        }
    }

    /// A fresh stack, as after a boot: initial sequence numbers and ports are the node's own draws.
    pub(crate) fn new_stack(&mut self, salt: u64, epoch: u32) -> Stack {
        Stack::new(fold(salt, u64::from(epoch)))
    }
}

fn is_unicast(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback() || broadcast)
}
