//! TOML to values, and the words of serde and the TOML parser to ours.

use serde::de::DeserializeOwned;

use crate::{Diagnostic, SourceFile, Span, list_of, near_miss};

/// What a table looks like, for messages.
const TABLE: &str = "a table, as in `{ key = \"value\" }`";

/// Parses the whole file. [`Spanned`](crate::Spanned) values carry bytes of the file.
///
/// # Errors
/// The first thing wrong with it: syntax, an unknown or missing key, a value of the wrong type.
pub fn parse_toml<T: DeserializeOwned>(file: &SourceFile) -> Result<T, Diagnostic> {
    toml::from_str(file.text()).map_err(|error| diagnose(file, &(0..file.text().len()), &error))
}

/// Parses the TOML that stands at `block` in `file` (a fenced block of a Markdown file). Errors and
/// [`Spanned`](crate::Spanned) values carry positions of the outer file. The cost grows with the block's
/// distance from the file's start, so a caller with many blocks limits their number.
///
/// # Errors
/// As for [`parse_toml`]; also a `block` that is not a slice of the text.
pub fn parse_toml_at<T: DeserializeOwned>(file: &SourceFile, block: Span) -> Result<T, Diagnostic> {
    let Some(text) = file.text().get(block.clone()) else {
        return Err(Diagnostic::of_file(file.name(), format!("no text at bytes {block:?}")));
    };
    // As many spaces as bytes stand before the block: the parser then counts in the outer file.
    let padded = " ".repeat(block.start) + text;
    toml::from_str(&padded).map_err(|error| diagnose(file, &block, &error))
}

fn diagnose(file: &SourceFile, block: &Span, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(block.start..block.start);
    let span = span.start.max(block.start)..span.end.clamp(block.start, block.end);
    let (message, expected) = message_and_expected(error.message());
    let diagnostic = |message: String| Diagnostic::new(file, span.clone(), message);
    if let Some(key) = quoted_after(message, "unknown field ") {
        return with_candidates(diagnostic(format!("unknown key `{key}`")), key, expected);
    }
    if let Some(value) = quoted_after(message, "unknown variant ") {
        return with_candidates(diagnostic(format!("unknown value `{value}`")), value, expected);
    }
    if let Some(key) = quoted_after(message, "missing field ") {
        return diagnostic(format!("the key `{key}` is missing"));
    }
    let diagnostic = diagnostic(found_in_words(message));
    match expected {
        Some(expected) => diagnostic.expecting(in_words(expected)),
        None => diagnostic,
    }
}

/// serde calls what stands there by its own names.
fn found_in_words(message: &str) -> String {
    let Some(found) = message.strip_prefix("invalid type: ") else { return message.to_owned() };
    let kinds = [
        ("string ", "text"),
        ("integer ", "a number"),
        ("floating point ", "a number"),
        ("boolean ", "true or false"),
    ];
    let value = kinds.iter().find_map(|(kind, word)| Some((found.strip_prefix(kind)?, word)));
    match (value, found) {
        (Some((value, word)), _) => format!("{value} is {word}"),
        (None, "sequence") => "this is a list".to_owned(),
        // The parser makes a map of a date, too.
        (None, "map") => "this is a table, or a date without quotes".to_owned(),
        (None, _) => message.to_owned(),
    }
}

/// serde and the parser write "<message>, expected <what>"; enums write "expected <what>, found <what>".
fn message_and_expected(text: &str) -> (&str, Option<&str>) {
    if let Some((expected, _)) = text.strip_prefix("expected ").and_then(|rest| rest.split_once(", found ")) {
        return (&text["expected , ".len() + expected.len()..], Some(expected));
    }
    match text.split_once(", expected ") {
        Some((message, expected)) => (message, Some(expected)),
        None => (text, None),
    }
}

/// The names of Rust's types mean nothing to a person who writes a scenario.
fn in_words(expected: &str) -> String {
    match expected {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" => "text in quotes".to_owned(),
        "IP address" => "an IP address in quotes".to_owned(),
        "a sequence" => "a list, as in `[\"one\", \"two\"]`".to_owned(),
        "a map" => TABLE.to_owned(),
        other if other.starts_with("struct ") => TABLE.to_owned(),
        other => other.to_owned(),
    }
}

fn with_candidates(diagnostic: Diagnostic, word: &str, expected: Option<&str>) -> Diagnostic {
    let candidates = quoted_words(expected.unwrap_or_default());
    diagnostic.expecting(list_of(&candidates)).meant(near_miss(word, candidates.iter().copied()))
}

/// `x` of "<prefix>`x`…". A key may hold back quotes itself, so the last one counts.
fn quoted_after<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = message.strip_prefix(prefix)?.strip_prefix('`')?;
    rest.rfind('`').map(|end| &rest[..end])
}

/// The words between back quotes. serde writes "`a`", "`a` or `b`", "one of `a`, `b`, `c`".
fn quoted_words(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
