//! The forwarding table of a node: routes of several protocols, and what they come down to for one address.
//!
//! Look-ups take the longest prefix whose route resolves; within a prefix the lowest administrative distance.
//! Next hops resolve recursively until a connected neighbour; a next hop that leads back to itself does not
//! resolve. A route whose next hops do not resolve is passed over, as a router keeps it out of its forwarding
//! table. The answers are cached until anything changes.

use crate::air::{Change, Plan};
use crate::hash::LookupMap;
use crate::node::NodeId;
use crate::watch::Watch;
use crate::{Map, exec, world};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;
use std::net::IpAddr;

/// How many next hops may stand between a route and a port.
const DEPTH_MAX: u32 = 32;
/// Cached answers, above which the cache starts afresh.
const CACHE_MAX: usize = 65_536;

/// Who installed a route. The order is that of the administrative distance: the lower is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// An entry that stands in the table whatever else there is (0): a fault's. Goes with the power.
    Stuck,
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
            Protocol::Stuck | Protocol::Connected => 0,
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
            self.interrupt_flights(Change::Forwarding(node));
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

impl Hops {
    /// What a protocol asked for; `None` of the engine's own.
    fn target(&self) -> Option<Target> {
        match self {
            Hops::Via(hops) => Some(Target::Via(hops.clone())),
            Hops::Discard => Some(Target::Discard),
            Hops::Ports(_) => None,
        }
    }
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
    cache: LookupMap<IpAddr, u32>,
    known: Vec<Known>,
    spreads: Vec<Vec<u16>>,
}

/// What a look-up found out, and what came of it.
struct Known {
    exit: Exit,
    plan: Plan,
    /// The state of the topology for which the plan was made.
    topology: u64,
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
        self.known.clear();
        self.spreads.clear();
    }

    /// Looks up where packets to `address` leave the node; `is_local` tells the node's own addresses. The number is
    /// good until the next look-up or change.
    pub(crate) fn find(&mut self, address: IpAddr, is_local: impl FnOnce() -> bool) -> u32 {
        if let Some(&known) = self.cache.get(&address) {
            return known;
        }
        if self.cache.len() >= CACHE_MAX {
            self.flush();
        }
        let exit = if is_local() { Exit::Local } else { self.resolve_exit(address) };
        let index = self.known.len() as u32;
        self.known.push(Known { exit, plan: Plan::Open, topology: 0 });
        self.cache.insert(address, index);
        index
    }

    pub(crate) fn exit(&self, known: u32) -> Exit {
        self.known[known as usize].exit
    }

    /// The plan that was made for this state of the topology.
    pub(crate) fn plan(&self, known: u32, topology: u64) -> &Plan {
        let known = &self.known[known as usize];
        if known.topology == topology { &known.plan } else { &Plan::Open }
    }

    pub(crate) fn set_plan(&mut self, known: u32, topology: u64, plan: Plan) {
        let known = &mut self.known[known as usize];
        (known.plan, known.topology) = (plan, topology);
    }

    fn resolve_exit(&mut self, address: IpAddr) -> Exit {
        match self.resolve(address, &mut Search::default()).map(|(_, way)| way) {
            None => Exit::NoRoute,
            Some(Way::Discard) => Exit::Discard,
            Some(Way::Ports(ports)) => match ports[..] {
                [port] => Exit::Port(port),
                _ => {
                    self.spreads.push(ports);
                    Exit::Spread(self.spreads.len() as u32 - 1)
                }
            },
        }
    }

    /// One port of a spread; `flow` is a hash of the packet's flow.
    pub(crate) fn spread(&self, index: u32, flow: u64) -> u16 {
        let ports = &self.spreads[index as usize];
        ports[(flow % ports.len() as u64) as usize]
    }

    /// The ports by which packets may leave.
    pub(crate) fn ports<'a>(&'a self, exit: &'a Exit) -> &'a [u16] {
        match exit {
            Exit::Port(port) => std::slice::from_ref(port),
            Exit::Spread(index) => &self.spreads[*index as usize],
            Exit::Local | Exit::Discard | Exit::NoRoute => &[],
        }
    }

    pub(crate) fn lookup(&self, address: IpAddr) -> Option<Resolution> {
        self.resolve(address, &mut Search::default()).map(|(resolution, _)| resolution)
    }

    /// All that these protocols have installed. The engine's own routes to neighbours have no next hop and are not among
    /// them.
    pub(crate) fn installed(&self, protocols: &[Protocol]) -> Vec<(Protocol, IpNet, Target)> {
        let v4 = self.v4.iter().map(|(prefix, routes)| (IpNet::from(prefix), routes));
        let v6 = self.v6.iter().map(|(prefix, routes)| (IpNet::from(prefix), routes));
        let each = v4.chain(v6).flat_map(|(prefix, routes)| routes.iter().map(move |route| (prefix, route)));
        let asked = each.filter(|(_, route)| protocols.contains(&route.protocol));
        asked.filter_map(|(prefix, route)| Some((route.protocol, prefix, route.hops.target()?))).collect()
    }

    /// The best route that resolves, and where it leads.
    fn resolve(&self, address: IpAddr, search: &mut Search) -> Option<(Resolution, Way)> {
        match address {
            IpAddr::V4(address) => {
                let covers: Vec<_> = self.v4.cover(&Ipv4Net::from(address)).collect();
                self.pick(covers.into_iter().rev().map(|(prefix, routes)| (prefix.into(), routes)), search)
            }
            IpAddr::V6(address) => {
                let covers: Vec<_> = self.v6.cover(&Ipv6Net::from(address)).collect();
                self.pick(covers.into_iter().rev().map(|(prefix, routes)| (prefix.into(), routes)), search)
            }
        }
    }

    fn pick<'a>(
        &self,
        mut covers: impl Iterator<Item = (IpNet, &'a Routes)>,
        search: &mut Search,
    ) -> Option<(Resolution, Way)> {
        covers.find_map(|(prefix, routes)| {
            routes.iter().find_map(|route| {
                let way = self.way_of(&route.hops, search)?;
                Some((Resolution { protocol: route.protocol, metric: route.metric, prefix }, way))
            })
        })
    }

    /// Where a route leads, if any of its next hops resolves.
    fn way_of(&self, hops: &Hops, search: &mut Search) -> Option<Way> {
        match hops {
            Hops::Discard => Some(Way::Discard),
            Hops::Ports(ports) => Some(Way::Ports(ports.clone())),
            Hops::Via(hops) => join(hops.iter().filter_map(|&hop| self.way_to(hop, search)).collect()),
        }
    }

    /// Where a next hop leads. Asked once per search; a hop asked for again on the way to itself does not resolve.
    fn way_to(&self, hop: IpAddr, search: &mut Search) -> Option<Way> {
        if let Some(known) = search.known.get(&hop) {
            return known.clone();
        }
        if search.depth == DEPTH_MAX {
            return None;
        }
        search.known.insert(hop, None);
        search.depth += 1;
        let way = self.resolve(hop, search).map(|(_, way)| way);
        search.depth -= 1;
        search.known.insert(hop, way.clone());
        way
    }
}

/// Where packets leave: one of these ports, in ascending order, or nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Discard,
    Ports(Vec<u16>),
}

/// What one look-up has found out about next hops.
#[derive(Default)]
struct Search {
    known: Map<IpAddr, Option<Way>>,
    depth: u32,
}

/// All ports of several ways. Ways that discard only count when there is no other.
fn join(ways: Vec<Way>) -> Option<Way> {
    let ports = |way: &Way| match way {
        Way::Discard => Vec::new(),
        Way::Ports(ports) => ports.clone(),
    };
    let mut all: Vec<u16> = ways.iter().flat_map(ports).collect();
    all.sort_unstable();
    all.dedup();
    match (ways.is_empty(), all.is_empty()) {
        (true, _) => None,
        (false, true) => Some(Way::Discard),
        (false, false) => Some(Way::Ports(all)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    const PROTOCOLS: [Protocol; 4] = [Protocol::Static, Protocol::Ebgp, Protocol::Igp, Protocol::Ibgp];

    #[derive(Debug, Clone)]
    enum Change {
        Insert(IpNet, Route),
        Remove(Protocol, IpNet),
        Clear(Protocol),
    }

    /// Few addresses and short differences, so that prefixes nest and next hops lead to each other.
    fn any_address() -> impl Strategy<Value = IpAddr> {
        let v4 = (0_u32..64).prop_map(|n| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 | n << 2)));
        let v6 = (0_u128..8).prop_map(|n| IpAddr::from(std::net::Ipv6Addr::from_bits((0x2001 << 112) | n)));
        prop_oneof![4 => v4, 1 => v6]
    }

    fn any_prefix() -> impl Strategy<Value = IpNet> {
        (any_address(), prop_oneof![Just(0_u8), 22..=32_u8]).prop_map(|(address, length)| {
            let length = if address.is_ipv6() && length > 0 { length + 96 } else { length };
            IpNet::new(address, length).unwrap()
        })
    }

    fn any_hops() -> impl Strategy<Value = Hops> {
        prop_oneof![
            3 => proptest::collection::vec(0_u16..5, 1..3).prop_map(Hops::Ports),
            3 => proptest::collection::vec(any_address(), 1..3).prop_map(Hops::Via),
            1 => Just(Hops::Discard),
        ]
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let protocol = || proptest::sample::select(&PROTOCOLS[..]);
        let route = (protocol(), any_hops(), 0_u32..3);
        prop_oneof![
            8 => (any_prefix(), route).prop_map(|(prefix, (protocol, hops, metric))| {
                Change::Insert(prefix, Route { protocol, metric, hops })
            }),
            2 => (protocol(), any_prefix()).prop_map(|(protocol, prefix)| Change::Remove(protocol, prefix)),
            1 => protocol().prop_map(Change::Clear),
        ]
    }

    /// The same table as a list, searched from end to end.
    #[derive(Default)]
    struct Naive(Vec<(IpNet, Route)>);

    impl Naive {
        fn apply(&mut self, change: &Change) {
            match change {
                Change::Insert(prefix, route) => {
                    self.apply(&Change::Remove(route.protocol, *prefix));
                    self.0.push((prefix.trunc(), route.clone()));
                }
                Change::Remove(protocol, prefix) => {
                    self.0.retain(|(other, route)| (*other, route.protocol) != (prefix.trunc(), *protocol));
                }
                Change::Clear(protocol) => self.0.retain(|(_, route)| route.protocol != *protocol),
            }
        }

        fn resolve(&self, address: IpAddr, asked: &mut Asked) -> Option<(Resolution, Vec<u16>)> {
            let mut matching: Vec<_> =
                self.0.iter().filter(|(prefix, _)| prefix.contains(&address)).collect();
            matching.sort_by_key(|(prefix, route)| {
                (std::cmp::Reverse(prefix.prefix_len()), route.protocol.distance())
            });
            matching.into_iter().find_map(|(prefix, route)| {
                let ports = self.ports(&route.hops, asked)?;
                Some((Resolution { protocol: route.protocol, metric: route.metric, prefix: *prefix }, ports))
            })
        }

        /// The ports; empty to discard; none when nothing resolves.
        fn ports(&self, hops: &Hops, asked: &mut Asked) -> Option<Vec<u16>> {
            let addresses = match hops {
                Hops::Discard => return Some(Vec::new()),
                Hops::Ports(ports) => return Some(ports.clone()),
                Hops::Via(addresses) => addresses,
            };
            let mut ways = Vec::new();
            for &hop in addresses {
                if !asked.contains_key(&hop) {
                    asked.insert(hop, None);
                    let way = self.resolve(hop, asked).map(|(_, ports)| ports);
                    asked.insert(hop, way);
                }
                ways.extend(asked[&hop].clone());
            }
            let mut ports = ways.concat();
            ports.sort_unstable();
            ports.dedup();
            (!ways.is_empty()).then_some(ports)
        }
    }

    type Asked = Map<IpAddr, Option<Vec<u16>>>;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

        /// After any changes the table answers as a plain list would, cache and all.
        #[test]
        fn agrees_with_a_plain_list(
            changes in proptest::collection::vec(any_change(), 0..40),
            questions in proptest::collection::vec(any_address(), 1..10),
        ) {
            let (mut fib, mut naive) = (Fib::default(), Naive::default());
            for change in &changes {
                let changed = match change.clone() {
                    Change::Insert(prefix, route) => fib.insert(prefix, route),
                    Change::Remove(protocol, prefix) => fib.remove(protocol, prefix),
                    Change::Clear(protocol) => fib.clear(|other| other == protocol),
                };
                if changed {
                    fib.flush();
                }
                naive.apply(change);
                for &address in &questions {
                    let expected = naive.resolve(address, &mut Asked::new());
                    prop_assert_eq!(fib.lookup(address), expected.as_ref().map(|(found, _)| *found));
                    let known = fib.find(address, || false);
                    let exit = fib.exit(known);
                    match expected.map(|(_, ports)| ports).as_deref() {
                        None => prop_assert_eq!(exit, Exit::NoRoute),
                        Some([]) => prop_assert_eq!(exit, Exit::Discard),
                        Some(&[port]) => prop_assert_eq!(exit, Exit::Port(port)),
                        Some(ports) => {
                            let Exit::Spread(index) = exit else { panic!("{exit:?}") };
                            prop_assert!((0..20).all(|flow| ports.contains(&fib.spread(index, flow))));
                        }
                    }
                }
            }
        }

        /// Host bits of a prefix do not matter, and a table with everything removed is empty.
        #[test]
        fn removal_leaves_nothing(changes in proptest::collection::vec(any_change(), 0..40)) {
            let mut fib = Fib::default();
            for change in changes {
                if let Change::Insert(prefix, route) = change {
                    fib.insert(prefix, route);
                }
            }
            fib.clear(|_| true);
            prop_assert!(fib.v4.is_empty() && fib.v6.is_empty());
        }
    }
}
