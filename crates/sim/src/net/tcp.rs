//! TCP listeners and streams.

use super::{Handle, hop_limit, would_block};
use crate::stack::connection::Connection;
use crate::stack::listen::Listener;
use crate::watch::Waiters;
use crate::world::{self, World};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A port that accepts connections.
#[derive(Debug)]
pub struct TcpListener {
    handle: Handle,
    local: SocketAddr,
}

impl TcpListener {
    /// Listens on an address of the current node, or on all of one family (`0.0.0.0`, `[::]`; each only its own).
    /// Port 0 asks for an ephemeral one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`; `Unsupported` outside a node.
    pub async fn bind(local: SocketAddr) -> io::Result<Self> {
        let handle = Handle::open(|world, at| world.tcp_listen(at, local))?;
        let local = handle.with(|world| {
            let listeners = &mut world.nodes[handle.at()].stack.listeners;
            listeners.get(handle.socket, handle.generation).map(|listener| listener.local)
        })?;
        Ok(TcpListener { handle, local })
    }

    /// The next connection and its peer. Cancel safe.
    ///
    /// # Errors
    /// `NotConnected` after a loss of power.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// [`TcpListener::accept`] as a poll.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let handle = self.handle;
        let accept = |world: &mut World| {
            let socket = listener(world, &handle)?.pop()?;
            let (generation, (local, peer)) = world.tcp_own(handle.at(), socket)?;
            let stream = TcpStream { handle: Handle { socket, generation, ..handle }, local, peer };
            Some(Ok((stream, peer)))
        };
        handle.poll(cx, accept, |world| listener(world, &handle).map(Listener::acceptors))
    }

    /// The address listened on.
    ///
    /// # Errors
    /// Never; the shape is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        let handle = self.handle;
        let _closed = handle.with(|world| {
            let listeners = &mut world.nodes[handle.at()].stack.listeners;
            listeners.get(handle.socket, handle.generation)?;
            world.tcp_unlisten(handle.at(), handle.socket)
        });
    }
}

/// A connection.
#[derive(Debug)]
pub struct TcpStream {
    handle: Handle,
    local: SocketAddr,
    peer: SocketAddr,
}

impl TcpStream {
    /// Connects from the current node's primary address of the peer's family.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut` (after 127 s), `HostUnreachable`, `NetworkUnreachable`, `AddrNotAvailable`;
    /// `Unsupported` outside a node.
    pub async fn connect(peer: SocketAddr) -> io::Result<Self> {
        Self::connect_as(None, peer).await
    }

    /// Connects from one of the current node's addresses.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connect_from(local: IpAddr, peer: SocketAddr) -> io::Result<Self> {
        Self::connect_as(Some(local), peer).await
    }

    async fn connect_as(local: Option<IpAddr>, peer: SocketAddr) -> io::Result<Self> {
        let handle = Handle::open(|world, at| world.tcp_connect(at, local, peer))?;
        let (local, peer) =
            handle.with(|world| connection(world, &handle).map(|connection| connection.ends))?;
        let stream = TcpStream { handle, local, peer };
        poll_fn(|cx| stream.poll(cx, Connection::writers, |world| connection(world, &handle)?.connected()))
            .await?;
        Ok(stream)
    }

    /// This end's address.
    ///
    /// # Errors
    /// Never; the shape is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` after a reset, after a loss of power, and once both ends have closed.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.ask(|connection| connection.has_peer().then_some(self.peer))
    }

    /// What arrived, as a read would give it, without taking it. Nothing at the peer's end of data. Cancel safe.
    ///
    /// # Errors
    /// As a read.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        poll_fn(|cx| self.poll_peek(cx, &mut buffer)).await
    }

    /// [`TcpStream::peek`] as a poll.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let (at, socket) = (self.handle.at(), self.handle.socket);
        let space = buf.initialize_unfilled();
        let peeked = self.poll(cx, Connection::readers, |world| world.tcp_peek(at, socket, space));
        peeked.map_ok(|length| {
            buf.advance(length);
            length
        })
    }

    /// Ready when [`TcpStream::try_read`] has something to tell.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let handle = self.handle;
        let ready = |world: &mut World| connection(world, &handle)?.is_readable().then_some(Ok(()));
        self.poll(cx, Connection::readers, ready)
    }

    /// Ready when [`TcpStream::try_write`] has something to tell.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let handle = self.handle;
        let ready = |world: &mut World| connection(world, &handle)?.is_writable().then_some(Ok(()));
        self.poll(cx, Connection::writers, ready)
    }

    /// A read that does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing to read; else as a read.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let handle = self.handle;
        handle.with(|world| {
            connection(world, &handle)?;
            Some(world.tcp_read(handle.at(), handle.socket, buffer).unwrap_or_else(would_block))
        })?
    }

    /// A write that does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; else as a write.
    pub fn try_write(&self, data: &[u8]) -> io::Result<usize> {
        let handle = self.handle;
        handle.with(|world| {
            connection(world, &handle)?;
            Some(world.tcp_write(handle.at(), handle.socket, data).unwrap_or_else(would_block))
        })?
    }

    /// Whether small writes leave at once instead of waiting for acknowledgements (RFC 896). They do, unless set
    /// otherwise.
    ///
    /// # Errors
    /// `NotConnected` after a loss of power.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.ask(|connection| Some(!connection.tcb.nagle))
    }

    /// See [`TcpStream::nodelay`].
    ///
    /// # Errors
    /// `NotConnected` after a loss of power.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.ask(|connection| {
            connection.tcb.nagle = !nodelay;
            Some(())
        })
    }

    /// The time to live of what is sent over IPv4.
    ///
    /// # Errors
    /// `NotConnected` after a loss of power.
    pub fn ttl(&self) -> io::Result<u32> {
        self.ask(|connection| Some(connection.ttl.into()))
    }

    /// See [`TcpStream::ttl`].
    ///
    /// # Errors
    /// `InvalidInput` outside of 1 to 255; `NotConnected` after a loss of power.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let ttl = hop_limit(ttl)?;
        self.ask(|connection| {
            connection.ttl = ttl;
            Some(())
        })
    }

    /// Makes dropping the stream reset the connection, whatever was sent or read.
    ///
    /// # Errors
    /// `NotConnected` after a loss of power.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.ask(|connection| {
            connection.reset_on_close = true;
            Some(())
        })
    }

    fn ask<R>(&self, question: impl FnOnce(&mut Connection) -> Option<R>) -> io::Result<R> {
        let handle = self.handle;
        handle.with(|world| question(connection(world, &handle)?))
    }

    /// How long sent data may stay unacknowledged before the connection fails with `TimedOut` (RFC 5482); none for
    /// the default of 924 s. Does nothing after a loss of power.
    pub fn set_user_timeout(&self, timeout: Option<Duration>) {
        let handle = self.handle;
        let _gone = handle.with(|world| {
            connection(world, &handle)?;
            world.tcp_user_timeout(handle.at(), handle.socket, timeout);
            Some(())
        });
    }

    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        waiters: fn(&mut Connection) -> &mut Waiters,
        attempt: impl FnOnce(&mut World) -> Option<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let handle = self.handle;
        handle.poll(cx, attempt, |world| connection(world, &handle).map(waiters))
    }
}

fn listener<'a>(world: &'a mut World, handle: &Handle) -> Option<&'a mut Listener> {
    world.nodes[handle.at()].stack.listeners.get(handle.socket, handle.generation)
}

fn connection<'a>(world: &'a mut World, handle: &Handle) -> Option<&'a mut Connection> {
    world.nodes[handle.at()].stack.tcp.get(handle.socket, handle.generation)
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (at, socket) = (self.handle.at(), self.handle.socket);
        let space = buf.initialize_unfilled();
        let read = self.poll(cx, Connection::readers, |world| world.tcp_read(at, socket, space));
        read.map_ok(|read| buf.advance(read))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let (at, socket) = (self.handle.at(), self.handle.socket);
        self.poll(cx, Connection::writers, |world| world.tcp_write(at, socket, data))
    }

    /// Nothing is buffered on this side of the socket.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let handle = self.handle;
        Poll::Ready(handle.with(|world| {
            connection(world, &handle)?;
            world.tcp_shutdown(handle.at(), handle.socket);
            Some(())
        }))
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        let handle = self.handle;
        drop(world::try_with(|world| {
            let live = handle.is_live(world) && connection(world, &handle).is_some();
            live.then(|| world.tcp_close(handle.at(), handle.socket))
        }));
    }
}
