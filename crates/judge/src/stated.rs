//! Invariants that a scenario states: one condition on one signal.

use blackstart_sim::Time;
use blackstart_world::{History, Value};
use std::time::Duration;

/// One invariant of a scenario's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// The sentence that must hold.
    pub name: String,
    /// `stem@vantage`.
    pub signal: String,
    /// When the condition must hold.
    pub mode: Mode,
    /// The condition.
    pub condition: Condition,
    /// Values before this time do not count.
    pub from: Duration,
}

/// When a condition must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// At every moment.
    Always,
    /// At no moment.
    Never,
    /// At the end, if every fault was undone long enough before.
    Eventually,
}

/// A condition on a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// It is this (word, number, `ok`, `failing`).
    Is(String),
    /// It is a number at or above this.
    AtLeast(f64),
    /// It is a number below this.
    Below(f64),
}

impl Condition {
    /// Whether a value is like this.
    #[must_use]
    pub fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Is(text) => value.is(text),
            Self::AtLeast(least) => value.number().is_some_and(|number| number >= *least),
            Self::Below(limit) => value.number().is_some_and(|number| number < *limit),
        }
    }
}

impl Stated {
    /// When it was first broken and what was seen. A signal that never had a value breaks nothing.
    pub(crate) fn broken(&self, history: &History) -> Option<(Time, String)> {
        let start = Time::ZERO + self.from;
        let changes = history.of(&self.signal);
        let before = changes.iter().take_while(|(time, _)| *time <= start).count();
        let counted = &changes[before.saturating_sub(1)..];
        let wrong = |(_, value): &&(Time, Value)| match self.mode {
            Mode::Always | Mode::Eventually => !self.condition.holds(value),
            Mode::Never => self.condition.holds(value),
        };
        let found = match self.mode {
            Mode::Eventually => counted.last().filter(wrong),
            Mode::Always | Mode::Never => counted.iter().find(wrong),
        };
        found.map(|(time, value)| ((*time).max(start), format!("{} is {value}", self.signal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_has_its_moment() {
        let mut history = History::default();
        for (at, percent) in [(0, 1.0), (100, 30.0), (200, 2.0)] {
            history.note(Time::from_secs(at), "errors@backends".to_owned(), Value::Number(percent));
        }
        let stated = |mode, condition: Condition, from| Stated {
            name: "n".into(),
            signal: "errors@backends".into(),
            mode,
            condition,
            from: Duration::from_secs(from),
        };
        use Condition::{AtLeast, Below, Is};
        let cases = [
            (stated(Mode::Always, Below(20.0), 0), Some(100)),
            (stated(Mode::Always, Below(20.0), 150), Some(150)),
            (stated(Mode::Always, Below(20.0), 200), None),
            (stated(Mode::Always, Below(40.0), 0), None),
            (stated(Mode::Never, AtLeast(30.0), 0), Some(100)),
            (stated(Mode::Never, Is("failing".into()), 0), None),
            (stated(Mode::Eventually, Below(20.0), 0), None),
            (stated(Mode::Eventually, Below(2.0), 0), Some(200)),
        ];
        for (stated, seen) in cases {
            let broken = stated.broken(&history).map(|(time, _)| time);
            assert_eq!(broken, seen.map(Time::from_secs), "{stated:?}");
        }
        let other = Stated { signal: "other@backends".into(), ..stated(Mode::Always, Below(0.0), 0) };
        assert_eq!(other.broken(&history), None);
    }
}
