//! Recovery runbooks: Markdown to steps, checks, execution by responders.
//!
//! A runbook is a file that people print and read in the dark. Under each heading stands prose for them and at
//! most one small block for us; the same text is read here, judged before the night, and then carried out.
//!
//! - [`step`]: what a runbook says, as clean types. Start here.
//! - [`fn@read`]: a Markdown file to a [`step::Runbook`], with every complaint in one go (modules `read`,
//!   `markdown` for headings and fences, `block` for the TOML in them, `convert` from that TOML to steps,
//!   `measure` for durations and shares).
//! - [`check`]: the words of a runbook against what the scenario has, and what its actors can see from where
//!   they stand.
//! - [`needs`]: what a recovery needs, as a graph, and whether it can ever be had.
//! - [`manual`]: what a runbook may say, for readers and editors. [`mod@print`]: a runbook for paper.
//! - [`execute`]: people doing a runbook inside the simulated world.

mod block;
pub mod check;
mod convert;
pub mod execute;
pub mod manual;
mod markdown;
mod measure;
pub mod needs;
pub mod print;
mod read;
pub mod step;

pub use measure::LONGEST;
pub use read::{blocks, read};
