//! What a variant says that its runs show, read and looked up. What came of it: `blackstart_report::expected`.

use crate::files::units::Length;
use crate::files::variant::{Expect, Recovery};
use crate::index::Index;
use crate::load::Folder;
use crate::validate::{one_condition, vantage};
use blackstart_judge::Condition;
use blackstart_runbook::execute::{StepVerdict, Verdict};
use blackstart_runbook::step::Runbook;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Spanned};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One thing that a run of a variant must show.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// The runbook's verdict.
    Verdict(String),
    /// A step's verdict.
    Step {
        /// Step id.
        step: String,
        /// Its verdict.
        verdict: String,
    },
    /// When users are served again, beside a run of the scenario as it is with the same seed.
    Recovery {
        /// Earlier, later, the same, never, or never gone.
        recovery: Recovery,
        /// The least and the most that it is off by; nothing for `never` and `not-needed`.
        by: Option<[Duration; 2]>,
    },
    /// A signal's value at a moment.
    Signal {
        /// `stem@vantage`.
        signal: String,
        /// When, from the start of the run.
        at: Duration,
        /// What it is then.
        condition: Condition,
    },
}

/// What one entry may be.
const SHAPES: &str = "`verdict`, `step` with `verdict`, `recovery` with `by`, or `signal` with `at` and one of `is`, \
                      `at-least`, `below`";

/// Reads what the applied variant expects; mistakes go to `errors`.
pub(crate) fn expectations(
    folder: &Folder,
    index: &Index<'_>,
    runbooks: &BTreeMap<String, Arc<Runbook>>,
    clock: jiff::civil::Time,
    errors: &mut Diagnostics,
) -> Vec<Expectation> {
    let Some(variant) = &folder.variant else { return Vec::new() };
    let file = &variant.file;
    let tried = folder.scenario.it.runbook.as_ref().and_then(|name| runbooks.get(name.get_ref()));
    let mut read = Vec::new();
    for expect in &variant.it.expect {
        let stated = expect.get_ref();
        match expectation(stated, clock) {
            Some(expectation) => read.push(expectation),
            None => {
                errors.push(Diagnostic::new(file, expect.span(), "no single expectation").expecting(SHAPES))
            }
        }
        if let Some(signal) = &stated.signal {
            vantage(index, file, signal, signal.get_ref(), errors);
        }
        errors.extend(unknown_words(stated, file, tried.map(Arc::as_ref)));
    }
    read
}

fn expectation(stated: &Expect, clock: jiff::civil::Time) -> Option<Expectation> {
    let Expect { verdict, step, recovery, by, signal, at, .. } = stated;
    let text = |word: &Spanned<String>| word.get_ref().clone();
    let condition = one_condition(stated.is.as_deref(), stated.at_least, stated.below);
    match (verdict, step, recovery, by, signal, at, condition) {
        (Some(verdict), None, None, None, None, None, None) => Some(Expectation::Verdict(text(verdict))),
        (Some(verdict), Some(step), None, None, None, None, None) => {
            Some(Expectation::Step { step: text(step), verdict: text(verdict) })
        }
        (None, None, Some(recovery), by, None, None, None) => of_recovery(*recovery, by.as_ref()),
        (None, None, None, None, Some(signal), Some(at), Some(condition)) => {
            Some(Expectation::Signal { signal: text(signal), at: at.since(clock), condition })
        }
        _ => None,
    }
}

/// A difference needs its size; what has none may not be given one.
fn of_recovery(recovery: Recovery, by: Option<&[Length; 2]>) -> Option<Expectation> {
    let differs = matches!(recovery, Recovery::Earlier | Recovery::Later | Recovery::Same);
    let by = by.map(|by| by.map(|length| length.0));
    (differs == by.is_some()).then_some(Expectation::Recovery { recovery, by })
}

/// Verdicts and steps that do not exist.
fn unknown_words(stated: &Expect, file: &SourceFile, tried: Option<&Runbook>) -> Diagnostics {
    let mut errors = Diagnostics::new();
    let mut known = |word: &Option<Spanned<String>>, what: &str, known: Vec<&str>| {
        if let Some(word) = word.as_ref().filter(|word| !known.contains(&word.get_ref().as_str())) {
            errors.push(Diagnostic::unknown(file, word.span(), what, word.get_ref(), known));
        }
    };
    let verdicts = match stated.step {
        Some(_) => StepVerdict::ALL.map(StepVerdict::word).to_vec(),
        None => Verdict::ALL.map(Verdict::word).to_vec(),
    };
    known(&stated.verdict, "verdict", verdicts);
    known(
        &stated.step,
        "step",
        tried.iter().flat_map(|book| book.steps.iter().map(|step| step.id.as_str())).collect(),
    );
    errors
}
