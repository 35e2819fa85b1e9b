//! Certificates: who shows one is believed from a time to a time, by the clock of whoever looks.
//!
//! A *model* of the validity of RFC 5280 and of nothing else: no keys, no chain, no names.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use crate::moment::Moment;

/// What is shown: nothing but its validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Holds from this on.
    pub from: Moment,
    /// Holds until this, inclusive.
    pub until: Moment,
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
            now if now < self.from.unix_s() => Err(Invalid::NotYet),
            now if now > self.until.unix_s() => Err(Invalid::Expired),
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
        write!(f, "certificate {} {}", self.from.unix_s(), self.until.unix_s())
    }
}

impl FromStr for Certificate {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (from, until) = line.strip_prefix("certificate ").and_then(|it| it.split_once(' ')).ok_or(())?;
        let moment = |text: &str| text.parse().ok().and_then(Moment::from_unix_s).ok_or(());
        Ok(Self { from: moment(from)?, until: moment(until)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn holds_from_a_time_to_a_time() {
        let certificate: Certificate = "certificate 100 200".parse().unwrap();
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
        fn reads_back_what_it_shows(from in 0_u64..9_999_999_999, until: u64, line in ".{0,40}") {
            let shown = format!("certificate {from} {until}");
            let read = shown.parse::<Certificate>();
            // A time after the year 9999 is none that a file could say.
            prop_assert_eq!(read.map(|read| read.to_string()).ok(), Moment::from_unix_s(until).map(|_| shown));
            let _ = line.parse::<Certificate>();
        }
    }
}
