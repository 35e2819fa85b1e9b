//! A share of all clients, and who belongs to it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use xxhash_rust::xxh3::xxh3_64;

/// A percentage from 0 to 100 in steps of 0.01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Percent {
    hundredths: u16,
}

/// A text was not a percentage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a percentage from 0 to 100 with at most two decimals, such as \"15\" or \"2.5\"")]
pub struct ParsePercentError;

impl Percent {
    /// Nobody.
    pub const NONE: Self = Self { hundredths: 0 };
    /// Everybody.
    pub const ALL: Self = Self { hundredths: 10_000 };

    /// That many whole percent, at most 100.
    pub const fn whole(percent: u8) -> Self {
        Self { hundredths: if percent > 100 { 10_000 } else { percent as u16 * 100 } }
    }

    /// The percentage as a number from 0 to 100.
    pub fn as_f64(self) -> f64 {
        f64::from(self.hundredths) / 100.0
    }

    /// Whether the client who shows `key` belongs to this share. Who is in stays in when the share grows.
    pub fn admits(self, key: &str) -> bool {
        xxh3_64(key.as_bytes()) % 10_000 < u64::from(self.hundredths)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.hundredths / 100, self.hundredths % 100);
        match rest {
            0 => write!(f, "{whole}"),
            _ if rest.is_multiple_of(10) => write!(f, "{whole}.{}", rest / 10),
            _ => write!(f, "{whole}.{rest:02}"),
        }
    }
}

impl FromStr for Percent {
    type Err = ParsePercentError;

    fn from_str(text: &str) -> Result<Self, ParsePercentError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 3) || !digits(decimals, 2) {
            return Err(ParsePercentError);
        }
        let whole: u16 = whole.parse().map_err(|_| ParsePercentError)?;
        let decimals: u16 = format!("{decimals:0<2}").parse().map_err(|_| ParsePercentError)?;
        match whole * 100 + decimals {
            hundredths @ 0..=10_000 => Ok(Self { hundredths }),
            _ => Err(ParsePercentError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_and_back() {
        for (text, hundredths, shown) in [
            ("0", 0, "0"),
            ("5", 500, "5"),
            ("2.5", 250, "2.5"),
            ("0.05", 5, "0.05"),
            ("100.00", 10_000, "100"),
        ] {
            let percent: Percent = text.parse().unwrap();
            assert_eq!((percent.hundredths, percent.to_string().as_str()), (hundredths, shown), "{text}");
        }
        for text in ["", "101", "100.01", "-1", "+5", "5.", ".5", "1.234", "5%", "1e1", "９", "0005"] {
            assert_eq!(text.parse::<Percent>(), Err(ParsePercentError), "{text}");
        }
    }

    #[test]
    fn none_admits_nobody_and_a_share_is_about_its_size() {
        let admitted =
            |percent: Percent| (0..10_000).filter(|n| percent.admits(&format!("user-{n}"))).count();
        assert_eq!(admitted(Percent::NONE), 0);
        assert_eq!(admitted(Percent::ALL), 10_000);
        assert!((1_300..1_700).contains(&admitted(Percent::whole(15))));
    }

    proptest! {
        #[test]
        fn who_is_in_stays_in(key in ".{0,40}", p in 0_u16..=10_000, more in 0_u16..=10_000) {
            let (small, large) = (Percent { hundredths: p }, Percent { hundredths: (p + more).min(10_000) });
            prop_assert!(!small.admits(&key) || large.admits(&key));
        }

        #[test]
        fn display_parses_back(hundredths in 0_u16..=10_000) {
            let percent = Percent { hundredths };
            prop_assert_eq!(percent.to_string().parse(), Ok(percent));
        }
    }
}
