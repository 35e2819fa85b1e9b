//! One connection: its end of TCP, and what TCP does not say: why it ended (reset, refused, timed out, unreachable), a
//! limit on unacknowledged data, and the life of a socket whose owner has gone.

use crate::packet::HOP_LIMIT;
use crate::stack::listen::Backlog;
use crate::tcb::{NEVER, State, Tcb};
use crate::time::nanos;
use crate::watch::Waiters;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::task::Waker;
use std::time::Duration;

/// A SYN unanswered for so long: Linux retries six times, at 1, 3, 7, 15, 31 and 63 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(127);
/// A SYN-ACK unanswered for so long (Linux: five retries).
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(63);
/// Data unacknowledged for so long (Linux: fifteen retries).
const USER_TIMEOUT: Duration = Duration::from_secs(924);
/// A closed socket whose last data nobody acknowledges.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(127);
/// A closed socket whose peer does not close (Linux: `tcp_fin_timeout`).
const FIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Local and remote end of a connection.
pub(super) type Ends = (SocketAddr, SocketAddr);

/// How far a connection has come, seen from its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A SYN came to a listener; it has not been told yet.
    Handshake(Backlog),
    /// Waits to be accepted.
    Queued,
    /// A SYN went out.
    Connecting,
    Open,
    /// The owner has let go.
    Orphan,
}

pub(crate) struct Connection {
    pub(crate) tcb: Tcb,
    pub(crate) ends: Ends,
    pub(super) stage: Stage,
    /// The time to live, or hop limit, of what it sends.
    pub(crate) ttl: u8,
    /// What the owner is told next; told once.
    pub(super) error: Option<ErrorKind>,
    /// What ICMP said; the reason given if the connection times out.
    pub(super) hint: Option<ErrorKind>,
    /// Given up: nothing is sent any more.
    pub(super) dead: bool,
    pub(super) dirty: bool,
    /// When the socket wants to be polled next, and for when the queue holds an event of it.
    pub(super) wanted: u64,
    pub(super) armed: u64,
    /// Since when the present wait goes on: for an answer, an acknowledgement, a FIN.
    pub(super) since: u64,
    unacknowledged: usize,
    pub(super) user_timeout: Option<Duration>,
    /// Closing is to reset (`SO_LINGER` of zero).
    pub(crate) reset_on_close: bool,
    pub(super) readers: Waiters,
    pub(super) writers: Waiters,
}

/// Who waits for a connection: readers and writers.
pub(super) type Waiting = (Waiters, Waiters);

/// What is to be done with a connection after a poll.
pub(super) enum Next {
    Keep,
    /// The handshake is complete.
    Accept(Backlog),
    /// Both sides have closed; only a FIN that comes again needs an answer.
    Rest,
    Remove,
}

impl Connection {
    pub(super) fn new(tcb: Tcb, ends: Ends, stage: Stage, now: u64) -> Self {
        Connection {
            tcb,
            ends,
            stage,
            ttl: HOP_LIMIT,
            error: None,
            hint: None,
            dead: false,
            dirty: false,
            wanted: NEVER,
            armed: NEVER,
            since: now,
            unacknowledged: 0,
            user_timeout: None,
            reset_on_close: false,
            readers: Waiters::default(),
            writers: Waiters::default(),
        }
    }

    /// Bytes read into `buffer`, an error, or none: wait.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        self.receive(|tcb| tcb.receive(buffer))
    }

    /// As [`Connection::read`], and the bytes stay.
    pub(crate) fn peek(&mut self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        self.receive(|tcb| tcb.peek(buffer))
    }

    /// What arrived comes before any error, and the peer's end of data before a reset that followed it.
    fn receive(&mut self, take: impl FnOnce(&mut Tcb) -> usize) -> Option<io::Result<usize>> {
        if self.tcb.can_receive() {
            return Some(Ok(take(&mut self.tcb)));
        }
        let finished = self.tcb.at_end();
        if let Some(error) = self.error.take_if(|_| !finished) {
            return Some(Err(error.into()));
        }
        let over = finished || self.dead || !self.tcb.may_receive();
        over.then_some(Ok(0))
    }

    /// Whether a read would not wait.
    pub(crate) fn is_readable(&self) -> bool {
        self.dead || self.tcb.can_receive() || !self.tcb.may_receive()
    }

    /// Whether a write would not wait.
    pub(crate) fn is_writable(&self) -> bool {
        self.dead || self.tcb.can_send() || !self.tcb.may_send()
    }

    /// Whether there is a peer still. After a reset, and once both have closed, there is none.
    pub(crate) fn has_peer(&self) -> bool {
        !self.dead && !matches!(self.tcb.state(), State::Closed | State::TimeWait)
    }

    /// Bytes taken from `data`, an error, or none: wait.
    pub(crate) fn write(&mut self, data: &[u8]) -> Option<io::Result<usize>> {
        if let Some(error) = self.error.take() {
            return Some(Err(error.into()));
        }
        if self.dead {
            return Some(Err(ErrorKind::BrokenPipe.into()));
        }
        match self.tcb.send(data) {
            Some(0) if !data.is_empty() => None,
            Some(taken) => Some(Ok(taken)),
            None => Some(Err(ErrorKind::BrokenPipe.into())),
        }
    }

    /// The outcome of a connection attempt, or none: wait.
    pub(crate) fn connected(&mut self) -> Option<io::Result<()>> {
        match self.error.take() {
            Some(error) => Some(Err(error.into())),
            None if self.stage == Stage::Connecting => None,
            None => Some(Ok(())),
        }
    }

    pub(crate) fn readers(&mut self) -> &mut Waiters {
        &mut self.readers
    }

    pub(crate) fn writers(&mut self) -> &mut Waiters {
        &mut self.writers
    }

    /// Ends the connection for its owner, who is told `error`.
    pub(super) fn fail(&mut self, error: ErrorKind) {
        self.error = Some(error);
        self.dead = true;
        self.wanted = NEVER;
    }

    /// When the present wait has gone on for too long.
    pub(super) fn deadline(&self) -> u64 {
        let limit = match self.stage {
            Stage::Handshake(_) => HANDSHAKE_TIMEOUT,
            Stage::Connecting => CONNECT_TIMEOUT,
            Stage::Queued | Stage::Open if self.unacknowledged > 0 => {
                self.user_timeout.unwrap_or(USER_TIMEOUT)
            }
            Stage::Orphan if self.unacknowledged > 0 => ORPHAN_TIMEOUT,
            Stage::Orphan if self.tcb.state() == State::FinWait2 => FIN_TIMEOUT,
            _ => return NEVER,
        };
        self.since.saturating_add(nanos(limit))
    }

    /// Restarts the wait when the peer acknowledged something. Under the default limit any sign of life counts: a
    /// peer that keeps its window shut may do so for ever.
    pub(super) fn note_progress(&mut self, now: u64, before: usize, heard: bool) {
        if matches!(self.stage, Stage::Handshake(_) | Stage::Connecting) {
            return;
        }
        let after = self.tcb.unacknowledged();
        let began = self.unacknowledged == 0;
        if began || after < before || (heard && self.user_timeout.is_none()) {
            self.since = now;
        }
        self.unacknowledged = after;
    }

    /// Draws the consequences of a poll.
    pub(super) fn digest(&mut self, before: State, reset: bool) -> Next {
        let state = self.tcb.state();
        match self.stage {
            Stage::Handshake(backlog) => match state {
                State::Closed => Next::Remove,
                State::SynReceived => Next::Keep,
                _ => Next::Accept(backlog),
            },
            Stage::Connecting => {
                match state {
                    State::SynSent | State::SynReceived => {}
                    State::Closed => self.fail(ErrorKind::ConnectionRefused),
                    _ => self.stage = Stage::Open,
                }
                Next::Keep
            }
            Stage::Queued | Stage::Open => {
                if state == State::Closed && before != State::Closed && reset {
                    let half_closed = before == State::CloseWait;
                    self.fail(if half_closed { ErrorKind::BrokenPipe } else { ErrorKind::ConnectionReset });
                }
                Next::Keep
            }
            Stage::Orphan if state == State::Closed => Next::Remove,
            Stage::Orphan if state == State::TimeWait => Next::Rest,
            Stage::Orphan => Next::Keep,
        }
    }

    pub(super) fn wake(&mut self, wakes: &mut Vec<Waker>) {
        if self.stage == Stage::Connecting && !self.dead {
            return;
        }
        if self.is_readable() {
            self.readers.wake(wakes);
        }
        if self.is_writable() {
            self.writers.wake(wakes);
        }
    }
}
