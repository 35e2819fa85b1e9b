//! TCP segments as bytes (RFC 9293 section 3.1), with the options that both ends here know.

use crate::packet::{self, Bytes};
use std::net::SocketAddr;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;
pub(super) const HEADER: usize = 20;

/// Kinds of options: RFC 9293 section 3.2, RFC 7323 section 2.2.
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
/// RFC 7323 section 2.3.
const SCALE_MAX: u8 = 14;

/// A segment without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(super) number: u32,
    /// Means nothing without the flag ACK.
    pub(super) ack: u32,
    pub(super) flags: u8,
    /// As it stands in the header: not scaled yet.
    pub(super) window: u16,
    pub(super) options: Options,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Options {
    pub(super) mss: Option<u16>,
    pub(super) scale: Option<u8>,
}

impl Head {
    pub(crate) fn is_rst(&self) -> bool {
        self.flags & RST != 0
    }

    /// Opens a connection: no ACK, no RST.
    pub(crate) fn opens(&self) -> bool {
        self.flags & (SYN | RST | ACK) == SYN
    }

    pub(crate) fn is_fin(&self) -> bool {
        self.flags & (FIN | RST) == FIN
    }
}

/// The segment in a packet, and its payload.
pub(crate) fn read(packet: &[u8]) -> Option<(Head, &[u8])> {
    let segment = packet.get(packet::header_len(packet)?..)?;
    let header: &[u8; HEADER] = segment.first_chunk()?;
    let long = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let payload_at = usize::from(header[12] >> 4) * 4;
    let options = segment.get(HEADER..payload_at)?;
    let head = Head {
        number: long(4),
        ack: long(8),
        flags: header[13],
        window: u16::from_be_bytes([header[14], header[15]]),
        options: if options.is_empty() { Options::default() } else { Options::read(options) },
    };
    Some((head, &segment[payload_at..]))
}

impl Options {
    /// Unknown options are skipped, and what follows a broken one (RFC 9293 section 3.1, MUST-7).
    fn read(mut bytes: &[u8]) -> Self {
        let mut options = Options::default();
        while let Some((&kind, rest)) = bytes.split_first() {
            if kind == END {
                break;
            }
            if kind == NO_OPERATION {
                bytes = rest;
                continue;
            }
            let length = rest.first().map_or(0, |length| usize::from(*length));
            let Some(value) = bytes.get(2..length) else { break };
            match (kind, value) {
                (MAXIMUM_SEGMENT_SIZE, [high, low]) => {
                    options.mss = Some(u16::from_be_bytes([*high, *low]));
                }
                (WINDOW_SCALE, [scale]) => options.scale = Some((*scale).min(SCALE_MAX)),
                _ => {}
            }
            bytes = &bytes[length..];
        }
        options
    }

    fn write(&self, to: &mut Bytes) {
        if let Some(mss) = self.mss {
            let [high, low] = mss.to_be_bytes();
            to.extend([MAXIMUM_SEGMENT_SIZE, 4, high, low]);
        }
        if let Some(scale) = self.scale {
            to.extend([WINDOW_SCALE, 3, scale]);
        }
    }

    /// Bytes, rounded up to whole words.
    pub(super) fn len(&self) -> usize {
        4 * usize::from(self.mss.is_some()) + 4 * usize::from(self.scale.is_some())
    }
}

/// Writes a packet with this segment, from one end to the other, into `buffer`, whose old contents are forgotten. `fill`
/// writes the payload of so many bytes.
pub(crate) fn write(
    buffer: &mut Bytes,
    (from, to): (SocketAddr, SocketAddr),
    ttl: u8,
    head: &Head,
    length: usize,
    fill: impl FnOnce(&mut [u8]),
) {
    let options = head.options.len();
    let start = packet::begin(buffer, from.ip(), to.ip(), packet::TCP, ttl, HEADER + options + length);
    let mut header = [0; HEADER];
    header[0..2].copy_from_slice(&from.port().to_be_bytes());
    header[2..4].copy_from_slice(&to.port().to_be_bytes());
    header[4..8].copy_from_slice(&head.number.to_be_bytes());
    if head.flags & ACK != 0 {
        header[8..12].copy_from_slice(&head.ack.to_be_bytes());
    }
    header[12] = (((HEADER + options) / 4) as u8) << 4;
    header[13] = head.flags;
    header[14..16].copy_from_slice(&head.window.to_be_bytes());
    buffer.extend(header);
    if options > 0 {
        head.options.write(buffer);
    }
    let payload_at = start + HEADER + options;
    // The padding of the options is END, which is zero.
    buffer.resize(payload_at + length, END);
    fill(&mut buffer[payload_at..]);
    let checksum = packet::transport_checksum(buffer, start);
    buffer[start + 16..start + 18].copy_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smoltcp::wire::{TcpControl, TcpPacket, TcpRepr};

    fn ends(v6: bool) -> (SocketAddr, SocketAddr) {
        match v6 {
            false => ("10.0.0.1:5".parse().unwrap(), "10.0.0.2:80".parse().unwrap()),
            true => ("[2001:db8::1]:5".parse().unwrap(), "[2001:db8::2]:80".parse().unwrap()),
        }
    }

    fn options() -> impl Strategy<Value = Options> {
        let scale = proptest::option::of(0..=SCALE_MAX);
        (proptest::option::of(any::<u16>()), scale).prop_map(|(mss, scale)| Options { mss, scale })
    }

    proptest! {
        /// Written, read by another implementation, and read back.
        #[test]
        fn a_segment_reads_back(
            (number, ack, window) in any::<(u32, u32, u16)>(),
            flags in 0_u8..0x20,
            options in options(),
            payload in proptest::collection::vec(any::<u8>(), 0..50),
            v6 in any::<bool>(),
        ) {
            let ack = if flags & ACK == 0 { 0 } else { ack };
            let head = Head { number, ack, flags, window, options };
            let mut packet = vec![9; 7];
            write(&mut packet, ends(v6), 60, &head, payload.len(), |space| space.copy_from_slice(&payload));
            prop_assert_eq!(read(&packet), Some((head, &payload[..])));
            let version = if v6 { 6 } else { 4 };
            prop_assert!(crate::checksum::header_is_sound(&packet, version));
            prop_assert!(crate::checksum::payload_is_sound(&packet));
            prop_assert_eq!(packet::life(&packet), 60);
            let theirs = TcpPacket::new_checked(&packet[packet::header_len(&packet).unwrap()..]).unwrap();
            prop_assert_eq!(theirs.seq_number().0 as u32, number);
            prop_assert_eq!((theirs.src_port(), theirs.dst_port()), (5, 80));
            prop_assert_eq!(theirs.window_len(), window);
            prop_assert_eq!(theirs.payload(), &payload[..]);
        }

        #[test]
        fn any_bytes_are_read_without_fear(bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
            let _ = read(&bytes);
            let mut v4 = bytes;
            if let Some(first) = v4.first_mut() {
                *first = 0x45;
                let _ = read(&v4);
            }
        }
    }

    #[test]
    fn what_another_implementation_writes_is_read() {
        let (from, to) =
            (smoltcp::wire::Ipv4Address::new(10, 0, 0, 1), smoltcp::wire::Ipv4Address::new(10, 0, 0, 2));
        let repr = TcpRepr {
            src_port: 5,
            dst_port: 80,
            control: TcpControl::Syn,
            seq_number: smoltcp::wire::TcpSeqNumber(-2),
            ack_number: None,
            window_len: 7000,
            window_scale: Some(3),
            max_seg_size: Some(1460),
            sack_permitted: true,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &[],
        };
        let mut packet = Vec::new();
        let start = packet::begin(&mut packet, from.into(), to.into(), packet::TCP, 64, repr.buffer_len());
        packet.resize(start + repr.buffer_len(), 0);
        let mut segment = TcpPacket::new_unchecked(&mut packet[start..]);
        repr.emit(&mut segment, &from.into(), &to.into(), &packet::checksums());
        let (head, payload) = read(&packet).unwrap();
        assert!(head.opens() && payload.is_empty());
        assert_eq!((head.number, head.window), (u32::MAX - 1, 7000));
        assert_eq!(head.options, Options { mss: Some(1460), scale: Some(3) });
    }
}
