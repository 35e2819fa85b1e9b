//! W on direct links: two hosts that talk to each other are neighbours, with their pair's latency.
//!
//! A link for each pair of hosts would be half a million links for N = 1,000. There are only those that the workload
//! uses, about 3 N, and every route is a connected one.

use crate::Failure;
use bench_common::plan::{self, Workload};
use blackstart_sim::{Latency, LinkSpec, NodeId, NodeSpec, Set, Sim};
use std::time::Duration;

/// Builds it; the nodes are the hosts, in order.
pub(crate) fn build(sim: &Sim, workload: Workload) -> Result<Vec<NodeId>, Failure> {
    let hosts: Vec<NodeId> = (0..workload.hosts).map(|i| add_host(sim, i)).collect::<Result<_, _>>()?;
    for (i, j) in pairs(workload) {
        add_link(sim, hosts[i], hosts[j], plan::latency(i, j))?;
    }
    Ok(hosts)
}

/// Pairs of hosts that talk to each other, each once.
fn pairs(workload: Workload) -> Set<(usize, usize)> {
    let partners = |i| workload.peers(i).into_iter().chain([workload.server(i)]);
    let ways = (0..workload.hosts).flat_map(|i| partners(i).map(move |j| (i, j)));
    ways.filter(|(i, j)| i != j).map(|(i, j)| (i.min(j), i.max(j))).collect()
}

/// A host without links.
pub(crate) fn add_host(sim: &Sim, i: usize) -> Result<NodeId, Failure> {
    let addresses = vec![plan::address(i).into()];
    Ok(sim.add_node(NodeSpec { name: format!("h{i}"), addresses, forwards: false })?)
}

/// A link that loses nothing and carries as much as comes.
pub(crate) fn add_link(sim: &Sim, a: NodeId, b: NodeId, latency: Duration) -> Result<(), Failure> {
    sim.add_link(LinkSpec::new(a, b).latency(Latency::Fixed(latency)))?;
    Ok(())
}
