//! Datagrams.

use super::address::{self, ToSocketAddrs};
use crate::backend::{self, Backend, Handle, either, handle};
use crate::os;
#[cfg(feature = "turmoil")]
use crate::turmoil;
use blackstart_sim::net as engine;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use tokio::io::{Interest, ReadBuf};

/// A UDP socket. Methods take `&self`, so that one task may receive while another sends.
#[derive(Debug)]
pub struct UdpSocket(handle!(engine::UdpSocket, turmoil::UdpSocket, os::UdpSocket));

impl UdpSocket {
    /// Binds to `address`; port 0 picks a free port, an unspecified address means all addresses.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, `InvalidInput` for a name, or `Unsupported` outside any backend.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let backend = backend::current()?;
        address::first_good(address, async |address| match &backend {
            Backend::Engine => Ok(Self(Handle::Engine(engine::UdpSocket::bind(address).await?))),
            #[cfg(feature = "turmoil")]
            Backend::Turmoil(host) => {
                Ok(Self(Handle::Turmoil(turmoil::UdpSocket::bind(host, address).await?)))
            }
            Backend::Os(_) => Ok(Self(Handle::Os(os::UdpSocket::bind(address).await?))),
        })
        .await
    }

    /// The bound address, with the port that was picked. Connecting a socket that was bound to all addresses binds it
    /// to the one that it talks from.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        either!(&self.0, socket => socket.local_addr())
    }

    /// The connected peer.
    ///
    /// # Errors
    /// `NotConnected` without one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        either!(&self.0, socket => socket.peer_addr())
    }

    /// Fixes the peer of [`Self::send`] and [`Self::recv`]; datagrams of others are dropped from now on.
    ///
    /// # Errors
    /// `NetworkUnreachable` when there is no route.
    pub async fn connect(&self, peer: impl ToSocketAddrs) -> io::Result<()> {
        address::first_good(peer, async |peer| either!(&self.0, socket => socket.connect(peer).await)).await
    }

    /// Sends one datagram to `to`; answers the bytes sent. Success says nothing about delivery.
    ///
    /// # Errors
    /// `NetworkUnreachable`, or what an ICMP error reported about an earlier datagram.
    pub async fn send_to(&self, bytes: &[u8], to: impl ToSocketAddrs) -> io::Result<usize> {
        let to = address::first(to)?;
        either!(&self.0, socket => socket.send_to(bytes, to).await)
    }

    /// [`Self::send_to`] as a poll.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        match &self.0 {
            Handle::Engine(socket) => Poll::Ready(socket.try_send_to(bytes, to)),
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(socket) => Poll::Ready(socket.try_send_to(bytes, to)),
            Handle::Os(socket) => socket.poll_send_to(cx, bytes, to),
        }
    }

    /// [`Self::send_to`] for callers that cannot wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; else as [`Self::send_to`].
    pub fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        either!(&self.0, socket => socket.try_send_to(bytes, to))
    }

    /// The next datagram: its length and its sender. What does not fit into `buffer` is cut. Cancel safe.
    ///
    /// # Errors
    /// What an ICMP error reported about an earlier datagram.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &self.0 {
            Handle::Engine(socket) => socket.recv_from(buffer).await,
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(socket) => socket.recv_from(buffer).await,
            Handle::Os(socket) => os::receive(socket, || socket.try_recv_from(buffer)).await,
        }
    }

    /// [`Self::recv_from`] as a poll. On the operating system what ICMP reported wakes nobody here.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        match &self.0 {
            Handle::Engine(socket) => {
                socket.poll_recv(cx, buf.initialize_unfilled()).map_ok(|(length, peer, _)| {
                    buf.advance(length);
                    peer
                })
            }
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(socket) => {
                socket.poll_recv(cx, buf.initialize_unfilled()).map_ok(|(length, peer, _)| {
                    buf.advance(length);
                    peer
                })
            }
            Handle::Os(socket) => socket.poll_recv_from(cx, buf),
        }
    }

    /// A [`Self::recv_from`] that does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing to read; else as [`Self::recv_from`].
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &self.0 {
            Handle::Engine(socket) => socket.try_recv_from(buffer),
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(socket) => socket.try_recv_from(buffer),
            Handle::Os(socket) => os::or_reported(socket, socket.try_recv_from(buffer)),
        }
    }

    /// The next datagram as [`Self::recv_from`] would give it, without taking it. Cancel safe.
    ///
    /// # Errors
    /// As [`Self::recv_from`].
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &self.0 {
            Handle::Engine(socket) => socket.peek_from(buffer).await,
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(socket) => socket.peek_from(buffer).await,
            Handle::Os(socket) => os::receive(socket, || socket.try_peek_from(buffer)).await,
        }
    }

    /// Waits until [`Self::try_recv_from`] may have something to tell. Cancel safe.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn readable(&self) -> io::Result<()> {
        match &self.0 {
            Handle::Engine(socket) => poll_fn(|cx| socket.poll_recv_ready(cx)).await,
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(socket) => poll_fn(|cx| socket.poll_recv_ready(cx)).await,
            Handle::Os(socket) => socket.ready(Interest::READABLE | Interest::ERROR).await.map(drop),
        }
    }

    /// Sends one datagram to the connected peer; see [`Self::send_to`].
    ///
    /// # Errors
    /// As [`Self::send_to`]; some error without a peer.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(&self.0, socket => socket.send(bytes).await)
    }

    /// [`Self::send`] for callers that cannot wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; else as [`Self::send`].
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(&self.0, socket => socket.try_send(bytes))
    }

    /// The next datagram of the connected peer; see [`Self::recv_from`].
    ///
    /// # Errors
    /// As [`Self::recv_from`]; `ConnectionRefused` when the peer's port is closed.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buffer).await.map(|(length, _)| length)
    }

    /// A [`Self::recv`] that does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing to read; else as [`Self::recv`].
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_recv_from(buffer).map(|(length, _)| length)
    }

    /// As [`Self::recv_from`], and the local address that the datagram was sent to: what a server of several
    /// addresses must answer from. On the operating system that is the bound address, wildcards included.
    ///
    /// # Errors
    /// As [`Self::recv_from`].
    pub async fn recv_from_to(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, IpAddr)> {
        match &self.0 {
            Handle::Engine(socket) => socket.recv_from_to(buffer).await,
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(socket) => socket.recv_from_to(buffer).await,
            Handle::Os(socket) => {
                let (length, peer) = self.recv_from(buffer).await?;
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
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(socket) => socket.reply_from(bytes, local, to).await,
            Handle::Os(socket) if socket.local_addr()?.ip() == local => socket.send_to(bytes, to).await,
            Handle::Os(_) => Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("real sockets answer from the bound address only, not from {local}"),
            )),
        }
    }

    /// The time to live of IPv4 datagrams.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn ttl(&self) -> io::Result<u32> {
        either!(&self.0, socket => socket.ttl())
    }

    /// See [`Self::ttl`].
    ///
    /// # Errors
    /// `InvalidInput` outside of 1 to 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        either!(&self.0, socket => socket.set_ttl(ttl))
    }
}
