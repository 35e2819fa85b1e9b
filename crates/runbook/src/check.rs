//! A runbook against the scenario that it is to be carried out in, before anything runs.
//!
//! - `names`: every word of the runbook exists there.
//! - `actors`: somebody can do each step.
//! - `sight`: nobody waits for a signal that they cannot see from where they stand by then.
//! - `habits`: steps that work and are still unwise; these are warnings.
//!
//! [`Vocabulary`] is what the scenario offers, as plain data: start there. Whether a step's needs can be met
//! in the broken world is not asked here; the run shows it.

mod actors;
mod habits;
mod names;
mod sight;
mod vocabulary;

pub use vocabulary::{Door, Observability, Person, Presence, Vocabulary};

use blackstart_source::{Diagnostic, Diagnostics, Span};

use crate::markdown::COMPLAINTS_MAX;
use crate::step::{Body, Runbook, Step, Who};

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Reasons not to run the runbook at all.
    pub errors: Diagnostics,
    /// What runs and is still unwise.
    pub warnings: Diagnostics,
}

/// Judges `runbook` by what the scenario offers.
pub fn check(runbook: &Runbook, vocabulary: &Vocabulary) -> Findings {
    let mut judge = Judge { runbook, vocabulary, findings: Findings::default() };
    judge.names();
    judge.actors();
    judge.sight();
    judge.habits();
    judge.findings
}

/// Collects findings about one runbook.
struct Judge<'a> {
    runbook: &'a Runbook,
    vocabulary: &'a Vocabulary,
    findings: Findings,
}

impl<'a> Judge<'a> {
    fn error(&mut self, span: &Span, message: impl Into<String>, expected: impl Into<String>) {
        if self.has_room() {
            let error = Diagnostic::new(&self.runbook.file, span.clone(), message);
            self.findings.errors.push(error.expecting(expected));
        }
    }

    /// Long lists of wrong words cost time and help nobody.
    fn has_room(&self) -> bool {
        self.findings.errors.len() < COMPLAINTS_MAX
    }

    fn warning(&mut self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        let warning = Diagnostic::new(&self.runbook.file, span.clone(), message);
        self.findings.warnings.push(warning.helped(help));
    }

    /// Who does something, once for each place where the file says so: an heir is not judged again.
    fn actors_named(&self) -> Vec<&'a Who> {
        let mut named: Vec<&Who> = self.checked().map(|(_, body)| &body.who).collect();
        named.dedup();
        named
    }

    /// The steps that have something to check.
    fn checked(&self) -> impl Iterator<Item = (&'a Step, &'a Body)> + use<'a> {
        self.runbook.steps.iter().filter_map(|step| Some((step, step.body.as_ref()?)))
    }
}
