//! The host's ports and what is at their other end. On the operating system and in turmoil there
//! are none to see.

use crate::backend::{self, Backend};
use blackstart_sim::link as engine;
use std::future::pending;
use std::io;

pub use engine::Interface;

/// The host's ports.
///
/// # Panics
/// Outside any host.
pub fn interfaces() -> Vec<Interface> {
    match backend::expect_host() {
        Backend::Engine => engine::interfaces(),
        _ => Vec::new(),
    }
}

/// Switches this end of a port on or off.
///
/// # Errors
/// `NotFound` when the host has no such port (always so outside the engine), or `Unsupported` outside any
/// backend.
pub fn set_admin_up(name: &str, up: bool) -> io::Result<()> {
    match backend::current()? {
        Backend::Engine => engine::set_admin_up(name, up),
        _ => {
            tracing::debug!(name, up, "port not switched: inert");
            Err(io::Error::new(io::ErrorKind::NotFound, format!("no port {name:?}: no ports to see here")))
        }
    }
}

/// Tells when a port changes; see [`watch`].
#[derive(Debug)]
pub struct Watch(Option<blackstart_sim::Watch>);

/// Watches the host's ports from now on.
///
/// # Panics
/// Outside any host.
pub fn watch() -> Watch {
    Watch(match backend::expect_host() {
        Backend::Engine => Some(engine::watch()),
        _ => None,
    })
}

impl Watch {
    /// Waits until a port's carrier or switch has changed since the last call, or since [`watch`]. Several
    /// changes may count as one. Cancel safe. Never ends outside the engine.
    pub async fn changed(&mut self) {
        match &mut self.0 {
            Some(watch) => watch.changed().await,
            None => pending().await,
        }
    }
}
