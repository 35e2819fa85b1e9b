//! What must have come back once nothing is broken any more: judged at the end of a run, over the history of signals.

use crate::facts::Facts;
use blackstart_rt::Map;
use blackstart_sim::Time;
use blackstart_world::{History, Value};
use std::time::Duration;

/// So long after the last fault was undone everything must be back: routing has converged, answers in caches have run
/// out, clients that wait longer and longer have come back.
pub const HEALING: Duration = Duration::from_secs(20 * 60);

/// So long after people say that they are done, what is looked at must be well: answers in caches have run out.
const WELL_WITHIN: Duration = Duration::from_secs(300);

/// What a crowd asks of a machine, in percent of what it can do.
const OFFERED: &str = "offered@";

/// Users whose sends go through when all is well, in percent.
const USERS_SERVED_PERCENT: f64 = 95.0;

fn is_well(value: &Value) -> bool {
    match value {
        Value::Word(_) => value.is("ok"),
        Value::Number(percent) => *percent >= USERS_SERVED_PERCENT,
    }
}

/// Signals that were well once and are not at the end: the first, how many more, and machines that users keep overloaded.
pub(crate) fn not_back(signals: &Map<String, Duration>, history: &History) -> Option<(Time, String)> {
    let mut away = signals.keys().filter_map(|signal| {
        let changes = history.of(signal);
        let (since, last) = changes.last().filter(|(_, last)| !is_well(last))?;
        let was_well = changes.iter().any(|(_, value)| is_well(value));
        was_well.then(|| (*since, format!("{signal} is {last} to the end")))
    });
    let (since, first) = away.next()?;
    let more = match away.count() {
        0 => String::new(),
        more => format!(", and {more} more are not well"),
    };
    Some((since, first + &more + &overloaded(history)))
}

/// The machine of which most is asked, if that is more than it can do: its users' tries are then what keeps them out.
fn overloaded(history: &History) -> String {
    let asked = history.now_like(OFFERED).filter_map(|(signal, value)| Some((signal, value.number()?)));
    let most = asked.filter(|(_, percent)| *percent > 100.0).max_by(|(_, a), (_, b)| a.total_cmp(b));
    most.map_or(String::new(), |(signal, percent)| {
        let machine = signal.trim_start_matches(OFFERED);
        format!("; users ask {machine} for {percent} % of what it can do")
    })
}

/// The first signal that was well once and not when people said that they were done, nor when it was looked at soon after.
pub(crate) fn not_verified(
    facts: &Facts,
    done: Time,
    end: Time,
    history: &History,
) -> Option<(Time, String)> {
    facts.names_checked.iter().chain(&facts.apps_checked).find_map(|(signal, looks_after)| {
        let late = done + WELL_WITHIN + *looks_after;
        let changes = history.of(signal);
        let was_well = changes.iter().any(|(time, value)| *time <= done && is_well(value));
        let then = changes.iter().rfind(|(time, _)| *time <= done);
        let soon = changes.iter().filter(|(time, _)| done < *time && *time <= late);
        let well = then.into_iter().chain(soon).any(|(_, value)| is_well(value));
        let (_, value) = then.filter(|_| late <= end && was_well && !well)?;
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

    fn signals() -> Map<String, Duration> {
        Map::from([("http.shop@probe".to_owned(), Duration::from_secs(60))])
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
            not_back(&Map::from([("sends@users".to_owned(), Duration::from_secs(60))]), &history)
        };
        assert_eq!(at(96.0), None);
        assert!(at(60.0).is_some());
    }

    #[test]
    fn it_is_said_how_many_are_away_and_what_is_overloaded() {
        let mut history = History::default();
        let mut note = |at, signal: &str, percent| {
            history.note(Time::from_secs(at), signal.to_owned(), Value::Number(percent));
        };
        for users in ["sends.shop@a", "sends.shop@b", "sends.shop@c"] {
            note(0, users, 100.0);
        }
        note(9, "sends.shop@a", 0.0);
        note(10, "sends.shop@b", 20.0);
        for (machine, percent) in
            [("offered@shop1", 163.0), ("offered@shop2", 90.0), ("offered@shop3", 120.0)]
        {
            note(11, machine, percent);
        }
        let all = ["sends.shop@a", "sends.shop@b", "sends.shop@c"];
        let all = all.map(|signal| (signal.to_owned(), Duration::from_secs(60))).into();
        let saw = "sends.shop@a is 0 to the end, and 1 more are not well; users ask shop1 for 163 % of what it can do";
        assert_eq!(not_back(&all, &history), Some((Time::from_secs(9), saw.to_owned())));
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

    /// What a probe saw before people were done says nothing of what it would see then.
    #[test]
    fn a_probe_that_looks_seldom_is_waited_for() {
        let judged = |looks_after_s, end| {
            let seldom = Map::from([("http.shop@probe".to_owned(), Duration::from_secs(looks_after_s))]);
            let facts = Facts { apps_checked: seldom, ..Facts::default() };
            let history = history(&[(0, "200"), (990, "503"), (1590, "200")]);
            not_verified(&facts, Time::from_secs(1000), Time::from_secs(end), &history).is_some()
        };
        assert!(judged(60, 5000), "it looked nine times and did not see it");
        assert!(!judged(600, 5000), "it looked once and saw it");
        assert!(!judged(600, 1500), "the run ends before it looks");
    }
}
