//! Packets on their way, and flights: one event for a whole row of plain links.
//!
//! A packet has one sequence number, its birth, for all its life. Events of packets are ordered by (time, birth),
//! so that the order in which packets reach a node does not depend on how many events brought them there.
//!
//! Where nothing but a fixed delay can happen to a packet, it flies: the decisions of the routers on the way are
//! taken in advance, and the event stands at the first node that has more to do than to pass it on. A change of a
//! forwarding table or a link interrupts the flights it touches: they go on hop by hop from where they are. The
//! result is the one of going hop by hop all the way, to the byte; a property test below says so.

use crate::fabric::{Arrival, LinkId, Touch};
use crate::fib::Exit;
use crate::hash::fold;
use crate::node::{DropCause, NodeId};
use crate::packet::{self, Bytes};
use crate::pause::Happening;
use crate::queue::{Event, Moment, Queue};
use crate::world::World;
use std::net::IpAddr;
use std::rc::Rc;

/// No packet's life is longer.
const HOPS_MAX: usize = 255;

/// What a packet keeps for all its life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    /// Its place in the order of events.
    sequence: u64,
    /// A digest of what it keeps on its way, taken while its bytes are still at hand.
    content: u64,
    /// Set when a bit of it flipped since it was made, so that checksums must be verified: its IP version, which link
    /// layers know by themselves.
    pub(crate) spoiled: Option<u8>,
}

impl Birth {
    pub(crate) fn new(queue: &mut Queue, bytes: &[u8]) -> Self {
        Birth { sequence: queue.next_sequence(), content: packet::content(bytes), spoiled: None }
    }

    /// That of a copy made on the way.
    pub(crate) fn again(self, queue: &mut Queue) -> Self {
        Birth { sequence: queue.next_sequence(), ..self }
    }

    /// A bit of the packet flips on the way.
    pub(crate) fn spoil(&mut self, bytes: &mut [u8], bit: u32) {
        self.spoiled = self.spoiled.or(bytes.first().map(|first| first >> 4));
        packet::flip(bytes, bit);
        self.content = packet::content(bytes);
    }
}

/// A link and the direction in which it is crossed: the link's number times two, plus the side it is left from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hop(u32);

impl Hop {
    pub(crate) fn new(link: LinkId, side: u8) -> Self {
        Hop(link.0 << 1 | u32::from(side))
    }

    pub(crate) fn link(self) -> usize {
        (self.0 >> 1) as usize
    }

    /// The side it is left from.
    pub(crate) fn side(self) -> usize {
        (self.0 & 1) as usize
    }
}

/// Plain links in a row, at least one.
type Path = [Stage];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage {
    hop: Hop,
    /// The nodes that the hop leaves and reaches.
    from: u32,
    to: u32,
    /// When its far end is reached, counted from the start of the flight.
    after: u64,
    /// The largest packet that comes so far.
    mtu: u16,
}

/// Whether nothing happens to this packet on the way but that it ages.
fn takes(path: &Path, bytes: &Bytes) -> bool {
    packet::life(bytes) > ages(path) && bytes.len() <= usize::from(path[path.len() - 1].mtu)
}

/// How often a packet ages on the way: at each node between.
fn ages(path: &Path) -> u8 {
    (path.len() - 1) as u8
}

/// What a node knows about the way of packets to one destination, beyond its own exit.
#[derive(Debug, Clone, Default)]
pub(crate) enum Plan {
    /// Nothing yet.
    #[default]
    Open,
    /// The next link is not plain, or there is none.
    Hop,
    Flight(Rc<Path>),
    /// It depends on the packet's flow.
    Splits,
}

/// The part of a packet's way that is under way.
enum Leg {
    /// From a node to itself.
    Loopback {
        node: u32,
        epoch: u32,
    },
    /// Over one link; `cut` tells whether it was cut since.
    Hop {
        hop: Hop,
        cut: u32,
        touch: Touch,
    },
    Flight {
        departed: u64,
        path: Rc<Path>,
    },
}

struct Packet {
    bytes: Bytes,
    birth: Birth,
    leg: Leg,
}

impl Packet {
    fn flies(&self) -> bool {
        matches!(self.leg, Leg::Flight { .. })
    }
}

#[derive(Default)]
struct Slot {
    generation: u32,
    packet: Option<Packet>,
    /// Where a packet that flies stands in the list of those.
    flying: u32,
}

/// All packets on their way.
#[derive(Default)]
pub(crate) struct Air {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The slots of those that fly, in no order.
    flying: Vec<u32>,
    /// Counts the changes that may make plans wrong.
    topology: u64,
    /// What crossed links so far. A sum, so that flights may be counted when they land.
    crossings: Crossings,
    /// Packets that landed off a link without light.
    in_the_dark: u64,
    /// Every packet goes hop by hop: what flights are compared with.
    #[cfg(test)]
    grounded: bool,
}

/// Counts and a digest of (time, link, bytes) of every packet that reached the far end of a link.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crossings {
    pub(crate) count: u64,
    pub(crate) digest: u64,
}

impl Crossings {
    fn add(&mut self, at: u64, hop: Hop, content: u64, life: u8) {
        self.count += 1;
        let place = u64::from(hop.0) << 8 | u64::from(life);
        self.digest = self.digest.wrapping_add(fold(content ^ at, place));
    }

    /// The stages of a flight in order, for as long as `passed` says.
    fn add_flight(
        &mut self,
        content: u64,
        life: u8,
        departed: u64,
        path: &Path,
        passed: impl Fn(u64) -> bool,
    ) -> usize {
        let stages = path.iter().map(|stage| (stage.hop, departed + stage.after));
        let passed = stages.take_while(|&(_, at)| passed(at)).enumerate();
        let mut count = 0;
        for (aged, (hop, at)) in passed {
            self.add(at, hop, content, life - aged as u8);
            count += 1;
        }
        count
    }
}

/// What changes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// The forwarding table of a node, or whether it forwards at all.
    Forwarding(NodeId),
    /// A link: its carrier, or what it does to packets.
    Link(LinkId),
}

impl Air {
    /// A digest of what crossed links, without what is still flying.
    pub(crate) fn digest(&self) -> u64 {
        self.crossings.digest
    }

    /// Packets that landed off a link without light: none, unless something is wrong here.
    pub(crate) fn in_the_dark(&self) -> u64 {
        self.in_the_dark
    }

    fn insert(&mut self, packet: Packet) -> Event {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let entry = &mut self.slots[slot as usize];
        if packet.flies() {
            entry.flying = self.flying.len() as u32;
            self.flying.push(slot);
        }
        entry.packet = Some(packet);
        Event::Packet { slot, generation: entry.generation }
    }

    /// Takes a packet whose event is due; none if a change took it out of its flight.
    fn take(&mut self, slot: u32, generation: u32) -> Option<Packet> {
        let entry = self.slots.get_mut(slot as usize).filter(|entry| entry.generation == generation)?;
        let packet = entry.packet.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        let place = entry.flying;
        self.free.push(slot);
        if packet.flies() {
            self.flying.swap_remove(place as usize);
            if let Some(&moved) = self.flying.get(place as usize) {
                self.slots[moved as usize].flying = place;
            }
        }
        Some(packet)
    }
}

impl World {
    /// What crossed links until now, those included that are still flying.
    pub(crate) fn crossings(&self) -> Crossings {
        let mut all = self.air.crossings;
        for &slot in &self.air.flying {
            if let Some(Packet { bytes, birth, leg: Leg::Flight { departed, path } }) =
                &self.air.slots[slot as usize].packet
            {
                all.add_flight(birth.content, packet::life(bytes), *departed, path, |at| {
                    self.is_past(at, *birth)
                });
            }
        }
        all
    }

    /// Whether the event of this time and birth would have been before the present one.
    fn is_past(&self, at: u64, birth: Birth) -> bool {
        Moment { at, sequence: birth.sequence } <= self.moment
    }

    /// Sends a packet from a node to itself.
    pub(crate) fn loop_back(&mut self, at: usize, delay: u64, bytes: Bytes) {
        let birth = Birth::new(&mut self.queue, &bytes);
        let leg = Leg::Loopback { node: at as u32, epoch: self.nodes[at].epoch };
        self.take_off(self.now + delay, Packet { bytes, birth, leg });
    }

    /// Puts a packet on one link.
    pub(crate) fn cross(&mut self, hop: Hop, arrival: Arrival, birth: Birth, bytes: Bytes) {
        let cut = self.links[hop.link()].cut;
        let leg = Leg::Hop { hop, cut, touch: arrival.touch };
        self.take_off(arrival.at, Packet { bytes, birth, leg });
    }

    fn take_off(&mut self, at: u64, packet: Packet) {
        let moment = Moment { at, sequence: packet.birth.sequence };
        let event = self.air.insert(packet);
        self.queue.push_at(moment, event);
    }

    /// Lets a packet fly, if its way from `at` begins with plain links. The bytes come back if not.
    pub(crate) fn fly(&mut self, at: usize, known: u32, birth: Birth, bytes: Bytes) -> Result<(), Bytes> {
        #[cfg(test)]
        if self.air.grounded {
            return Err(bytes);
        }
        let Some(path) = self.path(at, known, &bytes).filter(|path| takes(path, &bytes)) else {
            return Err(bytes);
        };
        let last = path[path.len() - 1];
        self.take_off(
            self.now + last.after,
            Packet { bytes, birth, leg: Leg::Flight { departed: self.now, path } },
        );
        Ok(())
    }

    fn path(&mut self, at: usize, known: u32, bytes: &Bytes) -> Option<Rc<Path>> {
        let topology = self.air.topology;
        match self.nodes[at].fib.plan(known, topology) {
            Plan::Hop => return None,
            Plan::Flight(path) => return Some(Rc::clone(path)),
            Plan::Splits => return self.survey(at, packet::destination(bytes)?, Some(bytes)).ok()?,
            Plan::Open => {}
        }
        let path = self.survey(at, packet::destination(bytes)?, None);
        let plan = match &path {
            Ok(Some(path)) => Plan::Flight(Rc::clone(path)),
            Ok(None) => Plan::Hop,
            Err(Splits) => Plan::Splits,
        };
        self.nodes[at].fib.set_plan(known, topology, plan);
        match path {
            Ok(path) => path,
            Err(Splits) => self.survey(at, packet::destination(bytes)?, Some(bytes)).ok()?,
        }
    }

    /// The row of plain links that packets from `at` take, if it begins with one. Where the way splits by flow, the
    /// packet at hand decides.
    fn survey(&mut self, at: usize, to: IpAddr, packet: Option<&Bytes>) -> Result<Option<Rc<Path>>, Splits> {
        let mut stages: Vec<Stage> = Vec::new();
        let mut node = at;
        let (mut after, mut mtu) = (0, u16::MAX);
        while stages.len() < HOPS_MAX && (node == at || self.nodes[node].passes_on()) {
            let port = match (self.nodes[node].exit(to), packet) {
                (Exit::Port(port), _) => port,
                (Exit::Spread(_), None) => return Err(Splits),
                (Exit::Spread(index), Some(bytes)) => self.nodes[node].spread(index, bytes),
                (Exit::Local | Exit::Discard | Exit::NoRoute, _) => break,
            };
            let port = &self.nodes[node].ports[usize::from(port)];
            let hop = Hop::new(port.link, port.side);
            let link = &self.links[hop.link()];
            let Some(delay) = link.plain(hop.side(), self.now + after) else { break };
            after += delay;
            mtu = mtu.min(link.ways[hop.side()].spec().mtu);
            stages.push(Stage { hop, from: node as u32, to: port.neighbour.0, after, mtu });
            node = port.neighbour.0 as usize;
        }
        Ok((!stages.is_empty()).then(|| stages.into()))
    }

    /// A packet's event is due.
    pub(crate) fn arrive(&mut self, slot: u32, generation: u32) {
        let Some(Packet { mut bytes, birth, leg }) = self.air.take(slot, generation) else { return };
        match leg {
            Leg::Loopback { node, epoch } => match self.nodes[node as usize].epoch == epoch {
                true => {
                    self.capture_loopback(node, &bytes);
                    self.happen(node as usize, Happening::Loopback(bytes));
                }
                false => self.wire.recycle(bytes),
            },
            Leg::Hop { hop, cut, touch } => {
                let to = self.far_end(hop);
                let link = &self.links[hop.link()];
                let (lost, dark) = (link.cut != cut, !link.carrier);
                if link.watched {
                    self.capture_arrival(hop, &bytes, birth.spoiled.is_some(), touch, lost);
                }
                if lost {
                    let link = Some(LinkId(hop.link() as u32));
                    return self.discard_on(link, to, DropCause::LinkDown, bytes);
                }
                self.air.in_the_dark += u64::from(dark);
                self.air.crossings.add(self.now, hop, birth.content, packet::life(&bytes));
                self.happen(to, Happening::Packet { birth, bytes });
            }
            Leg::Flight { departed, path } => {
                let life = packet::life(&bytes);
                self.air.crossings.add_flight(birth.content, life, departed, &path, |_| true);
                packet::age_by(&mut bytes, ages(&path));
                let last = path[path.len() - 1];
                self.air.in_the_dark += u64::from(!self.links[last.hop.link()].carrier);
                self.happen(last.to as usize, Happening::Packet { birth, bytes });
            }
        }
    }

    fn far_end(&self, hop: Hop) -> usize {
        self.links[hop.link()].ends[1 - hop.side()].node.0 as usize
    }

    /// To be called whenever the ways of packets change, and before a link does: plans are forgotten, and the flights
    /// that the change touches go on hop by hop.
    pub(crate) fn interrupt_flights(&mut self, change: Change) {
        self.air.topology += 1;
        if self.air.flying.is_empty() {
            return;
        }
        let flying = self.air.flying.iter().copied();
        let touched: Vec<u32> = flying.filter(|&slot| self.is_touched(slot, change)).collect();
        touched.into_iter().for_each(|slot| self.interrupt(slot));
    }

    /// Whether a change matters to the rest of a flight.
    fn is_touched(&self, slot: u32, change: Change) -> bool {
        let Some(Packet { birth, leg: Leg::Flight { departed, path }, .. }) =
            &self.air.slots[slot as usize].packet
        else {
            return false;
        };
        let mut rest = path.iter().skip_while(|stage| self.is_past(departed + stage.after, *birth));
        match change {
            Change::Link(link) => rest.any(|stage| stage.hop.link() == link.0 as usize),
            // The present link was chosen already.
            Change::Forwarding(node) => rest.skip(1).any(|stage| stage.from == node.0),
        }
    }

    /// Takes a packet out of its flight: it is on one of its links now.
    fn interrupt(&mut self, slot: u32) {
        let generation = self.air.slots[slot as usize].generation;
        let Some(Packet { mut bytes, birth, leg: Leg::Flight { departed, path } }) =
            self.air.take(slot, generation)
        else {
            return;
        };
        let now = self.moment;
        let is_past = |at| Moment { at, sequence: birth.sequence } <= now;
        let life = packet::life(&bytes);
        let passed = self.air.crossings.add_flight(birth.content, life, departed, &path, is_past);
        packet::age_by(&mut bytes, passed as u8);
        // Its event has not come yet, so it has not passed the last stage.
        let stage = path[passed];
        let arrival = departed + stage.after;
        self.links[stage.hop.link()].ways[stage.hop.side()].occupy(arrival);
        self.cross(stage.hop, Arrival { at: arrival, touch: Touch::default() }, birth, bytes);
    }
}

/// The way depends on the packet's flow.
struct Splits;

#[cfg(test)]
mod tests {
    use crate::fib::{Protocol, Target};
    use crate::net::{TcpListener, TcpStream, UdpSocket};
    use crate::{
        Bandwidth, Config, DropCause, Latency, LinkId, LinkSpec, NodeId, NodeSpec, Sim, Time, WaySpec,
    };
    use crate::{control, draw::Stream, record, task, time, world};
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const SECONDS: u64 = 3;

    fn address(n: usize) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, n as u8 + 1).into()
    }

    /// A network in which anything may happen: nodes in a tree with some links more, routes that are right, wrong,
    /// split or in circles, and a hand that changes it all.
    struct Chaos {
        dice: Stream,
        nodes: Vec<NodeId>,
        links: Vec<(LinkId, usize, usize)>,
    }

    impl Chaos {
        fn build(sim: &Sim, seed: u64) -> Chaos {
            let mut dice = Stream::new(seed, "chaos");
            let count = 4 + dice.below(8) as usize;
            let spec = |n: usize| NodeSpec {
                name: format!("n{n}"),
                addresses: vec![address(n)],
                forwards: n % 5 != 4,
            };
            let nodes = (0..count).map(|n| sim.add_node(spec(n)).unwrap()).collect();
            let mut chaos = Chaos { dice, nodes, links: Vec::new() };
            for n in 1..count {
                // Rather long than bushy.
                let other = n - 1 - chaos.dice.below(n.min(2) as u64) as usize;
                chaos.link(sim, n, other);
            }
            for _ in 0..chaos.dice.below(4) {
                let (a, b) = (chaos.any_node(), chaos.any_node());
                let known = chaos.links.iter().any(|&(_, x, y)| (x, y) == (a, b) || (x, y) == (b, a));
                if a != b && !known {
                    chaos.link(sim, a, b);
                }
            }
            (0..count).for_each(|at| (0..count).for_each(|to| chaos.route_well(at, to)));
            chaos
        }

        fn any_node(&mut self) -> usize {
            self.dice.below(self.nodes.len() as u64) as usize
        }

        fn any_link(&mut self) -> LinkId {
            let index = self.dice.below(self.links.len() as u64) as usize;
            self.links[index].0
        }

        /// Few values, so that many packets meet at one instant.
        fn latency(&mut self) -> Latency {
            let ms = Duration::from_millis;
            match self.dice.below(8) {
                0 => Latency::Fixed(Duration::ZERO),
                1 => Latency::Fixed(Duration::from_micros(137)),
                2 => Latency::Uniform { min: ms(1), max: ms(4) },
                _ => Latency::Fixed(ms(3 + 3 * self.dice.below(2))),
            }
        }

        /// Anything that a link can do to packets, or nothing.
        fn way(&mut self) -> WaySpec {
            let mut seldom = |chance| if self.dice.chance(0.3) { chance } else { 0.0 };
            // Seldom, because routes in circles would let copies of copies multiply.
            let (duplication, corruption) = (seldom(0.03), seldom(0.1));
            let bandwidth = self.dice.chance(0.3);
            WaySpec {
                overtaking: self.dice.chance(0.5),
                duplication,
                corruption,
                bandwidth: bandwidth.then_some(Bandwidth { bits_per_s: 1_000_000, queue_bytes: 3000 }),
                mtu: [1500, 1500, 600][self.dice.below(3) as usize],
                black_hole: self.dice.chance(0.5),
                ..WaySpec::with_latency(self.latency())
            }
        }

        fn link(&mut self, sim: &Sim, a: usize, b: usize) {
            let loss = if self.dice.chance(0.15) { 0.2 } else { 0.0 };
            let (end_a, end_b) = (self.nodes[a], self.nodes[b]);
            let latency = self.latency();
            let spec = LinkSpec::new(end_a, end_b).latency(latency).loss(loss);
            self.links.push((sim.add_link(spec).unwrap(), a, b));
        }

        fn neighbours(&self, of: usize) -> Vec<usize> {
            let end = |&(_, a, b): &(LinkId, usize, usize)| match () {
                () if a == of => Some(b),
                () if b == of => Some(a),
                () => None,
            };
            self.links.iter().filter_map(end).collect()
        }

        fn install(&self, at: usize, to: usize, target: Target) {
            control::install_route(self.nodes[at], Protocol::Static, address(to).into(), target, 0).unwrap();
        }

        /// The neighbours that are nearest to the destination.
        fn route_well(&mut self, at: usize, to: usize) {
            let mut distance = vec![usize::MAX; self.nodes.len()];
            let mut reached = std::collections::VecDeque::from([(to, 0)]);
            while let Some((node, hops)) = reached.pop_front() {
                if hops < distance[node] {
                    distance[node] = hops;
                    reached.extend(self.neighbours(node).into_iter().map(|other| (other, hops + 1)));
                }
            }
            let nearer = |&other: &usize| distance[other] < distance[at];
            let via: Vec<_> = self.neighbours(at).into_iter().filter(nearer).map(address).collect();
            if !via.is_empty() {
                self.install(at, to, Target::Via(via));
            }
        }

        /// Anything.
        fn route_badly(&mut self, at: usize, to: usize) {
            let neighbours = self.neighbours(at);
            let hop = address(neighbours[self.dice.below(neighbours.len() as u64) as usize]);
            let discard = self.dice.chance(0.2);
            self.install(at, to, if discard { Target::Discard } else { Target::Via(vec![hop]) });
        }

        fn meddle(&mut self) {
            let (at, to, link) = (self.any_node(), self.any_node(), self.any_link());
            match self.dice.below(22) {
                16 | 17 => control::set_link_way(link, crate::Direction::BToA, self.way()).unwrap(),
                0 => control::set_link_cut(link, true).unwrap(),
                1 | 2 => control::set_link_cut(link, false).unwrap(),
                3 => control::set_link_blocked(link, crate::Direction::AToB, true).unwrap(),
                4 => control::set_link_latency(link, self.latency()).unwrap(),
                5 => control::set_link_loss(link, [0.0, 0.0, 0.3][self.dice.below(3) as usize]).unwrap(),
                6 => control::power_off(self.nodes[at]).unwrap(),
                7 | 8 => self.nodes.iter().for_each(|&node| control::power_on(node).unwrap()),
                9..12 => self.route_badly(at, to),
                18 | 19 => drop(control::pause(self.nodes[at])),
                20 | 21 => self.nodes.iter().for_each(|&node| control::resume(node).unwrap()),
                _ => self.route_well(at, to),
            }
        }

        async fn go_on(mut self) {
            loop {
                let pause = self.dice.between(Duration::ZERO, Duration::from_millis(12));
                time::sleep(pause).await;
                self.meddle();
            }
        }
    }

    async fn answer_udp() {
        let socket = UdpSocket::bind("0.0.0.0:53".parse().unwrap()).await.unwrap();
        let mut room = [0; 600];
        while let Ok((length, peer)) = socket.recv_from(&mut room).await {
            let _unreachable = socket.send_to(&room[..length], peer).await;
        }
    }

    async fn ask_udp(peer: SocketAddr, count: u64) {
        let socket = UdpSocket::bind("0.0.0.0:0".parse().unwrap()).await.unwrap();
        let mut room = [0; 600];
        for n in 0..count {
            let _unreachable = socket.send_to(&[n as u8; 64], peer).await;
            let heard = time::timeout(Duration::from_millis(20), socket.recv_from(&mut room)).await;
            record::emit("test", &[u8::from(heard.is_ok())]);
        }
    }

    async fn answer_tcp() {
        let listener = TcpListener::bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
        while let Ok((mut stream, _)) = listener.accept().await {
            task::spawn("answer", async move {
                let mut room = [0; 4096];
                while let Ok(length) = stream.read(&mut room).await
                    && length > 0
                    && stream.write_all(&room[..length]).await.is_ok()
                {}
            });
        }
    }

    async fn ask_tcp(peer: SocketAddr) {
        loop {
            let talk = async {
                let mut stream = TcpStream::connect(peer).await?;
                stream.write_all(&[7; 5000]).await?;
                stream.read_exact(&mut [0; 5000]).await
            };
            let outcome = time::timeout(Duration::from_secs(2), talk).await;
            record::emit("test", &[u8::from(matches!(outcome, Ok(Ok(_))))]);
            time::sleep(Duration::from_millis(30)).await;
        }
    }

    fn boot(n: usize, count: usize) {
        task::spawn("udp server", answer_udp());
        task::spawn("tcp server", answer_tcp());
        let peer = move |step: usize, port| SocketAddr::new(address((n + step) % count), port);
        task::spawn("asker", async move {
            for step in (1..count).cycle() {
                ask_udp(peer(step, 53), 3).await;
            }
        });
        task::spawn("client", ask_tcp(peer(count / 2, 80)));
    }

    /// Everything that can be seen of a run, at several times.
    type Seen = Vec<(u64, u64, Vec<u64>)>;

    fn run(seed: u64, grounded: bool) -> (Seen, bool) {
        let mut sim = Sim::new(Config { seed, ..Config::default() }).unwrap();
        world::try_with(|world| world.air.grounded = grounded);
        let chaos = Chaos::build(&sim, seed);
        let count = chaos.nodes.len();
        for (n, &node) in chaos.nodes.iter().enumerate() {
            sim.set_program(node, move || boot(n, count)).unwrap();
        }
        sim.spawn("meddler", chaos.go_on());
        let mut flew = false;
        let causes = [DropCause::NoRoute, DropCause::TtlExpired, DropCause::LinkDown, DropCause::Blocked];
        let mut seen = Vec::new();
        // Odd steps, so that packets are caught in the air.
        for step in 1..=SECONDS * 7 {
            sim.run_until(Time::from_nanos(step * 142_857_143));
            flew |= world::try_with(|world| !world.air.flying.is_empty()).unwrap();
            let drops = causes.map(control::drops).to_vec();
            seen.push((sim.log_hash(), sim.packets(), drops));
        }
        (seen, flew)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The point of this module: a flight is only a faster way to the same run.
        #[test]
        fn flights_change_nothing(seed: u64) {
            let (hop_by_hop, flew) = run(seed, true);
            prop_assert!(!flew);
            prop_assert_eq!(run(seed, false).0, hop_by_hop);
        }
    }

    /// Else the comparison above would prove nothing.
    #[test]
    fn packets_do_fly_in_such_networks() {
        let flying = (0..20).filter(|&seed| run(seed, false).1).count();
        assert!(flying > 10, "only {flying} of 20");
    }
}
