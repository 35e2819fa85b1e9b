//! TCP and UDP sockets, shaped like tokio's, so that a service written on `tokio::net` changes its imports and nothing
//! else. Error kinds are those that Linux gives.
//!
//! - [`TcpListener`], [`TcpStream`]: connections (module `tcp`)
//! - [`OwnedReadHalf`], [`OwnedWriteHalf`]: a stream in two pieces (module `split`)
//! - [`UdpSocket`]: sending and receiving datagrams (module `udp`)
//! - [`ping`](ping()), [`traceroute`]: is somebody there, and who is on the way (module `ping`)
//! - [`ToSocketAddrs`]: what may stand where an address is asked for (module `address`)

mod address;
mod ping;
mod split;
mod tcp;
mod udp;

pub use address::ToSocketAddrs;
pub use ping::{Answer, Echo, Ping, ping, traceroute};
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;
