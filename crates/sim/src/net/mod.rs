//! Sockets as services see them, with tokio's shapes and Linux's errors.
//!
//! Handles are plain numbers: (run, node, boot epoch, socket). After a loss of power, or after the run, they
//! answer `NotConnected` and their drop does nothing.

mod ping;
mod tcp;
mod udp;

pub use ping::{Answer, Echo, Ping, ping, traceroute};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;

use crate::watch::Waiters;
use crate::world::{self, World};
use crate::{NodeId, exec};
use std::io;
use std::task::{Context, Poll};

/// Names one socket of one boot of one node of one run.
#[derive(Debug, Clone, Copy)]
struct Handle {
    run: u64,
    node: u32,
    epoch: u32,
    socket: u32,
    generation: u32,
}

/// The powered node on which the caller runs.
fn host(world: &World, node: Option<NodeId>) -> io::Result<usize> {
    let unsupported = || io::Error::new(io::ErrorKind::Unsupported, "not on a host: there is no network");
    let id = node.ok_or_else(unsupported)?;
    match world.node(id) {
        Some(node) if node.powered => Ok(id.0 as usize),
        _ => Err(gone()),
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl Handle {
    /// Makes a socket on the caller's node.
    fn open(make: impl FnOnce(&mut World, usize) -> io::Result<(u32, u32)>) -> io::Result<Handle> {
        let node = exec::current_node();
        world::with_io(|world| {
            let at = host(world, node)?;
            let (socket, generation) = make(world, at)?;
            Ok(Handle { run: world.run, node: at as u32, epoch: world.nodes[at].epoch, socket, generation })
        })
    }

    fn is_live(&self, world: &World) -> bool {
        world.run == self.run && world.nodes.get(self.at()).is_some_and(|node| node.epoch == self.epoch)
    }

    fn at(&self) -> usize {
        self.node as usize
    }

    /// Asks the world something about the socket, if the socket's boot is still on.
    fn with<R>(&self, f: impl FnOnce(&mut World) -> Option<R>) -> io::Result<R> {
        world::with_io(|world| self.is_live(world).then(|| f(world)).flatten().ok_or_else(gone))
    }

    /// `attempt` until it gives something; while it does not, the task is among `waiters`. Wakers are cloned and dropped
    /// outside the world: they are code of others.
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(&mut World) -> Option<io::Result<R>>,
        waiters: impl Fn(&mut World) -> Option<&mut Waiters>,
    ) -> Poll<io::Result<R>> {
        let outcome = self.with(|world| {
            // Asked first, so that a socket that is gone is an error and not a wait.
            let waits = waiters(world)?.has(cx.waker());
            Some(attempt(world).ok_or(waits))
        });
        match outcome {
            Ok(Ok(result)) => return Poll::Ready(result),
            Ok(Err(true)) => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
            Ok(Err(false)) => {}
        }
        let waker = cx.waker().clone();
        match self.with(|world| waiters(world).map(|waiters| waiters.push(waker))) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

fn would_block<R>() -> io::Result<R> {
    Err(io::ErrorKind::WouldBlock.into())
}

/// A time to live as `setsockopt` takes it.
fn hop_limit(ttl: u32) -> io::Result<u8> {
    let limit = u8::try_from(ttl).ok().filter(|&ttl| ttl > 0);
    limit.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a time to live is from 1 to 255"))
}
