//! Doors: each opening needs a badge that may, somebody before it who may take others along, or a key in somebody's hand.
//!
//! Who may is read from the scenario's files. The access server, the controllers and their lists are what is judged.

use crate::facts::Facts;
use blackstart_badge::Verdict;
use blackstart_badge::event::{By, Event, Path};
use blackstart_rt::Set;
use blackstart_sim::NodeId;
use blackstart_world::physical::Physical;

/// What is known at one moment.
#[derive(Debug)]
pub(crate) struct Doors {
    /// Where people are and what they hold.
    physical: Physical,
    /// Doors of a controller for which a badge was granted and that did not open yet.
    granted: Set<(NodeId, String)>,
    /// Doors that opened to somebody who may take others along. For how long is by the server's clock, which may be wrong.
    escorted: Set<String>,
}

impl Doors {
    pub(crate) fn new(facts: &Facts) -> Self {
        Self { physical: Physical::new(&facts.people), granted: Set::new(), escorted: Set::new() }
    }

    pub(crate) fn people(&mut self, event: &blackstart_world::Event) {
        self.physical.step(event);
    }

    /// What is wrong with an opening, if anything.
    pub(crate) fn step(&mut self, facts: &Facts, node: NodeId, event: &Event) -> Option<String> {
        match event {
            Event::Decision { door, badge, verdict: Verdict::Opened, path } => {
                self.granted.insert((node, door.clone()));
                self.decision(facts, door, badge, *path)
            }
            Event::DoorOpened { door, by: By::Badge } => {
                let granted = self.granted.remove(&(node, door.clone()));
                (!granted).then(|| format!("{door} opened to a badge that nobody decided about"))
            }
            Event::DoorOpened { door, by: By::Key } => {
                let opened = format!("{door} opened, and nobody before it held its key");
                (!self.is_key_there(facts, door)).then_some(opened)
            }
            _ => None,
        }
    }

    fn decision(&mut self, facts: &Facts, door: &str, badge: &str, path: Path) -> Option<String> {
        let escort = facts.people.doors.get(door).and_then(|door| door.rule.escort.as_ref());
        if escort.is_some_and(|escort| escort.badges.contains(badge)) {
            self.escorted.insert(door.to_owned());
        }
        let allowed = facts.badges.get(badge).is_some_and(|doors| doors.contains(door));
        let may = allowed || self.escorted.contains(door);
        match path {
            Path::Server | Path::OfflineList if may => None,
            Path::Server | Path::OfflineList => {
                Some(format!("{door} opened to badge {badge}, which may not"))
            }
            Path::FailSafe | Path::FailSecure | Path::NoDoor => {
                Some(format!("{door} opened to badge {badge} without anybody's word"))
            }
        }
    }

    fn is_key_there(&self, facts: &Facts, door: &str) -> bool {
        let Some((door, key)) =
            facts.people.doors.get(door).and_then(|door| Some((door, door.key.as_ref()?)))
        else {
            return false;
        };
        let here = |person: &String| {
            self.physical.at.get(person).is_some_and(|place| *place == door.from || *place == door.to)
        };
        self.physical.held.iter().any(|(person, items)| items.contains(key) && here(person))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blackstart_badge::rules::Escort;
    use blackstart_rt::Map;
    use blackstart_world::{Door, Event as People, People as Everybody, Person};

    /// Badge 7 opens the gate; Gus stands before it and holds its key.
    fn facts() -> Facts {
        let text = str::to_owned;
        let door = Door {
            name: text("gate"),
            from: text("hall"),
            to: text("room"),
            reader: text("reader"),
            controller: text("controller"),
            key: Some(text("iron")),
            fail: Default::default(),
            rule: Default::default(),
            escorts: None,
        };
        let gus = Person {
            name: text("Gus"),
            roles: Vec::new(),
            skills: Vec::new(),
            at: text("hall"),
            laptop: None,
            badge: None,
            items: vec![text("iron")],
            shift: None,
            called_at_home: Default::default(),
            phone: None,
            numbers: None,
            on_duty_for: Default::default(),
            refuses: None,
            no_answer: 0.0,
            account: None,
        };
        Facts {
            people: Everybody {
                doors: Map::from([(text("gate"), door)]),
                persons: vec![gus],
                ..Everybody::default()
            },
            badges: Map::from([(text("7"), Set::from([text("gate")]))]),
            ..Facts::default()
        }
    }

    fn tap(badge: &str, path: Path) -> Event {
        Event::Decision { door: "gate".into(), badge: badge.into(), verdict: Verdict::Opened, path }
    }

    fn opened(by: By) -> Event {
        Event::DoorOpened { door: "gate".into(), by }
    }

    fn seen(events: &[Event]) -> Option<String> {
        let facts = facts();
        let mut doors = Doors::new(&facts);
        events.iter().find_map(|event| doors.step(&facts, NodeId(1), event))
    }

    #[test]
    fn a_badge_that_may_not_needs_somebody_who_may_take_it_along() {
        let mut facts = facts();
        let escort = Escort { badges: Set::from(["7".to_owned()]), within_s: 30 };
        facts.people.doors.get_mut("gate").expect("the gate").rule.escort = Some(escort);
        let wrong = |taps: &[&str]| {
            let mut doors = Doors::new(&facts);
            taps.iter().any(|badge| doors.step(&facts, NodeId(1), &tap(badge, Path::Server)).is_some())
        };
        assert!(wrong(&["8"]) && wrong(&["8", "7"]));
        assert!(!wrong(&["7", "8"]));
    }

    #[test]
    fn a_badge_that_may_and_a_key_that_is_there_open() {
        for path in [Path::Server, Path::OfflineList] {
            assert_eq!(seen(&[tap("7", path), opened(By::Badge)]), None);
        }
        assert_eq!(seen(&[opened(By::Key)]), None);
        assert_eq!(seen(&[opened(By::FreeEgress)]), None);
    }

    #[test]
    fn nothing_else_does() {
        let cases = [
            (vec![tap("8", Path::Server)], "gate opened to badge 8, which may not"),
            (vec![tap("7", Path::FailSafe)], "gate opened to badge 7 without anybody's word"),
            (vec![opened(By::Badge)], "gate opened to a badge that nobody decided about"),
            (
                vec![tap("7", Path::Server), opened(By::Badge), opened(By::Badge)],
                "gate opened to a badge that nobody decided about",
            ),
        ];
        for (events, saw) in cases {
            assert_eq!(seen(&events).as_deref(), Some(saw));
        }
    }

    #[test]
    fn a_key_far_away_opens_nothing() {
        let facts = facts();
        let mut doors = Doors::new(&facts);
        doors.people(&People::Moved { person: "Gus".into(), to: "home".into() });
        let saw = doors.step(&facts, NodeId(1), &opened(By::Key));
        assert_eq!(saw.as_deref(), Some("gate opened, and nobody before it held its key"));
    }
}
