//! All that a service may touch, and nothing else: sockets, time, tasks, draws, a disk, events, routes, ports.
//!
//! A service written on this crate runs unchanged in the deterministic engine (`blackstart_sim`), inside a host of
//! a plain `turmoil::Sim` and on real sockets ([`os`]). The backend is chosen once, when a handle is made, by who is calling: a task of a
//! simulation gets the engine or turmoil; a thread that called [`os::enter`] gets the operating system; anyone else gets
//! an error that says so ([`std::io::ErrorKind::Unsupported`], or a panic where the signature has no room for
//! an error). Nothing ever escapes silently from a simulation to the real world.
//!
//! Start here: [`net`] and [`task`].
//!
//! ```
//! use blackstart_rt as rt;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! async fn greeter(listener: rt::net::TcpListener) -> std::io::Result<()> {
//!     let (mut stream, _peer) = listener.accept().await?;
//!     stream.write_all(b"hello").await
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # let disk_root = folder.path().to_owned();
//! let _guard = rt::os::enter(rt::os::Options { host_name: "here".to_owned(), disk_root })?;
//! rt::os::block_on(async {
//!     let listener = rt::net::TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr()?;
//!     rt::task::spawn("greeter", greeter(listener));
//!     let mut answer = String::new();
//!     rt::net::TcpStream::connect(address).await?.read_to_string(&mut answer).await?;
//!     assert_eq!(answer, "hello");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! - [`net`]: TCP and UDP over IPv4 and IPv6
//! - [`time`]: clock, sleeps, timeouts, intervals; timers fire on a 1 ms grid
//! - [`task`]: tasks that belong to the current host and die with it
//! - [`rand`]: named streams of draws
//! - [`disk`]: the host's own disk; what was not synced dies with the power
//! - [`emit`], [`Event`], [`decode`]: what a service wants the run's record to remember
//! - [`fib`]: the host's forwarding table
//! - [`link`]: the host's ports and their neighbours
//! - [`os`]: the explicit way to real sockets
//! - `turmoil`: hosts of a plain `turmoil::Sim` (with the feature of that name)
//! - [`canary`]: planted bugs, in builds for tests of what finds them
//! - [`select!`]: `tokio::select!` that always polls its branches in order
//! - [`Map`], [`Set`]: ordered collections; hashed ones iterate differently in each process
//! - `backend`: which backend the caller stands in, asked once per handle

mod backend;
pub mod disk;
mod emit;
pub mod fib;
pub mod link;
pub mod net;
pub mod os;
pub mod rand;
pub mod task;
pub mod time;
#[cfg(feature = "turmoil")]
pub mod turmoil;

pub use backend::host_name;
pub use blackstart_sim::{Map, Set, canary};
pub use emit::{Event, decode, emit};

/// `tokio::select!` that always polls its branches from top to bottom: tokio's own default starts at a
/// random branch. Put the branch that must not starve first.
#[macro_export]
macro_rules! select {
    ($($branches:tt)*) => { $crate::__private::select! { biased; $($branches)* } };
}

/// What the macros of this crate expand to. Not for direct use.
#[doc(hidden)]
pub mod __private {
    pub use tokio::select;
}
