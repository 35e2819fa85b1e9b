//! A host of a plain `turmoil::Sim` as a backend (feature `turmoil`).
//!
//! turmoil does not tell the code on a host which host that is, so the closure given to `Sim::host` says it once,
//! with [`Host::boot`]. From there on the host is known to every task that [`crate::task::spawn`] starts; any
//! other task of the simulation gets an error. What differs from the other backends is listed in the
//! documentation's chapter on backends, each line with the test that pins it.
//!
//! ```
//! use blackstart_rt as rt;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! async fn greeter() -> turmoil::Result {
//!     let listener = rt::net::TcpListener::bind("0.0.0.0:7").await?;
//!     loop {
//!         let (mut stream, _peer) = listener.accept().await?;
//!         rt::task::spawn("greeting", async move { stream.write_all(b"hello").await });
//!     }
//! }
//!
//! # fn main() -> turmoil::Result {
//! let mut sim = turmoil::Builder::new().rng_seed(7).build();
//! let server = rt::turmoil::Host::new(7, "server");
//! sim.host("server", move || server.boot(greeter()));
//! let client = rt::turmoil::Host::new(7, "client");
//! sim.client("client", client.boot(async {
//!     let server = (turmoil::lookup("server"), 7);
//!     let mut answer = String::new();
//!     rt::net::TcpStream::connect(server).await?.read_to_string(&mut answer).await?;
//!     assert_eq!(answer, "hello");
//!     Ok(())
//! }));
//! sim.run()
//! # }
//! ```
//!
//! Same seeds, same run, as far as turmoil goes: give its builder `rng_seed` and, when a service asks for the time
//! of day, `epoch`, which otherwise is the machine's.
#![expect(
    clippy::disallowed_methods,
    reason = "turmoil's hosts stand on tokio's paused clock and local tasks"
)]

mod address;
mod tcp;
mod udp;

pub(crate) use tcp::{TcpListener, TcpStream};
pub(crate) use udp::UdpSocket;

use crate::backend::no_backend;
use blackstart_sim::Map;
use blackstart_sim::disk::Disk;
use blackstart_sim::draw::Stream;
use std::cell::{Cell, RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

pub(crate) type JoinHandle<T> = tokio::task::JoinHandle<T>;

thread_local! {
    static CURRENT: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// What outlives a host's software: its name, its seed, its disk. Make it beside the simulation and boot from it
/// in the closure given to `Sim::host`. Clones are the same host.
#[derive(Clone)]
pub struct Host(Rc<Inner>);

struct Inner {
    seed: u64,
    name: String,
    disk: RefCell<Disk>,
    /// How often each stream of draws was opened.
    streams: RefCell<Map<String, u64>>,
    /// The last reading of both clocks: what a task that turmoil drops between two ticks is told.
    clocks: Cell<Clocks>,
}

#[derive(Clone, Copy, Default)]
struct Clocks {
    since_start: Duration,
    unix: Duration,
}

impl Host {
    /// The host that the simulation knows as `name`. Its draws follow from `seed`: they are those that a host of
    /// this name gets in the engine with that seed.
    pub fn new(seed: u64, name: &str) -> Self {
        Self(Rc::new(Inner {
            seed,
            name: name.to_owned(),
            disk: RefCell::new(Disk::of_host(seed, name)),
            streams: RefCell::default(),
            clocks: Cell::default(),
        }))
    }

    /// Runs `software` as this host. Call it once per start: what was not synced to the disk before is lost,
    /// whether turmoil crashed the host or bounced it.
    pub fn boot<F: Future>(&self, software: F) -> impl Future<Output = F::Output> + use<F> {
        self.disk().lose_power();
        OnHost { host: self.clone(), future: Some(Box::pin(software)) }
    }

    /// The host's disk, to prepare, to examine or to let fail.
    ///
    /// # Panics
    /// When an earlier answer is still held.
    pub fn disk(&self) -> RefMut<'_, Disk> {
        self.0.disk.borrow_mut()
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn stream(&self, name: &str) -> Stream {
        let mut streams = self.0.streams.borrow_mut();
        let openings = streams.entry(name.to_owned()).or_insert(0);
        *openings += 1;
        Stream::of_host(self.0.seed, &self.0.name, name, *openings - 1)
    }

    pub(crate) fn since_start(&self) -> Duration {
        self.clocks().since_start
    }

    pub(crate) fn unix_now(&self) -> Duration {
        self.clocks().unix
    }

    /// turmoil drops the tasks of a crashed host outside of its runtime, where tokio would ask the real clock.
    fn clocks(&self) -> Clocks {
        if tokio::runtime::Handle::try_current().is_ok()
            && let (Some(since_start), Some(unix)) = (::turmoil::sim_elapsed(), ::turmoil::since_epoch())
        {
            self.0.clocks.set(Clocks { since_start, unix });
        }
        self.0.clocks.get()
    }

    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        tokio::task::spawn_local(OnHost { host: self.clone(), future: Some(Box::pin(future)) })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.0.name).finish()
    }
}

/// The host whose task is running on this thread, if one is.
///
/// # Errors
/// In a task of a simulation that no host booted: it must not fall through to another backend.
pub(crate) fn current() -> io::Result<Option<Host>> {
    match CURRENT.with_borrow(Clone::clone) {
        None if ::turmoil::in_simulation() => Err(no_backend()),
        host => Ok(host),
    }
}

/// A future of a host: whatever it calls finds that host, also while it is dropped.
struct OnHost<F> {
    host: Host,
    /// Taken by the drop.
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for OnHost<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        assert!(
            ::turmoil::in_simulation(),
            "the software of a turmoil host runs inside its turmoil::Sim only"
        );
        let this = self.get_mut();
        let _scope = Scope::enter(&this.host);
        this.future.as_mut().map_or(Poll::Pending, |future| future.as_mut().poll(cx))
    }
}

impl<F> Drop for OnHost<F> {
    fn drop(&mut self) {
        let _scope = Scope::enter(&self.host);
        self.future = None;
    }
}

/// Makes a host the current one until dropped.
struct Scope {
    before: Option<Host>,
}

impl Scope {
    fn enter(host: &Host) -> Self {
        Self { before: CURRENT.replace(Some(host.clone())) }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}

/// A pending wait. tokio hears of it with the first poll, so that it can be made anywhere, a drop included.
#[derive(Debug)]
pub(crate) struct Sleep {
    /// Since the simulation's start.
    deadline: Duration,
    wait: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Sleep {
    pub(crate) fn until(deadline: Duration) -> Self {
        Self { deadline, wait: None }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A wait that left its simulation never ends, as in the engine.
        let Some(now) = ::turmoil::sim_elapsed() else { return Poll::Pending };
        let wait =
            self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.deadline.saturating_sub(now))));
        wait.as_mut().poll(cx)
    }
}
