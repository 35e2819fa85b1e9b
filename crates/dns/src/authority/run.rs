//! The authority on sockets.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_crowd::{Claims, ear};
use blackstart_rt as rt;
use serde::Deserialize;

use super::{Zones, answer};
use crate::ailing;
use crate::event::{Event, Role};
use crate::load::{CrowdWindows, Load, report};
use crate::message::Transport;
use crate::shell::{self, TCP_IDLE, Tasks};

/// How often what crowds ask is looked at.
const CROWD_STEP: Duration = Duration::from_secs(30);

/// How an authority serves. Its zones come separately, parsed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where it is heard, over UDP and TCP; answers leave from the address that was asked.
    pub listen: Vec<SocketAddr>,
    /// Emit a [`crate::Event::Load`] every minute in which something was asked.
    pub report_load: bool,
    /// Hear what crowds ask, and record it.
    pub hears_crowd: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config { listen: vec![SocketAddr::from(([0, 0, 0, 0], 53))], report_load: false, hears_crowd: false }
    }
}

/// A server's zones and counters.
#[derive(Debug)]
struct Server {
    zones: Zones,
    load: Rc<RefCell<Load>>,
}

impl Server {
    fn answer(&self, bytes: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let reply = answer(&self.zones, bytes, transport)?;
        self.load.borrow_mut().answered(reply.rcode, Duration::ZERO);
        Some(reply.bytes)
    }
}

/// Serves `zones` until it is dropped.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(config: Config, zones: Zones) -> io::Result<()> {
    let server = Rc::new(Server { zones, load: Rc::default() });
    let mut tasks = Tasks::default();
    for address in config.listen {
        let socket = rt::net::UdpSocket::bind(address).await?;
        let listener = rt::net::TcpListener::bind(address).await?;
        tasks.spawn(serve_udp(Rc::clone(&server), Rc::new(socket)));
        tasks.spawn(serve_tcp(Rc::clone(&server), listener));
    }
    if config.report_load {
        tasks.spawn(report(Rc::clone(&server.load), Role::Authority));
    }
    if config.hears_crowd {
        let claims = Rc::default();
        tasks.spawn(hear(Rc::clone(&claims)));
        tasks.spawn(count(claims));
    }
    tasks.join().await
}

async fn hear(claims: Rc<RefCell<Claims>>) {
    if let Err(error) = ear::hear(claims).await {
        rt::emit(&Event::CrowdUnheard { reason: error.to_string() });
    }
}

/// Records what crowds ask. An authority that is reached fails nobody.
async fn count(claims: Rc<RefCell<Claims>>) {
    let mut windows = CrowdWindows::new(Role::Authority);
    loop {
        rt::time::sleep(CROWD_STEP).await;
        windows.see(claims.borrow().total(rt::time::Instant::now()), 0.0);
    }
}

async fn serve_udp(server: Rc<Server>, socket: Rc<rt::net::UdpSocket>) {
    shell::receive(Rc::clone(&socket), |bytes, from| {
        let reply = server.answer(&bytes, Transport::Udp);
        let socket = Rc::clone(&socket);
        async move {
            match reply {
                // Late replies hold up nobody else's.
                Some(reply) if rt::task::is_ailing() => {
                    rt::task::spawn(shell::SERVICE, shell::reply_spoilt(socket, reply, from));
                }
                // A reply that cannot leave is lost like any datagram.
                Some(reply) => drop(socket.reply_from(&reply, from.local, from.peer).await),
                None => {}
            }
        }
    })
    .await;
}

async fn serve_tcp(server: Rc<Server>, listener: rt::net::TcpListener) {
    shell::accept(listener, |mut stream| {
        let server = Rc::clone(&server);
        async move {
            // Ends with the client's silence, hanging up or nonsense.
            while let Ok(Ok(bytes)) = rt::time::timeout(TCP_IDLE, shell::read_message(&mut stream)).await {
                let Some(reply) = server.answer(&bytes, Transport::Tcp) else { break };
                let Some(reply) = ailing::spoilt(reply).await else { continue };
                let sending = shell::write_message(&mut stream, &reply);
                if !matches!(rt::time::timeout(TCP_IDLE, sending).await, Ok(Ok(()))) {
                    break;
                }
            }
        }
    })
    .await;
}
