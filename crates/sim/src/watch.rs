//! Waiting for a node's forwarding table or ports to change.

use crate::node::{Node, NodeId};
use crate::world::{self, World};
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// Tasks that wait for one thing.
#[derive(Default)]
pub(crate) struct Waiters(Vec<Waker>);

impl Waiters {
    /// Whether this one waits already.
    pub(crate) fn has(&self, waker: &Waker) -> bool {
        self.0.iter().any(|other| waker.will_wake(other))
    }

    pub(crate) fn push(&mut self, waker: Waker) {
        self.0.push(waker);
    }

    /// Takes the waker, unless an equal one waits already.
    pub(crate) fn join(&mut self, waker: &mut Option<Waker>) {
        if waker.as_ref().is_some_and(|waker| !self.has(waker)) {
            self.0.extend(waker.take());
        }
    }

    /// Hands the wakers to the run loop.
    pub(crate) fn wake(&mut self, wakes: &mut Vec<Waker>) {
        wakes.append(&mut self.0);
    }
}

/// Counts changes and knows who waits for one.
#[derive(Default)]
pub(crate) struct Changes {
    count: u64,
    waiting: Waiters,
}

impl Changes {
    /// One more change. The wakers go to the run loop.
    pub(crate) fn bump(&mut self, wakes: &mut Vec<Waker>) {
        self.count += 1;
        self.waiting.wake(wakes);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Fib,
    Link,
}

/// Tells when something of a node changes. Bound to the node and the boot in which it was made.
#[derive(Debug)]
pub struct Watch {
    what: What,
    node: Option<NodeId>,
    run: u64,
    epoch: u32,
    seen: u64,
}

impl Watch {
    pub(crate) fn fib(node: Option<NodeId>) -> Self {
        Self::new(What::Fib, node)
    }

    pub(crate) fn link(node: Option<NodeId>) -> Self {
        Self::new(What::Link, node)
    }

    fn new(what: What, node: Option<NodeId>) -> Self {
        let now = world::try_with(|world| {
            let entry = world.nodes.get_mut(node?.0 as usize)?;
            Some((world.run, entry.epoch, changes(what, entry).count))
        });
        let (run, epoch, seen) = now.flatten().unwrap_or_default();
        Watch { what, node, run, epoch, seen }
    }

    /// Waits until something changed since the last call, or since the watch was made. Several changes may count
    /// as one. Cancel safe. Never ends outside a simulation and after a loss of power.
    pub async fn changed(&mut self) {
        poll_fn(|cx| self.poll_changed(cx)).await;
    }

    /// [`Watch::changed`] as a poll.
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waker = Some(cx.waker().clone());
        match world::try_with(|world| self.check(world, &mut waker)).flatten() {
            Some(seen) => {
                self.seen = seen;
                Poll::Ready(())
            }
            None => Poll::Pending,
        }
    }

    /// The new count if it moved on; else leaves the waker, unless an equal one waits already.
    fn check(&self, world: &mut World, waker: &mut Option<Waker>) -> Option<u64> {
        let entry = world.nodes.get_mut(self.node?.0 as usize)?;
        if world.run != self.run || entry.epoch != self.epoch {
            return None;
        }
        let changes = changes(self.what, entry);
        if changes.count != self.seen {
            return Some(changes.count);
        }
        changes.waiting.join(waker);
        None
    }
}

fn changes(what: What, node: &mut Node) -> &mut Changes {
    match what {
        What::Fib => &mut node.fib_changes,
        What::Link => &mut node.link_changes,
    }
}
