//! `blackstart run`: one run, its page or its JSON, and whether it is the same run twice.

use super::chosen::Chosen;
use super::{Ending, Format, complain, output, progress};
use blackstart::{Error, Night, Plan, Scenario, perform, sim};
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

/// Stack of the second run's thread: what a main thread has.
const STACK_BYTES: usize = 8 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// What moves the run on; the result is the same
    #[arg(long, value_enum, default_value_t = Driver::Native)]
    driver: Driver,
    /// Run twice and compare every record; a difference ends with exit code 3
    #[arg(long)]
    check_determinism: bool,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Also write run.json and timeline.txt into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write what passed this host or router as NAME.pcapng into that folder; may be given again
    #[arg(long, value_name = "NAME", requires = "out")]
    capture: Vec<String>,
}

/// What moves a run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Driver {
    /// The engine's own loop
    Native,
    /// The same loop inside a paused tokio runtime
    Tokio,
}

impl From<Driver> for sim::Driver {
    fn from(driver: Driver) -> Self {
        match driver {
            Driver::Native => Self::Native,
            Driver::Tokio => Self::Tokio,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    if let Some(folder) = &arguments.out
        && let Err(error) = output::make_folder(folder)
    {
        eprintln!("cannot be made: {error}");
        return Ending::BadInput;
    }
    let night = match first(arguments) {
        Ok(night) => night,
        Err(error) => return complain::refused(&error),
    };
    if let Err(error) = show(arguments, &night) {
        return internal(&error);
    }
    match arguments.check_determinism.then(|| again(arguments, &night)) {
        Some(Err(difference)) => internal(&difference),
        Some(Ok(())) | None if night.outcome.held() => Ending::Held,
        Some(Ok(())) | None => Ending::Short,
    }
}

fn internal(error: &dyn std::fmt::Display) -> Ending {
    eprintln!("{error}");
    Ending::Internal
}

impl Arguments {
    fn load(&self) -> Result<(Scenario, Plan), Error> {
        let (scenario, plan) = self.chosen.load()?;
        Ok((scenario, Plan { driver: self.driver.into(), ..plan }))
    }
}

/// The run that is shown: with warnings, a progress bar, and the wall time.
#[expect(clippy::disallowed_methods, reason = "wall time is reported beside the run and is no part of it")]
fn first(arguments: &Arguments) -> Result<Night, Error> {
    let (scenario, plan) = arguments.load()?;
    complain::about(&scenario.warnings);
    let bar = progress::bar(scenario.duration);
    let begun = Instant::now();
    let plan = Plan { captures: arguments.capture.clone(), ..plan };
    let night = perform(&scenario, &plan, |reached| progress::show(&bar, reached));
    let wall_s = begun.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let mut night = night?;
    night.outcome.wall_s = wall_s;
    Ok(night)
}

fn show(arguments: &Arguments, night: &Night) -> io::Result<()> {
    let page = night.page(&next(arguments, night));
    let json = serde_json::to_string_pretty(&night.outcome)? + "\n";
    output::print(match arguments.format {
        Format::Human => &page,
        Format::Json => &json,
    })?;
    let Some(folder) = &arguments.out else { return Ok(()) };
    let captures = night.captures.iter();
    let captures: Vec<(String, &[u8])> =
        captures.map(|(name, captured)| (format!("{name}.pcapng"), captured.pcapng.as_slice())).collect();
    let mut files = vec![("run.json", json.as_bytes()), ("timeline.txt", page.as_bytes())];
    files.extend(captures.iter().map(|(name, bytes)| (name.as_str(), *bytes)));
    output::put(folder, &files)?;
    for (name, captured) in night.captures.iter().filter(|(_, captured)| captured.left_out > 0) {
        eprintln!("{name}.pcapng is full: its last {} packets are left out", captured.left_out);
    }
    Ok(())
}

/// A command that a reader may want next: the same night without help, or with it.
fn next(arguments: &Arguments, night: &Night) -> String {
    let (words, seed) = (arguments.chosen.words(), night.outcome.seed);
    match (night.outcome.runbooks.is_empty(), arguments.chosen.runbook.is_some()) {
        (false, _) => format!("blackstart run {words} --seed {seed} --runbook none   (what if nobody acts)"),
        (true, true) => format!("blackstart run {words} --seed {seed}   (what people can do)"),
        (true, false) => format!("blackstart run {words} --seed {}   (another night)", seed.wrapping_add(1)),
    }
}

/// Runs once more, from the files on and in a thread of its own, and compares.
fn again(arguments: &Arguments, night: &Night) -> Result<(), String> {
    let one_more = || {
        let (scenario, plan) = arguments.load().map_err(|error| error.to_string())?;
        perform(&scenario, &plan, |_| {}).map_err(|error| error.to_string())
    };
    let second = thread::scope(|scope| {
        let second = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, one_more);
        let second = second.map_err(|error| format!("no thread for the second run: {error}"))?;
        second.join().unwrap_or_else(|_| Err("the second run panicked".to_owned()))
    })?;
    if let Some(difference) = night.difference(&second) {
        return Err(difference);
    }
    let Night { outcome, log, .. } = &second;
    eprintln!(
        "the second run was the same to the byte: {} records, log hash {}",
        log.len(),
        outcome.log_hash
    );
    Ok(())
}
