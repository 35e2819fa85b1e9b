//! `variants/NAME.toml`: small changes with what they are expected to change.

use super::units::{Length, When};
use blackstart_source::Spanned;
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Variant {
    /// What is different.
    pub title: String,
    /// What difference that is expected to make.
    pub expects: String,
    /// It is another guess at what nobody knows, not something that anybody could do.
    #[serde(default)]
    pub hypothesis: bool,
    /// Changes, in order; none where the scenario is like this already.
    #[serde(default)]
    pub change: Vec<Change>,
    /// Entries that are there beside the scenario's own, in order; they come after all changes.
    #[serde(default)]
    pub add: Vec<Addition>,
    /// What a run must show, beside one of the scenario as it is.
    #[serde(default)]
    pub expect: Vec<Spanned<Expect>>,
}

/// One more entry of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Addition {
    /// File of the scenario's own folder.
    pub file: Spanned<String>,
    /// Kind of entry, as in `[[console]]`.
    pub table: String,
    /// It stands in front of the others, where their order matters.
    #[serde(default)]
    pub first: bool,
    /// The entry.
    pub entry: toml::Table,
}

/// One thing that a run must show: `verdict`; `step` with `verdict`; `recovery` with `by`; or `signal` with `at` and one of `is`,
/// `at-least`, `below`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// Verdict of the runbook, or of `step`.
    #[serde(default)]
    pub verdict: Option<Spanned<String>>,
    /// A step of the runbook.
    #[serde(default)]
    pub step: Option<Spanned<String>>,
    /// When users are served again.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// By how much, from the least to the most.
    #[serde(default)]
    pub by: Option<[Length; 2]>,
    /// `stem@vantage`.
    #[serde(default)]
    pub signal: Option<Spanned<String>>,
    /// Moment at which the signal is looked at.
    #[serde(default)]
    pub at: Option<When>,
    /// It is this: a word, a number, `ok`, `failing`.
    #[serde(default)]
    pub is: Option<String>,
    /// It is a number at or above this.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// It is a number below this.
    #[serde(default)]
    pub below: Option<f64>,
}

/// When users are served again, beside the scenario as it is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Recovery {
    /// Earlier, by as much as `by` says.
    Earlier,
    /// Later, by as much as `by` says.
    Later,
    /// At the same moment, or as far off either way as `by` says.
    Same,
    /// Not before the run ends.
    Never,
    /// They were served all along.
    NotNeeded,
}

/// One value set in, or removed from, one entry of one file. The entries of a runbook are its steps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Change {
    /// File of the scenario's own folder.
    pub file: Spanned<String>,
    /// Kind of entry, as in `[[service]]`; `step` in a runbook.
    pub table: Spanned<String>,
    /// Its `name`; the step's id in a runbook.
    pub name: Spanned<String>,
    /// Dotted key inside the entry.
    pub set: Spanned<String>,
    /// Its new value; without one the key is removed.
    #[serde(default)]
    pub to: Option<toml::Value>,
}
