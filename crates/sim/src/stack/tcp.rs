//! A stack's connections: finding them, polling them, and their timers.

use crate::hash::{Word, fold};
use crate::node::DropCause;
use crate::packet::{self, Bytes, Complaint, Flow, HOP_LIMIT};
use crate::queue::Event;
use crate::stack::connection::{Connection, Ends, Next, Stage, Waiting};
use crate::stack::listen::Backlog;
use crate::stack::rest::Resting;
use crate::stack::{Demux, Slab, here_if_unspecified};
use crate::tcb::segment::{self, Head};
use crate::tcb::{self, NEVER, State, Tcb};
use crate::world::World;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// No window is larger (RFC 7323 section 2.3).
const BUFFER_MAX: usize = 1 << 30;

pub(crate) struct Tcp {
    sockets: Slab<Connection>,
    demux: Demux<Ends>,
    resting: Resting,
    secret: u64,
}

impl Tcp {
    pub(crate) fn new(seed: u64) -> Self {
        Tcp { sockets: Slab::default(), demux: Demux::default(), resting: Resting::default(), secret: seed }
    }

    /// Where a connection's numbers begin (RFC 6528 section 3): a clock that ticks every four microseconds, and what only
    /// this host knows.
    fn first_number(&self, ends: &Ends, now: u64) -> u32 {
        let clock = (now / 4000) as u32;
        clock.wrapping_add(fold(self.secret, ends.word()) as u32)
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

    fn insert(&mut self, tcb: Tcb, ends: Ends, stage: Stage, now: u64) -> u32 {
        let (index, _) = self.sockets.insert(Connection::new(tcb, ends, stage, now));
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
    fn remove(&mut self, index: u32) -> Option<Waiting> {
        self.detach(index);
        let connection = self.sockets.remove(index)?;
        Some((connection.readers, connection.writers))
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
        let stack = &mut self.nodes[at].stack;
        let port = stack.ephemeral(|stack, port| {
            stack.tcp.uses_port(local, port, to) || stack.listeners.has(SocketAddr::new(local, port))
        })?;
        let ends = (SocketAddr::new(local, port), to);
        let tcb = Tcb::connect(&self.tcp_options(at, &ends));
        let tcp = &mut self.nodes[at].stack.tcp;
        let index = tcp.insert(tcb, ends, Stage::Connecting, self.now);
        let generation = tcp.generation(index);
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
            && connection.tcb.opens_by(read)
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
            connection.tcb.close();
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
        if silent || connection.tcb.state() == State::Closed {
            return tcp.remove(index).map(|waiting| Box::new(waiting) as _);
        }
        let reset = connection.reset_on_close || connection.tcb.can_receive();
        match reset {
            true => connection.tcb.abort(),
            false => connection.tcb.close(),
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
            connection.tcb.abort();
            self.touch(at, index);
        }
    }

    pub(crate) fn deliver_tcp(&mut self, at: usize, flow: Flow, bytes: Bytes) {
        let Some((head, payload)) = segment::read(&bytes) else {
            return self.discard(at, DropCause::Malformed, bytes);
        };
        let ends = (flow.destination, flow.source);
        let tcp = &mut self.nodes[at].stack.tcp;
        if let Some(&index) = tcp.demux.get(&ends) {
            self.poll_tcp(at, index, Some((&head, payload)));
            return self.wire.recycle(bytes);
        }
        if let Some(ack) = tcp.resting.ack(&ends, self.now) {
            if !head.opens() {
                let ack = head.is_fin().then(|| ack.clone());
                self.wire.recycle(bytes);
                self.wire.outgoing.extend(ack);
                return self.flush_wire(at);
            }
            tcp.resting.remove(&ends);
        }
        let stack = &mut self.nodes[at].stack;
        match stack.listeners.admit(flow.destination).filter(|_| head.opens()) {
            Some(Some(backlog)) => {
                let tcb = Tcb::accept(&self.tcp_options(at, &ends), &head);
                let stage = Stage::Handshake(backlog);
                let index = self.nodes[at].stack.tcp.insert(tcb, ends, stage, self.now);
                self.poll_tcp(at, index, None);
            }
            Some(None) => return self.discard(at, DropCause::QueueFull, bytes),
            None => {
                if let Some(refusal) = tcb::refuse(&head, payload.len()) {
                    self.wire.write(ends, HOP_LIMIT, &refusal, 0, |_| ());
                    self.flush_wire(at);
                }
            }
        }
        self.wire.recycle(bytes);
    }

    /// What a new connection is made with.
    fn tcp_options(&mut self, at: usize, ends: &Ends) -> tcb::Options {
        let mtu = self.connection_mtu(at, ends.1.ip());
        let number = self.nodes[at].stack.tcp.first_number(ends, self.now);
        let ip_header = packet::header_len_to(ends.1.ip()) as u16;
        let buffer = self.config.tcp_buffer.min(BUFFER_MAX) as u32;
        tcb::Options { buffer, congestion: self.config.congestion, mtu, ip_header, number }
    }

    /// Gives a connection its segment, or its time, and sends what it has to say.
    pub(crate) fn poll_tcp(&mut self, at: usize, index: u32, arrived: Option<(&Head, &[u8])>) {
        let now = self.now;
        let tcp = &mut self.nodes[at].stack.tcp;
        let Some(connection) = tcp.sockets.get_mut(index).filter(|connection| !connection.dead) else {
            return;
        };
        connection.dirty = false;
        let tcb = &mut connection.tcb;
        let (before, pending) = (tcb.state(), tcb.unacknowledged());
        if let Some((head, payload)) = arrived
            && let Some(answer) = tcb.arrive(now, head, payload)
        {
            self.wire.write(connection.ends, connection.ttl, &answer, 0, |_| ());
        }
        if connection.stage == Stage::Orphan && tcb.can_receive() {
            tcb.abort();
        }
        while let Some(next) = tcb.next_segment(now) {
            let fill = |space: &mut [u8]| tcb.payload(&next.payload, space);
            self.wire.write(connection.ends, connection.ttl, &next.head, next.payload.len(), fill);
        }
        connection.wanted = match tcb.due() {
            NEVER => NEVER,
            due => due.max(now + 1000),
        };
        connection.note_progress(now, pending, arrived.is_some());
        let reset = arrived.is_some_and(|(head, _)| head.is_rst());
        let next = connection.digest(before, reset);
        connection.wake(&mut self.wakes);
        self.follow(at, index, next);
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
        let Some(ends) = tcp.sockets.get(index).map(|connection| connection.ends) else { return };
        tcp.remove(index);
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

    /// A segment was too large for the path.
    pub(super) fn tcp_narrow(&mut self, at: usize, flow: Flow, mtu: u16) {
        let tcp = &mut self.nodes[at].stack.tcp;
        let Some(&index) = tcp.demux.get(&(flow.source, flow.destination)) else { return };
        if let Some(connection) = tcp.sockets.get_mut(index)
            && connection.tcb.narrow(mtu)
        {
            self.touch(at, index);
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
