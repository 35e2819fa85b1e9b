//! The one queue of the engine: packets, socket timers and task timers, in the order of (time, sequence).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What falls due.
pub(crate) enum Event {
    /// A packet reaches the far end of a link. `hop` is the link's number times two, plus the direction; `cut`
    /// tells whether the link was cut since the packet left.
    Arrive { hop: u32, cut: u32, bytes: Vec<u8> },
    /// A packet that a node sent to itself.
    Loopback { node: u32, epoch: u32, bytes: Vec<u8> },
    /// A TCP socket's next deadline.
    Socket { node: u32, socket: u32, generation: u32 },
    /// A task's timer.
    Timer { slot: u32, generation: u32 },
}

struct Entry {
    at: u64,
    sequence: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// Reversed: `BinaryHeap` gives the greatest first, the queue the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// Events by time; among equals, in the order in which they were pushed.
#[derive(Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Entry>,
    sequence: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.heap.push(Entry { at, sequence: self.sequence, event });
    }

    /// The next event if it is due by `end` (inclusive), with its time.
    pub(crate) fn pop_due(&mut self, end: u64) -> Option<(u64, Event)> {
        if self.heap.peek()?.at > end {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|entry| entry.at)
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Forgets events that will do nothing. The order of the others does not depend on it.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Event) -> bool) {
        self.heap.retain(|entry| keep(&entry.event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_keep_their_order() {
        let mut queue = Queue::default();
        for (at, slot) in [(5, 0), (3, 1), (5, 2), (3, 3)] {
            queue.push(at, Event::Timer { slot, generation: 0 });
        }
        let mut seen = Vec::new();
        while let Some((at, Event::Timer { slot, .. })) = queue.pop_due(5) {
            seen.push((at, slot));
        }
        assert_eq!(seen, [(3, 1), (3, 3), (5, 0), (5, 2)]);
    }
}
