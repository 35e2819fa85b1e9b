//! `blackstart schema`: what may be written, for editors and for the manual.

use super::{Ending, output};
use blackstart_runbook::manual;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Of what
    #[arg(value_enum)]
    what: What,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum What {
    /// A JSON Schema of a runbook's blocks
    Runbook,
    /// The manual's page about actions, in Markdown
    Actions,
    /// The manual's page about kinds of faults, in Markdown
    Faults,
}

pub(super) fn run(arguments: &Arguments) -> Ending {
    let text = match arguments.what {
        What::Runbook => format!("{:#}\n", manual::schema()),
        What::Actions => manual::actions(),
        What::Faults => blackstart_fault::manual::faults(),
    };
    output::end(&text, Ending::Held)
}
