//! ICMP echo: answering requests, and waiting for what becomes of one's own (RFC 792, RFC 4443 section 4).

use crate::Map;
use crate::net::{Answer, Echo, Ping};
use crate::node::DropCause;
use crate::packet::{self, Bytes, Complaint, HOP_LIMIT, ICMP_V4, ICMP_V6};
use crate::watch::Waiters;
use crate::world::World;
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpProtocol, IpRepr};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Those who sent requests, by their identifier.
#[derive(Default)]
pub(crate) struct Echoes {
    senders: Map<u16, Sender>,
    last_identifier: u16,
}

/// Somebody who waits for an answer, if only to the last request.
#[derive(Default)]
pub(crate) struct Sender {
    sequence: u16,
    sent_at: u64,
    answer: Option<Echo>,
    readers: Waiters,
}

impl Echoes {
    /// A new sender's identifier.
    fn open(&mut self) -> io::Result<u16> {
        let candidates = (1..=u16::MAX).map(|n| self.last_identifier.wrapping_add(n));
        let free = candidates.into_iter().find(|identifier| !self.senders.contains_key(identifier));
        let identifier = free.ok_or(ErrorKind::AddrInUse)?;
        self.last_identifier = identifier;
        self.senders.insert(identifier, Sender::default());
        Ok(identifier)
    }

    pub(crate) fn get(&mut self, identifier: u32) -> Option<&mut Sender> {
        self.senders.get_mut(&u16::try_from(identifier).ok()?)
    }

    pub(crate) fn close(&mut self, identifier: u32) -> Option<Sender> {
        self.senders.remove(&u16::try_from(identifier).ok()?)
    }
}

impl Sender {
    pub(crate) fn answer(&self) -> Option<Echo> {
        self.answer
    }

    pub(crate) fn readers(&mut self) -> &mut Waiters {
        &mut self.readers
    }
}

impl World {
    /// A sender of requests. Gives its number, and a generation as other sockets have.
    pub(crate) fn echo_open(&mut self, at: usize) -> io::Result<(u32, u32)> {
        self.nodes[at].stack.echoes.open().map(|identifier| (identifier.into(), 0))
    }

    /// Sends the next request; what becomes of earlier ones is not told any more.
    pub(crate) fn echo_send(&mut self, at: usize, number: u32, to: IpAddr, ping: &Ping) -> io::Result<()> {
        if ping.ttl == 0 || ping.payload_bytes > packet::udp_payload_max(to.is_ipv4()) {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "no such time to live, or too long a message",
            ));
        }
        let from = self.source_for(at, ping.from, to)?;
        self.nodes[at].route_to(to)?;
        let now = self.now;
        let sender = self.nodes[at].stack.echoes.get(number).ok_or(ErrorKind::NotConnected)?;
        sender.sequence = sender.sequence.wrapping_add(1);
        (sender.sent_at, sender.answer) = (now, None);
        let data: Vec<u8> = (0..ping.payload_bytes).map(|n| n as u8).collect();
        let message =
            Message { reply: false, identifier: number as u16, sequence: sender.sequence, data: &data };
        self.echo_emit(at, &message, from, to, ping.ttl);
        Ok(())
    }

    fn echo_emit(&mut self, at: usize, message: &Message<'_>, from: IpAddr, to: IpAddr, ttl: u8) {
        let Some(bytes) = message.packet(from, to, ttl) else { return };
        if let Err(bytes) = self.send(at, bytes) {
            self.discard(at, DropCause::NoRoute, bytes);
        }
    }

    /// A request is answered from the address that was asked; an answer goes to who waits for it.
    pub(crate) fn deliver_echo(&mut self, at: usize, bytes: Bytes) {
        let (ends, message) =
            (packet::source(&bytes).zip(packet::destination(&bytes)), Message::read(&bytes));
        let (Some((from, to)), Some(message)) = (ends, message) else { return self.wire.recycle(bytes) };
        match message.reply {
            true => self.echo_answered(at, &message, Answer::Reply, from, packet::life(&bytes)),
            false => self.echo_emit(at, &Message { reply: true, ..message }, to, from, HOP_LIMIT),
        }
        self.wire.recycle(bytes);
    }

    /// A router or host complained about a message of ours.
    pub(crate) fn echo_complaint(&mut self, at: usize, complaint: Complaint, bytes: &[u8]) {
        let answer = match complaint {
            Complaint::TimeExceeded => Answer::TimeExceeded,
            Complaint::NetUnreachable => Answer::NetUnreachable,
            Complaint::HostUnreachable => Answer::HostUnreachable,
            Complaint::TooBig { mtu } => Answer::TooBig { mtu },
            Complaint::PortUnreachable => return,
        };
        let quoted = packet::quoted(bytes).and_then(Message::read).filter(|message| !message.reply);
        if let (Some(message), Some(from)) = (quoted, packet::source(bytes)) {
            self.echo_answered(at, &message, answer, from, packet::life(bytes));
        }
    }

    fn echo_answered(&mut self, at: usize, message: &Message<'_>, answer: Answer, from: IpAddr, ttl: u8) {
        let now = self.now;
        let sender = self.nodes[at].stack.echoes.get(message.identifier.into());
        let waiting = |sender: &&mut Sender| sender.sequence == message.sequence && sender.answer.is_none();
        if let Some(sender) = sender.filter(waiting) {
            let rtt = Duration::from_nanos(now - sender.sent_at);
            sender.answer = Some(Echo { answer, from, ttl, rtt });
            sender.readers.wake(&mut self.wakes);
        }
    }
}

/// An echo request or reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message<'a> {
    reply: bool,
    identifier: u16,
    sequence: u16,
    data: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(packet: &'a [u8]) -> Option<Self> {
        let start = packet::header_len(packet)?;
        let reply = match (packet::protocol(packet)?, *packet.get(start)?) {
            (ICMP_V4, 8) | (ICMP_V6, 128) => false,
            (ICMP_V4, 0) | (ICMP_V6, 129) => true,
            _ => return None,
        };
        let (identifier, sequence) = (packet::word(packet, start + 4)?, packet::word(packet, start + 6)?);
        Some(Message { reply, identifier, sequence, data: packet.get(start + 8..)? })
    }

    /// None when the addresses are of different families.
    fn packet(&self, from: IpAddr, to: IpAddr, ttl: u8) -> Option<Bytes> {
        match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Some(self.packet_v4(from, to, ttl)),
            (IpAddr::V6(from), IpAddr::V6(to)) => Some(self.packet_v6(from, to, ttl)),
            _ => None,
        }
    }

    fn packet_v4(&self, from: Ipv4Addr, to: Ipv4Addr, ttl: u8) -> Bytes {
        let Message { identifier: ident, sequence: seq_no, data, .. } = *self;
        let message = match self.reply {
            false => Icmpv4Repr::EchoRequest { ident, seq_no, data },
            true => Icmpv4Repr::EchoReply { ident, seq_no, data },
        };
        let ip = IpRepr::new(from.into(), to.into(), IpProtocol::Icmp, message.buffer_len(), ttl);
        let mut bytes = vec![0; ip.buffer_len()];
        ip.emit(&mut bytes[..], &packet::checksums());
        message.emit(&mut Icmpv4Packet::new_unchecked(&mut bytes[ip.header_len()..]), &packet::checksums());
        bytes
    }

    fn packet_v6(&self, from: Ipv6Addr, to: Ipv6Addr, ttl: u8) -> Bytes {
        let Message { identifier: ident, sequence: seq_no, data, .. } = *self;
        let message = match self.reply {
            false => Icmpv6Repr::EchoRequest { ident, seq_no, data },
            true => Icmpv6Repr::EchoReply { ident, seq_no, data },
        };
        let ip = IpRepr::new(from.into(), to.into(), IpProtocol::Icmpv6, message.buffer_len(), ttl);
        let mut bytes = vec![0; ip.buffer_len()];
        ip.emit(&mut bytes[..], &packet::checksums());
        let icmp = &mut Icmpv6Packet::new_unchecked(&mut bytes[ip.header_len()..]);
        message.emit(&from, &to, icmp, &packet::checksums());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: Message<'_> = Message { reply: false, identifier: 7, sequence: 9, data: b"data" };

    fn ends(v6: bool) -> (IpAddr, IpAddr) {
        match v6 {
            false => (Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(10, 0, 0, 2).into()),
            true => (Ipv6Addr::LOCALHOST.into(), Ipv6Addr::UNSPECIFIED.into()),
        }
    }

    #[test]
    fn messages_read_back_whole_and_quoted() {
        for v6 in [false, true] {
            let (from, to) = ends(v6);
            for reply in [false, true] {
                let message = Message { reply, ..MESSAGE };
                let packet = message.packet(from, to, 5).unwrap();
                assert_eq!(Message::read(&packet), Some(message));
                assert_eq!(packet::life(&packet), 5);
                assert!(crate::checksum::payload_is_sound(&packet));
                let error = packet::complain(Complaint::TimeExceeded, from, &packet).unwrap();
                assert_eq!(packet::quoted(&error).and_then(Message::read), Some(message));
            }
        }
        assert_eq!(MESSAGE.packet(ends(false).0, ends(true).0, 5), None);
    }

    #[test]
    fn truncated_messages_are_nobodys() {
        let (from, to) = ends(false);
        let packet = MESSAGE.packet(from, to, 5).unwrap();
        for length in 0..28 {
            assert_eq!(Message::read(&packet[..length]), None);
        }
    }

    #[test]
    fn identifiers_are_given_in_turn() {
        let mut echoes = Echoes::default();
        assert_eq!([echoes.open().unwrap(), echoes.open().unwrap()], [1, 2]);
        assert!(echoes.close(1).is_some() && echoes.close(1).is_none());
        assert_eq!(echoes.open().unwrap(), 3);
        echoes.last_identifier = 1;
        assert_eq!(echoes.open().unwrap(), 4);
    }
}
