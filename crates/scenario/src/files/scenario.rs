//! `scenario.toml`: title, start, length, imports, what is not modelled.

use super::units::Stretch;
use blackstart_source::Spanned;
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// Title.
    pub title: String,
    /// Start in UTC; only an importing scenario needs it.
    #[serde(default)]
    pub epoch: Option<Spanned<String>>,
    /// Simulated length.
    #[serde(default)]
    pub duration: Option<Stretch>,
    /// Seed that `run` takes when none is given.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Folders whose network, services, people and zones join this scenario's; relative to this folder.
    #[serde(default)]
    pub imports: Vec<Spanned<String>>,
    /// Runbook that `run` executes when none is named.
    #[serde(default)]
    pub runbook: Option<Spanned<String>>,
    /// Machines, by name or label, that searches for faults leave whole: those from which others are watched.
    #[serde(default)]
    pub spares: Vec<Spanned<String>>,
    /// What the model leaves out.
    #[serde(default)]
    pub not_modelled: Vec<String>,
}
