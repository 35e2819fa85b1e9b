//! Connections: finding them, polling them, and what Linux would say when they fail.
//!
//! smoltcp runs the state machine. This file adds what it leaves out: why a connection ended (reset, refused,
//! timed out, unreachable), a limit on unacknowledged data, and the life of sockets whose owner has gone.

use crate::fib::Exit;
use crate::packet::{self, Bytes, Complaint, Flow};
use crate::queue::Event;
use crate::stack::listen::Backlog;
use crate::stack::rest::Resting;
use crate::stack::{Demux, Slab, instant};
use crate::time::nanos;
use crate::watch::Waiters;
use crate::world::World;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, SocketBuffer, State};
use smoltcp::time::Duration as SmolDuration;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
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
/// How long an acknowledgement may wait for data to travel with (Linux: `TCP_DELACK_MIN`).
const ACK_DELAY: SmolDuration = SmolDuration::from_millis(40);
const NEVER: u64 = u64::MAX;

/// Local and remote end of a connection.
type Ends = (SocketAddr, SocketAddr);

pub(crate) struct Tcp {
    sockets: Slab<Connection>,
    demux: Demux<Ends>,
    resting: Resting,
    buffer: usize,
}

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
    set: SocketSet<'static>,
    handle: SocketHandle,
    pub(crate) ends: Ends,
    stage: Stage,
    /// What the owner is told next; told once.
    error: Option<ErrorKind>,
    /// What ICMP said; the reason given if the connection times out.
    hint: Option<ErrorKind>,
    /// Given up: smoltcp is not asked any more.
    dead: bool,
    dirty: bool,
    /// When the socket wants to be polled next, and for when the queue holds an event of it.
    wanted: u64,
    armed: u64,
    /// Since when the present wait goes on: for an answer, an acknowledgement, a FIN.
    since: u64,
    unacknowledged: usize,
    user_timeout: Option<Duration>,
    readers: Waiters,
    writers: Waiters,
}

/// What is to be done with a connection after a poll.
enum Next {
    Keep,
    /// The handshake is complete.
    Accept(Backlog),
    /// Both sides have closed; only a FIN that comes again needs an answer.
    Rest,
    Remove,
}

impl Tcp {
    pub(crate) fn new(buffer: usize) -> Self {
        Tcp { sockets: Slab::default(), demux: Demux::default(), resting: Resting::default(), buffer }
    }

    pub(crate) fn get(&mut self, index: u32, generation: u32) -> Option<&mut Connection> {
        let current = self.sockets.generation(index) == generation;
        self.sockets.get_mut(index).filter(|_| current)
    }

    pub(crate) fn generation(&self, index: u32) -> u32 {
        self.sockets.generation(index)
    }

    pub(crate) fn count(&self) -> usize {
        self.sockets.len()
    }

    fn socket(&self) -> tcp::Socket<'static> {
        let buffer = || SocketBuffer::new(vec![0; self.buffer]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_ack_delay(Some(ACK_DELAY));
        socket.set_nagle_enabled(false);
        socket
    }

    fn insert(&mut self, socket: tcp::Socket<'static>, ends: Ends, stage: Stage, now: u64) -> u32 {
        let mut set = SocketSet::new(Vec::with_capacity(1));
        let handle = set.add(socket);
        let (index, _) = self.sockets.insert(Connection {
            set,
            handle,
            ends,
            stage,
            error: None,
            hint: None,
            dead: false,
            dirty: false,
            wanted: NEVER,
            armed: NEVER,
            since: now,
            unacknowledged: 0,
            user_timeout: None,
            readers: Waiters::default(),
            writers: Waiters::default(),
        });
        self.demux.insert(ends, index);
        index
    }

    /// Makes a connection unreachable for packets.
    fn detach(&mut self, index: u32) {
        let Some(connection) = self.sockets.get(index) else { return };
        if self.demux.get(&connection.ends) == Some(&index) {
            self.demux.remove(&connection.ends);
        }
    }

    fn remove(&mut self, index: u32) -> Option<Connection> {
        self.detach(index);
        self.sockets.remove(index)
    }

    fn uses_port(&self, local: IpAddr, port: u16, remote: SocketAddr) -> bool {
        let ends = (SocketAddr::new(local, port), remote);
        self.demux.contains_key(&ends) || self.resting.contains(&ends)
    }
}

impl Connection {
    fn socket(&self) -> &tcp::Socket<'static> {
        self.set.get(self.handle)
    }

    fn socket_mut(&mut self) -> &mut tcp::Socket<'static> {
        self.set.get_mut(self.handle)
    }

    /// Bytes read into `buffer`, an error, or none: wait.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let socket = self.socket_mut();
        if socket.can_recv() {
            return Some(socket.recv_slice(buffer).map_err(|_| ErrorKind::ConnectionReset.into()));
        }
        let open = socket.may_recv();
        match self.error.take() {
            Some(error) => Some(Err(error.into())),
            None if open && !self.dead => None,
            None => Some(Ok(0)),
        }
    }

    /// Whether the peer should be told that the window, almost shut before, is open again.
    fn window_opened(&self, read: usize) -> bool {
        let socket = self.socket();
        socket.recv_queue() + read > socket.recv_capacity() / 2
    }

    /// Bytes taken from `data`, an error, or none: wait.
    pub(crate) fn write(&mut self, data: &[u8]) -> Option<io::Result<usize>> {
        if let Some(error) = self.error.take() {
            return Some(Err(error.into()));
        }
        if self.dead {
            return Some(Err(ErrorKind::BrokenPipe.into()));
        }
        match self.socket_mut().send_slice(data) {
            Ok(0) if !data.is_empty() => None,
            Ok(taken) => Some(Ok(taken)),
            Err(_) => Some(Err(ErrorKind::BrokenPipe.into())),
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

    pub(crate) fn wait_to_read(&mut self, waker: &mut Option<Waker>) {
        self.readers.join(waker);
    }

    pub(crate) fn wait_to_write(&mut self, waker: &mut Option<Waker>) {
        self.writers.join(waker);
    }

    /// Ends the connection for its owner, who is told `error`.
    fn fail(&mut self, error: ErrorKind) {
        self.error = Some(error);
        self.dead = true;
        self.wanted = NEVER;
    }

    /// When the present wait has gone on for too long.
    fn deadline(&self) -> u64 {
        let limit = match self.stage {
            Stage::Handshake(_) => HANDSHAKE_TIMEOUT,
            Stage::Connecting => CONNECT_TIMEOUT,
            Stage::Queued | Stage::Open if self.unacknowledged > 0 => {
                self.user_timeout.unwrap_or(USER_TIMEOUT)
            }
            Stage::Orphan if self.unacknowledged > 0 => ORPHAN_TIMEOUT,
            Stage::Orphan if self.socket().state() == State::FinWait2 => FIN_TIMEOUT,
            _ => return NEVER,
        };
        self.since.saturating_add(nanos(limit))
    }

    /// Data, and a FIN as one byte of it, that the peer has not acknowledged.
    fn count_unacknowledged(&self) -> usize {
        let fin = matches!(self.socket().state(), State::FinWait1 | State::Closing | State::LastAck);
        self.socket().send_queue() + usize::from(fin)
    }

    /// Restarts the wait when the peer acknowledged something. Under the default limit any sign of life counts: a
    /// peer that keeps its window shut may do so for ever.
    fn note_progress(&mut self, now: u64, before: usize, heard: bool) {
        if matches!(self.stage, Stage::Handshake(_) | Stage::Connecting) {
            return;
        }
        let after = self.count_unacknowledged();
        let began = self.unacknowledged == 0;
        if began || after < before || (heard && self.user_timeout.is_none()) {
            self.since = now;
        }
        self.unacknowledged = after;
    }

    /// Draws the consequences of a poll.
    fn digest(&mut self, before: State, reset: bool) -> Next {
        let state = self.socket().state();
        match self.stage {
            Stage::Handshake(backlog) => match state {
                State::Listen | State::Closed => Next::Remove,
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

    fn wake(&mut self, wakes: &mut Vec<Waker>) {
        if self.stage == Stage::Connecting && !self.dead {
            return;
        }
        let socket = self.set.get::<tcp::Socket>(self.handle);
        if self.dead || socket.can_recv() || !socket.may_recv() {
            self.readers.wake(wakes);
        }
        if self.dead || socket.can_send() || !socket.may_send() {
            self.writers.wake(wakes);
        }
    }
}

impl World {
    /// Sends a SYN. Gives the connection's number and generation.
    pub(crate) fn tcp_connect(
        &mut self,
        at: usize,
        local: Option<IpAddr>,
        to: SocketAddr,
    ) -> io::Result<(u32, u32)> {
        if to.port() == 0 || to.ip().is_unspecified() || to.ip().is_multicast() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not an address to connect to"));
        }
        let local = self.source_for(at, local, to.ip())?;
        let node = &mut self.nodes[at];
        if node.exit(to.ip()) == Exit::NoRoute {
            return Err(ErrorKind::NetworkUnreachable.into());
        }
        let stack = &mut node.stack;
        let port = stack.ephemeral(|stack, port| {
            stack.tcp.uses_port(local, port, to) || stack.listeners.has(SocketAddr::new(local, port))
        })?;
        let local = SocketAddr::new(local, port);
        let mut socket = stack.tcp.socket();
        socket
            .connect(stack.interface.context(), to, local)
            .map_err(|error| io::Error::new(ErrorKind::AddrNotAvailable, error.to_string()))?;
        let index = stack.tcp.insert(socket, (local, to), Stage::Connecting, self.now);
        let generation = stack.tcp.generation(index);
        self.touch(at, index);
        Ok((index, generation))
    }

    /// The socket has something to send, perhaps; it is polled when the ready tasks have run.
    pub(crate) fn touch(&mut self, at: usize, index: u32) {
        let node = &mut self.nodes[at];
        if let Some(connection) = node.stack.tcp.sockets.get_mut(index)
            && !connection.dirty
        {
            connection.dirty = true;
            self.dirty.push((at as u32, node.epoch, index));
        }
    }

    pub(crate) fn tcp_read(&mut self, at: usize, index: u32, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let connection = self.nodes[at].stack.tcp.sockets.get_mut(index)?;
        let result = connection.read(buffer);
        if let Some(Ok(read)) = result
            && read > 0
            && connection.window_opened(read)
        {
            self.touch(at, index);
        }
        result
    }

    pub(crate) fn tcp_write(&mut self, at: usize, index: u32, data: &[u8]) -> Option<io::Result<usize>> {
        let result = self.nodes[at].stack.tcp.sockets.get_mut(index)?.write(data);
        if matches!(result, Some(Ok(_))) {
            self.touch(at, index);
        }
        result
    }

    /// Closes the sending half.
    pub(crate) fn tcp_shutdown(&mut self, at: usize, index: u32) {
        if let Some(connection) = self.nodes[at].stack.tcp.sockets.get_mut(index)
            && !connection.dead
        {
            connection.socket_mut().close();
            self.touch(at, index);
        }
    }

    pub(crate) fn tcp_user_timeout(&mut self, at: usize, index: u32, timeout: Option<Duration>) {
        if let Some(connection) = self.nodes[at].stack.tcp.sockets.get_mut(index) {
            connection.user_timeout = timeout;
            self.arm(at, index);
        }
    }

    /// The owner lets go: FIN, or RST when data was left unread (RFC 2525 section 2.17). What must be dropped
    /// outside the world comes back.
    pub(crate) fn tcp_close(&mut self, at: usize, index: u32) -> Option<Box<dyn std::any::Any>> {
        let tcp = &mut self.nodes[at].stack.tcp;
        let connection = tcp.sockets.get_mut(index)?;
        let silent = connection.dead || connection.stage == Stage::Connecting;
        if silent || connection.socket().state() == State::Closed {
            return tcp.remove(index).map(|connection| Box::new(connection) as _);
        }
        let unread = connection.socket().can_recv();
        match unread {
            true => connection.socket_mut().abort(),
            false => connection.socket_mut().close(),
        }
        connection.stage = Stage::Orphan;
        connection.since = self.now;
        let waiters = (std::mem::take(&mut connection.readers), std::mem::take(&mut connection.writers));
        self.touch(at, index);
        Some(Box::new(waiters))
    }

    /// Resets a connection that nobody will own.
    pub(crate) fn tcp_abort(&mut self, at: usize, index: u32) {
        if let Some(connection) = self.nodes[at].stack.tcp.sockets.get_mut(index) {
            connection.stage = Stage::Orphan;
            connection.dead = false;
            connection.socket_mut().abort();
            self.touch(at, index);
        }
    }

    pub(crate) fn deliver_tcp(&mut self, at: usize, flow: Flow, bytes: Bytes) {
        let ends = (flow.destination, flow.source);
        let syn = packet::is_syn(&bytes);
        let tcp = &mut self.nodes[at].stack.tcp;
        if let Some(&index) = tcp.demux.get(&ends) {
            return self.poll_tcp(at, index, Some(bytes));
        }
        if let Some(ack) = tcp.resting.ack(&ends, self.now) {
            if !syn {
                let ack = packet::is_fin(&bytes).then(|| ack.clone());
                self.wire.recycle(bytes);
                self.wire.outgoing.extend(ack);
                return self.flush_wire(at);
            }
            tcp.resting.remove(&ends);
        }
        let stack = &mut self.nodes[at].stack;
        match stack.listeners.admit(flow.destination).filter(|_| syn) {
            Some(Some(backlog)) => {
                let index = stack.listen_once(ends, backlog, self.now);
                self.poll_tcp(at, index, Some(bytes));
            }
            Some(None) => self.discard(at, crate::DropCause::QueueFull, bytes),
            None => self.poll_nobody(at, bytes),
        }
    }

    /// Gives a connection its packet, or its time, and sends what it has to say.
    pub(crate) fn poll_tcp(&mut self, at: usize, index: u32, packet: Option<Bytes>) {
        let (reset, heard) = (packet.as_deref().is_some_and(packet::is_rst), packet.is_some());
        self.wire.incoming = packet;
        let now = self.now;
        let stack = &mut self.nodes[at].stack;
        if let Some(connection) = stack.tcp.sockets.get_mut(index).filter(|connection| !connection.dead) {
            connection.dirty = false;
            let (before, pending) = (connection.socket().state(), connection.count_unacknowledged());
            stack.interface.poll(instant(now), &mut self.wire, &mut connection.set);
            if connection.stage == Stage::Orphan && connection.socket().can_recv() {
                connection.socket_mut().abort();
                stack.interface.poll(instant(now), &mut self.wire, &mut connection.set);
            }
            let due = stack.interface.poll_at(instant(now), &connection.set);
            connection.note_progress(now, pending, heard);
            connection.wanted = due.map_or(NEVER, |due| (due.total_micros() as u64 * 1000).max(now + 1000));
            let next = connection.digest(before, reset);
            connection.wake(&mut self.wakes);
            self.follow(at, index, next);
        }
        self.wire.recycle_incoming();
        self.flush_wire(at);
    }

    fn follow(&mut self, at: usize, index: u32, next: Next) {
        let tcp = &mut self.nodes[at].stack.tcp;
        match next {
            Next::Remove => {
                tcp.remove(index);
            }
            Next::Rest => self.rest(at, index),
            Next::Keep => {
                if tcp.sockets.get(index).is_some_and(|connection| connection.dead) {
                    tcp.detach(index);
                }
                self.arm(at, index);
            }
            Next::Accept(backlog) => {
                self.arm(at, index);
                self.queue_accepted(at, index, backlog);
            }
        }
    }

    /// Lets a closed connection go, all but its last word. Runs before that is sent.
    fn rest(&mut self, at: usize, index: u32) {
        let tcp = &mut self.nodes[at].stack.tcp;
        let Some(ack) = self.wire.outgoing.last().cloned() else { return self.arm(at, index) };
        if let Some(connection) = tcp.remove(index) {
            tcp.resting.insert(connection.ends, ack, self.now);
        }
    }

    fn queue_accepted(&mut self, at: usize, index: u32, backlog: Backlog) {
        let stack = &mut self.nodes[at].stack;
        let Some(connection) = stack.tcp.sockets.get_mut(index) else { return };
        connection.stage = Stage::Queued;
        if !stack.listeners.push(backlog, index, &mut self.wakes) {
            self.tcp_abort(at, index);
        }
    }

    /// The accepted connection has an owner now.
    pub(crate) fn tcp_own(&mut self, at: usize, index: u32) -> Option<(u32, Ends)> {
        let tcp = &mut self.nodes[at].stack.tcp;
        let generation = tcp.generation(index);
        let connection = tcp.sockets.get_mut(index)?;
        connection.stage = Stage::Open;
        Some((generation, connection.ends))
    }

    /// Makes sure that the queue holds an event no later than the connection wants one. Later ones stay and are
    /// found stale: a retransmission timer that moves with each packet costs one event, not one per packet.
    fn arm(&mut self, at: usize, index: u32) {
        let tcp = &mut self.nodes[at].stack.tcp;
        let generation = tcp.generation(index);
        let Some(connection) = tcp.sockets.get_mut(index).filter(|connection| !connection.dead) else {
            return;
        };
        let due = connection.wanted.min(connection.deadline()).max(self.now);
        if due < connection.armed {
            connection.armed = due;
            self.queue.push(due, Event::Socket { node: at as u32, socket: index, generation });
        }
    }

    pub(crate) fn socket_due(&mut self, at: usize, index: u32, generation: u32) {
        let now = self.now;
        let Some(connection) = self.nodes[at].stack.tcp.get(index, generation) else { return };
        if connection.armed != now || connection.dead {
            return;
        }
        connection.armed = NEVER;
        if connection.deadline() <= now {
            self.expire(at, index);
        } else if connection.wanted <= now {
            self.poll_tcp(at, index, None);
        } else {
            self.arm(at, index);
        }
    }

    /// The wait was too long. Nothing is sent: the peer does not answer anyway.
    fn expire(&mut self, at: usize, index: u32) {
        let tcp = &mut self.nodes[at].stack.tcp;
        let Some(connection) = tcp.sockets.get_mut(index) else { return };
        match connection.stage {
            Stage::Handshake(_) | Stage::Orphan => {
                tcp.remove(index);
            }
            Stage::Connecting | Stage::Queued | Stage::Open => {
                let reason = connection.hint.unwrap_or(ErrorKind::TimedOut);
                connection.fail(reason);
                connection.wake(&mut self.wakes);
                tcp.detach(index);
            }
        }
    }

    /// A router or host complained about a segment of ours. Only an attempt to connect fails of it (RFC 1122
    /// section 4.2.3.9: soft errors); else it becomes the reason if the connection times out.
    pub(crate) fn tcp_complaint(&mut self, at: usize, flow: Flow, complaint: Complaint) {
        let tcp = &mut self.nodes[at].stack.tcp;
        let Some(&index) = tcp.demux.get(&(flow.source, flow.destination)) else { return };
        let Some(connection) = tcp.sockets.get_mut(index) else { return };
        let reason = match complaint {
            Complaint::NetUnreachable => ErrorKind::NetworkUnreachable,
            Complaint::HostUnreachable | Complaint::TimeExceeded => ErrorKind::HostUnreachable,
            Complaint::PortUnreachable => ErrorKind::ConnectionRefused,
        };
        if connection.stage == Stage::Connecting {
            connection.fail(reason);
            connection.wake(&mut self.wakes);
            tcp.detach(index);
        } else {
            connection.hint = Some(reason);
        }
    }
}

impl crate::stack::Stack {
    /// A socket that waits for exactly the SYN at hand.
    fn listen_once(&mut self, ends: Ends, backlog: Backlog, now: u64) -> u32 {
        let mut socket = self.tcp.socket();
        // The port of a packet that found a listener is not zero, and the socket is new: this cannot fail.
        let listening = socket.listen(ends.0);
        debug_assert!(listening.is_ok());
        self.tcp.insert(socket, ends, Stage::Handshake(backlog), now)
    }
}
