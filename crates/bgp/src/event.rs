//! What a speaker reports to the run's record.

use std::net::IpAddr;

use blackstart_rt as rt;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::session::DownReason;
use crate::wire::Defect;

/// Decisions worth remembering. `peer` is the neighbour's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A session reached Established.
    SessionUp {
        /// With whom.
        peer: IpAddr,
    },
    /// A session left Established.
    SessionDown {
        /// With whom.
        peer: IpAddr,
        /// Why.
        reason: DownReason,
    },
    /// The Loc-RIB took another path.
    BestPathChanged {
        /// To where.
        prefix: IpNet,
        /// Learnt from whom; `None` for a prefix of our own.
        peer: Option<IpAddr>,
        /// The ASes on it, nearest first.
        as_path: Vec<u32>,
    },
    /// The Loc-RIB has no path any more.
    Withdrawn {
        /// To where.
        prefix: IpNet,
    },
    /// A malformed attribute that the session survived (RFC 7606).
    Malformed {
        /// Who sent it.
        peer: IpAddr,
        /// Which attribute, and what was done.
        defect: Defect,
    },
    /// A collector received an UPDATE.
    UpdateReceived {
        /// From whom.
        peer: IpAddr,
        /// Prefixes announced in it.
        announced: u32,
        /// Prefixes withdrawn in it.
        withdrawn: u32,
    },
    /// A collector has another number of paths to a prefix.
    PathsChanged {
        /// To where.
        prefix: IpNet,
        /// Paths in its Adj-RIBs-In, over all neighbours.
        paths: u32,
    },
    /// We started to originate a prefix: at start, asked by control, or because its condition holds again.
    Announced {
        /// Which.
        prefix: IpNet,
    },
    /// We stopped to originate a prefix.
    WithdrawnLocal {
        /// Which.
        prefix: IpNet,
        /// Control asked for it; otherwise its `while-reachable` address is out of reach.
        by_control: bool,
    },
}

impl rt::Event for Event {
    const KIND: &'static str = "bgp";
}
