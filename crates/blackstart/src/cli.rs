//! Words on the command line to work and an ending.
//!
//! - `run`, `compare`, `check`, `explain`, `validate`, `mitigate`, `cuts`, `variants`, `fuzz`, `replay`, `print`, `schema`: the commands
//! - `chosen`: which run `run` and `explain` are about
//! - `complain`: problems with input, on standard error
//! - `evidence`: what `validate --out` writes
//! - `output`: standard output and result files
//! - `progress`: the bar
//! - `trace`: `RUST_LOG`

mod check;
mod chosen;
mod compare;
mod complain;
mod cuts;
mod evidence;
mod explain;
mod fuzz;
mod mitigate;
mod output;
mod print;
mod progress;
mod replay;
mod run;
mod schema;
mod trace;
mod validate;
mod variants;

use clap::{Parser, Subcommand, ValueEnum};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All held.
    Held,
    /// It ran and something fell short.
    Short,
    /// Bad input or usage.
    BadInput,
    /// Our own mistake, or the machine's.
    Internal,
}

impl Ending {
    /// The process's exit code: a contract.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::Short => 1,
            Self::BadInput => 2,
            Self::Internal => 3,
        }
    }
}

/// When everything is down at once, can the people who must bring it back still do it?
#[derive(Debug, Parser)]
#[command(name = "blackstart", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all held; 1 it ran and something fell short (a milestone, an invariant, a runbook); \
2 bad input or usage, nothing was run; 3 internal error.\n\
Standard output carries the result, standard error progress and problems. RUST_LOG=debug shows diagnostics.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario once and show what came of it
    Run(run::Arguments),
    /// Write a scenario's milestones beside what its own run shows, in Markdown
    Compare(compare::Arguments),
    /// Read a scenario or a runbook and say what is wrong with it, running nothing
    Check(check::Arguments),
    /// Say why a step of a run went as it did, down to faults
    Explain(explain::Arguments),
    /// Try a runbook over many seeds: does it work, where does it block, how long does it take
    Validate(validate::Arguments),
    /// Try one change at a time on the same seeds: what would help most
    Mitigate(mitigate::Arguments),
    /// Run each variant of a scenario beside the scenario as it is: did it change what it says that it changes
    Variants(variants::Arguments),
    /// Look for the smallest sets of losses that stop a runbook, and for what would repair each
    Cuts(cuts::Arguments),
    /// Look for schedules of faults with which a runbook fails; each is shrunk, explained and saved
    Fuzz(fuzz::Arguments),
    /// Run saved failures again: does each still fail in the same way
    Replay(replay::Arguments),
    /// Write a runbook out for paper: prose, blocks in words, room for times
    Print(print::Arguments),
    /// Show what may be written, for editors and for the manual
    Schema(schema::Arguments),
}

/// What goes to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page for people
    Human,
    /// One JSON object
    Json,
}

/// Does what the command line says.
pub(crate) fn run() -> Ending {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => return shown(&usage),
    };
    trace::to_stderr();
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Mitigate(arguments) => mitigate::run(&arguments),
        Command::Variants(arguments) => variants::run(&arguments),
        Command::Cuts(arguments) => cuts::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Print(arguments) => print::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
    }
}

/// Help and version are no mistakes.
fn shown(usage: &clap::Error) -> Ending {
    let printed = usage.print();
    match usage.exit_code() {
        0 if printed.is_ok() => Ending::Held,
        _ => Ending::BadInput,
    }
}
