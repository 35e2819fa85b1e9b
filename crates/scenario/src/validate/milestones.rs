//! `milestones.toml`: rows and invariants.

use crate::files::milestones;
use crate::index::Index;
use crate::load::Folder;
use crate::validate::signals::vantage;
use blackstart_fault::{On, Targets};
use blackstart_judge::{Condition, Mode, Stated};
use blackstart_source::{Diagnostic, Diagnostics, Spanned};
use std::time::Duration;

/// Milestones, the scenario's own and those of testimonies.
pub(super) fn references(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
    for read in [&folder.milestones].into_iter().chain(folder.testimonies.values()) {
        rows(read, index, errors);
    }
}

fn rows(read: &crate::load::Read<milestones::Milestones>, index: &Index<'_>, errors: &mut Diagnostics) {
    let file = &read.file;
    let mut earlier: Vec<&str> = Vec::new();
    for milestone in &read.it.milestone {
        if let Some(after) = &milestone.after
            && !earlier.contains(&after.get_ref().as_str())
        {
            let diagnostic = Diagnostic::unknown(
                file,
                after.span(),
                "milestone",
                after.get_ref(),
                earlier.iter().copied(),
            );
            errors.push(diagnostic.helped("a milestone may hang on one that stands above it"));
        }
        if earlier.contains(&milestone.id.get_ref().as_str()) {
            let message = format!("there are two milestones called `{}`", milestone.id.get_ref());
            errors.push(Diagnostic::new(file, milestone.id.span(), message).expecting("an id of its own"));
        }
        earlier.push(milestone.id.get_ref());
        vantage(index, file, &milestone.signal, milestone.signal.get_ref(), errors);
        if expectation(milestone.expect.get_ref()).is_none() {
            let expected = "exactly one of `becomes`, `leaves`, `at-least`, `below`, `changes`, `peaks`, `settles`, or `holds` with `for`";
            errors.push(
                Diagnostic::new(file, milestone.expect.span(), "no single expectation").expecting(expected),
            );
        }
    }
}

/// Words under `spares` stand for machines.
pub(crate) fn spares(folder: &Folder, targets: &Targets, errors: &mut Diagnostics) {
    let file = &folder.scenario.file;
    for word in &folder.scenario.it.spares {
        if targets.machines_of(word.get_ref()).is_empty() {
            let machines: Vec<String> = targets.of(On::Machine).map(ToString::to_string).collect();
            let known = machines.iter().map(String::as_str).chain(targets.labels());
            errors.push(Diagnostic::unknown(
                file,
                word.span(),
                "machine or label of machines",
                word.get_ref(),
                known,
            ));
        }
    }
}

/// Invariants of users' own.
pub(super) fn invariants(folder: &Folder, index: &Index<'_>, errors: &mut Diagnostics) {
    let file = &folder.milestones.file;
    for (n, stated) in folder.milestones.it.invariant.iter().enumerate() {
        vantage(index, file, &stated.signal, stated.signal.get_ref(), errors);
        let name = stated.name.get_ref();
        if folder.milestones.it.invariant.iter().take(n).any(|other| other.name.get_ref() == name) {
            let message = format!("there are two invariants called `{name}`");
            errors.push(Diagnostic::new(file, stated.name.span(), message).expecting("a name of its own"));
        }
        let Some((_, condition)) = moment(stated) else {
            let expected = "exactly one of `always`, `never`, `eventually`";
            errors.push(Diagnostic::new(file, stated.name.span(), "no single moment").expecting(expected));
            continue;
        };
        if self::condition(condition.get_ref()).is_none() {
            let expected = "exactly one of `is`, `at-least`, `below`";
            errors.push(Diagnostic::new(file, condition.span(), "no single condition").expecting(expected));
        }
    }
}

/// The one moment at which an invariant asks, and what for.
fn moment(stated: &milestones::Invariant) -> Option<(Mode, &Spanned<milestones::Condition>)> {
    let all = [
        (Mode::Always, &stated.always),
        (Mode::Never, &stated.never),
        (Mode::Eventually, &stated.eventually),
    ];
    only(all.map(|(mode, condition)| Some((mode, condition.as_ref()?))))
}

fn condition(stated: &milestones::Condition) -> Option<Condition> {
    one_condition(stated.is.as_deref(), stated.at_least, stated.below)
}

/// The one condition that is stated.
pub(crate) fn one_condition(
    is: Option<&str>,
    at_least: Option<f64>,
    below: Option<f64>,
) -> Option<Condition> {
    let is = is.map(|value| Condition::Is(value.to_owned()));
    only([is, at_least.map(Condition::AtLeast), below.map(Condition::Below)])
}

/// What is given, when nothing else is.
fn only<T>(all: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    let mut given = all.into_iter().flatten();
    given.next().filter(|_| given.next().is_none())
}

/// An invariant as judges take it; `clock` is the time of day at which the run begins.
pub(crate) fn stated(stated: &milestones::Invariant, clock: jiff::civil::Time) -> Option<Stated> {
    let (mode, condition) = moment(stated)?;
    Some(Stated {
        name: stated.name.get_ref().clone(),
        signal: stated.signal.get_ref().clone(),
        mode,
        condition: self::condition(condition.get_ref())?,
        from: stated.from.as_ref().map_or(Duration::ZERO, |from| from.get_ref().since(clock)),
    })
}

/// The one expectation that a row states.
pub(crate) fn expectation(expect: &milestones::Expect) -> Option<blackstart_world::milestone::Expect> {
    use blackstart_world::milestone::Expect as E;
    only([
        expect.becomes.clone().map(E::Becomes),
        expect.leaves.clone().map(E::Leaves),
        expect.at_least.map(E::AtLeast),
        expect.below.map(E::Below),
        expect.changes.then_some(E::Changes),
        expect.peaks.then_some(E::Peaks),
        expect.settles.then_some(E::Settles),
        expect.holds.clone().zip(expect.r#for).map(|(text, length)| E::Holds(text, length.0)),
    ])
}
