//! The authority on sockets.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_crowd::{Claims, ear};
use blackstart_rt as rt;
use blackstart_rt::Map;
use serde::Deserialize;

use super::{Reply, Zones, answer};
use crate::ailing;
use crate::event::{Event, Role};
use crate::load::{CrowdWindows, Load, report};
use crate::message::{ID_LEN, Transport};
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

/// Replies that a server keeps at hand; a query has at most 64 KiB, nearly all have less than 64 octets.
const REPLIES_MAX: usize = 256;

/// What a reply depends on: how it was asked, and the query without its id.
type Asked = (Transport, Vec<u8>);

/// A server's zones and counters.
#[derive(Debug)]
struct Server {
    zones: Zones,
    /// Those given before.
    replies: RefCell<Map<Asked, Option<Reply>>>,
    load: Rc<RefCell<Load>>,
}

impl Server {
    fn answer(&self, bytes: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let (id, asked) = bytes.split_at_checked(ID_LEN)?;
        let mut replies = self.replies.borrow_mut();
        if replies.len() >= REPLIES_MAX {
            replies.clear();
        }
        let reply = replies.entry((transport, asked.to_vec()));
        let reply = reply.or_insert_with(|| answer(&self.zones, bytes, transport)).as_ref()?;
        self.load.borrow_mut().answered(reply.rcode, Duration::ZERO);
        Some([id, reply.bytes.get(ID_LEN..)?].concat())
    }
}

/// Serves `zones` until it is dropped.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(config: Config, zones: Zones) -> io::Result<()> {
    let server = Rc::new(Server { zones, replies: RefCell::default(), load: Rc::default() });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Question, encode_query};
    use crate::zone::Zone;
    use hickory_proto::rr::{Name, RecordType};

    #[test]
    fn a_reply_at_hand_is_the_reply_with_the_id_that_was_asked() {
        let name = |text| Name::from_ascii(text).unwrap();
        let zone =
            Zone::parse("$TTL 60\n@ SOA a b 1 2 3 4 5\n NS a\na A 192.0.2.1\n", &name("test.")).unwrap();
        let zones: Zones = [zone].into_iter().collect();
        let server = Server { zones: zones.clone(), replies: RefCell::default(), load: Rc::default() };
        for asked in ["a.test.", "gone.test.", "elsewhere.", "A.test."] {
            let question = Question { name: name(asked), kind: RecordType::A };
            for id in [1, 2] {
                let query = encode_query(id, &question, false);
                let fresh = answer(&zones, &query, Transport::Udp).map(|reply| reply.bytes);
                assert_eq!(server.answer(&query, Transport::Udp), fresh, "{asked}");
            }
        }
        assert_eq!(server.answer(&[0, 1], Transport::Udp), None);
        assert_eq!(server.replies.borrow().len(), 5);
    }
}
