//! What must hold in every run, whatever is broken, judged apart from the parts that it judges.
//!
//! A judge reads records, the engine's own tables and disks, and the scenario's files; never what a service believes.
//!
//! - [`Judges`]: all of them for one run, live and at its end. Start here.
//! - [`Facts`]: what the scenario's files say; module `facts`
//! - [`Invariant`]: one of a user's own, as a function over records; module `own`
//! - [`Stated`]: one that a scenario states over a signal; module `stated`
//! - [`fixpoint`]: what routing must come to, computed from topology and policy alone
//! - `routing`: what speakers chose against what machines do: forwarding, sessions, origins, circles
//! - `doors`, `names`, `kept`, `ramp`: openings, resolvers' answers, what was acknowledged, letting users in
//! - `healing`: what must be back once nothing is broken any more

mod doors;
mod facts;
pub mod fixpoint;
mod healing;
mod kept;
mod names;
mod own;
mod ramp;
mod routing;
mod stated;

pub use facts::Facts;
pub use healing::HEALING;
pub use own::Invariant;
pub use routing::CONVERGENCE;
pub use stated::{Condition, Mode, Stated};

use blackstart_rt::{self as rt, Map, Set};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{NodeId, Record, Time, control};
use blackstart_world::History;
use std::net::IpAddr;
use std::time::Duration;

/// How often the engine's tables and disks are looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What came of one invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The sentence that must hold.
    pub name: String,
    /// When it first did not, and what was seen.
    pub first_violation: Option<(Time, String)>,
}

/// What the end of a run shows beyond its records.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Now.
    pub now: Time,
    /// Every change of every signal.
    pub history: &'a History,
    /// Whether people began with the runbook.
    pub began: bool,
    /// When they said that they were done.
    pub done: Option<Time>,
}

/// Sentences that hold at every moment, in the order of reports.
const NO_CRASH: &str = "no service crashes";
const DOORS: &str = "no door opens without a valid grant or a key";
const BADGES: &str = "no badge record that a door acted on is lost";
const CHAT: &str = "no acknowledged chat message is lost";
const DENIED: &str = "no resolver denies a name that exists";
const FOREIGN: &str = "no resolver gives an address that never was in the zone";
const CHOICE: &str = "machines forward as their speakers chose";
const SESSION: &str = "no route outlives the session that taught it";
const ORIGIN: &str = "a withdrawn prefix is gone everywhere within ten minutes";
const CIRCLE: &str = "no forwarding loop outlives convergence";
const DARK: &str = "nothing is delivered over a link that is down";
const RAMP: &str = "no more users are let in while too many requests fail";
const ALWAYS: [&str; 12] =
    [NO_CRASH, DOORS, BADGES, CHAT, DENIED, FOREIGN, CHOICE, SESSION, ORIGIN, CIRCLE, DARK, RAMP];

/// Sentences that hold at the end, each only where it can be asked.
const VERIFIED: &str = "when people are done, names resolve and apps serve";
const SESSIONS_BACK: &str = "after healing, every session is up";
const ROUTES_BACK: &str = "after healing, routes are what topology and policy come to";
const NAMES_BACK: &str = "after healing, names resolve";
const APPS_BACK: &str = "after healing, apps serve";

/// The event of a record, when it is of this kind and readable.
pub(crate) fn decode<E: rt::Event>(record: &Record) -> Option<E> {
    rt::decode(record.kind, &record.bytes)?.ok()
}

/// All judges of one run.
#[derive(Debug)]
pub struct Judges {
    facts: Facts,
    stated: Vec<Stated>,
    own: Vec<own::Running>,
    ledger: routing::Ledger,
    doors: doors::Doors,
    names: names::Names,
    kept: kept::Kept,
    ramp: ramp::Ramp,
    /// The state of the network that was last judged as one that has come to rest.
    rested: Option<Time>,
    violations: Map<&'static str, (Time, String)>,
}

impl Judges {
    /// Judges before the first record.
    #[must_use]
    pub fn new(facts: Facts, stated: Vec<Stated>, own: &[Invariant]) -> Self {
        Self {
            doors: doors::Doors::new(&facts),
            facts,
            stated,
            own: own.iter().map(Invariant::start).collect(),
            ledger: routing::Ledger::default(),
            names: names::Names::default(),
            kept: kept::Kept::default(),
            ramp: ramp::Ramp::default(),
            rested: None,
            violations: Map::new(),
        }
    }

    /// Takes one record in, live.
    pub fn step(&mut self, record: &Record) {
        self.own.iter_mut().for_each(|own| own.step(record));
        self.ledger.step(record);
        match record.kind {
            SimEvent::KIND => self.engine(record),
            <blackstart_badge::Event as rt::Event>::KIND => self.badge(record),
            <blackstart_chat::Event as rt::Event>::KIND => {
                if let Some(event) = decode(record) {
                    self.kept.chat(&event);
                }
            }
            <blackstart_dns::Event as rt::Event>::KIND => self.dns(record),
            <blackstart_app::Event as rt::Event>::KIND => self.app(record),
            <blackstart_world::Event as rt::Event>::KIND => self.people(record),
            <blackstart_fault::Event as rt::Event>::KIND => self.fault(record),
            _ => {}
        }
    }

    fn violated(&mut self, name: &'static str, at: Time, node: Option<NodeId>, saw: &str) {
        let machine = node.and_then(|node| self.facts.names.get(&node)).map_or("the world", String::as_str);
        self.violations.entry(name).or_insert_with(|| (at, format!("{machine}: {saw}")));
    }

    fn engine(&mut self, record: &Record) {
        let Some(event) = SimEvent::decode(record) else { return };
        if let Some((limit, node)) = self.facts.ramp_stops_at_percent.zip(record.node) {
            self.ramp.engine(limit, record.time, node, &event);
        }
        if let SimEvent::TaskCrash { service, message } = event {
            self.violated(NO_CRASH, record.time, record.node, &format!("{service}: {message}"));
        }
    }

    fn badge(&mut self, record: &Record) {
        let Some((event, node)) = decode(record).zip(record.node) else { return };
        self.kept.badge(&event);
        if let Some(saw) = self.doors.step(&self.facts, node, &event) {
            self.violated(DOORS, record.time, record.node, &saw);
        }
    }

    fn dns(&mut self, record: &Record) {
        let Some(event) = decode(record) else { return };
        if let Some(saw) = self.names.denied(&self.facts, &event) {
            self.violated(DENIED, record.time, record.node, &saw);
        }
        if let Some(saw) = self.names.foreign_address(&self.facts, &event) {
            self.violated(FOREIGN, record.time, record.node, &saw);
        }
    }

    fn app(&mut self, record: &Record) {
        if let Some(limit) = self.facts.ramp_stops_at_percent
            && let Some((event, node)) = decode(record).zip(record.node)
        {
            self.ramp.app(limit, record.time, node, &event);
        }
    }

    fn fault(&mut self, record: &Record) {
        if let Some(blackstart_fault::Event::Began { kind, .. }) = decode(record) {
            self.names.fault(&kind);
            self.kept.fault(&kind);
        }
    }

    fn people(&mut self, record: &Record) {
        let Some(event) = decode(record) else { return };
        self.doors.people(&event);
        if let blackstart_world::Event::Admitted { percent } = event
            && let Some(saw) = self.ramp.admitted(record.time, percent)
        {
            self.violated(RAMP, record.time, None, &saw);
        }
    }

    /// Looks at the engine, between events: every [`LOOK_EVERY`] of a run.
    pub fn look(&mut self, now: Time) {
        let fresh = self.ledger.take_fresh();
        self.look_at_speakers(now, &fresh);
        self.look_at_disks(now);
        let dark = control::deliveries_in_the_dark();
        if dark > 0 {
            self.violated(DARK, now, None, &format!("{dark} packets"));
        }
        let changed = self.ledger.changed();
        if changed + CONVERGENCE <= now && self.rested != Some(changed) {
            self.rested = Some(changed);
            self.look_at_rest(now);
        }
    }

    fn look_at_speakers(&mut self, now: Time, nodes: &[NodeId]) {
        for &node in nodes {
            let Some(told) = self.ledger.speakers.get(&node).filter(|_| !control::is_paused(node)) else {
                continue;
            };
            let installed = routing::Installed::on(node);
            let choice = routing::unlike_the_choice(&self.facts.network, node, told, &installed);
            let session = routing::without_a_session(told);
            if let Some(saw) = choice {
                self.violated(CHOICE, now, Some(node), &saw);
            }
            if let Some(saw) = session {
                self.violated(SESSION, now, Some(node), &saw);
            }
        }
    }

    fn look_at_disks(&mut self, now: Time) {
        if let Some(saw) = self.kept.lost_message(&self.facts) {
            self.violated(CHAT, now, None, &saw);
        }
        if let Some(saw) = self.kept.lost_decision(&self.facts) {
            self.violated(BADGES, now, None, &saw);
        }
    }

    /// What must be true once nothing has happened to the network for a while.
    fn look_at_rest(&mut self, now: Time) {
        let all: Vec<NodeId> = self.ledger.speakers.keys().copied().collect();
        self.look_at_speakers(now, &all);
        if let Some((node, saw)) = routing::without_an_origin(&self.facts.network, &self.ledger.speakers) {
            self.violated(ORIGIN, now, Some(node), &saw);
        }
        let routers = self.facts.network.speakers.iter().filter(|(_, speaker)| !speaker.is_host);
        let routers: Vec<NodeId> = routers.map(|(node, _)| *node).collect();
        let destinations = self.destinations_there();
        if let Some((node, to)) = routing::circle(&routers, &destinations, control::next_nodes) {
            self.violated(CIRCLE, now, Some(node), &format!("packets to {to} go in a circle"));
        }
    }

    /// Addresses of machines that have power and are plugged in. A site's network has no life of its own here: where its machine is gone,
    /// so is the place at which packets to it would end.
    fn destinations_there(&self) -> Vec<IpAddr> {
        let plugged_in = |node: &&NodeId| {
            control::is_powered(**node) && control::interfaces(**node).iter().any(|port| port.carrier)
        };
        let nodes = self.facts.names.keys().filter(plugged_in);
        let there: Set<IpAddr> = nodes.flat_map(|node| control::addresses(*node)).collect();
        self.facts.destinations.iter().copied().filter(|to| there.contains(to)).collect()
    }

    /// What came of everything that must hold, at the end of a run.
    pub fn outcomes(&mut self, end: &End<'_>) -> Vec<Outcome> {
        self.look(end.now);
        let outcome = |name: &str, first_violation| Outcome { name: name.to_owned(), first_violation };
        let always = ALWAYS.iter().map(|&name| outcome(name, self.violations.get(name).cloned()));
        let own = self.own.iter().map(|own| outcome(own.name(), own.violation().cloned()));
        let mut outcomes: Vec<Outcome> = always.chain(own).collect();
        let healed = self.is_healed(end.now);
        let asked = self.stated.iter().filter(|stated| healed || stated.mode != Mode::Eventually);
        outcomes.extend(asked.map(|stated| outcome(&stated.name, stated.broken(end.history))));
        if let Some(done) = end.done {
            let broken = healing::not_verified(&self.facts, done, end.now, end.history);
            outcomes.push(outcome(VERIFIED, broken));
        }
        if healed {
            outcomes.extend(self.back(end));
        }
        outcomes
    }

    /// Every fault was undone long ago, every machine has power, every cable has light, and nothing has happened since.
    fn is_healed(&self, now: Time) -> bool {
        let works = |node: &NodeId| control::is_powered(*node) && !control::is_paused(*node);
        self.ledger.mended().is_some_and(|mended| mended + HEALING <= now)
            && self.ledger.changed() + CONVERGENCE <= now
            && self.facts.names.keys().all(works)
            && self.moment().lit.len() == self.facts.network.cables.len()
    }

    fn moment(&self) -> fixpoint::Moment {
        routing::moment(&self.facts.network, &self.ledger.speakers)
    }

    fn back(&self, end: &End<'_>) -> Vec<Outcome> {
        let (network, moment) = (&self.facts.network, self.moment());
        let name = |node: NodeId| self.facts.names.get(&node).map_or("?", String::as_str);
        let session = routing::session_that_is_down(network, &moment);
        let session = session.map(|(a, b)| (end.now, format!("{} and {} have none", name(a), name(b))));
        let route = routing::off_the_fixpoint(network, &moment, &self.ledger.speakers);
        let route = route.map(|(node, saw)| (end.now, format!("{}: {saw}", name(node))));
        let names = healing::not_back(&self.facts.names_checked, end.history);
        let mut back = vec![(SESSIONS_BACK, session), (ROUTES_BACK, route), (NAMES_BACK, names)];
        // People who are not done may still keep users out, and rightly.
        if end.done.is_some() || !end.began {
            back.push((APPS_BACK, healing::not_back(&self.facts.apps_checked, end.history)));
        }
        let outcome = |(name, first_violation): (&str, _)| Outcome { name: name.to_owned(), first_violation };
        back.into_iter().map(outcome).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_breaks_a_sentence_once() {
        let mut judges = Judges::new(Facts::default(), Vec::new(), &[]);
        let crash = |time, service: &str| {
            let event = SimEvent::TaskCrash { service: service.into(), message: "no".into() };
            let bytes = postcard::to_stdvec(&event).expect("bytes");
            Record {
                time: Time::from_secs(time),
                node: Some(NodeId(0)),
                kind: SimEvent::KIND,
                bytes,
                emitter: None,
            }
        };
        judges.step(&crash(5, "web"));
        judges.step(&crash(9, "mail"));
        let history = History::default();
        let end = End { now: Time::from_secs(60), history: &history, began: false, done: None };
        let outcomes = judges.outcomes(&end);
        let broken: Vec<_> = outcomes.iter().filter(|outcome| outcome.first_violation.is_some()).collect();
        let saw = Some((Time::from_secs(5), "the world: web: no".to_owned()));
        assert_eq!(broken, [&Outcome { name: NO_CRASH.to_owned(), first_violation: saw }]);
        assert_eq!(
            outcomes.len(),
            ALWAYS.len(),
            "nothing else can be asked of an empty world after a minute"
        );
    }
}
