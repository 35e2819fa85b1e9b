//! UPDATE: routes that came and routes that went (RFC 4271 4.3, RFC 4760).

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::attributes::{Attributes, code, flag, put};
use super::defects::{Defect, Parsed, parse};
use super::family::{Family, SAFI_UNICAST, prefixes, put_prefix};
use super::notification::Notification;
use super::reader::Reader;
use super::{EncodeError, Peering};

/// One UPDATE by meaning: IPv4 travels in the message's own fields, IPv6 in MP_REACH_NLRI and MP_UNREACH_NLRI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Prefixes that are gone. In a decoded message this includes those that RFC 7606 treats as withdrawn.
    pub withdrawn: Vec<IpNet>,
    /// Prefixes that can be reached; at most one entry per family.
    pub reachable: Vec<Reachable>,
    /// Said of all of `reachable`; default when that is empty.
    pub attributes: Attributes,
    /// What was wrong with a received message and survived. Never sent.
    pub defects: Vec<Defect>,
}

/// Prefixes of one family and the way to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reachable {
    /// Of the same family as the prefixes.
    pub next_hop: IpAddr,
    /// Without host bits.
    pub prefixes: Vec<IpNet>,
}

impl Update {
    /// Every announced prefix with its next hop.
    pub fn announced(&self) -> impl Iterator<Item = (IpNet, IpAddr)> {
        self.reachable
            .iter()
            .flat_map(|reachable| reachable.prefixes.iter().map(|p| (*p, reachable.next_hop)))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>, peering: Peering) -> Result<(), EncodeError> {
        let (withdrawn_v4, withdrawn_v6): (Vec<_>, Vec<_>) =
            self.withdrawn.iter().copied().partition(|prefix| Family::of_prefix(*prefix) == Family::Ipv4);
        let v4 = self.reachable_in(Family::Ipv4)?;
        let v6 = self.reachable_in(Family::Ipv6)?;
        let mut attributes = Vec::new();
        self.encode_attributes(&mut attributes, v4, v6, &withdrawn_v6, peering)
            .ok_or(EncodeError::TooLong)?;
        put_counted(out, &encode_prefixes(&withdrawn_v4))?;
        put_counted(out, &attributes)?;
        out.extend(encode_prefixes(v4.map_or(&[], |reachable| &reachable.prefixes)));
        Ok(())
    }

    /// The entry of a family, checked: one at most, and next hop and prefixes of that family.
    fn reachable_in(&self, family: Family) -> Result<Option<&Reachable>, EncodeError> {
        let mut entries = self.reachable.iter().filter(|reachable| Family::of(reachable.next_hop) == family);
        let entry = entries.next();
        let mixed = entry.is_some_and(|entry| entry.prefixes.iter().any(|p| Family::of_prefix(*p) != family));
        if mixed || entries.next().is_some() { Err(EncodeError::MixedFamilies) } else { Ok(entry) }
    }

    /// MP_REACH_NLRI and MP_UNREACH_NLRI come first, so that a receiver finds them whatever follows (RFC 7606 5.1).
    fn encode_attributes(
        &self,
        out: &mut Vec<u8>,
        v4: Option<&Reachable>,
        v6: Option<&Reachable>,
        withdrawn_v6: &[IpNet],
        peering: Peering,
    ) -> Option<()> {
        if let Some(reachable) = v6 {
            put(out, flag::NON_TRANSITIVE, code::MP_REACH_NLRI, &encode_mp_reach(reachable))?;
        }
        if !withdrawn_v6.is_empty() {
            let mut value = afi_safi(Family::Ipv6);
            value.extend(encode_prefixes(withdrawn_v6));
            put(out, flag::NON_TRANSITIVE, code::MP_UNREACH_NLRI, &value)?;
        }
        if v4.is_some() || v6.is_some() {
            self.attributes.encode(out, v4.and_then(next_hop_v4), peering.four_octet)?;
        }
        Some(())
    }

    pub(super) fn decode(body: &[u8], peering: Peering) -> Result<Self, Notification> {
        let mut reader = Reader::new(body);
        let withdrawn = counted(&mut reader).ok_or(Notification::MALFORMED_ATTRIBUTES)?;
        let attributes = counted(&mut reader).ok_or(Notification::MALFORMED_ATTRIBUTES)?;
        let withdrawn = prefixes(withdrawn, Family::Ipv4).ok_or(Notification::INVALID_NETWORK_FIELD)?;
        let nlri = prefixes(reader.rest(), Family::Ipv4).ok_or(Notification::INVALID_NETWORK_FIELD)?;
        let mut parsed = parse(attributes, peering)?;
        check_mandatory(&mut parsed, !nlri.is_empty(), peering);
        Ok(assemble(withdrawn, nlri, parsed))
    }
}

fn check_mandatory(parsed: &mut Parsed, nlri: bool, peering: Peering) {
    if !nlri && parsed.reachable.is_none() {
        return;
    }
    parsed.require(code::ORIGIN);
    parsed.require(code::AS_PATH);
    if nlri {
        parsed.require(code::NEXT_HOP);
    }
    if !peering.external {
        parsed.require(code::LOCAL_PREF);
    }
}

fn assemble(mut withdrawn: Vec<IpNet>, nlri: Vec<IpNet>, parsed: Parsed) -> Update {
    let is_withdraw = parsed.is_withdraw();
    withdrawn.extend(parsed.unreachable);
    let v4 = parsed.next_hop.map(IpAddr::V4).filter(|_| !nlri.is_empty() && !is_withdraw);
    let mut reachable: Vec<Reachable> = Vec::new();
    match v4 {
        Some(next_hop) => reachable.push(Reachable { next_hop, prefixes: nlri }),
        None => withdrawn.extend(nlri),
    }
    match parsed.reachable {
        Some(entry) if is_withdraw => withdrawn.extend(entry.prefixes),
        Some(entry) => reachable.push(entry),
        None => {}
    }
    let attributes = if reachable.is_empty() { Attributes::default() } else { parsed.attributes };
    Update { withdrawn, reachable, attributes, defects: parsed.defects }
}

fn next_hop_v4(reachable: &Reachable) -> Option<Ipv4Addr> {
    match reachable.next_hop {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn afi_safi(family: Family) -> Vec<u8> {
    let [high, low] = family.afi().to_be_bytes();
    vec![high, low, SAFI_UNICAST]
}

fn encode_mp_reach(reachable: &Reachable) -> Vec<u8> {
    let mut value = afi_safi(Family::of(reachable.next_hop));
    match reachable.next_hop {
        IpAddr::V4(address) => value.extend([&[4][..], &address.octets()].concat()),
        IpAddr::V6(address) => value.extend([&[16][..], &address.octets()].concat()),
    }
    value.push(0); // reserved
    value.extend(encode_prefixes(&reachable.prefixes));
    value
}

fn encode_prefixes(prefixes: &[IpNet]) -> Vec<u8> {
    let mut out = Vec::new();
    prefixes.iter().for_each(|prefix| put_prefix(&mut out, *prefix));
    out
}

fn put_counted(out: &mut Vec<u8>, field: &[u8]) -> Result<(), EncodeError> {
    let length = u16::try_from(field.len()).map_err(|_| EncodeError::TooLong)?;
    out.extend(length.to_be_bytes());
    out.extend(field);
    Ok(())
}

fn counted<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = reader.u16()?;
    reader.take(length.into())
}
