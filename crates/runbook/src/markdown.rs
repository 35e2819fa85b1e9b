//! The outline of a Markdown file: title, steps and fenced blocks, with the place of each.
//!
//! Knows headings and fences, not what the blocks say. Only what stands at the margin counts: a heading or a
//! fence in a list or a quotation is prose.

use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Span, near_miss};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use crate::step::Otherwise;

/// Parsing a block costs time in proportion to its place in the file, so the number of steps has a limit.
const STEPS_MAX: usize = 200;

/// Placing a complaint costs the same, and nobody reads more of them at a time.
pub(crate) const COMPLAINTS_MAX: usize = 100;

const RUNBOOK: &str = "toml runbook";
const STEP: &str = "toml step";

/// A file, cut into pieces.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Text of the level-1 heading.
    pub(crate) title: String,
    /// The TOML of the `toml runbook` block.
    pub(crate) header: Option<Span>,
    pub(crate) sections: Vec<Section>,
}

/// One level-2 heading and what stands under it.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) id: String,
    pub(crate) title: String,
    /// The heading.
    pub(crate) span: Span,
    /// Markdown under the heading, without the block.
    pub(crate) prose: String,
    /// The TOML of the `toml step` block.
    pub(crate) block: Option<Span>,
}

/// What matters of a Markdown file, in its order.
#[derive(Debug)]
enum Piece {
    Heading { level: HeadingLevel, text: String, span: Span },
    Fence(Fence),
}

#[derive(Debug)]
struct Fence {
    /// The words behind the opening fence, with single spaces.
    info: String,
    /// The block with its fences.
    span: Span,
    /// What stands between the fences.
    content: Span,
    /// Whether it stands in a list or a quotation.
    nested: bool,
}

/// Reads the outline of `file`; what is wrong with it goes to `complaints`.
pub(crate) fn outline(file: &SourceFile, complaints: &mut Diagnostics) -> Outline {
    let mut writer =
        Writer { file, complaints, outline: Outline::default(), titled: false, cuts: Vec::new() };
    for piece in pieces(file.text()) {
        if writer.is_full(&piece) {
            break;
        }
        writer.write(piece);
    }
    writer.finish()
}

/// Builds the outline piece by piece.
struct Writer<'a> {
    file: &'a SourceFile,
    complaints: &'a mut Diagnostics,
    outline: Outline,
    titled: bool,
    /// What is not prose: headings and blocks, in order.
    cuts: Vec<Span>,
}

impl Writer<'_> {
    fn complain(&mut self, span: &Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, span.clone(), message)
    }

    fn is_full(&mut self, next: &Piece) -> bool {
        if let Piece::Heading { level: HeadingLevel::H2, span, .. } = next
            && self.outline.sections.len() == STEPS_MAX
        {
            let complaint = self.complain(span, "too many steps").expecting(format!("at most {STEPS_MAX}"));
            self.complaints.push(complaint);
            return true;
        }
        self.complaints.len() >= COMPLAINTS_MAX
    }

    fn write(&mut self, piece: Piece) {
        match piece {
            Piece::Heading { level: HeadingLevel::H1, text, span } => self.title(text, span),
            Piece::Heading { level: HeadingLevel::H2, text, span } => self.section(text, span),
            Piece::Heading { .. } => {}
            Piece::Fence(fence) => self.fence(fence),
        }
    }

    fn title(&mut self, text: String, span: Span) {
        self.cuts.push(span.clone());
        if self.titled || !self.outline.sections.is_empty() {
            let complaint = self.complain(&span, "a second title").expecting("`## …` for a step");
            return self.complaints.push(complaint);
        }
        self.titled = true;
        if text.is_empty() {
            let complaint = self.complain(&span, "the title is empty").expecting("`# What to recover`");
            self.complaints.push(complaint);
        }
        self.outline.title = text;
    }

    fn section(&mut self, title: String, span: Span) {
        self.cuts.push(span.clone());
        let id = slug(&title);
        if let Some(complaint) = self.refuse_id(&id, &title, &span) {
            self.complaints.push(complaint);
        }
        self.outline.sections.push(Section { id, title, span, prose: String::new(), block: None });
    }

    fn refuse_id(&mut self, id: &str, title: &str, span: &Span) -> Option<Diagnostic> {
        if id.is_empty() {
            let complaint = self.complain(span, "a heading without words");
            return Some(complaint.expecting("the name of a step, for example `## Declare`"));
        }
        if Otherwise::order(id).is_some() {
            let complaint = self.complain(span, format!("a step cannot be called `{title}`"));
            return Some(complaint.helped(format!("`else = \"{id}\"` is an order, not a step")));
        }
        let first = self.outline.sections.iter().find(|section| section.id == id)?;
        let line = self.file.position(first.span.start).0;
        let complaint = self.complain(span, format!("a second step `{id}`"));
        Some(complaint.helped(format!("the first is on line {line}")))
    }

    fn fence(&mut self, fence: Fence) {
        if let Some(complaint) = self.refuse_fence(&fence) {
            return self.complaints.push(complaint);
        }
        match fence.info.as_str() {
            RUNBOOK => self.header(fence),
            STEP => self.step_block(fence),
            _ => {}
        }
    }

    /// Foreign blocks are prose; what looks as if it was meant for us must be right.
    fn refuse_fence(&mut self, fence: &Fence) -> Option<Diagnostic> {
        let ours = [RUNBOOK, STEP].contains(&fence.info.as_str());
        let meant = near_miss(&fence.info, [RUNBOOK, STEP]);
        if !ours && fence.info.split(' ').next() != Some("toml") && meant.is_none() {
            return None;
        }
        let here = fence.span.start..fence.span.start;
        if !ours {
            let complaint = self.complain(&here, format!("unknown kind of block `{}`", fence.info));
            return Some(complaint.expecting(format!("`{RUNBOOK}` or `{STEP}`")).meant(meant));
        }
        if fence.nested {
            let complaint =
                self.complain(&here, format!("a `{}` block in a list or a quotation", fence.info));
            return Some(complaint.expecting("it at the margin"));
        }
        if !is_closed(&self.file.text()[fence.span.clone()]) {
            let complaint = self.complain(&here, format!("this `{}` block has no end", fence.info));
            return Some(complaint.expecting("a closing fence on a line of its own"));
        }
        None
    }

    fn header(&mut self, fence: Fence) {
        let here = fence.span.start..fence.span.start;
        let complaint = if !self.outline.sections.is_empty() {
            self.complain(&here, format!("a `{RUNBOOK}` block in a step"))
                .expecting("it before the first step")
        } else if self.outline.header.is_some() {
            self.complain(&here, format!("a second `{RUNBOOK}` block")).expecting("one in a file")
        } else {
            self.outline.header = Some(fence.content);
            return;
        };
        self.complaints.push(complaint);
    }

    fn step_block(&mut self, fence: Fence) {
        let here = fence.span.start..fence.span.start;
        let complaint = match self.outline.sections.last_mut() {
            Some(section) if section.block.is_none() => {
                section.block = Some(fence.content);
                self.cuts.push(fence.span);
                return;
            }
            Some(section) => {
                let message = format!("a second `{STEP}` block in the step `{}`", section.id);
                self.complain(&here, message).expecting("one under each heading")
            }
            None => {
                let complaint = self.complain(&here, format!("a `{STEP}` block outside a step"));
                complaint.expecting("it under a heading `## …`")
            }
        };
        self.complaints.push(complaint);
    }

    fn finish(mut self) -> Outline {
        if !self.titled {
            let complaint =
                self.complain(&(0..0), "the runbook has no title").expecting("`# What to recover`");
            self.complaints.push(complaint);
        }
        if self.outline.sections.is_empty() {
            let complaint =
                self.complain(&(0..0), "the runbook has no steps").expecting("`## …` for each step");
            self.complaints.push(complaint);
        }
        self.fill_prose();
        self.outline
    }

    /// A section's prose is what lies between its heading and the next, less its block.
    fn fill_prose(&mut self) {
        let text = self.file.text();
        let ends = self.cuts.iter().skip(1).map(|cut| cut.start).chain([text.len()]);
        let gaps: Vec<Span> = self.cuts.iter().zip(ends).map(|(cut, end)| cut.end..end).collect();
        for gap in gaps {
            let section = self.outline.sections.iter_mut().rfind(|section| section.span.start < gap.start);
            let (Some(section), Some(prose)) = (section, text.get(gap)) else { continue };
            section.prose = [section.prose.as_str(), prose.trim()].join("\n").trim().to_owned();
        }
    }
}

/// The headings at the margin and all fenced blocks.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut depth = 0_usize;
    let mut open: Option<Piece> = None;
    for (event, span) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                open = opened(&tag, &span, depth).or(open);
                depth += 1;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                if matches!(tag, TagEnd::Heading(_) | TagEnd::CodeBlock) {
                    pieces.extend(open.take());
                }
            }
            Event::Text(words) | Event::Code(words) => add(open.as_mut(), &words, &span),
            Event::SoftBreak | Event::HardBreak => add(open.as_mut(), " ", &span),
            _ => {}
        }
    }
    pieces
}

fn opened(tag: &Tag<'_>, span: &Span, depth: usize) -> Option<Piece> {
    match tag {
        Tag::Heading { level, .. } if depth == 0 => {
            Some(Piece::Heading { level: *level, text: String::new(), span: span.clone() })
        }
        Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
            let info = info.split_whitespace().collect::<Vec<_>>().join(" ");
            let content = span.start..span.start;
            Some(Piece::Fence(Fence { info, span: span.clone(), content, nested: depth > 0 }))
        }
        _ => None,
    }
}

fn add(open: Option<&mut Piece>, words: &str, span: &Span) {
    match open {
        Some(Piece::Heading { text, .. }) => text.push_str(words),
        Some(Piece::Fence(fence)) if fence.content.is_empty() => fence.content = span.clone(),
        Some(Piece::Fence(fence)) => fence.content.end = span.end,
        None => {}
    }
}

/// An unclosed fence swallows the rest of the file, steps and all.
fn is_closed(block: &str) -> bool {
    let mut lines = block.trim_end().lines();
    let opening = lines.next().unwrap_or_default().trim_start();
    let mark = opening.chars().next().unwrap_or('`');
    let wanted = opening.chars().take_while(|&c| c == mark).count();
    let last = lines.next_back().unwrap_or_default().trim();
    last.chars().count() >= wanted && last.chars().all(|c| c == mark)
}

/// GitHub's anchor of a heading: lower case, words joined by hyphens, punctuation gone.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Outline, String) {
        let mut complaints = Diagnostics::new();
        let outline = outline(&SourceFile::new("r.md", text), &mut complaints);
        (outline, complaints.to_string())
    }

    #[test]
    fn slugs_are_githubs() {
        for (heading, id) in [
            ("Declare", "declare"),
            ("Cut the controller off, first!", "cut-the-controller-off-first"),
            ("Read  before_write", "read--before_write"),
            ("Zurück zum Netz", "zurück-zum-netz"),
            ("?!", ""),
        ] {
            assert_eq!(slug(heading), id);
        }
    }

    #[test]
    fn a_file_is_cut_into_title_header_and_steps() {
        let text = "# Reset\nWhen dark.\n```toml runbook\nrestores = []\n```\n## Go `now`\nWalk.\n\
                    ```toml step\ndo = 1\n```\nRun.\n### Detail\nFast.\n\n## Wait\nQuietly.\n";
        let (outline, complaints) = read(text);
        assert_eq!(complaints, "");
        assert_eq!(outline.title, "Reset");
        assert_eq!(&text[outline.header.unwrap()], "restores = []\n");
        let [go, wait] = outline.sections.as_slice() else { panic!("two steps") };
        assert_eq!((go.id.as_str(), go.title.as_str()), ("go-now", "Go now"));
        assert_eq!(&text[go.block.clone().unwrap()], "do = 1\n");
        assert_eq!(go.prose, "Walk.\nRun.\n### Detail\nFast.");
        assert_eq!((wait.prose.as_str(), wait.block.clone()), ("Quietly.", None));
    }

    #[test]
    fn foreign_blocks_are_prose() {
        let (outline, complaints) = read("# T\n## S\n```console\n$ ls\n```\n> ## not a step\n");
        assert_eq!(complaints, "");
        assert_eq!(outline.sections.len(), 1);
        assert!(outline.sections[0].prose.contains("$ ls"));
    }

    #[test]
    fn blocks_survive_windows_line_ends() {
        let text = "# T\r\n## S\r\n```toml step\r\ndo = 1\r\nundo = 2\r\n```\r\n";
        let (outline, complaints) = read(text);
        assert_eq!(complaints, "");
        assert_eq!(&text[outline.sections[0].block.clone().unwrap()], "do = 1\r\nundo = 2\r\n");
    }
}
