//! Connections in TIME-WAIT: closed and forgotten, but for answering a FIN that comes again.

use crate::packet::Bytes;
use crate::stack::Demux;
use crate::tcb::TIME_WAIT;
use crate::time::nanos;
use std::collections::VecDeque;
use std::net::SocketAddr;

type Ends = (SocketAddr, SocketAddr);

#[derive(Default)]
pub(crate) struct Resting {
    acks: Demux<Ends, Rest>,
    /// All rest equally long, so the first in is the first out.
    order: VecDeque<(u64, Ends)>,
}

struct Rest {
    until: u64,
    /// The segment that acknowledged the peer's FIN.
    ack: Bytes,
}

impl Resting {
    pub(crate) fn insert(&mut self, ends: Ends, ack: Bytes, now: u64) {
        self.purge(now);
        let until = now + nanos(TIME_WAIT);
        self.acks.insert(ends, Rest { until, ack });
        self.order.push_back((until, ends));
    }

    /// The acknowledgement to repeat, if this connection rests.
    pub(crate) fn ack(&mut self, ends: &Ends, now: u64) -> Option<&Bytes> {
        self.purge(now);
        self.acks.get(ends).map(|rest| &rest.ack)
    }

    pub(crate) fn contains(&self, ends: &Ends) -> bool {
        self.acks.contains_key(ends)
    }

    /// A new connection between the same ends takes its place.
    pub(crate) fn remove(&mut self, ends: &Ends) {
        self.acks.remove(ends);
    }

    fn purge(&mut self, now: u64) {
        while let Some((_, ends)) = self.order.pop_front_if(|(until, _)| *until <= now) {
            if self.acks.get(&ends).is_some_and(|rest| rest.until <= now) {
                self.acks.remove(&ends);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: u64 = TIME_WAIT.as_nanos() as u64;

    fn ends(port: u16) -> Ends {
        (SocketAddr::from(([10, 0, 0, 1], port)), SocketAddr::from(([10, 0, 0, 2], 80)))
    }

    #[test]
    fn the_last_word_is_kept_for_a_while() {
        let mut resting = Resting::default();
        resting.insert(ends(1), vec![1], 5);
        assert_eq!(resting.ack(&ends(1), 5 + LONG - 1), Some(&vec![1]));
        assert_eq!(resting.ack(&ends(2), 5), None);
        assert!(resting.contains(&ends(1)));
        assert_eq!(resting.ack(&ends(1), 5 + LONG), None);
        assert!(!resting.contains(&ends(1)) && resting.order.is_empty());
    }

    /// The rest of the first must not end that of the second.
    #[test]
    fn the_same_ends_may_rest_again() {
        let mut resting = Resting::default();
        resting.insert(ends(1), vec![1], 0);
        resting.remove(&ends(1));
        assert!(!resting.contains(&ends(1)));
        resting.insert(ends(1), vec![2], 7);
        assert_eq!(resting.ack(&ends(1), LONG), Some(&vec![2]));
        assert_eq!(resting.ack(&ends(1), LONG + 7), None);
    }
}
