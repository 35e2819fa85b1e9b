//! `blackstart mitigate`: one change at a time, on the same seeds.

use super::{Ending, Format, complain, output, progress, validate};
use blackstart::campaign::mitigate::{changes, mitigate};
use blackstart::campaign::{Seeds, Workers, default_or_named};
use blackstart::mitigation::Mitigation;
use blackstart::{Error, Scenario};
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario folder
    scenario: PathBuf,
    /// Runbook that people try; the scenario's own unless given
    #[arg(long, value_name = "NAME")]
    runbook: Option<String>,
    /// Seeds, first and last included: one run for each, as it is and with each change
    #[arg(long, value_name = "A..B")]
    seeds: Seeds,
    /// Apply variants/V.toml, also below each change
    #[arg(long, value_name = "V")]
    variant: Option<String>,
    /// Runs at the same time; one for each core unless given. The result is the same
    #[arg(long, value_name = "J", value_parser = validate::jobs)]
    jobs: Option<usize>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    match tried(arguments) {
        Ok(mitigation) => output::show(arguments.format, &mitigation, Ending::Held, || mitigation.page()),
        Err(error) => complain::refused(&error),
    }
}

#[expect(clippy::disallowed_methods, reason = "wall time is reported beside the runs and is no part of them")]
fn tried(arguments: &Arguments) -> Result<Mitigation, Error> {
    let path = &arguments.scenario;
    let scenario = Scenario::load(path, arguments.variant.as_deref())?;
    let runbook = default_or_named(&scenario, arguments.runbook.as_deref())?;
    let changes = changes(path, &scenario, runbook)?;
    let workers = Workers::new(arguments.jobs)?;
    let begun = Instant::now();
    let mitigation =
        mitigate(&scenario, runbook, arguments.seeds, &changes, &workers, &progress::Runs::bar())?;
    Ok(Mitigation { wall_s: begun.elapsed().as_secs_f64(), ..mitigation })
}
