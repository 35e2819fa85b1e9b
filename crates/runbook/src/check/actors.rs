//! Somebody can do each step.

use blackstart_rt::{Map, Set};

use super::Judge;
use super::vocabulary::{Person, Presence, Vocabulary};
use crate::step::{Action, Name, Who};

impl Judge<'_> {
    /// A word that is unknown was complained about already; here only known ones count.
    pub(super) fn actors(&mut self) {
        for who in self.actors_named() {
            self.actor(who);
        }
        for (_, body) in self.checked() {
            match &body.action {
                Action::Convene { roles, .. } | Action::Call { roles } => {
                    roles.iter().for_each(|role| self.somebody(role, false))
                }
                Action::Page { roles, .. } => roles.iter().for_each(|role| self.somebody(role, false)),
                Action::Chat { to: role, .. } | Action::Escort { by: role, .. } => self.somebody(role, false),
                Action::Travel { alert, .. } => alert.iter().for_each(|role| self.somebody(role, false)),
                _ => {}
            }
        }
    }

    fn actor(&mut self, who: &Who) {
        match who {
            Who::Role(role) => self.somebody(role, false),
            Who::Approvers { roles, of, deputies } => {
                roles.iter().for_each(|role| self.somebody(role, *deputies));
                self.enough_approvers(roles, *of, *deputies);
            }
            Who::Team { skills, .. } => skills.iter().for_each(|skill| self.skilled(skill)),
        }
    }

    fn somebody(&mut self, role: &Name, deputies: bool) {
        let known = self.vocabulary.roles.contains(&role.text);
        let able = holders(self.vocabulary, &role.text, deputies).map(|name| &self.vocabulary.persons[name]);
        if known {
            self.somebody_there("role", role, able.collect());
        }
    }

    fn skilled(&mut self, skill: &Name) {
        let known = self.vocabulary.skills.contains(&skill.text);
        let skilled = |person: &&Person| person.skills.contains(&skill.text);
        if known {
            self.somebody_there("skill", skill, self.vocabulary.persons.values().filter(skilled).collect());
        }
    }

    /// Somebody has it, and can be called when it is asked for.
    fn somebody_there(&mut self, kind: &str, word: &Name, able: Vec<&Person>) {
        let is = |presence| able.iter().any(|person| person.presence == presence);
        let text = &word.text;
        if able.is_empty() {
            let expected = format!("a person with this {kind} in `people.toml`");
            self.error(&word.span, format!("nobody has the {kind} `{text}`"), expected);
        } else if !is(Presence::AtWork) && !is(Presence::Elsewhere) {
            let expected = "a `shift` that falls into the run, or a `home` where they are called";
            self.error(&word.span, format!("nobody on shift has the {kind} `{text}`"), expected);
        } else if !is(Presence::AtWork) {
            let message = format!("nobody with the {kind} `{text}` is at work when the run begins");
            self.warning(&word.span, message, "they are called at home, or come later");
        }
    }

    /// One person in two roles is still one person.
    fn enough_approvers(&mut self, roles: &[Name], of: usize, deputies: bool) {
        let filled = |role: &&Name| holders(self.vocabulary, &role.text, deputies).next().is_some();
        let found = roles.iter().filter(filled).count();
        let persons = distinct_persons(self.vocabulary, roles, deputies);
        // Roles that nobody has were complained about already.
        if persons < of && persons < found {
            let span = roles[0].span.clone();
            let message = format!("{of} people must agree, but only {persons} can");
            self.error(&span, message, "different people in these roles");
        }
    }
}

/// People who have `role`, or stand in for it.
fn holders<'a>(vocabulary: &'a Vocabulary, role: &'a str, deputies: bool) -> impl Iterator<Item = &'a str> {
    let fits =
        move |person: &Person| person.roles.contains(role) || deputies && person.deputy_for.contains(role);
    vocabulary.persons.iter().filter(move |(_, person)| fits(person)).map(|(name, _)| name.as_str())
}

/// How many roles can be filled at once when nobody fills two (augmenting paths; the lists are short).
fn distinct_persons(vocabulary: &Vocabulary, roles: &[Name], deputies: bool) -> usize {
    let candidates: Vec<Vec<&str>> =
        roles.iter().map(|role| holders(vocabulary, &role.text, deputies).collect()).collect();
    let mut taken = Map::new();
    (0..roles.len()).filter(|&role| seat(role, &candidates, &mut taken, &mut Set::new())).count()
}

/// Finds a person for `role`, moving others to another role where they can go.
fn seat<'a>(
    role: usize,
    candidates: &[Vec<&'a str>],
    taken: &mut Map<&'a str, usize>,
    asked: &mut Set<&'a str>,
) -> bool {
    for &person in &candidates[role] {
        if !asked.insert(person) {
            continue;
        }
        let moves = match taken.get(person).copied() {
            None => true,
            Some(other) => seat(other, candidates, taken, asked),
        };
        if moves {
            taken.insert(person, role);
            return true;
        }
    }
    false
}
