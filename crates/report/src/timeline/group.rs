//! Notes that happen together, joined into lines.

use super::note::{Note, Topic};
use super::{Line, TEXT_COLUMNS};
use crate::words::{counted, list};
use blackstart_rt::{Map, Set};
use blackstart_sim::Time;
use std::time::Duration;

/// All lines so far.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    /// The latest line on each topic.
    latest: Map<Topic, usize>,
}

#[derive(Debug)]
struct Group {
    part: &'static str,
    topic: Topic,
    first: Time,
    last: Time,
    /// Who and what, in the order in which they came, each pair once.
    pairs: Vec<(String, String)>,
    notes: usize,
}

/// How long after a note a better one may take its place.
const JUST_NOW: Duration = Duration::from_secs(120);

impl Groups {
    pub(super) fn add(&mut self, at: Time, note: Note) {
        let Note { part, topic, gap, who, what, instead_of } = note;
        if let Some((topic, who)) = instead_of {
            self.retract(at, &topic, &who);
        }
        let open = self.latest.get(&topic).copied();
        let index = open.filter(|index| at - self.groups[*index].last <= gap).unwrap_or_else(|| {
            self.groups.push(Group {
                part,
                topic: topic.clone(),
                first: at,
                last: at,
                pairs: Vec::new(),
                notes: 0,
            });
            self.groups.len() - 1
        });
        self.latest.insert(topic, index);
        self.groups[index].add(at, who, what);
    }

    fn retract(&mut self, at: Time, topic: &Topic, who: &str) {
        let Some(index) = self.latest.get(topic).copied() else { return };
        let group = &mut self.groups[index];
        if at - group.last <= JUST_NOW {
            group.pairs.retain(|(noted, _)| noted != who);
        }
        if group.pairs.is_empty() {
            self.latest.remove(topic);
        }
    }

    /// The lines in the order in which they begin. Notes come in order of time, and so do groups.
    pub(super) fn lines(self) -> Vec<Line> {
        self.groups.into_iter().filter(|group| !group.pairs.is_empty()).map(Group::line).collect()
    }
}

impl Group {
    fn add(&mut self, at: Time, who: String, what: String) {
        self.last = at;
        self.notes += 1;
        let same = |(known_who, known_what): &&mut (String, String)| {
            *known_who == who && (self.topic.replaces() || *known_what == what)
        };
        match self.pairs.iter_mut().find(same) {
            Some(pair) => pair.1 = what,
            None => self.pairs.push((who, what)),
        }
    }

    fn line(self) -> Line {
        let text = match &self.topic {
            Topic::Said(text) if self.notes > 1 => format!("{text} ({} times)", self.notes),
            Topic::Said(text) => text.clone(),
            Topic::Listed(text) => self.listed(text),
            Topic::Counted { thing, done, place } => self.counted(thing, done, place),
            Topic::Seen(outcome) => self.seen(outcome),
            Topic::Paths => self.paths(),
            Topic::Steering { up } => self.steering(*up),
        };
        Line { at: self.first, until: self.last, part: self.part, text }
    }

    /// Everyone that something happened to, each once.
    fn everyone(&self) -> Vec<&str> {
        let mut seen = Set::new();
        let whos = self.pairs.iter().map(|(who, _)| who.as_str());
        whos.filter(|who| !who.is_empty() && seen.insert(*who)).collect()
    }

    /// Everyone that something happened to, each once, with what is said of them.
    fn listed(&self, text: &str) -> String {
        let with_what = |who: &&str| {
            let of_them = self.pairs.iter().filter(|(other, what)| other == who && !what.is_empty());
            let whats: Vec<&str> = of_them.map(|(_, what)| what.as_str()).collect();
            if whats.is_empty() { (*who).to_owned() } else { format!("{who} ({})", whats.join(", ")) }
        };
        let everyone: Vec<String> = self.everyone().iter().map(with_what).collect();
        listed(text, &everyone.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn counted(&self, thing: &str, done: &str, place: &str) -> String {
        let places = self.everyone();
        let start = match places.len() {
            1 => format!("{} {done} at ", counted(self.pairs.len(), thing)),
            n => format!("{} {done} at {}: ", counted(self.pairs.len(), thing), counted(n, place)),
        };
        let room = TEXT_COLUMNS.saturating_sub(start.chars().count());
        start + &list(&places, room)
    }

    /// Checks that the same vantage points see share a clause.
    fn seen(&self, outcome: &str) -> String {
        let mut points: Map<&str, Set<&str>> = Map::new();
        for (point, check) in &self.pairs {
            points.entry(check).or_default().insert(point);
        }
        let mut checks: Map<Vec<&str>, Vec<&str>> = Map::new();
        for (check, points) in points {
            checks.entry(points.into_iter().collect()).or_default().push(check);
        }
        let start = format!("{outcome}: ");
        let room = TEXT_COLUMNS.saturating_sub(start.chars().count());
        let clause = |(points, checks): (&Vec<&str>, &Vec<&str>)| {
            format!("{} at {}", checks.join(", "), points.join(", "))
        };
        let clauses: Vec<String> = checks.iter().map(clause).collect();
        let whole = clauses.join("; ");
        if whole.chars().count() <= room {
            return start + &whole;
        }
        let pairs: Vec<String> =
            self.pairs.iter().map(|(point, check)| format!("{check} at {point}")).collect();
        start + &list(&pairs.iter().map(String::as_str).collect::<Vec<_>>(), room)
    }

    /// Prefixes that one collector holds over the same number of paths go together, then collectors with the same prefixes.
    fn paths(&self) -> String {
        let mut prefixes: Map<(&str, &str), Vec<&str>> = Map::new();
        for (who, count) in &self.pairs {
            let (collector, prefix) = who.split_once(' ').unwrap_or((who, ""));
            prefixes.entry((collector, count)).or_default().push(prefix);
        }
        let mut counts: Map<Vec<&str>, Vec<String>> = Map::new();
        for ((collector, count), mut prefixes) in prefixes {
            prefixes.sort_unstable();
            let paths = if count == "1" { "path" } else { "paths" };
            counts.entry(prefixes).or_default().push(format!("{count} {paths} at {collector}"));
        }
        let clause = |(prefixes, counts): (&Vec<&str>, &Vec<String>)| {
            format!("{}: {}", list(prefixes, 0), counts.join(", "))
        };
        let clauses: Vec<String> = counts.iter().map(clause).collect();
        list(&clauses.iter().map(String::as_str).collect::<Vec<_>>(), TEXT_COLUMNS)
    }

    fn steering(&self, up: bool) -> String {
        let answers = self.pairs.iter().map(|(_, answers)| answers).find(|answers| !answers.is_empty());
        let opinion = answers.map(|answers| format!("{answers} data centres answer, ")).unwrap_or_default();
        let done = if up { "announced" } else { "withdrawn" };
        listed(&format!("{opinion}DNS prefixes {done}"), &self.everyone())
    }
}

/// `TEXT: NAME, NAME`, counted when there are several.
fn listed(text: &str, names: &[&str]) -> String {
    let start = match names.len() {
        0 | 1 => format!("{text}: "),
        n => format!("{text} ({n}): "),
    };
    let room = TEXT_COLUMNS.saturating_sub(start.chars().count());
    start + &list(names, room)
}

impl Topic {
    /// Whether a later note on the same thing replaces an earlier one.
    fn replaces(&self) -> bool {
        matches!(self, Topic::Paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(notes: Vec<(u64, Note)>) -> Vec<(u64, String)> {
        let mut groups = Groups::default();
        for (s, note) in notes {
            groups.add(Time::from_secs(s), note);
        }
        groups.lines().into_iter().map(|line| (line.at.since_start().as_secs(), line.text)).collect()
    }

    fn one(notes: Vec<Note>) -> String {
        let mut lines = lines(notes.into_iter().map(|note| (0, note)).collect());
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0).1
    }

    const SHUT: Topic = Topic::ports("shut");

    #[test]
    fn what_happens_together_shares_a_line() {
        let shut = |router: &str, port: &str| Note::on("network", SHUT, router, port);
        let seen = |outcome: &str, point: &str, check: &str| {
            Note::on("users", Topic::Seen(outcome.into()), point, check)
        };
        let paths = |held: &str, n: &str| Note::on("network", Topic::Paths, held, n);
        let steer = |server: &str, n: &str| Note::on("names", Topic::Steering { up: false }, server, n);
        let cases = [
            (vec![shut("a", "b")], "1 port shut at a"),
            (vec![shut("a", "b"), shut("a", "c"), shut("a", "c")], "2 ports shut at a"),
            (vec![shut("a", "b"), shut("b", "a")], "2 ports shut at 2 routers: a, b"),
            (
                vec![Note::listed("staff", "chat lost", "x"), Note::listed("staff", "chat lost", "y")],
                "chat lost (2): x, y",
            ),
            (
                vec![
                    Note::listed("people", "on the bridge", "Ada").with("lead"),
                    Note::listed("people", "on the bridge", "Ben"),
                    Note::listed("people", "on the bridge", "Ada").with("comms"),
                ],
                "on the bridge (2): Ada (lead, comms), Ben",
            ),
            (vec![Note::said("step", "hm"), Note::said("step", "hm")], "hm (2 times)"),
            (vec![seen("503", "nl", "http"), seen("503", "us", "http")], "503: http at nl, us"),
            (
                vec![seen("503", "nl", "http"), seen("503", "us", "http"), seen("503", "us", "page")],
                "503: http at nl, us; page at us",
            ),
            (vec![paths("ris 10.0.0.0/8", "2"), paths("ris 10.0.0.0/8", "1")], "10.0.0.0/8: 1 path at ris"),
            (
                vec![paths("ris 10.0.0.0/8", "2"), paths("rv 10.0.0.0/8", "3"), paths("rv 12.0.0.0/8", "0")],
                "10.0.0.0/8: 2 paths at ris, 3 paths at rv, 12.0.0.0/8: 0 paths at rv",
            ),
            (
                vec![
                    paths("ris 10.0.0.0/8", "2"),
                    paths("ris 11.0.0.0/8", "2"),
                    paths("ris 12.0.0.0/8", "0"),
                ],
                "10.0.0.0/8 and 1 more: 2 paths at ris, 12.0.0.0/8: 0 paths at ris",
            ),
            (vec![steer("ns1", "")], "DNS prefixes withdrawn: ns1"),
            (
                vec![steer("ns1", "0 of 4"), steer("ns1", ""), steer("ns2", "0 of 4")],
                "0 of 4 data centres answer, DNS prefixes withdrawn (2): ns1, ns2",
            ),
        ];
        for (notes, expected) in cases {
            assert_eq!(one(notes.clone()), expected, "{notes:?}");
        }
    }

    #[test]
    fn silence_longer_than_the_gap_begins_a_line() {
        let note = |who: &str| Note::listed("people", "called", who).within(2);
        let lines = lines(vec![(0, note("a")), (120, note("b")), (241, note("c"))]);
        assert_eq!(lines, [(0, "called (2): a, b".to_owned()), (241, "called: c".to_owned())]);
    }

    #[test]
    fn other_topics_do_not_part_a_line() {
        let note = |text: &str, who: &str| Note::listed("people", text, who);
        let lines = lines(vec![(0, note("called", "a")), (1, note("left", "b")), (2, note("called", "c"))]);
        assert_eq!(lines, [(0, "called (2): a, c".to_owned()), (1, "left: b".to_owned())]);
    }

    #[test]
    fn a_better_note_takes_the_place_of_one_just_made() {
        let shut = |router: &str| Note::on("network", SHUT, router, "x");
        let by_hand = |router: &str| Note::listed("people", "by hand", router).instead_of(SHUT, router);
        let texts = |notes| lines(notes).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(vec![(0, shut("a")), (1, by_hand("a"))]), ["by hand: a"]);
        assert_eq!(
            texts(vec![(0, shut("a")), (0, shut("b")), (1, by_hand("a"))]),
            ["1 port shut at b", "by hand: a"]
        );
        assert_eq!(texts(vec![(0, shut("a")), (600, by_hand("a"))]), ["1 port shut at a", "by hand: a"]);
        assert_eq!(
            texts(vec![(0, shut("a")), (1, by_hand("a")), (30, shut("a"))]),
            ["by hand: a", "1 port shut at a"],
            "what comes after it stands"
        );
    }

    #[test]
    fn long_lists_stay_within_the_columns() {
        let everyone: Vec<Note> =
            (0..50).map(|n| Note::listed("staff", "chat lost", format!("laptop-{n}"))).collect();
        let points = (0..50)
            .map(|n| Note::on("users", Topic::Seen("503".into()), format!("probe-{n}"), "http.facebook"));
        for notes in [everyone, points.collect()] {
            let text = one(notes);
            assert!(text.chars().count() <= TEXT_COLUMNS && text.ends_with(" more"), "{text}");
        }
    }
}
