//! What is to be sent now, and when to ask again (RFC 9293 section 3.8).

use super::arriving;
use super::segment::{ACK, FIN, Head, Options, PSH, RST, SYN};
use super::{NEVER, State, Tcb, Timer, WINDOW_MAX, before};
use crate::time::nanos;
use std::ops::Range;

/// A shut window is probed at least once a minute (RFC 9293 section 3.8.6.1 leaves it open; Linux: two).
const PROBE_DELAY_MAX: u64 = 60_000_000_000;

/// Timers count whole microseconds.
pub(super) fn micros(now: u64) -> u64 {
    now - now % 1000
}

/// A segment to be sent: its header, and which of the bytes under way it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) head: Head,
    pub(crate) payload: Range<usize>,
}

impl Tcb {
    /// The next segment to send now, which counts as sent. To be asked until there is none.
    pub(crate) fn next_segment(&mut self, now: u64) -> Option<Outgoing> {
        let now = micros(now);
        self.expire(now);
        match self.state {
            State::Closed => self.last_word(),
            State::SynSent | State::SynReceived => self.next_syn(now),
            _ => self.next_data(now).or_else(|| self.next_bare(now)).or_else(|| self.next_probe(now)),
        }
    }

    /// When to ask for a segment again, if nothing arrives and the owner does nothing.
    pub(crate) fn due(&self) -> u64 {
        let timer = match self.timer {
            Timer::Idle => NEVER,
            Timer::Retransmit(at) | Timer::Probe { at, .. } | Timer::Close(at) => at,
        };
        timer.min(if self.owes_acknowledgement() { self.acknowledge_at } else { NEVER })
    }

    /// Fills `space` with the payload of a segment.
    pub(crate) fn payload(&self, payload: &Range<usize>, space: &mut [u8]) {
        arriving::copy(&self.outgoing, payload.start, space);
    }

    /// A segment that says what has come, and no more. Counts as sent.
    pub(super) fn acknowledgement(&mut self) -> Head {
        let head = self.head(self.bare_number(), ACK);
        self.tell();
        head
    }

    pub(super) fn retransmit_after(&self) -> u64 {
        nanos(self.rtt.timeout())
    }

    /// Draws the consequences of a timer that has run out.
    fn expire(&mut self, now: u64) {
        match self.timer {
            Timer::Retransmit(at) if at <= now => {
                self.window.timed_out(self.under_way());
                self.rtt.timed_out();
                self.next = self.unacknowledged;
                self.recover = Some(self.sent);
                self.timer = Timer::Idle;
            }
            Timer::Close(at) if at <= now && !self.owes_acknowledgement() => self.end(),
            _ => {}
        }
    }

    /// How many numbers were sent and not acknowledged.
    fn under_way(&self) -> u32 {
        self.next.wrapping_sub(self.unacknowledged)
    }

    fn owes_acknowledgement(&self) -> bool {
        before(self.told, self.expected) && !matches!(self.state, State::Closed | State::SynSent)
    }

    fn last_word(&mut self) -> Option<Outgoing> {
        std::mem::take(&mut self.reset).then(|| bare(self.head(self.bare_number(), RST | ACK)))
    }

    fn next_syn(&mut self, now: u64) -> Option<Outgoing> {
        if self.under_way() > 0 {
            return None;
        }
        let room = self.arriving.window().min(WINDOW_MAX);
        let answers = self.state == State::SynReceived;
        let mut head = self.head(self.unacknowledged, if answers { SYN | ACK } else { SYN });
        head.window = room as u16;
        head.options = Options {
            mss: Some(self.local_mss()),
            scale: (!answers || self.peer_scale.is_some()).then_some(self.scale),
        };
        self.tell();
        self.edge = self.expected.wrapping_add(room);
        self.count_sent(now, &head, 0);
        Some(bare(head))
    }

    /// Data, and the FIN after the last of it.
    fn next_data(&mut self, now: u64) -> Option<Outgoing> {
        let queued = self.outgoing.len() as u32;
        let fin = self.fin_pending();
        let again = std::mem::take(&mut self.missing);
        if queued == 0 && !fin {
            return None;
        }
        let (under_way, allowed) = match again {
            true => (0, self.mss()),
            false => (self.under_way(), self.window.size),
        };
        let room = self.peer_window.min(queued).min(allowed).saturating_sub(under_way);
        let size = room.min(self.mss());
        let held = self.nagle && under_way > 0 && size < self.mss() && !fin;
        let last = under_way + size == queued;
        if (size == 0 || held) && !(fin && last) {
            return None;
        }
        let flags = match last {
            true if fin => FIN | ACK,
            true => PSH | ACK,
            false => ACK,
        };
        let head = self.head(self.unacknowledged.wrapping_add(under_way), flags);
        self.tell();
        self.count_sent(now, &head, size);
        Some(Outgoing { head, payload: under_way as usize..(under_way + size) as usize })
    }

    /// An acknowledgement that waits no longer, or news of room.
    fn next_bare(&mut self, now: u64) -> Option<Outgoing> {
        let acknowledges = self.owes_acknowledgement() && self.acknowledge_at <= now;
        (acknowledges || self.has_news_of_room()).then(|| bare(self.acknowledgement()))
    }

    /// Whether the window has at least doubled since the peer heard of it (as in Linux).
    fn has_news_of_room(&self) -> bool {
        if self.finished {
            return false;
        }
        let known = self.told_room() >> self.scale;
        let room = self.scaled_window();
        room > 0 && u32::from(room) / 2 >= known
    }

    /// Asks a peer whose window is shut whether it is still (RFC 9293 section 3.8.6.1): with an old number, as Linux does,
    /// which calls for an answer and gives nothing that may or may not be taken.
    fn next_probe(&mut self, now: u64) -> Option<Outgoing> {
        if self.peer_window > 0 || self.under_way() as usize >= self.outgoing.len() {
            return None;
        }
        let delay = match self.timer {
            Timer::Probe { at, delay } if at <= now => (delay * 2).min(PROBE_DELAY_MAX),
            Timer::Idle => self.retransmit_after(),
            _ => return None,
        };
        let probes = self.timer != Timer::Idle;
        self.timer = Timer::Probe { at: now + delay, delay };
        if !probes {
            return None;
        }
        self.tell();
        Some(bare(self.head(self.unacknowledged.wrapping_sub(1), ACK)))
    }

    fn head(&self, number: u32, flags: u8) -> Head {
        Head { number, ack: self.expected, flags, window: self.scaled_window(), options: Options::default() }
    }

    /// The number of a segment that takes up none: SND.NXT, but none outside the peer's window, which would not look at
    /// it (as in Linux).
    fn bare_number(&self) -> u32 {
        let end = self.unacknowledged.wrapping_add(self.peer_window);
        if before(end, self.sent) { end } else { self.sent }
    }

    fn scaled_window(&self) -> u16 {
        (self.arriving.window() >> self.scale).min(WINDOW_MAX) as u16
    }

    /// What leaves now tells the peer what came and how much room there is.
    fn tell(&mut self) {
        self.told = self.expected;
        self.edge = self.expected.wrapping_add(u32::from(self.scaled_window()) << self.scale);
        self.acknowledge_at = NEVER;
    }

    fn count_sent(&mut self, now: u64, head: &Head, payload: u32) {
        let end = head.number.wrapping_add(head.length(payload as usize));
        if before(self.next, end) {
            self.next = end;
        }
        if before(self.sent, end) {
            self.sent = end;
            self.rtt.sent(now, end);
        }
        self.window.sent(now);
        if !matches!(self.timer, Timer::Retransmit(_) | Timer::Close(_)) {
            self.timer = Timer::Retransmit(now + self.retransmit_after());
        }
    }
}

fn bare(head: Head) -> Outgoing {
    Outgoing { head, payload: 0..0 }
}
