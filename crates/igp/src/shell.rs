//! The machine of [`crate::router`] on `rt`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use blackstart_rt as rt;
use rt::fib::{Protocol, Target};
use rt::net::UdpSocket;
use rt::time::{Alarm, Instant};

use crate::config::Config;
use crate::message::{LSP_LEN_MAX, Message};
use crate::router::{Input, Output, Router};

/// Routes for this host until the task is dropped.
///
/// # Errors
/// `InvalidInput` for a configuration that cannot work; whatever binding the port gives.
pub async fn run(config: Config) -> io::Result<()> {
    config.validate().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let socket = UdpSocket::bind(listen_address(&config)).await?;
    rt::fib::clear(Protocol::Igp);
    let instance = u64::try_from(rt::time::unix_now().as_nanos()).unwrap_or(u64::MAX);
    let router = Router::new(&config, instance);
    Shell { config, router, socket, started: Instant::now() }.run().await
}

fn listen_address(config: &Config) -> SocketAddr {
    let any = match config.router {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    (any, config.port).into()
}

struct Shell {
    config: Config,
    router: Router,
    socket: UdpSocket,
    started: Instant,
}

impl Shell {
    async fn run(mut self) -> io::Result<()> {
        let (mut carriers, mut alarm) = (rt::link::watch(), Alarm::default());
        self.read_carriers().await;
        let mut buffer = [0; LSP_LEN_MAX + 1];
        loop {
            let deadline = self.router.deadline().map(|at| self.started + at);
            rt::select! {
                () = carriers.changed() => self.read_carriers().await,
                received = self.socket.recv_from(&mut buffer) => self.received(received, &buffer).await,
                () = alarm.at(deadline) => self.step(Input::Tick).await,
            }
        }
    }

    async fn read_carriers(&mut self) {
        let ports = rt::link::interfaces();
        for index in 0..self.config.interfaces.len() {
            let Some(interface) = self.config.interfaces.get(index) else { continue };
            let Some(port) = ports.iter().find(|port| port.name == interface.neighbour) else { continue };
            let input =
                Input::Carrier { interface: index, address: port.neighbour_address, up: port.carrier };
            self.step(input).await;
        }
        for prefix in 0..self.config.prefixes.len() {
            let behind = self.config.prefixes.get(prefix).and_then(|advertise| advertise.behind.as_ref());
            let Some(port) = ports.iter().find(|port| Some(&port.name) == behind) else { continue };
            self.step(Input::Behind { prefix, up: port.carrier }).await;
        }
    }

    /// Errors are echoes of earlier datagrams, and bytes that are no message are nobody's: both are let go.
    async fn received(&mut self, received: io::Result<(usize, SocketAddr)>, buffer: &[u8]) {
        let Ok((length, from)) = received else { return };
        let Some(Ok(message)) = buffer.get(..length).map(Message::decode) else { return };
        self.step(Input::Received(from.ip(), message)).await;
    }

    async fn step(&mut self, input: Input) {
        let now: Duration = self.started.elapsed();
        for output in self.router.step(now, input) {
            match output {
                Output::Send(to, message) => self.send(to, &message).await,
                Output::Install(prefix, route) => {
                    rt::fib::install(Protocol::Igp, prefix, Target::Via(route.next_hops), route.metric);
                }
                Output::Remove(prefix) => rt::fib::remove(Protocol::Igp, prefix),
                Output::Event(event) => rt::emit(&event),
            }
        }
    }

    /// A datagram that cannot be sent is a lost one: what matters is sent again.
    async fn send(&self, to: IpAddr, message: &Message) {
        if let Ok(bytes) = message.encode() {
            let _ = self.socket.send_to(&bytes, (to, self.config.port)).await;
        }
    }
}
