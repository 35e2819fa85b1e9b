//! A controller's state, without I/O: its doors, its offline list, and what it does when the server is
//! silent.

use std::time::Duration;

use blackstart_rt::time::Instant;
use blackstart_rt::{Map, Set};
use serde::Deserialize;

use crate::audit::{Entry, Outcome, unix_ms};
use crate::directory::DenyReason;
use crate::event::{By, Path};
use crate::offline::{List, Policy};
use crate::rules::{Rule, Rules};
use crate::wire::Verdict;

/// One door of a controller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Door {
    /// The door's name, unique in the company.
    pub door: String,
    /// What the door does when nobody can decide.
    #[serde(default)]
    pub fail: Fail,
    /// How long the bolt stays back after a grant, seconds.
    #[serde(default = "unlock_s")]
    pub unlock_s: u64,
    /// The rule that it applies by its own record when the server is silent and the list decides.
    #[serde(default)]
    pub own_rule: Option<Rule>,
}

fn unlock_s() -> u64 {
    5
}

/// What a door does when nobody can decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fail {
    /// It stays shut.
    #[default]
    Secure,
    /// It opens to anybody.
    Safe,
}

impl Door {
    /// A door that stays shut when nobody can decide.
    pub fn new(name: &str) -> Self {
        Self { door: name.to_owned(), fail: Fail::Secure, unlock_s: unlock_s(), own_rule: None }
    }
}

/// What the access server said about a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Open.
    Grant,
    /// Do not open.
    Deny(DenyReason),
    /// Nothing, or nothing of use, in time.
    Silence,
}

/// The controller's answer to a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the person sees.
    pub verdict: Verdict,
    /// On whose word.
    pub path: Path,
}

/// All doors of a controller and what it remembers.
#[derive(Clone, Debug)]
pub struct Doors {
    by_name: Map<String, Bolt>,
    policy: Option<Policy>,
    list: Option<List>,
    /// What was seen at the doors that have rules of their own.
    rules: Rules,
}

#[derive(Clone, Debug)]
struct Bolt {
    door: Door,
    back_until: Instant,
}

impl Doors {
    /// The given doors, all shut, without an offline list. `policy: None` means that none is ever used.
    pub fn new(doors: Vec<Door>, policy: Option<Policy>) -> Self {
        let ruled = doors.iter().filter_map(|door| Some((door.door.clone(), door.own_rule.clone()?)));
        let rules = Rules::new(ruled.collect());
        let bolt = |door: Door| (door.door.clone(), Bolt { door, back_until: Instant::default() });
        Self { by_name: doors.into_iter().map(bolt).collect(), policy, list: None, rules }
    }

    /// The doors' names.
    pub fn names(&self) -> Set<String> {
        self.by_name.keys().cloned().collect()
    }

    /// Whether the controller has this door; a tap elsewhere is not worth a question to the server.
    pub fn has(&self, door: &str) -> bool {
        self.by_name.contains_key(door)
    }

    /// Takes a freshly fetched or stored list; it is used only under a policy.
    pub fn remember(&mut self, list: List) {
        self.list = Some(list);
    }

    /// Answers a tap and moves the bolt. `unix_now` is the host's clock, `now` the monotonic one.
    pub fn tapped(
        &mut self,
        door: &str,
        badge: &str,
        heard: Heard,
        unix_now: Duration,
        now: Instant,
    ) -> Decision {
        let decision = self.decide(door, badge, heard, unix_now);
        if decision.verdict == Verdict::Opened {
            self.unlock(door, now);
        }
        let outcome = match decision.verdict {
            Verdict::Opened => Some(Outcome::Grant(String::new())),
            Verdict::Denied(reason) => Some(Outcome::Deny(reason)),
            Verdict::NoAnswer => None,
        };
        outcome.into_iter().for_each(|outcome| self.note(door, badge, outcome, unix_now));
        decision
    }

    /// A badge was held to the reader inside.
    pub fn left(&mut self, door: &str, badge: &str, unix_now: Duration) {
        self.note(door, badge, Outcome::Left, unix_now);
    }

    fn note(&mut self, door: &str, badge: &str, outcome: Outcome, unix_now: Duration) {
        let (controller, door, badge) = (String::new(), door.to_owned(), badge.to_owned());
        self.rules.note(&Entry { unix_ms: unix_ms(unix_now), controller, door, badge, outcome });
    }

    fn decide(&self, door: &str, badge: &str, heard: Heard, unix_now: Duration) -> Decision {
        let Some(bolt) = self.by_name.get(door) else {
            return Decision { verdict: Verdict::Denied(DenyReason::UnknownDoor), path: Path::NoDoor };
        };
        match heard {
            Heard::Grant => Decision { verdict: Verdict::Opened, path: Path::Server },
            Heard::Deny(reason) => Decision { verdict: Verdict::Denied(reason), path: Path::Server },
            Heard::Silence => silent(bolt.door.fail, self.ask_list(door, badge, unix_now)),
        }
    }

    fn ask_list(&self, door: &str, badge: &str, unix_now: Duration) -> Option<Result<(), DenyReason>> {
        let directory = self.list.as_ref()?.directory(self.policy?, unix_now)?;
        Some(self.rules.decide(directory, door, badge, unix_now).map(drop).map_err(|why| match why {
            DenyReason::UnknownBadge => DenyReason::NotOnList,
            why => why,
        }))
    }

    /// The contact reports an open door: by a key (or force) when the bolt was out, else nothing new.
    pub fn contact(&self, door: &str, now: Instant) -> Option<By> {
        let bolt = self.by_name.get(door)?;
        (now >= bolt.back_until).then_some(By::Key)
    }

    /// The handle inside was pressed. The way out is mechanical and always free; the bolt follows so that the
    /// contact raises no alarm. `None` for a door of another controller.
    pub fn exit(&mut self, door: &str, now: Instant) -> Option<By> {
        self.unlock(door, now);
        self.has(door).then_some(By::FreeEgress)
    }

    fn unlock(&mut self, door: &str, now: Instant) {
        if let Some(bolt) = self.by_name.get_mut(door) {
            bolt.back_until = now + Duration::from_secs(bolt.door.unlock_s);
        }
    }
}

/// The server is silent: the list may open the door, a fail-safe door opens to anybody, the rest stay shut.
fn silent(fail: Fail, list: Option<Result<(), DenyReason>>) -> Decision {
    match (list, fail) {
        (Some(Ok(())), _) => Decision { verdict: Verdict::Opened, path: Path::OfflineList },
        (_, Fail::Safe) => Decision { verdict: Verdict::Opened, path: Path::FailSafe },
        (Some(Err(reason)), Fail::Secure) => {
            Decision { verdict: Verdict::Denied(reason), path: Path::OfflineList }
        }
        (None, Fail::Secure) => Decision { verdict: Verdict::NoAnswer, path: Path::FailSecure },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::tests::badge;
    use crate::offline::Stored;
    use proptest::prelude::*;

    fn at(s: u64) -> Instant {
        Instant::from_start(Duration::from_secs(s))
    }

    /// "gate" is fail-secure, "fire" fail-safe; the list, if any, was fetched at 1000 s and lets 7 open
    /// "gate".
    fn doors(with_list: bool) -> Doors {
        let door = |name: &str, fail| Door { fail, ..Door::new(name) };
        let policy = with_list.then_some(Policy { max_age_s: 100, refresh_s: 10 });
        let mut doors = Doors::new(vec![door("gate", Fail::Secure), door("fire", Fail::Safe)], policy);
        doors.remember(List::from(Stored {
            fetched_unix_s: 1000,
            badges: vec![badge("7", &["gate"], 0, 9999)],
        }));
        doors
    }

    #[test]
    fn answers_a_tap() {
        use DenyReason::{NotAllowed, NotOnList, UnknownDoor};
        use Verdict::{Denied, NoAnswer, Opened};
        let no = Heard::Deny(NotAllowed);
        let table = [
            (false, "gate", "7", Heard::Grant, 1050, Opened, Path::Server),
            (false, "gate", "7", no, 1050, Denied(NotAllowed), Path::Server),
            (true, "gate", "7", no, 1050, Denied(NotAllowed), Path::Server),
            (true, "fire", "7", no, 1050, Denied(NotAllowed), Path::Server),
            (false, "gate", "7", Heard::Silence, 1050, NoAnswer, Path::FailSecure),
            (true, "gate", "7", Heard::Silence, 1050, Opened, Path::OfflineList),
            (true, "gate", "7", Heard::Silence, 1101, NoAnswer, Path::FailSecure),
            (true, "gate", "8", Heard::Silence, 1050, Denied(NotOnList), Path::OfflineList),
            (false, "fire", "8", Heard::Silence, 1050, Opened, Path::FailSafe),
            (true, "fire", "8", Heard::Silence, 1050, Opened, Path::FailSafe),
            (true, "moon", "7", Heard::Grant, 1050, Denied(UnknownDoor), Path::NoDoor),
        ];
        for (with_list, door, number, heard, unix_s, verdict, path) in table {
            let got = doors(with_list).tapped(door, number, heard, Duration::from_secs(unix_s), at(1));
            assert_eq!(got, Decision { verdict, path }, "{with_list} {door} {number} {heard:?} {unix_s}");
        }
    }

    #[test]
    fn the_contact_tells_a_key_from_a_grant() {
        let mut doors = doors(false);
        assert_eq!(doors.contact("gate", at(10)), Some(By::Key));
        doors.tapped("gate", "7", Heard::Grant, Duration::ZERO, at(10));
        assert_eq!(doors.contact("gate", at(14)), None);
        assert_eq!(doors.contact("gate", at(15)), Some(By::Key));
        assert_eq!(doors.exit("gate", at(20)), Some(By::FreeEgress));
        assert_eq!(doors.contact("gate", at(21)), None);
        assert_eq!(doors.exit("moon", at(20)), None);
        assert_eq!(doors.contact("moon", at(20)), None);
    }

    /// "lab" counts who is in, "safe" wants two; both by what the controller saw itself.
    fn ruled() -> Doors {
        let own = |name: &str, rule: Rule| Door { own_rule: Some(rule), ..Door::new(name) };
        let lab = own("lab", Rule { zone: Some("lab".into()), ..Rule::default() });
        let safe = own("safe", Rule { two_within_s: Some(60), ..Rule::default() });
        let mut doors = Doors::new(vec![lab, safe], Some(Policy { max_age_s: 100, refresh_s: 10 }));
        let badges = ["7", "8"].map(|number| badge(number, &["lab", "safe"], 0, 9999));
        doors.remember(List::from(Stored { fetched_unix_s: 1000, badges: badges.into() }));
        doors
    }

    #[test]
    fn rules_go_by_what_the_controller_saw_while_the_server_is_silent() {
        use DenyReason::{AlreadyIn, SecondPerson};
        use Verdict::{Denied, Opened};
        let taps = [
            // Who came in by the server's word is in, and so is who came in by the list.
            ("lab", "7", Heard::Grant, Opened),
            ("lab", "7", Heard::Silence, Denied(AlreadyIn)),
            ("lab", "8", Heard::Silence, Opened),
            ("lab", "8", Heard::Silence, Denied(AlreadyIn)),
            // Who waits by the server's word is the first of two.
            ("safe", "7", Heard::Deny(SecondPerson), Denied(SecondPerson)),
            ("safe", "8", Heard::Silence, Opened),
            ("safe", "8", Heard::Silence, Denied(SecondPerson)),
        ];
        let mut doors = ruled();
        for (door, number, heard, verdict) in taps {
            let got = doors.tapped(door, number, heard, Duration::from_secs(1050), at(1));
            assert_eq!(got.verdict, verdict, "{number} at {door}, {heard:?}");
        }
        doors.left("lab", "7", Duration::from_secs(1051));
        let again =
            |doors: &mut Doors| doors.tapped("lab", "7", Heard::Silence, Duration::from_secs(1052), at(1));
        assert_eq!(again(&mut doors).verdict, Opened);
        // After a loss of power nobody is known to be in.
        assert_eq!(again(&mut ruled()).verdict, Opened);
    }

    fn heard() -> impl Strategy<Value = Heard> {
        prop_oneof![Just(Heard::Grant), Just(Heard::Deny(DenyReason::Expired)), Just(Heard::Silence)]
    }

    proptest! {
        /// The bolt moves only for a grant, a listed badge within age, a fail-safe door, or the handle
        /// inside.
        #[test]
        fn never_opens_without_a_reason(
            with_list: bool,
            taps in proptest::collection::vec(("gate|fire|moon", "7|8", heard(), 900_u64..1300), 1..20),
        ) {
            let mut doors = doors(with_list);
            for (n, (door, number, heard, unix_s)) in taps.into_iter().enumerate() {
                // Ten seconds apart: the bolt of an earlier tap is out again.
                let now = at(10 * (n as u64 + 1));
                let listed = with_list && (1000..=1100).contains(&unix_s) && number == "7" && door == "gate";
                let silent = heard == Heard::Silence && (listed || door == "fire");
                let may = door != "moon" && (heard == Heard::Grant || silent);
                let decision = doors.tapped(&door, &number, heard, Duration::from_secs(unix_s), now);
                prop_assert_eq!(decision.verdict == Verdict::Opened, may);
                let bolt_back = doors.has(&door) && doors.contact(&door, now).is_none();
                prop_assert_eq!(bolt_back, may);
            }
        }
    }
}
