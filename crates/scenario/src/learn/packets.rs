//! Who asks whom, by the packets that a machine sends: the first of each conversation.

use pcap_file::pcapng::{Block, PcapNgReader};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const TCP: u8 = 6;
const UDP: u8 = 17;
/// The flags of TCP that tell a first packet: SYN without ACK.
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// From whose address.
    pub(super) from: IpAddr,
    /// To whom.
    pub(super) to: SocketAddr,
    /// When, from the start of the run.
    pub(super) at: Duration,
}

/// All first packets of a capture, those that others sent among them.
pub(super) fn asks(pcapng: &[u8]) -> Vec<Ask> {
    let Ok(mut reader) = PcapNgReader::new(pcapng) else { return Vec::new() };
    let mut asks = Vec::new();
    let mut began = None;
    while let Some(Ok((block, _))) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block {
            let began = *began.get_or_insert(packet.timestamp);
            let at = packet.timestamp.saturating_sub(began);
            asks.extend(first_packet(&packet.data).map(|(from, to)| Ask { from, to, at }));
        }
    }
    asks
}

/// Where an IP packet comes from and goes to that begins a conversation: TCP's SYN, or anything over UDP.
fn first_packet(packet: &[u8]) -> Option<(IpAddr, SocketAddr)> {
    let (protocol, from, to, rest): (u8, IpAddr, IpAddr, &[u8]) = match packet.first()? >> 4 {
        4 => {
            let length = usize::from(packet[0] & 0x0f) * 4;
            let from: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            let to: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            (*packet.get(9)?, from.into(), to.into(), packet.get(length..)?)
        }
        6 => {
            let from: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            let to: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            (*packet.get(6)?, from.into(), to.into(), packet.get(40..)?)
        }
        _ => return None,
    };
    let port = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
    let begins = match protocol {
        TCP => rest.get(13)? & (SYN | ACK) == SYN,
        UDP => true,
        _ => false,
    };
    begins.then(|| (from, SocketAddr::new(to, port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TCP packet over IPv4 from 10.0.0.1 port 4000 to 10.0.0.2 port 80.
    fn tcp(flags: u8) -> Vec<u8> {
        let mut packet = vec![0; 40];
        packet[0] = 0x45;
        packet[9] = TCP;
        packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        packet[20..24].copy_from_slice(&[0x0f, 0xa0, 0, 80]);
        packet[33] = flags;
        packet
    }

    #[test]
    fn only_what_begins_a_conversation_asks() {
        let web = ("10.0.0.1".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        assert_eq!(first_packet(&tcp(SYN)), Some(web));
        assert_eq!(first_packet(&tcp(SYN | ACK)), None);
        assert_eq!(first_packet(&tcp(ACK)), None);
        let mut udp = tcp(0);
        udp[9] = UDP;
        assert_eq!(first_packet(&udp), Some(web));
        assert!((0..40).all(|length| first_packet(&tcp(SYN)[..length]).is_none() || length > 33));
    }
}
