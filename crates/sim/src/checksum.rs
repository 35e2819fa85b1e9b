//! Checksums, verified: what finds a bit that flipped on a link.
//!
//! Every machine on the way looks at the IP header, only the last one at what is inside. What no checksum covers (an
//! IPv6 hop limit, traffic class or flow label) goes unnoticed, as on a real network.

use crate::packet::{self, ICMP_V4, ICMP_V6, TCP, UDP, V6_HEADER};
use smoltcp::wire::{Icmpv4Packet, Icmpv6Packet, IpAddress, Ipv4Packet, Ipv6Address, TcpPacket, UdpPacket};
use std::net::IpAddr;

/// Whether a machine takes this for a packet of the version that the link layer says: its version, its length, and over
/// IPv4 the header's checksum (RFC 1812 section 5.2.2; RFC 8200 section 3).
pub(crate) fn header_is_sound(packet: &[u8], version: u8) -> bool {
    match (version, packet::is_v6(packet)) {
        (4, Some(false)) => Ipv4Packet::new_checked(packet).is_ok_and(|header| header.verify_checksum()),
        (6, Some(true)) => packet::word(packet, 4).map(usize::from) == packet.len().checked_sub(V6_HEADER),
        _ => false,
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

/// The sum of big-endian 16-bit words that an Internet checksum is made of (RFC 1071), not folded yet. An odd byte at
/// the end counts as a word's first half.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    // Two 16-bit words at a time; folding brings them together.
    words.iter().chain([&last]).map(|word| u64::from(u32::from_be_bytes(*word))).sum()
}

/// A sum folded into 16 bits. The checksum is its complement.
pub(crate) fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Bytes, Complaint, complain, flip, udp};
    use proptest::prelude::*;

    /// A datagram, a segment and an ICMP message of each family. The segment is a datagram under another name: its
    /// checksum is made anew.
    fn packets(payload: &[u8]) -> Vec<Bytes> {
        let mut all = Vec::new();
        for (from, to) in [("10.0.0.1:5", "10.0.0.2:53"), ("[2001:db8::1]:5", "[2001:db8::2]:53")] {
            let (from, to): (std::net::SocketAddr, std::net::SocketAddr) =
                (from.parse().unwrap(), to.parse().unwrap());
            let datagram = udp(Vec::new(), from, to, 64, payload);
            all.extend(complain(Complaint::TimeExceeded, to.ip(), &datagram));
            all.push(segment(datagram.clone()));
            all.push(datagram);
        }
        all
    }

    fn segment(mut packet: Bytes) -> Bytes {
        let v6 = packet::is_v6(&packet).unwrap();
        let start = packet::header_len(&packet).unwrap();
        let (from, to) = (packet::source(&packet).unwrap(), packet::destination(&packet).unwrap());
        packet[if v6 { 6 } else { 9 }] = TCP;
        packet.resize(packet.len().max(start + 20), 0);
        let length = (packet.len() - if v6 { start } else { 0 }) as u16;
        packet[if v6 { 4..6 } else { 2..4 }].copy_from_slice(&length.to_be_bytes());
        if !v6 {
            Ipv4Packet::new_unchecked(&mut packet[..]).fill_checksum();
        }
        let mut tcp = TcpPacket::new_unchecked(&mut packet[start..]);
        tcp.set_header_len(20);
        tcp.fill_checksum(&from.into(), &to.into());
        packet
    }

    /// Whether any checksum, or the length, covers a bit; over IPv6 the traffic class, flow label and hop limit are
    /// free, and a transport that nobody knows has no checksum that anybody could verify.
    fn is_covered(packet: &[u8], bit: u32) -> bool {
        packet[0] >> 4 == 4 || !matches!(bit, 4..32 | 48..64)
    }

    proptest! {
        /// Every single bit of every kind of packet.
        #[test]
        fn each_flip_is_found_or_covered_by_nothing(payload in proptest::collection::vec(any::<u8>(), 12..80)) {
            for packet in packets(&payload) {
                let version = packet[0] >> 4;
                prop_assert!(header_is_sound(&packet, version) && payload_is_sound(&packet));
                for bit in 0..packet.len() as u32 * 8 {
                    let mut flipped = packet.clone();
                    flip(&mut flipped, bit);
                    let sound = header_is_sound(&flipped, version) && payload_is_sound(&flipped);
                    // A UDP checksum that a flip makes zero says that there is none.
                    let at = packet::header_len(&packet).unwrap() + 6;
                    let none = packet::protocol(&packet) == Some(UDP) && flipped[at..at + 2] == [0, 0];
                    prop_assert!(!sound || none || !is_covered(&packet, bit), "bit {} of {:02x?}", bit, packet);
                    prop_assert!(sound || !matches!(bit, 4..32 | 56..64) || version == 4);
                }
            }
        }

        /// Whatever arrives, reading it does no harm.
        #[test]
        fn noise_is_judged_without_a_panic(noise in proptest::collection::vec(any::<u8>(), 0..100), v6: bool) {
            let mut noise = noise;
            if let Some(first) = noise.first_mut() {
                *first = (*first & 0x0f) | if v6 { 0x60 } else { 0x40 };
            }
            let version = if v6 { 6 } else { 4 };
            let _judged = (header_is_sound(&noise, version), payload_is_sound(&noise));
        }
    }
}
