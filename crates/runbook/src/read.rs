//! A Markdown file to a runbook: outline, blocks, steps.

use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Span, parse_toml_at};

use crate::block::{RunbookBlock, StepBlock, Word};
use crate::convert::{Converter, ROWS};
use crate::markdown::{Section, outline};
use crate::step::{Body, CHOICE, Name, Runbook, Step, Who};

/// Reads a runbook. The words in it are not judged yet: that is what [`check`](crate::check::check) is for.
///
/// # Errors
/// Everything wrong with the outline, and for each block its first TOML error or everything wrong with what it
/// says.
pub fn read(file: &SourceFile) -> Result<Runbook, Diagnostics> {
    let mut complaints = Diagnostics::new();
    let outline = outline(file, &mut complaints);
    let header: Option<RunbookBlock> =
        outline.header.and_then(|block| complaints.take(parse_toml_at(file, block)));
    let header = header.unwrap_or_default();
    let mut converter = Converter { file, complaints: &mut complaints };
    let use_when = header.use_when.iter().filter_map(|line| converter.trigger(line)).collect();
    let steps = steps(file, &outline.sections, &mut complaints);
    complaints.into_result(Runbook {
        file: file.clone(),
        name: stem(file.name()).to_owned(),
        title: outline.title,
        use_when,
        restores: names(header.restores),
        copies: names(header.copies),
        assumes_up: names(header.assumes_up),
        escalate_to: names(header.escalate_to),
        steps,
    })
}

/// Where the `toml step` blocks stand, by step. What is wrong with the outline, [`read`] says.
#[must_use]
pub fn blocks(file: &SourceFile) -> Vec<(String, Span)> {
    let sections = outline(file, &mut Diagnostics::new()).sections;
    sections.into_iter().filter_map(|section| Some((section.id, section.block?))).collect()
}

/// `runbooks/reset.md` is called `reset`.
fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.strip_suffix(".md").unwrap_or(file)
}

fn names(words: Vec<Word>) -> Vec<Name> {
    words.into_iter().map(Name::from).collect()
}

fn steps(file: &SourceFile, sections: &[Section], complaints: &mut Diagnostics) -> Vec<Step> {
    for section in sections.iter().filter(|section| section.id == CHOICE) {
        let message = format!("`{CHOICE}` is the step in which a runbook is chosen");
        complaints.push(Diagnostic::new(file, section.span.clone(), message).expecting("another heading"));
    }
    let mut actor = Actor::None;
    let step = |section: &Section| Step {
        id: section.id.clone(),
        title: section.title.clone(),
        prose: section.prose.clone(),
        line: file.position(section.span.start).0,
        span: section.span.clone(),
        body: body(file, section, &mut actor, complaints),
    };
    sections.iter().map(step).collect()
}

/// Who did the last step with a block.
enum Actor {
    /// There was none.
    None,
    /// There was one that could not be read; saying so once is enough.
    Unreadable,
    Known(Who),
}

impl Actor {
    fn known(&self) -> Option<&Who> {
        match self {
            Self::Known(who) => Some(who),
            Self::None | Self::Unreadable => None,
        }
    }
}

fn body(
    file: &SourceFile,
    section: &Section,
    actor: &mut Actor,
    complaints: &mut Diagnostics,
) -> Option<Body> {
    let block = section.block.clone()?;
    let shape = parse_toml_at::<StepBlock>(file, block).map_err(verb_beside_do);
    let Some(shape) = complaints.take(shape) else {
        // Its `who` is lost with it.
        *actor = Actor::Unreadable;
        return None;
    };
    let first = matches!(actor, Actor::None);
    let mut converter = Converter { file, complaints };
    if let Some(who) = &shape.who {
        *actor = converter.who(who).map_or(Actor::Unreadable, Actor::Known);
    }
    if let Actor::None = actor {
        converter.nobody(section);
    }
    let body = converter.body(&shape, actor.known());
    if let Some(alone) = shape.with_previous.filter(|with| *with.get_ref() && first) {
        let message = "the first step with a block has no step before it";
        complaints.push(Diagnostic::new(file, alone.span(), message).expecting("no `with-previous` here"));
    }
    body
}

/// A verb that stands beside `do` instead of in it is no other key misspelt.
fn verb_beside_do(unread: Diagnostic) -> Diagnostic {
    let key = unread.message().strip_prefix("unknown key `").and_then(|rest| rest.strip_suffix('`'));
    match key.filter(|key| ROWS.iter().any(|row| row.name == *key)).map(str::to_owned) {
        Some(verb) => unread.helped(format!("what is done stands in `do`: `do = {{ {verb} = … }}`")),
        None => unread,
    }
}
