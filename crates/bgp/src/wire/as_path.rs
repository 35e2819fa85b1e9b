//! AS_PATH (RFC 4271 4.3 b) and its reconstruction from AS4_PATH (RFC 6793 4.2.3).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::open::AS_TRANS;
use super::reader::Reader;

/// A segment's count is one octet.
const SEGMENT_MAX: usize = 255;
const AS_SET: u8 = 1;
const AS_SEQUENCE: u8 = 2;

/// The ASes an announcement went through, nearest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AsPath(pub Vec<Segment>);

/// One piece of an [`AsPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Segment {
    /// ASes whose order was lost in an aggregation; counts as one hop.
    Set(Vec<u32>),
    /// ASes in order.
    Sequence(Vec<u32>),
}

impl Segment {
    /// The AS numbers in it.
    pub fn asns(&self) -> &[u32] {
        match self {
            Self::Set(asns) | Self::Sequence(asns) => asns,
        }
    }

    fn hops(&self) -> usize {
        match self {
            Self::Set(_) => 1,
            Self::Sequence(asns) => asns.len(),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Set(_) => AS_SET,
            Self::Sequence(_) => AS_SEQUENCE,
        }
    }
}

impl AsPath {
    /// A path of one sequence.
    pub fn sequence(asns: &[u32]) -> Self {
        if asns.is_empty() { Self::default() } else { Self(vec![Segment::Sequence(asns.to_vec())]) }
    }

    /// Length for route selection: a set counts as one (RFC 4271 9.1.2.2 a).
    pub fn hops(&self) -> usize {
        self.0.iter().map(Segment::hops).sum()
    }

    /// Every AS number, sets included.
    pub fn asns(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|segment| segment.asns().iter().copied())
    }

    /// The AS that sent the announcement: the first of a leading sequence.
    pub fn neighbour(&self) -> Option<u32> {
        match self.0.first()? {
            Segment::Sequence(asns) => asns.first().copied(),
            Segment::Set(_) => None,
        }
    }

    /// The path with `asn` in front, as sent to an external peer (RFC 4271 5.1.2).
    pub fn prepended(&self, asn: u32) -> Self {
        let mut segments = self.0.clone();
        match segments.first_mut() {
            Some(Segment::Sequence(asns)) if asns.len() < SEGMENT_MAX => asns.insert(0, asn),
            _ => segments.insert(0, Segment::Sequence(vec![asn])),
        }
        Self(segments)
    }

    /// Does any AS need four octets?
    pub(super) fn needs_four_octets(&self) -> bool {
        self.asns().any(|asn| u16::try_from(asn).is_err())
    }

    /// Encodes with AS numbers of four octets, or of two with [`AS_TRANS`] for those that do not fit.
    pub(super) fn encode(&self, four_octet: bool) -> Vec<u8> {
        let mut out = Vec::new();
        for segment in &self.0 {
            for asns in segment.asns().chunks(SEGMENT_MAX) {
                out.push(segment.kind());
                out.push(u8::try_from(asns.len()).unwrap_or(u8::MAX));
                asns.iter().for_each(|asn| put_asn(&mut out, *asn, four_octet));
            }
        }
        out
    }

    /// `None` when malformed in the sense of RFC 7606 7.2. Confederation segments are: there are none here.
    pub(super) fn decode(value: &[u8], four_octet: bool) -> Option<Self> {
        let mut reader = Reader::new(value);
        let mut segments = Vec::new();
        while !reader.is_empty() {
            segments.push(decode_segment(&mut reader, four_octet)?);
        }
        Some(Self(segments))
    }

    /// Puts back what a two-octet speaker could not carry (RFC 6793 4.2.3).
    pub(super) fn merged(self, as4_path: Self) -> Self {
        match self.hops().checked_sub(as4_path.hops()) {
            None => self,
            Some(lead) => self.leading(lead).followed_by(as4_path),
        }
    }

    fn leading(self, mut hops: usize) -> Self {
        let mut kept = Vec::new();
        for mut segment in self.0 {
            if hops == 0 {
                break;
            }
            if let Segment::Sequence(asns) = &mut segment {
                asns.truncate(hops);
            }
            hops -= segment.hops();
            kept.push(segment);
        }
        Self(kept)
    }

    fn followed_by(mut self, tail: Self) -> Self {
        for segment in tail.0 {
            match (self.0.last_mut(), segment) {
                (Some(Segment::Sequence(head)), Segment::Sequence(more))
                    if head.len() + more.len() <= SEGMENT_MAX =>
                {
                    head.extend(more);
                }
                (_, segment) => self.0.push(segment),
            }
        }
        self
    }
}

impl fmt::Display for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            let asns = segment.asns().iter().map(u32::to_string).collect::<Vec<_>>();
            let gap = if index == 0 { "" } else { " " };
            match segment {
                Segment::Sequence(_) => write!(f, "{gap}{}", asns.join(" "))?,
                Segment::Set(_) => write!(f, "{gap}{{{}}}", asns.join(","))?,
            }
        }
        Ok(())
    }
}

/// The two-octet form of an AS number.
pub(crate) fn two_octets(asn: u32) -> u16 {
    u16::try_from(asn).unwrap_or(AS_TRANS)
}

pub(super) fn put_asn(out: &mut Vec<u8>, asn: u32, four_octet: bool) {
    if four_octet {
        out.extend(asn.to_be_bytes());
    } else {
        out.extend(two_octets(asn).to_be_bytes());
    }
}

pub(super) fn read_asn(reader: &mut Reader<'_>, four_octet: bool) -> Option<u32> {
    if four_octet { reader.u32() } else { reader.u16().map(u32::from) }
}

fn decode_segment(reader: &mut Reader<'_>, four_octet: bool) -> Option<Segment> {
    let kind = reader.u8()?;
    let count = reader.u8().filter(|count| *count > 0)?;
    let asns = (0..count).map(|_| read_asn(reader, four_octet)).collect::<Option<Vec<_>>>()?;
    match kind {
        AS_SET => Some(Segment::Set(asns)),
        AS_SEQUENCE => Some(Segment::Sequence(asns)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_what_only_the_old_speakers_saw() {
        let old = AsPath::sequence(&[1, 2, 23456, 23456]);
        let new = AsPath::sequence(&[70000, 80000]);
        assert_eq!(old.merged(new), AsPath::sequence(&[1, 2, 70000, 80000]));
    }

    #[test]
    fn merging_ignores_an_as4_path_longer_than_the_path() {
        let old = AsPath::sequence(&[1]);
        assert_eq!(old.clone().merged(AsPath::sequence(&[70000, 80000])), old);
    }

    #[test]
    fn prepending_starts_a_new_segment_when_the_first_is_full_or_a_set() {
        let full = AsPath::sequence(&[7; SEGMENT_MAX]);
        assert_eq!(full.prepended(1).0.len(), 2);
        let set = AsPath(vec![Segment::Set(vec![5, 6])]);
        assert_eq!(set.prepended(1).to_string(), "1 {5,6}");
        assert_eq!(set.prepended(1).hops(), 2);
    }

    #[test]
    fn malformed_paths_are_refused() {
        let bad: [&[u8]; 4] = [&[2, 0], &[2, 2, 0, 1], &[3, 1, 0, 1], &[2]];
        assert!(bad.iter().all(|bytes| AsPath::decode(bytes, false).is_none()));
    }
}
