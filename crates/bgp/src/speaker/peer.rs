//! One session's task: the state machine of [`crate::session`] on a socket.

use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::TcpStream;
use rt::time::{Alarm, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::connection::Connection;
use super::run::Inbound;
use crate::config::{Config, Neighbour};
use crate::rib::{PeerId, PeerUp};
use crate::session::{DownReason, Input, Loss, Output, Session, State, keeps_own_call};
use crate::wire::{Message, Update};

/// What the routes' task tells a session.
pub(super) enum ToPeer {
    /// Run: at start, and when the direct link has its carrier back.
    Start,
    /// The direct link lost its carrier.
    LinkDown,
    /// The neighbour called.
    Incoming(TcpStream),
    /// Send this.
    Send(Update),
}

type Call = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

pub(super) struct Peer {
    id: PeerId,
    neighbour: Neighbour,
    session: Session,
    commands: UnboundedReceiver<ToPeer>,
    inbox: UnboundedSender<Inbound>,
    draws: rt::rand::Stream,
    started: Instant,
    alarm: Alarm,
    call: Option<Call>,
    connection: Option<Connection>,
}

/// What woke the task.
enum Wake {
    Told(Option<ToPeer>),
    Called(io::Result<TcpStream>),
    Read(io::Result<usize>),
    Timer,
}

impl Peer {
    pub(super) fn new(
        config: &Config,
        id: PeerId,
        neighbour: &Neighbour,
        commands: UnboundedReceiver<ToPeer>,
        inbox: UnboundedSender<Inbound>,
    ) -> Self {
        Self {
            id,
            neighbour: neighbour.clone(),
            session: Session::new(config, neighbour),
            commands,
            inbox,
            draws: rt::rand::stream(&format!("bgp.session.{}", neighbour.address)),
            started: Instant::now(),
            alarm: Alarm::default(),
            call: None,
            connection: None,
        }
    }

    /// Ends when the routes' task is gone.
    pub(super) async fn run(mut self) {
        loop {
            match self.wake().await {
                Wake::Told(Some(command)) => self.told(command),
                Wake::Told(None) => return,
                Wake::Called(Ok(stream)) => self.adopt(stream, true),
                Wake::Called(Err(error)) => self.step(Input::Disconnected(loss(&error))),
                Wake::Read(Ok(0)) => self.step(Input::Disconnected(Loss::Closed)),
                Wake::Read(Ok(_)) => self.read(),
                Wake::Read(Err(error)) => self.step(Input::Disconnected(loss(&error))),
                Wake::Timer => self.step(Input::Tick),
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let deadline = self.session.deadline().map(|at| self.started + at);
        rt::select! {
            command = self.commands.recv() => Wake::Told(command),
            called = finished(&mut self.call) => Wake::Called(called),
            read = exchanged(&mut self.connection) => Wake::Read(read),
            () = self.alarm.at(deadline) => Wake::Timer,
        }
    }

    fn told(&mut self, command: ToPeer) {
        match command {
            ToPeer::Start => self.step(Input::Start),
            ToPeer::LinkDown => self.step(Input::Stop(DownReason::LinkDown)),
            ToPeer::Incoming(stream) => self.incoming(stream),
            ToPeer::Send(update) if self.session.state() == State::Established => {
                self.send(Message::Update(update))
            }
            ToPeer::Send(_) => {} // the routes' task has not yet heard that the session is down
        }
    }

    /// The neighbour called. RFC 4271 6.8, decided by address; see [`keeps_own_call`].
    fn incoming(&mut self, stream: TcpStream) {
        let is_answered = match self.session.state() {
            State::Idle | State::Established => false,
            State::Active => true,
            State::Connect => !self.keeps_own_call(&stream),
            // A second call of theirs means that they gave up the first.
            State::OpenSent | State::OpenConfirm => {
                self.connection.as_ref().is_some_and(|old| !old.is_ours) || !self.keeps_own_call(&stream)
            }
        };
        if is_answered {
            if self.session.state() != State::Active {
                self.step(Input::Disconnected(Loss::Closed));
            }
            self.adopt(stream, false);
        }
    }

    fn keeps_own_call(&self, incoming: &TcpStream) -> bool {
        let local = incoming.local_addr().map(|local| local.ip().to_canonical());
        local.is_ok_and(|local| keeps_own_call(local, self.neighbour.address))
    }

    fn adopt(&mut self, stream: TcpStream, is_ours: bool) {
        self.call = None;
        self.connection = Some(Connection::new(stream, is_ours));
        self.step(Input::Connected);
    }

    /// Hands every whole message to the machine, until it closes the connection.
    fn read(&mut self) {
        while let Some(connection) = &mut self.connection {
            match connection.message(self.session.peering()) {
                Ok(Some(message)) => self.step(Input::Received(message)),
                Ok(None) => return,
                Err(notification) => self.step(Input::Malformed(notification)),
            }
        }
    }

    fn step(&mut self, input: Input) {
        let now: Duration = self.started.elapsed();
        for output in self.session.step(now, self.draws.unit(), input) {
            match output {
                Output::Connect => self.call = Some(Box::pin(call(self.neighbour.clone()))),
                Output::Send(message) => self.send(message),
                Output::Disconnect => self.disconnect(),
                Output::Up(agreed) => match self.connection.as_ref().map(Connection::local_address) {
                    Some(Ok(local_address)) => {
                        self.report(Inbound::Up(self.id, PeerUp { agreed, local_address }))
                    }
                    _ => self.disconnect(), // broken already; reading will tell
                },
                Output::Down(reason) => self.report(Inbound::Down(self.id, reason)),
                Output::Deliver(update) => self.report(Inbound::Update(self.id, update)),
            }
        }
    }

    fn send(&mut self, message: Message) {
        let peering = self.session.peering();
        if let Some(connection) = &mut self.connection {
            connection.send(message, peering);
        }
    }

    fn disconnect(&mut self) {
        self.call = None;
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }

    /// The routes' task outlives its sessions; when it does not, the session ends with the next command.
    fn report(&self, what: Inbound) {
        let _ = self.inbox.send(what);
    }
}

async fn call(neighbour: Neighbour) -> io::Result<TcpStream> {
    let peer = SocketAddr::new(neighbour.address, neighbour.port);
    match neighbour.local_address {
        Some(local) => TcpStream::connect_from(local, peer).await,
        None => TcpStream::connect(peer).await,
    }
}

/// Waits for the call to end; for ever when there is none.
async fn finished(call: &mut Option<Call>) -> io::Result<TcpStream> {
    let Some(ringing) = call else { return pending().await };
    let result = ringing.await;
    *call = None;
    result
}

async fn exchanged(connection: &mut Option<Connection>) -> io::Result<usize> {
    match connection {
        Some(connection) => connection.exchange().await,
        None => pending().await,
    }
}

fn loss(error: &io::Error) -> Loss {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, TimedOut};
    match error.kind() {
        ConnectionRefused | ConnectionReset | ConnectionAborted | BrokenPipe => Loss::Reset,
        TimedOut => Loss::TimedOut,
        _ => Loss::Unreachable,
    }
}
