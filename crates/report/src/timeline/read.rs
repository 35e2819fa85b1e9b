//! Which records are worth a line.
//!
//! How a world comes up is not: what is well for the first time is never noted, and what has not been well yet only when it
//! is still unwell at [`SETTLED`]. Neither is what has a better witness: routes are seen through collectors, names and
//! sites through probes.
//!
//! - `network`: engine, routing, network management
//! - `services`: names, applications, chat, sign-in, doors
//! - `people`: what people do
//! - `faults`: what is broken

mod faults;
mod network;
mod people;
mod services;

use super::note::Note;
use blackstart_rt as rt;
use blackstart_rt::{Map, Set};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{NodeId, Record, Time};

/// When a world should have come up.
pub(super) const SETTLED: Time = Time::from_secs(240);

/// A kind of thing and its name.
type Thing = (&'static str, String);

/// Remembers what is needed to tell a change from a beginning.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    names: &'a Map<NodeId, String>,
    now: Time,
    /// Things that have been well, or unwell for long enough.
    known: Set<Thing>,
    /// What is to be said of things that have not been well yet.
    coming_up: Map<Thing, Note>,
    /// Collector and prefix -> the most paths ever held.
    paths_max: Map<String, u32>,
    /// Product and users' host -> percent of sends that succeed.
    sends: Map<String, f64>,
    /// What is broken by each fault.
    faults: Map<u32, String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(names: &'a Map<NodeId, String>) -> Self {
        let (known, coming_up) = (Set::new(), Map::new());
        let (paths_max, sends, faults) = Default::default();
        Self { names, now: Time::ZERO, known, coming_up, paths_max, sends, faults }
    }

    /// What is notable at a record, or has been since before it, in order of time.
    pub(super) fn notes(&mut self, record: &Record) -> Vec<(Time, Note)> {
        self.now = record.time;
        let mut notes: Vec<(Time, Note)> = Vec::new();
        if self.settled() {
            notes.extend(self.never_came_up().into_iter().map(|note| (SETTLED, note)));
        }
        notes.extend(self.note(record).map(|note| (record.time, note)));
        notes
    }

    /// What is to be said of things that have not been well at all.
    pub(super) fn never_came_up(&mut self) -> Vec<Note> {
        let coming_up = std::mem::take(&mut self.coming_up);
        self.known.extend(coming_up.keys().cloned());
        coming_up.into_values().collect()
    }

    fn settled(&self) -> bool {
        self.now >= SETTLED
    }

    /// A note about a thing that is well from now on, or is not: said if that is a change.
    fn turn(&mut self, kind: &'static str, thing: impl Into<String>, well: bool, note: Note) -> Option<Note> {
        let thing = (kind, thing.into());
        if self.known.contains(&thing) {
            return Some(note);
        }
        if !well && !self.settled() {
            self.coming_up.insert(thing, note);
            return None;
        }
        self.coming_up.remove(&thing);
        self.known.insert(thing);
        (!well).then_some(note)
    }

    /// What is notable about a record itself. One that cannot be read is of another version, and silent.
    fn note(&mut self, record: &Record) -> Option<Note> {
        let host = self.host(record);
        match record.kind {
            SimEvent::KIND => self.engine(&host, SimEvent::decode(record)?),
            <blackstart_igp::Event as rt::Event>::KIND => network::igp(&host, &event(record)?),
            <blackstart_bgp::Event as rt::Event>::KIND => self.bgp(&host, event(record)?),
            <blackstart_manage::Event as rt::Event>::KIND => network::manage(&host, event(record)?),
            <blackstart_dns::Event as rt::Event>::KIND => self.dns(host, event(record)?),
            <blackstart_app::Event as rt::Event>::KIND => self.app(host, event(record)?),
            <blackstart_chat::Event as rt::Event>::KIND => self.chat(host, event(record)?),
            <blackstart_identity::Event as rt::Event>::KIND => services::identity(&event(record)?),
            <blackstart_badge::Event as rt::Event>::KIND => self.badge(host, event(record)?),
            <blackstart_world::Event as rt::Event>::KIND => people::note(event(record)?),
            <blackstart_world::power::Event as rt::Event>::KIND => services::power(&event(record)?),
            <blackstart_fault::Event as rt::Event>::KIND => Some(self.fault(event(record)?)),
            _ => None,
        }
    }

    fn host(&self, record: &Record) -> String {
        record.node.and_then(|node| self.names.get(&node)).cloned().unwrap_or_default()
    }
}

fn event<E: rt::Event>(record: &Record) -> Option<E> {
    rt::decode(record.kind, &record.bytes)?.ok()
}
