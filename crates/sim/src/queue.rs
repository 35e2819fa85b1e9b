//! The one queue of the engine: packets, socket timers and task timers, in the order of (time, sequence).

use crate::exec::TaskId;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What falls due. Small and plain: what belongs to it lies where the numbers point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A packet reaches the next node that has to look at it.
    Packet { slot: u32, generation: u32 },
    /// A TCP socket's next deadline.
    Socket { node: u32, socket: u32, generation: u32 },
    /// A task of a slow host has had its CPU time.
    Turn { task: TaskId },
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

/// Entries whose time lies in one slot of a wheel's level.
type Slot = Vec<Entry>;

const SLOTS: usize = 256;
/// log2 of the slots of a level.
const SLOT_BITS: u32 = 8;
/// log2 of the nanoseconds of the finest slot: 1.05 ms.
const TICK_BITS: u32 = 20;
/// As many as time has bits for: the last one ends with it.
const LEVELS: usize = 6;
/// A slot with no more entries than this goes to the heap as it is, however long a time it stands for: where little
/// happens, a small heap is cheaper than moving from ring to ring.
const FEW: usize = 64;

/// One ring of a hierarchical timing wheel (Varghese and Lauck, 1987).
struct Level {
    slots: Box<[Slot]>,
    occupied: [u64; SLOTS / 64],
}

impl Default for Level {
    fn default() -> Self {
        Level { slots: (0..SLOTS).map(|_| Slot::new()).collect(), occupied: [0; SLOTS / 64] }
    }
}

impl Level {
    /// Room for a slot that has none comes from `spare`.
    fn push(&mut self, slot: usize, entry: Entry, spare: &mut Vec<Slot>) {
        let entries = &mut self.slots[slot];
        if entries.capacity() == 0 {
            *entries = spare.pop().unwrap_or_default();
        }
        entries.push(entry);
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    /// The first slot that holds anything.
    fn first(&self) -> Option<usize> {
        let word = self.occupied.iter().position(|&word| word != 0)?;
        Some(word * 64 + self.occupied[word].trailing_zeros() as usize)
    }

    /// Takes the entries of a slot, with their room: it must not lie idle until the ring comes round.
    fn take(&mut self, slot: usize) -> Slot {
        self.occupied[slot / 64] &= !(1 << (slot % 64));
        std::mem::take(&mut self.slots[slot])
    }
}

/// Events by time; among equals, by their sequence number.
///
/// What is due next waits in a heap; the rest in a wheel, where a push costs the same however many wait, and moves
/// to a finer ring as its time comes near. Nothing is pushed before what was popped last.
#[derive(Default)]
pub(crate) struct Queue {
    /// All events up to the end of `tick`. Empty only if nothing waits at all.
    near: BinaryHeap<Entry>,
    levels: [Level; LEVELS],
    /// The last tick of the heap.
    tick: u64,
    waiting: usize,
    sequence: u64,
    /// Empty slots with room.
    spare: Vec<Slot>,
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
        self.waiting += 1;
        self.place(Entry { moment, event });
        if self.near.is_empty() {
            self.refill();
        }
    }

    /// Into the heap, or into the finest ring whose present turn has a slot for it.
    fn place(&mut self, entry: Entry) {
        let tick = entry.moment.at >> TICK_BITS;
        if tick <= self.tick {
            return self.near.push(entry);
        }
        let level = (tick ^ self.tick).ilog2() / SLOT_BITS;
        let slot = tick >> (level * SLOT_BITS) & (SLOTS as u64 - 1);
        self.levels[level as usize].push(slot as usize, entry, &mut self.spare);
    }

    /// Goes on to the next events.
    fn refill(&mut self) {
        while self.near.is_empty() {
            let next = (0..LEVELS).find_map(|level| Some((level, self.levels[level].first()?)));
            let Some((level, slot)) = next else { return };
            let shift = level as u32 * SLOT_BITS;
            let mut entries = self.levels[level].take(slot);
            // Rings above keep their turn, this one stands at the slot, those below at their start or their end.
            let turn = self.tick >> shift & !(SLOTS as u64 - 1) | slot as u64;
            if level == 0 || entries.len() <= FEW {
                self.tick = (turn << shift) + ((1 << shift) - 1);
                self.near.extend(entries.drain(..));
            } else {
                self.tick = turn << shift;
                entries.drain(..).for_each(|entry| self.place(entry));
            }
            // Large ones would in the end lie in slots that need little.
            if entries.capacity() <= FEW {
                self.spare.push(entries);
            }
        }
    }

    /// The next event if it is due by `end` (inclusive), with its moment.
    pub(crate) fn pop_due(&mut self, end: u64) -> Option<(Moment, Event)> {
        if self.near.peek()?.moment.at > end {
            return None;
        }
        let entry = self.near.pop()?;
        self.waiting -= 1;
        if self.near.is_empty() {
            self.refill();
        }
        Some((entry.moment, entry.event))
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.near.peek().map(|entry| entry.moment.at)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// Forgets events that will do nothing. The order of the others does not depend on it.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Event) -> bool) {
        self.near.retain(|entry| keep(&entry.event));
        for level in &mut self.levels {
            for (index, slot) in level.slots.iter_mut().enumerate() {
                slot.retain(|entry| keep(&entry.event));
                if slot.is_empty() {
                    level.occupied[index / 64] &= !(1 << (index % 64));
                }
            }
        }
        let far = self.levels.iter().flat_map(|level| level.slots.iter()).map(Vec::len);
        self.waiting = self.near.len() + far.sum::<usize>();
        self.refill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Map;
    use proptest::prelude::*;

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

    proptest! {
        /// Pushes at any distance between pops come out as from a sorted list.
        #[test]
        fn agrees_with_a_sorted_list(steps: Vec<(u8, u64)>, sweeps: bool) {
            let mut queue = Queue::default();
            let mut list: Map<(u64, u64), u32> = Map::new();
            let mut now = 0;
            for (n, (bits, ahead)) in steps.into_iter().enumerate() {
                let slot = n as u32;
                let at = (ahead >> bits.min(62)).saturating_add(now);
                queue.push(at, Event::Timer { slot, generation: 0 });
                list.insert((at, queue.sequence), slot);
                if sweeps && n % 7 == 0 {
                    queue.retain(|event| !matches!(event, Event::Timer { slot, .. } if slot % 3 == 0));
                    list.retain(|_, slot| *slot % 3 != 0);
                }
                prop_assert_eq!(queue.len(), list.len());
                prop_assert_eq!(queue.next_at(), list.keys().next().map(|key| key.0));
                if n % 2 == 0 && let Some((key, slot)) = list.pop_first() {
                    prop_assert!(key.0 == 0 || queue.pop_due(key.0 - 1).is_none());
                    let moment = Moment { at: key.0, sequence: key.1 };
                    prop_assert_eq!(queue.pop_due(key.0), Some((moment, Event::Timer { slot, generation: 0 })));
                    now = key.0;
                }
            }
        }
    }
}
