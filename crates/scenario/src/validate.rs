//! Looking every reference of a scenario up, before anything runs.
//!
//! One room for each file; all of them add to one list, so that a user sees everything at once.
//!
//! - `network`: routers, links, sessions
//! - `services`: hosts, services, electricity
//! - `people`: places, doors, people
//! - `faults`: when they begin
//! - `milestones`: rows and invariants
//! - `signals`: what can be seen where
//! - `names`: names that programs and people ask for

mod faults;
mod milestones;
mod names;
mod network;
mod people;
mod services;
mod signals;

pub(crate) use faults::faults_that_never_begin;
pub(crate) use milestones::{expectation, one_condition, spares, stated};
pub(crate) use names::{by_programs, names_that_lead_nowhere};
pub(crate) use network::links_without_sessions;
pub(crate) use people::{durations, envelopes};
pub(crate) use services::certificates;
pub(crate) use signals::vantage;

use crate::index::Index;
use crate::load::Folder;
use blackstart_source::{Diagnostic, Diagnostics};

/// Everything wrong with the references of a scenario.
pub(crate) fn references(folder: &Folder, index: &Index<'_>) -> Diagnostics {
    let mut errors = Diagnostics::new();
    network::references(folder, index, &mut errors);
    services::references(folder, index, &mut errors);
    people::references(folder, index, &mut errors);
    for statement in &folder.faults.it.statement {
        index.hosts.look_up(&folder.faults.file, &statement.from, &mut errors);
    }
    people::beliefs(folder, &mut errors);
    people::duty(folder, &mut errors);
    milestones::references(folder, index, &mut errors);
    milestones::invariants(folder, index, &mut errors);
    if let Some(runbook) = &folder.scenario.it.runbook
        && !folder.runbooks.contains_key(runbook.get_ref())
    {
        let known = folder.runbooks.keys().map(String::as_str);
        let file = &folder.scenario.file;
        errors.push(Diagnostic::unknown(file, runbook.span(), "runbook", runbook.get_ref(), known));
    }
    errors
}
