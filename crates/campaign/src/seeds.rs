//! A range of seeds as people write it.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// More runs than this are a slip of the finger.
const RUNS_MAX: u64 = 100_000;

/// Seeds from the first to the last, both included: `1..200` is 200 runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    first: u64,
    last: u64,
}

impl Seeds {
    /// The seeds of a range; `None` when it is empty or has too many.
    #[must_use]
    pub fn of(range: &RangeInclusive<u64>) -> Option<Self> {
        format!("{}..{}", range.start(), range.end()).parse().ok()
    }

    /// Every seed in order; there is at least one.
    #[must_use]
    pub fn all(self) -> Vec<u64> {
        (self.first..=self.last).collect()
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = |why: &str| format!("{why}; expected FIRST..LAST, both included, such as `1..200`");
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let number = |text: &str| text.parse::<u64>().map_err(|_| expected(&format!("`{text}` is no seed")));
        let (first, last) = (number(first)?, number(last)?);
        match last.checked_sub(first) {
            None => Err(expected(&format!("{last} comes before {first}"))),
            Some(more) if more >= RUNS_MAX => Err(expected(&format!("that is more than {RUNS_MAX} runs"))),
            Some(_) => Ok(Self { first, last }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_both_ends() {
        for (text, seeds) in [("1..3", vec![1, 2, 3]), ("7", vec![7]), ("0..0", vec![0])] {
            let parsed: Seeds = text.parse().unwrap();
            assert_eq!(parsed.all(), seeds, "{text}");
        }
        assert_eq!("5".parse::<Seeds>().unwrap().to_string(), "5..5");
    }

    #[test]
    fn complaints_say_what_was_expected() {
        let cases = [
            ("", "`` is no seed"),
            ("1..", "`` is no seed"),
            ("1..=9", "`=9` is no seed"),
            ("-1..9", "`-1` is no seed"),
            ("9..1", "1 comes before 9"),
            ("0..18446744073709551615", "that is more than 100000 runs"),
        ];
        for (text, complaint) in cases {
            let error = text.parse::<Seeds>().unwrap_err();
            assert_eq!(error, format!("{complaint}; expected FIRST..LAST, both included, such as `1..200`"));
        }
    }
}
