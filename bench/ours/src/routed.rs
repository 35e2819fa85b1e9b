//! W over five routers, with a change of a forwarding table every minute.
//!
//! ```text
//!                   north0 - north1 - north2
//!                  /                        \
//! even hosts - west                          east - odd hosts
//!                  \                        /
//!                   south0 - south1 - south2
//! ```
//!
//! With an even number of hosts an even host only ever talks to odd ones, so every packet crosses five routers and
//! six links. West and east take turns, one a minute, in moving all that crosses them to the other path: a default
//! route that every flow of its direction is using. The paths are equally long, so nothing is lost or overtaken.
//!
//! A host's own link takes 1 to 21 ms, one between routers 2 ms: 10 to 50 ms from end to end, as on direct links.

use crate::Failure;
use crate::mesh::{add_host, add_link};
use bench_common::plan;
use blackstart_sim::fib::{Protocol, Target};
use blackstart_sim::{NodeId, NodeSpec, Sim, control};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Links that every packet crosses.
pub(crate) const LINKS_CROSSED: u64 = 6;
/// How often a forwarding table changes, in seconds.
pub(crate) const CHANGE_S: u64 = 60;

/// Routers of each of the two paths.
const PATH: usize = 3;
const BETWEEN_ROUTERS: Duration = Duration::from_millis(2);

pub(crate) struct Routed {
    /// In order of their number.
    pub(crate) hosts: Vec<NodeId>,
    sides: [Side; 2],
}

/// West or east, and what lies next to it.
struct Side {
    router: Router,
    north: Router,
    south: Router,
}

#[derive(Clone, Copy)]
struct Router {
    node: NodeId,
    address: IpAddr,
}

impl Routed {
    pub(crate) fn build(sim: &Sim, hosts: usize) -> Result<Self, Failure> {
        if !hosts.is_multiple_of(2) {
            return Err("the routed workload needs an even number of hosts".into());
        }
        let (west, east) = (add_router(sim, 0)?, add_router(sim, 1)?);
        let hosts = (0..hosts).map(|i| attach_host(sim, i, if i % 2 == 0 { west } else { east }));
        let hosts: Vec<NodeId> = hosts.collect::<Result<_, _>>()?;
        let north = add_path(sim, west, east, hosts.len(), 2)?;
        let south = add_path(sim, west, east, hosts.len(), 2 + PATH)?;
        let sides = [
            Side { router: west, north: north[0], south: south[0] },
            Side { router: east, north: north[PATH - 1], south: south[PATH - 1] },
        ];
        sides.iter().try_for_each(|side| route_default(side.router.node, side.north))?;
        Ok(Self { hosts, sides })
    }

    /// The `n`-th change, from 0: one side moves to the other path.
    pub(crate) fn change(&self, n: u64) -> Result<(), Failure> {
        let side = &self.sides[usize::from(n % 2 == 1)];
        let to_south = n % 4 < 2;
        route_default(side.router.node, if to_south { side.south } else { side.north })
    }
}

fn add_router(sim: &Sim, number: usize) -> Result<Router, Failure> {
    let address = Ipv4Addr::new(10, 1, 0, number as u8 + 1).into();
    let spec = NodeSpec { name: format!("r{number}"), addresses: vec![address], forwards: true };
    Ok(Router { node: sim.add_node(spec)?, address })
}

fn attach_host(sim: &Sim, i: usize, side: Router) -> Result<NodeId, Failure> {
    let host = add_host(sim, i)?;
    add_link(sim, host, side.node, Duration::from_millis(1 + plan::draw(6, i, 0) % 21))?;
    route_default(host, side)?;
    Ok(host)
}

/// The routers of one path, west to east. They know the even hosts one by one; all else is in the east.
fn add_path(
    sim: &Sim,
    west: Router,
    east: Router,
    hosts: usize,
    first: usize,
) -> Result<Vec<Router>, Failure> {
    let path: Vec<Router> = (first..first + PATH).map(|i| add_router(sim, i)).collect::<Result<_, _>>()?;
    let row = [&[west], &path[..], &[east]].concat();
    for pair in row.windows(2) {
        add_link(sim, pair[0].node, pair[1].node, BETWEEN_ROUTERS)?;
    }
    for three in row.windows(3) {
        let (back, here, ahead) = (three[0], three[1], three[2]);
        (0..hosts).step_by(2).try_for_each(|i| route_host(here.node, i, back))?;
        route_default(here.node, ahead)?;
    }
    Ok(path)
}

fn route_host(at: NodeId, i: usize, via: Router) -> Result<(), Failure> {
    let host = IpAddr::from(plan::address(i)).into();
    control::install_route(at, Protocol::Static, host, Target::Via(vec![via.address]), 0)?;
    Ok(())
}

fn route_default(at: NodeId, via: Router) -> Result<(), Failure> {
    let target = Target::Via(vec![via.address]);
    control::install_route(at, Protocol::Static, "0.0.0.0/0".parse()?, target, 0)?;
    Ok(())
}
