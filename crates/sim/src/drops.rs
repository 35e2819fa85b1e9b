//! A side log of packets that were dropped: where, when, why, and which they were.
//!
//! Off unless asked for, never hashed, and bounded. Nothing in a run can read it, so that a run with it is the run without.

use crate::fabric::LinkId;
use crate::node::{DropCause, NodeId};
use crate::packet::{self, Bytes};
use crate::time::Time;
use crate::world::{self, World};
use std::net::SocketAddr;

/// A packet that was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drop {
    /// When.
    pub time: Time,
    /// At which node.
    pub node: NodeId,
    /// On its way onto or over which link; none when it had no link to take, or was taken off it well.
    pub link: Option<LinkId>,
    /// Why.
    pub cause: DropCause,
    /// From where; the port is 0 for protocols without ports.
    pub source: SocketAddr,
    /// To where, likewise.
    pub destination: SocketAddr,
    /// The IP protocol: 6 is TCP, 17 is UDP.
    pub protocol: u8,
    /// A hash of what does not change on its way: copies of a packet have the same.
    pub content: u64,
}

/// What was dropped since [`watch`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drops {
    /// In the order in which they were dropped.
    pub entries: Vec<Drop>,
    /// Drops after the log was full.
    pub left_out: u64,
}

/// The log while it grows.
pub(crate) struct Watch {
    drops: Drops,
    most: usize,
}

/// Begins to note what is dropped, up to `most` packets. What was noted before is forgotten. False outside a simulation.
pub fn watch(most: usize) -> bool {
    let begin = |world: &mut World| world.drops = Some(Box::new(Watch { drops: Drops::default(), most }));
    world::try_with(begin).is_some()
}

/// Ends it and hands out what was noted; none when nobody asked for it.
pub fn take() -> Option<Drops> {
    world::try_with(|world| world.drops.take()).flatten().map(|watch| watch.drops)
}

impl World {
    /// Notes a packet that is being dropped, if somebody wants to know. What is no packet has no flow to note.
    pub(crate) fn note_drop(&mut self, at: usize, link: Option<LinkId>, cause: DropCause, bytes: &Bytes) {
        let Some(watch) = &mut self.drops else { return };
        let Some(flow) = packet::flow(bytes) else { return };
        if watch.drops.entries.len() >= watch.most {
            watch.drops.left_out += 1;
            return;
        }
        watch.drops.entries.push(Drop {
            time: Time::from_nanos(self.now),
            node: NodeId(at as u32),
            link,
            cause,
            source: flow.source,
            destination: flow.destination,
            protocol: flow.protocol,
            content: packet::content(bytes),
        });
    }
}
