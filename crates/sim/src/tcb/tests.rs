//! Two ends and a path between them that loses, repeats, delays and reorders: each with another of its kind, and with
//! smoltcp's TCP, which was written by others from the same RFCs.

use super::segment::{self, ACK, FIN, Head, PSH, RST, SYN};
use super::*;
use crate::hash::mix;
use crate::packet::Bytes;
use proptest::prelude::*;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{DeviceCapabilities, Medium};
use smoltcp::socket::tcp as theirs;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use std::net::SocketAddr;

const MS: u64 = 1_000_000;
const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 50_000);
const SERVER: ([u8; 4], u16) = ([10, 0, 0, 2], 80);

/// One end, whoever wrote it.
trait End {
    fn arrive(&mut self, now: u64, packet: Bytes);
    /// What it sends now, and when it wants to be asked again.
    fn poll(&mut self, now: u64) -> (Vec<Bytes>, u64);
    fn write(&mut self, data: &[u8]) -> usize;
    fn read(&mut self, buffer: &mut [u8]) -> usize;
    fn close(&mut self);
    fn state(&self) -> String;

    fn has_ended(&self) -> bool {
        matches!(&self.state()[..], "TimeWait" | "Closed")
    }
}

struct Ours {
    tcb: Option<Tcb>,
    options: Options,
    ends: (SocketAddr, SocketAddr),
    answers: Vec<Bytes>,
}

impl Ours {
    fn new(mut options: Options, client: bool) -> Self {
        let (client_at, server_at) = (SocketAddr::from(CLIENT), SocketAddr::from(SERVER));
        let ends = if client { (client_at, server_at) } else { (server_at, client_at) };
        options.number = options.number.wrapping_add(u32::from(client));
        Ours { tcb: client.then(|| Tcb::connect(&options)), options, ends, answers: Vec::new() }
    }

    fn packet(&self, head: &Head, length: usize, fill: impl FnOnce(&mut [u8])) -> Bytes {
        let mut bytes = Vec::new();
        segment::write(&mut bytes, self.ends, 64, head, length, fill);
        bytes
    }
}

impl End for Ours {
    fn arrive(&mut self, now: u64, packet: Bytes) {
        let (head, payload) = segment::read(&packet).unwrap();
        let answer = match &mut self.tcb {
            Some(tcb) => tcb.arrive(now, &head, payload),
            None if head.opens() => {
                self.tcb = Some(Tcb::accept(&self.options, &head));
                None
            }
            None => refuse(&head, payload.len()),
        };
        let answer = answer.map(|answer| self.packet(&answer, 0, |_| ()));
        self.answers.extend(answer);
    }

    fn poll(&mut self, now: u64) -> (Vec<Bytes>, u64) {
        let mut sent = std::mem::take(&mut self.answers);
        let Some(mut tcb) = self.tcb.take() else { return (sent, NEVER) };
        while let Some(next) = tcb.next_segment(now) {
            let payload = |space: &mut [u8]| tcb.payload(&next.payload, space);
            sent.push(self.packet(&next.head, next.payload.len(), payload));
        }
        let due = tcb.due();
        assert!(due > now || due == NEVER, "{due} at {now}: {tcb:?}");
        self.tcb = Some(tcb);
        (sent, due)
    }

    fn write(&mut self, data: &[u8]) -> usize {
        self.tcb.as_mut().and_then(|tcb| tcb.send(data)).unwrap_or(0)
    }

    fn read(&mut self, buffer: &mut [u8]) -> usize {
        self.tcb.as_mut().map_or(0, |tcb| tcb.receive(buffer))
    }

    fn close(&mut self) {
        self.tcb.iter_mut().for_each(Tcb::close);
    }

    fn state(&self) -> String {
        self.tcb.as_ref().map_or("Listen".to_owned(), |tcb| format!("{:?}", tcb.state()))
    }
}

struct Theirs {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    wire: Wire,
}

#[derive(Default)]
struct Wire {
    mtu: u16,
    incoming: Option<Bytes>,
    outgoing: Vec<Bytes>,
}

struct Token<'a>(&'a mut Vec<Bytes>);
struct Arrived(Bytes);

impl smoltcp::phy::RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl smoltcp::phy::TxToken for Token<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut bytes = vec![0; length];
        let result = write(&mut bytes);
        self.0.push(bytes);
        result
    }
}

impl smoltcp::phy::Device for Wire {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Token<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arrived, Token<'_>)> {
        Some((Arrived(self.incoming.take()?), Token(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Token<'_>> {
        Some(Token(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu.into();
        capabilities
    }
}

fn instant(now: u64) -> Instant {
    Instant::from_micros((now / 1000) as i64)
}

impl Theirs {
    fn new(options: Options, client: bool) -> Self {
        let mut wire = Wire { mtu: options.mtu, ..Wire::default() };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = options.number.into();
        let mut interface = Interface::new(config, &mut wire, instant(0));
        let (local, remote) = if client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let [a, b, c, d] = local.0;
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::v4(a, b, c, d), 24)).unwrap();
        });
        let buffer = || theirs::SocketBuffer::new(vec![0; options.buffer as usize]);
        let mut sockets = SocketSet::new(Vec::new());
        let mut socket = theirs::Socket::new(buffer(), buffer());
        match client {
            true => {
                socket
                    .connect(interface.context(), SocketAddr::from(remote), SocketAddr::from(local))
                    .unwrap();
            }
            false => socket.listen(SocketAddr::from(local)).unwrap(),
        }
        let handle = sockets.add(socket);
        Theirs { interface, sockets, handle, wire }
    }

    fn socket(&mut self) -> &mut theirs::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }
}

impl End for Theirs {
    fn arrive(&mut self, now: u64, packet: Bytes) {
        self.wire.incoming = Some(packet);
        self.interface.poll_ingress_single(instant(now), &mut self.wire, &mut self.sockets);
    }

    fn poll(&mut self, now: u64) -> (Vec<Bytes>, u64) {
        self.interface.poll_egress(instant(now), &mut self.wire, &mut self.sockets);
        let due = self.interface.poll_at(instant(now), &self.sockets);
        let due = due.map_or(NEVER, |due| (due.total_micros() as u64 * 1000).max(now + MS));
        (std::mem::take(&mut self.wire.outgoing), due)
    }

    fn write(&mut self, data: &[u8]) -> usize {
        self.socket().send_slice(data).unwrap_or(0)
    }

    fn read(&mut self, buffer: &mut [u8]) -> usize {
        self.socket().recv_slice(buffer).unwrap_or(0)
    }

    fn close(&mut self) {
        self.socket().close();
    }

    fn state(&self) -> String {
        format!("{:?}", self.sockets.get::<theirs::Socket<'_>>(self.handle).state())
    }
}

/// What happens to packets, in thousandths.
#[derive(Debug, Clone, Copy)]
struct Path {
    seed: u64,
    /// Of what each end sends.
    lost: [u64; 2],
    repeated: u64,
    /// Milliseconds that some packets take longer than others: they overtake each other.
    jitter: u64,
}

/// An end, what it has to say and still to hear.
struct Side {
    end: Box<dyn End>,
    says: Vec<u8>,
    said: usize,
    heard: Vec<u8>,
    /// Bytes that it reads at a time, each hundred milliseconds.
    gulp: usize,
    due: u64,
    /// The end of the window that it was told.
    edge: Option<u32>,
}

impl Side {
    /// What arrives here says how much this side may send.
    fn arrive(&mut self, now: u64, packet: Bytes) {
        let (head, _) = segment::read(&packet).unwrap();
        let edge = head.ack.wrapping_add(u32::from(head.window));
        if head.flags & ACK != 0 && self.edge.is_none_or(|known| before(known, edge)) {
            self.edge = Some(edge);
        }
        self.end.arrive(now, packet);
    }

    /// Nothing is sent that the peer has no room for.
    fn assert_within_window(&self, packet: &[u8]) {
        let (head, payload) = segment::read(packet).unwrap();
        let end = head.number.wrapping_add(payload.len() as u32);
        if let Some(edge) = self.edge.filter(|_| !payload.is_empty()) {
            assert!(at_or_after(edge, end), "{head:?} {} beyond {edge}", payload.len());
        }
    }

    fn act(&mut self) {
        self.said += self.end.write(&self.says[self.said..]);
        let open = matches!(&self.end.state()[..], "Established" | "CloseWait");
        if open && self.said == self.says.len() {
            self.end.close();
        }
        self.listen();
    }

    /// Whether there was something to hear.
    fn listen(&mut self) -> bool {
        let mut buffer = vec![0; self.gulp];
        let read = self.end.read(&mut buffer);
        self.heard.extend(&buffer[..read]);
        read > 0
    }
}

/// Runs a conversation until both have heard all, and until both ends have ended where both are `watched`; for at most
/// an hour. The seconds it took.
fn converse(sides: &mut [Side; 2], path: Path, watched: [bool; 2]) -> u64 {
    let mut under_way: Vec<(u64, u64, usize, Bytes)> = Vec::new();
    let (mut now, mut next_act, mut draws, mut number) = (MS, 0, path.seed, 0);
    let mut draw = |limit: u64| {
        draws = mix(draws);
        draws % limit
    };
    while now < 3_600_000 * MS {
        if now >= next_act {
            sides.iter_mut().for_each(Side::act);
            next_act = now + 100 * MS;
        }
        while let Some(index) = under_way.iter().position(|(at, ..)| *at <= now) {
            let (_, _, to, packet) = under_way.remove(index);
            sides[to].arrive(now, packet);
        }
        for (from, side) in sides.iter_mut().enumerate() {
            let (sent, due) = side.end.poll(now);
            side.due = due;
            for packet in sent {
                if watched[from] {
                    side.assert_within_window(&packet);
                }
                let copies = u64::from(draw(1000) >= path.lost[from]) + u64::from(draw(1000) < path.repeated);
                for _ in 0..copies {
                    number += 1;
                    under_way.push((
                        now + (5 + draw(path.jitter + 1)) * MS,
                        number,
                        1 - from,
                        packet.clone(),
                    ));
                }
            }
        }
        under_way.sort();
        let ended = sides.iter().all(|side| side.end.has_ended());
        if ended {
            sides.iter_mut().for_each(|side| while side.listen() {});
        }
        let all_heard = [(0, 1), (1, 0)].iter().all(|(a, b)| sides[*a].heard.len() == sides[*b].says.len());
        if ended || (all_heard && watched != [true; 2]) {
            return now / 1_000_000_000;
        }
        let dues = sides.iter().map(|side| side.due).min().unwrap_or(NEVER);
        let arrival = under_way.first().map_or(NEVER, |(at, ..)| *at);
        now = dues.min(arrival).min(next_act).max(now + 1000);
    }
    3600
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    Us,
    Them,
}

#[derive(Debug, Clone)]
struct Conversation {
    authors: [Author; 2],
    lengths: [usize; 2],
    gulps: [usize; 2],
    buffers: [u32; 2],
    number: u32,
    congestion: Congestion,
    path: Path,
}

fn end(author: Author, options: Options, client: bool) -> Box<dyn End> {
    match author {
        Author::Us => Box::new(Ours::new(options, client)),
        Author::Them => Box::new(Theirs::new(options, client)),
    }
}

fn held(talk: &Conversation) -> ([Side; 2], u64) {
    let mut sides = [0, 1].map(|index| {
        let options = Options {
            buffer: talk.buffers[index],
            congestion: talk.congestion,
            mtu: 576,
            ip_header: 20,
            number: talk.number,
        };
        let says = (0..talk.lengths[index]).map(|byte| mix(byte as u64 + index as u64) as u8).collect();
        Side {
            end: end(talk.authors[index], options, index == 0),
            says,
            said: 0,
            heard: Vec::new(),
            gulp: talk.gulps[index],
            due: NEVER,
            edge: None,
        }
    });
    // A FIN of smoltcp's whose acknowledgement is repeated three times is never sent again.
    let took = converse(&mut sides, talk.path, talk.authors.map(|author| author == Author::Us));
    (sides, took)
}

fn conversation() -> impl Strategy<Value = Conversation> {
    let authors = prop_oneof![
        Just([Author::Us, Author::Us]),
        Just([Author::Us, Author::Them]),
        Just([Author::Them, Author::Us]),
    ];
    let path = (any::<u64>(), 0_u64..200, 0_u64..200, 0_u64..40);
    let path =
        path.prop_map(|(seed, lost, repeated, jitter)| Path { seed, lost: [lost; 2], repeated, jitter });
    let congestion = prop_oneof![Just(Congestion::None), Just(Congestion::Reno), Just(Congestion::Cubic)];
    let number = prop_oneof![any::<u32>(), Just(u32::MAX - 700), Just(0x7fff_ff00)];
    let lengths = (0_usize..12_000, 0_usize..12_000);
    let gulps = (300_usize..4000, 300_usize..4000);
    let buffers = (200_u32..6000, 200_u32..6000);
    (authors, lengths, gulps, buffers, number, congestion, path).prop_map(
        |(authors, lengths, gulps, buffers, number, congestion, path)| Conversation {
            authors,
            lengths: lengths.into(),
            gulps: gulps.into(),
            buffers: buffers.into(),
            number,
            congestion,
            path: Path {
                // When a shut window overtakes an open one, smoltcp waits for ever; and so it may after it has noticed that
                // a segment of its own was lost.
                jitter: if authors == [Author::Us; 2] { path.jitter } else { 0 },
                lost: authors.map(|author| if author == Author::Us { path.lost[0] } else { 0 }),
                ..path
            },
        },
    )
}

proptest! {
    /// Whatever the path does, each hears all that the other says, in order, and both come to an end.
    #[test]
    fn everything_said_is_heard(talk in conversation()) {
        let (sides, took) = held(&talk);
        let how_far = sides.each_ref().map(|side| (side.said, side.heard.len(), side.end.state()));
        prop_assert!(took < 3600, "{how_far:?}");
        for (hearer, speaker) in [(0, 1), (1, 0)] {
            prop_assert!(sides[hearer].heard == sides[speaker].says, "{how_far:?}");
        }
    }
}

/// An end that has connected: it has sent 1 to 100 and waits for 1001, with room for 1000.
fn established() -> Tcb {
    let options = Options { buffer: 1000, congestion: Congestion::None, mtu: 1500, ip_header: 20, number: 0 };
    let mut tcb = Tcb::connect(&options);
    tcb.next_segment(0).unwrap();
    assert_eq!(tcb.arrive(MS, &heard(1000, 1, SYN | ACK), &[]), None);
    while tcb.next_segment(MS).is_some() {}
    tcb.send(&[7; 100]);
    assert_eq!(tcb.next_segment(MS).unwrap().head.flags, PSH | ACK);
    tcb
}

fn heard(number: u32, ack: u32, flags: u8) -> Head {
    Head { number, ack, flags, window: 500, options: segment::Options::default() }
}

/// RFC 9293 section 3.10.7.4 and RFC 5961: what a segment does to an open connection, and the answer that it gets at
/// once.
#[test]
fn segments_that_make_no_sense_are_challenged_and_change_nothing() {
    let challenge = Some((101, ACK));
    for (what, head, payload, answer, state) in [
        ("a reset with the expected number", heard(1001, 101, RST | ACK), 0, None, State::Closed),
        ("a reset elsewhere in the window", heard(1500, 101, RST | ACK), 0, challenge, State::Established),
        ("a reset outside of it", heard(2001, 101, RST | ACK), 0, None, State::Established),
        ("a SYN in the window", heard(1001, 0, SYN), 0, challenge, State::Established),
        ("a SYN that comes again", heard(1000, 1, SYN | ACK), 0, challenge, State::Established),
        ("no acknowledgement", heard(1001, 0, 0), 10, None, State::Established),
        (
            "an acknowledgement of what was never sent",
            heard(1001, 102, ACK),
            10,
            challenge,
            State::Established,
        ),
        ("an old acknowledgement", heard(1001, 0, ACK), 0, None, State::Established),
        ("data that came before", heard(991, 101, ACK), 10, challenge, State::Established),
        ("data after a hole", heard(1101, 101, ACK), 10, challenge, State::Established),
        ("data beyond the window", heard(2001, 101, ACK), 10, challenge, State::Established),
        ("the end", heard(1001, 101, FIN | ACK), 0, None, State::CloseWait),
        ("an end after a hole", heard(1101, 101, FIN | ACK), 0, None, State::Established),
    ] {
        let mut tcb = established();
        let given = tcb.arrive(2000 * MS, &head, &[1; 10][..payload]);
        assert_eq!(given.map(|head| (head.number, head.flags)), answer, "{what}");
        assert_eq!(tcb.state(), state, "{what}");
        assert!(!tcb.can_receive(), "{what}");
    }
}

#[test]
fn a_challenge_is_given_once_a_second() {
    let mut tcb = established();
    let answers: Vec<bool> = [0, 500, 999, 1000, 1500, 2000]
        .map(|ms| tcb.arrive((2000 + ms) * MS, &heard(1500, 101, RST | ACK), &[]).is_some())
        .into();
    assert_eq!(answers, [true, false, false, true, false, true]);
}

/// An end that is cut off by the window is not taken for the end of what fits.
#[test]
fn an_end_beyond_the_window_is_not_heard() {
    let mut tcb = established();
    tcb.arrive(2 * MS, &heard(1001, 101, ACK), &[1; 990]);
    tcb.arrive(3 * MS, &heard(1991, 101, FIN | ACK), &[1; 20]);
    assert_eq!((tcb.state(), tcb.arriving.len()), (State::Established, 1000));
}

/// Both begin at a time (RFC 9293 section 3.5).
#[test]
fn two_ends_that_connect_to_each_other_are_connected() {
    let options = Options { buffer: 1000, congestion: Congestion::None, mtu: 1500, ip_header: 20, number: 0 };
    let mut ends = [5, 9].map(|number| Tcb::connect(&Options { number, ..options }));
    let mut answers = [None, None];
    for now in 0..4 {
        let said = [0, 1].map(|from| {
            let next = ends[from].next_segment(now).map(|next| next.head);
            [answers[from].take(), next]
        });
        for (from, heads) in said.into_iter().enumerate() {
            for head in heads.into_iter().flatten() {
                answers[1 - from] = ends[1 - from].arrive(now, &head, &[]).or(answers[1 - from]);
            }
        }
    }
    assert_eq!(ends.each_ref().map(Tcb::state), [State::Established; 2]);
}

/// A window that is shut is asked about again and again, less and less often, and data flows when it has opened.
#[test]
fn a_shut_window_is_probed() {
    let mut tcb = established();
    let shut = Head { window: 0, ..heard(1001, 101, ACK) };
    tcb.arrive(2 * MS, &shut, &[]);
    tcb.send(&[8; 50]);
    assert_eq!(tcb.next_segment(2 * MS), None);
    let mut probed = Vec::new();
    while probed.len() < 4 {
        let due = tcb.due();
        let probe = tcb.next_segment(due).unwrap();
        assert_eq!((probe.head.number, probe.head.flags, probe.payload), (100, ACK, 0..0));
        assert_eq!(tcb.next_segment(due), None);
        probed.push(due / (1000 * MS));
    }
    assert_eq!(probed, [1, 3, 7, 15]);
    tcb.arrive(20_000 * MS, &heard(1001, 101, ACK), &[]);
    assert_eq!(tcb.next_segment(20_000 * MS).unwrap().payload, 0..50);
}
