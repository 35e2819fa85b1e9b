//! The offline list: what a controller remembers of the directory, and for how long it may use it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::directory::{Badge, Directory};

/// The list's name on the controller's disk: a controller that rebooted in an outage still has it.
pub const FILE: &str = "offline-list.json";

/// Whether and how a controller keeps an offline list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// A list fetched longer ago than this is not used, seconds.
    pub max_age_s: u64,
    /// How often the list is fetched while the server answers, seconds.
    #[serde(default = "refresh_s")]
    pub refresh_s: u64,
}

fn refresh_s() -> u64 {
    300
}

/// A list as fetched and stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stored {
    /// When it was fetched, seconds since 1970 by the controller's clock.
    pub fetched_unix_s: u64,
    /// The badges that open the controller's doors.
    pub badges: Vec<Badge>,
}

/// A list ready to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    fetched_unix_s: u64,
    directory: Directory,
}

impl From<Stored> for List {
    fn from(stored: Stored) -> Self {
        Self { fetched_unix_s: stored.fetched_unix_s, directory: Directory::new(stored.badges) }
    }
}

impl List {
    /// What the list holds, to be asked at `now`; `None` when it is too old, or from a future that this clock has
    /// not reached.
    pub fn directory(&self, policy: Policy, now: Duration) -> Option<&Directory> {
        let age_s = now.as_secs().checked_sub(self.fetched_unix_s)?;
        (age_s <= policy.max_age_s).then_some(&self.directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::tests::badge;

    #[test]
    fn is_used_within_its_age_only() {
        let stored = Stored { fetched_unix_s: 1000, badges: vec![badge("7", &["gate"], 0, 5000)] };
        let list = List::from(stored);
        let policy = Policy { max_age_s: 100, refresh_s: 10 };
        let table = [(999, None), (1000, Some("person of 7")), (1100, Some("person of 7")), (1101, None)];
        for (now_s, expected) in table {
            let now = Duration::from_secs(now_s);
            let got = list.directory(policy, now).map(|directory| directory.decide("gate", "7", now));
            assert_eq!(got, expected.map(Ok), "at {now_s} s");
        }
    }
}
