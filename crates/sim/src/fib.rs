//! The forwarding table of a node: routes of several protocols, and what they come down to for one address.
//!
//! Look-ups take the longest prefix whose route resolves; within a prefix the lowest administrative distance.
//! Next hops resolve recursively until a connected neighbour; a route whose next hops do not resolve is passed
//! over, as a router keeps it out of its forwarding table. The answers are cached until anything changes.

use crate::hash::LookupMap;
use crate::node::NodeId;
use crate::watch::Watch;
use crate::{exec, world};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use std::net::IpAddr;

/// How many next hops may stand between a route and a port.
const DEPTH_MAX: u32 = 8;
/// Cached answers, above which the cache starts afresh.
const CACHE_MAX: usize = 65_536;

/// Who installed a route. The order is that of the administrative distance: the lower is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// A neighbour on a link (0). The engine keeps these itself.
    Connected,
    /// Configured by hand (1). Survives a loss of power.
    Static,
    /// Learnt by external BGP (20).
    Ebgp,
    /// Learnt by the IGP (110).
    Igp,
    /// Learnt by internal BGP (200).
    Ibgp,
}

impl Protocol {
    /// The administrative distance: the lower is preferred.
    pub const fn distance(self) -> u8 {
        match self {
            Protocol::Connected => 0,
            Protocol::Static => 1,
            Protocol::Ebgp => 20,
            Protocol::Igp => 110,
            Protocol::Ibgp => 200,
        }
    }
}

/// Where packets of a prefix go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To one of these next hops, each resolved in turn through the table.
    Via(Vec<IpAddr>),
    /// Nowhere, silently.
    Discard,
}

/// The route that a look-up found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution {
    /// Who installed it.
    pub protocol: Protocol,
    /// The protocol's own metric.
    pub metric: u32,
    /// The longest prefix that matched.
    pub prefix: IpNet,
}

/// Installs a route on the current node, replacing what `protocol` had for `prefix`. Host bits are cleared.
pub fn install(protocol: Protocol, prefix: IpNet, target: Target, metric: u32) {
    if let Some(node) = exec::current_node() {
        world::try_with(|world| world.install_route(node, protocol, prefix, target, metric));
    }
}

/// Removes the current node's route of `protocol` for `prefix`, if there is one.
pub fn remove(protocol: Protocol, prefix: IpNet) {
    if let Some(node) = exec::current_node() {
        world::try_with(|world| world.remove_route(node, protocol, prefix));
    }
}

/// Removes all of the current node's routes of `protocol`.
pub fn clear(protocol: Protocol) {
    if let Some(node) = exec::current_node() {
        world::try_with(|world| world.clear_routes(node, protocol));
    }
}

/// The route that packets from the current node to `address` take. None for the node's own addresses and for
/// those it cannot reach.
pub fn lookup(address: IpAddr) -> Option<Resolution> {
    let node = exec::current_node()?;
    world::try_with(|world| world.node(node)?.fib.lookup(address)).flatten()
}

/// Watches the current node's table from now on.
pub fn watch() -> Watch {
    Watch::fib(exec::current_node())
}

impl world::World {
    pub(crate) fn install_route(
        &mut self,
        node: NodeId,
        protocol: Protocol,
        prefix: IpNet,
        target: Target,
        metric: u32,
    ) {
        let hops = match target {
            Target::Via(addresses) => Hops::Via(addresses),
            Target::Discard => Hops::Discard,
        };
        self.change_fib(node, |fib| fib.insert(prefix, Route { protocol, metric, hops }));
    }

    pub(crate) fn remove_route(&mut self, node: NodeId, protocol: Protocol, prefix: IpNet) {
        self.change_fib(node, |fib| fib.remove(protocol, prefix));
    }

    pub(crate) fn clear_routes(&mut self, node: NodeId, protocol: Protocol) {
        self.change_fib(node, |fib| fib.clear(|other| other == protocol));
    }

    /// Changes a node's table, and tells its watchers if that made a difference.
    pub(crate) fn change_fib(&mut self, node: NodeId, change: impl FnOnce(&mut Fib) -> bool) {
        let Some(entry) = self.nodes.get_mut(node.0 as usize) else { return };
        if change(&mut entry.fib) {
            entry.fib.flush();
            entry.fib_changes.bump(&mut self.wakes);
        }
    }
}

/// What a packet's destination comes down to at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// One of the node's own addresses.
    Local,
    Discard,
    NoRoute,
    Port(u16),
    /// One of several ports, chosen by the packet's flow: an index for [`Fib::spread`].
    Spread(u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hops {
    Ports(Vec<u16>),
    Via(Vec<IpAddr>),
    Discard,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) protocol: Protocol,
    pub(crate) metric: u32,
    pub(crate) hops: Hops,
}

/// All routes of one prefix, the preferred first.
type Routes = Vec<Route>;

#[derive(Default)]
pub(crate) struct Fib {
    v4: PrefixMap<Ipv4Net, Routes>,
    v6: PrefixMap<Ipv6Net, Routes>,
    cache: LookupMap<IpAddr, Exit>,
    spreads: Vec<Vec<u16>>,
}

impl Fib {
    /// True when it made a difference.
    pub(crate) fn insert(&mut self, prefix: IpNet, route: Route) -> bool {
        let routes = match prefix.trunc() {
            IpNet::V4(prefix) => self.v4.entry(prefix).or_default(),
            IpNet::V6(prefix) => self.v6.entry(prefix).or_default(),
        };
        match routes.binary_search_by_key(&route.protocol, |other| other.protocol) {
            Ok(at) if routes[at] == route => false,
            Ok(at) => {
                routes[at] = route;
                true
            }
            Err(at) => {
                routes.insert(at, route);
                true
            }
        }
    }

    pub(crate) fn remove(&mut self, protocol: Protocol, prefix: IpNet) -> bool {
        match prefix.trunc() {
            IpNet::V4(prefix) => remove_from(&mut self.v4, prefix, protocol),
            IpNet::V6(prefix) => remove_from(&mut self.v6, prefix, protocol),
        }
    }

    /// Removes the routes of all protocols that `doomed` picks.
    pub(crate) fn clear(&mut self, doomed: impl Fn(Protocol) -> bool) -> bool {
        let mut any = false;
        let mut sweep = |routes: &mut Routes| {
            let before = routes.len();
            routes.retain(|route| !doomed(route.protocol));
            any |= routes.len() != before;
        };
        self.v4.values_mut().for_each(&mut sweep);
        self.v6.values_mut().for_each(&mut sweep);
        self.v4.retain(|_, routes| !routes.is_empty());
        self.v6.retain(|_, routes| !routes.is_empty());
        any
    }

    /// Forgets the cached answers. Must follow every change.
    pub(crate) fn flush(&mut self) {
        self.cache.clear();
        self.spreads.clear();
    }

    /// Where a packet to `address` leaves the node; `is_local` tells the node's own addresses.
    pub(crate) fn exit(&mut self, address: IpAddr, is_local: impl FnOnce() -> bool) -> Exit {
        if let Some(&exit) = self.cache.get(&address) {
            return exit;
        }
        if self.cache.len() >= CACHE_MAX {
            self.flush();
        }
        let exit = if is_local() { Exit::Local } else { self.resolve_exit(address) };
        self.cache.insert(address, exit);
        exit
    }

    fn resolve_exit(&mut self, address: IpAddr) -> Exit {
        let Some((_, ports)) = self.resolve(address, 0) else { return Exit::NoRoute };
        match ports.as_deref() {
            None => Exit::Discard,
            Some(&[port]) => Exit::Port(port),
            Some(_) => {
                self.spreads.push(ports.unwrap_or_default());
                Exit::Spread(self.spreads.len() as u32 - 1)
            }
        }
    }

    /// One port of a spread; `flow` is a hash of the packet's flow.
    pub(crate) fn spread(&self, index: u32, flow: u64) -> u16 {
        let ports = &self.spreads[index as usize];
        ports[(flow % ports.len() as u64) as usize]
    }

    pub(crate) fn lookup(&self, address: IpAddr) -> Option<Resolution> {
        self.resolve(address, 0).map(|(resolution, _)| resolution)
    }

    /// The best route that resolves, and its ports: in ascending order, or none to discard.
    fn resolve(&self, address: IpAddr, depth: u32) -> Option<(Resolution, Option<Vec<u16>>)> {
        match address {
            IpAddr::V4(address) => {
                let covers: Vec<_> = self.v4.cover(&Ipv4Net::from(address)).collect();
                self.pick(covers.into_iter().rev().map(|(prefix, routes)| (prefix.into(), routes)), depth)
            }
            IpAddr::V6(address) => {
                let covers: Vec<_> = self.v6.cover(&Ipv6Net::from(address)).collect();
                self.pick(covers.into_iter().rev().map(|(prefix, routes)| (prefix.into(), routes)), depth)
            }
        }
    }

    fn pick<'a>(
        &self,
        mut covers: impl Iterator<Item = (IpNet, &'a Routes)>,
        depth: u32,
    ) -> Option<(Resolution, Option<Vec<u16>>)> {
        covers.find_map(|(prefix, routes)| {
            routes.iter().find_map(|route| {
                let ports = self.ports_of(&route.hops, depth)?;
                Some((Resolution { protocol: route.protocol, metric: route.metric, prefix }, ports))
            })
        })
    }

    /// The ports that a route leads to: `Some(None)` to discard, `None` when it does not resolve.
    fn ports_of(&self, hops: &Hops, depth: u32) -> Option<Option<Vec<u16>>> {
        match hops {
            Hops::Discard => Some(None),
            Hops::Ports(ports) => Some(Some(ports.clone())),
            Hops::Via(_) if depth == DEPTH_MAX => None,
            Hops::Via(addresses) => {
                let resolved = addresses.iter().filter_map(|&hop| self.resolve(hop, depth + 1));
                let ways: Vec<_> = resolved.map(|(_, ports)| ports).collect();
                let mut ports: Vec<u16> = ways.iter().flatten().flatten().copied().collect();
                ports.sort_unstable();
                ports.dedup();
                if ways.is_empty() { None } else { Some((!ports.is_empty()).then_some(ports)) }
            }
        }
    }
}

fn remove_from<P: prefix_trie::Prefix>(
    map: &mut PrefixMap<P, Routes>,
    prefix: P,
    protocol: Protocol,
) -> bool {
    let Some(routes) = map.get_mut(&prefix) else { return false };
    let before = routes.len();
    routes.retain(|route| route.protocol != protocol);
    let removed = routes.len() != before;
    if routes.is_empty() {
        map.remove(&prefix);
    }
    removed
}
