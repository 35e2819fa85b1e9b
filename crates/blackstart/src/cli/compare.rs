//! `blackstart compare`: the record of a day beside what a run shows of it.

use super::{Ending, complain, output};
use blackstart::Scenario;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario folder
    scenario: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    let path = &arguments.scenario;
    let written = Scenario::load(path, None).map_err(blackstart::Error::from);
    match written.and_then(|scenario| blackstart::campaign::compare(&scenario)) {
        Ok(page) => output::end(&page, Ending::Held),
        Err(error) => complain::refused(&error),
    }
}
