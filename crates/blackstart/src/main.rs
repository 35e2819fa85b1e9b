//! The `blackstart` command: words on the command line to exit codes. Everything else is in `cli` and in the library.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | all held |
//! | 1 | it ran and something fell short: a milestone, an invariant, a runbook |
//! | 2 | bad input or usage; nothing was run |
//! | 3 | internal error |

mod cli;

use mimalloc::MiMalloc;
use std::panic::catch_unwind;
use std::process::ExitCode;

/// A run is made of millions of small allocations.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const _: () =
    assert!(!blackstart::rt::canary::COMPILED_IN, "the program must not be built with planted bugs");

fn main() -> ExitCode {
    // The panic's message is on standard error already.
    let ending = catch_unwind(cli::run).unwrap_or(cli::Ending::Internal);
    ExitCode::from(ending.code())
}
