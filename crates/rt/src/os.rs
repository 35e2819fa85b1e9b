//! The operating system as a backend: tokio's current-thread runtime, one [`LocalSet`] and a folder as disk.
//!
//! Only a thread that called [`enter`] gets it. What differs from the other backends is listed in the documentation's
//! chapter on backends, each line with the test that pins it.
#![expect(clippy::disallowed_types, reason = "the one place where real sockets are wanted")]
#![expect(clippy::disallowed_methods, reason = "the one place where the real clock is wanted")]

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::Interest;
use tokio::task::LocalSet;

pub(crate) type TcpStream = tokio::net::TcpStream;
pub(crate) type TcpListener = tokio::net::TcpListener;
pub(crate) type UdpSocket = tokio::net::UdpSocket;
pub(crate) type JoinHandle<T> = tokio::task::JoinHandle<T>;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Host>>> = const { RefCell::new(None) };
}

/// A pending wait. It keeps its origin so that it can be moved without asking for the backend again.
#[derive(Debug)]
pub(crate) struct Sleep {
    wait: Pin<Box<tokio::time::Sleep>>,
    started: tokio::time::Instant,
}

impl Sleep {
    pub(crate) fn reset(&mut self, since_start: Duration) {
        self.wait.as_mut().reset(deadline(self.started, since_start));
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.wait.as_mut().poll(cx)
    }
}

/// The moment `since_start` after `started`, or as far ahead as tokio can wait.
fn deadline(started: tokio::time::Instant, since_start: Duration) -> tokio::time::Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);
    started.checked_add(since_start).unwrap_or_else(|| started + FAR)
}

/// Who this process is when it runs services on real sockets.
#[derive(Debug, Clone)]
pub struct Options {
    /// What [`crate::host_name`] answers.
    pub host_name: String,
    /// The folder that [`crate::disk`] lives in. It is created when missing.
    pub disk_root: PathBuf,
}

/// Keeps the thread on the operating system. Dropping it drops every task spawned meanwhile.
#[must_use = "the operating system is left as soon as the guard is dropped"]
#[derive(Debug)]
pub struct Guard {
    // The backend belongs to the thread that entered it.
    _this_thread: PhantomData<*const ()>,
}

/// The state behind [`enter`]. Fields drop in order: tasks before the reactor that their sockets need.
pub(crate) struct Host {
    tasks: LocalSet,
    runtime: tokio::runtime::Runtime,
    options: Options,
    started: tokio::time::Instant,
}

/// Lets this thread's services use real sockets, the real clock and `options.disk_root`.
///
/// # Errors
/// When this thread has entered already ([`io::ErrorKind::AlreadyExists`]), when the folder cannot be created
/// or the runtime cannot be built.
pub fn enter(options: Options) -> io::Result<Guard> {
    if current().is_some() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "this thread has called rt::os::enter already",
        ));
    }
    std::fs::create_dir_all(&options.disk_root)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let host = Host { tasks: LocalSet::new(), runtime, options, started: tokio::time::Instant::now() };
    CURRENT.set(Some(Rc::new(host)));
    Ok(Guard { _this_thread: PhantomData })
}

/// Runs `future` to its end together with every task spawned on this thread.
///
/// # Panics
/// Before [`enter`], and when called from inside another `block_on`.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let Some(host) = current() else {
        panic!("call blackstart_rt::os::enter before blackstart_rt::os::block_on")
    };
    host.tasks.block_on(&host.runtime, future)
}

/// A loopback address that no other process has and nobody in this one was given before: for services under test.
///
/// The process's number is in the host part (all of 127.0.0.0/8 is this host), and ports count up below those that the
/// kernel hands out, so that neither another test nor an outgoing connection can take it before the service does.
///
/// # Panics
/// When it was asked for more than 10,000 addresses.
pub fn unused_address() -> SocketAddr {
    const PORTS: Range<u16> = 20_000..30_000;
    static NEXT: AtomicU16 = AtomicU16::new(PORTS.start);
    let port = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(PORTS.contains(&port), "a process is given {} addresses at most", PORTS.len());
    // A process's number has 22 bits at most.
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    SocketAddr::from(([127, 0x40 | high, middle, low], port))
}

/// The backend of this thread, if it entered.
pub(crate) fn current() -> Option<Rc<Host>> {
    CURRENT.with_borrow(Clone::clone)
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Taken out first: tasks that are dropped may call back into this module.
        let host = CURRENT.take();
        drop(host);
    }
}

impl Host {
    pub(crate) fn name(&self) -> &str {
        &self.options.host_name
    }

    pub(crate) fn disk_root(&self) -> &Path {
        &self.options.disk_root
    }

    pub(crate) fn since_start(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn sleep_until(&self, since_start: Duration) -> Sleep {
        let _context = self.runtime.enter();
        let wait = Box::pin(tokio::time::sleep_until(deadline(self.started, since_start)));
        Sleep { wait, started: self.started }
    }

    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.tasks.spawn_local(future)
    }
}

/// Time since 1970-01-01 UTC by the machine's clock.
pub(crate) fn unix_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Connects, from `local` when given. Small writes leave at once, as our protocols expect.
pub(crate) async fn connect(local: Option<IpAddr>, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = match peer {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    if let Some(local) = local {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    socket.set_nodelay(true)?;
    socket.connect(peer).await
}

/// Waits until `attempt`, a receiving call of `socket`, has something to tell: a datagram, or what ICMP reported.
pub(crate) async fn receive<R>(
    socket: &UdpSocket,
    mut attempt: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    loop {
        socket.ready(Interest::READABLE | Interest::ERROR).await?;
        match or_reported(socket, attempt()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

/// `received`, or in place of `WouldBlock` the error that ICMP reported: tokio asks the kernel for data only when there
/// is data, and so never learns of it.
pub(crate) fn or_reported<R>(socket: &UdpSocket, received: io::Result<R>) -> io::Result<R> {
    let would_block = || io::Error::from(io::ErrorKind::WouldBlock);
    match received {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            socket.try_io(Interest::ERROR, || Err(socket.take_error()?.unwrap_or_else(would_block)))
        }
        result => result,
    }
}

/// Accepts one connection; see [`connect`] about small writes.
pub(crate) fn poll_accept(
    listener: &TcpListener,
    cx: &mut Context<'_>,
) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
    let (stream, peer) = ready!(listener.poll_accept(cx))?;
    stream.set_nodelay(true)?;
    Poll::Ready(Ok((stream, peer)))
}
