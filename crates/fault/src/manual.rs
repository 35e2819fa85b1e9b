//! The manual's page about kinds of faults, made from the tables.

use crate::catalogue::{Part, Recipe, recipes};
use crate::primitive::{Milder, PRIMITIVES, Primitive};
use std::fmt::Write as _;

const HEAD: &str = "\
# Kinds of faults

<!-- Written by `blackstart schema faults`; a test compares. -->

A `[[fault]]` of [`faults.toml`](scenario-files.md#faultstoml) names its `kind`: one that people recognise, or a primitive.
Numbers in brackets are those of the kind; `with` gives others.

";

const PRIMITIVES_HEAD: &str = "\
## Primitives

What the kinds above are made of; each is a kind by itself too. A number may be from the least to the most; the usual one is
taken when nothing is said.

| primitive | family | done to | what happens | numbers: least, usual, most |
|---|---|---|---|---|
";

/// The page, in Markdown.
#[must_use]
pub fn faults() -> String {
    let mut page = HEAD.to_owned();
    let mut group = "";
    for recipe in recipes().iter().filter(|recipe| recipe.group != "primitives") {
        if recipe.group != group {
            group = &recipe.group;
            let _ = write!(page, "## {}\n\n| kind | what it is | made of |\n|---|---|---|\n", capital(group));
        }
        let _ = writeln!(page, "| `{}` | {} | {} |", recipe.name, says(recipe), made_of(recipe));
        if next_group(recipe) != Some(group) {
            page.push('\n');
        }
    }
    page.push_str(PRIMITIVES_HEAD);
    for primitive in PRIMITIVES {
        let Primitive { name, family, on, says, .. } = primitive;
        let _ = writeln!(page, "| `{name}` | {family} | {on} | {says} | {} |", numbers(primitive));
    }
    page
}

fn next_group(recipe: &Recipe) -> Option<&'static str> {
    let mut after = recipes().iter().skip_while(|other| other.name != recipe.name).skip(1);
    after.next().map(|next| next.group.as_str())
}

fn capital(group: &str) -> String {
    let (first, rest) = group.split_at(1);
    match group {
        "dns" => "DNS".to_owned(),
        _ => first.to_uppercase() + rest,
    }
}

/// What it is, and what holds when nothing is said.
fn says(recipe: &Recipe) -> String {
    let seconds = |name: &str, value: Option<u64>| value.map(|value| format!("{name} {value} s"));
    let usual = [
        recipe.on.as_ref().map(|on| format!("on {on}")),
        recipe.when.as_ref().map(|when| format!("when {when}")),
        seconds("every", recipe.every_s),
        recipe.times.map(|times| format!("{times} times")),
        seconds("lasts", recipe.lasts_s),
        seconds("one by one, each after", recipe.one_by_one_s),
    ];
    let usual: Vec<String> = usual.into_iter().flatten().collect();
    match usual.is_empty() {
        true => recipe.says.clone(),
        false => format!("{} ({})", recipe.says, usual.join(", ")),
    }
}

fn made_of(recipe: &Recipe) -> String {
    let part = |part: &Part| {
        let with =
            part.with.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ");
        let edge = if part.edge { " of the links that lead out" } else { "" };
        match with.is_empty() {
            true => format!("`{}`{edge}", part.primitive),
            false => format!("`{}`{edge} [{with}]", part.primitive),
        }
    };
    recipe.does.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn numbers(primitive: &Primitive) -> String {
    let number = |parameter: &crate::primitive::Parameter| {
        let milder = match parameter.milder {
            Milder::Less => ", less is milder",
            Milder::More => ", more is milder",
            Milder::Neither => "",
        };
        let crate::primitive::Parameter { name, unit, least, usual, most, .. } = parameter;
        format!("`{name}`: {least}, {usual}, {most} {unit}{milder}")
    };
    primitive.parameters.iter().map(number).collect::<Vec<_>>().join("; ")
}
