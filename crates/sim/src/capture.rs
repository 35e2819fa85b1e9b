//! Captures: what passes a node or a link, as a pcapng file (draft-ietf-opsawg-pcapng) that Wireshark reads.
//!
//! Each port is an interface of the file, each packet a raw IP packet at true time to the nanosecond, whatever the
//! hosts' clocks say. A packet that a fault touched says so in a comment: lost, duplicated, corrupted, overtaking, not
//! sent, or dropped.
//!
//! At a node every packet is seen as it leaves the node and as it reaches it; one that is lost on the way out is seen
//! leaving. On a link every packet is seen once, as it leaves, in the shape in which it will arrive. Watching changes
//! nothing in a run, but packets over watched links do not fly: they take the time of going hop by hop.

use crate::air::Hop;
use crate::fabric::{Fate, LinkId, Touch};
use crate::node::{DropCause, NodeId};
use crate::world::{self, World};
use crate::{Error, Map, packet};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::{DataLink, Endianness};
use std::time::Duration;

/// What to watch; see [`control::capture`](crate::control::capture).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureAt {
    /// All ports of a node, and what it sends to itself.
    Node(NodeId),
    /// Both directions of a link.
    Link(LinkId),
}

/// A capture that goes on; see [`control::capture`](crate::control::capture). Dropping it ends it.
#[derive(Debug)]
#[must_use = "a capture ends when its handle is dropped"]
pub struct Capture {
    pub(crate) run: u64,
    pub(crate) number: u32,
}

/// A capture's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The file.
    pub pcapng: Vec<u8>,
    /// How many packets it holds.
    pub packets: u64,
    /// How many came after it was full. The file says it too, for each interface, as those that its statistics call
    /// dropped.
    pub left_out: u64,
}

impl Capture {
    /// Ends the capture.
    ///
    /// # Errors
    /// [`Error::NoSimulation`] when its run is over.
    pub fn finish(self) -> Result<Captured, Error> {
        let time = world::try_with(|world| world.unix_now(None)).unwrap_or_default();
        self.end().map(|recording| recording.finish(time)).ok_or(Error::NoSimulation)
    }

    fn end(&self) -> Option<Recording> {
        world::try_with(|world| (world.run == self.run).then(|| world.end_capture(self.number)))??
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// All captures that go on.
#[derive(Default)]
pub(crate) struct Captures {
    open: Map<u32, Recording>,
    begun: u32,
}

/// A port, as an interface of a file; the node itself has none.
type Place = (NodeId, Option<u16>);

pub(crate) struct Recording {
    at: CaptureAt,
    bytes_max: usize,
    file: PcapNgWriter<Vec<u8>>,
    interfaces: Map<Place, u32>,
    /// By interface: packets seen, and those of them that are not in the file.
    counts: Vec<(u64, u64)>,
}

/// The flags of a packet (section 4.3.1): which way it went.
#[derive(Debug, Clone, Copy)]
enum Bound {
    In = 1,
    Out = 2,
}

impl Recording {
    fn new(at: CaptureAt, bytes_max: usize) -> Option<Self> {
        // Writing into memory does not fail.
        let file = PcapNgWriter::with_endianness(Vec::new(), Endianness::Little).ok()?;
        Some(Recording { at, bytes_max, file, interfaces: Map::new(), counts: Vec::new() })
    }

    fn interface(&mut self, place: Place, name: impl FnOnce() -> String) -> u32 {
        if let Some(&known) = self.interfaces.get(&place) {
            return known;
        }
        let options = vec![
            InterfaceDescriptionOption::IfName(name().into()),
            InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
        ];
        let block = InterfaceDescriptionBlock { linktype: DataLink::RAW, snaplen: 0, options };
        let _in_memory = self.file.write_pcapng_block(block);
        self.counts.push((0, 0));
        let number = self.counts.len() as u32 - 1;
        self.interfaces.insert(place, number);
        number
    }

    /// Once a packet does not fit none does: what is in the file has no holes.
    fn write(&mut self, packet: EnhancedPacketBlock<'_>) {
        const BLOCK_BYTES: usize = 64;
        let comment = |option: &EnhancedPacketOption<'_>| match option {
            EnhancedPacketOption::Common(CommonOption::Comment(text)) => text.len(),
            _ => 0,
        };
        let text: usize = packet.options.iter().map(comment).sum();
        let length = self.file.get_ref().len() + packet.data.len() + text + BLOCK_BYTES;
        let full = self.counts.iter().any(|(_, left_out)| *left_out > 0);
        let interface = packet.interface_id as usize;
        let fits = !full && length <= self.bytes_max && self.file.write_pcapng_block(packet).is_ok();
        let (seen, left_out) = &mut self.counts[interface];
        *seen += 1;
        *left_out += u64::from(!fits);
    }

    fn finish(mut self, timestamp: Duration) -> Captured {
        for (interface_id, &(seen, left_out)) in (0..).zip(&self.counts) {
            let options = vec![
                InterfaceStatisticsOption::IsbIfRecv(seen),
                InterfaceStatisticsOption::IsbIfDrop(left_out),
            ];
            let block = InterfaceStatisticsBlock { interface_id, timestamp, options };
            let _in_memory = self.file.write_pcapng_block(block);
        }
        let seen: u64 = self.counts.iter().map(|(seen, _)| seen).sum();
        let left_out = self.counts.iter().map(|(_, left_out)| left_out).sum();
        Captured { pcapng: self.file.into_inner(), packets: seen - left_out, left_out }
    }
}

impl World {
    pub(crate) fn begin_capture(&mut self, at: CaptureAt, bytes_max: usize) -> Result<u32, Error> {
        match at {
            CaptureAt::Node(node) => self.node(node).map(drop).ok_or(Error::UnknownNode(node.0))?,
            CaptureAt::Link(link) => self.link(link).map(drop).ok_or(Error::UnknownLink(link.0))?,
        }
        let number = self.captures.begun;
        self.captures.begun += 1;
        self.captures.open.extend(Recording::new(at, bytes_max).map(|recording| (number, recording)));
        self.watch_links();
        Ok(number)
    }

    fn end_capture(&mut self, number: u32) -> Option<Recording> {
        let recording = self.captures.open.remove(&number);
        self.watch_links();
        recording
    }

    /// Finds out anew which links are watched.
    pub(crate) fn watch_links(&mut self) {
        for id in (0..self.links.len() as u32).map(LinkId) {
            let ends = self.links[id.0 as usize].ends;
            let watched = self.captures.open.values().any(|recording| match recording.at {
                CaptureAt::Link(link) => link == id,
                CaptureAt::Node(node) => ends.iter().any(|end| end.node == node),
            });
            self.set_watched(id, watched);
        }
    }

    /// A packet is about to leave over a watched link, or to be dropped before it.
    /// `spoiled` tells whether a link before flipped a bit of it.
    pub(crate) fn capture_sent(&mut self, hop: Hop, bytes: &[u8], spoiled: bool, fate: Fate) {
        let (link, place) = self.place(hop.link(), hop.side());
        self.record(CaptureAt::Node(place.0), place, Bound::Out, bytes, story(spoiled, whole_story(fate)));
        let Fate::Arrives(first, second) = fate else {
            let story = story(spoiled, whole_story(fate));
            return self.record(CaptureAt::Link(link), place, Bound::Out, bytes, story);
        };
        for arrival in [Some(first), second].into_iter().flatten() {
            let mut copy = bytes.to_vec();
            arrival.touch.flip.into_iter().for_each(|bit| packet::flip(&mut copy, bit));
            let story = story(spoiled, touched(arrival.touch));
            self.record(CaptureAt::Link(link), place, Bound::Out, &copy, story);
        }
    }

    /// A packet has come over a watched link, or would have, if it had not been cut meanwhile.
    pub(crate) fn capture_arrival(&mut self, hop: Hop, bytes: &[u8], spoiled: bool, touch: Touch, cut: bool) {
        let (link, place) = self.place(hop.link(), 1 - hop.side());
        let before = spoiled && touch.flip.is_none();
        let lost = cut.then(|| vec!["does not arrive: the link was cut while it was under way".to_owned()]);
        let story = story(before, lost.clone().unwrap_or_else(|| touched(touch)));
        if lost.is_some() {
            self.record(CaptureAt::Link(link), place, Bound::In, bytes, story.clone());
        }
        self.record(CaptureAt::Node(place.0), place, Bound::In, bytes, story);
    }

    /// A node has heard itself.
    pub(crate) fn capture_loopback(&mut self, node: u32, bytes: &[u8]) {
        if !self.captures.open.is_empty() {
            let node = NodeId(node);
            self.record(CaptureAt::Node(node), (node, None), Bound::In, bytes, None);
        }
    }

    fn place(&self, link: usize, side: usize) -> (LinkId, Place) {
        let end = self.links[link].ends[side];
        (LinkId(link as u32), (end.node, Some(end.port)))
    }

    fn record(&mut self, at: CaptureAt, place: Place, bound: Bound, bytes: &[u8], comment: Option<String>) {
        let timestamp = self.config.epoch + Duration::from_nanos(self.now);
        let node = &self.nodes[place.0.0 as usize];
        let port = place.1.map_or("lo", |port| &node.ports[usize::from(port)].name);
        for recording in self.captures.open.values_mut().filter(|recording| recording.at == at) {
            let interface_id = recording.interface(place, || format!("{}:{port}", node.name));
            let comment = comment.as_deref().map(|text| CommonOption::Comment(text.into()));
            let flags = EnhancedPacketOption::Flags(bound as u32);
            recording.write(EnhancedPacketBlock {
                interface_id,
                timestamp,
                original_len: bytes.len() as u32,
                data: bytes.into(),
                options: comment.map(EnhancedPacketOption::Common).into_iter().chain([flags]).collect(),
            });
        }
    }
}

/// The comment on a packet, if there is anything to say.
fn story(spoiled_before: bool, here: Vec<String>) -> Option<String> {
    let before = spoiled_before.then(|| "a link before flipped a bit".to_owned());
    let all: Vec<String> = before.into_iter().chain(here).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// All that happens to a packet that leaves.
fn whole_story(fate: Fate) -> Vec<String> {
    match fate {
        Fate::Dropped(cause) => vec![dropped(cause).to_owned()],
        Fate::TooBig { mtu } => {
            vec![format!("dropped: over the link's MTU of {mtu} bytes; its sender is told")]
        }
        Fate::Arrives(first, second) => {
            let mut all = touched(first.touch);
            all.extend(second.into_iter().flat_map(|second| touched(second.touch)));
            all
        }
    }
}

fn dropped(cause: DropCause) -> &'static str {
    match cause {
        DropCause::LinkDown => "not sent: there is no light on the link",
        DropCause::Blocked => "not sent: the link is cut in this direction",
        DropCause::Loss => "lost on the link",
        DropCause::TailDrop => "dropped: the queue before the link is full",
        DropCause::TooBig => "dropped without a word: over the link's MTU",
        _ => "dropped",
    }
}

/// What a link did to a packet that arrives.
fn touched(touch: Touch) -> Vec<String> {
    let copy = touch.copy.then(|| "a copy that the link made".to_owned());
    let flip = touch.flip.map(|bit| format!("the link flipped bit {bit}"));
    let overtakes =
        touch.overtakes.then(|| "reordered: it overtook an earlier packet on the link".to_owned());
    [copy, flip, overtakes].into_iter().flatten().collect()
}
