//! A stack's connections: finding them, polling them, and their timers.

use crate::packet::{self, Bytes, Complaint, Flow};
use crate::queue::Event;
use crate::stack::connection::{Alone, Connection, Ends, NEVER, Next, Stage, Waiting};
use crate::stack::listen::Backlog;
use crate::stack::rest::Resting;
use crate::stack::{Demux, Slab, Wire, here_if_unspecified, instant};
use crate::world::World;
use crate::{Config, Congestion};
use smoltcp::iface::{Interface, PollResult, SocketSet};
use smoltcp::socket::tcp::{self, CongestionControl, SocketBuffer, State};
use smoltcp::time::{Duration as SmolDuration, Instant};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long an acknowledgement may wait for data to travel with (Linux: `TCP_DELACK_MIN`).
const ACK_DELAY: SmolDuration = SmolDuration::from_millis(40);
/// Closed sockets kept for the next connections.
const SPARES_MAX: usize = 64;

#[derive(Default)]
pub(crate) struct Tcp {
    sockets: Slab<Connection>,
    demux: Demux<Ends>,
    resting: Resting,
}

/// Closed sockets, to be opened again: clearing the buffers of a new one costs more than a whole short connection.
pub(crate) struct Spares {
    sockets: Vec<Alone>,
    buffer: usize,
    congestion: CongestionControl,
}

impl Spares {
    pub(crate) fn new(config: &Config) -> Self {
        let congestion = match config.congestion {
            Congestion::None => CongestionControl::None,
            Congestion::Reno => CongestionControl::Reno,
            Congestion::Cubic => CongestionControl::Cubic,
        };
        Spares { sockets: Vec::new(), buffer: config.tcp_buffer, congestion }
    }

    /// A closed socket. Opening it resets smoltcp's state but for what the first segments of a connection set anew, and
    /// its congestion control, which is set here.
    fn take(&mut self) -> Alone {
        let buffer = || SocketBuffer::new(vec![0; self.buffer]);
        let mut alone =
            self.sockets.pop().unwrap_or_else(|| Alone::new(tcp::Socket::new(buffer(), buffer())));
        let socket = alone.socket_mut();
        socket.set_ack_delay(Some(ACK_DELAY));
        socket.set_nagle_enabled(false);
        socket.set_congestion_control(self.congestion);
        alone
    }

    fn keep(&mut self, mut alone: Alone) {
        if self.sockets.len() < SPARES_MAX {
            alone.socket_mut().abort();
            self.sockets.push(alone);
        }
    }
}

impl Tcp {
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

    fn insert(&mut self, alone: Alone, ends: Ends, mtu: u16, stage: Stage, now: u64) -> u32 {
        let (index, _) = self.sockets.insert(Connection::new(alone, ends, mtu, stage, now));
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

    /// Forgets a connection. What its owner waits with must be dropped outside the world.
    fn remove(&mut self, index: u32, spares: &mut Spares) -> Option<Waiting> {
        self.detach(index);
        let connection = self.sockets.remove(index)?;
        let (alone, waiting) = connection.into_parts();
        spares.keep(alone);
        Some(waiting)
    }

    fn uses_port(&self, local: IpAddr, port: u16, remote: SocketAddr) -> bool {
        let ends = (SocketAddr::new(local, port), remote);
        self.demux.contains_key(&ends) || self.resting.contains(&ends)
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
        let to = SocketAddr::new(here_if_unspecified(to.ip()), to.port());
        if to.ip().is_multicast() {
            return Err(ErrorKind::NetworkUnreachable.into());
        }
        if to.port() == 0 {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        let local = self.source_for(at, local, to.ip())?;
        self.nodes[at].route_to(to.ip())?;
        let mtu = self.connection_mtu(at, to.ip());
        let stack = &mut self.nodes[at].stack;
        let port = stack.ephemeral(|stack, port| {
            stack.tcp.uses_port(local, port, to) || stack.listeners.has(SocketAddr::new(local, port))
        })?;
        let local = SocketAddr::new(local, port);
        let mut alone = self.spares.take();
        alone
            .socket_mut()
            .connect(stack.interfaces.with(mtu).context(), to, local)
            .map_err(|error| io::Error::new(ErrorKind::AddrNotAvailable, error.to_string()))?;
        let index = stack.tcp.insert(alone, (local, to), mtu, Stage::Connecting, self.now);
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

    /// Leaves the bytes where they are.
    pub(crate) fn tcp_peek(&mut self, at: usize, index: u32, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        self.nodes[at].stack.tcp.sockets.get_mut(index)?.peek(buffer)
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

    /// The owner lets go: FIN, or RST when data was left unread (RFC 2525 section 2.17) or the owner wishes so. What
    /// must be dropped outside the world comes back.
    pub(crate) fn tcp_close(&mut self, at: usize, index: u32) -> Option<Box<dyn std::any::Any>> {
        let tcp = &mut self.nodes[at].stack.tcp;
        let connection = tcp.sockets.get_mut(index)?;
        let silent = connection.dead || connection.stage == Stage::Connecting;
        if silent || connection.socket().state() == State::Closed {
            return tcp.remove(index, &mut self.spares).map(|waiting| Box::new(waiting) as _);
        }
        let reset = connection.reset_on_close || connection.socket().can_recv();
        match reset {
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
                let mtu = self.connection_mtu(at, ends.1.ip());
                let alone = self.spares.take();
                let index = self.nodes[at].stack.listen_once(alone, ends, mtu, backlog, self.now);
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
            let clock = instant(now);
            let interface = stack.interfaces.with(connection.mtu);
            if let Some(packet) = &self.wire.incoming {
                connection.shut = packet::shuts_window(packet);
                interface.poll_ingress_single(clock, &mut self.wire, &mut connection.alone.set);
            }
            if connection.stage == Stage::Orphan && connection.socket().can_recv() {
                connection.socket_mut().abort();
            }
            let due = send_all(interface, clock, &mut self.wire, &mut connection.alone.set, !heard);
            for segment in &mut self.wire.outgoing {
                let sent = packet::keep_sequence(segment, connection.sent, connection.shut);
                connection.sent = sent.or(connection.sent);
            }
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
                tcp.remove(index, &mut self.spares);
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
        let Some(ends) = tcp.sockets.get(index).map(|connection| connection.ends) else { return };
        tcp.remove(index, &mut self.spares);
        tcp.resting.insert(ends, ack, self.now);
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

    /// A deadline passed while the machine stood still: it is now.
    pub(crate) fn tcp_overdue(&mut self, at: usize, index: u32, generation: u32) {
        if let Some(connection) = self.nodes[at].stack.tcp.get(index, generation) {
            connection.armed = self.now;
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
                tcp.remove(index, &mut self.spares);
            }
            Stage::Connecting | Stage::Queued | Stage::Open => {
                let reason = connection.hint.unwrap_or(ErrorKind::TimedOut);
                connection.fail(reason);
                connection.wake(&mut self.wakes);
                tcp.detach(index);
            }
        }
    }

    /// A segment was too large for the path. What was lost goes out again, in smaller ones, when its retransmission is
    /// due.
    pub(super) fn tcp_narrow(&mut self, at: usize, flow: Flow, mtu: u16) {
        let tcp = &mut self.nodes[at].stack.tcp;
        let Some(&index) = tcp.demux.get(&(flow.source, flow.destination)) else { return };
        if let Some(connection) = tcp.sockets.get_mut(index) {
            connection.mtu = connection.mtu.min(mtu);
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
            // Not about whether it can be reached.
            Complaint::TooBig { .. } => return,
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

/// Lets a socket send all that it can. Gives when it wants to be polled next. Whether it has something to send is asked
/// first unless it is `likely`: that costs less than to try in vain.
fn send_all(
    interface: &mut Interface,
    clock: Instant,
    wire: &mut Wire,
    set: &mut SocketSet<'static>,
    likely: bool,
) -> Option<Instant> {
    let mut due = if likely { Some(clock) } else { interface.poll_at(clock, set) };
    while due.is_some_and(|due| due <= clock) {
        let sent = interface.poll_egress(clock, wire, set);
        due = interface.poll_at(clock, set);
        if sent == PollResult::None {
            break;
        }
    }
    due
}

impl crate::stack::Stack {
    /// A socket that waits for exactly the SYN at hand.
    fn listen_once(&mut self, mut alone: Alone, ends: Ends, mtu: u16, backlog: Backlog, now: u64) -> u32 {
        // The port of a packet that found a listener is not zero, and the socket is closed: this cannot fail.
        let listening = alone.socket_mut().listen(ends.0);
        debug_assert!(listening.is_ok());
        self.tcp.insert(alone, ends, mtu, Stage::Handshake(backlog), now)
    }
}
