//! What a run was like: a set of numbers, by which two runs that went the same way are told from one that went another.
//!
//! Kinds of records by machine, which follows which on a machine, and how often, by powers of two. Nothing is decoded: the
//! first byte of a record says which of its kind's events it is.

use blackstart_rt::{Map, Set};
use blackstart_sim::{NodeId, Record};
use std::hash::{Hash, Hasher};
use xxhash_rust::xxh3::Xxh3;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Features {
    seen: Set<u64>,
    last: Map<Option<NodeId>, u64>,
    counts: Map<u64, u32>,
}

impl Features {
    /// Takes a record in.
    pub(super) fn step(&mut self, record: &Record) {
        let what = number(&(record.kind, record.bytes.first()));
        let here = number(&(what, record.node));
        let count = self.counts.entry(here).or_default();
        *count += 1;
        if count.is_power_of_two() {
            self.seen.insert(number(&(here, *count)));
        }
        let before = self.last.insert(record.node, what);
        self.seen.insert(number(&(before, what)));
    }

    /// Notes anything else.
    pub(super) fn note(&mut self, what: &impl Hash) {
        self.seen.insert(number(what));
    }

    /// All of them, in order.
    pub(super) fn all(self) -> Vec<u64> {
        self.seen.into_iter().collect()
    }
}

/// Differs for what differs, for most things; the same in each process of one build.
fn number(what: &impl Hash) -> u64 {
    let mut hasher = Xxh3::new();
    what.hash(&mut hasher);
    hasher.finish()
}
