//! Milestones: a change of a signal expected at a time, with a tolerance and a source.
//!
//! Judged over the history of signals. A milestone may hang on another one (`after`): then its time is an interval.

use crate::value::{History, Value};
use blackstart_rt::Map;
use blackstart_sim::Time;
use std::time::Duration;

/// Where a milestone's time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The scenario scripts it.
    Input,
    /// A constant was fitted so that it holds.
    Calibrated,
    /// Neither: the simulation produced it.
    Emergent,
}

impl Kind {
    /// The word used in files and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Calibrated => "calibrated",
            Self::Emergent => "emergent",
        }
    }
}

/// What must be seen of the signal.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// It becomes this value (word, number, `ok`, `failing`).
    Becomes(String),
    /// It stops being this value.
    Leaves(String),
    /// It reaches this number from below.
    AtLeast(f64),
    /// It falls below this number.
    Below(f64),
    /// It changes at all.
    Changes,
    /// Its highest value is reached, within the milestone's window.
    Peaks,
    /// Its last change, within the milestone's window.
    Settles,
    /// It is this value all the time from `at` for this long.
    Holds(String, Duration),
}

/// One row of the scenario's table.
#[derive(Clone, Debug)]
pub struct Milestone {
    /// Id, such as `M7`.
    pub id: String,
    /// What it says, in words.
    pub what: String,
    /// Input, calibrated or emergent.
    pub kind: Kind,
    /// `stem@vantage`.
    pub signal: String,
    /// What must be seen.
    pub expect: Expect,
    /// When: from the start of the run, or from the milestone named in `after`.
    pub at: Duration,
    /// How far off it may be, either way.
    pub tolerance: Duration,
    /// Milestone from whose observed time `at` counts.
    pub after: Option<String>,
    /// Changes before this time are not looked at.
    pub from: Duration,
    /// Changes after this time are not looked at.
    pub until: Option<Duration>,
    /// Source and why this tolerance.
    pub source: String,
    /// Constants that were fitted so that it holds.
    pub fitted: Vec<String>,
}

/// What came of a milestone.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its id.
    pub id: String,
    /// When it was expected in this run; unknown while the milestone that it hangs on was not observed.
    pub expected: Option<Time>,
    /// When it was observed.
    pub observed: Option<Time>,
    /// Whether it was observed within its tolerance.
    pub met: bool,
}

impl Outcome {
    /// Observed minus expected, in seconds.
    #[must_use]
    pub fn off_by_s(&self) -> Option<f64> {
        let seconds = |time: Time| time.since_start().as_secs_f64();
        Some(seconds(self.observed?) - seconds(self.expected?))
    }
}

/// Judges all milestones, in the order of the table; one may hang on any earlier one.
#[must_use]
pub fn judge(milestones: &[Milestone], history: &History) -> Vec<Outcome> {
    let mut observed: Map<&str, Time> = Map::new();
    let mut outcomes = Vec::with_capacity(milestones.len());
    for milestone in milestones {
        let base = match &milestone.after {
            Some(id) => observed.get(id.as_str()).copied(),
            None => Some(Time::ZERO),
        };
        let outcome = one(milestone, base, history.of(&milestone.signal));
        if let Some(at) = outcome.observed {
            observed.insert(&milestone.id, at);
        }
        outcomes.push(outcome);
    }
    outcomes
}

fn one(milestone: &Milestone, base: Option<Time>, changes: &[(Time, Value)]) -> Outcome {
    let expected = base.map(|base| base + milestone.at);
    let seen = base.and_then(|base| {
        let window =
            (base + milestone.from, milestone.until.map_or(Time::from_nanos(u64::MAX), |until| base + until));
        observe(&milestone.expect, expected?, window, changes)
    });
    let met = match (expected, seen) {
        (Some(expected), Some(seen)) => {
            expected.since_start().abs_diff(seen.since_start()) <= milestone.tolerance
        }
        _ => false,
    };
    Outcome { id: milestone.id.clone(), expected, observed: seen, met }
}

fn observe(expect: &Expect, at: Time, window: (Time, Time), changes: &[(Time, Value)]) -> Option<Time> {
    let inside = |t: Time| window.0 <= t && t <= window.1;
    let number = |v: &Value| v.number();
    let first = |test: &dyn Fn(&Value, &Value) -> bool| {
        let pairs = changes.iter().zip(changes.iter().skip(1));
        pairs.filter(|(_, (t, _))| inside(*t)).find(|((_, a), (_, b))| test(a, b)).map(|(_, (t, _))| *t)
    };
    match expect {
        // A signal may have the value from its very first record on: that counts as becoming it.
        Expect::Becomes(text) => {
            let start = changes.first().filter(|(t, v)| inside(*t) && v.is(text)).map(|(t, _)| *t);
            start.or_else(|| first(&|a, b| !a.is(text) && b.is(text)))
        }
        Expect::Leaves(text) => first(&|a, b| a.is(text) && !b.is(text)),
        Expect::AtLeast(n) => {
            first(&|a, b| number(a).is_none_or(|a| a < *n) && number(b).is_some_and(|b| b >= *n))
        }
        Expect::Below(n) => {
            first(&|a, b| number(a).is_some_and(|a| a >= *n) && number(b).is_some_and(|b| b < *n))
        }
        Expect::Changes => changes.iter().map(|(t, _)| *t).find(|t| inside(*t)),
        Expect::Settles => changes.iter().map(|(t, _)| *t).rfind(|t| inside(*t)),
        Expect::Peaks => peak(changes.iter().filter(|(t, _)| inside(*t))),
        Expect::Holds(text, duration) => holds(changes, at, at + *duration, text).then_some(at),
    }
}

/// The earliest of the highest values.
fn peak<'a>(changes: impl Iterator<Item = &'a (Time, Value)>) -> Option<Time> {
    let mut best: Option<(f64, Time)> = None;
    for (time, value) in changes {
        let n = value.number()?;
        if best.is_none_or(|(highest, _)| n > highest) {
            best = Some((n, *time));
        }
    }
    best.map(|(_, time)| time)
}

fn holds(changes: &[(Time, Value)], from: Time, to: Time, text: &str) -> bool {
    let before = changes.iter().rfind(|(t, _)| *t <= from);
    let during = changes.iter().filter(|(t, _)| from < *t && *t <= to);
    before.is_some_and(|(_, v)| v.is(text)) && during.into_iter().all(|(_, v)| v.is(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Time {
        Time::from_secs(s)
    }

    fn row(expect: Expect, at_s: u64, tolerance_s: u64) -> Milestone {
        Milestone {
            id: "M".into(),
            what: String::new(),
            kind: Kind::Emergent,
            signal: "s@v".into(),
            expect,
            at: Duration::from_secs(at_s),
            tolerance: Duration::from_secs(tolerance_s),
            after: None,
            from: Duration::ZERO,
            until: None,
            source: String::new(),
            fitted: Vec::new(),
        }
    }

    fn numbers(changes: &[(u64, f64)]) -> Vec<(Time, Value)> {
        changes.iter().map(|(t, n)| (at(*t), Value::Number(*n))).collect()
    }

    #[test]
    fn each_expectation_finds_its_change() {
        let changes = numbers(&[(0, 4.0), (10, 7.0), (20, 0.0), (30, 7.0), (40, 5.0)]);
        let cases = [
            (Expect::Becomes("0".into()), Some(20)),
            (Expect::Becomes("4".into()), Some(0)),
            (Expect::Leaves("7".into()), Some(20)),
            (Expect::AtLeast(6.0), Some(10)),
            (Expect::Below(1.0), Some(20)),
            (Expect::Below(-1.0), None),
            (Expect::Peaks, Some(10)),
            (Expect::Settles, Some(40)),
            (Expect::Holds("0".into(), Duration::from_secs(5)), Some(22)),
            (Expect::Holds("0".into(), Duration::from_secs(9)), None),
        ];
        for (expect, seen) in cases {
            let outcome = one(&row(expect.clone(), 22, 0), Some(Time::ZERO), &changes);
            assert_eq!(outcome.observed, seen.map(at), "{expect:?}");
        }
    }

    #[test]
    fn outside_its_tolerance_is_not_met() {
        let changes = numbers(&[(0, 1.0), (100, 0.0)]);
        let met = |at_s, tolerance_s| {
            one(&row(Expect::Below(1.0), at_s, tolerance_s), Some(Time::ZERO), &changes).met
        };
        assert!(met(95, 5) && met(105, 5));
        assert!(!met(94, 5) && !met(106, 5));
    }

    #[test]
    fn an_interval_counts_from_the_milestone_it_hangs_on() {
        let mut history = History::default();
        history.note(at(0), "a@v".into(), Value::Number(0.0));
        history.note(at(50), "a@v".into(), Value::Number(1.0));
        history.note(at(0), "s@v".into(), Value::Number(0.0));
        history.note(at(60), "s@v".into(), Value::Number(1.0));
        let first = Milestone { id: "A".into(), signal: "a@v".into(), ..row(Expect::AtLeast(1.0), 20, 5) };
        let second = Milestone { after: Some("A".into()), ..row(Expect::AtLeast(1.0), 10, 0) };
        let outcomes = judge(&[first, second], &history);
        assert!(!outcomes[0].met, "the first is 30 s late");
        assert!(outcomes[1].met, "the second is exactly 10 s after the first was seen");
    }
}
