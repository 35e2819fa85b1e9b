//! Rules of a door beyond "may this badge": nobody comes in who is in, some doors want two people, and some people may take
//! others along.
//!
//! What they go by is folded from the audit log, entry by entry, so that a reboot of the server forgets nothing. A controller that
//! applies them while the server is silent goes by what it saw at its own doors since its boot.

use std::time::Duration;

use blackstart_rt::{Map, Set};
use serde::Deserialize;

use crate::audit::{Entry, Outcome};
use crate::directory::{DenyReason, Directory};

/// What one door asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The zone behind the door: whoever went in through one of its doors comes in through none before they left.
    #[serde(default)]
    pub zone: Option<String>,
    /// Opens for two people only, the second within so many seconds after the first.
    #[serde(default)]
    pub two_within_s: Option<u64>,
    /// Who may take others along.
    #[serde(default)]
    pub escort: Option<Escort>,
    /// What becomes of all this while the server is silent.
    #[serde(default)]
    pub when_silent: WhenSilent,
}

/// Who may take along people whose badges are good for other doors only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Escort {
    /// Their badges.
    pub badges: Set<String>,
    /// How long after one of them the door opens for others, seconds.
    pub within_s: u64,
}

/// What a controller with a cached list does at a door with rules while the server is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenSilent {
    /// The list does not have the door: it fails as it fails.
    #[default]
    Shut,
    /// The list decides as at any door, without the rules.
    List,
    /// The list decides, and the rules by what the controller saw itself.
    OwnRecord,
}

/// The rules of all doors that have some, and who is where.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    by_door: Map<String, Rule>,
    /// Badges in a zone, as (zone, badge).
    inside: Set<(String, String)>,
    /// The badge that waits at a door for a second one, and since when.
    waiting: Map<String, (String, Duration)>,
    /// When somebody who may take others along last went through a door.
    escorted: Map<String, Duration>,
}

impl Rules {
    /// The rules by door; nobody is in and nobody waits.
    pub fn new(by_door: Map<String, Rule>) -> Self {
        Self { by_door, ..Self::default() }
    }

    /// Whether `badge` may pass `door` at `now`, by the directory and by the door's rule; if so, who carries it.
    ///
    /// # Errors
    /// Why not.
    pub fn decide<'d>(
        &self,
        directory: &'d Directory,
        door: &str,
        badge: &str,
        now: Duration,
    ) -> Result<&'d str, DenyReason> {
        let allowed = directory.decide(door, badge, now);
        let Some(rule) = self.by_door.get(door) else { return allowed };
        let taken_along = allowed == Err(DenyReason::NotAllowed) && self.may_be_taken_along(rule, door, now);
        let person = if taken_along { directory.holder(badge, now) } else { allowed }?;
        let is_in = |zone: &String| self.inside.contains(&(zone.clone(), badge.to_owned()));
        if rule.zone.as_ref().is_some_and(is_in) {
            return Err(DenyReason::AlreadyIn);
        }
        match rule.two_within_s {
            Some(window_s) if !taken_along => self.second(directory, window_s, door, badge, now)?,
            _ => {}
        }
        Ok(person)
    }

    fn may_be_taken_along(&self, rule: &Rule, door: &str, now: Duration) -> bool {
        let (Some(escort), Some(since)) = (&rule.escort, self.escorted.get(door)) else { return false };
        now.saturating_sub(*since).as_secs() <= escort.within_s
    }

    /// Whether somebody else waits there already.
    fn second(
        &self,
        directory: &Directory,
        window_s: u64,
        door: &str,
        badge: &str,
        now: Duration,
    ) -> Result<(), DenyReason> {
        let first =
            self.waiting.get(door).filter(|(_, since)| now.saturating_sub(*since).as_secs() <= window_s);
        let other = |(first, _): &(String, Duration)| {
            // Two badges of one person are one person.
            matches!((directory.decide(door, first, now), directory.decide(door, badge, now)), (Ok(a), Ok(b)) if a != b)
        };
        if first.is_some_and(other) { Ok(()) } else { Err(DenyReason::SecondPerson) }
    }

    /// Takes in what the log has.
    pub fn note(&mut self, entry: &Entry) {
        let Some(rule) = self.by_door.get(&entry.door) else { return };
        let at = Duration::from_millis(entry.unix_ms);
        match &entry.outcome {
            Outcome::Grant(_) => {
                let first = self.waiting.remove(&entry.door).filter(|_| rule.two_within_s.is_some());
                let both = first.map(|(badge, _)| badge).into_iter().chain([entry.badge.clone()]);
                let both: Vec<String> = both.collect();
                if rule.escort.as_ref().is_some_and(|escort| both.iter().any(|it| escort.badges.contains(it)))
                {
                    self.escorted.insert(entry.door.clone(), at);
                }
                let zone = rule.zone.as_ref();
                self.inside.extend(both.into_iter().filter_map(|badge| Some((zone?.clone(), badge))));
            }
            Outcome::Deny(DenyReason::SecondPerson) => {
                self.waiting.insert(entry.door.clone(), (entry.badge.clone(), at));
            }
            Outcome::Deny(_) => {}
            Outcome::Left => {
                let left = |zone: &String| self.inside.remove(&(zone.clone(), entry.badge.clone()));
                rule.zone.as_ref().map(left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::tests::badge;
    use proptest::prelude::*;

    /// "gate" and "hatch" lead to one zone, "vault" wants two within a minute; 7 and 8 open all, and 9 is of the same
    /// person as 8.
    fn site() -> (Directory, Rules) {
        let all = ["gate", "hatch", "vault", "hall"];
        let nine = crate::directory::Badge { person: "person of 8".into(), ..badge("9", &all, 0, 9999) };
        let directory = Directory::new([badge("7", &all, 0, 9999), badge("8", &all, 0, 9999), nine]);
        let zone = || Rule { zone: Some("cage".into()), ..Rule::default() };
        let two = Rule { zone: Some("safe".into()), two_within_s: Some(60), ..Rule::default() };
        let rules = [("gate", zone()), ("hatch", zone()), ("vault", two)];
        (directory, Rules::new(rules.into_iter().map(|(door, rule)| (door.to_owned(), rule)).collect()))
    }

    fn entry(door: &str, number: &str, at_s: u64, outcome: Outcome) -> Entry {
        let controller = String::new();
        Entry { unix_ms: at_s * 1000, controller, door: door.into(), badge: number.into(), outcome }
    }

    /// A tap as the server treats it.
    fn tap(
        directory: &Directory,
        rules: &mut Rules,
        door: &str,
        number: &str,
        at_s: u64,
    ) -> Option<DenyReason> {
        let judged = rules.decide(directory, door, number, Duration::from_secs(at_s)).map(drop);
        let outcome = judged.map_or_else(Outcome::Deny, |()| Outcome::Grant(String::new()));
        rules.note(&entry(door, number, at_s, outcome));
        judged.err()
    }

    #[test]
    fn whoever_is_in_comes_in_nowhere_before_they_left() {
        use DenyReason::AlreadyIn;
        let (directory, mut rules) = site();
        let taps = [("gate", "7", None), ("gate", "7", Some(AlreadyIn)), ("hatch", "7", Some(AlreadyIn))];
        let others = [("gate", "8", None), ("hall", "7", None), ("hall", "7", None)];
        for (door, number, expected) in taps.into_iter().chain(others) {
            assert_eq!(tap(&directory, &mut rules, door, number, 1), expected, "{number} at {door}");
        }
        rules.note(&entry("hatch", "7", 2, Outcome::Left));
        assert_eq!(tap(&directory, &mut rules, "gate", "7", 3), None);
        assert_eq!(tap(&directory, &mut rules, "gate", "8", 3), Some(AlreadyIn));
    }

    #[test]
    fn two_people_within_the_window_open_and_both_are_in() {
        use DenyReason::{AlreadyIn, SecondPerson};
        let table = [
            (
                "the other in time",
                vec![("8", 0, Some(SecondPerson)), ("7", 60, None), ("8", 61, Some(AlreadyIn))],
            ),
            (
                "too late: waits in turn",
                vec![("8", 0, Some(SecondPerson)), ("7", 61, Some(SecondPerson)), ("8", 62, None)],
            ),
            ("the same badge", vec![("8", 0, Some(SecondPerson)), ("8", 1, Some(SecondPerson))]),
            (
                "the same person",
                vec![("8", 0, Some(SecondPerson)), ("9", 1, Some(SecondPerson)), ("7", 2, None)],
            ),
        ];
        for (what, taps) in table {
            let (directory, mut rules) = site();
            for (number, at_s, expected) in taps {
                assert_eq!(tap(&directory, &mut rules, "vault", number, at_s), expected, "{what}: {number}");
            }
        }
    }

    /// 7 may take others into the lab; 8 may go in, 5 is good for the hall only, and 6 no longer for that.
    #[test]
    fn others_are_taken_along_by_whoever_may() {
        use DenyReason::{AlreadyIn, Expired, NotAllowed, UnknownBadge};
        let badges = [
            badge("7", &["lab"], 0, 9999),
            badge("8", &["lab"], 0, 9999),
            badge("5", &["hall"], 0, 9999),
            badge("6", &["hall"], 0, 10),
        ];
        let directory = Directory::new(badges);
        let escort = Some(Escort { badges: ["7".to_owned()].into(), within_s: 30 });
        let rule = Rule { zone: Some("lab".into()), escort, ..Rule::default() };
        let mut rules = Rules::new([("lab".to_owned(), rule)].into_iter().collect());
        let taps = [
            ("5", 20, Some(NotAllowed)),
            // Somebody who may go in, but take nobody along.
            ("8", 21, None),
            ("5", 22, Some(NotAllowed)),
            ("7", 30, None),
            ("5", 60, None),
            ("5", 60, Some(AlreadyIn)),
            ("6", 60, Some(Expired)),
            ("4", 60, Some(UnknownBadge)),
            ("6", 61, Some(NotAllowed)),
        ];
        for (number, at_s, expected) in taps {
            assert_eq!(tap(&directory, &mut rules, "lab", number, at_s), expected, "{number} at {at_s} s");
        }
    }

    #[test]
    fn where_two_are_wanted_whoever_is_taken_along_counts_for_none() {
        let all = [badge("7", &["lab"], 0, 99), badge("8", &["lab"], 0, 99), badge("5", &[], 0, 99)];
        let escort = Some(Escort { badges: ["7".to_owned()].into(), within_s: 30 });
        let rule = Rule { two_within_s: Some(60), escort, ..Rule::default() };
        let mut rules = Rules::new([("lab".to_owned(), rule)].into_iter().collect());
        let directory = Directory::new(all);
        use DenyReason::{NotAllowed, SecondPerson};
        let taps = [("7", Some(SecondPerson)), ("5", Some(NotAllowed)), ("8", None), ("5", None)];
        for (number, expected) in taps {
            assert_eq!(tap(&directory, &mut rules, "lab", number, 1), expected, "{number}");
        }
    }

    proptest! {
        /// Between two grants of a badge in one zone there is a leave, whatever happens at the doors.
        #[test]
        fn no_badge_passes_twice(
            steps in proptest::collection::vec(("gate|hatch|vault", "7|8|9", any::<bool>()), 1..40),
        ) {
            let (directory, mut rules) = site();
            let mut inside = Set::new();
            for (at_s, (door, number, leaves)) in (0_u64..).zip(steps) {
                let zone = if door == "vault" { "safe" } else { "cage" };
                if leaves {
                    rules.note(&entry(&door, &number, at_s, Outcome::Left));
                    inside.remove(&(zone, number));
                } else if tap(&directory, &mut rules, &door, &number, at_s).is_none() {
                    prop_assert!(inside.insert((zone, number)));
                }
            }
        }
    }
}
