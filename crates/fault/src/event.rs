//! What happens to a schedule, as records of kind `fault`.

use crate::kind::Kind;
use blackstart_rt as rt;
use serde::{Deserialize, Serialize};

/// A fault begins, or ends. The number is its place in the schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Something is broken from now on.
    Began {
        /// Which fault.
        fault: u32,
        /// What is broken.
        kind: Kind,
    },
    /// It is undone.
    Ended {
        /// Which fault.
        fault: u32,
    },
    /// It could not be done, or not be undone.
    Missed {
        /// Which fault.
        fault: u32,
        /// Why.
        why: String,
    },
}

impl rt::Event for Event {
    const KIND: &'static str = "fault";
}
