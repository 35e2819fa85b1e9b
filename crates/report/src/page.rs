//! Everything about a run on a terminal: at most [`COLUMNS`] columns, no colours, nothing that needs a legend.

mod tables;

use crate::outcome::RunOutcome;
use crate::timeline::Line;
use crate::utc::{clock, day, moment, rfc3339};
use crate::words::{clipped, counted, wrapped};
use blackstart_sim::Time;
use jiff::Timestamp;
use std::time::Duration;

/// Columns of the page.
pub const COLUMNS: usize = 110;

/// Columns before a timeline's text: `15:39:00  network  `.
const INDENT: usize = 19;
/// Lines that a text may have on the timeline.
const WRAPPED_MAX: usize = 2;
/// A line that lasted at least this long says until when.
const LASTING: Duration = Duration::from_secs(60);

/// The whole page. `next` is a command that the reader may want to run now; it is left out when empty.
#[must_use]
pub fn page(outcome: &RunOutcome, lines: &[Line], next: &str) -> String {
    let mut page = header(outcome);
    page.push(String::new());
    page.extend(timeline(outcome.start, lines));
    page.push("-".repeat(COLUMNS));
    page.extend(tables::milestones(&outcome.milestones));
    page.extend(tables::invariants(&outcome.invariants));
    page.extend(outcome.runbooks.iter().flat_map(tables::runbook));
    page.extend(not_modelled(outcome));
    page.extend(verdict(outcome, next));
    page.join("\n") + "\n"
}

fn header(outcome: &RunOutcome) -> Vec<String> {
    let mut header = vec![clipped(&outcome.title, COLUMNS)];
    if let Some(variant) = &outcome.variant {
        let expects = variant.expects.as_deref().unwrap_or("nothing in particular");
        let text = format!("variant {}: expected: {expects}", variant.name);
        header.extend(wrapped(&text, COLUMNS));
    }
    let length = hours(outcome.simulated_s);
    let (hosts, ases) = (counted(outcome.hosts, "host"), outcome.ases);
    header.push(format!(
        "from {} for {length}   {hosts} in {ases} ASes   seed {}",
        rfc3339(outcome.start),
        outcome.seed
    ));
    header
}

/// One line each, a longer text indented under itself, a line of its own for each new day.
fn timeline(start: Timestamp, lines: &[Line]) -> Vec<String> {
    let mut shown = Vec::new();
    let mut today = day(start);
    for line in lines {
        let at = moment(start, line.at);
        if day(at) != today {
            today = day(at);
            shown.push(format!("-- {today}"));
        }
        shown.extend(entry(start, line));
    }
    if lines.is_empty() {
        shown.push("nothing notable happened".to_owned());
    }
    shown
}

fn entry(start: Timestamp, line: &Line) -> Vec<String> {
    let lasted = line.until - line.at >= LASTING;
    let until = if lasted { format!(" (until {})", &at(start, line.until)[..5]) } else { String::new() };
    let mut texts = wrapped(&(line.text.clone() + &until), COLUMNS - INDENT);
    if texts.len() > WRAPPED_MAX {
        texts.truncate(WRAPPED_MAX);
        texts[WRAPPED_MAX - 1].push_str(" …");
    }
    let texts = texts.iter().enumerate();
    let shown = texts.map(|(index, text)| match index {
        0 => format!("{}  {:<7}  {text}", at(start, line.at), line.part),
        _ => format!("{:INDENT$}{text}", ""),
    });
    shown.map(|text| clipped(&text, COLUMNS)).collect()
}

fn at(start: Timestamp, time: Time) -> String {
    clock(moment(start, time))
}

fn not_modelled(outcome: &RunOutcome) -> Vec<String> {
    let Some(first) = outcome.not_modelled.first() else { return Vec::new() };
    let rest = match outcome.not_modelled.len() {
        1 => String::new(),
        n => format!(" (and {} more: scenario.toml)", n - 1),
    };
    let count = counted(outcome.not_modelled.len(), "item");
    under("NOT MODELLED", &format!("{count}: {first}{rest}"))
}

fn verdict(outcome: &RunOutcome, next: &str) -> Vec<String> {
    let shortfalls = outcome.shortfalls();
    let mut verdict = match shortfalls.is_empty() {
        true => under("VERDICT", "everything held"),
        false => under("VERDICT", &format!("FELL SHORT: {}", shortfalls.join("; "))),
    };
    let (packets, records, hash) = (outcome.packets, outcome.records, &outcome.log_hash);
    let cost = format!("{:.2} s wall, {packets} packets, {records} records, log hash {hash}", outcome.wall_s);
    verdict.extend(under("RUN", &cost));
    if !next.is_empty() {
        verdict.extend(under("NEXT", next));
    }
    verdict
}

/// A heading in capitals with its text beside it.
fn under(heading: &str, text: &str) -> Vec<String> {
    const BESIDE: usize = 14;
    let texts = wrapped(text, COLUMNS - BESIDE);
    let shown = texts.iter().enumerate().map(|(index, text)| match index {
        0 => format!("{heading:<BESIDE$}{text}"),
        _ => format!("{:BESIDE$}{text}", ""),
    });
    shown.collect()
}

/// `7h30`, `45m00`, `12.5s`.
fn hours(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole % 3600 / 60, whole % 60) {
        (0, 0, _) => format!("{seconds:.0}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_words() {
        for (seconds, expected) in
            [(0.4, "0s"), (59.0, "59s"), (61.0, "1m01"), (27000.0, "7h30"), (3599.9, "1h00")]
        {
            assert_eq!(hours(seconds), expected);
        }
    }

    #[test]
    fn long_texts_are_indented_and_end() {
        let start: Timestamp = "2021-10-04T23:59:00Z".parse().unwrap();
        let line = |s, text: String| Line {
            at: Time::from_secs(s),
            until: Time::from_secs(s + 60),
            part: "people",
            text,
        };
        let shown = timeline(start, &[line(0, "word ".repeat(100)), line(60, "short".to_owned())]);
        assert_eq!(shown.len(), 4, "{shown:#?}");
        assert!(shown[1].starts_with(&" ".repeat(INDENT)) && shown[1].ends_with(" …"));
        assert_eq!(shown[2..], ["-- 2021-10-05", "00:00:00  people   short (until 00:01)"]);
        assert!(shown.iter().all(|line| line.chars().count() <= COLUMNS));
    }
}
