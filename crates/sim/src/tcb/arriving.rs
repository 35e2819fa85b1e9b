//! What arrived: bytes in order, for the owner to read, and what came before its turn.

use std::collections::VecDeque;

/// Nothing is allocated before the first byte comes.
#[derive(Debug)]
pub(super) struct Arriving {
    ready: VecDeque<u8>,
    capacity: u32,
    /// How many bytes ever became ready: the position in the stream of the next one.
    next: u64,
    /// What lies beyond a hole: by position, without overlap.
    early: VecDeque<Early>,
}

#[derive(Debug)]
struct Early {
    start: u64,
    bytes: Vec<u8>,
}

impl Early {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Arriving {
    pub(super) fn new(capacity: u32) -> Self {
        Arriving { ready: VecDeque::new(), capacity, next: 0, early: VecDeque::new() }
    }

    /// Bytes that can be read.
    pub(super) fn len(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// How many bytes may still come.
    pub(super) fn window(&self) -> u32 {
        self.capacity.saturating_sub(self.ready.len() as u32)
    }

    /// Whether something is missing before what already came.
    pub(super) fn has_holes(&self) -> bool {
        !self.early.is_empty()
    }

    /// Takes `bytes` that begin `offset` after the next one that is missing. Gives how many became ready.
    pub(super) fn put(&mut self, offset: u32, bytes: &[u8]) -> u32 {
        if offset == 0 && self.early.is_empty() {
            self.ready.extend(bytes);
            self.next += bytes.len() as u64;
            return bytes.len() as u32;
        }
        self.keep(self.next + u64::from(offset), bytes);
        let before = self.next;
        while let Some(early) = self.early.pop_front_if(|early| early.start == self.next) {
            self.next = early.end();
            self.ready.extend(early.bytes);
        }
        (self.next - before) as u32
    }

    /// Fills with `bytes` what is missing between `start` and their end.
    fn keep(&mut self, start: u64, bytes: &[u8]) {
        let end = start + bytes.len() as u64;
        let mut at = start;
        while at < end {
            let index = self.early.partition_point(|early| early.end() <= at);
            let following = self.early.get(index);
            if let Some(early) = following.filter(|early| early.start <= at) {
                at = early.end();
                continue;
            }
            let until = following.map_or(end, |early| early.start.min(end));
            let missing = bytes[(at - start) as usize..(until - start) as usize].to_vec();
            self.early.insert(index, Early { start: at, bytes: missing });
            at = until;
        }
    }

    /// Copies what is ready, as much as fits. The bytes stay.
    pub(super) fn peek(&self, buffer: &mut [u8]) -> usize {
        copy(&self.ready, 0, buffer)
    }

    /// As [`Arriving::peek`], and takes the bytes.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let taken = self.peek(buffer);
        drop(self.ready.drain(..taken));
        taken
    }
}

/// Copies bytes from `start` on, as many as there are and fit.
pub(super) fn copy(from: &VecDeque<u8>, start: usize, to: &mut [u8]) -> usize {
    let (front, back) = from.as_slices();
    let front = front.get(start..).unwrap_or_default();
    let back = back.get(start.saturating_sub(from.len() - back.len())..).unwrap_or_default();
    let first = front.len().min(to.len());
    let second = back.len().min(to.len() - first);
    to[..first].copy_from_slice(&front[..first]);
    to[first..first + second].copy_from_slice(&back[..second]);
    first + second
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(arriving: &mut Arriving) -> Vec<u8> {
        let mut all = vec![0; arriving.len()];
        assert_eq!(arriving.take(&mut all), all.len());
        all
    }

    #[test]
    fn what_comes_early_waits_for_what_is_missing() {
        let mut arriving = Arriving::new(100);
        assert_eq!(arriving.put(3, b"def"), 0);
        assert_eq!(arriving.put(8, b"i"), 0);
        assert_eq!(arriving.put(6, b"gh"), 0);
        assert!(arriving.has_holes());
        assert_eq!(arriving.put(0, b"abc"), 9);
        assert!(!arriving.has_holes());
        assert_eq!(arriving.window(), 91);
        assert_eq!(read_all(&mut arriving), b"abcdefghi");
        assert_eq!(arriving.window(), 100);
    }

    #[test]
    fn a_copy_crosses_the_end_of_the_ring() {
        let mut ring: VecDeque<u8> = VecDeque::with_capacity(8);
        ring.extend(0..6);
        ring.drain(..4);
        ring.extend(6..12);
        for start in 0..=8 {
            for length in 0..=9 {
                let mut copied = vec![0; length];
                let count = copy(&ring, start, &mut copied);
                let expected: Vec<u8> = ring.iter().copied().skip(start).take(length).collect();
                assert_eq!(copied[..count], expected, "{start} {length}");
            }
        }
    }

    proptest! {
        /// Pieces of one stream, in any order and with any overlap, give the stream.
        #[test]
        fn any_order_gives_the_stream(pieces in proptest::collection::vec((0_usize..200, 1_usize..60), 1..40)) {
            let stream: Vec<u8> = (0..=255).collect();
            let mut arriving = Arriving::new(1000);
            let mut came = [false; 256];
            let mut next = 0;
            for (start, length) in pieces {
                let end = start + length;
                came[start..end.min(256)].fill(true);
                let from = start.max(next);
                if from < end.min(256) {
                    arriving.put((from - next) as u32, &stream[from..end.min(256)]);
                }
                next = came.iter().take_while(|came| **came).count();
                prop_assert_eq!(arriving.len(), next);
            }
            prop_assert_eq!(arriving.has_holes(), came[next..].contains(&true));
            prop_assert_eq!(read_all(&mut arriving), &stream[..next]);
        }
    }
}
