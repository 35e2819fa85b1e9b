//! `blackstart replay`: a failure that was found once, run again.

use super::{Ending, Format, complain, output};
use blackstart::Error;
use blackstart::campaign::regression::{Replay, Replays, replay};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files of a scenario's `regressions`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    let replays: Result<Vec<Replay>, Error> = arguments.files.iter().map(|file| replay(file)).collect();
    match replays {
        Ok(replays) => {
            let replays = Replays { replays };
            // A failure that is still there is what falls short.
            let ending =
                if replays.replays.iter().any(|replay| replay.fails) { Ending::Short } else { Ending::Held };
            output::show(arguments.format, &replays, ending, || replays.page())
        }
        Err(error) => complain::refused(&error),
    }
}
