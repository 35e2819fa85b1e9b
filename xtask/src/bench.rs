//! `cargo xtask bench`: what the engine costs, beside other engines.
//!
//! The programs stand in `bench/`, a workspace of its own. Each is one run in one process, which prints one line of
//! JSON. All are pinned to the same core and take turns, so that what disturbs one disturbs all.
//!
//! - [`engine`]: the programs, and how they are built
//! - [`run`]: one run, its line, and runs in turns
//! - [`statistics`]: middle, spread, ratio
//! - [`table`]: the rows of `docs/src/speed.md`, and what each is to reach
//! - [`modes`]: what searches for failures find, by the way in which they choose
//! - [`page`]: the generated part of a page

mod engine;
mod modes;
mod page;
mod run;
mod statistics;
mod table;

use clap::{Args, Subcommand, ValueEnum};
use engine::Engine;
use run::{Bench, Job, Outcome};
use statistics::Spread;
use std::process::ExitCode;

/// Why there is no result.
type Failure = Box<dyn std::error::Error>;

/// The length of the workload in simulated seconds: 6.5 h.
const SIM_SECS: u64 = 23_400;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// The core that all programs are pinned to [default: the last one]
    #[arg(long, global = true)]
    core: Option<usize>,
}

#[derive(Subcommand)]
enum Part {
    /// The workload W(N) on one engine after the other
    W(W),
    /// What random, swarm and guided searches find on one budget, into docs/src/fuzz.md (minutes)
    Modes(modes::Modes),
}

#[derive(Args)]
struct W {
    /// Hosts, at least 8
    #[arg(long, default_value_t = 40)]
    n: u16,
    /// Simulated seconds, at least 10. An engine that ticks runs fewer and says so in `sim_s`
    #[arg(long, default_value_t = SIM_SECS)]
    secs: u64,
    /// Which engines
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Engine::ALL)]
    engines: Vec<Engine>,
    /// Runs of each engine, in turns; the one in the middle is printed
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table
    Human,
    /// One line of JSON per engine
    Json,
}

impl Arguments {
    /// Without a part: the whole table, which goes to `docs/src/speed.md`.
    pub(crate) fn run(&self) -> ExitCode {
        let result = match &self.part {
            None => Bench::on_core(self.core).and_then(|bench| whole_table(&bench)),
            Some(Part::W(w)) => Bench::on_core(self.core).and_then(|bench| w.run(&bench)),
            Some(Part::Modes(modes)) => modes.run(),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("cargo xtask bench: {error}");
                ExitCode::FAILURE
            }
        }
    }
}

fn whole_table(bench: &Bench) -> Result<(), Failure> {
    Engine::ALL.iter().try_for_each(|engine| engine.build())?;
    let markdown = table::measure(bench)?;
    println!("{markdown}");
    page::write("docs/src/speed.md", "cargo xtask bench", &markdown)
}

impl W {
    fn run(&self, bench: &Bench) -> Result<(), Failure> {
        self.engines.iter().try_for_each(|engine| engine.build())?;
        let jobs: Vec<Job> = self.engines.iter().map(|engine| Job::w(*engine, self.n, self.secs)).collect();
        let measured = bench.in_turns(&jobs, self.runs.into())?;
        match self.format {
            Format::Json => measured.iter().try_for_each(|runs| print_json(run::middle(runs))),
            Format::Human => {
                print!("{}", self.describe(&measured));
                Ok(())
            }
        }
    }

    /// A line per engine: the middle, and the least to the most.
    fn describe(&self, measured: &[Vec<Outcome>]) -> String {
        let mut text =
            format!("W({}), {} s simulated, {} runs each in turns\n", self.n, self.secs, self.runs);
        text += "engine            sim_s       wall_s for all of it      times the first one  rss_mb\n";
        let ours = run::scaled(&measured[0], self.secs);
        for runs in measured {
            let Outcome { engine, sim_s, rss_mb, .. } = run::middle(runs);
            let walls = run::scaled(runs, self.secs);
            let (wall, ratio) = (Spread::of(walls.iter().copied()), Spread::of_ratios(&walls, &ours));
            let (wall, ratio) = (wall.to_string(), ratio.to_string());
            text += &format!("{engine:<15} {sim_s:>7} {wall:>25} {ratio:>25} {rss_mb:>7.1}\n");
        }
        text
    }
}

fn print_json(outcome: &Outcome) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(outcome)?);
    Ok(())
}
