//! ICMP echo, as `ping` and `traceroute` use it.

use super::Handle;
use crate::stack::echo::Sender;
use crate::time;
use crate::world::{self, World};
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// How a request is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// One of the host's own addresses; else the one that routing picks.
    pub from: Option<IpAddr>,
    /// The time to live, or hop limit; above 0.
    pub ttl: u8,
    /// How much data goes along; what `ping` counts.
    pub payload_bytes: usize,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

impl Default for Ping {
    /// As `ping -W 1` of Linux.
    fn default() -> Self {
        Ping { from: None, ttl: 64, payload_bytes: 56, timeout: Duration::from_secs(1) }
    }
}

/// What came back for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// What it says.
    pub answer: Answer,
    /// Who says it.
    pub from: IpAddr,
    /// How much time to live it had left.
    pub ttl: u8,
    /// How long after the request it came.
    pub rtt: Duration,
}

/// The answer to a request: the echo, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The echo.
    Reply,
    /// The request's time to live ran out.
    TimeExceeded,
    /// A router has no route.
    NetUnreachable,
    /// A router does not get through to its neighbour.
    HostUnreachable,
    /// The request is longer than the next link can carry.
    TooBig {
        /// What it can carry, in bytes.
        mtu: u16,
    },
}

/// Sends one echo request from the current node. None when nothing came back in time. Cancel safe.
///
/// # Errors
/// `NetworkUnreachable` without a route, `AddrNotAvailable` for a foreign source, `InvalidInput` for impossible
/// options; `Unsupported` outside a node, `NotConnected` after a loss of power.
pub async fn ping(to: IpAddr, options: &Ping) -> io::Result<Option<Echo>> {
    Pinger::open()?.ping(to, options).await
}

/// Who answers requests whose time to live is 1, 2, and so on: the routers on the way to `to`, in order. Ends with the
/// first that says something else than that the time to live ran out, or after `hops_max`. None stands for a router
/// that did not answer in time.
///
/// # Errors
/// As [`ping`].
pub async fn traceroute(to: IpAddr, hops_max: u8, timeout: Duration) -> io::Result<Vec<Option<Echo>>> {
    let pinger = Pinger::open()?;
    let mut hops = Vec::new();
    for ttl in 1..=hops_max {
        let hop = pinger.ping(to, &Ping { ttl, timeout, ..Ping::default() }).await?;
        hops.push(hop);
        if hop.is_some_and(|echo| echo.answer != Answer::TimeExceeded) {
            break;
        }
    }
    Ok(hops)
}

/// A sender of requests, under one identifier.
struct Pinger(Handle);

impl Pinger {
    fn open() -> io::Result<Self> {
        Handle::open(|world, at| world.echo_open(at)).map(Pinger)
    }

    async fn ping(&self, to: IpAddr, options: &Ping) -> io::Result<Option<Echo>> {
        let handle = self.0;
        handle.with(|world| Some(world.echo_send(handle.at(), handle.socket, to, options)))??;
        time::timeout(options.timeout, self.answer()).await.ok().transpose()
    }

    async fn answer(&self) -> io::Result<Echo> {
        let handle = self.0;
        let answer = |world: &mut World| sender(world, &handle)?.answer().map(Ok);
        poll_fn(|cx| handle.poll(cx, answer, |world| sender(world, &handle).map(Sender::readers))).await
    }
}

fn sender<'a>(world: &'a mut World, handle: &Handle) -> Option<&'a mut Sender> {
    world.nodes[handle.at()].stack.echoes.get(handle.socket)
}

impl Drop for Pinger {
    fn drop(&mut self) {
        let handle = self.0;
        drop(world::try_with(|world| {
            handle.is_live(world).then(|| world.nodes[handle.at()].stack.echoes.close(handle.socket))
        }));
    }
}
