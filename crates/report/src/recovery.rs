//! How long users were without service, measured from where users are.
//!
//! The measure is the signal `sends-succeed` at each point that has one (percent of sampled users whose latest send went
//! through, worst product). An outage begins when the first point falls below 95 % and ends when the last point is at
//! 95 % or more, and all stay there for half an hour: a shorter return is part of it. A point that has not been at 95 % yet is
//! still coming up, which is no outage, unless it never gets there. Of several outages in a run the one counts in which it ends,
//! else the longest.

use blackstart_sim::Time;
use blackstart_world::{History, Value};
use std::time::Duration;

/// Share of sends, in percent, from which on a point counts as served.
const SERVED_PERCENT: f64 = 95.0;
/// All points must be served for so long before an outage is over.
const SETTLED: Duration = Duration::from_secs(30 * 60);
/// Signal that is measured, at any point.
const STEM: &str = "sends-succeed@";

/// What users went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// No point ever fell below 95 %.
    None,
    /// From the first point's fall to the last point's return.
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
        let mut times: Vec<Unserved> = points.flat_map(|signal| of_point(history.of(signal))).collect();
        times.sort_by_key(|unserved| unserved.from);
        let outages = joined(times);
        let Some(last) = outages.last() else { return Self::None };
        let over =
            outages.iter().filter_map(|outage| Some((outage.to? - outage.from, outage.from, outage.to?)));
        match over.rev().max_by_key(|(length, ..)| *length) {
            Some((_, from, to)) if last.to.is_some() => Self::Over { from, to },
            _ => Self::Lasting { from: last.from },
        }
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
}

/// A time without service; it has no end when the run ended in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unserved {
    from: Time,
    to: Option<Time>,
}

/// When a point was not served, in order.
fn of_point(changes: &[(Time, Value)]) -> Vec<Unserved> {
    let served = |value: &Value| value.number().is_none_or(|percent| percent >= SERVED_PERCENT);
    let came_up = changes.iter().position(|(_, value)| served(value)).unwrap_or_default();
    let mut times: Vec<Unserved> = Vec::new();
    for (at, value) in &changes[came_up..] {
        match times.last_mut().filter(|last| last.to.is_none()) {
            None if !served(value) => times.push(Unserved { from: *at, to: None }),
            Some(last) if served(value) => last.to = Some(*at),
            _ => {}
        }
    }
    times
}

/// Times that are less than [`SETTLED`] apart, as one. They come in the order in which they began.
fn joined(times: Vec<Unserved>) -> Vec<Unserved> {
    let mut outages: Vec<Unserved> = Vec::new();
    for unserved in times {
        match outages.last_mut() {
            Some(last) if last.to.is_none_or(|to| unserved.from < to + SETTLED) => {
                last.to = last.to.zip(unserved.to).map(|(a, b)| a.max(b));
            }
            _ => outages.push(unserved),
        }
    }
    outages
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
        let cases: [(Points<'_>, Outage); 12] = [
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
            // Half an hour of service lies between two outages; the longer one counts, or that in which the run ends.
            (
                &[("sends-succeed@a", &[(0, 95.0), (5, 0.0), (99, 95.0), (1900, 0.0), (1950, 95.0)])],
                over(5, 99),
            ),
            (
                &[("sends-succeed@a", &[(0, 95.0), (5, 0.0), (9, 95.0), (1900, 0.0), (1950, 95.0)])],
                over(1900, 1950),
            ),
            (&[("sends-succeed@a", &[(0, 95.0), (5, 0.0), (99, 95.0), (1900, 0.0)])], lasting(1900)),
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
