//! The shell around the core: one hub task owns the state, each connection has a reading and a writing task.
//!
//! A client that does not read has a queue of [`QUEUE_LINES`]; when that is full it is dropped, so that it
//! costs the others neither memory nor time.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_dns::endpoint::Endpoint;
use blackstart_dns::stub::{self, Resolver};
use blackstart_rt as rt;
use rt::Map;
use rt::net::{TcpListener, TcpStream};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use crate::core::{ClientId, Core, Input, Kept, Output, Settings};
use crate::framing::{Frame, LineBuffer};
use crate::history::{self, History};
use crate::verify::SignIn;

/// Lines that may wait for a client that does not read.
pub const QUEUE_LINES: usize = 512;

/// A write that makes no progress for so long ends the connection.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Configuration of a chat server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Name, message of the day, limits.
    #[serde(default)]
    pub settings: Settings,
    /// The sign-in service, `name:port` or `address:port`; without one, anybody may come in.
    #[serde(default)]
    pub identity: Option<Endpoint>,
    /// Who resolves the sign-in service's name; not needed for an address.
    #[serde(default = "nobody")]
    pub resolver: stub::Config,
    /// A client silent for so long is pinged, and dropped after as long again, seconds.
    #[serde(default = "ping_s")]
    pub ping_s: u64,
    /// More connections at once than this are closed unheard.
    #[serde(default = "connections_max")]
    pub connections_max: usize,
}

fn nobody() -> stub::Config {
    stub::Config::new(Vec::new())
}

fn ping_s() -> u64 {
    90
}

fn connections_max() -> usize {
    4096
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    serve(TcpListener::bind(config.listen).await?, config).await
}

/// As [`run`], on a listener that is bound already; `config.listen` is ignored.
///
/// # Errors
/// When the history cannot be read.
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    let (history, lines) = History::open().await?;
    let (inputs, mut arriving) = mpsc::channel(64);
    let mut hub = Hub::new(config, history, inputs);
    lines.iter().for_each(|line| hub.core.kept(line));
    loop {
        rt::select! {
            // Never `None`: the hub holds a sender itself.
            Some((id, input)) = arriving.recv() => hub.handle(id, input).await,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => hub.accept(stream, peer).await,
                // A peer that gave up, or no descriptor left: neither is a reason to stop serving the others.
                Err(_) => rt::time::sleep(Duration::from_millis(100)).await,
            },
        }
    }
}

type Inputs = mpsc::Sender<(ClientId, Input)>;

struct Hub {
    core: Core,
    history: History,
    sign_in: Option<Rc<SignIn>>,
    ping: Duration,
    connections_max: usize,
    connections: Map<ClientId, Connection>,
    next_id: ClientId,
    inputs: Inputs,
}

struct Connection {
    queue: mpsc::Sender<String>,
    reading: rt::task::JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The writing task ends by itself once the queue is sent.
        self.reading.abort();
    }
}

impl Hub {
    fn new(config: Config, history: History, inputs: Inputs) -> Self {
        let resolver = Resolver::with_config(config.resolver);
        let sign_in = config.identity.map(|service| Rc::new(SignIn { resolver, service }));
        Self {
            core: Core::new(config.settings, sign_in.is_some()),
            history,
            sign_in,
            // At least a second: zero would ping without end.
            ping: Duration::from_secs(config.ping_s.max(1)),
            connections_max: config.connections_max,
            connections: Map::new(),
            next_id: 0,
            inputs,
        }
    }

    async fn accept(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.connections.len() >= self.connections_max {
            return;
        }
        let id = self.next_id;
        self.next_id += 1;
        stream.set_user_timeout(Some(WRITE_TIMEOUT));
        let (from_client, to_client) = tokio::io::split(stream);
        let (queue, queued) = mpsc::channel(QUEUE_LINES);
        let reading = rt::task::spawn("chat/read", read(id, from_client, self.ping, self.inputs.clone()));
        rt::task::spawn("chat/write", write(id, to_client, queued, self.inputs.clone()));
        self.connections.insert(id, Connection { queue, reading });
        self.handle(id, Input::Connected { host: peer.ip().to_string() }).await;
    }

    async fn handle(&mut self, id: ClientId, input: Input) {
        let mut pending = VecDeque::from([(id, input)]);
        while let Some((id, input)) = pending.pop_front() {
            for output in self.core.handle(id, input) {
                pending.extend(self.act(output).await);
            }
        }
    }

    /// Does what the core wants; answers what that caused.
    async fn act(&mut self, output: Output) -> Vec<(ClientId, Input)> {
        match output {
            Output::Send(to, line) => return self.send(to, line).into_iter().collect(),
            Output::Keep(kept) => return self.keep(kept).await,
            Output::Close(id) => drop(self.connections.remove(&id)),
            Output::Verify(id, token) => self.verify(id, token),
            Output::Record(event) => rt::emit(&event),
        }
        Vec::new()
    }

    fn send(&self, to: ClientId, line: String) -> Option<(ClientId, Input)> {
        let overflown = self.connections.get(&to)?.queue.try_send(line).is_err();
        overflown.then(|| (to, Input::Gone { why: "Send queue exceeded".to_owned() }))
    }

    /// Nobody hears what the disk did not take.
    async fn keep(&mut self, kept: Kept) -> Vec<(ClientId, Input)> {
        let line = history::timed(rt::time::unix_now(), &kept.line);
        let sends = match self.history.keep(&line).await {
            Ok(()) => {
                self.core.kept(&line);
                kept.sends
            }
            Err(_) => vec![kept.refusal],
        };
        sends.into_iter().filter_map(|(to, line)| self.send(to, line)).collect()
    }

    fn verify(&self, id: ClientId, token: String) {
        // The core asks only when a service is configured.
        let Some(sign_in) = self.sign_in.clone() else { return };
        let inputs = self.inputs.clone();
        rt::task::spawn("chat/verify", async move {
            let verdict = sign_in.verify(&token).await;
            // The hub outlives its tasks, or nobody cares any more.
            let _ = inputs.send((id, Input::Verified(verdict))).await;
        });
    }
}

async fn read(id: ClientId, mut stream: ReadHalf<TcpStream>, ping: Duration, inputs: Inputs) {
    let mut lines = LineBuffer::default();
    let mut bytes = [0; 1024];
    loop {
        let arrived = match rt::time::timeout(ping, stream.read(&mut bytes)).await {
            Err(_) => vec![Input::Idle],
            Ok(Ok(0)) => vec![Input::Gone { why: "Connection closed".to_owned() }],
            Ok(Ok(n)) => lines.feed(&bytes[..n]).into_iter().map(Input::from).collect(),
            Ok(Err(error)) => vec![Input::Gone { why: error.to_string() }],
        };
        let ended = matches!(arrived[..], [Input::Gone { .. }]);
        for input in arrived {
            if inputs.send((id, input)).await.is_err() {
                return;
            }
        }
        if ended {
            return;
        }
    }
}

impl From<Frame> for Input {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Line(line) => Self::Line(line),
            Frame::TooLong => Self::TooLong,
        }
    }
}

async fn write(
    id: ClientId,
    mut stream: WriteHalf<TcpStream>,
    mut queue: mpsc::Receiver<String>,
    inputs: Inputs,
) {
    while let Some(line) = queue.recv().await {
        let written = rt::time::timeout(WRITE_TIMEOUT, stream.write_all(line.as_bytes())).await;
        if !matches!(written, Ok(Ok(()))) {
            // The hub outlives its tasks, or nobody cares any more.
            let _ = inputs.send((id, Input::Gone { why: "Write error".to_owned() })).await;
            return;
        }
    }
    // The peer may be gone already.
    let _ = stream.shutdown().await;
}
