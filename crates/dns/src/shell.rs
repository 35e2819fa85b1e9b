//! What the shells share: framing over TCP, and tasks that end with their service.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ailing;
use crate::message::UDP_LEN_MAX;

/// The name of this crate's own tasks. In the engine they belong to the service that started them all the same.
pub(crate) const SERVICE: &str = "dns";
/// How long a TCP client may be silent (RFC 7766 6.2.3 asks for seconds).
pub(crate) const TCP_IDLE: Duration = Duration::from_secs(10);
/// TCP clients served at once; one more is hung up on.
const TCP_CLIENTS_MAX: usize = 150;
/// Pause after a socket error, so that a broken socket does not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// Tasks that are aborted when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Vec<rt::task::JoinHandle<()>>);

impl Tasks {
    pub(crate) fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        self.0.push(rt::task::spawn(SERVICE, future));
    }

    /// Waits for all of them; in practice for ever.
    pub(crate) async fn join(mut self) -> io::Result<()> {
        for task in &mut self.0 {
            task.await.map_err(io::Error::other)?;
        }
        Ok(())
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(rt::task::JoinHandle::abort);
    }
}

/// Receives datagrams for ever; `take` gets the bytes, the peer and the local address they came to.
pub(crate) async fn receive<F>(socket: Rc<rt::net::UdpSocket>, mut take: impl FnMut(Vec<u8>, Arrival) -> F)
where
    F: Future<Output = ()>,
{
    // What we announce as our buffer; a longer datagram is cut and then unreadable, as it should be.
    let mut buffer = vec![0; UDP_LEN_MAX.into()];
    loop {
        match socket.recv_from_to(&mut buffer).await {
            Ok((len, peer, local)) => {
                let bytes = buffer.get(..len).unwrap_or_default().to_vec();
                take(bytes, Arrival { peer, local }).await;
            }
            // An ICMP error about an earlier datagram; its timer deals with it.
            Err(_) => rt::time::sleep(ERROR_PAUSE).await,
        }
    }
}

/// Between whom a datagram travelled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) peer: std::net::SocketAddr,
    pub(crate) local: std::net::IpAddr,
}

/// Replies as a server does on which a fault lies.
pub(crate) async fn reply_spoilt(socket: Rc<rt::net::UdpSocket>, reply: Vec<u8>, to: Arrival) {
    if let Some(reply) = ailing::spoilt(reply).await {
        // A reply that cannot leave is lost like any datagram.
        let _ = socket.reply_from(&reply, to.local, to.peer).await;
    }
}

/// Accepts connections for ever and has each served by a task of its own, up to a limit.
pub(crate) async fn accept<F>(listener: rt::net::TcpListener, mut serve: impl FnMut(rt::net::TcpStream) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let places = Rc::new(Cell::new(TCP_CLIENTS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            rt::time::sleep(ERROR_PAUSE).await;
            continue;
        };
        if let Some(place) = Place::take(&places) {
            let serving = serve(stream);
            rt::task::spawn(SERVICE, async move {
                serving.await;
                drop(place);
            });
        }
    }
}

/// One of the places for TCP clients; free again when dropped.
struct Place(Rc<Cell<usize>>);

impl Place {
    fn take(places: &Rc<Cell<usize>>) -> Option<Place> {
        places.set(places.get().checked_sub(1)?);
        Some(Place(Rc::clone(places)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Reads one message with its two octets of length (RFC 1035 4.2.2).
///
/// # Errors
/// Those of the stream; `UnexpectedEof` at its end.
pub(crate) async fn read_message(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Writes one message with its length, in one go.
///
/// # Errors
/// Those of the stream; `InvalidInput` for more than 65,535 octets.
pub(crate) async fn write_message(
    stream: &mut (impl AsyncWriteExt + Unpin),
    message: &[u8],
) -> io::Result<()> {
    let len = u16::try_from(message.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    stream.write_all(&[&len.to_be_bytes(), message].concat()).await?;
    stream.flush().await
}
