//! Needs as a graph: small ones by hand, then random ones against brute force.

use blackstart_rt::Set;
use blackstart_runbook::needs::{Graph, Id, Judgement, Met, Witness};
use proptest::prelude::*;

/// A door that opens by a badge, whose server hangs on the network, or by a key, if there is one.
fn door(key: Met) -> (Graph, Id, Id) {
    let mut graph = Graph::default();
    let enter = graph.step("`enter`", 0);
    let restore = graph.step("`restore`", 1);
    let network = graph.fact("network", Met::Any(vec![restore]));
    let badge = graph.fact("badge", Met::All(vec![network]));
    let key = graph.fact("key", key);
    graph.explain(enter, Met::Any(vec![badge, key]));
    graph.explain(restore, Met::All(vec![enter]));
    (graph, enter, restore)
}

#[test]
fn a_circle_without_a_way_out_is_deadlocked() {
    let (graph, enter, goal) = door(Met::Lost("the holder cannot be called".to_owned()));
    let Judgement::Deadlocked(witness) = graph.judge(enter) else { panic!("{:?}", graph.judge(goal)) };
    assert!(matches!(graph.judge(goal), Judgement::Deadlocked(_)));
    assert_eq!(
        witness.lines(&graph),
        [
            "`enter`",
            "  badge < network < `restore`, which comes after `enter`",
            "  key < the holder cannot be called"
        ]
    );
}

#[test]
fn a_circle_with_a_way_out_passes() {
    let (graph, _, goal) = door(Met::Given);
    assert_eq!(graph.judge(goal), Judgement::Reached);
}

#[test]
fn what_nobody_models_decides_nothing() {
    let (graph, _, goal) = door(Met::Unmodelled);
    let Judgement::Inconclusive(needed) = graph.judge(goal) else { panic!("{:?}", graph.judge(goal)) };
    assert_eq!(needed.iter().map(|&id| graph.name(id)).collect::<Vec<_>>(), ["key"]);
}

const NODES: usize = 7;

fn met() -> impl Strategy<Value = Met> {
    let ids = || prop::collection::vec(0..NODES, 0..4);
    prop_oneof![
        1 => Just(Met::Given),
        2 => Just(Met::Lost("gone".to_owned())),
        1 => Just(Met::Unmodelled),
        4 => ids().prop_map(Met::All),
        4 => ids().prop_map(Met::Any),
    ]
}

fn graph(nodes: Vec<Met>) -> Graph {
    let mut graph = Graph::default();
    for met in nodes {
        graph.joint(met);
    }
    graph
}

fn graphs() -> impl Strategy<Value = Graph> {
    prop::collection::vec(met(), NODES).prop_map(graph)
}

/// Whether `nodes` can all be there at once and nothing else: each by the others.
fn is_closed(graph: &Graph, nodes: &Set<Id>, assumed: &Set<Id>) -> bool {
    (0..graph.len()).all(|id| {
        let holds = match graph.met(id) {
            Met::Given => true,
            Met::Lost(_) => false,
            Met::Unmodelled => assumed.contains(&id),
            Met::All(parts) => parts.iter().all(|part| nodes.contains(part)),
            Met::Any(ways) => ways.iter().any(|way| nodes.contains(way)),
        };
        nodes.contains(&id) == holds
    })
}

fn subsets() -> impl Iterator<Item = Set<Id>> {
    (0..1_u32 << NODES).map(|bits| (0..NODES).filter(|id| bits >> id & 1 == 1).collect())
}

/// Every node of it is stopped by another of it, or gone.
fn is_unsatisfied(graph: &Graph, nodes: &Set<Id>) -> bool {
    nodes.iter().all(|&id| match graph.met(id) {
        Met::Given | Met::Unmodelled => false,
        Met::Lost(_) => true,
        Met::All(parts) => parts.iter().any(|part| nodes.contains(part)),
        Met::Any(ways) => ways.iter().all(|way| nodes.contains(way)),
    })
}

fn witness(graph: &Graph, goal: Id) -> Option<Witness> {
    match graph.judge(goal) {
        Judgement::Deadlocked(witness) => Some(witness),
        _ => None,
    }
}

proptest! {
    #[test]
    fn the_fixed_point_is_the_least_of_all(graph in graphs()) {
        let assumed = graph.unmodelled();
        let closed: Vec<Set<Id>> = subsets().filter(|nodes| is_closed(&graph, nodes, &assumed)).collect();
        let common = (0..NODES).filter(|id| closed.iter().all(|nodes| nodes.contains(id)));
        prop_assert_eq!(graph.reached(&assumed), common.collect::<Set<_>>());
    }

    #[test]
    fn a_witness_is_unsatisfied_and_minimal(graph in graphs()) {
        for goal in 0..NODES {
            let at_best = graph.reached(&graph.unmodelled()).contains(&goal);
            let Some(witness) = witness(&graph, goal) else {
                prop_assert!(at_best);
                continue;
            };
            prop_assert!(!at_best && witness.nodes().contains(&goal));
            prop_assert!(is_unsatisfied(&graph, witness.nodes()));
            let smaller = subsets().filter(|nodes| nodes.contains(&goal) && nodes.is_subset(witness.nodes()));
            for nodes in smaller.filter(|nodes| nodes != witness.nodes()) {
                prop_assert!(!is_unsatisfied(&graph, &nodes), "{nodes:?} is enough");
            }
            prop_assert!(witness.lines(&graph).len() <= 1 + NODES * NODES);
        }
    }

    #[test]
    fn what_is_assumed_is_enough_and_no_more(graph in graphs()) {
        for goal in 0..NODES {
            let Judgement::Inconclusive(needed) = graph.judge(goal) else { continue };
            let needed: Set<Id> = needed.into_iter().collect();
            prop_assert!(graph.reached(&needed).contains(&goal));
            for id in &needed {
                let mut fewer = needed.clone();
                fewer.remove(id);
                prop_assert!(!graph.reached(&fewer).contains(&goal));
            }
        }
    }

    #[test]
    fn one_thing_more_never_takes_anything_away(nodes in prop::collection::vec(met(), NODES), given in 0..NODES) {
        let before = graph(nodes.clone());
        let mut more = graph(nodes);
        more.explain(given, Met::Given);
        let assumed = before.unmodelled();
        prop_assert!(before.reached(&assumed).is_subset(&more.reached(&assumed)));
    }
}
