//! Pseudonyms for people, badges, accounts and phone numbers, the same in every file and in every campaign of one scenario.
//!
//! Words are found wherever they stand, in machine names too (`ada-laptop`), and in upper or lower case: a common word that is
//! somebody's name goes with it. That hides too much rather than too little.

use super::Dossier;
use blackstart_rt::{Map, Set};
use blackstart_scenario::Scenario;
use serde_json::Value;

/// A part of a name shorter than this is no name.
const PART_MIN: usize = 3;
/// So many digits are a phone number.
const PHONE_DIGITS_MIN: usize = 7;

/// Which words become which.
#[derive(Clone, Debug)]
pub struct Redaction {
    /// Words in lower case and their pseudonyms, longer words first.
    words: Vec<(String, String)>,
}

impl Redaction {
    /// People by their order in the files, badges and accounts by name.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let persons = scenario.people.persons.iter();
        let badges: Set<&str> = persons.clone().filter_map(|person| person.badge.as_deref()).collect();
        let accounts = scenario.people.accounts.keys().map(String::as_str);
        let names = persons.map(|person| person.name.as_str());
        Self::new(&[
            ("person", names.collect()),
            ("badge", badges.into_iter().collect()),
            ("account", accounts.collect()),
        ])
    }

    fn new(kinds: &[(&str, Vec<&str>)]) -> Self {
        let mut words: Map<String, String> = Map::new();
        for (kind, names) in kinds {
            for (n, name) in names.iter().enumerate() {
                let pseudonym = format!("{kind}-{}", n + 1);
                let parts =
                    name.split_whitespace().filter(|part| *kind == "person" && part.len() >= PART_MIN);
                for word in std::iter::once(*name).chain(parts).filter(|word| !word.is_empty()) {
                    words.entry(word.to_lowercase()).or_insert_with(|| pseudonym.clone());
                }
            }
        }
        let mut words: Vec<_> = words.into_iter().collect();
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Self { words }
    }

    /// The dossier with every text in it redacted.
    ///
    /// # Errors
    /// None that is known: a text stays a text.
    pub fn apply(&self, dossier: &Dossier) -> serde_json::Result<Dossier> {
        let mut phones = Map::new();
        let value = self.value(serde_json::to_value(dossier)?, &mut phones);
        serde_json::from_value(value)
    }

    fn value(&self, value: Value, phones: &mut Map<String, usize>) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text, phones)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item, phones)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(key, field)| (key, self.value(field, phones))).collect()
            }
            other => other,
        }
    }

    fn text(&self, text: &str, phones: &mut Map<String, usize>) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut before = None;
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let found = match before.is_some_and(char::is_alphanumeric) {
                true => None,
                false => self.word(rest).or_else(|| phone(before, rest, phones)),
            };
            let (length, now) = found.unwrap_or_else(|| (letter.len_utf8(), letter.to_string()));
            redacted.push_str(&now);
            before = rest[..length].chars().next_back();
            rest = &rest[length..];
        }
        redacted
    }

    /// A name at the beginning of `rest`: its length and its pseudonym.
    fn word(&self, rest: &str) -> Option<(usize, String)> {
        self.words.iter().find_map(|(word, pseudonym)| {
            let length = prefix(rest, word)?;
            let ends = !rest[length..].starts_with(char::is_alphanumeric);
            ends.then(|| (length, pseudonym.clone()))
        })
    }
}

/// Length of the beginning of `text` that is `word` but for its case.
fn prefix(text: &str, word: &str) -> Option<usize> {
    let mut wanted = word.chars();
    for (at, letter) in text.char_indices() {
        for lower in letter.to_lowercase() {
            match wanted.next() {
                None => return Some(at),
                Some(expected) if expected == lower => (),
                Some(_) => return None,
            }
        }
    }
    wanted.next().is_none().then_some(text.len())
}

/// A phone number at the beginning of `rest`: digits with single spaces, hyphens and brackets between them. Dates are none.
fn phone(before: Option<char>, rest: &str, phones: &mut Map<String, usize>) -> Option<(usize, String)> {
    let is_start = rest.starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '('));
    if !is_start || matches!(before, Some('-' | '.' | ':' | '+' | '_')) {
        return None;
    }
    let is_part = |letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '(' | ')' | '-' | ' ');
    let run = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
    let run = run.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let digits: String = run.chars().filter(char::is_ascii_digit).collect();
    let after = rest[run.len()..].chars().next();
    let is_phone = digits.len() >= PHONE_DIGITS_MIN
        && !run.contains("  ")
        && !is_date(run)
        && !after.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, ':' | '_'));
    is_phone.then(|| {
        let next = phones.len() + 1;
        (run.len(), format!("phone-{}", phones.entry(digits).or_insert(next)))
    })
}

/// `2021-10-04`.
fn is_date(text: &str) -> bool {
    let shape: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '9' } else { letter }).collect();
    shape.starts_with("9999-99-99")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_become_others() {
        let redaction = Redaction::new(&[
            ("person", vec!["Ada Lovelace", "Bo", "Élodie"]),
            ("badge", vec!["F-2041"]),
            ("account", vec!["break-glass"]),
        ]);
        let cases = [
            ("Ada Lovelace calls Bo", "person-1 calls person-2"),
            ("ada-laptop cannot reach ADA", "person-1-laptop cannot reach person-1"),
            ("Adam and Bob met Élodie.", "Adam and Bob met person-3."),
            ("badge F-2041 at F-20411", "badge badge-1 at F-20411"),
            ("signs in with break-glass", "signs in with account-1"),
            ("call +41 (44) 668-1800, or 0446681800", "call phone-1, or phone-2"),
            ("again +41 44 668 18 00", "again phone-1"),
            ("2021-10-04T15:39:00.000Z 2021-10-04", "2021-10-04T15:39:00.000Z 2021-10-04"),
            ("facebook-2021-10-04 seeds 1..200", "facebook-2021-10-04 seeds 1..200"),
            ("10.0.0.1:4433 fe80::12345678 12345678abc", "10.0.0.1:4433 fe80::12345678 12345678abc"),
            ("15:39 took 7 h, 120 runs", "15:39 took 7 h, 120 runs"),
        ];
        let mut phones = Map::new();
        for (text, expected) in cases {
            assert_eq!(redaction.text(text, &mut phones), expected);
        }
    }
}
