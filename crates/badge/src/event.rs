//! What doors, controllers and the access server record.

use blackstart_rt as rt;
use serde::{Deserialize, Serialize};

use crate::wire::Verdict;

/// A decision at a door, or a change of what a controller can rely on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A controller answered a tap.
    Decision {
        /// Which door.
        door: String,
        /// The badge's number.
        badge: String,
        /// What the person saw; a denial carries its reason.
        verdict: Verdict,
        /// On whose word.
        path: Path,
    },
    /// A door was opened.
    DoorOpened {
        /// Which door.
        door: String,
        /// By what.
        by: By,
    },
    /// A controller lost its access server, or lost it in another way than before.
    ServerUnreachable {
        /// Why.
        why: Why,
    },
    /// A controller has its access server back.
    ServerReachable,
    /// The access server could not write its audit log, so it did not decide.
    AuditFailed {
        /// The disk's error.
        error: String,
    },
}

/// On whose word a tap was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Path {
    /// The access server's.
    Server,
    /// The server was silent: the cached list's.
    OfflineList,
    /// The server was silent: a door that fails open.
    FailSafe,
    /// The server was silent: a door that stays shut.
    FailSecure,
    /// The controller has no such door.
    NoDoor,
}

/// What opened a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// A badge; the bolt was drawn for it.
    Badge,
    /// The contact opened while the bolt was out: a mechanical key, or force.
    Key,
    /// The handle inside.
    FreeEgress,
}

/// Why the access server is out of a controller's reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// Its name does not resolve.
    Dns(String),
    /// It cannot be connected to, or broke off.
    Connect(String),
    /// It did not answer in time.
    Timeout,
    /// It answered that it cannot decide.
    Failed(String),
    /// What it shows of itself is not believed.
    Certificate(String),
}

impl rt::Event for Event {
    const KIND: &'static str = "badge";
}
