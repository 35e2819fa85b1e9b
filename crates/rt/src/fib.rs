//! The host's forwarding table. It is inert on the operating system, whose table is not ours to change, and in
//! turmoil, where every host reaches every other.

use crate::backend::{self, Backend};
use blackstart_sim::fib as engine;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use blackstart_sim::fib::{Protocol, Resolution, Target};

/// Installs a route, replacing what `protocol` had for `prefix`.
///
/// # Panics
/// Outside any host.
pub fn install(protocol: Protocol, prefix: IpNet, target: Target, metric: u32) {
    match backend::expect_host() {
        Backend::Engine => engine::install(protocol, prefix, target, metric),
        _ => tracing::debug!(?protocol, %prefix, ?target, metric, "route not installed: inert"),
    }
}

/// Removes the route of `protocol` for `prefix`, if it has one.
///
/// # Panics
/// Outside any host.
pub fn remove(protocol: Protocol, prefix: IpNet) {
    match backend::expect_host() {
        Backend::Engine => engine::remove(protocol, prefix),
        _ => tracing::debug!(?protocol, %prefix, "route not removed: inert"),
    }
}

/// Removes all routes of `protocol`.
///
/// # Panics
/// Outside any host.
pub fn clear(protocol: Protocol) {
    match backend::expect_host() {
        Backend::Engine => engine::clear(protocol),
        _ => tracing::debug!(?protocol, "routes not cleared: inert"),
    }
}

/// The route that packets to `address` take, if its next hops resolve. On the operating system and in
/// turmoil always the default route, with metric 0.
///
/// # Panics
/// Outside any host.
pub fn lookup(address: IpAddr) -> Option<Resolution> {
    match backend::expect_host() {
        Backend::Engine => engine::lookup(address),
        _ => Some(default_route(address)),
    }
}

fn default_route(address: IpAddr) -> Resolution {
    let prefix = match address {
        IpAddr::V4(_) => IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
        IpAddr::V6(_) => IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
    };
    Resolution { protocol: Protocol::Static, metric: 0, prefix }
}

/// Tells when the table changes; see [`watch`].
#[derive(Debug)]
pub struct Watch(Option<blackstart_sim::Watch>);

/// Watches the host's table from now on.
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
    /// Waits until the table has changed since the last call, or since [`watch`]. Several changes may count as
    /// one. Cancel safe. Never ends where the table is inert.
    pub async fn changed(&mut self) {
        match &mut self.0 {
            Some(watch) => watch.changed().await,
            None => pending().await,
        }
    }
}
