//! Checksums, verified: what finds a bit that flipped on a link.
//!
//! Every machine on the way looks at the IP header, only the last one at what is inside. What no checksum covers (an
//! IPv6 hop limit, traffic class or flow label) goes unnoticed, as on a real network.

use crate::packet::{self, ICMP_V4, ICMP_V6, TCP, UDP, V6_HEADER};
use smoltcp::wire::{Icmpv4Packet, Icmpv6Packet, IpAddress, Ipv4Packet, Ipv6Address, TcpPacket, UdpPacket};
use std::net::IpAddr;

/// Whether a machine takes this for a packet: its version, its length, and over IPv4 the header's checksum (RFC 1812
/// section 5.2.2; RFC 8200 section 3).
pub(crate) fn header_is_sound(packet: &[u8]) -> bool {
    match packet::is_v6(packet) {
        Some(false) => Ipv4Packet::new_checked(packet).is_ok_and(|header| header.verify_checksum()),
        Some(true) => packet::word(packet, 4).map(usize::from) == packet.len().checked_sub(V6_HEADER),
        None => false,
    }
}

/// Whether the checksum of the packet's TCP segment, UDP datagram or ICMP message is right. True for other protocols,
/// and for a UDP datagram over IPv4 that says it has none (RFC 768; over IPv6 that is wrong: RFC 8200 section 8.1).
pub(crate) fn payload_is_sound(packet: &[u8]) -> bool {
    sound(packet).unwrap_or(false)
}

fn sound(packet: &[u8]) -> Option<bool> {
    let payload = packet.get(packet::header_len(packet)?..)?;
    let (from, to) = (packet::source(packet)?, packet::destination(packet)?);
    let ends = (IpAddress::from(from), IpAddress::from(to));
    Some(match (packet::protocol(packet)?, from, to) {
        (TCP, ..) => TcpPacket::new_checked(payload).ok()?.verify_checksum(&ends.0, &ends.1),
        (UDP, from, _) => {
            let datagram = UdpPacket::new_checked(payload).ok()?;
            (from.is_ipv4() || datagram.checksum() != 0) && datagram.verify_checksum(&ends.0, &ends.1)
        }
        (ICMP_V4, ..) => Icmpv4Packet::new_checked(payload).ok()?.verify_checksum(),
        (ICMP_V6, IpAddr::V6(from), IpAddr::V6(to)) => {
            let (from, to): (Ipv6Address, Ipv6Address) = (from, to);
            Icmpv6Packet::new_checked(payload).ok()?.verify_checksum(&from, &to)
        }
        _ => true,
    })
}
