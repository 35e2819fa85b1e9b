//! What was acknowledged must still be there: chat messages and badge records, read from the servers' disks.

use crate::facts::Facts;
use blackstart_badge::audit;
use blackstart_badge::event::{Event as Badge, Path};
use blackstart_chat::Event as Chat;
use blackstart_chat::history;
use blackstart_fault::Kind;
use blackstart_rt::{Map, Set};
use blackstart_sim::{NodeId, control};

/// What was acknowledged so far.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Lines of the chat's history.
    said: Set<String>,
    /// (Door, badge) -> decisions that a controller has from the server.
    decided: Map<(String, String), usize>,
    /// Machines whose medium lost bits by itself: nobody promised that they keep anything.
    rotten: Set<String>,
}

impl Kept {
    pub(crate) fn fault(&mut self, kind: &Kind) {
        if let Kind::BitRot { machine, .. } = kind {
            self.rotten.insert(machine.clone());
        }
    }

    fn is_rotten(&self, facts: &Facts, servers: &Set<NodeId>) -> bool {
        servers.iter().filter_map(|node| facts.names.get(node)).any(|name| self.rotten.contains(name))
    }

    pub(crate) fn chat(&mut self, event: &Chat) {
        if let Chat::Acknowledged { nick, channel, text } = event {
            self.said.insert(history::line(nick, channel, text));
        }
    }

    pub(crate) fn badge(&mut self, event: &Badge) {
        if let Badge::Decision { door, badge, path: Path::Server, .. } = event {
            *self.decided.entry((door.clone(), badge.clone())).or_default() += 1;
        }
    }

    /// The first chat message that no server's disk has any more.
    pub(crate) fn lost_message(&self, facts: &Facts) -> Option<String> {
        if self.said.is_empty() || self.is_rotten(facts, &facts.chat_servers) {
            return None;
        }
        lost_line(&self.said, &contents(&facts.chat_servers, history::FILE))
    }

    /// The first badge of which the audit log has fewer decisions than the doors had.
    pub(crate) fn lost_decision(&self, facts: &Facts) -> Option<String> {
        if self.decided.is_empty() || self.is_rotten(facts, &facts.access_servers) {
            return None;
        }
        lost_entry(&self.decided, &contents(&facts.access_servers, audit::FILE))
    }
}

fn contents(nodes: &Set<NodeId>, file: &str) -> Vec<u8> {
    nodes.iter().filter_map(|node| control::file(*node, file)).flatten().collect()
}

fn lost_line(said: &Set<String>, history: &[u8]) -> Option<String> {
    let history = String::from_utf8_lossy(history);
    let kept: Set<&str> = history.split_inclusive('\n').map(history::untimed).collect();
    let lost = said.iter().find(|line| !kept.contains(line.as_str()))?;
    Some(format!("`{}` was acknowledged and is gone", lost.trim_end()))
}

fn lost_entry(decided: &Map<(String, String), usize>, log: &[u8]) -> Option<String> {
    let mut logged: Map<(String, String), usize> = Map::new();
    let lines = log.split(|byte| *byte == b'\n');
    let entries = lines.filter_map(|line| serde_json::from_slice::<audit::Entry>(line).ok());
    for entry in entries.filter(|entry| entry.outcome != audit::Outcome::Left) {
        *logged.entry((entry.door, entry.badge)).or_default() += 1;
    }
    decided.iter().find_map(|(key @ (door, badge), told)| {
        let has = logged.get(key).copied().unwrap_or_default();
        (has < *told)
            .then(|| format!("{told} decisions about badge {badge} at {door} were told, {has} are on record"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use blackstart_badge::Verdict;
    use blackstart_badge::audit::{Entry, Outcome};

    #[test]
    fn an_acknowledged_message_must_be_in_the_history() {
        let mut kept = Kept::default();
        let said =
            |text: &str| Chat::Acknowledged { nick: "ada".into(), channel: "#war".into(), text: text.into() };
        kept.chat(&said("one"));
        kept.chat(&said("two"));
        let history =
            |texts: &[&str]| texts.iter().map(|text| history::line("ada", "#war", text)).collect::<String>();
        assert_eq!(lost_line(&kept.said, history(&["one", "two"]).as_bytes()), None);
        let saw = lost_line(&kept.said, history(&["one"]).as_bytes());
        assert_eq!(saw.as_deref(), Some("`ada #war two` was acknowledged and is gone"));
        let torn = history(&["one", "two"]);
        assert!(lost_line(&kept.said, &torn.as_bytes()[..torn.len() - 2]).is_some());
    }

    #[test]
    fn each_decision_that_a_door_was_told_must_be_on_record() {
        let mut kept = Kept::default();
        let tap =
            |path| Badge::Decision { door: "gate".into(), badge: "7".into(), verdict: Verdict::Opened, path };
        for path in [Path::Server, Path::Server, Path::OfflineList] {
            kept.badge(&tap(path));
        }
        let entry = Entry {
            unix_ms: 1,
            controller: "10.0.0.1:7300".into(),
            door: "gate".into(),
            badge: "7".into(),
            outcome: Outcome::Grant("ada".into()),
        };
        let line = entry.to_line().expect("a line");
        assert_eq!(lost_entry(&kept.decided, &line.repeat(2)), None);
        let saw = lost_entry(&kept.decided, &line);
        assert_eq!(saw.as_deref(), Some("2 decisions about badge 7 at gate were told, 1 are on record"));
    }
}
