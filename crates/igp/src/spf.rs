//! Shortest paths over a link-state database (Dijkstra), with all equal-cost first hops. Pure.

use std::net::IpAddr;

use blackstart_rt::{Map, Set};
use ipnet::IpNet;

use crate::message::Lsp;

/// How far something is, and through which neighbouring routers the shortest ways begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Sum of the metrics.
    pub metric: u64,
    /// First routers on the way; empty only for the root itself.
    pub first_hops: Set<IpAddr>,
}

/// The shortest ways from `root` to every prefix of other routers. A prefix that the root itself advertises is left out.
pub fn prefixes(database: &Map<IpAddr, Lsp>, root: IpAddr) -> Map<IpNet, Reach> {
    let own: Set<IpNet> =
        database.get(&root).into_iter().flat_map(|lsp| &lsp.prefixes).map(|(p, _)| *p).collect();
    let mut found = Map::new();
    for (router, way) in routers(database, root) {
        let Some(lsp) = database.get(&router).filter(|_| router != root) else { continue };
        for (prefix, metric) in lsp.prefixes.iter().filter(|(prefix, _)| !own.contains(prefix)) {
            let way = Reach { metric: way.metric + u64::from(*metric), first_hops: way.first_hops.clone() };
            merge(&mut found, *prefix, way);
        }
    }
    found
}

/// The shortest ways from `root` to every router that it can reach, itself included.
pub fn routers(database: &Map<IpAddr, Lsp>, root: IpAddr) -> Map<IpAddr, Reach> {
    let mut ways = Map::from([(root, Reach::default())]);
    let mut frontier = Set::from([(0, root)]);
    while let Some((metric, router)) = frontier.pop_first() {
        let Some(way) = ways.get(&router).filter(|way| way.metric == metric).cloned() else { continue };
        for (next, cost) in onward(database, root, router) {
            let first_hops = if router == root { Set::from([next]) } else { way.first_hops.clone() };
            let metric = metric + u64::from(cost);
            if merge(&mut ways, next, Reach { metric, first_hops }) {
                frontier.insert((metric, next));
            }
        }
    }
    ways
}

/// Links that may be followed out of `router`: both ends must name each other, and an overloaded router is no way through.
fn onward(database: &Map<IpAddr, Lsp>, root: IpAddr, router: IpAddr) -> impl Iterator<Item = (IpAddr, u32)> {
    let lsp = database.get(&router).filter(|lsp| router == root || !lsp.overload);
    let links = lsp.into_iter().flat_map(|lsp| &lsp.links);
    let names_us = move |other: &Lsp| other.links.iter().any(|link| link.neighbour == router);
    links
        .filter(move |link| database.get(&link.neighbour).is_some_and(names_us))
        .map(|link| (link.neighbour, link.metric))
}

/// Keeps the shorter way, or both first hops of equal ones. Says whether `way` was strictly shorter.
fn merge<K: Ord>(ways: &mut Map<K, Reach>, key: K, way: Reach) -> bool {
    match ways.get_mut(&key) {
        Some(known) if known.metric < way.metric => false,
        Some(known) if known.metric == way.metric => {
            known.first_hops.extend(way.first_hops);
            false
        }
        _ => {
            ways.insert(key, way);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Link;

    fn id(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    /// A database from (a, b, metric) for both directions; each router has its own /32.
    fn database(links: &[(u8, u8, u32)], overloaded: &[u8]) -> Map<IpAddr, Lsp> {
        let mut lsps: Map<IpAddr, Lsp> = Map::new();
        for (a, b, metric) in links {
            for (from, to) in [(*a, *b), (*b, *a)] {
                let lsp = lsps.entry(id(from)).or_insert_with(|| lsp(from, overloaded.contains(&from)));
                lsp.links.push(Link { neighbour: id(to), metric: *metric });
            }
        }
        lsps
    }

    fn lsp(last: u8, overload: bool) -> Lsp {
        let prefixes = vec![(IpNet::from(id(last)), 0)];
        Lsp { origin: id(last), sequence: 1, overload, links: vec![], prefixes }
    }

    fn way(database: &Map<IpAddr, Lsp>, to: u8) -> Option<(u64, Vec<IpAddr>)> {
        let way = prefixes(database, id(1)).remove(&IpNet::from(id(to)))?;
        Some((way.metric, way.first_hops.into_iter().collect()))
    }

    #[test]
    fn the_cheaper_way_wins_and_equal_ways_share() {
        let square = [(1, 2, 1), (2, 4, 1), (1, 3, 1), (3, 4, 1)];
        assert_eq!(way(&database(&square, &[]), 4), Some((2, vec![id(2), id(3)])));
        let slanted = [(1, 2, 1), (2, 4, 1), (1, 3, 1), (3, 4, 2)];
        assert_eq!(way(&database(&slanted, &[]), 4), Some((2, vec![id(2)])));
    }

    #[test]
    fn an_overloaded_router_is_reached_but_not_crossed() {
        let square = [(1, 2, 1), (2, 4, 1), (1, 3, 10), (3, 4, 10)];
        let database = database(&square, &[2]);
        assert_eq!(way(&database, 2), Some((1, vec![id(2)])));
        assert_eq!(way(&database, 4), Some((20, vec![id(3)])));
    }

    #[test]
    fn a_link_that_only_one_end_names_is_not_used() {
        let mut database = database(&[(1, 2, 1), (2, 3, 1)], &[]);
        database.get_mut(&id(3)).unwrap().links.clear();
        assert_eq!(way(&database, 3), None);
    }

    #[test]
    fn an_anycast_prefix_is_nearest_wins_and_never_replaces_our_own() {
        let shared: IpNet = "192.0.2.0/24".parse().unwrap();
        let mut database = database(&[(1, 2, 5), (1, 3, 1), (3, 4, 4)], &[]);
        for router in [2, 4] {
            database.get_mut(&id(router)).unwrap().prefixes.push((shared, 0));
        }
        let ways = prefixes(&database, id(1));
        assert_eq!(ways[&shared], Reach { metric: 5, first_hops: Set::from([id(2), id(3)]) });
        database.get_mut(&id(1)).unwrap().prefixes.push((shared, 0));
        assert!(!prefixes(&database, id(1)).contains_key(&shared));
    }
}
