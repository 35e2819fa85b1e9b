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
    #[serde(default)]
    pub change: Vec<Change>,
    /// Entries that are there beside the scenario's own, in order; they come after all changes.
    #[serde(default)]
    pub add: Vec<Addition>,
}

/// One more entry of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Addition {
    /// File of the scenario's own folder.
    pub file: Spanned<String>,
    /// Kind of entry, as in `[[console]]`.
    pub table: String,
    /// It stands in front of the others, where their order matters.
    #[serde(default)]
    pub first: bool,
    /// The entry.
    pub entry: toml::Table,
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
