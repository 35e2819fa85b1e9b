//! A scenario's milestones beside what its own run shows, as a page of the manual in Markdown: row by row, what was fitted, what is
//! not shown, when each vantage point was served again, what others wrote of the day, and what rests on assumptions.

use crate::RunOutcome;
use crate::utc::{clock, moment};
use crate::validation::Phases;
use blackstart_runbook::execute::Spending;
use blackstart_scenario::{NotShown, Scenario, Testimony};
use blackstart_sim::Time;
use blackstart_world::milestone::{self, Kind, Milestone, Outcome};
use blackstart_world::{Estimate, History, Value};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Share of sends, in percent, from which on users count as served.
const SERVED_PERCENT: f64 = 95.0;
/// Stems of the signals by which a vantage point says whether it is served.
const SERVED: [&str; 3] = ["dns.", "http.", "sends-succeed"];

/// What is put beside the record.
#[derive(Clone, Copy, Debug)]
pub struct Lived<'a> {
    /// What came of the run.
    pub outcome: &'a RunOutcome,
    /// Every change of every signal.
    pub history: &'a History,
    /// Where its time went, if users were back.
    pub phases: Option<&'a Phases>,
}

/// The page.
#[must_use]
pub fn page(scenario: &Scenario, lived: &Lived<'_>) -> String {
    let mut page = vec![
        format!("# {}: the record and the run", scenario.title),
        String::new(),
        format!(
            "Written by `blackstart compare scenarios/{}`: the scenario's own run (seed {}) beside the record of the day. All times \
             are UTC unless said otherwise.",
            scenario.name, scenario.seed
        ),
    ];
    let judged = milestone::judge(&scenario.milestones, lived.history);
    page.extend(section("Row by row", rows(scenario, &judged)));
    page.extend(section("What was fitted", fitted(&scenario.milestones)));
    page.extend(section("Rows that are not shown", not_shown(&scenario.not_shown)));
    page.extend(section("When each vantage point was served again", points(scenario.start, lived.history)));
    for testimony in &scenario.testimonies {
        page.extend(section(&testimony.title, written_by(scenario.start, testimony, lived.history)));
    }
    page.extend(section("What rests on assumptions", assumed(scenario, lived)));
    page.join("\n") + "\n"
}

fn section(title: &str, lines: Vec<String>) -> Vec<String> {
    let mut section = vec![String::new(), format!("## {title}"), String::new()];
    section.extend(lines);
    section
}

/// A moment by the clock of those who wrote it down.
fn by_clock(start: Timestamp, at: Time, ahead_of_utc: Duration) -> String {
    clock(moment(start, at + ahead_of_utc))
}

fn rows(scenario: &Scenario, judged: &[Outcome]) -> Vec<String> {
    let met = judged.iter().filter(|outcome| outcome.met).count();
    let of = |kind: Kind| {
        let rows = scenario.milestones.iter().zip(judged).filter(|(row, _)| row.kind == kind);
        let (all, met) = rows.fold((0, 0), |(all, met), (_, it)| (all + 1, met + usize::from(it.met)));
        format!("{met} of {all} {}", kind.word())
    };
    let kinds = [Kind::Emergent, Kind::Calibrated, Kind::Input].map(of).join(", ");
    let mut lines = vec![
        format!("{met} of {} rows are met: {kinds}. Judge the model by the emergent ones.", judged.len()),
        String::new(),
    ];
    lines.extend(table(scenario.start, &scenario.milestones, judged, Duration::ZERO));
    lines
}

fn table(start: Timestamp, rows: &[Milestone], judged: &[Outcome], ahead_of_utc: Duration) -> Vec<String> {
    let mut lines = vec![
        "| row | what | seen at | kind | expected | observed | off by | tolerance | met | source |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    let at = |time: Option<Time>| time.map_or("never".to_owned(), |time| by_clock(start, time, ahead_of_utc));
    for (row, outcome) in rows.iter().zip(judged) {
        let off = outcome.off_by_s().map_or("–".to_owned(), |off| format!("{:+.1} min", off / 60.0));
        let expected = match &row.after {
            Some(after) => format!("{} ({after} +{} min)", at(outcome.expected), row.at.as_secs() / 60),
            None => at(outcome.expected),
        };
        lines.push(format!(
            "| {} | {} | `{}` | {} | {expected} | {} | {off} | {:.0} min | {} | {} |",
            row.id,
            row.what,
            row.signal,
            row.kind.word(),
            at(outcome.observed),
            row.tolerance.as_secs_f64() / 60.0,
            if outcome.met { "yes" } else { "**no**" },
            row.source,
        ));
    }
    lines
}

fn fitted(rows: &[Milestone]) -> Vec<String> {
    let mut lines =
        vec!["| row | constants that were fitted so that it holds |".to_owned(), "|---|---|".to_owned()];
    let calibrated = rows.iter().filter(|row| row.kind == Kind::Calibrated);
    lines.extend(calibrated.map(|row| format!("| {} | {} |", row.id, row.fitted.join("; "))));
    lines
}

fn not_shown(rows: &[NotShown]) -> Vec<String> {
    let mut lines =
        vec!["| row | what it says | why it is not a milestone |".to_owned(), "|---|---|---|".to_owned()];
    lines.extend(rows.iter().map(|row| format!("| {} | {} | {} |", row.id, row.what, row.why)));
    lines
}

/// Whether a value says that all is well where it is seen.
fn is_served(value: &Value) -> bool {
    value.number().map_or_else(|| value.is("ok"), |percent| percent >= SERVED_PERCENT)
}

/// The first loss of a signal that was well, and its last return.
fn lost_and_back(changes: &[(Time, Value)]) -> Option<(Time, Option<Time>)> {
    let well = changes.iter().position(|(_, value)| is_served(value))?;
    let after = &changes[well..];
    let (lost, _) = after.iter().find(|(_, value)| !is_served(value))?;
    let last_bad = after.iter().rposition(|(_, value)| !is_served(value))?;
    Some((*lost, after.get(last_bad + 1).map(|(time, _)| *time)))
}

fn points(start: Timestamp, history: &History) -> Vec<String> {
    let mut lines = vec![
        "\"Recovered\" has no one moment: each vantage point has its own.".to_owned(),
        String::new(),
        "| signal | first lost | back for good |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    let at = |time| by_clock(start, time, Duration::ZERO);
    for signal in history.signals().filter(|signal| SERVED.iter().any(|stem| signal.starts_with(stem))) {
        if let Some((lost, back)) = lost_and_back(history.of(signal)) {
            lines.push(format!(
                "| `{signal}` | {} | {} |",
                at(lost),
                back.map_or("not in this run".to_owned(), at)
            ));
        }
    }
    lines
}

fn written_by(start: Timestamp, testimony: &Testimony, history: &History) -> Vec<String> {
    let judged = milestone::judge(&testimony.milestones, history);
    let met = judged.iter().filter(|outcome| outcome.met).count();
    let hours = testimony.ahead_of_utc.as_secs() / 3600;
    let mut lines =
        vec![format!("Times are UTC+{hours}. {met} of {} rows are met.", judged.len()), String::new()];
    lines.extend(table(start, &testimony.milestones, &judged, testimony.ahead_of_utc));
    if !testimony.not_shown.is_empty() {
        lines.push(String::new());
        lines.extend(not_shown(&testimony.not_shown));
    }
    lines
}

/// Which share of the outage people spent as long as somebody assumed, and on what.
fn assumed(scenario: &Scenario, lived: &Lived<'_>) -> Vec<String> {
    let mut lines = shares(lived.phases);
    lines.extend([
        String::new(),
        "| what people did | minutes in this run | low, likely, high | basis |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ]);
    for (task, took) in by_task(lived.outcome) {
        let estimate = scenario.people.tasks.get(&task);
        let stated = estimate.map_or("drives and fetching".to_owned(), in_minutes);
        let basis = estimate.map_or("see `[[travel]]`", |estimate| estimate.basis.as_str());
        lines.push(format!("| {task} | {:.0} | {stated} | {basis} |", took / 60.0));
    }
    lines.extend([String::new(), "What the model leaves out:".to_owned(), String::new()]);
    lines.extend(scenario.not_modelled.iter().map(|it| format!("- {it}")));
    lines
}

fn shares(phases: Option<&Phases>) -> Vec<String> {
    let Some(phases) = phases else { return vec!["Users were not back in this run.".to_owned()] };
    let share = |name: &str, length_s: f64| {
        format!("| {name} | {:.0} | {:.0} % |", length_s / 60.0, 100.0 * length_s / phases.recovery_s)
    };
    vec![
        "| of the outage | minutes | share |".to_owned(),
        "|---|---|---|".to_owned(),
        share("people, for as long as `people.toml` assumes", phases.assumed_s),
        share("pauses that the runbook prescribes", phases.held_s),
        share("protocols, time-outs, waiting for signals", phases.rest_s),
        share("all of it", phases.recovery_s),
    ]
}

/// Seconds that people spent, by task. What several did at once counts for each step by itself.
fn by_task(outcome: &RunOutcome) -> BTreeMap<String, f64> {
    let steps = outcome.runbooks.iter().flat_map(|book| &book.steps);
    let spent = steps.flat_map(|step| &step.spent).filter(|spent| spent.on == Spending::People);
    let mut tasks = BTreeMap::new();
    for it in spent {
        *tasks.entry(it.what.clone()).or_insert(0.0) += (it.until - it.from).as_secs_f64();
    }
    tasks
}

fn in_minutes(estimate: &Estimate) -> String {
    let minutes = |length: Duration| length.as_secs_f64() / 60.0;
    format!("{}, {}, {}", minutes(estimate.low), minutes(estimate.likely), minutes(estimate.high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_back_when_it_stays_back() {
        let at = Time::from_secs;
        let words = |changes: &[(u64, &str)]| {
            changes.iter().map(|(s, word)| (at(*s), Value::word(*word))).collect::<Vec<_>>()
        };
        let cases = [
            (words(&[]), None),
            (words(&[(1, "200")]), None),
            (words(&[(1, "503")]), None),
            (words(&[(1, "503"), (2, "200"), (5, "503")]), Some((at(5), None))),
            (words(&[(1, "NOERROR"), (3, "SERVFAIL"), (7, "NOERROR")]), Some((at(3), Some(at(7))))),
            (
                words(&[(1, "200"), (3, "503"), (4, "200"), (6, "503"), (9, "200")]),
                Some((at(3), Some(at(9)))),
            ),
        ];
        for (changes, expected) in cases {
            assert_eq!(lost_and_back(&changes), expected, "{changes:?}");
        }
        let percent: Vec<_> =
            [(1, 100.0), (3, 94.0), (9, 95.0)].map(|(s, n)| (at(s), Value::Number(n))).into();
        assert_eq!(lost_and_back(&percent), Some((at(3), Some(at(9)))));
    }
}
