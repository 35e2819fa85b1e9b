//! What a segment that arrived changes (RFC 9293 section 3.10.7).

use super::segment::{ACK, Head, Options, RST, SYN};
use super::send::micros;
use super::{State, TIME_WAIT, Tcb, Timer, at_or_after, before};
use crate::time::nanos;

/// How long an acknowledgement may wait for data to travel with (Linux: `TCP_DELACK_MIN`).
const ACK_DELAY: u64 = 40_000_000;
/// Of answers to what makes no sense, one a second (RFC 5961 section 7).
const CHALLENGE_INTERVAL: u64 = 1_000_000_000;
/// So many duplicates say that a segment is missing (RFC 5681 section 3.2).
const DUPLICATES: u8 = 3;

/// The answer to a segment that belongs to no connection; none to a reset.
pub(crate) fn refuse(head: &Head, payload: usize) -> Option<Head> {
    if head.is_rst() {
        return None;
    }
    let refusal = Head { number: 0, ack: 0, flags: RST, window: 0, options: Options::default() };
    Some(match head.flags & ACK != 0 {
        true => Head { number: head.ack, ..refusal },
        false => Head { ack: head.number.wrapping_add(head.length(payload)), flags: RST | ACK, ..refusal },
    })
}

impl Head {
    /// How many numbers it takes up.
    pub(super) fn length(&self, payload: usize) -> u32 {
        payload as u32 + u32::from(self.flags & SYN != 0) + u32::from(self.is_fin())
    }
}

impl Tcb {
    /// Gives the answer that cannot wait, if there is one.
    pub(crate) fn arrive(&mut self, now: u64, head: &Head, payload: &[u8]) -> Option<Head> {
        let now = micros(now);
        match self.state {
            State::Closed => refuse(head, payload.len()),
            State::SynSent => self.arrive_first(now, head, payload),
            _ if !self.is_acceptable(head, payload.len() as u32) => self.arrive_outside(now, head, payload),
            _ if head.is_rst() => self.arrive_reset(now, head),
            _ if head.flags & SYN != 0 => self.challenge(now),
            _ if head.flags & ACK == 0 => None,
            State::SynReceived if head.ack != self.sent => refuse(head, payload.len()),
            _ if before(self.sent, head.ack) => self.challenge(now),
            _ => self.arrive_inside(now, head, payload),
        }
    }

    /// The answer to a SYN of ours.
    fn arrive_first(&mut self, now: u64, head: &Head, payload: &[u8]) -> Option<Head> {
        let acknowledges = head.flags & ACK != 0;
        if acknowledges && head.ack != self.sent {
            return refuse(head, payload.len());
        }
        if head.is_rst() {
            if acknowledges {
                self.end();
            }
            return None;
        }
        if head.flags & SYN == 0 {
            return None;
        }
        // The SYN said how much room there is.
        let room = self.edge;
        self.agree(head);
        self.told = head.number;
        self.edge = head.number.wrapping_add(room);
        self.acknowledge_at = 0;
        if acknowledges {
            self.establish();
            self.acknowledged(now, head, true);
        } else {
            // Both sides have begun (RFC 9293 section 3.5): the SYN goes out again, with an acknowledgement.
            self.state = State::SynReceived;
            self.next = self.unacknowledged;
        }
        None
    }

    /// Whether some of it lies in the window (RFC 9293 section 3.10.7.4, the first check).
    fn is_acceptable(&self, head: &Head, length: u32) -> bool {
        let room = self.told_room();
        let inside = |number: u32| number.wrapping_sub(self.expected) < room;
        match (length, room) {
            (0, 0) => head.number == self.expected,
            (0, _) => inside(head.number),
            (_, 0) => false,
            _ => inside(head.number) || inside(head.number.wrapping_add(length - 1)),
        }
    }

    fn arrive_outside(&mut self, now: u64, head: &Head, payload: &[u8]) -> Option<Head> {
        if head.is_rst() {
            return None;
        }
        if self.state == State::TimeWait {
            self.wait_out(now);
        }
        // Data sent again means that an acknowledgement was lost.
        match payload.is_empty() {
            true => self.challenge(now),
            false => Some(self.acknowledgement()),
        }
    }

    /// Only a reset with exactly the number that is expected is believed (RFC 5961 section 3.2).
    fn arrive_reset(&mut self, now: u64, head: &Head) -> Option<Head> {
        if head.number != self.expected {
            return self.challenge(now);
        }
        self.end();
        None
    }

    /// Says where this end stands.
    fn challenge(&mut self, now: u64) -> Option<Head> {
        if now < self.challenge_at {
            return None;
        }
        self.challenge_at = now + CHALLENGE_INTERVAL;
        Some(self.acknowledgement())
    }

    fn arrive_inside(&mut self, now: u64, head: &Head, payload: &[u8]) -> Option<Head> {
        if self.state == State::SynReceived {
            self.establish();
        }
        let fin_acknowledged =
            self.fin_pending() && head.ack == self.unacknowledged.wrapping_add(self.unacknowledged() as u32);
        if at_or_after(head.ack, self.unacknowledged) {
            self.acknowledged(now, head, payload.is_empty());
        }
        if fin_acknowledged {
            self.fin_acknowledged(now);
        }
        if self.finished {
            return None;
        }
        let had_holes = self.arriving.has_holes();
        self.take_in(now, head.number, payload);
        let end = head.number.wrapping_add(payload.len() as u32);
        if head.is_fin() && self.expected == end {
            self.peer_finished(now);
        }
        // A sender that knows at once what is missing sends it at once (RFC 5681 section 4.2).
        let holes = had_holes || self.arriving.has_holes();
        (holes && !payload.is_empty()).then(|| self.acknowledgement())
    }

    /// The peer has our SYN, which takes up a number.
    fn establish(&mut self) {
        self.state = State::Established;
        self.unacknowledged = self.unacknowledged.wrapping_add(1);
    }

    /// The peer has everything before `head.ack`.
    fn acknowledged(&mut self, now: u64, head: &Head, bare: bool) {
        let moved = self.hear_window(head);
        let length = head.ack.wrapping_sub(self.unacknowledged);
        let under_way = self.next.wrapping_sub(self.unacknowledged);
        let all = at_or_after(head.ack, self.next);
        if bare && length == 0 && under_way > 0 && !moved && !head.is_fin() {
            self.repeated(now, under_way);
        } else {
            self.advanced(now, head.ack, length, under_way);
        }
        let taken = (length as usize).min(self.outgoing.len());
        drop(self.outgoing.drain(..taken));
        self.unacknowledged = head.ack;
        if before(self.next, head.ack) {
            self.next = head.ack;
        }
        self.timer = match self.timer {
            Timer::Retransmit(_) if all => Timer::Idle,
            Timer::Retransmit(_) if length > 0 && !self.window.recovering => {
                Timer::Retransmit(now + self.retransmit_after())
            }
            Timer::Probe { .. } if self.peer_window > 0 => Timer::Idle,
            timer => timer,
        };
    }

    /// The peer says again what it said: something else arrived there.
    fn repeated(&mut self, now: u64, under_way: u32) {
        self.duplicates = self.duplicates.saturating_add(1);
        match self.duplicates {
            DUPLICATES if self.recover.is_none() => self.send_missing(now, under_way),
            _ => self.window.duplicate(),
        }
    }

    /// The peer says something new: perhaps that `length` more bytes have arrived, of those under way.
    fn advanced(&mut self, now: u64, ack: u32, length: u32, under_way: u32) {
        self.duplicates = 0;
        self.rtt.acknowledged(now, ack);
        self.recover = self.recover.filter(|recover| before(ack, *recover));
        if self.recover.is_none() || !self.window.recovering {
            let left = under_way.saturating_sub(length);
            self.window.acknowledged(now, length, left, &self.rtt);
        } else if length > 0 {
            self.send_next_missing(length);
        }
    }

    /// Whether the peer's window is another one now. Segments that were overtaken say nothing of it (RFC 9293 section
    /// 3.10.7.4; which those are, as in Linux's `tcp_may_update_window`).
    fn hear_window(&mut self, head: &Head) -> bool {
        let scale = self.peer_scale.filter(|_| head.flags & SYN == 0).unwrap_or(0);
        let window = u32::from(head.window) << scale;
        let same = head.number == self.window_from;
        let is_news = before(self.unacknowledged, head.ack)
            || before(self.window_from, head.number)
            || (same && (window > self.peer_window || window == 0));
        if !is_news {
            return false;
        }
        self.window_from = head.number;
        self.window.peer_offers(window);
        std::mem::replace(&mut self.peer_window, window) != window
    }

    /// The oldest segment under way did not arrive, but later ones did.
    fn send_missing(&mut self, now: u64, under_way: u32) {
        self.missing = true;
        self.recover = Some(self.sent);
        self.window.lost(now, under_way);
        self.rtt.sent_again();
        self.timer = Timer::Retransmit(now + self.retransmit_after());
    }

    /// It arrived, and another one was lost with it (RFC 6582 section 3.2, partial acknowledgements). The timer is not set
    /// anew ("impatient"): where many were lost, to send all again is faster than one by one.
    fn send_next_missing(&mut self, length: u32) {
        self.missing = true;
        self.window.partly_recovered(length);
        self.rtt.sent_again();
    }

    fn fin_acknowledged(&mut self, now: u64) {
        match self.state {
            State::FinWait1 => self.state = State::FinWait2,
            State::Closing => self.wait_out(now),
            _ => self.end(),
        }
    }

    /// Data for the owner. What lies outside the window is cut off.
    fn take_in(&mut self, now: u64, number: u32, payload: &[u8]) {
        let past = self.expected.wrapping_sub(number);
        let (offset, payload) = match past as i32 >= 0 {
            true => (0, payload.get(past as usize..).unwrap_or_default()),
            false => (past.wrapping_neg(), payload),
        };
        let room = self.told_room().saturating_sub(offset);
        let payload = &payload[..payload.len().min(room as usize)];
        if payload.is_empty() {
            return;
        }
        let ready = self.arriving.put(offset, payload);
        self.expected = self.expected.wrapping_add(ready);
        let untold = self.expected.wrapping_sub(self.told);
        if untold == 0 {
            return;
        }
        // At least every second full segment is acknowledged at once (RFC 9293 section 3.8.6.3); like Linux, from one
        // full segment on.
        let waits = self.acknowledge_at != super::NEVER;
        self.acknowledge_at = match waits {
            true if untold > u32::from(self.peer_mss) => 0,
            true => self.acknowledge_at,
            false => now + ACK_DELAY,
        };
    }

    fn peer_finished(&mut self, now: u64) {
        self.expected = self.expected.wrapping_add(1);
        self.finished = true;
        if self.acknowledge_at == super::NEVER {
            self.acknowledge_at = 0;
        }
        match self.state {
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.wait_out(now),
            _ => self.state = State::CloseWait,
        }
    }

    fn wait_out(&mut self, now: u64) {
        self.state = State::TimeWait;
        self.timer = Timer::Close(now + nanos(TIME_WAIT));
    }
}
