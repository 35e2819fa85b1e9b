//! turmoil's datagrams, shaped like the engine's.

use super::Host;
use super::address::{Bind, checked_ttl, destination, not_available, source, still_inside};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// A UDP socket.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    inner: turmoil::net::UdpSocket,
    own: IpAddr,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    address: SocketAddr,
    peer: Option<SocketAddr>,
    ttl: u32,
    /// The next datagram, once it was looked at.
    seen: Option<Datagram>,
    /// Room for the largest datagram, made when something comes.
    room: Vec<u8>,
}

/// The first `length` bytes of the room.
#[derive(Debug, Clone, Copy)]
struct Datagram {
    length: usize,
    from: SocketAddr,
}

impl UdpSocket {
    pub(crate) async fn bind(host: &Host, address: SocketAddr) -> io::Result<Self> {
        let bind = Bind::new(host, address)?;
        let inner = turmoil::net::UdpSocket::bind(bind.taken).await?;
        let address = bind.address(inner.local_addr()?.port());
        let state = State { address, peer: None, ttl: 64, seen: None, room: Vec::new() };
        Ok(Self { inner, own: bind.own, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.state().address)
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.state().peer.ok_or_else(|| ErrorKind::NotConnected.into())
    }

    pub(crate) async fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        still_inside()?;
        let peer = destination(peer);
        self.inner.connect(peer).await?;
        let mut state = self.state();
        state.peer = Some(peer);
        if state.address.ip().is_unspecified() {
            state.address.set_ip(source(self.own, peer));
        }
        Ok(())
    }

    pub(crate) async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.try_send_to(bytes, to)
    }

    pub(crate) async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_send(bytes)
    }

    pub(crate) fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_send_to(bytes, self.peer_addr()?)
    }

    pub(crate) fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        still_inside()?;
        if bytes.len() > largest(to) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "the datagram is too large"));
        }
        self.inner.try_send_to(bytes, destination(to))
    }

    pub(crate) async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (length, from, _) = self.recv_from_to(buffer).await?;
        Ok((length, from))
    }

    pub(crate) async fn recv_from_to(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, IpAddr)> {
        poll_fn(|cx| self.poll_recv(cx, buffer)).await
    }

    /// The datagram's length, its sender, and the address that it came to.
    pub(crate) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr, IpAddr)>> {
        ready!(self.poll_recv_ready(cx))?;
        let (length, from) = self.take(buffer)?;
        Poll::Ready(Ok((length, from, source(self.own, from))))
    }

    pub(crate) fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.look()?;
        self.take(buffer)
    }

    pub(crate) async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|cx| self.poll_recv_ready(cx)).await?;
        self.state().copy(buffer)
    }

    pub(crate) fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.look() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
            // It keeps nothing between polls, so that it can be asked anew each time.
            ready!(pin!(self.inner.readable()).poll(cx))?;
        }
    }

    /// Makes sure that the next datagram is in the room, if there is one.
    fn look(&self) -> io::Result<()> {
        let state = &mut *self.state();
        if state.seen.is_none() {
            state.room.resize(usize::from(u16::MAX), 0);
            let (length, from) = self.inner.try_recv_from(&mut state.room)?;
            state.seen = Some(Datagram { length, from });
        }
        Ok(())
    }

    fn take(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let mut state = self.state();
        let copied = state.copy(buffer);
        state.seen = None;
        copied
    }

    /// turmoil sends from one address only.
    pub(crate) async fn reply_from(&self, bytes: &[u8], local: IpAddr, to: SocketAddr) -> io::Result<usize> {
        let picked = source(self.own, to);
        if local != picked {
            return Err(not_available(format!("turmoil answers {to} from {picked}, not from {local}")));
        }
        self.send_to(bytes, to).await
    }

    pub(crate) fn ttl(&self) -> io::Result<u32> {
        Ok(self.state().ttl)
    }

    pub(crate) fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.state().ttl = checked_ttl(ttl)?;
        Ok(())
    }
}

impl State {
    /// What fits of the datagram in the room.
    fn copy(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let Datagram { length, from } = self.seen.ok_or(ErrorKind::WouldBlock)?;
        let fits = length.min(buffer.len());
        buffer[..fits].copy_from_slice(&self.room[..fits]);
        Ok((fits, from))
    }
}

/// A length of 16 bits less the UDP header, and over IPv4 less the IP header.
fn largest(to: SocketAddr) -> usize {
    if to.is_ipv4() { 65_507 } else { 65_527 }
}
