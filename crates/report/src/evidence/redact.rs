//! Pseudonyms for people, badges, accounts and phone numbers, the same in every file and in every campaign of one scenario.
//!
//! Names are found wherever they stand, in machine names too (`ada-laptop`), in upper or lower case, and however their parts are
//! joined: a common word that is somebody's name goes with it. That hides too much rather than too little. Words that the
//! scenario has for roles, places and services are nobody's.

use super::Dossier;
use blackstart_rt::{Map, Set};
use blackstart_scenario::Scenario;
use serde_json::Value;

/// A part of a name shorter than this is no name.
const PART_MIN: usize = 3;
/// So many digits are a phone number.
const PHONE_DIGITS_MIN: usize = 7;
/// What stands between the parts of a name.
const JOINTS: [char; 7] = [' ', '.', '-', '_', '\'', '\u{2019}', '\u{a0}'];
/// What stands between the digits of a phone number.
const BETWEEN_DIGITS: [char; 8] = [' ', '.', '-', '/', '(', ')', '+', '\u{a0}'];

/// Which words become which.
#[derive(Clone, Debug)]
pub struct Redaction {
    /// Words in lower case and their pseudonyms, longer words first.
    words: Vec<(String, String)>,
}

impl Redaction {
    /// People by their order in the files, badges, accounts and authors of statements by name.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let persons = scenario.people.persons.iter();
        let badges: Set<&str> = persons.clone().filter_map(|person| person.badge.as_deref()).collect();
        let accounts = scenario.people.accounts.keys().map(String::as_str);
        let names = persons.clone().map(|person| person.name.as_str());
        let places = scenario.people.places.values();
        let places = places.flat_map(|place| [Some(&place.name), place.site.as_ref()]).flatten();
        let roles = persons.clone().flat_map(|person| &person.roles);
        let services = scenario.services_known_as();
        let common = roles.chain(places).chain(&services).map(String::as_str);
        let common: Set<String> = common.flat_map(parts).map(str::to_lowercase).collect();
        let authors = scenario.statements.iter().map(|statement| statement.author.as_str());
        let is_somebody = |author: &&str| !parts(author).all(|part| common.contains(&part.to_lowercase()));
        let authors: Set<&str> = authors.filter(is_somebody).collect();
        let kinds = [
            ("person", names.collect()),
            ("author", authors.into_iter().collect()),
            ("badge", badges.into_iter().collect()),
            ("account", accounts.collect()),
        ];
        Self::new(&kinds, &common)
    }

    fn new(kinds: &[(&str, Vec<&str>)], common: &Set<String>) -> Self {
        let mut words: Map<String, String> = Map::new();
        for (kind, names) in kinds {
            for (n, name) in names.iter().enumerate() {
                let pseudonym = format!("{kind}-{}", n + 1);
                let is_name = |part: &&str| part.len() >= PART_MIN && !common.contains(&part.to_lowercase());
                let is_somebody = matches!(*kind, "person" | "author");
                let parts = parts(name).filter(|part| is_somebody && is_name(part));
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
            Value::Object(fields) => fields
                .into_iter()
                .map(|(key, field)| match is_hash(&key, &field) {
                    true => (key, field),
                    false => (key, self.value(field, phones)),
                })
                .collect(),
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

/// The parts of a name.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty())
}

/// Hashes and ids made of one name nobody.
fn is_hash(key: &str, field: &Value) -> bool {
    let is_hex = |text: &str| text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(key, "id" | "log_hash" | "sha256") && field.as_str().is_some_and(is_hex)
}

/// Length of the beginning of `text` that is `word` but for its case and for what joins its parts.
fn prefix(text: &str, word: &str) -> Option<usize> {
    let mut at = 0;
    for wanted in word.chars() {
        if JOINTS.contains(&wanted) {
            at += text[at..].find(|letter| !JOINTS.contains(&letter)).unwrap_or_default();
            continue;
        }
        let letter = text[at..].chars().next()?;
        if !letter.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
        at += letter.len_utf8();
    }
    Some(at)
}

/// A phone number at the beginning of `rest`: digits with at most two other characters between two of them. Dates and IP
/// addresses are none.
fn phone(before: Option<char>, rest: &str, phones: &mut Map<String, usize>) -> Option<(usize, String)> {
    let is_start = rest.starts_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '('));
    if !is_start || matches!(before, Some('.' | ':' | '+' | '_' | '/')) {
        return None;
    }
    let is_part = |letter: char| letter.is_ascii_digit() || BETWEEN_DIGITS.contains(&letter);
    let run = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
    // A sentence ends between two numbers.
    let run = run.split(". ").next().unwrap_or(run);
    let run = run.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let digits: String = run.chars().filter(char::is_ascii_digit).collect();
    let mut after = rest[run.len()..].chars();
    let (after, beyond) = (after.next(), after.next());
    let goes_on = match after {
        Some(':') => beyond.is_some_and(char::is_alphanumeric),
        after => after.is_some_and(|letter| letter.is_alphanumeric() || letter == '_'),
    };
    let is_phone = digits.len() >= PHONE_DIGITS_MIN
        && !run.contains("  ")
        && !run.contains("..")
        && !is_date(run)
        && !is_address(run)
        && !goes_on;
    is_phone.then(|| {
        let next = phones.len() + 1;
        (run.len(), format!("phone-{}", phones.entry(digits).or_insert(next)))
    })
}

/// `10.0.0.1`, `198.51.100.0/24`.
fn is_address(text: &str) -> bool {
    let address = text.split(['/', ' ', '-']).next().unwrap_or_default();
    address.parse::<std::net::Ipv4Addr>().is_ok()
}

/// `2021-10-04`, `04.10.2021`, `10/04/2021`.
fn is_date(text: &str) -> bool {
    let shape: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '9' } else { letter }).collect();
    ["9999-99-99", "99.99.9999", "99/99/9999"].iter().any(|date| shape.starts_with(date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_become_others() {
        let kinds = [
            ("person", vec!["Ada Lovelace", "Bo", "Élodie", "Hill guard", "Jo O'Neill-Park"]),
            ("author", vec!["schrep"]),
            ("badge", vec!["F-2041"]),
            ("account", vec!["break-glass"]),
        ];
        let redaction = Redaction::new(&kinds, &Set::from(["guard".to_owned(), "hill".to_owned()]));
        let cases = [
            ("Ada Lovelace calls Bo", "person-1 calls person-2"),
            ("ada-laptop cannot reach ADA", "person-1-laptop cannot reach person-1"),
            ("commit as Ada-Lovelace, ada.lovelace, adalovelace", "commit as person-1, person-1, person-1"),
            ("jooneillpark, Jo O’Neill Park and Neill", "person-5, person-5 and person-5"),
            ("Ada's list, by schrep; on-call-hillguard", "person-1's list, by author-1; on-call-person-4"),
            ("the guard at hill, the Hill guard", "the guard at hill, the person-4"),
            ("Adam and Bob met Élodie.", "Adam and Bob met person-3."),
            ("badge F-2041 at F-20411", "badge badge-1 at F-20411"),
            ("signs in with break-glass", "signs in with account-1"),
            ("call +41 (44) 668-1800, or 0446681800", "call phone-1, or phone-2"),
            ("again +41 44 668 18 00: Ada", "again phone-1: person-1"),
            ("044.668.18.00, 044/668.18.00, 044\u{a0}668\u{a0}18\u{a0}00", "phone-2, phone-2, phone-2"),
            ("(650) 555-0100. 1.650.555.0101.", "phone-3. phone-4."),
            ("12.0.3.1, 129.134.30.0/23, 198.41.100.24:53", "12.0.3.1, 129.134.30.0/23, 198.41.100.24:53"),
            ("call-044-668-18-00, 10.0.0.1-10.0.0.9", "call-phone-2, 10.0.0.1-10.0.0.9"),
            ("on 04.10.2021 or 10/04/2021", "on 04.10.2021 or 10/04/2021"),
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
