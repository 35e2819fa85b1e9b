//! A moment of history, as files say it.

use serde::de::{Deserialize, Deserializer, Error};

/// `2021-10-04T15:39:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub jiff::Timestamp);

impl Moment {
    /// Seconds since 1970; 0 for whatever was before.
    #[must_use]
    pub fn unix_s(self) -> u64 {
        u64::try_from(self.0.as_second()).unwrap_or_default()
    }

    /// The moment so many seconds after 1970 began; `None` when it is too far away to be written.
    #[must_use]
    pub fn from_unix_s(seconds: u64) -> Option<Self> {
        jiff::Timestamp::from_second(seconds.try_into().ok()?).ok().map(Self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Self).map_err(|_| {
            D::Error::custom(format!(
                "`{text}` is no time in UTC, expected one such as `2021-10-04T15:30:00Z`"
            ))
        })
    }
}
