//! What a fault is done to, in words: names, all of a label, some of it drawn by the seed.
//!
//! ```text
//! isp-r1                    everything of that name: a machine, a service, a person
//! dc-r1 - dc-r2             a link, a port, a session: a thing with two names
//! ns1, ns2                  both
//! all of core-links         everything that the label stands for
//! any 2 of the pops         two of them, drawn
//! half of readers           half of them, rounded up, drawn
//! ```
//!
//! A thing is taken for what the primitive needs: of a machine its links, of a service its machine, of a site all of both.

use crate::primitive::Mistake;
use crate::target::{On, Targets, Thing};
use blackstart_rt::Set;
use blackstart_sim::draw::Stream;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selector {
    /// These, by name.
    These(Vec<String>),
    /// All that a label stands for.
    All(String),
    /// So many of what a label stands for.
    Any(usize, String),
    /// Half of what a label stands for, rounded up.
    Half(String),
}

impl Selector {
    /// Reads one; anything is a list of names when it is nothing else.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let label = |rest: &str| {
            let rest = rest.trim();
            rest.strip_prefix("the ").unwrap_or(rest).to_owned()
        };
        if let Some(rest) = text.strip_prefix("all of ") {
            return Self::All(label(rest));
        }
        if let Some(rest) = text.strip_prefix("half of ") {
            return Self::Half(label(rest));
        }
        let any = text.strip_prefix("any ").and_then(|rest| rest.split_once(" of "));
        if let Some((count, rest)) = any
            && let Ok(count) = count.trim().parse()
        {
            return Self::Any(count, label(rest));
        }
        Self::These(text.split(',').map(|name| name.trim().to_owned()).collect())
    }

    /// Whether the seed has a say.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        matches!(self, Self::Any(..) | Self::Half(_))
    }

    /// The names that it comes down to. Draws are keyed by the fault's name.
    ///
    /// # Errors
    /// When a label stands for nothing, or for less than is asked.
    pub(crate) fn names(&self, targets: &Targets, seed: u64, fault: &str) -> Result<Vec<String>, Mistake> {
        let (label, count) = match self {
            Self::These(names) => return Ok(names.clone()),
            Self::All(label) => (label, None),
            Self::Any(count, label) => (label, Some(*count)),
            Self::Half(label) => (label, Some(targets.members(label).len().div_ceil(2))),
        };
        let members = targets.members(label);
        if members.is_empty() {
            return Err(Mistake::Nonsense(format!("`{label}` stands for nothing here")));
        }
        let Some(count) = count else { return Ok(members) };
        if count > members.len() || count == 0 {
            let text = format!("`{label}` stands for {}, and {count} are asked for", members.len());
            return Err(Mistake::Nonsense(text));
        }
        Ok(shuffled(members, seed, &format!("{fault}/which")).into_iter().take(count).collect())
    }
}

/// In an order drawn under this name.
pub(crate) fn shuffled<T>(mut all: Vec<T>, seed: u64, name: &str) -> Vec<T> {
    let mut draws = Stream::new(seed, &format!("fault/{name}"));
    for last in (1..all.len()).rev() {
        let other = draws.below(last as u64 + 1) as usize;
        all.swap(last, other);
    }
    all
}

impl Targets {
    /// The things of one sort that a name stands for: itself, what carries it, or what it carries.
    pub(crate) fn called(&self, name: &str, on: On, edge: bool) -> Vec<Thing> {
        let names: Vec<&str> = name.split(" - ").map(str::trim).collect();
        let whole = Thing::new(on, &names);
        if names.len() > 1 && self.has(&whole) {
            return vec![whole];
        }
        let same = |thing: &&Thing| thing.names == whole.names || thing.turned().names == whole.names;
        let known: Vec<Thing> = self.all().filter(same).chain(self.labelled(name)).cloned().collect();
        let direct: Set<Thing> = known.iter().filter(|thing| thing.on == on).cloned().collect();
        let found = if direct.is_empty() { self.reached(&known, on) } else { direct };
        let machines: Set<&String> =
            known.iter().filter(|thing| thing.on == On::Machine).flat_map(|thing| &thing.names).collect();
        let leads_out =
            |thing: &Thing| !edge || thing.names.iter().filter(|end| machines.contains(end)).count() == 1;
        found.into_iter().filter(leads_out).collect()
    }

    /// What of one sort belongs to these things.
    fn reached(&self, known: &[Thing], on: On) -> Set<Thing> {
        let mut words: Set<&str> = Set::new();
        for thing in known {
            words.extend(thing.names.iter().map(String::as_str));
            match thing.on {
                On::Machine => words.extend(self.services_on(&thing.names[0])),
                On::Service | On::Answering => words.extend(self.host_of(&thing.names[0])),
                _ => {}
            }
        }
        let two = known.iter().any(|thing| thing.names.len() > 1);
        let belongs = |thing: &&Thing| match on {
            // Of a thing with two names, a thing with two names is between the same two.
            _ if two && thing.names.len() > 1 => thing.names.iter().all(|name| words.contains(name.as_str())),
            On::Link => thing.names.iter().any(|name| words.contains(name.as_str())),
            // Who asks is whoever comes first.
            On::Asked => words.contains(thing.names[1].as_str()),
            _ => words.contains(thing.names[0].as_str()),
        };
        let found = self.of(on).filter(belongs).cloned();
        if on == On::Asked {
            let mut services = Set::new();
            return found.filter(|thing| services.insert(thing.names[1].clone())).collect();
        }
        found.collect()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::These(names) => f.write_str(&names.join(", ")),
            Self::All(label) => write!(f, "all of {label}"),
            Self::Any(count, label) => write!(f, "any {count} of {label}"),
            Self::Half(label) => write!(f, "half of {label}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sites of two machines each, a link inside each and one between, a service on a1.
    fn world() -> Targets {
        let mut targets = Targets::default();
        for (site, machines) in [("a", ["a1", "a2"]), ("b", ["b1", "b2"])] {
            targets.group("pops", site);
            for machine in machines {
                targets.add(Thing::new(On::Machine, &[machine]));
                targets.label(site, Thing::new(On::Machine, &[machine]));
            }
        }
        for ends in [["a1", "a2"], ["b1", "b2"], ["a1", "b1"]] {
            targets.add(Thing::new(On::Link, &ends));
        }
        targets.add(Thing::new(On::Service, &["web"]));
        targets.runs_on("web", "a1");
        targets
    }

    #[test]
    fn selectors_read() {
        let cases = [
            ("a1", Selector::These(vec!["a1".into()])),
            ("a1, a2 - b1", Selector::These(vec!["a1".into(), "a2 - b1".into()])),
            ("all of core-links", Selector::All("core-links".into())),
            ("any 2 of the pops", Selector::Any(2, "pops".into())),
            ("half of readers", Selector::Half("readers".into())),
            ("any of them", Selector::These(vec!["any of them".into()])),
        ];
        for (text, selector) in cases {
            assert_eq!(Selector::read(text), selector, "{text}");
        }
    }

    #[test]
    fn a_name_is_taken_for_what_is_needed() {
        let cases = [
            ("a1", On::Machine, false, "a1"),
            ("a1", On::Link, false, "a1 - a2, a1 - b1"),
            ("b1 - a1", On::Link, false, "b1 - a1"),
            ("a1 - a2", On::Machine, false, "a1, a2"),
            ("web", On::Machine, false, "a1"),
            ("web", On::Link, false, "a1 - a2, a1 - b1"),
            ("a2", On::Service, false, ""),
            ("a1", On::Service, false, "web"),
            ("a", On::Machine, false, "a1, a2"),
            ("a", On::Link, true, "a1 - b1"),
            ("a", On::Service, false, "web"),
            ("c", On::Machine, false, ""),
        ];
        for (name, on, edge, expected) in cases {
            let found = world().called(name, on, edge);
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found.join(", "), expected, "{name} as {on}");
        }
    }

    #[test]
    fn some_are_drawn_by_seed_and_name() {
        let drawn = |text: &str, seed, fault| Selector::read(text).names(&world(), seed, fault);
        let one = |seed| drawn("any 1 of pops", seed, "f").unwrap();
        let both: Set<Vec<String>> = (0..20).map(one).collect();
        assert_eq!(both.len(), 2, "either site comes about");
        assert_eq!(one(7), one(7));
        assert_eq!(drawn("half of a", 1, "f").unwrap().len(), 1);
        assert_eq!(drawn("all of pops", 1, "f").unwrap(), ["a", "b"]);
        let wrong = ["any 3 of pops", "any 0 of pops", "half of nothing"].map(|text| drawn(text, 1, "f"));
        let texts = wrong.map(|names| names.unwrap_err().to_string());
        assert_eq!(
            texts,
            [
                "`pops` stands for 2, and 3 are asked for",
                "`pops` stands for 2, and 0 are asked for",
                "`nothing` stands for nothing here",
            ]
        );
    }
}
