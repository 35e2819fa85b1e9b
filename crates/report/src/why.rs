//! Why a step went as it did: from what people tried down to faults, by evidence of the run alone.
//!
//! - [`causes`]: a step and the evidence to a tree. Start here.
//! - [`Tree`], [`Cause`], [`End`]: the tree; its words are in `show`.
//! - [`Explained`]: the tree with the step's times and place, as text and JSON.
//! - [`evidence`]: facts and drops, as `search` asks for them.
//! - `search`: from one cause to those behind it.
//!
//! Nothing is assumed: where the records do not say why, the tree ends in [`End::NotRecorded`]. Each cause is told once; met
//! again it is only named, which also cuts circles.

pub mod evidence;
mod explained;
mod search;
mod show;
#[cfg(test)]
mod tests;

use crate::outcome::Step;
use crate::utc;
pub use evidence::Evidence;
pub use explained::Explained;
use jiff::Timestamp;
use serde::Serialize;

/// Where a line of causes ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// A fault of the schedule.
    Fault,
    /// A command of a person or of automation.
    Command,
    /// A program that failed by itself.
    Crash,
    /// What the scenario says of its people.
    Assumption,
    /// Nothing models it.
    Unmodelled,
    /// The run left nothing that says why.
    NotRecorded,
}

impl End {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Fault => "fault of the schedule",
            Self::Command => "command",
            Self::Crash => "crash",
            Self::Assumption => "assumption of people.toml",
            Self::Unmodelled => "unmodelled",
            Self::NotRecorded => "not recorded",
        }
    }
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What it is, without times and counts: equal causes of several runs have equal keys.
    pub key: String,
    /// In a few words, for a chain in one line.
    pub short: String,
    /// In a sentence.
    pub text: String,
    /// When it began, as far as is known.
    #[serde(serialize_with = "utc::maybe")]
    pub at: Option<Timestamp>,
    /// Set where nothing lies behind it.
    pub end: Option<End>,
    /// It was told before; what lies behind it stands there.
    pub again: bool,
    /// What lies behind it.
    pub causes: Vec<Cause>,
}

/// Why a step went as it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// Its id.
    pub step: String,
    /// Its verdict.
    pub verdict: &'static str,
    /// What it was blocked on, or what failed before another way worked.
    pub causes: Vec<Cause>,
}

/// Why a step went as it did. A step that is plainly done has no causes, unless it rests on something that nothing models.
#[must_use]
pub fn causes(step: &Step, evidence: &Evidence) -> Tree {
    let mut search = search::Search::new(evidence);
    let mut causes: Vec<Cause> =
        step.failed.iter().map(|attempt| search.attempt(attempt, &step.spent)).collect();
    if causes.is_empty() {
        causes.extend(search.unfinished(step));
    }
    causes.extend(step.unmodelled.iter().map(|need| search.unmodelled(need)));
    Tree { step: step.id.clone(), verdict: step.verdict, causes }
}
