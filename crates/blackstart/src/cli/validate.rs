//! `blackstart validate`: one runbook over many seeds.

use super::chosen::words;
use super::{Ending, Format, complain, evidence, output, progress};
use blackstart::campaign::mitigate::changes;
use blackstart::campaign::validate::{Depth, Question, validate};
use blackstart::campaign::{Seeds, Workers, default_or_named};
use blackstart::validation::Validation;
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
    /// Seeds, first and last included: one run for each
    #[arg(long, value_name = "A..B")]
    seeds: Seeds,
    /// Apply variants/V.toml
    #[arg(long, value_name = "V")]
    variant: Option<String>,
    /// Share of runs that must complete
    #[arg(long, value_name = "SHARE", default_value = "100%", value_parser = percent)]
    require: f64,
    /// One run for each seed and no more: no single points, assumptions that flip the verdict, changes or hypotheses
    #[arg(long, conflicts_with = "thorough")]
    quick: bool,
    /// All elements, assumptions, changes and hypotheses, however many runs that takes; single points on every seed
    #[arg(long)]
    thorough: bool,
    /// Runs at the same time; one for each core unless given. The result is the same
    #[arg(long, value_name = "J", value_parser = jobs)]
    jobs: Option<usize>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    evidence: evidence::Options,
}

/// `95%` to 0.95.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    let share = number.filter(|number| (0.0..=100.0).contains(number)).map(|number| number / 100.0);
    share.ok_or_else(|| format!("`{text}` is no share; expected one from `0%` to `100%`, such as `95%`"))
}

pub(super) fn jobs(text: &str) -> Result<usize, String> {
    let jobs = text.parse().ok().filter(|jobs| *jobs > 0);
    jobs.ok_or_else(|| format!("`{text}` is no number of runs; expected one from 1 on"))
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    let writer = match evidence::Writer::new(&arguments.evidence, &arguments.scenario) {
        Ok(writer) => writer,
        Err(ending) => return ending,
    };
    let validation = match judged(arguments, writer.as_ref()) {
        Ok(validation) => validation,
        Err(Failure::Run(error)) => return complain::refused(&error),
        Err(Failure::Evidence(ending)) => return ending,
    };
    let ending = if validation.held() { Ending::Held } else { Ending::Short };
    output::show(arguments.format, &validation, ending, || {
        let evidence = writer.as_ref().map(evidence::Writer::line).unwrap_or_default();
        validation.page(&next(arguments, &validation)) + &evidence
    })
}

#[expect(clippy::disallowed_methods, reason = "wall time is reported beside the runs and is no part of them")]
fn judged(arguments: &Arguments, writer: Option<&evidence::Writer>) -> Result<Validation, Failure> {
    let scenario = Scenario::load(&arguments.scenario, arguments.variant.as_deref()).map_err(Error::from)?;
    let runbook = default_or_named(&scenario, arguments.runbook.as_deref()).map_err(Error::from)?;
    complain::about(&scenario.warnings);
    writer.map_or(Ok(()), |writer| writer.fits(&scenario, runbook)).map_err(Failure::Evidence)?;
    let depth = match (arguments.quick, arguments.thorough) {
        (true, _) => Depth::Quick,
        (false, false) => Depth::Usual,
        (false, true) => Depth::Thorough,
    };
    let (seeds, required) = (arguments.seeds, arguments.require);
    let changes = match depth {
        Depth::Quick => Vec::new(),
        Depth::Usual | Depth::Thorough => changes(&arguments.scenario, &scenario, runbook)?.made,
    };
    let question = Question { scenario: &scenario, runbook, seeds, required, depth, changes: &changes };
    let begun = Instant::now();
    let workers = Workers::new(arguments.jobs)?;
    let validation = validate(&question, &workers, &progress::Runs::bar())?;
    let validation = Validation { wall_s: begun.elapsed().as_secs_f64(), ..validation };
    if let Some(writer) = writer {
        writer.write(&question, &validation, &workers).map_err(Failure::Evidence)?;
    }
    Ok(validation)
}

/// Why there is no result.
enum Failure {
    Run(Error),
    /// Already told.
    Evidence(Ending),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Run(error)
    }
}

/// Why the first run stopped where it did; or, when none did, the median run whole.
fn next(arguments: &Arguments, validation: &Validation) -> String {
    let scenario = words(&arguments.scenario, arguments.variant.as_deref());
    let runbook = &validation.runbook;
    let of = |command: &str, seed: u64| {
        format!("blackstart {command} {scenario} --runbook {runbook} --seed {seed}")
    };
    match (validation.blocking_steps.first(), &validation.phases) {
        (Some(at), _) => format!("{} --step {}", of("explain", at.seed), at.id),
        (None, Some(median)) => of("run", median.seed),
        (None, None) => String::new(),
    }
}
