//! The run's own typed log: (time, node, kind, bytes), in one growing arena, with a running digest.
//!
//! Services append through [`emit`]; the engine appends its own [`SimEvent`]s. Nothing is ever derived from
//! `tracing`. Each entry also knows whose task made it, and the digest of all packets until then: not part of what
//! the log's digest covers, but what finds the culprit when two logs part that should be equal.

use crate::hash::{fold, of};
use crate::node::NodeId;
use crate::time::Time;
use crate::{exec, world};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it happened.
    pub time: Time,
    /// Where, unless it is the world's own.
    pub node: Option<NodeId>,
    /// Which crate's event the bytes hold.
    pub kind: &'static str,
    /// The event in postcard's encoding.
    pub bytes: Vec<u8>,
    /// Whose task made it; none for hooks, programs, and what the engine did by itself.
    pub emitter: Option<Emitter>,
}

/// The service one of whose tasks made a record: by emitting it, or by making the engine do what it recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitter {
    /// The service's node; none for tasks of the world's own.
    pub node: Option<NodeId>,
    /// The service's name.
    pub service: Arc<str>,
}

/// What the engine itself records, under the kind [`SimEvent::KIND`]. The node is that of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SimEvent {
    /// The node was switched on and its program started.
    PowerOn,
    /// The node lost its power.
    PowerOff,
    /// Light came or went at a port.
    Carrier {
        /// The port's name.
        port: String,
        /// Whether there is light now.
        up: bool,
    },
    /// A port was switched on or shut.
    PortAdmin {
        /// The port's name.
        port: String,
        /// Whether it is on now.
        up: bool,
    },
    /// A link was cut or mended in one direction, away from the record's node.
    LinkBlocked {
        /// The port through which the direction leaves.
        port: String,
        /// Whether it is cut now.
        blocked: bool,
    },
    /// A service panicked; all its tasks are gone.
    TaskCrash {
        /// The service's name.
        service: String,
        /// What the panic said.
        message: String,
    },
    /// A service was stopped from outside.
    ServiceKilled {
        /// The service's name.
        service: String,
    },
    /// The node was made to stand still.
    Paused,
    /// The node goes on.
    Resumed,
    /// A service was started afresh from outside.
    ServiceRestarted {
        /// The service's name.
        service: String,
    },
}

impl SimEvent {
    /// The kind of the engine's records.
    pub const KIND: &'static str = "sim";

    /// The engine's event in `record`, if it is one.
    pub fn decode(record: &Record) -> Option<SimEvent> {
        (record.kind == Self::KIND).then(|| postcard::from_bytes(&record.bytes).ok()).flatten()
    }
}

/// Appends to the log in the name of the current host. Does nothing outside a simulation.
pub fn emit(kind: &'static str, bytes: &[u8]) {
    append(exec::current_node(), kind, bytes);
}

/// Appends to the log in the name of `node`.
pub fn emit_for(node: NodeId, kind: &'static str, bytes: &[u8]) {
    append(Some(node), kind, bytes);
}

fn append(node: Option<NodeId>, kind: &'static str, bytes: &[u8]) {
    world::try_with(|world| world.log.push(world.now, world.air.digest(), node, kind, bytes));
    show_to_hooks();
}

pub(crate) type Hook = Box<dyn FnMut(&Record)>;

/// What a number is when there is none: entries are many, so each field is as small as it can be.
const NONE: u32 = u32::MAX;

struct Entry {
    at: u64,
    end: usize,
    packet_digest: u64,
    node: u32,
    kind: u32,
    emitter_node: u32,
    emitter_service: u32,
}

fn pack(node: Option<NodeId>) -> u32 {
    node.map_or(NONE, |node| node.0)
}

fn unpack(number: u32) -> Option<NodeId> {
    (number != NONE).then_some(NodeId(number))
}

/// The log. Records are shown to the hooks after the fact, outside the world.
pub(crate) struct Log {
    entries: Vec<Entry>,
    /// Each kind seen, with its hash.
    kinds: Vec<(&'static str, u64)>,
    arena: Vec<u8>,
    digest: u64,
    count: u64,
    shown: usize,
    keep: bool,
    hooks: Option<Vec<Hook>>,
}

impl Log {
    pub(crate) fn new(keep: bool) -> Self {
        let hooks = Some(Vec::new());
        let (entries, kinds, arena) = (Vec::new(), Vec::new(), Vec::new());
        Log { entries, kinds, arena, digest: 0, count: 0, shown: 0, keep, hooks }
    }

    /// Appends in the name of `node`; the caller is whose code runs.
    pub(crate) fn push(
        &mut self,
        at: u64,
        packet_digest: u64,
        node: Option<NodeId>,
        kind: &'static str,
        bytes: &[u8],
    ) {
        let place = node.map_or(u64::MAX, |node| u64::from(node.0));
        let kind = self.kind_number(kind);
        let kind_hash = self.kinds[kind].1;
        self.digest = fold(fold(fold(fold(self.digest, at), place), kind_hash), of(bytes));
        self.arena.extend_from_slice(bytes);
        let emitter = exec::current_owner();
        self.entries.push(Entry {
            at,
            end: self.arena.len(),
            packet_digest,
            node: pack(node),
            kind: kind as u32,
            emitter_node: pack(emitter.and_then(|owner| owner.node)),
            emitter_service: emitter.and_then(|owner| owner.service).unwrap_or(NONE),
        });
        self.count += 1;
    }

    /// There is one kind per crate: few enough to look through.
    fn kind_number(&mut self, kind: &'static str) -> usize {
        let known = self.kinds.iter().position(|(other, _)| std::ptr::eq(*other, kind));
        known.unwrap_or_else(|| {
            self.kinds.push((kind, of(kind.as_bytes())));
            self.kinds.len() - 1
        })
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn add_hook(&mut self, hook: Hook) {
        self.hooks.get_or_insert_default().push(hook);
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        (0..self.entries.len()).map(|index| self.record(index))
    }

    fn record(&self, index: usize) -> Record {
        let entry = &self.entries[index];
        let start = index.checked_sub(1).map_or(0, |before| self.entries[before].end);
        let bytes = self.arena[start..entry.end].to_vec();
        let service = exec::service_name(entry.emitter_service);
        Record {
            time: Time::from_nanos(entry.at),
            node: unpack(entry.node),
            kind: self.kinds[entry.kind as usize].0,
            bytes,
            emitter: service.map(|service| Emitter { node: unpack(entry.emitter_node), service }),
        }
    }

    /// For each record kept, the digest of all packets until then.
    pub(crate) fn packet_digests(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.iter().map(|entry| entry.packet_digest)
    }

    /// The next record that the hooks have not seen.
    fn next_unseen(&mut self) -> Option<Record> {
        if self.shown == self.entries.len() {
            self.forget_seen();
            return None;
        }
        self.shown += 1;
        Some(self.record(self.shown - 1))
    }

    fn forget_seen(&mut self) {
        if !self.keep {
            self.entries.clear();
            self.arena.clear();
            self.shown = 0;
        }
    }

    pub(crate) fn has_unseen(&self) -> bool {
        self.shown < self.entries.len()
    }

    /// Lends the hooks, unless they are running already or there is nothing for them.
    fn lend_hooks(&mut self) -> Option<Vec<Hook>> {
        if !self.has_unseen() {
            return None;
        }
        if self.hooks.as_ref().is_some_and(Vec::is_empty) {
            self.shown = self.entries.len();
            self.forget_seen();
            return None;
        }
        self.hooks.take()
    }

    fn return_hooks(&mut self, mut hooks: Vec<Hook>) {
        hooks.extend(self.hooks.take().unwrap_or_default());
        self.hooks = Some(hooks);
    }
}

/// Shows new records to the hooks. They run on no node, whoever made the record. A hook may emit; what it emits is
/// shown after the present record.
pub(crate) fn show_to_hooks() {
    let Some(mut hooks) = world::try_with(|world| world.log.lend_hooks()).flatten() else { return };
    while let Some(record) = world::try_with(|world| world.log.next_unseen()).flatten() {
        exec::as_world(|| hooks.iter_mut().for_each(|hook| hook(&record)));
    }
    world::try_with(|world| world.log.return_hooks(hooks));
}
