//! Which single run a command is about: scenario, variant, runbook, seed, and the faults of a failure that was found once.

use blackstart::campaign::NO_RUNBOOK;
use blackstart::{Error, Plan, RunbookChoice, Scenario};
use blackstart_scenario::Regression;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    /// Scenario folder
    pub(super) scenario: PathBuf,
    /// Apply variants/V.toml
    #[arg(long, value_name = "V")]
    pub(super) variant: Option<String>,
    /// Runbook that people try, or `none`; the scenario's own unless given
    #[arg(long, value_name = "NAME")]
    pub(super) runbook: Option<String>,
    /// Seed that fixes the run; the scenario's own unless given
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// A saved failure: its faults beside the scenario's own; its runbook, seed and variant unless given
    #[arg(long, value_name = "FILE")]
    pub(super) with: Option<PathBuf>,
}

impl Chosen {
    /// The scenario and what to run of it.
    pub(super) fn load(&self) -> Result<(Scenario, Plan), Error> {
        let variant = self.variant.as_deref();
        let Some(file) = &self.with else {
            let plan = Plan { seed: self.seed, runbook: self.runbook(), ..Plan::default() };
            return Ok((Scenario::load(&self.scenario, variant)?, plan));
        };
        let (scenario, runbook, found) = Regression::load_in(&self.scenario, variant, file)?;
        let scenario = scenario.with_faults(found.faults);
        let runbook = match self.runbook() {
            RunbookChoice::Default => RunbookChoice::Named(runbook.name.clone()),
            chosen => chosen,
        };
        // As far as the run in which it failed.
        let plan =
            Plan { seed: self.seed.or(Some(found.seed)), runbook, until_decided: true, ..Plan::default() };
        Ok((scenario, plan))
    }

    fn runbook(&self) -> RunbookChoice {
        match self.runbook.as_deref() {
            None => RunbookChoice::Default,
            Some(NO_RUNBOOK) => RunbookChoice::None,
            Some(name) => RunbookChoice::Named(name.to_owned()),
        }
    }

    /// The words that choose the same scenario again.
    pub(super) fn words(&self) -> String {
        let with = self.with.as_ref().map(|file| format!(" --with {}", file.display()));
        words(&self.scenario, self.variant.as_deref()) + &with.unwrap_or_default()
    }
}

/// The words that choose a scenario and its variant.
pub(super) fn words(scenario: &Path, variant: Option<&str>) -> String {
    let variant = variant.map(|name| format!(" --variant {name}"));
    format!("{}{}", scenario.display(), variant.unwrap_or_default())
}
