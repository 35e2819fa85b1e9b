//! Which records are worth a line.
//!
//! How a world comes up is not: what is up or well for the first time is never noted, only what changes from there. Neither
//! is what has a better witness: routes are seen through collectors, names and sites through probes.
//!
//! - `network`: engine, routing, network management
//! - `services`: names, applications, chat, sign-in, doors
//! - `people`: what people do

mod network;
mod people;
mod services;

use super::note::Note;
use blackstart_rt as rt;
use blackstart_rt::{Map, Set};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{NodeId, Record};

/// Remembers what is needed to tell a change from a beginning.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    names: &'a Map<NodeId, String>,
    /// Things by kind and name that have been up before.
    known: Set<(&'static str, String)>,
    /// Collector and prefix -> the most paths ever held.
    paths_max: Map<(String, String), u32>,
    /// Users' host and product -> percent of sends that succeed.
    sends: Map<(String, String), f64>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(names: &'a Map<NodeId, String>) -> Self {
        Self { names, known: Set::new(), paths_max: Map::new(), sends: Map::new() }
    }

    /// What is notable about a record. A record that cannot be read is of another version, and silent.
    pub(super) fn note(&mut self, record: &Record) -> Option<Note> {
        let host = self.host(record);
        match record.kind {
            SimEvent::KIND => self.engine(&host, SimEvent::decode(record)?),
            <blackstart_igp::Event as rt::Event>::KIND => self.igp(&host, event(record)?),
            <blackstart_bgp::Event as rt::Event>::KIND => self.bgp(host, event(record)?),
            <blackstart_manage::Event as rt::Event>::KIND => network::manage(&host, event(record)?),
            <blackstart_dns::Event as rt::Event>::KIND => self.dns(host, event(record)?),
            <blackstart_app::Event as rt::Event>::KIND => self.app(host, event(record)?),
            <blackstart_chat::Event as rt::Event>::KIND => self.chat(host, event(record)?),
            <blackstart_identity::Event as rt::Event>::KIND => services::identity(&event(record)?),
            <blackstart_badge::Event as rt::Event>::KIND => self.badge(host, event(record)?),
            <blackstart_world::Event as rt::Event>::KIND => people::note(event(record)?),
            _ => None,
        }
    }

    fn host(&self, record: &Record) -> String {
        record.node.and_then(|node| self.names.get(&node)).cloned().unwrap_or_default()
    }

    /// Whether this is not the first time that a thing of this kind is well. Being unwell is always worth a note.
    fn changes(&mut self, kind: &'static str, thing: String, well: bool) -> bool {
        let first = self.known.insert((kind, thing));
        !(first && well)
    }
}

fn event<E: rt::Event>(record: &Record) -> Option<E> {
    rt::decode(record.kind, &record.bytes)?.ok()
}
