//! Certificates: who shows one is believed from a time to a time, by the clock of whoever looks.
//!
//! A *model* of the validity of RFC 5280 and of nothing else: no keys, no chain, no names.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// What is shown: nothing but its validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Certificate {
    /// Holds from this on, seconds since 1970.
    pub not_before_unix_s: u64,
    /// Holds until this, inclusive, seconds since 1970.
    pub not_after_unix_s: u64,
}

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Its time is still to come, or the clock is behind.
    #[error("its certificate is not valid yet by the clock here")]
    NotYet,
    /// Its time is over, or the clock is ahead.
    #[error("its certificate has expired by the clock here")]
    Expired,
}

impl Certificate {
    /// Whether it holds at `now` (time since 1970 by the clock of whoever looks).
    ///
    /// # Errors
    /// Why not.
    pub fn check(self, now: Duration) -> Result<(), Invalid> {
        match now.as_secs() {
            now if now < self.not_before_unix_s => Err(Invalid::NotYet),
            now if now > self.not_after_unix_s => Err(Invalid::Expired),
            _ => Ok(()),
        }
    }
}

/// Whether this line of a server shows its certificate rather than the answer; one that is shown must hold at `now`.
///
/// # Errors
/// Why it does not.
pub fn is_shown(line: &str, now: Duration) -> Result<bool, Invalid> {
    line.parse::<Certificate>().map_or(Ok(false), |shown| shown.check(now).map(|()| true))
}

/// As it is shown on the wire.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate {} {}", self.not_before_unix_s, self.not_after_unix_s)
    }
}

impl FromStr for Certificate {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (from, until) = line.strip_prefix("certificate ").and_then(|it| it.split_once(' ')).ok_or(())?;
        let seconds = |text: &str| text.parse::<u64>().map_err(drop);
        Ok(Self { not_before_unix_s: seconds(from)?, not_after_unix_s: seconds(until)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn holds_from_a_time_to_a_time() {
        let certificate = Certificate { not_before_unix_s: 100, not_after_unix_s: 200 };
        let table = [(99, Err(Invalid::NotYet)), (100, Ok(())), (200, Ok(())), (201, Err(Invalid::Expired))];
        for (now_s, expected) in table {
            assert_eq!(certificate.check(Duration::from_secs(now_s)), expected, "{now_s} s");
        }
    }

    #[test]
    fn a_line_shows_one_that_holds_or_none_or_is_refused() {
        let table = [
            ("certificate 100 200", Ok(true)),
            ("certificate 100 149", Err(Invalid::Expired)),
            ("certificate 151 200", Err(Invalid::NotYet)),
            ("ok", Ok(false)),
        ];
        for (line, expected) in table {
            assert_eq!(is_shown(line, Duration::from_secs(150)), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_shows(from: u64, until: u64, line in ".{0,40}") {
            let shown = Certificate { not_before_unix_s: from, not_after_unix_s: until };
            prop_assert_eq!(shown.to_string().parse(), Ok(shown));
            let _ = line.parse::<Certificate>();
        }
    }
}
