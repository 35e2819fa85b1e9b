//! Claims on sockets: servers hear them, those who make load tell them.

use crate::claim::{Claim, Claims, PORT, Told};
use blackstart_rt as rt;
use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// Longer datagrams are cut, and then not understood.
const CLAIM_BYTES_MAX: usize = 4096;
/// Pause after a socket error, so that a broken socket does not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Hears claims for ever.
///
/// # Errors
/// When the port cannot be bound.
pub async fn hear(claims: Rc<RefCell<Claims>>) -> io::Result<()> {
    let socket = rt::net::UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))).await?;
    let mut buffer = vec![0; CLAIM_BYTES_MAX];
    loop {
        let Ok((len, _peer)) = socket.recv_from(&mut buffer).await else {
            rt::time::sleep(ERROR_PAUSE).await;
            continue;
        };
        if let Some(claim) = buffer.get(..len).and_then(Claim::decode) {
            claims.borrow_mut().take(rt::time::Instant::now(), claim);
        }
    }
}

/// Tells servers what one maker of load asks of them.
#[derive(Debug)]
pub struct Voice {
    from: String,
    socket: rt::net::UdpSocket,
    told: Told,
}

impl Voice {
    /// For the maker called `name` on this host.
    ///
    /// # Errors
    /// When no socket is left.
    pub async fn new(name: &str) -> io::Result<Self> {
        let socket = rt::net::UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).await?;
        let from = format!("{} {name}", rt::host_name());
        Ok(Self { from, socket, told: Told::default() })
    }

    /// Tells the rates, in the order of names, if they are news there. Whether that arrives is the network's business.
    pub async fn tell(&mut self, server: IpAddr, per_s: &[(&str, f64)]) {
        let to = SocketAddr::new(server, PORT);
        if !self.told.is_news(rt::time::Instant::now(), to, per_s) {
            return;
        }
        if let Some(bytes) = Claim::encode(&self.from, per_s) {
            let _lost = self.socket.send_to(&bytes, to).await;
        }
    }
}
