//! `blackstart cuts`: which smallest sets of losses stop a runbook.

use super::{Ending, Format, complain, output, progress, validate};
use blackstart::campaign::cuts::{Question, cuts};
use blackstart::campaign::mitigate::changes;
use blackstart::campaign::{Seeds, Workers, default_or_named};
use blackstart::cuts::Cuts;
use blackstart::{Error, Scenario};
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario folder
    scenario: PathBuf,
    /// Runbook that people try; the scenario's own unless given
    #[arg(long, value_name = "NAME")]
    runbook: Option<String>,
    /// The most elements that are lost together
    #[arg(long, value_name = "K", default_value_t = 2)]
    max: usize,
    /// Seeds, first and last included: a cut stops the runs of all
    #[arg(long, value_name = "A..B", default_value = "1..3")]
    seeds: Seeds,
    /// Apply variants/V.toml
    #[arg(long, value_name = "V")]
    variant: Option<String>,
    /// Ask nothing more after this time, such as `20m`
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    limit: Option<Duration>,
    /// Runs at the same time; one for each core unless given. The result is the same
    #[arg(long, value_name = "J", value_parser = validate::jobs)]
    jobs: Option<usize>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// `20m`, `1h30m`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok());
    let span = span.filter(|span| !span.is_zero());
    span.ok_or_else(|| format!("`{text}` is no time; expected one such as `90s`, `20m` or `1h30m`"))
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    match found(arguments) {
        Ok(cuts) => {
            let ending = if cuts.cuts.is_empty() && cuts.exhausted { Ending::Held } else { Ending::Short };
            output::show(arguments.format, &cuts, ending, || cuts.page())
        }
        Err(error) => complain::refused(&error),
    }
}

#[expect(clippy::disallowed_methods, reason = "wall time is reported beside the runs and is no part of them")]
fn found(arguments: &Arguments) -> Result<Cuts, Error> {
    let path = &arguments.scenario;
    let scenario = Scenario::load(path, arguments.variant.as_deref())?;
    let runbook = default_or_named(&scenario, arguments.runbook.as_deref())?;
    complain::about(&scenario.warnings);
    let changes = changes(path, &scenario, runbook)?.made;
    let question = Question {
        scenario: &scenario,
        runbook,
        seeds: arguments.seeds,
        max: arguments.max,
        changes: &changes,
    };
    let begun = Instant::now();
    let goes_on = || arguments.limit.is_none_or(|limit| begun.elapsed() < limit);
    let workers = Workers::new(arguments.jobs)?;
    let cuts = cuts(&question, &workers, &progress::Runs::bar(), &goes_on)?;
    Ok(Cuts { wall_s: begun.elapsed().as_secs_f64(), ..cuts })
}
