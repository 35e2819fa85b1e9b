//! `blackstart fuzz`: schedules of faults with which a runbook fails.

use super::{Ending, Format, complain, cuts, output, progress, validate};
use blackstart::campaign::fuzz::memo::Store;
use blackstart::campaign::fuzz::{Mode, Question, fuzz};
use blackstart::campaign::{Workers, default_or_named, regression};
use blackstart::fuzzing::Fuzzing;
use blackstart::{Error, Scenario};
use blackstart_scenario::contents;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, io};

/// Folder in which runs are kept, unless somebody says another.
const KEPT_IN: &str = ".blackstart";

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario folder
    scenario: PathBuf,
    /// Runbook that people try; the scenario's own unless given
    #[arg(long, value_name = "NAME")]
    runbook: Option<String>,
    /// Apply variants/V.toml
    #[arg(long, value_name = "V")]
    variant: Option<String>,
    /// Runs with drawn schedules
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Begin no further round after this time, such as `10m`
    #[arg(long = "for", value_name = "TIME", value_parser = cuts::span)]
    limit: Option<Duration>,
    /// What everything that is drawn follows from: run n has this seed plus n
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The most faults of a run
    #[arg(long, value_name = "K", default_value_t = 3)]
    max_faults: usize,
    /// How schedules are chosen
    #[arg(long, value_enum, default_value_t = Choice::Guided)]
    mode: Choice,
    /// File in which runs are kept, so that none is done twice and a search that was broken off goes on
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Runs at the same time; one for each core unless given. The result is the same
    #[arg(long, value_name = "J", value_parser = validate::jobs)]
    jobs: Option<usize>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How schedules are chosen.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    /// Anything, each time
    Random,
    /// Each run leaves a random half of the families of faults alone
    Swarm,
    /// As swarm, and more often a change to a schedule whose run showed something new
    Guided,
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    match found(arguments) {
        Ok(found) => {
            let ending = if found.findings.is_empty() { Ending::Held } else { Ending::Short };
            output::show(arguments.format, &found, ending, || found.page())
        }
        Err(error) => complain::refused(&error),
    }
}

#[expect(clippy::disallowed_methods, reason = "wall time is reported beside the runs and is no part of them")]
fn found(arguments: &Arguments) -> Result<Fuzzing, Error> {
    let path = &arguments.scenario;
    let scenario = Scenario::load(path, arguments.variant.as_deref())?;
    let runbook = default_or_named(&scenario, arguments.runbook.as_deref())?;
    complain::about(&scenario.warnings);
    let mode = match arguments.mode {
        Choice::Random => Mode::Random,
        Choice::Swarm => Mode::Swarm,
        Choice::Guided => Mode::Guided,
    };
    let question = Question {
        scenario: &scenario,
        runbook,
        seed: arguments.seed,
        runs: arguments.runs,
        faults_max: arguments.max_faults,
        mode,
    };
    let store = store(arguments, &scenario)?;
    let workers = Workers::new(arguments.jobs)?;
    let begun = Instant::now();
    let goes_on = || arguments.limit.is_none_or(|limit| begun.elapsed() < limit);
    let mut found = fuzz(&question, &store, &workers, &progress::Runs::bar(), &goes_on)?;
    found.wall_s = begun.elapsed().as_secs_f64();
    found.runs_per_s = found.executed as f64 / found.wall_s;
    regression::save(path, &mut found)?;
    Ok(found)
}

/// The file of runs. They depend on this program and on the scenario's files.
fn store(arguments: &Arguments, scenario: &Scenario) -> Result<Store, Error> {
    let path =
        arguments.store.clone().unwrap_or_else(|| Path::new(KEPT_IN).join(format!("{}.redb", scenario.name)));
    let refused = |error: io::Error| Error::Store { path: path.clone(), why: error.to_string() };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        output::make_folder(folder).map_err(refused)?;
    }
    let program = env::current_exe().and_then(fs::read).map_err(refused)?;
    let files = contents(&arguments.scenario).map_err(|problem| Error::Input(problem.into()))?;
    let variant = arguments.variant.clone().unwrap_or_default();
    let files = files.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes.as_slice()]);
    let common: Vec<&[u8]> = [program.as_slice(), variant.as_bytes()].into_iter().chain(files).collect();
    Store::open(&path, &common)
}
