//! A router's configurations: running, last good, saved, and changes that wait for their time.
//!
//! A pure store. It knows nothing of ports and doors; [`crate::router`] gives its settings their meaning.
//!
//! *Last good* is the configuration that somebody last vouched for by saving it (or that the router booted
//! with). A commit alone does not make a configuration good: a change that cuts the router off can never be
//! confirmed, so the way back stays open however many commits follow it.

use std::time::Duration;

use blackstart_rt::Map;
use serde::{Deserialize, Serialize};

/// Settings by key, such as `port.bb2 = up`.
pub type Settings = Map<String, String>;

/// Changes that may wait at once.
const SCHEDULED_MAX: usize = 64;
/// Commits remembered.
const LOG_MAX: usize = 256;

/// One setting that differs between two configurations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The setting's key.
    pub key: String,
    /// Its value before; `None` when it was not set.
    pub from: Option<String>,
    /// Its value after; `None` when it is no longer set.
    pub to: Option<String>,
}

/// What differs between two configurations, by key.
pub fn diff(from: &Settings, to: &Settings) -> Vec<Change> {
    let mut keys: Vec<&String> = from.keys().chain(to.keys()).collect();
    keys.sort();
    keys.dedup();
    let change =
        |key: &String| Change { key: key.clone(), from: from.get(key).cloned(), to: to.get(key).cloned() };
    keys.into_iter().map(change).filter(|change| change.from != change.to).collect()
}

/// A commit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// When, since 1970 on the router's own clock.
    pub at: Duration,
    /// Who made it.
    pub who: String,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// A change that waits for its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// Its time since 1970 on the router's own clock.
    pub at: Duration,
    /// Who ordered it.
    pub who: String,
    /// Whether it was ordered over the network.
    pub in_band: bool,
    /// The settings that it sets.
    pub settings: Settings,
}

/// One of the configurations that a router keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What the router does now.
    Running,
    /// What somebody last vouched for.
    LastGood,
    /// What the router does after its next boot.
    Saved,
}

impl Which {
    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::LastGood => "last-good",
            Self::Saved => "saved",
        }
    }

    /// The configuration behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Running, Self::LastGood, Self::Saved].into_iter().find(|which| which.word() == word)
    }
}

/// All that a router remembers of its configuration.
#[derive(Clone, Debug)]
pub struct Configuration {
    running: Settings,
    last_good: Settings,
    saved: Settings,
    scheduled: Vec<Scheduled>,
    unconfirmed: Option<Unconfirmed>,
    log: Vec<Commit>,
}

/// A commit that is taken back unless somebody confirms it.
#[derive(Clone, Debug)]
struct Unconfirmed {
    /// When it is taken back, since 1970 on the router's own clock.
    until: Duration,
    who: String,
    /// What ran before the first commit that nobody confirmed.
    back: Settings,
}

impl Configuration {
    /// After a boot all three are the same.
    pub fn new(boot: Settings) -> Self {
        Self {
            running: boot.clone(),
            last_good: boot.clone(),
            saved: boot,
            scheduled: Vec::new(),
            unconfirmed: None,
            log: Vec::new(),
        }
    }

    /// One of the three configurations.
    pub fn get(&self, which: Which) -> &Settings {
        match which {
            Which::Running => &self.running,
            Which::LastGood => &self.last_good,
            Which::Saved => &self.saved,
        }
    }

    /// What `settings` would change if they were committed now.
    pub fn preview(&self, settings: &Settings) -> Vec<Change> {
        diff(&self.running, &self.with(settings))
    }

    /// Runs `settings` on top of what runs; answers what that changed.
    pub fn commit(&mut self, settings: &Settings, who: &str, now: Duration) -> Vec<Change> {
        self.replace(self.with(settings), who, now)
    }

    /// The same, to be taken back after `within` unless [`Configuration::confirm`] or a save comes first.
    pub fn commit_for_now(
        &mut self,
        settings: &Settings,
        who: &str,
        now: Duration,
        within: Duration,
    ) -> Vec<Change> {
        let back = self.unconfirmed.take().map_or_else(|| self.running.clone(), |waiting| waiting.back);
        self.unconfirmed = Some(Unconfirmed { until: now + within, who: who.to_owned(), back });
        self.commit(settings, who, now)
    }

    /// Lets stand what was committed for now; `false` when nothing was.
    pub fn confirm(&mut self) -> bool {
        self.unconfirmed.take().is_some()
    }

    /// Takes back what nobody confirmed in time: whose it was, and what that changed.
    pub fn take_back(&mut self, now: Duration) -> Option<(String, Vec<Change>)> {
        let Unconfirmed { who, back, .. } = self.unconfirmed.take_if(|waiting| waiting.until <= now)?;
        let changes = self.replace(back, &who, now);
        Some((who, changes))
    }

    /// Runs one of the kept configurations instead; answers what that changed.
    pub fn rollback(&mut self, to: Which, who: &str, now: Duration) -> Vec<Change> {
        self.replace(self.get(to).clone(), who, now)
    }

    /// Vouches for what runs.
    pub fn save(&mut self) {
        self.unconfirmed = None;
        self.last_good = self.running.clone();
        self.saved = self.running.clone();
    }

    /// Keeps a change for its time; `false` when too many wait already.
    #[must_use]
    pub fn schedule(&mut self, change: Scheduled) -> bool {
        if self.scheduled.len() >= SCHEDULED_MAX {
            return false;
        }
        let at = self.scheduled.partition_point(|waiting| waiting.at <= change.at);
        self.scheduled.insert(at, change);
        true
    }

    /// When the next change is due, or one is taken back.
    pub fn next_due(&self) -> Option<Duration> {
        let taken_back = self.unconfirmed.as_ref().map(|waiting| waiting.until);
        self.next_scheduled().into_iter().chain(taken_back).min()
    }

    fn next_scheduled(&self) -> Option<Duration> {
        self.scheduled.first().map(|change| change.at)
    }

    /// Takes out the next change whose time has come. Equal times keep the order they were ordered in.
    pub fn take_due(&mut self, now: Duration) -> Option<Scheduled> {
        (self.next_scheduled()? <= now).then(|| self.scheduled.remove(0))
    }

    /// The commits made since the boot, oldest first, the oldest forgotten in time.
    pub fn log(&self) -> &[Commit] {
        &self.log
    }

    fn with(&self, settings: &Settings) -> Settings {
        let mut merged = self.running.clone();
        merged.extend(settings.clone());
        merged
    }

    fn replace(&mut self, settings: Settings, who: &str, now: Duration) -> Vec<Change> {
        let changes = diff(&self.running, &settings);
        self.running = settings;
        if self.log.len() >= LOG_MAX {
            self.log.remove(0);
        }
        self.log.push(Commit { at: now, who: who.to_owned(), changes: changes.clone() });
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        text.split_whitespace().map(|word| pair(word).unwrap()).collect()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_diff_names_set_changed_and_gone() {
        let changes = diff(&settings("a=1 b=1 c=1"), &settings("b=2 c=1 d=1"));
        let shown: Vec<_> = changes
            .iter()
            .map(|change| (change.key.as_str(), change.from.as_deref(), change.to.as_deref()))
            .collect();
        let expected = [("a", Some("1"), None), ("b", Some("1"), Some("2")), ("d", None, Some("1"))];
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_way_back_stays_open_until_somebody_saves() {
        let mut store = Configuration::new(settings("a=up b=up"));
        store.commit(&settings("a=down b=down"), "robot", at(1));
        // One link first, as a careful person does it; the whole way back must still be there.
        store.commit(&settings("a=up"), "alice", at(2));
        assert_eq!(store.get(Which::LastGood), &settings("a=up b=up"));
        let changes = store.rollback(Which::LastGood, "alice", at(3));
        assert_eq!(changes.len(), 1);
        assert_eq!(store.get(Which::Running), &settings("a=up b=up"));

        store.commit(&settings("b=down"), "alice", at(4));
        store.save();
        for which in [Which::Running, Which::LastGood, Which::Saved] {
            assert_eq!(store.get(which), &settings("a=up b=down"));
        }
        let by: Vec<_> = store.log().iter().map(|commit| (commit.who.as_str(), commit.at)).collect();
        assert_eq!(by, [("robot", at(1)), ("alice", at(2)), ("alice", at(3)), ("alice", at(4))]);
    }

    #[test]
    fn scheduled_changes_come_out_in_time_and_order() {
        let mut store = Configuration::new(Settings::new());
        let change = |at_s, who: &str| Scheduled {
            at: at(at_s),
            who: who.to_owned(),
            in_band: true,
            settings: Settings::new(),
        };
        for (at_s, who) in [(5, "late"), (3, "first"), (3, "second")] {
            assert!(store.schedule(change(at_s, who)));
        }
        assert_eq!(store.next_due(), Some(at(3)));
        assert_eq!(store.take_due(at(2)), None);
        let due: Vec<_> = std::iter::from_fn(|| store.take_due(at(4))).map(|change| change.who).collect();
        assert_eq!(due, ["first", "second"]);
        assert_eq!(store.next_due(), Some(at(5)));
        assert!((1..SCHEDULED_MAX).all(|_| store.schedule(change(9, "more"))));
        assert!(!store.schedule(change(9, "one too many")));
    }
}
