//! What an auditor asks for after a recovery test, from a campaign and its median run; data in, text out.
//!
//! - [`Dossier`]: all of it as plain data; as JSON it is `evidence.json`. Start here; made in `gather`.
//! - [`findings`]: what fell short or is fragile, with ids that stay the same from one campaign to the next
//! - [`redact`]: pseudonyms for people, badges, accounts and phone numbers
//! - [`junit`], [`journal`], [`html`]: the dossier in other shapes
//!
//! Everything else is made from the dossier, so that what is redacted in it is redacted everywhere.

pub mod findings;
mod gather;
pub mod html;
pub mod journal;
pub mod junit;
pub mod redact;

pub use findings::{Compared, Earlier, Finding};
pub use gather::{Material, sha256};
pub use redact::Redaction;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What this evidence is, and what it is not.
pub const STAMP: &str = "simulation; not a restore or fail-over test";

/// What an auditor asks for. As JSON it is `evidence.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dossier {
    /// [`STAMP`].
    pub stamp: String,
    /// The program.
    pub tool: Tool,
    /// The model.
    pub scenario: Scenario,
    /// What was tested.
    pub runbook: Runbook,
    /// What was asked.
    pub question: Question,
    /// Achieved against objective.
    pub achieved: Achieved,
    /// The first lines of the page on the terminal.
    pub summary: Vec<String>,
    /// One run, step by step.
    pub record: Record,
    /// Steps of that run that were not plainly done.
    pub deviations: Vec<Deviation>,
    /// What fell short or is fragile, the worst first.
    pub findings: Vec<Finding>,
    /// What became of earlier findings; null when none were given.
    pub compared: Option<Compared>,
    /// What this says nothing about, and what it rests on.
    pub limits: Limits,
    /// What only people know.
    pub to_be_filled_in: Blanks,
    /// Everything that `validate --format json` prints, but for `wall_s`.
    pub validation: Value,
}

/// The program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Name of its folder.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Every file that it was read from.
    pub files: Vec<File>,
}

/// A file as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Path from the scenario's folder.
    pub name: String,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// What was tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runbook {
    /// Its name.
    pub name: String,
    /// Its first heading.
    pub title: String,
    /// SHA-256 of its text.
    pub sha256: String,
    /// Services that it restores.
    pub restores: Vec<String>,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Seeds, `1..200`, both included.
    pub seeds: String,
    /// Runs: one for each seed.
    pub runs: usize,
    /// Variant, if any.
    pub variant: Option<String>,
    /// `quick`, `usual` or `thorough`.
    pub depth: String,
    /// Share of runs that must complete.
    pub required: f64,
}

/// Achieved against objective. An objective is what was promised; what is measured is the achieved recovery time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Achieved {
    /// The verdict over all runs.
    pub conclusion: String,
    /// Whether as many runs completed as were required.
    pub required_share_reached: bool,
    /// Largest objective of a service that the runbook restores, in seconds.
    pub objective_s: Option<f64>,
    /// Share of runs that restored service, within the objective if there is one.
    pub share_within: f64,
    /// Share that did so too late.
    pub share_late: f64,
    /// Share that never did, or of which nobody can say.
    pub share_never: f64,
    /// Start and end of the measure.
    pub measured: String,
}

/// One run, step by step, in UTC of the simulated world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its seed.
    pub seed: u64,
    /// Why this one is shown.
    pub stands_for: String,
    /// Hash over all its records and packets: the same seed gives it again.
    pub log_hash: String,
    /// The runbook's verdict in it.
    pub verdict: String,
    /// From the first failed sends to the last point's return, in seconds.
    pub achieved_recovery_s: Option<f64>,
    /// Start of the run.
    pub from: String,
    /// Its length in seconds.
    pub simulated_s: f64,
    /// Steps in the order of the file.
    pub steps: Vec<Step>,
    /// Notable moments.
    pub timeline: Vec<Moment>,
}

/// A step as it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// Line of its heading in the runbook.
    pub line: usize,
    /// `done`, `failed-over`, `blocked`, `skipped`, `unchecked` or `not-reached`.
    pub verdict: String,
    /// Who was busy with it.
    pub by: Vec<String>,
    /// When it began.
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// The same in seconds from the start of the run.
    pub started_s: Option<f64>,
    /// The same in seconds from the start of the run.
    pub ended_s: Option<f64>,
    /// Why it is not plainly done, in one line.
    pub why: Option<String>,
}

/// A notable moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: String,
    /// Part of the world.
    pub part: String,
    /// What happened.
    pub text: String,
}

/// A step that was not plainly done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// Its id.
    pub step: String,
    /// Its verdict.
    pub verdict: String,
    /// The causes down to faults, one a line, what lies behind a cause indented below it.
    pub causes: Vec<String>,
}

/// What this says nothing about, and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// What follows from its being a simulation.
    pub statements: Vec<String>,
    /// What the scenario says that its model leaves out.
    pub not_modelled: Vec<String>,
    /// Needs without a model that were used and that the runbook takes for granted.
    pub assumed_up: Vec<String>,
    /// Needs without a model that were used and are not.
    pub unmodelled: Vec<String>,
    /// Durations that the result rests on.
    pub durations: Vec<Duration>,
}

/// A duration of `people.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Duration {
    /// Task, or way by its ends.
    pub name: String,
    /// Shortest, in seconds.
    pub low_s: f64,
    /// Most likely.
    pub likely_s: f64,
    /// Longest.
    pub high_s: f64,
    /// What it rests on: a source, or `assumption`.
    pub basis: String,
}

/// What only people know: written as null, to be filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blanks {
    /// Who owns the runbook.
    pub runbook_owner: Option<String>,
    /// Who approved this version of it.
    pub approved_by: Option<String>,
    /// Who tested, and whether they are independent of who wrote it.
    pub tested_by: Option<String>,
    /// When it was tested, and when it is due again.
    pub tested_on: Option<String>,
    /// When it is due again.
    pub next_due: Option<String>,
    /// Who signed this off.
    pub signed_off_by: Option<String>,
}

impl Dossier {
    /// `evidence.json`.
    ///
    /// # Errors
    /// None that is known: everything in it has a shape in JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// How many runs had this verdict.
    fn runs(&self, verdict: &str) -> u64 {
        self.validation["verdicts"][verdict].as_u64().unwrap_or_default()
    }
}
