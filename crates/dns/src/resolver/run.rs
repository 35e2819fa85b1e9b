//! The resolver on sockets: one task owns the [`Core`], the others carry bytes to and from it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use blackstart_rt as rt;
use blackstart_rt::Map;
use blackstart_rt::time::Alarm;
use tokio::sync::mpsc;

use super::crowd::{self, Crowd};
use super::{Client, Config, Core, Input, Output};
use crate::event::{Outcomes, Role};
use crate::load::{Load, report};
use crate::message::Transport;
use crate::shell::{self, SERVICE, TCP_IDLE, Tasks};

/// Inputs that may wait for the core; senders wait beyond it.
const INPUTS_MAX: usize = 1024;
/// Answers that may wait for one TCP client; it is hung up on beyond that.
const ANSWERS_MAX: usize = 64;

type Inputs = mpsc::Sender<Input>;
/// Where the answers to open TCP connections go.
type Connections = Rc<RefCell<Map<u64, mpsc::Sender<Vec<u8>>>>>;

/// Serves until it is dropped.
///
/// # Errors
/// `InvalidInput` for unusable root hints; otherwise when an address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let seed = rt::rand::stream("dns-resolver").next_u64();
    let core = Core::new(config.clone(), seed).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    let (inputs, arriving) = mpsc::channel(INPUTS_MAX);
    let mut tasks = Tasks::default();
    let load = Rc::default();
    if config.report_load {
        tasks.spawn(report(Rc::clone(&load), Role::Resolver));
    }
    let crowd = match config.crowd {
        Some(config) => Some(Rc::new(RefCell::new(Crowd::new(config)?))),
        None => None,
    };
    if let Some(crowd) = &crowd {
        tasks.spawn(crowd::hear(Rc::clone(crowd)));
        tasks.spawn(crowd::carry(Rc::clone(crowd)));
    }
    let shell = Shell {
        core,
        clients: listen(&config.listen, &inputs, &mut tasks).await?,
        upstream: upstream_sockets(config.ipv6, &inputs, &mut tasks).await?,
        inputs,
        outcomes: Outcomes::default(),
        load,
        crowd,
    };
    tasks.spawn(shell.run(arriving));
    tasks.join().await
}

/// The ways back to clients.
#[derive(Debug)]
struct Clients {
    /// By listening address; a UDP client's `connection` is the index.
    sockets: Vec<Rc<rt::net::UdpSocket>>,
    connections: Connections,
}

async fn listen(addresses: &[SocketAddr], inputs: &Inputs, tasks: &mut Tasks) -> io::Result<Clients> {
    let mut clients = Clients { sockets: Vec::new(), connections: Connections::default() };
    let connections_made = Rc::new(RefCell::new(0));
    for (index, address) in (0..).zip(addresses) {
        let socket = Rc::new(rt::net::UdpSocket::bind(*address).await?);
        let listener = rt::net::TcpListener::bind(*address).await?;
        tasks.spawn(hear_udp(Rc::clone(&socket), index, inputs.clone()));
        let door = Door {
            inputs: inputs.clone(),
            connections: Rc::clone(&clients.connections),
            made: Rc::clone(&connections_made),
        };
        tasks.spawn(shell::accept(listener, move |stream| door.clone().serve(stream)));
        clients.sockets.push(socket);
    }
    Ok(clients)
}

async fn hear_udp(socket: Rc<rt::net::UdpSocket>, index: u64, inputs: Inputs) {
    shell::receive(socket, |bytes, from| {
        let client =
            Client { peer: from.peer, local: from.local, transport: Transport::Udp, connection: index };
        pass(inputs.clone(), Input::Client { client, bytes })
    })
    .await;
}

/// Hands an input to the core; when the core is gone, so is the need for it.
async fn pass(inputs: Inputs, input: Input) {
    let _ = inputs.send(input).await;
}

/// What a TCP client's task needs.
#[derive(Clone, Debug)]
struct Door {
    inputs: Inputs,
    connections: Connections,
    made: Rc<RefCell<u64>>,
}

impl Door {
    /// Queries may be pipelined and answered out of order (RFC 7766 6.2.1.1).
    async fn serve(self, stream: rt::net::TcpStream) {
        let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
        let connection = self.next_connection();
        let client = Client { peer, local: local.ip(), transport: Transport::Tcp, connection };
        let (answers, to_send) = mpsc::channel(ANSWERS_MAX);
        self.connections.borrow_mut().insert(connection, answers);
        let (reading, writing) = tokio::io::split(stream);
        rt::select! {
            () = self.read(reading, client) => {}
            () = write(writing, to_send) => {}
        }
        self.connections.borrow_mut().remove(&connection);
    }

    fn next_connection(&self) -> u64 {
        let mut made = self.made.borrow_mut();
        *made += 1;
        *made
    }

    async fn read(&self, mut stream: tokio::io::ReadHalf<rt::net::TcpStream>, client: Client) {
        while let Ok(Ok(bytes)) = rt::time::timeout(TCP_IDLE, shell::read_message(&mut stream)).await {
            pass(self.inputs.clone(), Input::Client { client, bytes }).await;
        }
    }
}

async fn write(mut stream: tokio::io::WriteHalf<rt::net::TcpStream>, mut answers: mpsc::Receiver<Vec<u8>>) {
    while let Some(answer) = answers.recv().await {
        let sending = shell::write_message(&mut stream, &answer);
        if !matches!(rt::time::timeout(TCP_IDLE, sending).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// One socket per family for all queries to servers.
async fn upstream_sockets(
    ipv6: bool,
    inputs: &Inputs,
    tasks: &mut Tasks,
) -> io::Result<Vec<Rc<rt::net::UdpSocket>>> {
    let any = [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)];
    let mut sockets = Vec::new();
    for address in any.into_iter().take(if ipv6 { 2 } else { 1 }) {
        let socket = Rc::new(rt::net::UdpSocket::bind(SocketAddr::new(address, 0)).await?);
        tasks.spawn(hear_servers(Rc::clone(&socket), inputs.clone()));
        sockets.push(socket);
    }
    Ok(sockets)
}

async fn hear_servers(socket: Rc<rt::net::UdpSocket>, inputs: Inputs) {
    shell::receive(socket, |bytes, from| {
        pass(inputs.clone(), Input::Upstream { from: from.peer, transport: Transport::Udp, bytes })
    })
    .await;
}

/// The core and its hands.
struct Shell {
    core: Core,
    clients: Clients,
    /// IPv4, then IPv6 if configured.
    upstream: Vec<Rc<rt::net::UdpSocket>>,
    inputs: Inputs,
    outcomes: Outcomes,
    load: Rc<RefCell<Load>>,
    crowd: Option<Rc<RefCell<Crowd>>>,
}

impl Shell {
    async fn run(mut self, mut arriving: mpsc::Receiver<Input>) {
        let mut alarm = Alarm::default();
        while let Some(input) = self.next_input(&mut arriving, &mut alarm).await {
            if self.drops(&input) {
                continue;
            }
            let mut inputs = VecDeque::from([input]);
            while let Some(input) = inputs.pop_front() {
                for output in self.core.handle(rt::time::Instant::now(), input) {
                    inputs.extend(self.carry_out(output).await);
                }
            }
        }
    }

    /// Whether it is a query for which there is no capacity left.
    fn drops(&self, input: &Input) -> bool {
        let crowd = self.crowd.as_ref().filter(|_| matches!(input, Input::Client { .. }));
        crowd.is_some_and(|crowd| crowd.borrow_mut().drops())
    }

    /// The next arrival, or a tick when one is due before.
    async fn next_input(&self, arriving: &mut mpsc::Receiver<Input>, alarm: &mut Alarm) -> Option<Input> {
        rt::select! {
            input = arriving.recv() => input,
            () = alarm.at(self.core.next_deadline()) => Some(Input::Tick),
        }
    }

    /// Does what the core wants; the answer is the input that follows from a failure.
    async fn carry_out(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Ask { id, to, transport, bytes } => {
                self.load.borrow_mut().asked_upstream();
                if let Some(crowd) = &self.crowd {
                    crowd.borrow_mut().asked(to);
                }
                self.ask(id, to, transport, bytes).await
            }
            Output::Answer { client, bytes, name, rcode, addresses, waited } => {
                self.load.borrow_mut().answered(rcode, waited);
                if let Some(name) = name {
                    if let Some(crowd) = &self.crowd {
                        crowd.borrow_mut().answered(&name, rcode, waited);
                    }
                    let news = self.outcomes.news(&name, rcode, &addresses);
                    news.into_iter().flatten().for_each(|event| rt::emit(&event));
                }
                self.answer(client, bytes).await;
                None
            }
        }
    }

    async fn ask(&self, id: u16, to: SocketAddr, transport: Transport, bytes: Vec<u8>) -> Option<Input> {
        let unsent = Input::Unsent { id, to };
        match transport {
            Transport::Udp => {
                let Some(socket) = self.upstream.get(usize::from(to.is_ipv6())) else { return Some(unsent) };
                socket.send_to(&bytes, to).await.err().map(|_| unsent)
            }
            Transport::Tcp => {
                rt::task::spawn(SERVICE, ask_over_tcp(to, bytes, unsent, self.inputs.clone()));
                None
            }
        }
    }

    async fn answer(&self, client: Client, bytes: Vec<u8>) {
        match client.transport {
            Transport::Udp => {
                let socket =
                    usize::try_from(client.connection).ok().and_then(|i| self.clients.sockets.get(i));
                match socket {
                    // Late replies hold up nobody else's.
                    Some(socket) if rt::task::is_ailing() => {
                        let to = shell::Arrival { peer: client.peer, local: client.local };
                        rt::task::spawn(SERVICE, shell::reply_spoilt(socket.clone(), bytes, to));
                    }
                    // A reply that cannot leave is lost like any datagram.
                    Some(socket) => drop(socket.reply_from(&bytes, client.local, client.peer).await),
                    None => {}
                }
            }
            Transport::Tcp => {
                // A client that has hung up, or reads nothing, does without.
                let connections = self.clients.connections.borrow();
                let _ = connections.get(&client.connection).map(|answers| answers.try_send(bytes));
            }
        }
    }
}

/// One query on a connection of its own. The core keeps the time; this only must not linger.
async fn ask_over_tcp(to: SocketAddr, query: Vec<u8>, unsent: Input, inputs: Inputs) {
    let asking = async {
        let mut stream = rt::net::TcpStream::connect(to).await?;
        shell::write_message(&mut stream, &query).await?;
        shell::read_message(&mut stream).await
    };
    let input = match rt::time::timeout(TCP_IDLE, asking).await {
        Ok(Ok(bytes)) => Input::Upstream { from: to, transport: Transport::Tcp, bytes },
        _ => unsent,
    };
    pass(inputs, input).await;
}
