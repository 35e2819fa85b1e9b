//! Lengths, times and rates as people write them: `1h30m`, `12ms`, `15:39:00`, `+45m`, `10Mbit/s`.

use blackstart_runbook::LONGEST;
use jiff::SignedDuration;
use jiff::civil::Time;
use serde::de::{Deserialize, Deserializer, Error};
use std::time::Duration;

/// A length of time: `90s`, `1h30m`, `12ms`, `100us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length(pub Duration);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        length(&text).map(Self).map_err(D::Error::custom)
    }
}

/// The same above zero: where no time at all would make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch(pub Duration);

impl<'de> Deserialize<'de> for Stretch {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let length = length(&text).map_err(D::Error::custom)?;
        match length.is_zero() {
            true => Err(D::Error::custom(format!("`{text}` is no time at all, expected more than that"))),
            false => Ok(Self(length)),
        }
    }
}

fn length(text: &str) -> Result<Duration, String> {
    let read = text.parse::<SignedDuration>().ok().and_then(|length| Duration::try_from(length).ok());
    let unread = || format!("`{text}` is no length of time, expected one such as `90s`, `1h30m` or `12ms`");
    let length = read.ok_or_else(unread)?;
    match length > LONGEST {
        true => Err(format!(
            "`{text}` is too long, expected at most {} h, which is a year",
            LONGEST.as_secs() / 3600
        )),
        false => Ok(length),
    }
}

/// Bits per second: `64kbit/s`, `10Mbit/s`, `1Gbit/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub u64);

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        rate(&text).map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is no rate, expected one such as `64kbit/s`, `10Mbit/s` or `1Gbit/s`"
            ))
        })
    }
}

fn rate(text: &str) -> Option<u64> {
    let units = [("kbit/s", 1_000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000), ("bit/s", 1)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    number.trim_end().parse::<u64>().ok()?.checked_mul(*unit)
}

/// A moment of a run: a time of day in UTC, or an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `HH:MM:SS`, the first one at or after the start of the run.
    Clock(Time),
    /// `+1h30m`, from the start of the run or from what the context says.
    Offset(Duration),
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if let Some(offset) = text.strip_prefix('+') {
            return length(offset).map(Self::Offset).map_err(D::Error::custom);
        }
        text.parse().map(Self::Clock).map_err(|_| {
            D::Error::custom(format!(
                "`{text}` is no time, expected `HH:MM:SS` (UTC) or an offset such as `+1h30m`"
            ))
        })
    }
}

impl When {
    /// Time since the start of a run that starts at `start` o'clock.
    #[must_use]
    pub fn since(self, start: Time) -> Duration {
        match self {
            Self::Offset(offset) => offset,
            Self::Clock(time) => {
                let day = SignedDuration::from_hours(24);
                let gap = time.duration_since(start);
                let gap = if gap.is_negative() { gap + day } else { gap };
                gap.try_into().unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_the_start() {
        let start: Time = "15:30:00".parse().unwrap();
        let clock = |text: &str| When::Clock(text.parse().unwrap()).since(start).as_secs();
        assert_eq!(clock("15:39:00"), 540);
        assert_eq!(clock("15:30:00"), 0);
        assert_eq!(clock("00:30:00"), 9 * 3600, "after midnight is the next day");
        assert_eq!(When::Offset(Duration::from_secs(5)).since(start).as_secs(), 5);
    }

    #[test]
    fn rates() {
        let cases = [
            ("10Mbit/s", Some(10_000_000)),
            ("64 kbit/s", Some(64_000)),
            ("1Gbit/s", Some(1_000_000_000)),
            ("9bit/s", Some(9)),
            ("10", None),
            ("10MB/s", None),
            ("-1bit/s", None),
            ("99999999999Gbit/s", None),
        ];
        for (text, bits) in cases {
            assert_eq!(rate(text), bits, "{text}");
        }
    }

    #[test]
    fn lengths() {
        let cases = [
            ("12ms", Some(12_000)),
            ("100us", Some(100)),
            ("1h30m", Some(5_400_000_000)),
            ("-1s", None),
            ("", None),
        ];
        for (text, us) in cases {
            assert_eq!(length(text).ok().map(|d| d.as_micros()), us, "{text}");
        }
    }
}
