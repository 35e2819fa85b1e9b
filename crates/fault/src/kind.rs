//! The kinds of faults.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// One fault of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// When it begins, from the start of the run.
    pub at: Duration,
    /// When it is undone, from the start of the run; `None` for good.
    pub until: Option<Duration>,
    /// What is broken.
    pub kind: Kind,
}

/// What is broken. Names are those of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// A link carries nothing, either way; both ends see the carrier go.
    LinkDown {
        /// Its ends.
        ends: [String; 2],
    },
    /// A link loses a share of packets, each way.
    LinkLoss {
        /// Its ends.
        ends: [String; 2],
        /// Share lost, from 0 to 1.
        share: f64,
    },
    /// A machine loses power. Undone: power returns and it boots.
    PowerOff {
        /// The machine.
        machine: String,
    },
    /// A service dies on its machine. Undone: it is started again.
    KillService {
        /// The service.
        service: String,
    },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkDown { ends: [a, b] } => write!(f, "link {a} - {b} down"),
            Self::LinkLoss { ends: [a, b], share } => write!(f, "link {a} - {b} loses {} %", share * 100.0),
            Self::PowerOff { machine } => write!(f, "{machine} without power"),
            Self::KillService { service } => write!(f, "service {service} killed"),
        }
    }
}
