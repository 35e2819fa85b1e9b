//! `after` and `until`: signal, test, quorum, time, and what then.

use blackstart_source::{Span, Spanned};

use super::verb::Verb;
use super::{Converter, all, vantage};
use crate::block::{ConditionBlock, Scalar, StepBlock, WaitBlock, Word};
use crate::measure;
use crate::step::{Condition, Name, Otherwise, Quorum, Test, Wait};

/// The part of a block that says what must be seen.
struct Shape<'a> {
    span: Span,
    signal: &'a Word,
    is: Option<&'a Scalar>,
    at_least: Option<&'a Spanned<Scalar>>,
    from: Option<&'a Word>,
}

impl Converter<'_> {
    pub(super) fn wait(&mut self, wait: &Spanned<WaitBlock>, step: &StepBlock) -> Option<Wait> {
        let block = wait.get_ref();
        let seen = Shape {
            span: wait.span(),
            signal: &block.signal,
            is: block.is.as_ref(),
            at_least: block.at_least.as_ref(),
            from: block.from.as_ref(),
        };
        let seen = self.condition(&seen);
        let within = self.duration(&block.within);
        let otherwise = self.otherwise(&block.r#else, step);
        Some(Wait { seen: seen?, within: within?, otherwise: otherwise? })
    }

    /// One line of `use-when`.
    pub(crate) fn trigger(&mut self, line: &Spanned<ConditionBlock>) -> Option<Condition> {
        let block = line.get_ref();
        self.condition(&Shape {
            span: line.span(),
            signal: &block.signal,
            is: block.is.as_ref(),
            at_least: block.at_least.as_ref(),
            from: block.from.as_ref(),
        })
    }

    fn condition(&mut self, shape: &Shape<'_>) -> Option<Condition> {
        let test = self.test(shape);
        let quorum = shape.from.map(|from| self.quorum(from, shape.signal));
        Some(Condition { signal: shape.signal.into(), test: test?, quorum: all(quorum)? })
    }

    fn test(&mut self, shape: &Shape<'_>) -> Option<Test> {
        match (shape.is, shape.at_least) {
            (Some(value), None) => Some(Test::Is(value.to_string())),
            (None, Some(least)) => self.at_least(least),
            (None, None) => {
                self.complain(shape.span.clone(), "there is no test", "`is` or `at-least`");
                None
            }
            (Some(_), Some(least)) => {
                self.complain(least.span(), "there are two tests", "either `is` or `at-least`");
                None
            }
        }
    }

    fn at_least(&mut self, least: &Spanned<Scalar>) -> Option<Test> {
        let number = match least.get_ref() {
            // Precise up to 2^53, and no signal counts further.
            Scalar::Whole(number) => Some(*number as f64),
            Scalar::Float(number) => Some(*number),
            Scalar::Text(text) => text.strip_suffix('%').and_then(|share| share.parse().ok()),
            Scalar::Bool(_) => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            let message = format!("`{}` is no threshold", least.get_ref());
            self.complain(least.span(), message, "a number, or a share such as `95%`");
        }
        number.map(Test::AtLeast)
    }

    fn quorum(&mut self, from: &Word, signal: &Word) -> Option<Quorum> {
        let Some((count, of, group)) = quorum_words(from.get_ref()) else {
            let message = format!("`{}` names no vantage points", from.get_ref());
            self.complain(from.span(), message, "for example `2 of 3 outside vantage points`");
            return None;
        };
        if !(1..=of).contains(&count) {
            self.complain(from.span(), format!("{count} of {of} cannot agree"), format!("1 to {of}"));
            return None;
        }
        if let Some(vantage) = vantage(signal) {
            let message = format!("the signal is seen at `{}`, and `from` asks others too", vantage.text);
            self.complain(signal.span(), message, "the signal without `@…`, or no `from`");
            return None;
        }
        Some(Quorum { count, of, group: Name { text: group.to_owned(), span: from.span() } })
    }

    fn otherwise(&mut self, word: &Word, step: &StepBlock) -> Option<Otherwise> {
        let order = Otherwise::order(word.get_ref()).unwrap_or_else(|| Otherwise::Step(word.into()));
        let (missing, expected) = match order {
            Otherwise::Undo if step.undo.is_none() => {
                ("no `undo`", "`undo = …` in this step, or another way")
            }
            Otherwise::PreviousPercent if Verb::of(step.r#do.get_ref()) != Some(Verb::Admit) => {
                ("no `admit`", "it only in a step that admits users")
            }
            _ => return Some(order),
        };
        self.complain(word.span(), format!("`{}` in a step with {missing}", word.get_ref()), expected);
        None
    }
}

/// `2 of 3 outside vantage points` to 2, 3 and `outside`, the label that the points share.
fn quorum_words(text: &str) -> Option<(usize, usize, &str)> {
    let (count, rest) = text.split_once(" of ")?;
    let (of, points) = rest.split_once(' ')?;
    let label = points.strip_suffix("vantage points").unwrap_or(points).trim();
    let number = |word| measure::whole(word).and_then(|number| usize::try_from(number).ok());
    Some((number(count)?, number(of)?, label)).filter(|_| !label.is_empty())
}
