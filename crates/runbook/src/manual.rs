//! What a runbook may say, as data made for readers: the pages of the manual about actions, and a JSON Schema of the blocks.
//!
//! Everything comes from the table of verbs (`convert::verb`) and the table of keys below, so that neither can say what the
//! reader does not take.

use crate::convert::{ROWS, Row, Verb};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// What the value of a key is.
#[derive(Clone, Copy)]
enum Kind {
    Name,
    Names,
    Duration,
    Count,
    Percents,
    Stop,
}

/// The keys of `do` that are parameters of a verb.
const KEYS: [(&str, Kind, &str); 22] = [
    ("admit", Kind::Percents, "share of users, in percent, that the edges let in meanwhile"),
    ("alert", Kind::Name, "role: everybody who has it is called to the bridge meanwhile"),
    ("by", Kind::Name, "item with the numbers that are called; for `escort`, the role of whoever comes"),
    ("carry", Kind::Names, "items that somebody among them must hold"),
    ("confirm-within", Kind::Duration, "how long the first links must hold before the rest"),
    ("first", Kind::Count, "links that are opened first; 1 unless given"),
    (
        "from",
        Kind::Name,
        "item that an earlier `compare` saved on; for `fail-over` of a prefix or a name, the router or address that has it",
    ),
    ("hold", Kind::Duration, "how long each share must hold; how long each person or machine has"),
    ("isolate", Kind::Name, "automation that is cut off first"),
    ("on", Kind::Name, "group of routers or links, a router, or a service"),
    ("record", Kind::Name, "where it is written down: an item, a service, or `paper-log`"),
    ("roles", Kind::Names, "roles that are called, in order"),
    ("save", Kind::Name, "item on which the running configuration is saved"),
    ("second-factor", Kind::Name, "item that the crew must hold"),
    ("site", Kind::Name, "site whose guard is told; the vantage of `until` unless given"),
    ("stop-if", Kind::Stop, "when a share counts as failed"),
    ("text", Kind::Name, "the words"),
    ("through", Kind::Name, "service that is the jump host"),
    (
        "to",
        Kind::Name,
        "role of whoever takes it over or is asked; for `fail-over`, the router, address or standby that takes it",
    ),
    ("try", Kind::Names, "ways, tried in order"),
    ("unit", Kind::Name, "`percent`"),
    ("with", Kind::Name, "account, or what is compared with"),
];

fn key(name: &str) -> Option<(Kind, &'static str)> {
    KEYS.iter().find(|(key, ..)| *key == name).map(|(_, kind, meaning)| (*kind, *meaning))
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Name => "text",
            Self::Names => "list of text",
            Self::Duration => "duration",
            Self::Count => "number",
            Self::Percents => "percent",
            Self::Stop => "table",
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Name => json!({ "type": "string" }),
            Self::Names => json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
            Self::Duration => json!({ "type": "string", "pattern": DURATION }),
            Self::Count => json!({ "type": "integer", "minimum": 1 }),
            Self::Percents => json!({ "type": "integer", "minimum": 0, "maximum": 100 }),
            Self::Stop => json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "errors": { "type": "string", "pattern": "^[0-9]+%$" },
                    "site-power-rise": { "type": "string" },
                },
            }),
        }
    }
}

const DURATION: &str = "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$";

/// The page of the manual about actions, in Markdown.
#[must_use]
pub fn actions() -> String {
    let mut page = String::from(
        "# Actions\n\n<!-- Written by `blackstart schema actions`; a test compares. -->\n\n\
         `do` and `undo` have exactly one verb with its parameters. Each acts through the simulated systems; how long people\n\
         take comes from the tasks of `people.toml` that are named here.\n\n\
         Some things have another name here. Approval by two is `decide`, with `who = { approvers = [..], of = 2 }`. To verify is\n\
         `until`, or a step that does `observe`. Restoring a configuration is `apply = \"last-good\"`. Remote access is `ssh`,\n\
         `login = \"remote\"` or `vpn`. Fetching a configuration back is `apply`, starting a programme again `restart`.\n",
    );
    ROWS.iter().for_each(|row| page.push_str(&action(row)));
    page
}

fn action(row: &Row) -> String {
    let Row { name, example, does, .. } = row;
    let mut text = format!("\n## {name}\n\n```toml\ndo = {{ {example} }}\n```\n\n{does}\n");
    let (required, optional) = (row.required.iter(), row.optional.iter());
    let rows = required.map(|key| (key, "required")).chain(optional.map(|key| (key, "optional")));
    for (n, (name, need)) in rows.enumerate() {
        if n == 0 {
            text.push_str("\n| parameter | type | | meaning |\n|---|---|---|---|\n");
        }
        if let Some((kind, meaning)) = key(name) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| `{name}` | {} | {need} | {meaning} |", kind.word());
        }
    }
    text
}

/// A JSON Schema (draft 2020-12) with the two blocks of a runbook: `$defs/runbook` and `$defs/step`.
#[must_use]
pub fn schema() -> Value {
    let words = || json!({ "type": "array", "items": { "type": "string" } });
    let actions: Vec<Value> = ROWS.iter().map(action_schema).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The TOML blocks of a runbook",
        "$defs": {
            "runbook": object(&[], &[
                ("use-when", json!({ "type": "array", "items": condition_schema() })), ("restores", words()), ("copies", words()), ("assumes-up", words()), ("escalate-to", words()),
            ]),
            "step": object(&["do"], &[
                ("who", who_schema()), ("with-previous", json!({ "type": "boolean" })), ("after", wait_schema()),
                ("do", json!({ "oneOf": actions })), ("undo", json!({ "oneOf": actions })),
                ("tries", json!({ "type": "integer", "minimum": 1, "maximum": 100 })),
                ("pause", Kind::Duration.schema()), ("until", wait_schema()),
                ("then", Kind::Name.schema()), ("needs", words()),
            ]),
        },
        "anyOf": [{ "$ref": "#/$defs/runbook" }, { "$ref": "#/$defs/step" }],
    })
}

fn object(required: &[&str], properties: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> =
        properties.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn action_schema(row: &Row) -> Value {
    let own = match row.verb {
        Verb::Observe | Verb::Call | Verb::Page | Verb::Reset => Kind::Names.schema(),
        Verb::Admit => json!({ "type": "array", "items": Kind::Percents.schema(), "minItems": 1 }),
        _ => Kind::Name.schema(),
    };
    let parameters = row.required.iter().chain(row.optional);
    let parameters = parameters.filter_map(|name| Some((*name, key(name)?.0.schema())));
    let all: Vec<(&str, Value)> = std::iter::once((row.name, own)).chain(parameters).collect();
    object(&[&[row.name], row.required].concat(), &all)
}

fn who_schema() -> Value {
    let (name, names) = (Kind::Name.schema(), Kind::Names.schema());
    json!({ "oneOf": [
        object(&["role"], &[("role", name.clone())]),
        object(&["approvers"], &[
            ("approvers", names.clone()), ("of", Kind::Count.schema()), ("deputies", json!({ "type": "boolean" })),
        ]),
        object(&["team", "skills"], &[("team", name), ("skills", names)]),
    ] })
}

/// What `use-when` and waits have in common.
fn seen_schema() -> [(&'static str, Value); 4] {
    let name = || Kind::Name.schema();
    [
        ("signal", name()),
        ("is", json!({ "type": ["string", "number", "boolean"] })),
        ("at-least", json!({ "type": ["string", "number"] })),
        ("from", name()),
    ]
}

fn condition_schema() -> Value {
    object(&["signal"], &seen_schema())
}

fn wait_schema() -> Value {
    let [signal, is, at_least, from] = seen_schema();
    let (within, otherwise) = (("within", Kind::Duration.schema()), ("else", Kind::Name.schema()));
    object(&["signal", "within", "else"], &[signal, is, at_least, from, within, otherwise])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;
    use blackstart_source::SourceFile;

    #[test]
    fn every_example_is_an_action_of_its_verb() {
        for Row { name, example, .. } in &ROWS {
            let step = format!("who = {{ role = 'a' }}\ndo = {{ {example} }}");
            let until = "until = { signal = 's@there', is = 1, within = '1m', else = 'stop' }";
            let text = format!("# T\n\n## S\n\n```toml step\n{step}\n{until}\n```\n");
            let runbook = read(&SourceFile::new("r.md", text));
            assert!(runbook.is_ok(), "{name}: {}", runbook.unwrap_err());
        }
    }

    #[test]
    fn every_parameter_has_its_meaning() {
        let named: Vec<&str> = ROWS.iter().flat_map(|row| [row.required, row.optional].concat()).collect();
        for name in &named {
            assert!(key(name).is_some(), "{name}");
        }
        for (name, ..) in KEYS {
            assert!(named.contains(&name), "{name} belongs to no verb");
        }
    }
}
