//! What a router reports to the run's record.

use std::net::IpAddr;

use blackstart_rt as rt;
use serde::{Deserialize, Serialize};

/// Decisions worth remembering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Both ends hear each other.
    AdjacencyUp {
        /// The router at the other end.
        neighbour: IpAddr,
    },
    /// They no longer do.
    AdjacencyDown {
        /// The router at the other end.
        neighbour: IpAddr,
        /// How that was noticed.
        reason: DownReason,
    },
    /// Shortest paths were computed and differ from before.
    SpfRun {
        /// Prefixes with a route now.
        routes: u32,
    },
}

/// Why an adjacency ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownReason {
    /// The carrier went and stayed away for the detection time.
    Carrier,
    /// Three hello intervals passed in silence.
    Silence,
    /// The neighbour started anew, or stopped hearing us.
    NeighbourRestarted,
}

impl rt::Event for Event {
    const KIND: &'static str = "igp";
}
