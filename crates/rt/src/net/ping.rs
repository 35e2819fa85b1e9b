//! ICMP echo.

use crate::backend::{self, Backend};
use blackstart_sim::net as engine;
pub use blackstart_sim::net::{Answer, Echo, Ping};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// Sends one echo request. None when nothing came back in time. Cancel safe.
///
/// # Errors
/// `NetworkUnreachable` without a route, `AddrNotAvailable` when the host does not own the source asked for,
/// `InvalidInput` for impossible options, and `Unsupported` outside the engine: neither turmoil nor std nor tokio speaks
/// ICMP.
pub async fn ping(to: IpAddr, options: &Ping) -> io::Result<Option<Echo>> {
    match backend::current()? {
        Backend::Engine => engine::ping(to, options).await,
        _ => Err(no_icmp()),
    }
}

/// Who answers requests whose time to live is 1, 2, and so on: the routers on the way to `to`, in order, none for one
/// that did not answer in time. Ends with the first that says something else than that the time to live ran out, or
/// after `hops_max`.
///
/// # Errors
/// As [`ping`].
pub async fn traceroute(to: IpAddr, hops_max: u8, timeout: Duration) -> io::Result<Vec<Option<Echo>>> {
    match backend::current()? {
        Backend::Engine => engine::traceroute(to, hops_max, timeout).await,
        _ => Err(no_icmp()),
    }
}

fn no_icmp() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "only the engine has ICMP echo; on a real host use the system's own ping and traceroute",
    )
}
