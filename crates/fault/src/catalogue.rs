//! Kinds that people recognise, as data: a name, and the primitives that it is made of.
//!
//! The table is `kinds.toml`. A primitive is a kind too, under its own name.

use crate::primitive::{PRIMITIVES, Primitive};
use blackstart_rt::Map;
use serde::Deserialize;
use std::sync::LazyLock;

/// The table.
const TABLE: &str = include_str!("kinds.toml");

/// A kind that people recognise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recipe {
    /// Its group in the table.
    pub group: String,
    /// Its name in files.
    pub name: String,
    /// What it is, in the words of those who met it.
    pub says: String,
    /// What it is done to when nothing is said.
    #[serde(default)]
    pub on: Option<String>,
    /// What it is made of.
    pub does: Vec<Part>,
    /// The signal that begins it when nothing is said.
    #[serde(default)]
    pub when: Option<String>,
    /// From one beginning to the next, when nothing is said.
    #[serde(default)]
    pub every_s: Option<u64>,
    /// How often it happens, when nothing is said.
    #[serde(default)]
    pub times: Option<u32>,
    /// How long it lasts, when nothing is said.
    #[serde(default)]
    pub lasts_s: Option<u64>,
    /// From one thing to the next, when nothing is said.
    #[serde(default)]
    pub one_by_one_s: Option<u64>,
}

/// A primitive with its numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The primitive's name.
    pub primitive: String,
    /// Of several machines, only the links that lead out.
    #[serde(default)]
    pub edge: bool,
    /// Numbers other than the usual ones.
    #[serde(default)]
    pub with: Map<String, f64>,
}

impl Part {
    /// The row of the table of primitives.
    #[must_use]
    pub fn primitive(&self) -> &'static Primitive {
        Primitive::named(&self.primitive).expect("the table names primitives; a test says so")
    }
}

static RECIPES: LazyLock<Vec<Recipe>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Table {
        kind: Vec<Recipe>,
    }
    let table: Table = toml::from_str(TABLE).expect("the table is sound; a test says so");
    let named = |name: &str| table.kind.iter().any(|recipe| recipe.name == name);
    let bare = PRIMITIVES.iter().filter(|primitive| !named(primitive.name)).map(alone).collect::<Vec<_>>();
    table.kind.into_iter().chain(bare).collect()
});

/// A primitive as a kind of its own.
fn alone(primitive: &Primitive) -> Recipe {
    let part = Part { primitive: primitive.name.to_owned(), edge: false, with: Map::new() };
    Recipe {
        group: "primitives".to_owned(),
        name: primitive.name.to_owned(),
        says: primitive.says.to_owned(),
        on: None,
        does: vec![part],
        when: None,
        every_s: None,
        times: None,
        lasts_s: None,
        one_by_one_s: None,
    }
}

/// Every kind, in the order of the table, and then the primitives that have no kind of their name.
#[must_use]
pub fn recipes() -> &'static [Recipe] {
    &RECIPES
}

impl Recipe {
    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Recipe> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }
}
