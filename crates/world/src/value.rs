//! Values of signals and their history: piecewise constant in time.

use blackstart_rt::Map;
use blackstart_sim::Time;
use std::fmt;

/// What a signal says at one moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word: `NOERROR`, `503`, `true`.
    Word(String),
    /// A quantity; its unit is in the signal's documentation.
    Number(f64),
}

impl Value {
    /// A word.
    #[must_use]
    pub fn word(text: impl Into<String>) -> Self {
        Self::Word(text.into())
    }

    /// Whether the value is what a person meant by `text`. Two words stand for a class: `ok` (a 2xx status or NOERROR) and
    /// `failing` (anything else, but for a dashboard that is blank).
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        match self {
            Self::Number(n) => text.trim_end_matches('%').parse() == Ok(*n),
            Self::Word(_) if text == "ok" => self.is_ok(),
            Self::Word(word) if text == "failing" => !self.is_ok() && word != "blank",
            Self::Word(word) => word == text,
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n),
            Self::Word(_) => None,
        }
    }

    fn is_ok(&self) -> bool {
        match self {
            Self::Word(word) => word == "NOERROR" || (word.len() == 3 && word.starts_with('2')),
            Self::Number(_) => true,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Number(n) => write!(f, "{n}"),
        }
    }
}

/// Every change of every signal, in order.
#[derive(Clone, Debug, Default)]
pub struct History {
    changes: Map<String, Vec<(Time, Value)>>,
}

impl History {
    /// Notes a value; says whether it is a change. A second change at the same instant replaces the first.
    pub fn note(&mut self, at: Time, signal: String, value: Value) -> bool {
        let changes = self.changes.entry(signal).or_default();
        match changes.last_mut() {
            Some((_, last)) if *last == value => return false,
            Some((time, last)) if *time == at => *last = value,
            _ => changes.push((at, value)),
        }
        true
    }

    /// The value now.
    #[must_use]
    pub fn now(&self, signal: &str) -> Option<&Value> {
        self.changes.get(signal)?.last().map(|(_, value)| value)
    }

    /// The values now of all signals whose names begin so, in the order of names.
    pub fn now_like<'a>(&'a self, begins: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let like = self.changes.iter().filter(move |(signal, _)| signal.starts_with(begins));
        like.filter_map(|(signal, changes)| Some((signal.as_str(), &changes.last()?.1)))
    }

    /// Every change of one signal.
    #[must_use]
    pub fn of(&self, signal: &str) -> &[(Time, Value)] {
        self.changes.get(signal).map_or(&[], Vec::as_slice)
    }

    /// Names of all signals that ever had a value.
    pub fn signals(&self) -> impl Iterator<Item = &str> {
        self.changes.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_classes() {
        let cases = [
            (Value::word("NOERROR"), "NOERROR", true),
            (Value::word("NOERROR"), "ok", true),
            (Value::word("503"), "ok", false),
            (Value::word("503"), "failing", true),
            (Value::word("blank"), "failing", false),
            (Value::word("blank"), "ok", false),
            (Value::word("200"), "failing", false),
            (Value::word("true"), "true", true),
            (Value::Number(4.0), "4", true),
            (Value::Number(95.0), "95%", true),
            (Value::Number(4.0), "all", false),
        ];
        for (value, text, expected) in cases {
            assert_eq!(value.is(text), expected, "{value} is {text}");
        }
    }

    #[test]
    fn history_keeps_changes_only() {
        let mut history = History::default();
        let at = |s| Time::from_secs(s);
        assert!(history.note(at(1), "a@b".into(), Value::Number(1.0)));
        assert!(!history.note(at(2), "a@b".into(), Value::Number(1.0)));
        assert!(history.note(at(3), "a@b".into(), Value::Number(2.0)));
        assert!(history.note(at(3), "a@b".into(), Value::Number(3.0)));
        assert_eq!(history.of("a@b"), [(at(1), Value::Number(1.0)), (at(3), Value::Number(3.0))]);
    }
}
