//! `blackstart variants`: each variant held to what it expects.

use super::{Ending, Format, complain, output, progress, validate};
use blackstart::Error;
use blackstart::campaign::{Workers, variants};
use blackstart::expected::Variants;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario folder
    scenario: PathBuf,
    /// Runs at the same time; one for each core unless given. The result is the same
    #[arg(long, value_name = "J", value_parser = validate::jobs)]
    jobs: Option<usize>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    match tried(arguments) {
        Ok(tried) => {
            let ending = if tried.held() { Ending::Held } else { Ending::Short };
            output::show(arguments.format, &tried, ending, || tried.page())
        }
        Err(error) => complain::refused(&error),
    }
}

fn tried(arguments: &Arguments) -> Result<Variants, Error> {
    variants(&arguments.scenario, &Workers::new(arguments.jobs)?, &progress::Runs::bar())
}
