//! A step explained: its tree, where its time went, and where it stands in the runbook; as text and as JSON.

use super::{Evidence, Tree};
use crate::outcome::{RunOutcome, Runbook, Step};
use crate::utc::{self, clock, moment};
use crate::words::wrapped;
use blackstart_rt::Map;
use blackstart_runbook::execute::{Spending, Spent};
use blackstart_sim::Time as Moment;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// Columns of the page.
const COLUMNS: usize = 109;

/// Why a step went as it did. As JSON it is what `explain --format json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    scenario: String,
    seed: u64,
    log_hash: String,
    runbook: String,
    /// File and line of the step.
    place: String,
    #[serde(serialize_with = "utc::maybe")]
    started: Option<Timestamp>,
    #[serde(serialize_with = "utc::maybe")]
    ended: Option<Timestamp>,
    blocked_on: Option<String>,
    chain: String,
    key: String,
    tree: Tree,
    time: Vec<Time>,
    /// What is said where the tree is empty.
    #[serde(skip)]
    nothing: String,
}

/// Time of a step that went on one kind of thing.
#[derive(Clone, Debug, Serialize)]
struct Time {
    /// `before`, `people`, `protocols`, `signals`, `holds`.
    on: &'static str,
    /// Each moment once, also when several were busy at it: these add up to no more than the step took.
    seconds: f64,
    /// The longest first.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Serialize)]
struct Part {
    what: String,
    who: String,
    seconds: f64,
    /// What the scenario says of how long it takes.
    basis: Option<String>,
}

impl Explained {
    /// A step of a run, with its tree.
    #[must_use]
    pub fn new(run: &RunOutcome, book: &Runbook, step: &Step, tree: Tree, evidence: &Evidence) -> Self {
        Self {
            scenario: run.scenario.clone(),
            seed: run.seed,
            log_hash: run.log_hash.clone(),
            runbook: book.name.clone(),
            place: step.place.clone(),
            started: step.started,
            ended: step.ended,
            blocked_on: step.blocked_on.clone(),
            chain: tree.chain(usize::MAX),
            key: tree.key(),
            time: times(step, evidence),
            tree,
            nothing: nothing_failed(book, step),
        }
    }

    /// The page that a person reads.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = wrapped(&self.headline(), COLUMNS);
        page.push(format!("{}, {}, seed {}", self.runbook, self.scenario, self.seed));
        page.push(self.place.clone());
        page.push(String::new());
        if self.tree.causes.is_empty() {
            page.extend(wrapped(&self.nothing, COLUMNS));
        } else {
            page.extend(wrapped(&format!("IN SHORT: {}", self.chain), COLUMNS));
            page.push(String::new());
            page.extend(self.tree.lines(COLUMNS));
        }
        if !self.time.is_empty() {
            page.push(String::new());
            page.extend(self.time.iter().flat_map(Time::lines));
        }
        page.join("\n") + "\n"
    }

    fn headline(&self) -> String {
        let times = match (self.started, self.ended) {
            (Some(started), Some(ended)) => {
                let took = Duration::try_from(ended.duration_since(started)).unwrap_or_default();
                format!("from {} to {} ({})", clock(started), clock(ended), length(took.as_secs_f64()))
            }
            (Some(started), None) => format!("from {}, and never ended", clock(started)),
            (None, _) => "never begun".to_owned(),
        };
        format!("{}: {}, {times}", self.tree.step, self.tree.verdict)
    }
}

impl Time {
    fn lines(&self) -> Vec<String> {
        let part = |part: &Part| {
            let who = if part.who.is_empty() { String::new() } else { format!(" ({})", part.who) };
            let basis = part.basis.as_ref().map(|basis| format!(" [{basis}]")).unwrap_or_default();
            format!("{} {}{who}{basis}", length(part.seconds), part.what)
        };
        let parts: Vec<String> = self.parts.iter().map(part).collect();
        let longer = self.parts.iter().map(|part| part.seconds).sum::<f64>() > self.seconds + 0.05;
        let at_once = if longer { ", some of it at the same time" } else { "" };
        let text = format!("{}{at_once}: {}", length(self.seconds), parts.join("; "));
        let name = self.on.to_uppercase();
        let lines = wrapped(&text, COLUMNS - 11).into_iter().enumerate();
        lines.map(|(n, line)| format!("{:<11}{line}", if n == 0 { name.as_str() } else { "" })).collect()
    }
}

/// About a step in which nothing failed: that it was done, or why nobody tried anything in it.
fn nothing_failed(book: &Runbook, step: &Step) -> String {
    let stopped = book.steps.iter().rev().find(|other| other.verdict == "blocked" && other.id != step.id);
    match (step.verdict, stopped) {
        ("done", _) => "It was done as written: nothing failed.".to_owned(),
        ("unchecked", _) => "It has no block, so that nothing in it is tried.".to_owned(),
        ("skipped", _) => "The runbook went past it and ended without it.".to_owned(),
        ("not-reached", Some(Step { id, blocked_on, .. })) => {
            let why = blocked_on.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("The runbook never came to it: `{id}` was blocked{why}. Ask why with `--step {id}`.")
        }
        ("not-reached", None) => "The runbook never came to it: nobody began it.".to_owned(),
        _ => "Nothing on record failed in it.".to_owned(),
    }
}

/// Where the time of a step went, by kind of thing; first what was waited for before it began.
fn times(step: &Step, evidence: &Evidence) -> Vec<Time> {
    let is_before =
        |spent: &&Spent| step.started.is_some_and(|began| moment(evidence.start, spent.until) <= began);
    let (before, within): (Vec<&Spent>, Vec<&Spent>) = step.spent.iter().partition(is_before);
    let kinds = [
        (Spending::People, "people"),
        (Spending::Protocols, "protocols"),
        (Spending::Signal, "signals"),
        (Spending::Hold, "holds"),
    ];
    let mut counted = Vec::new();
    let mut times: Vec<Time> = time("before", &before, &mut Vec::new(), evidence).into_iter().collect();
    for (kind, on) in kinds {
        let spent: Vec<&Spent> = within.iter().copied().filter(|spent| spent.on == kind).collect();
        times.extend(time(on, &spent, &mut counted, evidence));
    }
    times
}

/// Time that went on one kind of thing, without what is counted already; then that is counted too.
fn time(
    on: &'static str,
    spent: &[&Spent],
    counted: &mut Vec<(Moment, Moment)>,
    evidence: &Evidence,
) -> Option<Time> {
    let before = covered(counted);
    counted.extend(spent.iter().map(|spent| (spent.from, spent.until)));
    let seconds = (covered(counted) - before).as_secs_f64();
    let mut parts: Map<(&str, &str), f64> = Map::new();
    for spent in spent {
        *parts.entry((&spent.what, &spent.who)).or_default() += (spent.until - spent.from).as_secs_f64();
    }
    let part = |((what, who), seconds): ((&str, &str), f64)| Part {
        what: what.to_owned(),
        who: who.to_owned(),
        seconds,
        basis: evidence.people.tasks.get(what).map(|task| task.basis.clone()),
    };
    let mut parts: Vec<Part> = parts.into_iter().map(part).collect();
    parts.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    (!parts.is_empty()).then_some(Time { on, seconds, parts })
}

/// How long it is that any of these stretches covers.
fn covered(stretches: &[(Moment, Moment)]) -> Duration {
    let mut sorted = stretches.to_vec();
    sorted.sort_unstable();
    let mut reached = Moment::ZERO;
    let mut sum = Duration::ZERO;
    for (from, until) in sorted {
        sum += until.saturating_duration_since(from.max(reached));
        reached = reached.max(until);
    }
    sum
}

/// `1h49`, `29m23`, `4.2s`.
fn length(seconds: f64) -> String {
    let whole = seconds as u64;
    match (whole / 3600, whole % 3600 / 60) {
        (0, 0) => format!("{seconds:.1}s"),
        (0, minutes) => format!("{minutes}m{:02}", whole % 60),
        (hours, minutes) => format!("{hours}h{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{evidence, step};
    use super::*;

    fn spent(on: Spending, what: &str, from: u64, until: u64) -> Spent {
        let (from, until) = (Moment::from_secs(from), Moment::from_secs(until));
        Spent { on, what: what.to_owned(), who: String::new(), from, until }
    }

    #[test]
    fn each_moment_of_a_step_counts_once() {
        use Spending::{Hold, People, Signal};
        let cases = [
            (vec![spent(People, "ring", 10, 40)], vec!["PEOPLE     30.0s: 30.0s ring"]),
            // What was waited for before it began is no part of it.
            (
                vec![spent(Signal, "down", 0, 10), spent(People, "ring", 10, 20)],
                vec!["BEFORE     10.0s: 10.0s down", "PEOPLE     10.0s: 10.0s ring"],
            ),
            (
                vec![spent(People, "ring", 10, 40), spent(People, "walk", 20, 50)],
                vec!["PEOPLE     40.0s, some of it at the same time: 30.0s ring; 30.0s walk"],
            ),
            (
                vec![spent(People, "ring", 10, 40), spent(Hold, "pause", 20, 50)],
                vec![
                    "PEOPLE     30.0s: 30.0s ring",
                    "HOLDS      10.0s, some of it at the same time: 30.0s pause",
                ],
            ),
        ];
        for (spent, lines) in cases {
            let evidence = evidence();
            let started = Some(moment(evidence.start, Moment::from_secs(10)));
            let step = Step { spent, started, ..step(Vec::new()) };
            let told: Vec<String> = times(&step, &evidence).iter().flat_map(Time::lines).collect();
            assert_eq!(told, lines);
        }
    }

    #[test]
    fn a_step_that_was_not_reached_names_the_one_that_stopped() {
        let of = |id: &str, verdict: &'static str, why: &str| Step {
            id: id.to_owned(),
            verdict,
            blocked_on: (!why.is_empty()).then(|| why.to_owned()),
            ..step(Vec::new())
        };
        let cases = [
            (
                of("go", "blocked", "no car"),
                "not-reached",
                "`go` was blocked: no car. Ask why with `--step go`.",
            ),
            (of("go", "not-reached", ""), "not-reached", "nobody began it."),
            (of("go", "done", ""), "skipped", "went past it"),
            (of("go", "done", ""), "unchecked", "no block"),
            (of("go", "blocked", "no car"), "done", "nothing failed"),
        ];
        for (other, verdict, expected) in cases {
            let step = of("open", verdict, "");
            let book = Runbook {
                name: "mend".to_owned(),
                verdict: "blocked",
                achieved_recovery_s: None,
                objective_s: None,
                assumed_up: Vec::new(),
                unmodelled: Vec::new(),
                steps: vec![other, step.clone()],
            };
            let text = nothing_failed(&book, &step);
            assert!(text.contains(expected), "{verdict}: {text}");
        }
    }
}
