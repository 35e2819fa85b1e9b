//! Input files: text with spans, size limits, and errors that name file, line and column.
//!
//! Whoever writes a scenario or a runbook by hand makes mistakes by hand. Everything that reads such a file
//! goes through here, so that every complaint says where, what was expected, and what was probably meant.
//!
//! - `file`, [`SourceFile`]: the text of one file, read with a size limit and a UTF-8 check. Start here.
//! - `parse`, [`parse_toml`], [`parse_toml_at`]: TOML in a file of its own, or in a block of a Markdown file.
//! - `diagnostic`, [`Diagnostic`], [`Diagnostics`]: one complaint, and all of them in reading order.
//! - [`fn@near_miss`]: the candidate that a misspelt word probably meant.
//!
//! Nothing here knows what a scenario is.

mod diagnostic;
mod file;
mod near_miss;
mod parse;

pub use diagnostic::{Diagnostic, Diagnostics, list_of};
pub use file::{SIZE_LIMIT_BYTES, SourceFile};
pub use near_miss::near_miss;
pub use parse::{parse_toml, parse_toml_at};
pub use toml::Spanned;

/// Bytes of a [`SourceFile`], from the file's start. What [`Spanned::span`] returns.
pub type Span = std::ops::Range<usize>;
