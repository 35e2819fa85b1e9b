//! The host's ports and what is at their other end. On the operating system there are none to see.

use crate::backend::{self, Backend};
use std::future::pending;
use std::io;
use std::net::IpAddr;

/// One port of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The neighbour's host name unless the port was given another.
    pub name: String,
    /// The host at the other end.
    pub neighbour: String,
    /// The neighbour's primary address, if it has any.
    pub neighbour_address: Option<IpAddr>,
    /// Whether this end is switched on.
    pub admin_up: bool,
    /// Whether light arrives: both ends on, both hosts powered, the link not cut.
    pub carrier: bool,
}

/// The host's ports.
///
/// # Panics
/// Outside any backend.
pub fn interfaces() -> Vec<Interface> {
    match backend::expect() {
        Backend::Os(_) => Vec::new(),
    }
}

/// Switches this end of a port on or off.
///
/// # Errors
/// `NotFound` when the host has no such port (always so on the operating system), or `Unsupported` outside any
/// backend.
pub fn set_admin_up(name: &str, up: bool) -> io::Result<()> {
    match backend::current()? {
        Backend::Os(_) => {
            tracing::debug!(name, up, "port not switched: inert");
            Err(io::Error::new(io::ErrorKind::NotFound, format!("no port {name:?}: real ports are not ours")))
        }
    }
}

/// Tells when a port changes; see [`watch`].
#[derive(Debug)]
pub struct Watch(Source);

#[derive(Debug)]
enum Source {
    Os,
}

/// Watches the host's ports from now on.
///
/// # Panics
/// Outside any backend.
pub fn watch() -> Watch {
    Watch(match backend::expect() {
        Backend::Os(_) => Source::Os,
    })
}

impl Watch {
    /// Waits until a port's carrier or switch has changed since the last call, or since [`watch`]. Several
    /// changes may count as one. Cancel safe. Never ends on the operating system.
    pub async fn changed(&mut self) {
        match &mut self.0 {
            Source::Os => pending().await,
        }
    }
}
