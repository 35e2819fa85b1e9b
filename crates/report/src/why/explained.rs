//! A step explained: its tree, where its time went, and where it stands in the runbook; as text and as JSON.

use super::{Evidence, Tree};
use crate::outcome::{RunOutcome, Runbook, Step};
use crate::utc::{self, clock};
use crate::words::wrapped;
use blackstart_rt::Map;
use blackstart_runbook::execute::Spending;
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
}

/// Time of a step that went on one kind of thing.
#[derive(Clone, Debug, Serialize)]
struct Time {
    /// `people`, `protocols`, `signals`, `holds`.
    on: &'static str,
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
            page.push(match self.tree.verdict {
                "done" => "It was done as written: nothing failed.".to_owned(),
                _ => "Nobody tried anything in it.".to_owned(),
            });
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
        let text = format!("{}: {}", length(self.seconds), parts.join("; "));
        let name = self.on.to_uppercase();
        let lines = wrapped(&text, COLUMNS - 11).into_iter().enumerate();
        lines.map(|(n, line)| format!("{:<11}{line}", if n == 0 { name.as_str() } else { "" })).collect()
    }
}

/// Where the time of a step went, by kind of thing.
fn times(step: &Step, evidence: &Evidence) -> Vec<Time> {
    let kinds = [
        (Spending::People, "people"),
        (Spending::Protocols, "protocols"),
        (Spending::Signal, "signals"),
        (Spending::Hold, "holds"),
    ];
    let one = |(kind, on): (Spending, &'static str)| {
        let mut parts: Map<(&str, &str), f64> = Map::new();
        for spent in step.spent.iter().filter(|spent| spent.on == kind) {
            *parts.entry((&spent.what, &spent.who)).or_default() += (spent.until - spent.from).as_secs_f64();
        }
        let basis = |what: &str| evidence.people.tasks.get(what).map(|task| task.basis.clone());
        let mut parts: Vec<Part> = parts
            .into_iter()
            .map(|((what, who), seconds)| Part {
                what: what.to_owned(),
                who: who.to_owned(),
                seconds,
                basis: basis(what),
            })
            .collect();
        parts.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        let seconds = parts.iter().map(|part| part.seconds).sum();
        (!parts.is_empty()).then_some(Time { on, seconds, parts })
    };
    kinds.into_iter().filter_map(one).collect()
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
