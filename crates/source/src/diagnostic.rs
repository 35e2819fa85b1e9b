//! A complaint about an input file, and all complaints of one reading.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use miette::{LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::{SourceFile, Span, near_miss};

/// How many candidates an `expected` lists before it only counts the rest.
const LISTED_MAX: usize = 12;

/// What is wrong with an input file, where, what was expected instead, and what was probably meant.
///
/// [`Display`](fmt::Display) gives one plain line; as a [`miette::Diagnostic`] it carries the source snippet;
/// as JSON it is `{ file, line, column, message, expected, help }`.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    message: String,
    file: Arc<str>,
    expected: Option<String>,
    help: Option<String>,
    place: Option<Box<Place>>,
}

#[derive(Clone, Debug)]
struct Place {
    line: usize,
    column: usize,
    snippet: Option<(Arc<NamedSource<Arc<str>>>, Span)>,
}

impl Diagnostic {
    /// A complaint about `span` in `file`.
    pub fn new(file: &SourceFile, span: Span, message: impl Into<String>) -> Self {
        let (line, column) = file.position(span.start);
        let source = Arc::new(NamedSource::new(file.name(), file.shared_text()));
        let place = Place { line, column, snippet: Some((source, span)) };
        Self { place: Some(Box::new(place)), ..Self::of_file(file.name(), message) }
    }

    /// A complaint about a file as a whole (it is missing, or too large), by the name shown to the user.
    pub fn of_file(name: &str, message: impl Into<String>) -> Self {
        let message = one_line(&message.into());
        Self { message, file: name.into(), expected: None, help: None, place: None }
    }

    /// A reference to something that does not exist: "unknown `kind` `word`", with what there is and the near miss.
    pub fn unknown<'a>(
        file: &SourceFile,
        span: Span,
        kind: &str,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let candidates: Vec<&str> = candidates.into_iter().collect();
        let diagnostic = Self::new(file, span, format!("unknown {kind} `{word}`"));
        match candidates.is_empty() {
            true => diagnostic.expecting(format!("no {kind} at all, none is defined")),
            false => diagnostic.expecting(list_of(&candidates)).meant(near_miss(word, candidates)),
        }
    }

    /// Adds what was expected; reads on from "expected ".
    #[must_use]
    pub fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(one_line(&expected.into()));
        self
    }

    /// Adds "did you mean …?" when there is a near miss.
    #[must_use]
    pub fn meant(self, near_miss: Option<&str>) -> Self {
        match near_miss {
            Some(word) => self.helped(format!("did you mean `{word}`?")),
            None => self,
        }
    }

    /// Adds a sentence that helps to put it right.
    #[must_use]
    pub fn helped(mut self, help: impl Into<String>) -> Self {
        self.help = Some(one_line(&help.into()));
        self
    }

    /// Places the complaint where no text can be shown (bytes that are not text).
    pub(crate) fn at_position(mut self, line: usize, column: usize) -> Self {
        self.place = Some(Box::new(Place { line, column, snippet: None }));
        self
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file, as shown to the user.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.column)
    }

    /// The bytes complained about.
    pub fn span(&self) -> Option<Span> {
        Some(self.snippet()?.1.clone())
    }

    /// What was expected instead.
    pub fn expected(&self) -> Option<&str> {
        self.expected.as_deref()
    }

    /// The near miss or another way out.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    fn snippet(&self) -> Option<&(Arc<NamedSource<Arc<str>>>, Span)> {
        self.place.as_ref()?.snippet.as_ref()
    }

    fn order(&self) -> (&str, Option<usize>, Option<usize>) {
        (&self.file, self.line(), self.column())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        let (source, _) = self.snippet()?;
        Some(source.as_ref())
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, span) = self.snippet()?;
        let label = LabeledSpan::new(Some("here".to_owned()), span.start, span.len());
        Some(Box::new(std::iter::once(label)))
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Diagnostic", 6)?;
        fields.serialize_field("file", &*self.file)?;
        fields.serialize_field("line", &self.line())?;
        fields.serialize_field("column", &self.column())?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("expected", &self.expected)?;
        fields.serialize_field("help", &self.help)?;
        fields.end()
    }
}

/// All complaints of one reading, sorted by file, line and column; complaints about one place keep the order
/// they came in. As JSON an array.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// No complaint yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one at its place in the order.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let at = self.0.partition_point(|present| present.order() <= diagnostic.order());
        self.0.insert(at, diagnostic);
    }

    /// Keeps the value, or the complaint that stands in its place.
    pub fn take<T, E: Into<Diagnostics>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.extend(error.into())).ok()
    }

    /// True when nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many complaints there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In order of file, line, column.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// `value` when nothing was wrong.
    ///
    /// # Errors
    /// The complaints, when there are any.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{diagnostic}")?;
        }
        Ok(())
    }
}

impl Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut all = Self::new();
        all.extend(diagnostics);
        all
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// "`a`", "one of `a`, `b`", and for many candidates the first few and a count.
pub fn list_of(candidates: &[&str]) -> String {
    let listed: Vec<String> =
        candidates.iter().take(LISTED_MAX).map(|candidate| format!("`{candidate}`")).collect();
    let listed = listed.join(", ");
    match candidates.len() {
        0 => "nothing".to_owned(),
        1 => listed,
        n if n <= LISTED_MAX => format!("one of {listed}"),
        n => format!("one of {listed} and {} more", n - LISTED_MAX),
    }
}

/// Text out of a broken file may hold line breaks and terminal escapes: shown escaped, on one line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}
