//! Problems with input on standard error: with the source around them on a terminal, one line each elsewhere.

use super::Ending;
use blackstart::{Diagnostics, Error};
use miette::GraphicalReportHandler;
use std::io::{IsTerminal, stderr};

/// Shows every problem.
pub(super) fn about(problems: &Diagnostics) {
    let terminal = stderr().is_terminal();
    for problem in problems {
        let mut text = String::new();
        let drawn = terminal && GraphicalReportHandler::new().render_report(&mut text, problem).is_ok();
        match drawn {
            true => eprintln!("{text}"),
            false => eprintln!("{problem}"),
        }
    }
}

/// Says why there was no run, and how the command ends for it.
pub(super) fn refused(error: &Error) -> Ending {
    match error {
        Error::Input(problems) => {
            about(problems);
            Ending::BadInput
        }
        Error::Engine(missing @ blackstart::sim::Error::TokioUnstable) => {
            eprintln!("{missing}");
            Ending::BadInput
        }
        error => {
            eprintln!("{error}");
            Ending::Internal
        }
    }
}
