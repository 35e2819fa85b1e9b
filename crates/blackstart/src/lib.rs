//! Blackstart: when everything is down at once, can the people who must bring it back still do it?
//!
//! This crate is the library's front door; the command `blackstart` stands on it.
//!
//! ```
//! let night = blackstart::run("tests/data/small").seed(7).execute()?;
//! assert!(night.held());
//! assert_eq!(night.runbooks[0].verdict, "completed");
//!
//! // The same night without anybody who acts: its milestones are missed.
//! let nobody = blackstart::run("tests/data/small").seed(7).no_runbook().execute()?;
//! assert!(!nobody.held());
//! # Ok::<(), blackstart::Error>(())
//! ```
//!
//! - [`run()`]: a scenario folder to what came of it. Start here; module `night`.
//! - [`Scenario`]: a scenario that was read and found consistent
//! - [`perform`], [`Plan`], [`Night`]: the same in steps, for those who show progress or compare logs
//! - [`rt`]: what a service of your own may touch
//! - [`prelude`]: the names that most programs need

mod night;
pub mod prelude;

pub use blackstart_report::{RunOutcome, difference, outcome, page, timeline};
pub use blackstart_rt as rt;
pub use blackstart_scenario::Scenario;
pub use blackstart_sim as sim;
pub use blackstart_source::{Diagnostic, Diagnostics};
pub use night::{Error, Night, Plan, RunBuilder, RunbookChoice, perform, run};
