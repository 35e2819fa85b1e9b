//! Reading path attributes, and what to do about malformed ones (RFC 7606).
//!
//! A bad attribute rarely costs the session: the routes it came with are withdrawn, or the attribute alone is
//! dropped. Only when the prefixes themselves cannot be known does the session end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use blackstart_rt::Set;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Peering;
use super::as_path::{AsPath, read_asn};
use super::attributes::{Aggregator, Attributes, Origin, RawAttribute, code, flag};
use super::family::{Family, prefixes};
use super::notification::Notification;
use super::reader::{Reader, all, exactly};
use super::update::Reachable;

/// Something wrong with an attribute that the session survived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defect {
    /// Attribute type code; 0 when not even that could be read.
    pub code: u8,
    /// What was done about it.
    pub verdict: Verdict,
}

/// RFC 7606 2, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// The attribute was dropped, its routes kept.
    Discard,
    /// All routes of the message count as withdrawn.
    TreatAsWithdraw,
}

/// The attributes of one UPDATE while they are read.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) attributes: Attributes,
    pub(super) next_hop: Option<Ipv4Addr>,
    pub(super) reachable: Option<Reachable>,
    pub(super) unreachable: Vec<IpNet>,
    pub(super) defects: Vec<Defect>,
    seen: Set<u8>,
    as4_path: Option<AsPath>,
    as4_aggregator: Option<Aggregator>,
}

/// Reads the attributes field of an UPDATE. `Err` is a session reset.
pub(super) fn parse(field: &[u8], peering: Peering) -> Result<Parsed, Notification> {
    let mut reader = Reader::new(field);
    let mut parsed = Parsed::default();
    while !reader.is_empty() {
        match header(&mut reader) {
            Some((flags, code, value)) => parsed.attribute(flags, code, value, peering)?,
            None => {
                parsed.defect(0, Verdict::TreatAsWithdraw);
                break;
            }
        }
    }
    parsed.restore_four_octets();
    Ok(parsed)
}

fn header<'a>(reader: &mut Reader<'a>) -> Option<(u8, u8, &'a [u8])> {
    let flags = reader.u8()?;
    let code = reader.u8()?;
    let length = match flags & flag::EXTENDED_LENGTH {
        0 => reader.u8()?.into(),
        _ => reader.u16()?.into(),
    };
    Some((flags, code, reader.take(length)?))
}

impl Parsed {
    fn defect(&mut self, code: u8, verdict: Verdict) {
        self.defects.push(Defect { code, verdict });
    }

    /// Was the attribute present, well-formed or not?
    pub(super) fn has(&self, code: u8) -> bool {
        self.seen.contains(&code)
    }

    /// RFC 7606 3: must the message's routes be withdrawn?
    pub(super) fn is_withdraw(&self) -> bool {
        self.defects.iter().any(|defect| defect.verdict == Verdict::TreatAsWithdraw)
    }

    /// RFC 7606 3 d: an announcement without a mandatory attribute is withdrawn.
    pub(super) fn require(&mut self, code: u8) {
        if !self.has(code) {
            self.defect(code, Verdict::TreatAsWithdraw);
        }
    }

    fn attribute(&mut self, flags: u8, code: u8, value: &[u8], peering: Peering) -> Result<(), Notification> {
        if !self.seen.insert(code) {
            return match code {
                code::MP_REACH_NLRI | code::MP_UNREACH_NLRI => Err(Notification::MALFORMED_ATTRIBUTES),
                _ => Ok(()), // RFC 7606 3 g: all but the first are discarded
            };
        }
        match expected_flags(code) {
            None => return self.unknown(flags, code, value),
            Some(expected) if flags & flag::OPTIONAL_TRANSITIVE != expected => {
                self.defect(code, on_error(code));
            }
            Some(_) => {}
        }
        match code {
            code::MP_REACH_NLRI => {
                self.reachable = mp_reach(value).ok_or(Notification::OPTIONAL_ATTRIBUTE)?
            }
            code::MP_UNREACH_NLRI => {
                self.unreachable = mp_unreach(value).ok_or(Notification::OPTIONAL_ATTRIBUTE)?
            }
            _ if is_internal_only(code) && peering.external => self.defect(code, Verdict::Discard),
            _ => {
                if self.known(code, value, peering).is_none() {
                    self.defect(code, on_error(code));
                }
            }
        }
        Ok(())
    }

    /// Stores one attribute; `None` when its value is malformed.
    fn known(&mut self, code: u8, value: &[u8], peering: Peering) -> Option<()> {
        let attributes = &mut self.attributes;
        match code {
            code::ORIGIN => attributes.origin = exactly(value, |reader| Origin::from_value(reader.u8()?))?,
            code::AS_PATH => attributes.as_path = as_path(value, peering)?,
            code::NEXT_HOP => self.next_hop = Some(exactly(value, Reader::ipv4).filter(|hop| is_host(*hop))?),
            code::MULTI_EXIT_DISC => attributes.med = Some(exactly(value, Reader::u32)?),
            code::LOCAL_PREF => attributes.local_pref = Some(exactly(value, Reader::u32)?),
            code::ATOMIC_AGGREGATE if !value.is_empty() => return None,
            code::ATOMIC_AGGREGATE => attributes.atomic_aggregate = true,
            code::AGGREGATOR => attributes.aggregator = Some(aggregator(value, peering.four_octet)?),
            code::COMMUNITIES => attributes.communities = all(value, Reader::u32)?,
            code::ORIGINATOR_ID => attributes.originator_id = Some(exactly(value, Reader::ipv4)?),
            code::CLUSTER_LIST => attributes.cluster_list = all(value, Reader::ipv4)?,
            code::ONLY_TO_CUSTOMER => attributes.only_to_customer = Some(exactly(value, Reader::u32)?),
            // RFC 6793 6: from a four-octet speaker these two mean nothing.
            code::AS4_PATH if peering.four_octet => return None,
            code::AS4_PATH => self.as4_path = Some(AsPath::decode(value, true)?),
            code::AS4_AGGREGATOR if peering.four_octet => return None,
            code::AS4_AGGREGATOR => self.as4_aggregator = Some(aggregator(value, true)?),
            _ => return None,
        }
        Some(())
    }

    /// RFC 4271 5: keep optional transitive ones, drop optional ones, refuse what claims to be well-known.
    fn unknown(&mut self, flags: u8, code: u8, value: &[u8]) -> Result<(), Notification> {
        match (flags & flag::OPTIONAL, flags & flag::TRANSITIVE) {
            (0, _) => return Err(Notification::UNRECOGNISED_WELL_KNOWN.with(&[flags, code])),
            (_, 0) => {}
            _ => self.attributes.unknown.push(RawAttribute { code, value: value.to_vec() }),
        }
        Ok(())
    }

    /// RFC 6793 4.2.3: an AGGREGATOR other than AS_TRANS says that an old speaker re-aggregated after the AS4 ones.
    fn restore_four_octets(&mut self) {
        let (as4_path, as4_aggregator) = (self.as4_path.take(), self.as4_aggregator.take());
        if self.attributes.aggregator.is_some_and(|aggregator| !aggregator.is_trans())
            && as4_aggregator.is_some()
        {
            return;
        }
        if self.attributes.aggregator.is_some() && as4_aggregator.is_some() {
            self.attributes.aggregator = as4_aggregator;
        }
        if let Some(as4_path) = as4_path {
            let as_path = std::mem::take(&mut self.attributes.as_path);
            self.attributes.as_path = as_path.merged(as4_path);
        }
    }
}

/// Optional and Transitive bits that a known attribute must carry.
fn expected_flags(code: u8) -> Option<u8> {
    match code {
        code::ORIGIN | code::AS_PATH | code::NEXT_HOP | code::LOCAL_PREF | code::ATOMIC_AGGREGATE => {
            Some(flag::WELL_KNOWN)
        }
        code::MULTI_EXIT_DISC
        | code::ORIGINATOR_ID
        | code::CLUSTER_LIST
        | code::MP_REACH_NLRI
        | code::MP_UNREACH_NLRI => Some(flag::NON_TRANSITIVE),
        code::AGGREGATOR
        | code::COMMUNITIES
        | code::AS4_PATH
        | code::AS4_AGGREGATOR
        | code::ONLY_TO_CUSTOMER => Some(flag::OPTIONAL_TRANSITIVE),
        _ => None,
    }
}

/// RFC 7606 7: attributes that do not steer routing are dropped, others take their routes with them.
fn on_error(code: u8) -> Verdict {
    match code {
        code::ATOMIC_AGGREGATE | code::AGGREGATOR | code::AS4_PATH | code::AS4_AGGREGATOR => Verdict::Discard,
        _ => Verdict::TreatAsWithdraw,
    }
}

/// RFC 7606 7.5, 7.9, 7.10: discarded when an external peer sends them.
fn is_internal_only(code: u8) -> bool {
    matches!(code, code::LOCAL_PREF | code::ORIGINATOR_ID | code::CLUSTER_LIST)
}

/// RFC 7606 7.2: on an external session the path must start with the peer's AS.
fn as_path(value: &[u8], peering: Peering) -> Option<AsPath> {
    let path = AsPath::decode(value, peering.four_octet)?;
    let first = peering.first_as();
    (first.is_none() || path.neighbour() == first).then_some(path)
}

fn aggregator(value: &[u8], four_octet: bool) -> Option<Aggregator> {
    exactly(value, |reader| Some(Aggregator { asn: read_asn(reader, four_octet)?, address: reader.ipv4()? }))
}

fn is_host(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_broadcast())
}

/// RFC 4760 3. Outer `None`: malformed. Inner `None`: a family that was never agreed on.
fn mp_reach(value: &[u8]) -> Option<Option<Reachable>> {
    let mut reader = Reader::new(value);
    let (afi, safi) = (reader.u16()?, reader.u8()?);
    let length = reader.u8()?;
    let next_hop = reader.take(length.into())?;
    let _reserved = reader.u8()?;
    let Some(family) = Family::from_afi_safi(afi, safi) else { return Some(None) };
    let next_hop = mp_next_hop(next_hop, family)?;
    Some(Some(Reachable { next_hop, prefixes: prefixes(reader.rest(), family)? }))
}

/// An IPv6 next hop may have a link-local address behind it (RFC 2545 3), which is not used here.
fn mp_next_hop(value: &[u8], family: Family) -> Option<IpAddr> {
    let mut reader = Reader::new(value);
    match (family, value.len()) {
        (Family::Ipv4, 4) => reader.ipv4().map(IpAddr::V4),
        (Family::Ipv6, 16 | 32) => reader.ipv6().filter(|hop: &Ipv6Addr| !hop.is_multicast()).map(IpAddr::V6),
        _ => None,
    }
}

/// RFC 4760 4.
fn mp_unreach(value: &[u8]) -> Option<Vec<IpNet>> {
    let mut reader = Reader::new(value);
    let (afi, safi) = (reader.u16()?, reader.u8()?);
    match Family::from_afi_safi(afi, safi) {
        Some(family) => prefixes(reader.rest(), family),
        None => Some(Vec::new()),
    }
}
