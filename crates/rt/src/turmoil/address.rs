//! Which addresses a host may use. turmoil panics about some; here they err.

use super::Host;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address to bind, as it was asked for and as turmoil takes it.
pub(super) struct Bind {
    asked: IpAddr,
    /// The host's own address: it has one.
    pub(super) own: IpAddr,
    pub(super) taken: SocketAddr,
}

impl Bind {
    /// turmoil binds wildcards and loopback only, so the host's own address becomes the wildcard.
    pub(super) fn new(host: &Host, asked: SocketAddr) -> io::Result<Self> {
        let (ip, own) = (asked.ip(), own_address(host)?);
        let is_ours = ip == own || ip.is_unspecified() || ip.is_loopback();
        if !is_ours || ip.is_ipv4() != own.is_ipv4() {
            return Err(not_available(format!("{own} cannot bind {ip}")));
        }
        let taken = if ip == own { wildcard(own) } else { ip };
        Ok(Self { asked: ip, own, taken: SocketAddr::new(taken, asked.port()) })
    }

    /// The bound address with the port that turmoil picked.
    pub(super) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.asked, port)
    }
}

pub(super) fn own_address(host: &Host) -> io::Result<IpAddr> {
    still_inside()?;
    Ok(turmoil::lookup(host.name()))
}

/// The address that turmoil talks to `peer` from.
pub(super) fn source(own: IpAddr, peer: SocketAddr) -> IpAddr {
    if peer.ip().is_loopback() { peer.ip() } else { own }
}

/// As on Linux, whoever talks to the unspecified address talks to this host.
pub(super) fn destination(peer: SocketAddr) -> SocketAddr {
    let host = match peer.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(host, peer.port())
}

/// A handle may leave its simulation, where turmoil would panic.
pub(super) fn still_inside() -> io::Result<()> {
    if turmoil::in_simulation() { Ok(()) } else { Err(ErrorKind::NotConnected.into()) }
}

pub(super) fn not_available(text: String) -> io::Error {
    io::Error::new(ErrorKind::AddrNotAvailable, text)
}

/// The time to live can be asked for, but no packet carries it.
pub(super) fn checked_ttl(ttl: u32) -> io::Result<u32> {
    if (1..=255).contains(&ttl) { Ok(ttl) } else { Err(ErrorKind::InvalidInput.into()) }
}

fn wildcard(family: IpAddr) -> IpAddr {
    match family {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
