//! Datagram sockets.

use super::{Handle, hop_limit, would_block};
use crate::stack::udp::{Datagram, UdpEnd};
use crate::world::{self, World};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

/// A datagram socket.
#[derive(Debug)]
pub struct UdpSocket {
    handle: Handle,
}

impl UdpSocket {
    /// Binds to an address of the current node, or to all of one family (`0.0.0.0`, `[::]`; each only its own).
    /// Port 0 asks for an ephemeral one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`; `Unsupported` outside a node.
    pub async fn bind(local: SocketAddr) -> io::Result<Self> {
        let handle = Handle::open(|world, at| world.udp_bind(at, local))?;
        Ok(UdpSocket { handle })
    }

    /// Fixes the peer: [`UdpSocket::send`] goes there, datagrams of others are refused, and a refusal by the peer is
    /// reported. A socket bound to all addresses is bound to the one that it talks from.
    ///
    /// # Errors
    /// `NetworkUnreachable` without a route; `NotConnected` after a loss of power; `InvalidInput` for a peer of the
    /// other family.
    pub async fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        let handle = self.handle;
        handle.with(|world| {
            end(world, &handle)?;
            Some(world.udp_connect(handle.at(), handle.socket, peer))
        })?
    }

    /// Sends one datagram. Never waits: the wire takes what it is given.
    ///
    /// # Errors
    /// `NetworkUnreachable` without a route, `EMSGSIZE` (raw 90) for what no packet or the known path takes,
    /// `InvalidInput` for an address that none can have,
    /// `ConnectionRefused` if a connected peer refused an earlier one.
    pub async fn send_to(&self, payload: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.try_send_to(payload, to)
    }

    /// [`UdpSocket::send_to`] for callers that cannot wait.
    ///
    /// # Errors
    /// As [`UdpSocket::send_to`].
    pub fn try_send_to(&self, payload: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.send_as(payload, None, Some(to))
    }

    /// Sends one datagram from one of the node's own addresses: what a server bound to all of them answers with.
    ///
    /// # Errors
    /// As [`UdpSocket::send_to`]; `AddrNotAvailable` when `local` is not the node's.
    pub async fn reply_from(&self, payload: &[u8], local: IpAddr, to: SocketAddr) -> io::Result<usize> {
        self.send_as(payload, Some(local), Some(to))
    }

    /// Sends one datagram to the connected peer.
    ///
    /// # Errors
    /// As [`UdpSocket::send_to`]; `NotConnected` without a peer.
    pub async fn send(&self, payload: &[u8]) -> io::Result<usize> {
        self.try_send(payload)
    }

    /// [`UdpSocket::send`] for callers that cannot wait.
    ///
    /// # Errors
    /// As [`UdpSocket::send`].
    pub fn try_send(&self, payload: &[u8]) -> io::Result<usize> {
        self.send_as(payload, None, None)
    }

    fn send_as(&self, payload: &[u8], from: Option<IpAddr>, to: Option<SocketAddr>) -> io::Result<usize> {
        let handle = self.handle;
        handle.with(|world| {
            end(world, &handle)?;
            Some(world.udp_send(handle.at(), handle.socket, from, to, payload))
        })?
    }

    /// The next datagram: its length in `buffer` and its sender. What does not fit is lost. Cancel safe.
    ///
    /// # Errors
    /// `ConnectionRefused` if a connected peer refused; `NotConnected` after a loss of power.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_from_to(buffer).await.map(|(length, peer, _)| (length, peer))
    }

    /// The next datagram, with the local address it was sent to.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub async fn recv_from_to(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, IpAddr)> {
        poll_fn(|cx| self.poll_recv(cx, buffer)).await
    }

    /// The next datagram from the connected peer.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_from_to(buffer).await.map(|(length, ..)| length)
    }

    /// [`UdpSocket::recv_from_to`] as a poll.
    pub fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr, IpAddr)>> {
        let (at, socket) = (self.handle.at(), self.handle.socket);
        let datagram = self.poll(cx, |world| world.udp_read(at, socket, buffer));
        datagram.map_ok(|Datagram { length, peer, local }| (length, peer, local))
    }

    /// The next datagram as [`UdpSocket::recv_from`] would give it, without taking it. Cancel safe.
    ///
    /// # Errors
    /// As [`UdpSocket::recv_from`].
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (at, socket) = (self.handle.at(), self.handle.socket);
        let datagram = poll_fn(|cx| self.poll(cx, |world| world.udp_peek(at, socket, buffer))).await?;
        Ok((datagram.length, datagram.peer))
    }

    /// Ready when [`UdpSocket::try_recv_from`] has something to tell.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let handle = self.handle;
        self.poll(cx, |world| end(world, &handle)?.is_readable().then_some(Ok(())))
    }

    /// A [`UdpSocket::recv_from`] that does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing to read; else as [`UdpSocket::recv_from`].
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let handle = self.handle;
        let datagram = handle.with(|world| {
            end(world, &handle)?;
            Some(world.udp_read(handle.at(), handle.socket, buffer).unwrap_or_else(would_block))
        })??;
        Ok((datagram.length, datagram.peer))
    }

    /// The address bound to.
    ///
    /// # Errors
    /// `NotConnected` after a loss of power.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.ask(|end| end.local)
    }

    /// The connected peer.
    ///
    /// # Errors
    /// `NotConnected` without one, and after a loss of power.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.ask(|end| end.peer)?.ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// The time to live of what is sent over IPv4.
    ///
    /// # Errors
    /// `NotConnected` after a loss of power.
    pub fn ttl(&self) -> io::Result<u32> {
        self.ask(|end| end.ttl.into())
    }

    /// See [`UdpSocket::ttl`].
    ///
    /// # Errors
    /// `InvalidInput` outside of 1 to 255; `NotConnected` after a loss of power.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let ttl = hop_limit(ttl)?;
        self.ask(|end| end.ttl = ttl)
    }

    fn ask<R>(&self, question: impl FnOnce(&mut UdpEnd) -> R) -> io::Result<R> {
        let handle = self.handle;
        handle.with(|world| end(world, &handle).map(question))
    }

    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(&mut World) -> Option<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let handle = self.handle;
        handle.poll(cx, attempt, |world| end(world, &handle).map(UdpEnd::readers))
    }
}

fn end<'a>(world: &'a mut World, handle: &Handle) -> Option<&'a mut UdpEnd> {
    world.nodes[handle.at()].stack.udp.get(handle.socket, handle.generation)
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        let handle = self.handle;
        drop(world::try_with(|world| {
            let live = handle.is_live(world) && end(world, &handle).is_some();
            live.then(|| world.udp_close(handle.at(), handle.socket))
        }));
    }
}
