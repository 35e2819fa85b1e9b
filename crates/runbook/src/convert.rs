//! From the shape of a block to a step: which parameter goes with which verb, units, ranges.
//!
//! Judges what the block says by itself; whether its words exist in a scenario is for `check`. Who does it is in
//! `who`, what is waited for in `wait`, what is done in `action` with the table of verbs in `verb`.

mod action;
mod verb;
mod wait;
mod who;

pub(crate) use verb::{ROWS, Row, Verb};

use std::time::Duration;

use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Span, Spanned, list_of, near_miss};

use crate::block::{StepBlock, Word, Words};
use crate::markdown::Section;
use crate::measure::{self, DURATION, LONGEST};
use crate::step::{Body, Name, Then, Tries, Who};

/// More tries of one step than this are no plan.
const TRIES_MAX: u32 = 100;

/// Turns shapes into steps; what is wrong goes to `complaints` and yields `None`.
pub(crate) struct Converter<'a> {
    pub(crate) file: &'a SourceFile,
    pub(crate) complaints: &'a mut Diagnostics,
}

/// Words that an action may leave out, because its step says them elsewhere.
struct Elsewhere {
    /// Vantage of the `until` signal.
    site: Option<Name>,
    /// Links of the action that an `undo` takes back.
    links: Option<Name>,
}

impl From<Word> for Name {
    fn from(word: Word) -> Self {
        Self::from(&word)
    }
}

impl From<&Word> for Name {
    fn from(word: &Word) -> Self {
        Self { text: word.get_ref().clone(), span: word.span() }
    }
}

impl Converter<'_> {
    fn complain(&mut self, span: Span, message: impl Into<String>, expected: impl Into<String>) {
        self.complaints.push(Diagnostic::new(self.file, span, message).expecting(expected));
    }

    fn stray(&mut self, key: &str, span: Span, with: &str, takes: &str) {
        let complaint = Diagnostic::new(self.file, span, format!("`{key}` does not go with `{with}`"));
        self.complaints.push(complaint.helped(format!("{with} takes: {takes}")));
    }

    /// The first step with a block says nobody who could be inherited.
    pub(crate) fn nobody(&mut self, section: &Section) {
        let message = format!("nobody does the step `{}`", section.id);
        let expected = "`who = …` here, because no step before it says who";
        self.complain(section.span.clone(), message, expected);
    }

    /// A step's body. Without `who` its block is judged all the same.
    pub(crate) fn body(&mut self, block: &StepBlock, who: Option<&Who>) -> Option<Body> {
        let after = block.after.as_ref().map(|wait| self.wait(wait, block));
        let until = block.until.as_ref().map(|wait| self.wait(wait, block));
        let tries = self.tries(block);
        let site = block.until.as_ref().and_then(|wait| vantage(&wait.get_ref().signal));
        let action = self.action(&block.r#do, Elsewhere { site, links: None });
        let links = links(block);
        let undo = block.undo.as_ref().map(|undo| self.action(undo, Elsewhere { site: None, links }));
        Some(Body {
            who: who?.clone(),
            with_previous: block.with_previous.as_ref().is_some_and(|with| *with.get_ref()),
            after: all(after)?,
            action: action?,
            tries: tries?,
            until: all(until)?,
            then: block.then.as_ref().map(then),
            undo: all(undo)?,
            needs: needs(block),
        })
    }

    fn tries(&mut self, block: &StepBlock) -> Option<Tries> {
        let pause = block.pause.as_ref().map(|pause| self.duration(pause));
        let most = block.tries.as_ref().map_or(1, |tries| *tries.get_ref());
        if let Some(tries) = block.tries.as_ref().filter(|_| !(1..=TRIES_MAX).contains(&most)) {
            self.complain(tries.span(), format!("{most} tries"), format!("1 to {TRIES_MAX}"));
            return None;
        }
        if let Some(pause) = block.pause.as_ref().filter(|_| most == 1) {
            self.complain(pause.span(), "a `pause` after the only try", "`tries` of 2 or more beside it");
            return None;
        }
        Some(Tries { most, pause: all(pause)?.unwrap_or_default() })
    }

    fn duration(&mut self, word: &Word) -> Option<Duration> {
        let text = word.get_ref();
        let (message, expected) = match measure::duration(text) {
            Some(duration) if duration.is_zero() => {
                (format!("`{text}` is no time at all"), "more than that".to_owned())
            }
            Some(duration) if duration > LONGEST => (
                format!("`{text}` is too long"),
                format!("at most `{}d`, which is a year", LONGEST.as_secs() / 86_400),
            ),
            Some(duration) => return Some(duration),
            None => (format!("`{text}` is no duration"), DURATION.to_owned()),
        };
        self.complain(word.span(), message, expected);
        None
    }

    fn one_of(&mut self, word: &Word, known: &[&str]) -> Option<Name> {
        let text = word.get_ref().as_str();
        if known.contains(&text) {
            return Some(word.into());
        }
        let complaint = Diagnostic::new(self.file, word.span(), format!("unknown value `{text}`"));
        let meant = near_miss(text, known.iter().copied());
        self.complaints.push(complaint.expecting(list_of(known)).meant(meant));
        None
    }

    fn names(&mut self, key: &str, words: &Words) -> Option<Vec<Name>> {
        if words.get_ref().is_empty() {
            self.complain(words.span(), format!("`{key}` is empty"), "one or more");
            return None;
        }
        Some(names(words))
    }
}

fn name(word: &Option<Word>) -> Option<Name> {
    word.as_ref().map(Name::from)
}

fn names(words: &Words) -> Vec<Name> {
    words.get_ref().iter().map(Name::from).collect()
}

/// `None` when the part was there and could not be read; `Some(None)` when it was not there.
fn all<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        Some(None) => None,
        Some(read) => Some(read),
        None => Some(None),
    }
}

fn then(word: &Word) -> Then {
    match word.get_ref().as_str() {
        "end" => Then::End,
        _ => Then::Step(word.into()),
    }
}

/// The part of a signal behind its `@`.
fn vantage(signal: &Word) -> Option<Name> {
    let (_, vantage) = signal.get_ref().split_once('@')?;
    Some(Name { text: vantage.to_owned(), span: signal.span() })
}

/// The links that `do` works on, which an `undo` need not repeat.
fn links(block: &StepBlock) -> Option<Name> {
    let action = block.r#do.get_ref();
    action.apply.as_ref().and(name(&action.on))
}

/// What a step says that it needs, and the stop conditions that nothing here models.
fn needs(block: &StepBlock) -> Vec<Name> {
    let stop = block.r#do.get_ref().stop_if.as_ref().map(Spanned::get_ref);
    let power = stop.and_then(|stop| stop.site_power_rise.as_ref());
    let power = power.map(|word| Name { text: "site-power-rise".to_owned(), span: word.span() });
    block.needs.iter().map(Name::from).chain(power).collect()
}
