//! The one queue of the engine: packets, socket timers and task timers, in the order of (time, sequence).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What falls due. Small and plain: what belongs to it lies where the numbers point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A packet reaches the next node that has to look at it.
    Packet { slot: u32, generation: u32 },
    /// A TCP socket's next deadline.
    Socket { node: u32, socket: u32, generation: u32 },
    /// A task's timer.
    Timer { slot: u32, generation: u32 },
}

/// A place in the order of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) at: u64,
    pub(crate) sequence: u64,
}

impl Moment {
    /// Before everything.
    pub(crate) const START: Moment = Moment { at: 0, sequence: 0 };
}

struct Entry {
    moment: Moment,
    event: Event,
}

impl Entry {
    /// One comparison instead of two.
    fn key(&self) -> u128 {
        u128::from(self.moment.at) << 64 | u128::from(self.moment.sequence)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
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
        other.key().cmp(&self.key())
    }
}

/// Events by time; among equals, by their sequence number.
#[derive(Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Entry>,
    sequence: u64,
}

impl Queue {
    /// The next sequence number: that of an event, or of a packet for all its life.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn push(&mut self, at: u64, event: Event) {
        let sequence = self.next_sequence();
        self.push_at(Moment { at, sequence }, event);
    }

    pub(crate) fn push_at(&mut self, moment: Moment, event: Event) {
        self.heap.push(Entry { moment, event });
    }

    /// The next event if it is due by `end` (inclusive), with its moment.
    pub(crate) fn pop_due(&mut self, end: u64) -> Option<(Moment, Event)> {
        if self.heap.peek()?.moment.at > end {
            return None;
        }
        self.heap.pop().map(|entry| (entry.moment, entry.event))
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.heap.peek().map(|entry| entry.moment.at)
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
        while let Some((moment, Event::Timer { slot, .. })) = queue.pop_due(5) {
            seen.push((moment.at, slot));
        }
        assert_eq!(seen, [(3, 1), (3, 3), (5, 0), (5, 2)]);
    }

    #[test]
    fn a_number_given_earlier_comes_earlier_whenever_it_is_pushed() {
        let mut queue = Queue::default();
        let sequence = queue.next_sequence();
        let event = |slot| Event::Timer { slot, generation: 0 };
        queue.push(7, event(1));
        queue.push_at(Moment { at: 7, sequence }, event(0));
        let order: Vec<Event> = std::iter::from_fn(|| queue.pop_due(7)).map(|(_, event)| event).collect();
        assert_eq!(order, [event(0), event(1)]);
    }
}
