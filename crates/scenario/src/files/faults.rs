//! `faults.toml`: what is done to the world, and statements whose minute is scripted.

use super::units::When;
use blackstart_source::Spanned;
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Faults {
    /// Faults.
    pub fault: Vec<Fault>,
    /// Statements.
    pub statement: Vec<Statement>,
}

/// A fault: exactly one of the kinds, from `at` until `until` (or for good).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// When it begins.
    pub at: Spanned<When>,
    /// When it is undone.
    #[serde(default)]
    pub until: Option<Spanned<When>>,
    /// A link carries nothing, in one direction or both.
    #[serde(default)]
    pub link_down: Option<[Spanned<String>; 2]>,
    /// A link loses this share of packets.
    #[serde(default)]
    pub link_loss: Option<LinkLoss>,
    /// A machine loses power.
    #[serde(default)]
    pub power_off: Option<Spanned<String>>,
    /// A service is killed on its host; undone by a reboot of the host only.
    #[serde(default)]
    pub kill_service: Option<Spanned<String>>,
}

/// A lossy link.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LinkLoss {
    /// Its ends.
    pub ends: [Spanned<String>; 2],
    /// Share of packets lost, from 0 to 1.
    pub share: f64,
}

/// A public statement at a known minute; how it travels is not scripted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Statement {
    /// When it is sent.
    pub at: Spanned<When>,
    /// Whose account.
    pub author: String,
    /// Name of the service that carries it.
    pub on: String,
    /// Host that it is sent from.
    pub from: Spanned<String>,
    /// Words.
    pub text: String,
}
