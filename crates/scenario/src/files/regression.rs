//! A file of `regressions/`: faults with which something failed once.

use super::faults::Fault;
use blackstart_source::Spanned;
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    /// What failed, and in which run.
    pub regression: Regression,
    /// The schedule with which it did.
    #[serde(default)]
    pub fault: Vec<Fault>,
}

/// What failed, and in which run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Regression {
    /// The runbook that people tried.
    pub runbook: Spanned<String>,
    /// The variant, if any.
    #[serde(default)]
    pub variant: Option<String>,
    /// Seed of the run.
    pub seed: u64,
    /// What failed, without what differs between runs.
    pub failure: String,
}
