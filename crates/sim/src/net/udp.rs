//! Datagram sockets.

use super::{Attempt, Handle};
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
    local: SocketAddr,
}

impl UdpSocket {
    /// Binds to an address of the current node, or to all of one family (`0.0.0.0`, `[::]`; each only its own).
    /// Port 0 asks for an ephemeral one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`; `Unsupported` outside a node.
    pub async fn bind(local: SocketAddr) -> io::Result<Self> {
        let handle = Handle::open(|world, at| world.udp_bind(at, local))?;
        let local = handle.with(|world| end(world, &handle).map(|end| end.local))?;
        Ok(UdpSocket { handle, local })
    }

    /// Fixes the peer: [`UdpSocket::send`] goes there, datagrams of others are refused, and a refusal by the peer is
    /// reported.
    ///
    /// # Errors
    /// `NotConnected` after a loss of power; `InvalidInput` for a peer of the other family.
    pub async fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        if peer.is_ipv4() != self.local.is_ipv4() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "the peer is of another family"));
        }
        let handle = self.handle;
        handle.with(|world| end(world, &handle).map(|end| end.peer = Some(peer)))
    }

    /// Sends one datagram. Never waits: the wire takes what it is given.
    ///
    /// # Errors
    /// `NetworkUnreachable` without a route, `InvalidInput` over 65,507 bytes or for an address that none can have,
    /// `ConnectionRefused` if a connected peer refused an earlier one.
    pub async fn send_to(&self, payload: &[u8], to: SocketAddr) -> io::Result<usize> {
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
        self.send_as(payload, None, None)
    }

    fn send_as(&self, payload: &[u8], from: Option<IpAddr>, to: Option<SocketAddr>) -> io::Result<usize> {
        let handle = self.handle;
        let result = handle.with(|world| {
            let end = end(world, &handle)?;
            if end.take_refusal() {
                return Some(Err(ErrorKind::ConnectionRefused.into()));
            }
            let (local, to) = (end.local, to.or(end.peer)?);
            Some(world.udp_send(handle.at(), local, from, to, payload))
        });
        result?
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
        let handle = self.handle;
        let datagram = handle.poll(cx, |world, waker| {
            let end = end(world, &handle)?;
            if end.take_refusal() {
                return Some(Attempt::Done(Err(ErrorKind::ConnectionRefused.into())));
            }
            let Some((datagram, bytes)) = end.read(buffer) else {
                if let Some(waker) = waker {
                    end.wait(waker);
                }
                return Some(Attempt::Wait);
            };
            world.wire.recycle(bytes);
            Some(Attempt::Done(Ok(datagram)))
        });
        datagram.map_ok(|Datagram { length, peer, local }| (length, peer, local))
    }

    /// The address bound to.
    ///
    /// # Errors
    /// Never; the shape is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
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
