//! `blackstart print`: a runbook for paper.

use super::{Ending, complain, output};
use blackstart::Diagnostics;
use blackstart_runbook::print;
use blackstart_runbook::step::Runbook;
use blackstart_source::SourceFile;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The runbook (.md); only its form is checked
    path: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    match read(&arguments.path) {
        Ok(runbook) => output::end(&print::sheet(&runbook), Ending::Held),
        Err(mistakes) => {
            complain::about(&mistakes);
            Ending::BadInput
        }
    }
}

fn read(path: &Path) -> Result<Runbook, Diagnostics> {
    blackstart_runbook::read(&SourceFile::read(path)?)
}
