//! The project's own tasks: `cargo xtask <task>`.
//!
//! - [`mod@bench`]: what the engine costs, beside other engines.
//! - [`mod@test`]: everything that must hold before a change is good, in one command.
//! - [`mod@release`]: the program compiled for campaigns.
//! - [`step`]: one cargo command with a heading, what it needs, and its exit code.
//! - [`tool`]: programs that tests need besides.

mod bench;
mod release;
mod step;
mod test;
mod tool;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own tasks", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Format check, clippy with warnings denied, documentation, doc tests, all tests. Stops at the first failure.
    Test,
    /// What the engine costs, beside other engines. Without a part: everything, into docs/src/speed.md (minutes)
    Bench(bench::Arguments),
    /// The program for campaigns: compiled twice, the second time by what a run showed
    Release,
}

fn main() -> ExitCode {
    match Arguments::parse().task {
        Task::Test => test::run(),
        Task::Bench(arguments) => arguments.run(),
        Task::Release => release::run(),
    }
}
