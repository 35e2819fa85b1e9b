//! When something is broken, and for how long.

use crate::kind::Kind;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// One fault of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// When it begins.
    pub begins: When,
    /// How long it lasts; `None` for good.
    pub lasts: Option<Duration>,
    /// What is broken.
    pub kind: Kind,
}

/// When a fault begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// So long after the start of the run.
    At(Duration),
    /// So long after a signal had a value for the first time. Never, when it never has.
    Signal {
        /// `stem@vantage`.
        signal: String,
        /// The value, as runbooks write it: `ok`, `failing`, a word, a number.
        is: String,
        /// From then to the beginning.
        after: Duration,
    },
}

impl Fault {
    /// A fault that begins at a time, counted from the start of the run.
    #[must_use]
    pub fn at(begins: Duration, lasts: Option<Duration>, kind: Kind) -> Self {
        Self { begins: When::At(begins), lasts, kind }
    }

    /// When it begins by the clock; `None` when a signal decides.
    #[must_use]
    pub fn begins_at(&self) -> Option<Duration> {
        match self.begins {
            When::At(time) => Some(time),
            When::Signal { .. } => None,
        }
    }

    /// When it ends by the clock; `None` when it does not, or a signal decides.
    #[must_use]
    pub fn ends_at(&self) -> Option<Duration> {
        self.begins_at()?.checked_add(self.lasts?)
    }
}

impl Fault {
    /// The entry of a file of faults that orders it.
    #[must_use]
    pub fn entry(&self) -> String {
        let begins = match &self.begins {
            When::At(time) => format!("at = \"+{}\"\n", Length(*time)),
            When::Signal { signal, is, after } => {
                format!("when = \"{signal} is {is}\"\nafter = \"{}\"\n", Length(*after))
            }
        };
        let lasts = self.lasts.map(|lasts| format!("lasts = \"{}\"\n", Length(lasts))).unwrap_or_default();
        let numbers: Vec<String> =
            self.kind.numbers().iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let with = match numbers.as_slice() {
            [] => String::new(),
            numbers => format!("with = {{ {} }}\n", numbers.join(", ")),
        };
        let (kind, on) = (self.kind.primitive().name, self.kind.target());
        format!("[[fault]]\nkind = \"{kind}\"\non = \"{on}\"\n{with}{begins}{lasts}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.begins, self.kind)?;
        match self.lasts {
            Some(lasts) => write!(f, " for {}", Length(lasts)),
            None => f.write_str(" for good"),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => write!(f, "at +{}", Length(*time)),
            Self::Signal { signal, is, after } if after.is_zero() => write!(f, "when {signal} is {is}"),
            Self::Signal { signal, is, after } => write!(f, "{} after {signal} is {is}", Length(*after)),
        }
    }
}

/// A length of time as scenario files write it.
struct Length(Duration);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let parts = [(3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
        let mut left = ms;
        for (unit, name) in parts {
            if left / unit > 0 {
                write!(f, "{}{name}", left / unit)?;
            }
            left %= unit;
        }
        if ms == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_reads_as_a_sentence() {
        let dark = || Kind::PowerOff { machine: "ns1".into() };
        let (at, signal) = (Duration::from_secs(630), "http.shop@probe1".to_owned());
        let when = |after| When::Signal { signal: signal.clone(), is: "ok".into(), after };
        let cases = [
            (Fault::at(at, None, dark()), "at +10m30s ns1 without power for good"),
            (Fault::at(Duration::ZERO, Some(at), dark()), "at +0s ns1 without power for 10m30s"),
            (
                Fault { begins: when(Duration::ZERO), lasts: None, kind: dark() },
                "when http.shop@probe1 is ok ns1 without power for good",
            ),
            (
                Fault { begins: when(Duration::from_millis(1500)), lasts: None, kind: dark() },
                "1s500ms after http.shop@probe1 is ok ns1 without power for good",
            ),
        ];
        for (fault, text) in cases {
            assert_eq!(fault.to_string(), text);
        }
    }
}
