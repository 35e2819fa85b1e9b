//! The audit log's lines: one JSON object per decision or leave, appended and synced before anybody is told.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::directory::DenyReason;

/// The log's name on the server's disk.
pub const FILE: &str = "audit.log";

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// When, milliseconds since 1970 by the server's clock.
    pub unix_ms: u64,
    /// The controller that asked.
    pub controller: String,
    /// For which door.
    pub door: String,
    /// For which badge.
    pub badge: String,
    /// What was decided.
    pub outcome: Outcome,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Open, for this person.
    Grant(String),
    /// Do not open.
    Deny(DenyReason),
    /// Nothing was asked: the badge was held to the reader inside, by somebody who leaves.
    Left,
}

/// A time since 1970 as entries have it.
pub(crate) fn unix_ms(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

impl Entry {
    /// The entry's line, line feed included.
    ///
    /// # Errors
    /// Never for entries made here: strings and numbers always serialise.
    pub fn to_line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// The entries of a log. Lines torn by a power cut are skipped: their decisions were never told.
pub fn entries(log: &[u8]) -> impl Iterator<Item = Entry> {
    log.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(badge: &str) -> Entry {
        Entry {
            unix_ms: 1_633_380_000_000,
            controller: "[2001:db8::1]:1".into(),
            door: "gate".into(),
            badge: badge.into(),
            outcome: Outcome::Deny(DenyReason::NotAllowed),
        }
    }

    #[test]
    fn reads_back_around_a_torn_line() {
        let mut log = entry("1").to_line().unwrap();
        log.extend(&entry("2").to_line().unwrap()[..20]);
        log.push(b'\n');
        log.extend(entry("line\nfeed").to_line().unwrap());
        assert_eq!(entries(&log).collect::<Vec<_>>(), [entry("1"), entry("line\nfeed")]);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = entries(&bytes).count();
        }
    }
}
