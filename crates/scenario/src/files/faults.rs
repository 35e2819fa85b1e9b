//! `faults.toml`: what is done to the world, and statements whose minute is scripted.

use super::units::{Length, When};
use blackstart_source::Spanned;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Faults {
    /// Faults.
    pub fault: Vec<Fault>,
    /// Statements.
    pub statement: Vec<Statement>,
}

/// A fault: a kind, on what, when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// Its name, by which draws are keyed; its place in the file when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is: a kind that people recognise, or a primitive.
    pub kind: Spanned<String>,
    /// What it is done to: names, `all of LABEL`, `any N of LABEL`, `half of LABEL`.
    #[serde(default)]
    pub on: Option<Spanned<String>>,
    /// Numbers other than the kind's own.
    #[serde(default)]
    pub with: BTreeMap<String, Spanned<f64>>,
    /// When it begins.
    #[serde(default)]
    pub at: Option<Spanned<When>>,
    /// The signal that begins it instead: `SIGNAL is VALUE`.
    #[serde(default)]
    pub when: Option<Spanned<String>>,
    /// From the signal to the beginning.
    #[serde(default)]
    pub after: Option<Spanned<Length>>,
    /// How long it lasts.
    #[serde(default)]
    pub lasts: Option<Spanned<Length>>,
    /// When it is undone.
    #[serde(default)]
    pub until: Option<Spanned<When>>,
    /// From one beginning to the next.
    #[serde(default)]
    pub every: Option<Spanned<Length>>,
    /// How often it happens.
    #[serde(default)]
    pub times: Option<Spanned<u32>>,
    /// From one thing to the next, in a drawn order; they are healed in another.
    #[serde(default)]
    pub one_by_one: Option<Length>,
}

/// A public statement at a known minute; how it travels is not scripted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Statement {
    /// When it is sent.
    pub at: Spanned<When>,
    /// Whose account.
    pub author: String,
    /// Name of the service that carries it.
    pub on: String,
    /// Host that it is sent from.
    pub from: Spanned<String>,
    /// Words.
    pub text: String,
}
