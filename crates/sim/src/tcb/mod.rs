//! One end of a TCP connection (RFC 9293), without a socket, a clock or a network: it is given segments and the time,
//! and says what to send. Small while it is idle: buffers are made when the first byte comes.
//!
//! - here: what an end knows of its connection (the transmission control block, RFC 9293 section 3.3.1), and what its
//!   owner does with it
//! - `segment`: segments as bytes
//! - `arrive`: what a segment that arrived changes
//! - `send`: what is to be sent now, and when to ask again
//! - `arriving`: bytes for the owner, and those that came before their turn
//! - `rtt`: how long to wait for an acknowledgement
//! - `congestion`: how much may be under way
//!
//! Times are nanoseconds. Its timers count whole microseconds.
//!
//! Left out: selective acknowledgements (a loss is made good as RFC 6582 says), timestamps, ECN, urgent data, and
//! keep-alives (what uses TCP here has its own).

mod arrive;
mod arriving;
mod congestion;
mod rtt;
pub(crate) mod segment;
mod send;
#[cfg(test)]
mod tests;

pub(crate) use arrive::refuse;

use crate::Congestion;
use crate::tcb::arriving::Arriving;
use crate::tcb::congestion::Window;
use crate::tcb::rtt::Rtt;
use crate::tcb::segment::{HEADER, Head};
use std::collections::VecDeque;
use std::time::Duration;

/// No time at all.
pub(crate) const NEVER: u64 = u64::MAX;
/// What a peer takes that does not say (RFC 9293 section 3.7.1).
const USUAL_MSS: u16 = 536;
/// A peer that asks for less gets this all the same: no network's packets are so small (RFC 791 section 3.2: 68 bytes).
const LEAST_MSS: u16 = 28;
/// Ends that have closed wait so long for what is still on its way (as Linux; RFC 9293 section 3.4.2: 2 MSL).
pub(crate) const TIME_WAIT: Duration = Duration::from_secs(60);
/// The largest window that fits into a header.
const WINDOW_MAX: u32 = u16::MAX as u32;

/// RFC 9293 section 3.3.2, without LISTEN: a listener makes an end for each SYN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
}

/// What the end waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timer {
    Idle,
    /// An acknowledgement; until then.
    Retransmit(u64),
    /// The peer's window to open; until it is probed, and for how long next time.
    Probe {
        at: u64,
        delay: u64,
    },
    /// The end of TIME-WAIT.
    Close(u64),
}

/// What the ends of a connection are made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Bytes of each buffer.
    pub(crate) buffer: u32,
    pub(crate) congestion: Congestion,
    /// The largest packet to the peer.
    pub(crate) mtu: u16,
    /// Bytes of the IP header of such a packet.
    pub(crate) ip_header: u16,
    /// Where numbering begins.
    pub(crate) number: u32,
}

/// One end of a connection. Sequence numbers wrap, so they are compared by their distance.
#[derive(Debug)]
pub(crate) struct Tcb {
    state: State,
    timer: Timer,

    /// The oldest number that is not acknowledged (SND.UNA).
    unacknowledged: u32,
    /// The number to send next: goes back when what was sent is sent again.
    next: u32,
    /// The end of what was ever sent (SND.NXT).
    sent: u32,
    /// How many bytes the peer has room for (SND.WND).
    peer_window: u32,
    /// The number of the segment that said so (SND.WL1).
    window_from: u32,
    /// The largest segment that the peer takes.
    peer_mss: u16,
    /// How far the peer shifts its windows, if it spoke of that.
    peer_scale: Option<u8>,
    duplicates: u8,
    /// A segment is missing at the peer: it goes out at once.
    missing: bool,
    /// While a loss is made good: the end of what was sent when it was noticed. Duplicate acknowledgements until there tell
    /// of no other loss (RFC 6582 section 3.2).
    recover: Option<u32>,
    outgoing: VecDeque<u8>,
    window: Window,
    rtt: Rtt,

    /// What is expected from the peer next (RCV.NXT).
    expected: u32,
    /// What the peer was told of that.
    told: u32,
    /// The end of the window that the peer was told (RCV.NXT + RCV.WND).
    edge: u32,
    /// How far the window in a header is shifted; none before the peer agreed.
    scale: u8,
    /// The peer sends no more.
    finished: bool,
    arriving: Arriving,
    /// Until when an acknowledgement may wait.
    acknowledge_at: u64,
    /// When the next answer to what makes no sense may be sent (RFC 5961 section 7).
    challenge_at: u64,

    /// The owner gave up: the peer is to be told once.
    reset: bool,
    /// Small segments wait for acknowledgements (RFC 896).
    pub(crate) nagle: bool,
    mtu: u16,
    ip_header: u16,
    capacity: u32,
}

/// Whether `a` comes before `b` in a space that wraps (RFC 9293 section 3.4).
fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

fn at_or_after(a: u32, b: u32) -> bool {
    !before(a, b)
}

impl Tcb {
    /// An end that wants to connect.
    pub(crate) fn connect(options: &Options) -> Self {
        Tcb::new(options, State::SynSent)
    }

    /// An end for a SYN that came.
    pub(crate) fn accept(options: &Options, syn: &Head) -> Self {
        let mut tcb = Tcb::new(options, State::SynReceived);
        tcb.agree(syn);
        tcb.told = tcb.expected;
        tcb
    }

    fn new(options: &Options, state: State) -> Self {
        // Shifted so, the whole buffer fits into a header's window (RFC 7323 section 2.3).
        let scale = (u32::BITS - options.buffer.leading_zeros()).saturating_sub(16) as u8;
        Tcb {
            state,
            timer: Timer::Idle,
            unacknowledged: options.number,
            next: options.number,
            sent: options.number,
            peer_window: 0,
            window_from: 0,
            peer_mss: USUAL_MSS,
            peer_scale: None,
            duplicates: 0,
            missing: false,
            recover: None,
            outgoing: VecDeque::new(),
            window: Window::new(options.congestion),
            rtt: Rtt::new(),
            expected: 0,
            told: 0,
            edge: 0,
            scale,
            finished: false,
            arriving: Arriving::new(options.buffer),
            acknowledge_at: NEVER,
            challenge_at: 0,
            reset: false,
            nagle: false,
            mtu: options.mtu,
            ip_header: options.ip_header,
            capacity: options.buffer,
        }
    }

    /// What the peer's SYN says.
    fn agree(&mut self, syn: &Head) {
        if let Some(mss) = syn.options.mss.filter(|mss| *mss > 0) {
            self.peer_mss = mss.max(LEAST_MSS);
        }
        self.window.begin(u32::from(self.peer_mss));
        self.peer_scale = syn.options.scale;
        if self.peer_scale.is_none() {
            self.scale = 0;
        }
        // The window of a SYN is not scaled (RFC 7323 section 2.2).
        self.peer_window = u32::from(syn.window);
        self.window_from = syn.number;
        self.window.peer_offers(self.peer_window);
        self.expected = syn.number.wrapping_add(1);
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// The largest payload of a segment.
    fn mss(&self) -> u32 {
        u32::from(self.local_mss().min(self.peer_mss))
    }

    fn local_mss(&self) -> u16 {
        self.mtu - self.ip_header - HEADER as u16
    }

    /// What is left of the window that the peer was told. A FIN may come right after its end.
    fn told_room(&self) -> u32 {
        if before(self.edge, self.expected) { 0 } else { self.edge.wrapping_sub(self.expected) }
    }

    /// Whether the owner may write still.
    pub(crate) fn may_send(&self) -> bool {
        matches!(self.state, State::Established | State::CloseWait)
    }

    pub(crate) fn can_send(&self) -> bool {
        self.may_send() && self.outgoing.len() < self.capacity as usize
    }

    /// Whether there is something to read, or may be later.
    pub(crate) fn may_receive(&self) -> bool {
        matches!(self.state, State::Established | State::FinWait1 | State::FinWait2) || self.can_receive()
    }

    pub(crate) fn can_receive(&self) -> bool {
        self.arriving.len() > 0
    }

    /// Whether the peer has said all, and the owner has read it.
    pub(crate) fn at_end(&self) -> bool {
        self.finished && !self.may_receive()
    }

    /// Whether reading `length` bytes makes so much room that the peer should hear of it.
    pub(crate) fn opens_by(&self, length: usize) -> bool {
        self.arriving.len() + length > self.arriving.capacity() / 2
    }

    /// Data, and a FIN as one byte of it, that the peer has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.outgoing.len() + usize::from(self.fin_pending())
    }

    /// Whether a FIN is to be sent, or sent and not acknowledged.
    fn fin_pending(&self) -> bool {
        matches!(self.state, State::FinWait1 | State::Closing | State::LastAck)
    }

    /// Takes bytes to send, as many as there is room for. None after the end.
    pub(crate) fn send(&mut self, data: &[u8]) -> Option<usize> {
        if !self.may_send() {
            return None;
        }
        let room = (self.capacity as usize).saturating_sub(self.outgoing.len());
        let taken = data.len().min(room);
        self.outgoing.extend(&data[..taken]);
        Some(taken)
    }

    /// Gives bytes that arrived, as many as fit.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> usize {
        self.arriving.take(buffer)
    }

    /// As [`Tcb::receive`], and the bytes stay.
    pub(crate) fn peek(&self, buffer: &mut [u8]) -> usize {
        self.arriving.peek(buffer)
    }

    /// A router said that packets of more than `mtu` bytes do not get through: what is under way goes out again, smaller
    /// (RFC 1191 section 6.4). Whether that is news.
    pub(crate) fn narrow(&mut self, mtu: u16) -> bool {
        if mtu >= self.mtu {
            return false;
        }
        self.mtu = mtu;
        self.next = self.unacknowledged;
        self.rtt.sent_again();
        true
    }

    /// There is no more to send than was given.
    pub(crate) fn close(&mut self) {
        self.state = match self.state {
            State::SynSent | State::SynReceived => State::Closed,
            State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            state => state,
        };
    }

    /// Gives up. The peer is told, if there is one.
    pub(crate) fn abort(&mut self) {
        if self.state != State::Closed {
            self.reset = true;
            self.end();
        }
    }

    fn end(&mut self) {
        self.state = State::Closed;
        self.timer = Timer::Idle;
    }
}
