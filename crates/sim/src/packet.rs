//! IPv4 and IPv6 packets as bytes: reading what forwarding needs, and building UDP and ICMP.
//!
//! Bytes may come from anywhere, so every reader answers `None` for what is not there.

use crate::checksum;
use crate::hash::{fold, of};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    Icmpv4DstUnreachable, Icmpv4Packet, Icmpv4Repr, Icmpv4TimeExceeded, Icmpv6DstUnreachable, Icmpv6Packet,
    Icmpv6Repr, Icmpv6TimeExceeded, IpProtocol, IpRepr, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMP_V4: u8 = 1;
pub(crate) const ICMP_V6: u8 = 58;
/// The usual time to live.
pub(crate) const HOP_LIMIT: u8 = 64;
const V4_HEADER: usize = 20;
pub(crate) const V6_HEADER: usize = 40;
/// The most of an offending packet that an ICMP error quotes (RFC 1812 section 4.3.2.3; RFC 4443 section 2.4).
const QUOTE_V4_MAX: usize = 576 - V4_HEADER - 8;
const QUOTE_V6_MAX: usize = 1280 - V6_HEADER - 8;
const UDP_HEADER: usize = 8;

pub(crate) type Bytes = Vec<u8>;

/// Why a router or host sends a packet back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Complaint {
    TimeExceeded,
    NetUnreachable,
    HostUnreachable,
    PortUnreachable,
    /// Over the MTU of the next hop (RFC 1191 section 4, RFC 4443 section 3.2).
    TooBig {
        mtu: u16,
    },
}

/// The addresses, protocol and ports of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) protocol: u8,
}

pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn address(bytes: &[u8], at: usize, v6: bool) -> Option<IpAddr> {
    if v6 {
        let octets: [u8; 16] = bytes.get(at..at + 16)?.try_into().ok()?;
        return Some(Ipv6Addr::from(octets).into());
    }
    let octets: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets).into())
}

pub(crate) fn is_v6(packet: &[u8]) -> Option<bool> {
    match packet.first()? >> 4 {
        4 => Some(false),
        6 => Some(true),
        _ => None,
    }
}

pub(crate) fn destination(packet: &[u8]) -> Option<IpAddr> {
    match is_v6(packet)? {
        false => address(packet, 16, false),
        true => address(packet, 24, true),
    }
}

pub(crate) fn source(packet: &[u8]) -> Option<IpAddr> {
    match is_v6(packet)? {
        false => address(packet, 12, false),
        true => address(packet, 8, true),
    }
}

pub(crate) fn protocol(packet: &[u8]) -> Option<u8> {
    match is_v6(packet)? {
        false => packet.get(9).copied(),
        true => packet.get(6).copied(),
    }
}

/// Where the transport header starts. IPv6 extension headers are nobody's here.
pub(crate) fn header_len(packet: &[u8]) -> Option<usize> {
    match is_v6(packet)? {
        false => Some(usize::from(packet.first()? & 0x0f) * 4),
        true => Some(V6_HEADER),
    }
}

/// The length of the IP header of a packet to this address.
pub(crate) fn header_len_to(to: IpAddr) -> usize {
    if to.is_ipv4() { V4_HEADER } else { V6_HEADER }
}

/// Ports are zero for protocols without them.
pub(crate) fn flow(packet: &[u8]) -> Option<Flow> {
    let protocol = protocol(packet)?;
    let start = header_len(packet)?;
    let (from, to) = match protocol {
        TCP | UDP => (word(packet, start)?, word(packet, start + 2)?),
        _ => (0, 0),
    };
    let source = SocketAddr::new(source(packet)?, from);
    let destination = SocketAddr::new(destination(packet)?, to);
    Some(Flow { source, destination, protocol })
}

/// A hash that is equal for all packets of one flow, and different at each `salt`.
pub(crate) fn flow_hash(packet: &[u8], salt: u64) -> u64 {
    let Some(flow) = flow(packet) else { return 0 };
    let ports = u64::from(flow.source.port()) << 16 | u64::from(flow.destination.port());
    let ends = fold_address(fold_address(salt, flow.source.ip()), flow.destination.ip());
    fold(ends, ports << 8 | u64::from(flow.protocol))
}

fn fold_address(digest: u64, address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => fold(digest, u64::from(address.to_bits())),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            fold(fold(digest, bits as u64), (bits >> 64) as u64)
        }
    }
}

/// A digest of all that stays the same while the packet is forwarded: everything but its life and the header
/// checksum that follows from it.
pub(crate) fn content(packet: &[u8]) -> u64 {
    let word = |at: usize| packet.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    match is_v6(packet) {
        Some(false) if packet.len() >= V4_HEADER => {
            let ends = fold(word(0).unwrap_or(0), word(12).unwrap_or(0));
            fold(ends ^ u64::from(packet[9]), of(&packet[V4_HEADER..]))
        }
        Some(true) if packet.len() >= V6_HEADER => {
            fold(word(0).unwrap_or(0) & 0x00ff_ffff_ffff_ffff, of(&packet[8..]))
        }
        _ => of(packet),
    }
}

/// How many more nodes will let the packet pass, and one: its time to live or hop limit. 0 for what has none.
pub(crate) fn life(packet: &[u8]) -> u8 {
    match is_v6(packet) {
        Some(false) if packet.len() >= V4_HEADER => packet[8],
        Some(true) if packet.len() >= V6_HEADER => packet[7],
        _ => 0,
    }
}

/// Takes one hop off the packet's life. False when it has none left; the packet is unchanged then.
pub(crate) fn age(packet: &mut [u8]) -> bool {
    let alive = life(packet) > 1;
    if alive {
        age_by(packet, 1);
    }
    alive
}

/// Takes as many hops off the packet's life, which must have more.
pub(crate) fn age_by(packet: &mut [u8], hops: u8) {
    match is_v6(packet) {
        Some(true) if packet.len() >= V6_HEADER => packet[7] -= hops,
        Some(false) if packet.len() >= V4_HEADER => {
            packet[8] -= hops;
            raise_v4_checksum(packet, u32::from(hops) << 8);
        }
        _ => {}
    }
}

/// Updates the header checksum for a header word that went down by so much (RFC 1624).
fn raise_v4_checksum(packet: &mut [u8], by: u32) {
    let sum = u32::from(u16::from_be_bytes([packet[10], packet[11]])) + by;
    let folded = ((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&folded.to_be_bytes());
}

/// Flips one bit, counted from the first byte's highest.
pub(crate) fn flip(packet: &mut [u8], bit: u32) {
    if let Some(byte) = packet.get_mut(bit as usize / 8) {
        *byte ^= 0x80 >> (bit % 8);
    }
}

pub(crate) fn checksums() -> ChecksumCapabilities {
    ChecksumCapabilities::default()
}

/// The length of a packet with a UDP datagram of this payload.
pub(crate) fn udp_len(v4: bool, payload: usize) -> usize {
    payload + 8 + if v4 { V4_HEADER } else { V6_HEADER }
}

/// Begins a packet in `buffer`, whose old contents are forgotten: its IP header, for a payload of `length` bytes that
/// is to follow. Gives where that starts. The addresses must be of one family.
pub(crate) fn begin(
    buffer: &mut Bytes,
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    ttl: u8,
    length: usize,
) -> usize {
    buffer.clear();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut header = [0; V4_HEADER];
            header[0] = 0x45;
            header[2..4].copy_from_slice(&((V4_HEADER + length) as u16).to_be_bytes());
            // Don't fragment.
            header[6] = 0x40;
            header[8] = ttl;
            header[9] = protocol;
            header[12..16].copy_from_slice(&from.octets());
            header[16..20].copy_from_slice(&to.octets());
            let checksum = !checksum::folded(checksum::sum(&header));
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
            buffer.reserve(V4_HEADER + length);
            buffer.extend(header);
            V4_HEADER
        }
        _ => {
            let mut header = [0; V6_HEADER];
            header[0] = 0x60;
            header[4..6].copy_from_slice(&(length as u16).to_be_bytes());
            header[6] = protocol;
            header[7] = ttl;
            header[8..24].copy_from_slice(&v6_octets(from));
            header[24..40].copy_from_slice(&v6_octets(to));
            buffer.reserve(V6_HEADER + length);
            buffer.extend(header);
            V6_HEADER
        }
    }
}

fn v6_octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The checksum of the TCP segment or UDP datagram that begins at `start`, whose own field is still zero: over the
/// pseudo-header and all of it (RFC 9293 section 3.1, RFC 8200 section 8.1).
pub(crate) fn transport_checksum(packet: &[u8], start: usize) -> u16 {
    let (addresses, protocol) = match start {
        V4_HEADER => (&packet[12..20], packet[9]),
        _ => (&packet[8..40], packet[6]),
    };
    let segment = &packet[start..];
    let pseudo_header = checksum::sum(addresses) + u64::from(protocol) + segment.len() as u64;
    !checksum::folded(pseudo_header + checksum::sum(segment))
}

/// Builds a UDP datagram in `buffer`, whose old contents are forgotten. The addresses must be of one family.
pub(crate) fn udp(mut buffer: Bytes, from: SocketAddr, to: SocketAddr, ttl: u8, payload: &[u8]) -> Bytes {
    let length = UDP_HEADER + payload.len();
    let start = begin(&mut buffer, from.ip(), to.ip(), UDP, ttl, length);
    let mut header = [0; UDP_HEADER];
    header[0..2].copy_from_slice(&from.port().to_be_bytes());
    header[2..4].copy_from_slice(&to.port().to_be_bytes());
    header[4..6].copy_from_slice(&(length as u16).to_be_bytes());
    buffer.extend(header);
    buffer.extend(payload);
    // Zero says that there is none (RFC 768).
    let checksum = match transport_checksum(&buffer, start) {
        0 => u16::MAX,
        checksum => checksum,
    };
    buffer[start + 6..start + 8].copy_from_slice(&checksum.to_be_bytes());
    buffer
}

/// The most that a UDP datagram can carry: IPv4 counts its own header as part of the packet's length.
pub(crate) const fn udp_payload_max(v4: bool) -> usize {
    u16::MAX as usize - UDP_HEADER - if v4 { V4_HEADER } else { 0 }
}

/// The payload of a UDP datagram.
pub(crate) fn udp_payload(packet: &[u8]) -> Option<&[u8]> {
    let start = header_len(packet)?;
    let length = usize::from(word(packet, start + 4)?);
    packet.get(start + 8..start + length)
}

/// The ICMP error that `complaint` about `packet` calls for, sent by `from`. None where none may be sent: about an
/// ICMP error, or to nobody in particular (RFC 1122 section 3.2.2, RFC 4443 section 2.4).
pub(crate) fn complain(complaint: Complaint, from: IpAddr, packet: &[u8]) -> Option<Bytes> {
    let to = source(packet)?;
    if is_icmp_error(packet) || to.is_unspecified() || to.is_multicast() {
        return None;
    }
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => complain_v4(complaint, from, to, packet),
        (IpAddr::V6(from), IpAddr::V6(to)) => complain_v6(complaint, from, to, packet),
        _ => None,
    }
}

fn is_icmp_error(packet: &[u8]) -> bool {
    let kind = header_len(packet).and_then(|start| packet.get(start));
    match (protocol(packet), kind) {
        (Some(ICMP_V4), Some(kind)) => matches!(kind, 3 | 4 | 5 | 11 | 12),
        (Some(ICMP_V6), Some(kind)) => *kind < 128,
        (protocol, _) => matches!(protocol, Some(ICMP_V4 | ICMP_V6)),
    }
}

fn complain_v4(complaint: Complaint, from: Ipv4Addr, to: Ipv4Addr, packet: &[u8]) -> Option<Bytes> {
    let quoted = Ipv4Packet::new_checked(packet).ok()?;
    let header = Ipv4Repr::parse(&quoted, &ChecksumCapabilities::ignored()).ok()?;
    let data = quoted.payload();
    let data = &data[..data.len().min(QUOTE_V4_MAX - V4_HEADER)];
    let unreachable = |reason| Icmpv4Repr::DstUnreachable { reason, header, data };
    let message = match complaint {
        Complaint::TimeExceeded => {
            Icmpv4Repr::TimeExceeded { reason: Icmpv4TimeExceeded::TtlExpired, header, data }
        }
        Complaint::NetUnreachable => unreachable(Icmpv4DstUnreachable::NetUnreachable),
        Complaint::HostUnreachable => unreachable(Icmpv4DstUnreachable::HostUnreachable),
        Complaint::PortUnreachable => unreachable(Icmpv4DstUnreachable::PortUnreachable),
        Complaint::TooBig { .. } => unreachable(Icmpv4DstUnreachable::FragRequired),
    };
    let ip = IpRepr::new(from.into(), to.into(), IpProtocol::Icmp, message.buffer_len(), HOP_LIMIT);
    let mut buffer = vec![0; ip.buffer_len()];
    ip.emit(&mut buffer[..], &checksums());
    message.emit(&mut Icmpv4Packet::new_unchecked(&mut buffer[V4_HEADER..]), &checksums());
    if let Complaint::TooBig { mtu } = complaint {
        // The field that RFC 1191 section 4 adds; smoltcp leaves it zero.
        buffer[V4_HEADER + 6..V4_HEADER + 8].copy_from_slice(&mtu.to_be_bytes());
        Icmpv4Packet::new_unchecked(&mut buffer[V4_HEADER..]).fill_checksum();
    }
    Some(buffer)
}

fn complain_v6(complaint: Complaint, from: Ipv6Addr, to: Ipv6Addr, packet: &[u8]) -> Option<Bytes> {
    let quoted = Ipv6Packet::new_checked(packet).ok()?;
    let header = Ipv6Repr::parse(&quoted).ok()?;
    let data = quoted.payload();
    let data = &data[..data.len().min(QUOTE_V6_MAX - V6_HEADER)];
    let unreachable = |reason| Icmpv6Repr::DstUnreachable { reason, header, data };
    let message = match complaint {
        Complaint::TimeExceeded => {
            Icmpv6Repr::TimeExceeded { reason: Icmpv6TimeExceeded::HopLimitExceeded, header, data }
        }
        Complaint::NetUnreachable => unreachable(Icmpv6DstUnreachable::NoRoute),
        Complaint::HostUnreachable => unreachable(Icmpv6DstUnreachable::AddrUnreachable),
        Complaint::PortUnreachable => unreachable(Icmpv6DstUnreachable::PortUnreachable),
        Complaint::TooBig { mtu } => Icmpv6Repr::PktTooBig { mtu: u32::from(mtu), header, data },
    };
    let ip = IpRepr::new(from.into(), to.into(), IpProtocol::Icmpv6, message.buffer_len(), HOP_LIMIT);
    let mut buffer = vec![0; ip.buffer_len()];
    ip.emit(&mut buffer[..], &checksums());
    let icmp = &mut Icmpv6Packet::new_unchecked(&mut buffer[V6_HEADER..]);
    message.emit(&from, &to, icmp, &checksums());
    Some(buffer)
}

/// The beginning of the packet that an ICMP error is about.
pub(crate) fn quoted(error: &[u8]) -> Option<&[u8]> {
    error.get(header_len(error)? + 8..)
}

/// What an arriving ICMP error says, and about which flow of ours: as this host sent it.
pub(crate) fn complaint(packet: &[u8]) -> Option<(Complaint, Flow)> {
    let start = header_len(packet)?;
    let (kind, code) = (*packet.get(start)?, *packet.get(start + 1)?);
    let complaint = match (protocol(packet)?, kind, code) {
        (ICMP_V4, 3, 0) | (ICMP_V6, 1, 0) => Complaint::NetUnreachable,
        (ICMP_V4, 3, 1) | (ICMP_V6, 1, 3) => Complaint::HostUnreachable,
        (ICMP_V4, 3, 3) | (ICMP_V6, 1, 4) => Complaint::PortUnreachable,
        (ICMP_V4, 11, _) | (ICMP_V6, 3, _) => Complaint::TimeExceeded,
        (ICMP_V4, 3, 4) | (ICMP_V6, 2, 0) => Complaint::TooBig { mtu: word(packet, start + 6)? },
        _ => return None,
    };
    Some((complaint, flow(quoted(packet)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(v6: bool) -> Bytes {
        let (from, to) = match v6 {
            false => ("10.0.0.1:5", "10.0.0.2:53"),
            true => ("[2001:db8::1]:5", "[2001:db8::2]:53"),
        };
        udp(Vec::new(), from.parse().unwrap(), to.parse().unwrap(), HOP_LIMIT, b"question")
    }

    #[test]
    fn a_datagram_reads_back() {
        for v6 in [false, true] {
            let packet = datagram(v6);
            let flow = flow(&packet).unwrap();
            assert_eq!((flow.source.port(), flow.destination.port(), flow.protocol), (5, 53, UDP));
            assert_eq!(destination(&packet), Some(flow.destination.ip()));
            assert_eq!(udp_payload(&packet), Some(&b"question"[..]));
        }
    }

    #[test]
    fn ageing_keeps_the_checksum_right_down_to_the_last_hop() {
        let mut packet = datagram(false);
        let mut hops = 0;
        while age(&mut packet) {
            hops += 1;
            assert!(Ipv4Packet::new_unchecked(&packet[..]).verify_checksum());
        }
        assert_eq!(hops, 63);
        let mut packet = datagram(true);
        assert_eq!((0..100).filter(|_| age(&mut packet)).count(), 63);
    }

    #[test]
    fn many_hops_at_once_are_many_hops() {
        for v6 in [false, true] {
            let mut step_by_step = datagram(v6);
            for hops in 0..63 {
                let mut at_once = datagram(v6);
                age_by(&mut at_once, hops);
                assert_eq!(at_once, step_by_step, "{hops}");
                age(&mut step_by_step);
            }
        }
    }

    #[test]
    fn complaints_name_the_flow_and_are_not_about_complaints() {
        for (v6, router) in [(false, "10.9.9.9"), (true, "2001:db8::9")] {
            let packet = datagram(v6);
            let router: IpAddr = router.parse().unwrap();
            for kind in [
                Complaint::TimeExceeded,
                Complaint::NetUnreachable,
                Complaint::HostUnreachable,
                Complaint::PortUnreachable,
                Complaint::TooBig { mtu: 1400 },
            ] {
                let icmp = complain(kind, router, &packet).unwrap();
                assert_eq!(complaint(&icmp), Some((kind, flow(&packet).unwrap())));
                let version = if v6 { 6 } else { 4 };
                assert!(
                    checksum::header_is_sound(&icmp, version) && checksum::payload_is_sound(&icmp),
                    "{kind:?}"
                );
                assert_eq!(source(&icmp), Some(router));
                assert_eq!(complain(kind, router, &icmp), None);
            }
        }
    }

    #[test]
    fn truncated_packets_are_nobodys() {
        let packet = datagram(false);
        for length in 0..packet.len() {
            let cut = &packet[..length];
            let _ = (flow(cut), complaint(cut), udp_payload(cut), flow_hash(cut, 1));
            let _ = complain(Complaint::TimeExceeded, IpAddr::V4(Ipv4Addr::LOCALHOST), cut);
            age(&mut cut.to_vec());
        }
    }
}
