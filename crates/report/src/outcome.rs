//! What came of one run, as plain data. Its JSON is the contract of `run --format json`: names and shapes do not change.
//!
//! Fields that the contract does not name are for people's eyes and are not serialised.

use crate::utc;
use blackstart_runbook::execute::{Attempt, Spent};
use jiff::Timestamp;
use serde::Serialize;

/// What came of one run.
#[derive(Clone, Debug, Serialize)]
pub struct RunOutcome {
    /// Name of the scenario's folder.
    pub scenario: String,
    /// Its title.
    #[serde(skip)]
    pub title: String,
    /// Variant, if any.
    #[serde(skip)]
    pub variant: Option<Variant>,
    /// Start by the world's clock.
    #[serde(skip)]
    pub start: Timestamp,
    /// Seed that fixes the run.
    pub seed: u64,
    /// Driver: `native` or `tokio`.
    pub driver: &'static str,
    /// Hosts, without routers.
    pub hosts: usize,
    /// Autonomous systems.
    pub ases: usize,
    /// Simulated length in seconds.
    pub simulated_s: f64,
    /// Wall time in seconds, as measured by whoever ran it; 0 when nobody did.
    pub wall_s: f64,
    /// Packets that crossed a link, each link counted.
    pub packets: u64,
    /// Records.
    pub records: u64,
    /// Hash over all records and packets: 16 hexadecimal digits.
    pub log_hash: String,
    /// Milestones.
    pub milestones: Milestones,
    /// Invariants.
    pub invariants: Vec<Invariant>,
    /// Runbooks that people tried: none or one.
    pub runbooks: Vec<Runbook>,
    /// When the outage began in which the run ended, if it ended in one.
    #[serde(serialize_with = "utc::maybe")]
    pub unserved_since: Option<Timestamp>,
    /// What the model leaves out.
    #[serde(skip)]
    pub not_modelled: Vec<String>,
}

/// A variant that was applied.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// What it is expected to change.
    pub expects: Option<String>,
}

/// All milestones.
#[derive(Clone, Debug, Serialize)]
pub struct Milestones {
    /// Rows that were met.
    pub met: usize,
    /// Rows.
    pub total: usize,
    /// In the order of the scenario's table.
    pub rows: Vec<Milestone>,
}

/// One milestone.
#[derive(Clone, Debug, Serialize)]
pub struct Milestone {
    /// Its id.
    pub id: String,
    /// What it says.
    #[serde(skip)]
    pub what: String,
    /// `input`, `calibrated` or `emergent`.
    pub kind: &'static str,
    /// Expected moment; null while the milestone that it hangs on was not observed.
    #[serde(serialize_with = "utc::maybe")]
    pub expected: Option<Timestamp>,
    /// Observed moment.
    #[serde(serialize_with = "utc::maybe")]
    pub observed: Option<Timestamp>,
    /// Observed minus expected, in seconds.
    pub off_by_s: Option<f64>,
    /// Observed within its tolerance.
    pub met: bool,
}

/// One invariant.
#[derive(Clone, Debug, Serialize)]
pub struct Invariant {
    /// The sentence that must hold.
    pub name: String,
    /// Whether it held all along.
    pub holds: bool,
    /// When it first did not.
    #[serde(serialize_with = "utc::maybe")]
    pub first_violation: Option<Timestamp>,
    /// What was seen then.
    #[serde(skip)]
    pub saw: Option<String>,
}

/// One runbook.
#[derive(Clone, Debug, Serialize)]
pub struct Runbook {
    /// Its name.
    pub name: String,
    /// `completed`, `late`, `blocked`, `deadlocked` or `inconclusive`.
    pub verdict: &'static str,
    /// From the first failed sends to the last point's return, in seconds; see [`Outage`](crate::recovery::Outage).
    pub achieved_recovery_s: Option<f64>,
    /// The largest objective of a service that it restores, in seconds.
    #[serde(skip)]
    pub objective_s: Option<f64>,
    /// Needs without a model that were used and that the runbook takes for granted.
    pub assumed_up: Vec<String>,
    /// Needs without a model that were used and are not taken for granted.
    #[serde(skip)]
    pub unmodelled: Vec<String>,
    /// Steps in the order of the file.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// `done`, `failed-over`, `blocked`, `skipped`, `unchecked` or `not-reached`.
    pub verdict: &'static str,
    /// When it began.
    #[serde(serialize_with = "utc::maybe")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "utc::maybe")]
    pub ended: Option<Timestamp>,
    /// Why it is not plainly done.
    pub blocked_on: Option<String>,
    /// File and line of its heading.
    #[serde(skip)]
    pub place: String,
    /// What was tried in it and did not work; [`why`](crate::why) says what lies behind.
    #[serde(skip)]
    pub failed: Vec<Attempt>,
    /// Needs without a model that it used and that the runbook does not take for granted.
    #[serde(skip)]
    pub unmodelled: Vec<String>,
    /// Where its time went.
    #[serde(skip)]
    pub spent: Vec<Spent>,
}

impl RunOutcome {
    /// Whether everything held: milestones met, invariants unbroken, runbooks completed. One rule for every run, so a
    /// variant or a run without a runbook that misses the scenario's milestones falls short, as it should.
    #[must_use]
    pub fn held(&self) -> bool {
        self.shortfalls().is_empty()
    }

    /// What fell short, in words.
    #[must_use]
    pub fn shortfalls(&self) -> Vec<String> {
        let missed = self.milestones.total - self.milestones.met;
        let missed = (missed > 0).then(|| format!("{missed} of {} milestones missed", self.milestones.total));
        let broken = self.invariants.iter().filter(|invariant| !invariant.holds);
        let broken = broken.map(|invariant| format!("invariant broken: {}", invariant.name));
        let unfinished = self.runbooks.iter().filter(|runbook| runbook.verdict != "completed");
        let unfinished = unfinished.map(|runbook| format!("runbook {} {}", runbook.name, runbook.verdict));
        // Of a runbook its verdict says so.
        let unserved = self.unserved_since.filter(|_| self.runbooks.is_empty());
        let unserved = unserved
            .map(|since| format!("users have been without service since {}, to the end", utc::clock(since)));
        missed.into_iter().chain(broken).chain(unfinished).chain(unserved).collect()
    }
}
