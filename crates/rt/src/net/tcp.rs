//! Connections.

use super::address::{self, ToSocketAddrs};
use super::split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::backend::{self, Backend, Handle, either, handle};
use crate::os;
#[cfg(feature = "turmoil")]
use crate::turmoil;
use blackstart_sim::net as engine;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A listening TCP socket.
#[derive(Debug)]
pub struct TcpListener(handle!(engine::TcpListener, turmoil::TcpListener, os::TcpListener));

impl TcpListener {
    /// Listens on `address`; port 0 picks a free port, an unspecified address means all addresses.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, `InvalidInput` for a name, or `Unsupported` outside any backend.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let backend = backend::current()?;
        address::first_good(address, async |address| match &backend {
            Backend::Engine => Ok(Self(Handle::Engine(engine::TcpListener::bind(address).await?))),
            #[cfg(feature = "turmoil")]
            Backend::Turmoil(host) => {
                Ok(Self(Handle::Turmoil(turmoil::TcpListener::bind(host, address).await?)))
            }
            Backend::Os(_) => Ok(Self(Handle::Os(os::TcpListener::bind(address).await?))),
        })
        .await
    }

    /// The next connection and its peer's address. Cancel safe.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// [`Self::accept`] as a poll.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        match &self.0 {
            Handle::Engine(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, peer)| (TcpStream(Handle::Engine(stream)), peer))
            }
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, peer)| (TcpStream(Handle::Turmoil(stream)), peer))
            }
            Handle::Os(listener) => {
                os::poll_accept(listener, cx).map_ok(|(stream, peer)| (TcpStream(Handle::Os(stream)), peer))
            }
        }
    }

    /// The address that the socket listens on, with the port that was picked.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        either!(&self.0, listener => listener.local_addr())
    }
}

/// A TCP connection. Shutting it down closes the sending half; dropping it closes both, and resets the connection when
/// data was left unread.
#[derive(Debug)]
pub struct TcpStream(handle!(engine::TcpStream, turmoil::TcpStream, os::TcpStream));

impl TcpStream {
    /// Connects to `peer`, from the address that routing picks. Of several peers the first that answers.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `NetworkUnreachable`, `InvalidInput` for a name, or
    /// `Unsupported` outside any backend.
    pub async fn connect(peer: impl ToSocketAddrs) -> io::Result<Self> {
        let backend = backend::current()?;
        address::first_good(peer, async |peer| match &backend {
            Backend::Engine => Ok(Self(Handle::Engine(engine::TcpStream::connect(peer).await?))),
            #[cfg(feature = "turmoil")]
            Backend::Turmoil(_) => Ok(Self(Handle::Turmoil(turmoil::TcpStream::connect(peer).await?))),
            Backend::Os(_) => Ok(Self(Handle::Os(os::connect(None, peer).await?))),
        })
        .await
    }

    /// Connects to `peer` from `local`, one of the host's own addresses, and a free port.
    ///
    /// # Errors
    /// As [`Self::connect`], and `AddrNotAvailable` when the host does not own `local`.
    pub async fn connect_from(local: IpAddr, peer: SocketAddr) -> io::Result<Self> {
        match backend::current()? {
            Backend::Engine => Ok(Self(Handle::Engine(engine::TcpStream::connect_from(local, peer).await?))),
            #[cfg(feature = "turmoil")]
            Backend::Turmoil(host) => {
                Ok(Self(Handle::Turmoil(turmoil::TcpStream::connect_from(&host, local, peer).await?)))
            }
            Backend::Os(_) => Ok(Self(Handle::Os(os::connect(Some(local), peer).await?))),
        }
    }

    /// This end's address.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        either!(&self.0, stream => stream.local_addr())
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone: reset, or closed from both ends.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        either!(&self.0, stream => stream.peer_addr())
    }

    /// Lends the stream as two halves that may be used at the same time.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        tokio::io::split(self)
    }

    /// The stream as two halves that two tasks may own. Dropping the writing half closes the sending direction.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::into_split(self)
    }

    /// What a read would give, without taking it: 0 at the peer's end of data. Cancel safe.
    ///
    /// # Errors
    /// As a read.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(&self.0, stream => stream.peek(buffer).await)
    }

    /// [`Self::peek`] as a poll.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        either!(&self.0, stream => stream.poll_peek(cx, buf))
    }

    /// Waits until [`Self::try_read`] may have something to tell: data, the end, an error. Cancel safe.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|cx| either!(&self.0, stream => stream.poll_read_ready(cx))).await
    }

    /// Waits until [`Self::try_write`] may have something to tell: room, or an error. Cancel safe.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| either!(&self.0, stream => stream.poll_write_ready(cx))).await
    }

    /// A read that does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing to read; else as a read.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(&self.0, stream => stream.try_read(buffer))
    }

    /// A write that does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; else as a write.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(&self.0, stream => stream.try_write(bytes))
    }

    /// Whether small writes leave at once. They do on every new stream, unlike tokio's: our protocols expect it.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn nodelay(&self) -> io::Result<bool> {
        either!(&self.0, stream => stream.nodelay())
    }

    /// See [`Self::nodelay`]; off, small writes wait for the acknowledgement of earlier ones (RFC 896).
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        either!(&self.0, stream => stream.set_nodelay(nodelay))
    }

    /// The time to live of IPv4 packets.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn ttl(&self) -> io::Result<u32> {
        either!(&self.0, stream => stream.ttl())
    }

    /// See [`Self::ttl`].
    ///
    /// # Errors
    /// `InvalidInput` outside of 1 to 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        either!(&self.0, stream => stream.set_ttl(ttl))
    }

    /// Makes dropping the stream reset the connection instead of closing it.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        either!(&self.0, stream => stream.set_zero_linger())
    }

    /// Data that the peer has not acknowledged for that long breaks the connection with `TimedOut` (RFC 5482);
    /// `None` leaves it to the stack. A connection without such data is never broken. In turmoil and on the
    /// operating system it only traces: neither turmoil nor std nor tokio offers it.
    pub fn set_user_timeout(&self, timeout: Option<Duration>) {
        match &self.0 {
            Handle::Engine(stream) => stream.set_user_timeout(timeout),
            _ => tracing::debug!(?timeout, "user timeout left to the stack"),
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.get_mut().0, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(&mut self.get_mut().0, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.get_mut().0, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut self.get_mut().0, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
