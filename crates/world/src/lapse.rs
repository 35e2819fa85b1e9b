//! What people do wrong, while something makes them.

use serde::{Deserialize, Serialize};

/// A lapse of one person.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lapse {
    /// Answers no phone and is on no bridge.
    Away,
    /// Takes so many times as long for everything.
    Slow(f64),
    /// Leaves out what the step says, and believes it done.
    Skips,
    /// Sees what they wait for before it is there.
    Misreads,
    /// Types the right command at the next machine.
    WrongHost,
}
