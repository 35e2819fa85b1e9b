//! How long users were without service, measured from where users are.
//!
//! The measure is the signal `sends-succeed` at each point that has one (percent of sampled users whose latest send went
//! through, worst product). An outage begins when the first point falls below 95 % and ends when the last point is at
//! 95 % or more and stays there until the end of the run. A point that has not been at 95 % yet is still coming up, which is
//! no outage, unless it never gets there. Short dips before and after count as part of it: a run with two outages has one long one.

use blackstart_sim::Time;
use blackstart_world::{History, Value};
use std::time::Duration;

/// Share of sends, in percent, from which on a point counts as served.
const SERVED_PERCENT: f64 = 95.0;
/// Signal that is measured, at any point.
const STEM: &str = "sends-succeed@";

/// What users went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// No point ever fell below 95 %.
    None,
    /// From the first point's fall to the last point's lasting return.
    Over {
        /// First fall.
        from: Time,
        /// Last return.
        to: Time,
    },
    /// Some point was still below 95 % when the run ended.
    Lasting {
        /// First fall.
        from: Time,
    },
}

impl Outage {
    /// The outage in a run's history of signals.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let points = history.signals().filter(|signal| signal.starts_with(STEM));
        points.map(|signal| of_point(history.of(signal))).fold(Self::None, Self::join)
    }

    /// Achieved recovery time; unknown when nothing failed or it never came back.
    #[must_use]
    pub fn recovery(self) -> Option<Duration> {
        match self {
            Self::Over { from, to } => Some(to - from),
            Self::None | Self::Lasting { .. } => None,
        }
    }

    /// Whether it took longer than `objective`; what never returned is later than any objective.
    #[must_use]
    pub fn missed(self, objective: Option<Duration>) -> bool {
        let Some(objective) = objective else { return false };
        match self {
            Self::None => false,
            Self::Over { from, to } => to - from > objective,
            Self::Lasting { .. } => true,
        }
    }

    fn join(self, other: Self) -> Self {
        use Outage::{Lasting, None, Over};
        match (self, other) {
            (None, one) | (one, None) => one,
            (Over { from: a, to: x }, Over { from: b, to: y }) => Over { from: a.min(b), to: x.max(y) },
            (Lasting { from: a }, Lasting { from: b } | Over { from: b, .. })
            | (Over { from: a, .. }, Lasting { from: b }) => Lasting { from: a.min(b) },
        }
    }
}

fn of_point(changes: &[(Time, Value)]) -> Outage {
    let served = |value: &Value| value.number().is_none_or(|percent| percent >= SERVED_PERCENT);
    let came_up = changes.iter().position(|(_, value)| served(value)).unwrap_or_default();
    let changes = &changes[came_up..];
    let Some((from, _)) = changes.iter().find(|(_, value)| !served(value)) else { return Outage::None };
    let last_bad = changes.iter().rposition(|(_, value)| !served(value)).unwrap_or_default();
    match changes.get(last_bad + 1) {
        Some((to, _)) => Outage::Over { from: *from, to: *to },
        None => Outage::Lasting { from: *from },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Time {
        Time::from_secs(s)
    }

    /// Signals with their changes: second and percent.
    type Points<'a> = &'a [(&'a str, &'a [(u64, f64)])];

    fn outage(points: Points<'_>) -> Outage {
        let mut history = History::default();
        for (signal, changes) in points {
            for (s, percent) in *changes {
                history.note(at(*s), (*signal).to_owned(), Value::Number(*percent));
            }
        }
        Outage::of(&history)
    }

    #[test]
    fn from_the_first_fall_to_the_last_lasting_return() {
        let over = |from, to| Outage::Over { from: at(from), to: at(to) };
        let lasting = |from| Outage::Lasting { from: at(from) };
        let cases: [(Points<'_>, Outage); 9] = [
            (&[], Outage::None),
            (&[("sends-succeed@a", &[(0, 100.0)])], Outage::None),
            (&[("sends.facebook@a", &[(0, 0.0)])], Outage::None),
            (&[("sends-succeed@a", &[(5, 0.0), (9, 95.0)])], Outage::None),
            (&[("sends-succeed@a", &[(5, 0.0), (6, 1.0)])], lasting(5)),
            (&[("sends-succeed@a", &[(0, 100.0), (5, 94.9), (9, 95.0)])], over(5, 9)),
            (&[("sends-succeed@a", &[(0, 95.0), (5, 0.0), (9, 95.0), (11, 40.0), (12, 99.0)])], over(5, 12)),
            (
                &[
                    ("sends-succeed@a", &[(0, 95.0), (5, 0.0), (9, 95.0)]),
                    ("sends-succeed@b", &[(0, 95.0), (4, 50.0), (12, 100.0)]),
                ],
                over(4, 12),
            ),
            (
                &[
                    ("sends-succeed@a", &[(0, 95.0), (5, 0.0), (9, 95.0)]),
                    ("sends-succeed@b", &[(0, 95.0), (6, 50.0)]),
                ],
                lasting(5),
            ),
        ];
        for (points, expected) in cases {
            assert_eq!(outage(points), expected, "{points:?}");
        }
    }

    #[test]
    fn late_is_longer_than_the_objective() {
        let over = Outage::Over { from: at(0), to: at(100) };
        let seconds = |s| Some(Duration::from_secs(s));
        let cases = [
            (over, seconds(100), false),
            (over, seconds(99), true),
            (over, None, false),
            (Outage::Lasting { from: at(0) }, seconds(1000), true),
            (Outage::Lasting { from: at(0) }, None, false),
            (Outage::None, seconds(0), false),
        ];
        for (outage, objective, late) in cases {
            assert_eq!(outage.missed(objective), late, "{outage:?} {objective:?}");
        }
    }
}
