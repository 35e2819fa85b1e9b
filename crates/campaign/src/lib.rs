//! Runs of a scenario: one shown whole, and many judged together.
//!
//! - [`run()`], [`perform`], [`Night`]: one run from its scenario to its outcome. Start here; module `night`.
//! - [`validate()`]: can people carry this runbook out? The same runbook over many seeds
//! - [`Workers`]: many runs on all cores; each is what it would be alone; module `workers`
//! - [`Trial`]: what a run of many leaves behind; module `trial`
//! - [`Seeds`]: a range of them, such as `1..200`; module `seeds`
//! - [`statistics`]: shares and quantiles with their sampling error
//! - [`mitigate()`]: the same seeds with one change each, ranked
//! - [`cuts()`]: the smallest sets of losses that stop a runbook
//! - [`fuzz()`]: schedules of faults with which a runbook fails, each as small as possible
//! - [`variants()`]: each variant of a scenario held to what it expects
//! - [`compare()`]: the scenario's record beside its own run, as a page
//! - [`record`]: the runs that stand for many, done again with evidence
//! - [`regression`]: failures that were found, saved and run again
//! - `remedies`: a few changes and hypotheses on a few of the seeds
//! - `element`: what can be lost, and the scenario without it
//! - `single_points`: what, lost alone, stops every run
//! - `flips`: which assumed duration, at what value, changes the verdict
//! - `assumption`: durations that nobody measured
//! - `phases`: where the time of one run went
//!
//! Nothing here reads the wall clock, and no result depends on threads: a run is a function of scenario, runbook and seed.

mod assumption;
pub mod compare;
pub mod cuts;
mod element;
mod flips;
pub mod fuzz;
pub mod mitigate;
mod night;
mod phases;
pub mod record;
pub mod regression;
mod remedies;
mod seeds;
mod single_points;
pub mod statistics;
mod trial;
pub mod validate;
pub mod variants;
mod workers;

pub use compare::compare;
pub use cuts::cuts;
pub use fuzz::fuzz;
pub use mitigate::mitigate;
pub use night::{
    Error, NO_RUNBOOK, Night, Plan, RunBuilder, RunbookChoice, default_or_named, named, perform, run,
};
pub use seeds::Seeds;
pub use trial::{Trial, trial};
pub use validate::validate;
pub use variants::variants;
pub use workers::{Progress, Workers};
