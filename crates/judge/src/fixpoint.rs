//! What routing must come to: interior distances and best paths, computed from topology and policy alone.
//!
//! A pure function that shares nothing with the speakers: they exchange messages in some order, this asks what nobody
//! would want to change any more. It says of each path what every order of messages agrees on: that there is one, on
//! whose terms, and how long it is. Which of several equal ones is taken is left to the speakers.

use blackstart_rt::{Map, Set};
use blackstart_sim::NodeId;
use ipnet::IpNet;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::rc::Rc;

/// Who speaks with whom, as the scenario's files say.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Routers, and hosts that speak BGP.
    pub speakers: Map<NodeId, Speaker>,
    /// Cables between machines, each once.
    pub cables: Vec<Cable>,
    /// Sessions, each once.
    pub sessions: Vec<Session>,
}

/// A machine that speaks BGP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Its AS.
    pub asn: u32,
    /// Its primary address; also decides between equal paths.
    pub address: IpAddr,
    /// It only listens.
    pub collector: bool,
    /// A host: everything that it does not know goes to its router.
    pub is_host: bool,
}

/// A cable between two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cable {
    /// Its ends.
    pub ends: [NodeId; 2],
    /// Its interior metric, where both ends route inside one AS over it.
    pub metric: Option<u32>,
}

/// A session between two speakers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its ends.
    pub ends: [NodeId; 2],
    /// What the first is to the second.
    pub relation: Relation,
}

/// What one speaker is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It buys transit from it.
    Customer,
    /// Each shows the other its own and its customers' prefixes.
    Peer,
    /// A router of the same AS.
    Inside,
    /// A router of the same AS for which the other reflects.
    Client,
}

/// On whose terms a path is held, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Terms {
    /// A provider told us: it costs.
    Provider,
    /// A peer told us: free.
    Peer,
    /// A customer told us: they pay.
    Customer,
    /// Ours.
    Own,
}

/// What holds at one moment: which cables have light, which sessions are up, who announces what by itself.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Machines with power whose forwarding works.
    pub alive: Set<NodeId>,
    /// Cables with light, by the ends in ascending order.
    pub lit: Set<[NodeId; 2]>,
    /// Sessions that are up, by the ends in ascending order.
    pub up: Set<[NodeId; 2]>,
    /// What each speaker brings in.
    pub originated: Map<NodeId, Set<IpNet>>,
}

/// The ends in ascending order.
#[must_use]
pub fn pair(a: NodeId, b: NodeId) -> [NodeId; 2] {
    if a < b { [a, b] } else { [b, a] }
}

/// What every order of messages agrees on about one best path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// On whose terms.
    pub terms: Terms,
    /// ASes on the path.
    pub length: usize,
}

/// Interior distances from each router to each other one of its AS.
#[must_use]
pub fn distances(network: &Network, moment: &Moment) -> Map<(NodeId, NodeId), u32> {
    let mut ways: Map<NodeId, Vec<(NodeId, u32)>> = Map::new();
    for cable in &network.cables {
        let [a, b] = cable.ends;
        let works =
            moment.lit.contains(&pair(a, b)) && moment.alive.contains(&a) && moment.alive.contains(&b);
        if let Some(metric) = cable.metric.filter(|_| works) {
            ways.entry(a).or_default().push((b, metric));
            ways.entry(b).or_default().push((a, metric));
        }
    }
    let mut all = Map::new();
    for &from in ways.keys() {
        let mut open = BinaryHeap::from([Reverse((0_u32, from))]);
        while let Some(Reverse((distance, node))) = open.pop() {
            if all.get(&(from, node)).is_some_and(|known| *known <= distance) {
                continue;
            }
            all.insert((from, node), distance);
            let next = ways.get(&node).into_iter().flatten();
            open.extend(next.map(|(other, metric)| Reverse((distance + metric, *other))));
        }
    }
    all
}

/// A path as one speaker holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Path {
    terms: Terms,
    ases: Rc<[u32]>,
    /// Where packets leave the AS, or enter the machine that has the prefix.
    exit: NodeId,
    from: Source,
    /// Who brought it into the AS, and who reflected it there since.
    originator: NodeId,
    reflectors: Rc<[NodeId]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Own,
    Outside(NodeId),
    /// A router of our AS; `client` when we reflect for it.
    Inside {
        from: NodeId,
        client: bool,
    },
}

/// How one speaker sees another.
#[derive(Clone, Copy, Debug)]
struct View {
    peer: NodeId,
    /// What the peer is to us.
    is: Relation,
    /// We are its customer or its client.
    reversed: bool,
}

/// What each speaker must hold for each prefix; `None` when the policies never come to rest.
#[must_use]
pub fn routes(network: &Network, moment: &Moment) -> Option<Map<(NodeId, IpNet), Held>> {
    let solver = Solver::new(network, moment);
    let prefixes: Set<IpNet> = moment.originated.values().flatten().copied().collect();
    let mut held = Map::new();
    for prefix in prefixes {
        for (node, path) in solver.solve(prefix)? {
            held.insert((node, prefix), Held { terms: path.terms, length: path.ases.len() });
        }
    }
    Some(held)
}

struct Solver<'a> {
    network: &'a Network,
    moment: &'a Moment,
    distances: Map<(NodeId, NodeId), u32>,
    views: Map<NodeId, Vec<View>>,
}

impl<'a> Solver<'a> {
    fn new(network: &'a Network, moment: &'a Moment) -> Self {
        let mut views: Map<NodeId, Vec<View>> = Map::new();
        for session in &network.sessions {
            let [a, b] = session.ends;
            if moment.up.contains(&pair(a, b)) {
                views.entry(b).or_default().push(View { peer: a, is: session.relation, reversed: false });
                views.entry(a).or_default().push(View { peer: b, is: session.relation, reversed: true });
            }
        }
        Self { network, moment, distances: distances(network, moment), views }
    }

    /// Everybody chooses again and again until nobody changes their mind.
    fn solve(&self, prefix: IpNet) -> Option<Map<NodeId, Path>> {
        let mut held: Map<NodeId, Path> = Map::new();
        let mut open: Set<NodeId> = self.owners(prefix).collect();
        let mut patience = 32 * self.network.speakers.len() + 32;
        while let Some(node) = open.pop_first() {
            patience = patience.checked_sub(1)?;
            let chosen = self.choose(node, prefix, &held);
            if chosen.as_ref() != held.get(&node) {
                match chosen {
                    Some(path) => held.insert(node, path),
                    None => held.remove(&node),
                };
                open.extend(self.views.get(&node).into_iter().flatten().map(|view| view.peer));
            }
        }
        Some(held)
    }

    fn owners(&self, prefix: IpNet) -> impl Iterator<Item = NodeId> + '_ {
        let mine = move |(node, own): (&NodeId, &Set<IpNet>)| own.contains(&prefix).then_some(*node);
        self.moment.originated.iter().filter_map(mine)
    }

    fn choose(&self, node: NodeId, prefix: IpNet, held: &Map<NodeId, Path>) -> Option<Path> {
        if self.moment.originated.get(&node).is_some_and(|own| own.contains(&prefix)) {
            let (ases, reflectors) = (Rc::from([]), Rc::from([]));
            return Some(Path {
                terms: Terms::Own,
                ases,
                exit: node,
                from: Source::Own,
                originator: node,
                reflectors,
            });
        }
        let views = self.views.get(&node).into_iter().flatten();
        let offers = views.filter_map(|view| self.offer(node, view, held.get(&view.peer)?));
        offers.max_by_key(|path| self.rank(node, path))
    }

    /// RFC 4271 9.1.2.2 and RFC 4456 9, the best last. Origin and MED are the same on all paths here.
    fn rank(&self, node: NodeId, path: &Path) -> impl Ord + use<> {
        let address = |node: &NodeId| self.network.speakers.get(node).map(|speaker| speaker.address);
        let (is_outside, from) = match path.from {
            Source::Outside(from) => (true, Some(from)),
            Source::Inside { from, .. } => (false, Some(from)),
            Source::Own => (true, None),
        };
        (
            path.terms,
            Reverse(path.ases.len()),
            is_outside,
            Reverse(self.cost(node, path.exit)),
            Reverse(address(&path.originator)),
            Reverse(path.reflectors.len()),
            Reverse(from.and_then(|from| address(&from))),
        )
    }

    /// What a speaker hears of its peer's path, if anything.
    fn offer(&self, node: NodeId, view: &View, path: &Path) -> Option<Path> {
        let (us, peer) = (self.network.speakers.get(&node)?, self.network.speakers.get(&view.peer)?);
        if peer.collector {
            return None;
        }
        match view.is {
            Relation::Customer | Relation::Peer => self.heard_outside(us, node, peer, view, path),
            Relation::Inside | Relation::Client => self.heard_inside(node, view, path),
        }
    }

    /// Only own and customers' paths go to peers and providers (RFC 9234).
    fn heard_outside(
        &self,
        us: &Speaker,
        node: NodeId,
        peer: &Speaker,
        view: &View,
        path: &Path,
    ) -> Option<Path> {
        // `reversed` means that we are the customer: the peer carries us, and shows us everything.
        let (terms, all) = match (view.is, view.reversed) {
            (Relation::Peer, _) => (Terms::Peer, false),
            (_, true) => (Terms::Provider, true),
            (_, false) => (Terms::Customer, false),
        };
        let may = all || path.terms >= Terms::Customer;
        let ases: Rc<[u32]> = std::iter::once(peer.asn).chain(path.ases.iter().copied()).collect();
        let usable = may && !ases.contains(&us.asn) && self.cost(node, view.peer).is_some();
        usable.then(|| Path {
            terms,
            ases,
            exit: view.peer,
            from: Source::Outside(view.peer),
            originator: view.peer,
            reflectors: Rc::from([]),
        })
    }

    /// Inside paths go on only where somebody reflects: from clients to all, from others to clients.
    fn heard_inside(&self, node: NodeId, view: &View, path: &Path) -> Option<Path> {
        let client = view.is == Relation::Client;
        let we_are_client = client && view.reversed;
        let (exit, originator, reflectors) = match path.from {
            Source::Own | Source::Outside(_) => (view.peer, view.peer, Rc::from([])),
            Source::Inside { client: from_client, .. } => {
                if !from_client && !we_are_client {
                    return None;
                }
                let reflectors = std::iter::once(view.peer).chain(path.reflectors.iter().copied()).collect();
                (path.exit, path.originator, reflectors)
            }
        };
        let goes_round = originator == node || reflectors.contains(&node);
        let usable = !goes_round && self.cost(node, exit).is_some();
        // What is ours in the AS is ours here: preference travels unchanged.
        usable.then(|| Path {
            terms: path.terms,
            ases: path.ases.clone(),
            exit,
            from: Source::Inside { from: view.peer, client: client && !view.reversed },
            originator,
            reflectors,
        })
    }

    /// Interior cost of a machine; `None` when no connected or interior route leads there.
    fn cost(&self, node: NodeId, to: NodeId) -> Option<u32> {
        if self.is_lit(node, to) {
            return Some(0);
        }
        if self.network.speakers.get(&node).is_some_and(|speaker| speaker.is_host) {
            return self.routers_of(node).next().map(|_| 0);
        }
        let direct = self.distances.get(&(node, to)).copied();
        // A host is in its router's networks.
        direct.or_else(|| {
            self.routers_of(to).filter_map(|router| self.distances.get(&(node, router)).copied()).min()
        })
    }

    fn is_lit(&self, a: NodeId, b: NodeId) -> bool {
        self.moment.lit.contains(&pair(a, b))
    }

    /// The routers to which a host's cables lead; none for a router.
    fn routers_of(&self, host: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let is_host = self.network.speakers.get(&host).is_some_and(|speaker| speaker.is_host);
        let lit = self.moment.lit.iter().filter(move |_| is_host);
        lit.filter_map(move |&[a, b]| match () {
            () if a == host => Some(b),
            () if b == host => Some(a),
            () => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    fn node(n: u32) -> NodeId {
        NodeId(n)
    }

    fn prefix() -> IpNet {
        "192.0.2.0/24".parse().expect("a prefix")
    }

    /// One speaker for each AS, numbered alike, with these sessions over as many cables; the first speaker has the prefix.
    fn internet(count: u32, sessions: &[(u32, u32, Relation)]) -> (Network, Moment) {
        let speaker = |n: u32| Speaker {
            asn: n,
            address: Ipv4Addr::from_bits(0x0a00_0000 + n).into(),
            collector: false,
            is_host: false,
        };
        let session =
            |&(a, b, relation): &(u32, u32, Relation)| Session { ends: [node(a), node(b)], relation };
        let cables: Set<[NodeId; 2]> = sessions.iter().map(|(a, b, _)| pair(node(*a), node(*b))).collect();
        let network = Network {
            speakers: (0..count).map(|n| (node(n), speaker(n))).collect(),
            cables: cables.iter().map(|ends| Cable { ends: *ends, metric: None }).collect(),
            sessions: sessions.iter().map(session).collect(),
        };
        let moment = Moment {
            alive: network.speakers.keys().copied().collect(),
            lit: cables.clone(),
            up: cables,
            originated: Map::from([(node(0), Set::from([prefix()]))]),
        };
        (network, moment)
    }

    fn held(network: &Network, moment: &Moment) -> Map<u32, (Terms, usize)> {
        let routes = routes(network, moment).expect("policies that come to rest");
        routes.into_iter().map(|((node, _), held)| (node.0, (held.terms, held.length))).collect()
    }

    #[test]
    fn paths_are_valley_free() {
        use Relation::{Customer, Peer};
        // 0 buys from 1; 1 and 2 are peers, and so are 2 and 3; 4 buys from 2.
        let (network, moment) =
            internet(5, &[(0, 1, Customer), (1, 2, Peer), (2, 3, Peer), (4, 2, Customer)]);
        let expected = Map::from([
            (0, (Terms::Own, 0)),
            (1, (Terms::Customer, 1)),
            (2, (Terms::Peer, 2)),
            (4, (Terms::Provider, 3)),
        ]);
        assert_eq!(held(&network, &moment), expected);
    }

    #[test]
    fn a_customers_long_path_beats_a_peers_short_one() {
        use Relation::{Customer, Peer};
        let (network, moment) =
            internet(4, &[(0, 3, Peer), (0, 1, Customer), (1, 2, Customer), (2, 3, Customer)]);
        assert_eq!(held(&network, &moment).get(&3), Some(&(Terms::Customer, 3)));
    }

    #[test]
    fn a_session_that_is_down_tells_nothing() {
        let (network, mut moment) = internet(2, &[(0, 1, Relation::Customer)]);
        assert_eq!(held(&network, &moment).len(), 2);
        moment.up.clear();
        assert_eq!(held(&network, &moment).len(), 1);
    }

    /// A line of three routers of one AS with the prefix at one end, and what lies in the middle.
    fn inside(middle: Relation) -> (Network, Moment) {
        let (mut network, moment) = internet(3, &[(0, 1, middle), (2, 1, middle)]);
        network.speakers.values_mut().for_each(|speaker| speaker.asn = 7);
        network.cables.iter_mut().for_each(|cable| cable.metric = Some(10));
        (network, moment)
    }

    #[test]
    fn inside_an_as_only_reflectors_pass_paths_on() {
        assert_eq!(held(&inside(Relation::Inside).0, &inside(Relation::Inside).1).len(), 2);
        assert_eq!(held(&inside(Relation::Client).0, &inside(Relation::Client).1).len(), 3);
    }

    #[test]
    fn distances_add_up_over_cables_with_light() {
        let (network, mut moment) = inside(Relation::Client);
        assert_eq!(distances(&network, &moment).get(&(node(0), node(2))), Some(&20));
        moment.lit.remove(&pair(node(1), node(2)));
        assert_eq!(distances(&network, &moment).get(&(node(0), node(2))), None);
        assert_eq!(held(&network, &moment).len(), 2, "without a way to the exit a path is of no use");
    }

    /// Customers have higher numbers than their providers, so nobody is their own provider: then there is one outcome.
    fn hierarchies() -> impl Strategy<Value = Vec<(u32, u32, Relation)>> {
        let relation = prop_oneof![Just(Relation::Customer), Just(Relation::Peer)];
        let session = (0_u32..8, 0_u32..8, relation)
            .prop_filter_map("itself", |(a, b, relation)| (a != b).then_some((a.max(b), a.min(b), relation)));
        proptest::collection::btree_map((0_u32..8, 0_u32..8), session, 1..16).prop_map(|sessions| {
            let unique: Map<(u32, u32), Relation> =
                sessions.into_values().map(|(a, b, r)| ((a, b), r)).collect();
            unique.into_iter().map(|((a, b), relation)| (a, b, relation)).collect()
        })
    }

    /// All valley-free paths to speaker 0, walked outward: up to providers, over at most one peer, down to customers.
    fn walk(
        sessions: &[(u32, u32, Relation)],
        path: &mut Vec<u32>,
        terms: Terms,
        found: &mut Map<u32, Held>,
    ) {
        let at = *path.last().expect("a start");
        let here = Held { terms, length: path.len() - 1 };
        let better = |known: &Held| (known.terms, Reverse(known.length)) < (here.terms, Reverse(here.length));
        if found.get(&at).is_none_or(better) {
            found.insert(at, here);
        }
        for &(a, b, relation) in sessions {
            let (to, terms) = match relation {
                Relation::Peer if a == at && terms >= Terms::Customer => (b, Terms::Peer),
                Relation::Peer if b == at && terms >= Terms::Customer => (a, Terms::Peer),
                Relation::Customer if a == at && terms >= Terms::Customer => (b, Terms::Customer),
                Relation::Customer if b == at => (a, Terms::Provider),
                _ => continue,
            };
            if !path.contains(&to) {
                path.push(to);
                walk(sessions, path, terms, found);
                path.pop();
            }
        }
    }

    proptest! {
        /// Who can be reached at all is what every valley-free walk finds, and on the best terms that any offers.
        #[test]
        fn it_finds_what_walking_all_paths_finds(sessions in hierarchies()) {
            let (network, moment) = internet(8, &sessions);
            let mut walked = Map::new();
            walk(&sessions, &mut vec![0], Terms::Own, &mut walked);
            let expected: Map<u32, Terms> = walked.into_iter().map(|(node, held)| (node, held.terms)).collect();
            let got: Map<u32, Terms> =
                held(&network, &moment).into_iter().map(|(node, (terms, _))| (node, terms)).collect();
            prop_assert_eq!(got, expected);
        }

        /// Nobody would change their mind: solving again from the same facts in another numbering gives the same.
        #[test]
        fn the_order_of_sessions_does_not_matter(sessions in hierarchies()) {
            let mut reversed = sessions.clone();
            reversed.reverse();
            let (one, moment) = internet(8, &sessions);
            let (other, _) = internet(8, &reversed);
            prop_assert_eq!(held(&one, &moment), held(&other, &moment));
        }
    }
}
