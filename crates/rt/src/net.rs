//! TCP and UDP sockets, shaped like tokio's. Error kinds are those that Linux gives.

use crate::backend::{self, Backend, Handle, either};
use crate::os;
use blackstart_sim::net as engine;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A listening TCP socket.
#[derive(Debug)]
pub struct TcpListener(Handle<engine::TcpListener, os::TcpListener>);

impl TcpListener {
    /// Listens on `address`; port 0 picks a free port, an unspecified address means all addresses.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, or `Unsupported` outside any backend.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        match backend::current()? {
            Backend::Engine => Ok(Self(Handle::Engine(engine::TcpListener::bind(address).await?))),
            Backend::Os(_) => Ok(Self(Handle::Os(os::TcpListener::bind(address).await?))),
        }
    }

    /// The next connection and its peer's address. Cancel safe.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.0 {
            Handle::Engine(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((TcpStream(Handle::Engine(stream)), peer))
            }
            Handle::Os(listener) => {
                let (stream, peer) = os::accept(listener).await?;
                Ok((TcpStream(Handle::Os(stream)), peer))
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

/// A TCP connection. Shutting it down closes the sending half; dropping it closes both.
#[derive(Debug)]
pub struct TcpStream(Handle<engine::TcpStream, os::TcpStream>);

impl TcpStream {
    /// Connects to `peer` from the address that routing picks.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `NetworkUnreachable`, or `Unsupported` outside any
    /// backend.
    pub async fn connect(peer: SocketAddr) -> io::Result<Self> {
        match backend::current()? {
            Backend::Engine => Ok(Self(Handle::Engine(engine::TcpStream::connect(peer).await?))),
            Backend::Os(_) => Ok(Self(Handle::Os(os::connect(None, peer).await?))),
        }
    }

    /// Connects to `peer` from `local`, one of the host's own addresses, and a free port.
    ///
    /// # Errors
    /// As [`Self::connect`], and `AddrNotAvailable` when the host does not own `local`.
    pub async fn connect_from(local: IpAddr, peer: SocketAddr) -> io::Result<Self> {
        match backend::current()? {
            Backend::Engine => Ok(Self(Handle::Engine(engine::TcpStream::connect_from(local, peer).await?))),
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
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        either!(&self.0, stream => stream.peer_addr())
    }

    /// Data that the peer has not acknowledged for that long breaks the connection with `TimedOut` (RFC 5482);
    /// `None` leaves it to the stack. On the operating system it only traces (see [`crate::os`]).
    pub fn set_user_timeout(&self, timeout: Option<Duration>) {
        match &self.0 {
            Handle::Engine(stream) => stream.set_user_timeout(timeout),
            Handle::Os(_) => tracing::debug!(?timeout, "user timeout left to the kernel"),
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

/// A UDP socket. Methods take `&self`, so that one task may receive while another sends.
#[derive(Debug)]
pub struct UdpSocket(Handle<engine::UdpSocket, os::UdpSocket>);

impl UdpSocket {
    /// Binds to `address`; port 0 picks a free port, an unspecified address means all addresses.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, or `Unsupported` outside any backend.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        match backend::current()? {
            Backend::Engine => Ok(Self(Handle::Engine(engine::UdpSocket::bind(address).await?))),
            Backend::Os(_) => Ok(Self(Handle::Os(os::UdpSocket::bind(address).await?))),
        }
    }

    /// The bound address, with the port that was picked.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        either!(&self.0, socket => socket.local_addr())
    }

    /// Fixes the peer of [`Self::send`] and [`Self::recv`]; datagrams of others are dropped from now on.
    ///
    /// # Errors
    /// `NetworkUnreachable` when there is no route.
    pub async fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        either!(&self.0, socket => socket.connect(peer).await)
    }

    /// Sends one datagram to `to`; answers the bytes sent. Success says nothing about delivery.
    ///
    /// # Errors
    /// `NetworkUnreachable`, or what an ICMP error reported about an earlier datagram.
    pub async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        either!(&self.0, socket => socket.send_to(bytes, to).await)
    }

    /// The next datagram: its length and its sender. What does not fit into `buffer` is cut. Cancel safe.
    ///
    /// # Errors
    /// What an ICMP error reported about an earlier datagram.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        either!(&self.0, socket => socket.recv_from(buffer).await)
    }

    /// Sends one datagram to the connected peer; see [`Self::send_to`].
    ///
    /// # Errors
    /// As [`Self::send_to`], and `NotConnected`.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(&self.0, socket => socket.send(bytes).await)
    }

    /// The next datagram of the connected peer; see [`Self::recv_from`].
    ///
    /// # Errors
    /// As [`Self::recv_from`]; `ConnectionRefused` when the peer's port is closed.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(&self.0, socket => socket.recv(buffer).await)
    }

    /// As [`Self::recv_from`], and the local address that the datagram was sent to: what a server of several
    /// addresses must answer from. On the operating system that is the bound address, wildcards included.
    ///
    /// # Errors
    /// As [`Self::recv_from`].
    pub async fn recv_from_to(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, IpAddr)> {
        match &self.0 {
            Handle::Engine(socket) => socket.recv_from_to(buffer).await,
            Handle::Os(socket) => {
                let (length, peer) = socket.recv_from(buffer).await?;
                Ok((length, peer, socket.local_addr()?.ip()))
            }
        }
    }

    /// Sends one datagram to `to` with the source address `local`, as [`Self::recv_from_to`] gave it.
    ///
    /// # Errors
    /// As [`Self::send_to`], and `AddrNotAvailable` when the host does not own `local`; on the operating
    /// system, when `local` is not the bound address.
    pub async fn reply_from(&self, bytes: &[u8], local: IpAddr, to: SocketAddr) -> io::Result<usize> {
        match &self.0 {
            Handle::Engine(socket) => socket.reply_from(bytes, local, to).await,
            Handle::Os(socket) if socket.local_addr()?.ip() == local => socket.send_to(bytes, to).await,
            Handle::Os(_) => Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("real sockets answer from the bound address only, not from {local}"),
            )),
        }
    }
}
