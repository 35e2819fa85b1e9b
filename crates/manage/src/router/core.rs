//! What a router does with a command: a pure state machine. Ports, routes, clock and disk are handed in or
//! come out as [`Effect`]s; logins are judged outside and reported in.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use blackstart_rt::Set;

use super::command::{Command, When, parse_state, port_key, port_name, prefix_of, state_word};
use crate::configuration::{Change, Configuration, Scheduled, Settings, Which, diff};
use crate::event::{Cause, Door, Event, Refusal};

/// Settings that a router holds, and that a conversation stages, at most.
const SETTINGS_MAX: usize = 1024;

/// A port as the system shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Who is at the other end; empty when unknown.
    pub neighbour: String,
    /// Whether this end is switched on.
    pub admin_up: bool,
    /// Whether light arrives.
    pub carrier: bool,
}

/// What a router sees while it answers one command.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Time since 1970 on the router's own clock.
    pub now: Duration,
    /// Its ports.
    pub ports: &'a [Port],
    /// The route to an address, in words.
    pub route: &'a dyn Fn(IpAddr) -> Option<String>,
}

/// What the shell has to do, in this order, before it sends the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Switch a port.
    SetPort {
        /// The port.
        name: String,
        /// On or off.
        up: bool,
    },
    /// Have the routing originate a prefix, or no longer.
    Originate {
        /// The prefix.
        prefix: String,
        /// Announce it, or withdraw it.
        on: bool,
    },
    /// Write the saved configuration.
    Persist(Settings),
    /// Record an event.
    Record(Event),
    /// A change waits for its time: look at [`Core::next_due`] again.
    Reschedule,
    /// End the conversation after the answer.
    Close,
}

/// An answer: lines, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Complete lines, each with its end.
    pub lines: String,
    /// Refused, or fine.
    pub refused: Option<Refusal>,
    /// What has to be done.
    pub effects: Vec<Effect>,
}

impl Answer {
    /// A plain refusal.
    pub fn refusal(refusal: Refusal) -> Self {
        Self { refused: Some(refusal), ..Self::default() }
    }

    /// Only effects.
    fn doing(effects: Vec<Effect>) -> Self {
        Self { effects, ..Self::default() }
    }

    /// Only lines.
    pub fn saying(lines: String) -> Self {
        Self { lines, ..Self::default() }
    }

    /// The answer as it goes over the wire.
    pub fn text(&self) -> String {
        match self.refused {
            None => format!("{}ok\n", self.lines),
            Some(refusal) => format!("{}error {refusal}\n", self.lines),
        }
    }
}

/// One conversation.
#[derive(Clone, Debug)]
pub struct Session {
    door: Door,
    account: Option<String>,
    staged: Settings,
}

impl Session {
    /// Nobody is logged in yet.
    pub fn new(door: Door) -> Self {
        Self { door, account: None, staged: Settings::new() }
    }

    /// How they came.
    pub fn door(&self) -> Door {
        self.door
    }

    /// Whether somebody has been let in.
    pub fn is_logged_in(&self) -> bool {
        self.account.is_some()
    }

    /// Somebody has been let in.
    pub fn log_in(&mut self, account: &str) {
        self.account = Some(account.to_owned());
        self.staged.clear();
    }
}

/// A router's management plane.
#[derive(Clone, Debug)]
pub struct Core {
    configuration: Configuration,
    locked: bool,
}

impl Core {
    /// After a boot: the ports as they are found, under what the disk had `saved`.
    pub fn boot(ports: &[Port], saved: &Settings) -> Self {
        let state = |port: &Port| (port_key(&port.name), state_word(port.admin_up).to_owned());
        let mut settings: Settings = ports.iter().map(state).collect();
        settings.extend(saved.clone());
        Self { configuration: Configuration::new(settings), locked: false }
    }

    /// The configurations.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// What has to be switched so that ports and routing do what the running configuration says.
    pub fn settle(&self, ports: &[Port]) -> Vec<Effect> {
        let wanted = |port: &Port| {
            let up = parse_state(self.configuration.get(Which::Running).get(&port_key(&port.name))?)?;
            (up != port.admin_up).then(|| Effect::SetPort { name: port.name.clone(), up })
        };
        let originated = self.configuration.get(Which::Running).iter().filter_map(|(key, value)| {
            Some(Effect::Originate { prefix: prefix_of(key)?.to_owned(), on: parse_state(value)? })
        });
        ports.iter().filter_map(wanted).chain(originated).collect()
    }

    /// When a waiting change is due, since 1970 on the router's own clock.
    pub fn next_due(&self) -> Option<Duration> {
        self.configuration.next_due()
    }

    /// Makes the next change whose time has come; `None` when there is none.
    pub fn make_due(&mut self, view: &View<'_>) -> Option<Vec<Effect>> {
        let Some(change) = self.configuration.take_due(view.now) else {
            let (who, changes) = self.configuration.take_back(view.now)?;
            return Some(self.committed(who, Cause::Unconfirmed, &changes, view));
        };
        if self.locked && change.in_band {
            let refused = Event::CommitRefused { who: change.who, reason: Refusal::Locked };
            return Some(vec![Effect::Record(refused)]);
        }
        let changes = self.configuration.commit(&change.settings, &change.who, view.now);
        Some(self.committed(change.who, Cause::Scheduled, &changes, view))
    }

    /// Carries out one command. [`Command::Login`] and [`Command::Token`] need a judge, [`Command::Ping`] and
    /// [`Command::Traceroute`] the network; they are the shell's.
    pub fn execute(&mut self, session: &mut Session, command: Command, view: &View<'_>) -> Answer {
        if command == Command::Quit {
            return Answer::doing(vec![Effect::Close]);
        }
        let Some(account) = session.account.clone() else { return Answer::refusal(Refusal::NotLoggedIn) };
        match command {
            Command::ShowPorts => Answer::saying(port_lines(view.ports)),
            Command::ShowLog => Answer::saying(self.log_lines()),
            Command::ShowConfig(which) => Answer::saying(setting_lines(self.configuration.get(which))),
            Command::ShowStaged => Answer::saying(setting_lines(&session.staged)),
            Command::ShowReach(address) => Answer::saying(reach_line(address, view)),
            Command::Diff(which) => Answer::saying(self.diff_lines(which)),
            Command::Stage { key, value } => self.stage(session, key, value, view),
            Command::StageClear => {
                session.staged.clear();
                Answer::default()
            }
            Command::Commit { who, when } => self.commit(session, signature(&account, who), when, view),
            Command::Confirm { who } => self.confirm(session, &signature(&account, who)),
            Command::Rollback { to, who } => self.rollback(session, to, signature(&account, who), view),
            Command::Save { who } => self.save(session, signature(&account, who)),
            Command::Lock { on, who } => self.lock(session, on, signature(&account, who)),
            Command::Login { .. }
            | Command::Token(_)
            | Command::Ping(_)
            | Command::Traceroute(_)
            | Command::Quit => Answer::refusal(Refusal::UnknownCommand),
        }
    }

    fn stage(&self, session: &mut Session, key: String, value: String, view: &View<'_>) -> Answer {
        let originates = prefix_of(&key).map(|prefix| prefix.parse::<ipnet::IpNet>().is_ok());
        if originates.is_some_and(|is_prefix| !is_prefix || parse_state(&value).is_none()) {
            return Answer::refusal(Refusal::Invalid);
        }
        if port_name(&key).is_some_and(|name| !view.ports.iter().any(|port| port.name == name)) {
            return Answer::refusal(Refusal::UnknownPort);
        }
        let keys: Set<&String> =
            self.configuration.get(Which::Running).keys().chain(session.staged.keys()).collect();
        if keys.len() >= SETTINGS_MAX && !keys.contains(&key) {
            return Answer::refusal(Refusal::TooMany);
        }
        session.staged.insert(key, value);
        Answer::default()
    }

    fn commit(&mut self, session: &mut Session, who: String, when: When, view: &View<'_>) -> Answer {
        if let Some(refused) = self.refused_by_lock(session, &who) {
            return refused;
        }
        if session.staged.is_empty() {
            return Answer::refusal(Refusal::NothingStaged);
        }
        match when {
            When::At(at_unix_s) => self.schedule(session, who, at_unix_s, view),
            When::Now => {
                let settings = std::mem::take(&mut session.staged);
                let changes = self.configuration.commit(&settings, &who, view.now);
                Answer::doing(self.committed(who, Cause::Commit, &changes, view))
            }
            When::Unless(within_s) => {
                let (settings, within) = (std::mem::take(&mut session.staged), Duration::from_secs(within_s));
                let changes = self.configuration.commit_for_now(&settings, &who, view.now, within);
                let mut effects = self.committed(who, Cause::Commit, &changes, view);
                effects.push(Effect::Reschedule);
                Answer::doing(effects)
            }
        }
    }

    fn confirm(&mut self, session: &Session, who: &str) -> Answer {
        if let Some(refused) = self.refused_by_lock(session, who) {
            return refused;
        }
        match self.configuration.confirm() {
            true => Answer::doing(vec![Effect::Reschedule]),
            false => Answer::refusal(Refusal::NothingToConfirm),
        }
    }

    fn schedule(&mut self, session: &mut Session, who: String, at_unix_s: u64, view: &View<'_>) -> Answer {
        let at = Duration::from_secs(at_unix_s);
        if at <= view.now {
            return Answer::refusal(Refusal::Past);
        }
        let settings = session.staged.clone();
        let (ports_down, ports_up) = ports_of(&self.configuration.preview(&settings));
        let change = Scheduled { at, who: who.clone(), in_band: session.door == Door::InBand, settings };
        if !self.configuration.schedule(change) {
            return Answer::refusal(Refusal::TooMany);
        }
        session.staged.clear();
        let event = Event::CommitScheduled { who, at_unix_s, ports_down, ports_up };
        Answer::doing(vec![Effect::Record(event), Effect::Reschedule])
    }

    fn rollback(&mut self, session: &Session, to: Which, who: String, view: &View<'_>) -> Answer {
        if let Some(refused) = self.refused_by_lock(session, &who) {
            return refused;
        }
        let changes = self.configuration.rollback(to, &who, view.now);
        Answer::doing(self.committed(who, Cause::Rollback, &changes, view))
    }

    fn save(&mut self, session: &Session, who: String) -> Answer {
        if let Some(refused) = self.refused_by_lock(session, &who) {
            return refused;
        }
        self.configuration.save();
        let saved = self.configuration.get(Which::Saved).clone();
        Answer::doing(vec![Effect::Persist(saved), Effect::Record(Event::Saved { who })])
    }

    fn lock(&mut self, session: &Session, on: bool, who: String) -> Answer {
        if session.door != Door::Console {
            return Answer::refusal(Refusal::WrongDoor);
        }
        self.locked = on;
        Answer::doing(vec![Effect::Record(Event::Locked { who, on })])
    }

    fn refused_by_lock(&self, session: &Session, who: &str) -> Option<Answer> {
        let refused = self.locked && session.door == Door::InBand;
        refused.then(|| {
            let event = Event::CommitRefused { who: who.to_owned(), reason: Refusal::Locked };
            Answer { effects: vec![Effect::Record(event)], ..Answer::refusal(Refusal::Locked) }
        })
    }

    /// The record goes first: a port that is shut may take the router's link to everything with it.
    fn committed(&self, who: String, cause: Cause, changes: &[Change], view: &View<'_>) -> Vec<Effect> {
        let (ports_down, ports_up) = ports_of(changes);
        let mut effects = vec![Effect::Record(Event::Committed { who, cause, ports_down, ports_up })];
        effects.extend(changes.iter().filter(|change| change.to.is_none()).filter_map(unset));
        effects.extend(self.settle(view.ports));
        effects
    }

    fn diff_lines(&self, which: Which) -> String {
        let changes = diff(self.configuration.get(which), self.configuration.get(Which::Running));
        changes.iter().map(change_line).collect()
    }

    fn log_lines(&self) -> String {
        let mut lines = String::new();
        for commit in self.configuration.log() {
            let (down, up) = ports_of(&commit.changes);
            let at = commit.at.as_secs();
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "commit {at} {} down {} up {}", commit.who, down.len(), up.len());
        }
        lines
    }
}

/// A prefix without a setting is announced, as after the first boot.
fn unset(change: &Change) -> Option<Effect> {
    Some(Effect::Originate { prefix: prefix_of(&change.key)?.to_owned(), on: true })
}

/// The account, and the person where they gave a name.
fn signature(account: &str, who: Option<String>) -> String {
    match who {
        Some(who) if who != account => format!("{account}/{who}"),
        _ => account.to_owned(),
    }
}

/// Ports that changes shut, and ports that they open.
fn ports_of(changes: &[Change]) -> (Vec<String>, Vec<String>) {
    let ports = |state: bool| {
        let to_state = |change: &&Change| change.to.as_deref().and_then(parse_state) == Some(state);
        let name = |change: &Change| port_name(&change.key).map(str::to_owned);
        changes.iter().filter(to_state).filter_map(name).collect()
    };
    (ports(false), ports(true))
}

fn port_lines(ports: &[Port]) -> String {
    let line = |port: &Port| {
        let (admin, carrier) = (state_word(port.admin_up), state_word(port.carrier));
        let neighbour = if port.neighbour.is_empty() { "-" } else { &port.neighbour };
        format!("port {} admin {admin} carrier {carrier} neighbour {neighbour}\n", port.name)
    };
    ports.iter().map(line).collect()
}

/// `set <key> <value>` for each setting: what `show config` prints and what the disk keeps.
pub fn setting_lines(settings: &Settings) -> String {
    settings.iter().map(|(key, value)| format!("set {key} {value}\n")).collect()
}

/// Reads what [`setting_lines`] wrote; `None` when a line is something else.
pub fn parse_settings(text: &str) -> Option<Settings> {
    let setting = |line: &str| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["set", key, value] => Some(((*key).to_owned(), (*value).to_owned())),
        _ => None,
    };
    text.lines().map(setting).collect()
}

fn change_line(change: &Change) -> String {
    let word = |value: &Option<String>| value.as_deref().unwrap_or("-").to_owned();
    format!("change {} {} {}\n", change.key, word(&change.from), word(&change.to))
}

fn reach_line(address: IpAddr, view: &View<'_>) -> String {
    match (view.route)(address) {
        Some(route) => format!("reach {address} yes {route}\n"),
        None => format!("reach {address} no\n"),
    }
}
