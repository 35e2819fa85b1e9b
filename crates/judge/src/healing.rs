//! What must have come back once nothing is broken any more: judged at the end of a run, over the history of signals.

use crate::facts::Facts;
use blackstart_rt::Set;
use blackstart_sim::Time;
use blackstart_world::{History, Value};
use std::time::Duration;

/// So long after the last fault was undone everything must be back: routing has converged, answers in caches have run
/// out, clients that wait longer and longer have come back.
pub const HEALING: Duration = Duration::from_secs(20 * 60);

/// So long may a probe take to see what people see who say that they are done.
const SEEN_WITHIN: Duration = Duration::from_secs(300);

/// Users whose sends go through when all is well, in percent.
const USERS_SERVED_PERCENT: f64 = 95.0;

fn is_well(value: &Value) -> bool {
    match value {
        Value::Word(_) => value.is("ok"),
        Value::Number(percent) => *percent >= USERS_SERVED_PERCENT,
    }
}

/// The first signal that was well once and is not at the end.
pub(crate) fn not_back(signals: &Set<String>, history: &History) -> Option<(Time, String)> {
    signals.iter().find_map(|signal| {
        let changes = history.of(signal);
        let (since, last) = changes.last().filter(|(_, last)| !is_well(last))?;
        let was_well = changes.iter().any(|(_, value)| is_well(value));
        was_well.then(|| (*since, format!("{signal} is {last} to the end")))
    })
}

/// The first signal that was well once and not when people said that they were done, nor soon after.
pub(crate) fn not_verified(
    facts: &Facts,
    done: Time,
    end: Time,
    history: &History,
) -> Option<(Time, String)> {
    let late = done + SEEN_WITHIN;
    if late > end {
        return None;
    }
    let signals = facts.names_checked.iter().chain(&facts.apps_checked);
    signals.into_iter().find_map(|signal| {
        let changes = history.of(signal);
        let was_well = changes.iter().any(|(time, value)| *time <= done && is_well(value));
        let then = changes.iter().rfind(|(time, _)| *time <= done);
        let soon = changes.iter().filter(|(time, _)| done < *time && *time <= late);
        let well = then.into_iter().chain(soon).any(|(_, value)| is_well(value));
        let (_, value) = then.filter(|_| was_well && !well)?;
        Some((done, format!("{signal} is {value} when they are done")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(changes: &[(u64, &str)]) -> History {
        let mut history = History::default();
        for (at, word) in changes {
            history.note(Time::from_secs(*at), "http.shop@probe".to_owned(), Value::word(*word));
        }
        history
    }

    fn signals() -> Set<String> {
        Set::from(["http.shop@probe".to_owned()])
    }

    #[test]
    fn what_was_well_once_must_be_well_at_the_end() {
        assert_eq!(not_back(&signals(), &history(&[(0, "200"), (9, "503"), (20, "200")])), None);
        assert_eq!(not_back(&signals(), &history(&[(0, "503")])), None, "it never was");
        let saw = not_back(&signals(), &history(&[(0, "200"), (9, "SERVFAIL")]));
        assert_eq!(saw, Some((Time::from_secs(9), "http.shop@probe is SERVFAIL to the end".to_owned())));
    }

    #[test]
    fn users_are_back_when_nearly_all_are_served() {
        let at = |percent| {
            let mut history = History::default();
            history.note(Time::from_secs(0), "sends@users".to_owned(), Value::Number(100.0));
            history.note(Time::from_secs(9), "sends@users".to_owned(), Value::Number(percent));
            not_back(&Set::from(["sends@users".to_owned()]), &history)
        };
        assert_eq!(at(96.0), None);
        assert!(at(60.0).is_some());
    }

    #[test]
    fn people_are_done_when_it_is_so() {
        let facts = Facts { apps_checked: signals(), ..Facts::default() };
        let judged = |changes: &[(u64, &str)]| {
            not_verified(&facts, Time::from_secs(1000), Time::from_secs(5000), &history(changes))
        };
        assert_eq!(judged(&[(0, "200"), (100, "503"), (900, "200")]), None);
        assert_eq!(
            judged(&[(0, "200"), (100, "503"), (1100, "200")]),
            None,
            "the probe looks a little later"
        );
        assert_eq!(judged(&[(0, "200"), (2000, "503")]), None, "something else");
        let saw = judged(&[(0, "200"), (100, "503"), (2000, "200")]);
        assert_eq!(
            saw,
            Some((Time::from_secs(1000), "http.shop@probe is 503 when they are done".to_owned()))
        );
    }
}
