//! What a recovery needs, as a graph, and whether it can ever be had.
//!
//! A [`Graph`] has one node for each thing that may be needed: a service, a path, a key, a step that is done. A node is met
//! by all of some others, by any of some others, or by itself. Whoever knows the world builds the graph; nothing here
//! knows what a node stands for.
//!
//! [`Graph::judge`] grows the least fixed point from what is met by itself. What lies outside is deadlocked: it waits for
//! itself, or for something that is gone. The [`Witness`] shows that: every alternative, and why each fails.
//!
//! - `graph`: nodes and the fixed point. Start here.
//! - `witness`: a minimal set of nodes that can never be met, and its words.
//! - [`PHONES`], [`ROADS`]: needs without a model that actions themselves have

mod graph;
mod witness;

pub use graph::{Graph, Id, Judgement, Met};
pub use witness::Witness;

/// What calling anybody by phone rests on.
pub const PHONES: &str = "mobile-carriers";
/// What driving rests on.
pub const ROADS: &str = "roads";
