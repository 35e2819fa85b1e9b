//! Who may open what, when: the access server's directory and its pure decision.

use std::time::Duration;

use blackstart_rt::{Map, Set};
use serde::{Deserialize, Serialize};

/// One badge and what it opens. The same shape in the server's configuration, on the wire and in an offline
/// list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Badge {
    /// The badge's number.
    pub badge: String,
    /// Who carries it.
    pub person: String,
    /// The doors that it opens.
    pub doors: Set<String>,
    /// Opens nothing before this, seconds since 1970.
    #[serde(default)]
    pub valid_from_unix_s: u64,
    /// Opens nothing from this on, seconds since 1970.
    #[serde(default = "no_end")]
    pub valid_until_unix_s: u64,
}

// Not u64::MAX: TOML's integers have 63 bits.
fn no_end() -> u64 {
    i64::MAX.unsigned_abs()
}

/// Why a badge does not open a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum DenyReason {
    /// Nobody carries this badge.
    #[error("unknown badge")]
    UnknownBadge,
    /// The badge opens other doors.
    #[error("not allowed at this door")]
    NotAllowed,
    /// The badge is not valid yet.
    #[error("not valid yet")]
    NotYetValid,
    /// The badge is not valid any more.
    #[error("expired")]
    Expired,
    /// The controller has no such door.
    #[error("unknown door")]
    UnknownDoor,
    /// Whoever carries the badge went in and never left.
    #[error("in already")]
    AlreadyIn,
    /// The door opens for two people, and this is the first.
    #[error("waits for a second person")]
    SecondPerson,
    /// The server is silent, and the door's own list, which may be older than the badge, does not have it.
    #[error("not on the list that this door holds")]
    NotOnList,
}

/// All badges by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    by_number: Map<String, Badge>,
}

impl Directory {
    /// A directory of these badges; of two with one number the later counts.
    pub fn new(badges: impl IntoIterator<Item = Badge>) -> Self {
        Self { by_number: badges.into_iter().map(|badge| (badge.badge.clone(), badge)).collect() }
    }

    /// Whether `badge` opens `door` at `now` (time since 1970 by the clock of whoever decides); if so, who
    /// carries it.
    ///
    /// # Errors
    /// Why not.
    pub fn decide(&self, door: &str, badge: &str, now: Duration) -> Result<&str, DenyReason> {
        match self.by_number.get(badge) {
            Some(known) if !known.doors.contains(door) => Err(DenyReason::NotAllowed),
            _ => self.holder(badge, now),
        }
    }

    /// Who carries `badge`, whatever it opens, if it is good at `now`.
    ///
    /// # Errors
    /// Why it is not.
    pub fn holder(&self, badge: &str, now: Duration) -> Result<&str, DenyReason> {
        let badge = self.by_number.get(badge).ok_or(DenyReason::UnknownBadge)?;
        if now.as_secs() < badge.valid_from_unix_s {
            return Err(DenyReason::NotYetValid);
        }
        if now.as_secs() >= badge.valid_until_unix_s {
            return Err(DenyReason::Expired);
        }
        Ok(&badge.person)
    }

    /// The badges that open at least one of `doors`, cut down to those doors: what a controller may cache.
    pub fn extract(&self, doors: &Set<String>) -> Vec<Badge> {
        let cut = |badge: &Badge| Badge { doors: &badge.doors & doors, ..badge.clone() };
        self.by_number.values().map(cut).filter(|badge| !badge.doors.is_empty()).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn badge(number: &str, doors: &[&str], from: u64, until: u64) -> Badge {
        Badge {
            badge: number.into(),
            person: format!("person of {number}"),
            doors: doors.iter().map(|door| (*door).to_owned()).collect(),
            valid_from_unix_s: from,
            valid_until_unix_s: until,
        }
    }

    #[test]
    fn decides() {
        let directory = Directory::new([badge("7", &["gate", "hall"], 100, 200)]);
        let table = [
            ("gate", "7", 100, Ok("person of 7")),
            ("hall", "7", 199, Ok("person of 7")),
            ("gate", "8", 150, Err(DenyReason::UnknownBadge)),
            ("safe", "7", 150, Err(DenyReason::NotAllowed)),
            ("gate", "7", 99, Err(DenyReason::NotYetValid)),
            ("gate", "7", 200, Err(DenyReason::Expired)),
            ("", "", 150, Err(DenyReason::UnknownBadge)),
        ];
        for (door, number, now_s, expected) in table {
            let got = directory.decide(door, number, Duration::from_secs(now_s));
            assert_eq!(got, expected, "{number} at {door} at {now_s} s");
        }
    }

    #[test]
    fn an_extract_decides_alike_for_its_doors_and_tells_nothing_of_others() {
        let directory = Directory::new([badge("7", &["gate", "hall"], 0, 9), badge("8", &["hall"], 0, 9)]);
        let extract = directory.extract(&["gate".to_owned()].into());
        assert_eq!(extract, vec![badge("7", &["gate"], 0, 9)]);
    }
}
