//! `milestones.toml`: expected changes of signals, and what must hold of them all along.

use super::units::{Length, When};
use blackstart_source::Spanned;
use serde::Deserialize;

/// The whole file; also what somebody else wrote of the same day, `testimonies/NAME.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Milestones {
    /// Who wrote it.
    pub title: Option<String>,
    /// How far the clock of this file is ahead of UTC.
    pub ahead_of_utc: Option<Length>,
    /// Rows of the record that are not shown.
    pub not_shown: Vec<NotShown>,
    /// Rows.
    pub milestone: Vec<Milestone>,
    /// What must hold.
    pub invariant: Vec<Invariant>,
}

/// A row of the record that the model cannot show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NotShown {
    /// Its id in the record.
    pub id: Spanned<String>,
    /// What it says.
    pub what: String,
    /// Why it is not shown.
    pub why: String,
}

/// A sentence that must hold: exactly one of `always`, `never`, `eventually`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Invariant {
    /// The sentence.
    pub name: Spanned<String>,
    /// `stem@vantage`.
    pub signal: Spanned<String>,
    /// Holds at every moment.
    #[serde(default)]
    pub always: Option<Spanned<Condition>>,
    /// Holds at no moment.
    #[serde(default)]
    pub never: Option<Spanned<Condition>>,
    /// Holds at the end, if every fault was undone long enough before.
    #[serde(default)]
    pub eventually: Option<Spanned<Condition>>,
    /// Values before this time do not count.
    #[serde(default)]
    pub from: Option<Spanned<When>>,
}

/// A condition on a value: exactly one of these.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Condition {
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

/// One row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Milestone {
    /// Unique id.
    pub id: Spanned<String>,
    /// What it says.
    pub what: String,
    /// Where its time comes from.
    pub kind: Kind,
    /// `stem@vantage`.
    pub signal: Spanned<String>,
    /// What must be seen.
    pub expect: Spanned<Expect>,
    /// When: `HH:MM:SS` or `+offset` from the start or from `after`.
    pub at: Spanned<When>,
    /// How far off it may be.
    pub tolerance: Length,
    /// Earlier milestone from which `at`, `from` and `until` count.
    #[serde(default)]
    pub after: Option<Spanned<String>>,
    /// Look no earlier than this.
    #[serde(default)]
    pub from: Option<Spanned<When>>,
    /// Look no later than this.
    #[serde(default)]
    pub until: Option<Spanned<When>>,
    /// Source, and why this tolerance.
    pub source: String,
    /// Constants that were fitted so that it holds.
    #[serde(default)]
    pub fitted: Vec<String>,
}

/// Where a row's time comes from.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Scripted.
    Input,
    /// Fitted.
    Calibrated,
    /// Neither.
    Emergent,
}

/// Exactly one of these; `for` goes with `holds`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// It becomes this value.
    #[serde(default)]
    pub becomes: Option<String>,
    /// It stops being this value.
    #[serde(default)]
    pub leaves: Option<String>,
    /// It reaches this number from below.
    #[serde(default)]
    pub at_least: Option<f64>,
    /// It falls below this number.
    #[serde(default)]
    pub below: Option<f64>,
    /// It changes at all.
    #[serde(default)]
    pub changes: bool,
    /// Its highest value.
    #[serde(default)]
    pub peaks: bool,
    /// Its last change.
    #[serde(default)]
    pub settles: bool,
    /// It is this value all the time from `at` for `for`.
    #[serde(default)]
    pub holds: Option<String>,
    /// How long it must hold.
    #[serde(default)]
    pub r#for: Option<Length>,
}
