//! Records to what people and programs read: an outcome as data, a timeline, a page for the terminal.
//!
//! - [`judge()`]: a finished run to its outcome. Start here.
//! - [`outcome`]: what came of a run; its JSON is a contract
//! - [`validation`]: what came of many runs of one runbook
//! - [`cuts`]: which smallest sets of losses stop a runbook
//! - [`fuzzing`]: what a search for failures found
//! - [`mitigation`]: what one change each did to many runs
//! - [`evidence`]: what an auditor asks for, as JSON, JUnit, journal and HTML
//! - [`expected`]: whether a variant changed what it says that it changes
//! - [`comparison`]: a scenario's milestones beside what a run shows, in Markdown
//! - [`recovery`]: how long users were without service
//! - [`timeline`]: the notable moments, one line each
//! - [`page`]: all of it on a terminal
//! - [`difference`]: where two logs part, when they should not
//! - [`why`]: why a step went as it did, down to faults
//! - [`utc`]: moments of a run by the world's clock
//! - `words`: lists and counts
//!
//! Nothing here runs or changes anything, and nothing reads the wall clock.

pub mod comparison;
pub mod cuts;
pub mod difference;
pub mod evidence;
pub mod expected;
pub mod fuzzing;
pub mod judge;
pub mod mitigation;
pub mod outcome;
pub mod page;
pub mod recovery;
pub mod timeline;
pub mod utc;
pub mod validation;
pub mod why;
mod words;

pub use judge::judge;
pub use outcome::RunOutcome;
