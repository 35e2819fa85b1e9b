//! The host's forwarding table. On the operating system it is inert: the kernel's table is not ours to change.

use crate::backend::{self, Backend};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who installed a route. The order is that of the administrative distance: the lower is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// A neighbour on a link (0).
    Connected,
    /// Configured by hand (1).
    Static,
    /// Learnt by external BGP (20).
    Ebgp,
    /// Learnt by the IGP (110).
    Igp,
    /// Learnt by internal BGP (200).
    Ibgp,
}

/// Where packets of a prefix go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To one of these next hops, each resolved in turn through the table.
    Via(Vec<IpAddr>),
    /// Nowhere, silently.
    Discard,
}

/// The route that a lookup found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution {
    /// Who installed it.
    pub protocol: Protocol,
    /// The protocol's own metric.
    pub metric: u32,
    /// The longest prefix that matched.
    pub prefix: IpNet,
}

/// Installs a route, replacing what `protocol` had for `prefix`.
///
/// # Panics
/// Outside any backend.
pub fn install(protocol: Protocol, prefix: IpNet, target: Target, metric: u32) {
    match backend::expect() {
        Backend::Os(_) => tracing::debug!(?protocol, %prefix, ?target, metric, "route not installed: inert"),
    }
}

/// Removes the route of `protocol` for `prefix`, if it has one.
///
/// # Panics
/// Outside any backend.
pub fn remove(protocol: Protocol, prefix: IpNet) {
    match backend::expect() {
        Backend::Os(_) => tracing::debug!(?protocol, %prefix, "route not removed: inert"),
    }
}

/// Removes all routes of `protocol`.
///
/// # Panics
/// Outside any backend.
pub fn clear(protocol: Protocol) {
    match backend::expect() {
        Backend::Os(_) => tracing::debug!(?protocol, "routes not cleared: inert"),
    }
}

/// The route that packets to `address` take, if its next hops resolve. On the operating system always the
/// default route, with metric 0.
///
/// # Panics
/// Outside any backend.
pub fn lookup(address: IpAddr) -> Option<Resolution> {
    match backend::expect() {
        Backend::Os(_) => Some(default_route(address)),
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
pub struct Watch(Source);

#[derive(Debug)]
enum Source {
    Os,
}

/// Watches the host's table from now on.
///
/// # Panics
/// Outside any backend.
pub fn watch() -> Watch {
    Watch(match backend::expect() {
        Backend::Os(_) => Source::Os,
    })
}

impl Watch {
    /// Waits until the table has changed since the last call, or since [`watch`]. Several changes may count as
    /// one. Cancel safe. Never ends on the operating system.
    pub async fn changed(&mut self) {
        match &mut self.0 {
            Source::Os => pending().await,
        }
    }
}
