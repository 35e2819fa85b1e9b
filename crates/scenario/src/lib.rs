//! Scenario folders: files to a world ready to run, with every mistake shown by file, line and column.
//!
//! - [`Scenario::load`]: a folder, and perhaps a variant, to a consistent scenario. Start here.
//! - [`Needs`]: whether what a runbook needs can ever be had in the broken world; `needs` says how it is found
//! - [`Scenario::learn`], [`Learned`]: what services were seen to ask of each other
//! - [`build`], [`build_without_log`], [`Run`]: a scenario and a seed to a world in an engine
//! - `counts`, [`Counts`]: how much there is of everything
//! - `elsewhere`: parts of a company that could stand outside it, as texts of variants
//! - [`files`]: the shapes of the files
//!
//! - [`contents`]: the files themselves, for evidence
//!
//! - [`Scenario::targets`]: what there is that may be broken
//! - [`Regression`]: a failure that was found once, as a file; module `regression`
//!
//! - [`Expectation`]: what a variant says that its runs show; module `expectation`
//!
//! Inside: `folders` says what lies below a scenario's folder; `orders` reads faults; `access` tells access systems apart; `load` reads files and imports, `variant` changes a few values and adds entries, `elsewhere` derives
//! variants, `index` knows every name, `validate` looks
//! references up, `vocabulary` says which words runbooks may use, `model` is the result.

mod access;
mod build;
mod contents;
mod counts;
mod elsewhere;
mod expectation;
pub mod files;
mod folders;
mod index;
mod learn;
mod load;
mod model;
mod needs;
mod orders;
mod regression;
mod targets;
mod validate;
mod variant;
mod vocabulary;

pub use build::{Run, build, build_without_log};
pub use contents::contents;
pub use counts::Counts;
pub use expectation::Expectation;
pub use learn::{Contact, Learned, Occasion};
pub use model::{LONGER, NotShown, Scenario, Statement, Testimony};
pub use needs::Needs;
pub use regression::Regression;
pub use variant::variants;
