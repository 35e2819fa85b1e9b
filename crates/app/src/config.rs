//! Pieces that several configurations share.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// A duration written as a number of seconds above 0, such as `30` or `0.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(Duration);

impl Seconds {
    /// A year: longer than any run.
    const MAX: f64 = 31_536_000.0;

    /// That many seconds; at least one.
    pub const fn new(seconds: u32) -> Self {
        Self(Duration::from_secs(if seconds == 0 { 1 } else { seconds as u64 }))
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

#[derive(Clone, Copy)]
struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number of seconds from 0.001 to {}", Seconds::MAX)
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Seconds, E> {
        if (0.001..=Seconds::MAX).contains(&seconds) {
            Ok(Seconds(Duration::from_secs_f64(seconds)))
        } else {
            Err(E::invalid_value(de::Unexpected::Float(seconds), &self))
        }
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Seconds, E> {
        self.visit_f64(seconds as f64)
            .map_err(|_: E| E::invalid_value(de::Unexpected::Signed(seconds), &self))
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
        self.visit_f64(seconds as f64)
            .map_err(|_: E| E::invalid_value(de::Unexpected::Unsigned(seconds), &self))
    }
}

/// Port 80 of every address of the host, IPv4 and IPv6.
pub(crate) fn listen() -> Vec<SocketAddr> {
    vec![(Ipv4Addr::UNSPECIFIED, 80).into(), (Ipv6Addr::UNSPECIFIED, 80).into()]
}

/// The port of HTTP.
pub(crate) const fn port() -> u16 {
    80
}

/// The root of a site.
pub(crate) fn path() -> String {
    "/".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Holder {
        wait: Seconds,
    }

    #[test]
    fn seconds_are_positive_numbers() {
        for (text, expected_ms) in [("30", 30_000), ("0.25", 250), ("0.001", 1)] {
            let holder: Holder = toml::from_str(&format!("wait = {text}")).unwrap();
            assert_eq!(holder.wait.get(), Duration::from_millis(expected_ms), "{text}");
        }
        for text in ["0", "-1", "0.0001", "nan", "inf", "\"5s\"", "99999999999"] {
            let error = toml::from_str::<Holder>(&format!("wait = {text}")).unwrap_err().to_string();
            assert!(error.contains("a number of seconds from"), "{text}: {error}");
        }
    }
}
