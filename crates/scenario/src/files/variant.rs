//! `variants/NAME.toml`: small changes with what they are expected to change.

use blackstart_source::Spanned;
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Variant {
    /// What is different.
    pub title: String,
    /// What difference that is expected to make.
    pub expects: String,
    /// It is another guess at what nobody knows, not something that anybody could do.
    #[serde(default)]
    pub hypothesis: bool,
    /// Changes, in order.
    pub change: Vec<Change>,
}

/// One value set in, or removed from, one entry of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Change {
    /// File of the scenario's own folder.
    pub file: Spanned<String>,
    /// Kind of entry, as in `[[service]]`.
    pub table: Spanned<String>,
    /// Its `name`.
    pub name: Spanned<String>,
    /// Dotted key inside the entry.
    pub set: Spanned<String>,
    /// Its new value; without one the key is removed.
    #[serde(default)]
    pub to: Option<toml::Value>,
}
