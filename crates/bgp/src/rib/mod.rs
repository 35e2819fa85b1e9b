//! The routes of one speaker, as a machine: routes and costs in, routes and forwarding out; no sockets, no clocks.
//!
//! A path moves through the stages of RFC 4271 3.2: import policy → Adj-RIB-In → decision → Loc-RIB → export
//! policy → Adj-RIB-Out. What import policy refuses is not kept: there is no route refresh that could want it.
//!
//! - `table`: the stages and the machine (start here)
//! - `decision`: best path; `policy`: import, export, reflection; `adj_rib_out`: what a neighbour was told

mod adj_rib_out;
mod decision;
mod policy;
mod table;
#[cfg(test)]
mod tests;

pub use decision::{Candidate, Step, best};
pub use table::{Best, Forwarding, Input, Output, PeerId, PeerUp, Rib, Source};
