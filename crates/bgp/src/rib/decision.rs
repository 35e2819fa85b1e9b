//! Which of several paths to a prefix is best (RFC 4271 9.1.2, RFC 4456 9). Pure: facts in, choice out.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::wire::Origin;

/// What the decision needs to know of one path. Paths whose next hop cannot be resolved never become candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Originated by this router.
    pub local: bool,
    /// Degree of preference; higher wins.
    pub local_pref: u32,
    /// AS_PATH length, sets counting one; lower wins.
    pub as_hops: usize,
    /// Lower wins.
    pub origin: Origin,
    /// Lower wins, among paths of the same `neighbour_as` only; 0 when absent.
    pub med: u32,
    /// First AS of the path; `None` when the path is our own AS's.
    pub neighbour_as: Option<u32>,
    /// Learnt from another AS; wins over internal.
    pub external: bool,
    /// Interior cost to the next hop; lower wins.
    pub igp_metric: u32,
    /// ORIGINATOR_ID, else the peer's identifier; lower wins.
    pub router_id: Ipv4Addr,
    /// CLUSTER_LIST length; lower wins.
    pub clusters: usize,
    /// Lower wins; the last resort.
    pub peer_address: IpAddr,
}

/// The step that settled a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// There was nothing to compare.
    OnlyPath,
    /// Our own prefix.
    Local,
    /// RFC 4271 9.1.1.
    LocalPref,
    /// RFC 4271 9.1.2.2 a.
    AsPath,
    /// RFC 4271 9.1.2.2 b.
    Origin,
    /// RFC 4271 9.1.2.2 c.
    Med,
    /// RFC 4271 9.1.2.2 d.
    External,
    /// RFC 4271 9.1.2.2 e.
    IgpMetric,
    /// RFC 4271 9.1.2.2 f, RFC 4456 9.
    RouterId,
    /// RFC 4456 9.
    ClusterList,
    /// RFC 4271 9.1.2.2 g.
    PeerAddress,
}

const STEPS: [Step; 10] = [
    Step::Local,
    Step::LocalPref,
    Step::AsPath,
    Step::Origin,
    Step::Med,
    Step::External,
    Step::IgpMetric,
    Step::RouterId,
    Step::ClusterList,
    Step::PeerAddress,
];

/// The winner's index and the step that left it alone; `None` without candidates.
pub fn best(candidates: &[Candidate]) -> Option<(usize, Step)> {
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    let mut settled = Step::OnlyPath;
    for step in STEPS {
        if left.len() < 2 {
            break;
        }
        left = narrowed(step, candidates, &left);
        settled = step;
    }
    Some((*left.first()?, settled))
}

fn narrowed(step: Step, candidates: &[Candidate], left: &[usize]) -> Vec<usize> {
    let of = |index: &usize| candidates.get(*index);
    match step {
        Step::OnlyPath => left.to_vec(),
        Step::Local => lowest(left, |i| of(i).map(|c| !c.local)),
        Step::LocalPref => lowest(left, |i| of(i).map(|c| std::cmp::Reverse(c.local_pref))),
        Step::AsPath => lowest(left, |i| of(i).map(|c| c.as_hops)),
        Step::Origin => lowest(left, |i| of(i).map(|c| c.origin)),
        Step::Med => without_worse_med(candidates, left),
        Step::External => lowest(left, |i| of(i).map(|c| !c.external)),
        Step::IgpMetric => lowest(left, |i| of(i).map(|c| c.igp_metric)),
        Step::RouterId => lowest(left, |i| of(i).map(|c| c.router_id)),
        Step::ClusterList => lowest(left, |i| of(i).map(|c| c.clusters)),
        Step::PeerAddress => lowest(left, |i| of(i).map(|c| c.peer_address)),
    }
}

fn lowest<K: Ord>(left: &[usize], key: impl Fn(&usize) -> K) -> Vec<usize> {
    let least = left.iter().map(&key).min();
    left.iter().filter(|index| Some(key(index)) == least).copied().collect()
}

/// Drops every path for which one of the same neighbouring AS has a lower MED.
fn without_worse_med(candidates: &[Candidate], left: &[usize]) -> Vec<usize> {
    let beats = |a: &Candidate, b: &Candidate| a.neighbour_as == b.neighbour_as && a.med < b.med;
    let paths = || left.iter().filter_map(|index| candidates.get(*index).map(|path| (*index, path)));
    paths()
        .filter(|(_, path)| !paths().any(|(_, other)| beats(other, path)))
        .map(|(index, _)| index)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> Candidate {
        Candidate {
            local: false,
            local_pref: 100,
            as_hops: 3,
            origin: Origin::Egp,
            med: 10,
            neighbour_as: Some(65001),
            external: false,
            igp_metric: 20,
            router_id: [10, 0, 0, 5].into(),
            clusters: 2,
            peer_address: [10, 0, 0, 5].into(),
        }
    }

    /// Every step, with everything after it speaking for the other path.
    #[test]
    fn each_step_outranks_all_later_ones() {
        let cases: [(Step, Candidate); 10] = [
            (Step::PeerAddress, Candidate { peer_address: [10, 0, 0, 4].into(), ..path() }),
            (Step::ClusterList, Candidate { clusters: 1, peer_address: [10, 0, 0, 9].into(), ..path() }),
            (Step::RouterId, Candidate { router_id: [10, 0, 0, 4].into(), clusters: 9, ..path() }),
            (Step::IgpMetric, Candidate { igp_metric: 19, router_id: [10, 0, 0, 9].into(), ..path() }),
            (Step::External, Candidate { external: true, igp_metric: 99, ..path() }),
            (Step::Med, Candidate { med: 9, igp_metric: 99, ..path() }),
            (Step::Origin, Candidate { origin: Origin::Igp, med: 99, ..path() }),
            (Step::AsPath, Candidate { as_hops: 2, origin: Origin::Incomplete, ..path() }),
            (Step::LocalPref, Candidate { local_pref: 101, as_hops: 9, ..path() }),
            (Step::Local, Candidate { local: true, local_pref: 0, ..path() }),
        ];
        for (step, better) in cases {
            assert_eq!(best(&[path(), better.clone()]), Some((1, step)));
            assert_eq!(best(&[better, path()]), Some((0, step)));
        }
    }

    #[test]
    fn med_is_compared_only_within_a_neighbouring_as() {
        let other =
            Candidate { med: 0, neighbour_as: Some(65002), router_id: [10, 0, 0, 9].into(), ..path() };
        assert_eq!(best(&[path(), other]), Some((0, Step::RouterId)));
    }

    /// Comparing in pairs would let the order of arrival decide here (RFC 4271 9.1.2.2 c, "in any order").
    #[test]
    fn med_does_not_depend_on_order() {
        let a = Candidate { med: 1, igp_metric: 30, ..path() };
        let b = Candidate { med: 0, igp_metric: 40, ..path() };
        let c = Candidate { neighbour_as: Some(65002), igp_metric: 35, ..path() };
        for (order, winner) in [([&a, &b, &c], 2), ([&c, &a, &b], 0), ([&b, &c, &a], 1)] {
            let candidates = order.map(Clone::clone);
            assert_eq!(best(&candidates), Some((winner, Step::IgpMetric)));
        }
    }

    #[test]
    fn one_path_wins_and_none_does_not() {
        assert_eq!(best(&[path()]), Some((0, Step::OnlyPath)));
        assert_eq!(best(&[]), None);
    }
}
