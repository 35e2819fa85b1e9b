//! Address families and prefixes on the wire (RFC 4271 4.3, RFC 4760 5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::reader::Reader;

/// SAFI of unicast forwarding, the only one spoken here.
pub(super) const SAFI_UNICAST: u8 = 1;

/// An address family whose unicast routes a session carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Family {
    /// AFI 1, SAFI 1.
    Ipv4,
    /// AFI 2, SAFI 1.
    Ipv6,
}

impl Family {
    /// The family that an address belongs to.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    /// The family that a prefix belongs to.
    pub fn of_prefix(prefix: IpNet) -> Self {
        Self::of(prefix.addr())
    }

    pub(super) fn afi(self) -> u16 {
        match self {
            Self::Ipv4 => 1,
            Self::Ipv6 => 2,
        }
    }

    pub(super) fn from_afi_safi(afi: u16, safi: u8) -> Option<Self> {
        match (afi, safi) {
            (1, SAFI_UNICAST) => Some(Self::Ipv4),
            (2, SAFI_UNICAST) => Some(Self::Ipv6),
            _ => None,
        }
    }
}

/// Appends `prefix` as (length, just enough octets).
pub(super) fn put_prefix(out: &mut Vec<u8>, prefix: IpNet) {
    let octets = usize::from(prefix.prefix_len()).div_ceil(8);
    out.push(prefix.prefix_len());
    match prefix.network() {
        IpAddr::V4(address) => out.extend(address.octets().iter().take(octets)),
        IpAddr::V6(address) => out.extend(address.octets().iter().take(octets)),
    }
}

/// All prefixes up to the end of the field; `None` when one is too long or cut off. Host bits are cleared.
pub(super) fn prefixes(field: &[u8], family: Family) -> Option<Vec<IpNet>> {
    let mut reader = Reader::new(field);
    let mut found = Vec::new();
    while !reader.is_empty() {
        found.push(prefix(&mut reader, family)?);
    }
    Some(found)
}

fn prefix(reader: &mut Reader<'_>, family: Family) -> Option<IpNet> {
    let length = reader.u8()?;
    let octets = reader.take(usize::from(length).div_ceil(8))?;
    let net = match family {
        Family::Ipv4 => Ipv4Net::new(Ipv4Addr::from(padded::<4>(octets)?), length).ok()?.into(),
        Family::Ipv6 => Ipv6Net::new(Ipv6Addr::from(padded::<16>(octets)?), length).ok()?.into(),
    };
    Some(IpNet::trunc(&net))
}

fn padded<const N: usize>(octets: &[u8]) -> Option<[u8; N]> {
    let mut whole = [0; N];
    whole.get_mut(..octets.len())?.copy_from_slice(octets);
    Some(whole)
}
