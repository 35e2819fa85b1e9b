//! Path attributes: their types, and writing them. Reading (with RFC 7606 verdicts) is in `defects`.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::as_path::{AsPath, put_asn, two_octets};

/// Attribute type codes (IANA "BGP Path Attributes").
pub(super) mod code {
    pub(in crate::wire) const ORIGIN: u8 = 1;
    pub(in crate::wire) const AS_PATH: u8 = 2;
    pub(in crate::wire) const NEXT_HOP: u8 = 3;
    pub(in crate::wire) const MULTI_EXIT_DISC: u8 = 4;
    pub(in crate::wire) const LOCAL_PREF: u8 = 5;
    pub(in crate::wire) const ATOMIC_AGGREGATE: u8 = 6;
    pub(in crate::wire) const AGGREGATOR: u8 = 7;
    pub(in crate::wire) const COMMUNITIES: u8 = 8;
    pub(in crate::wire) const ORIGINATOR_ID: u8 = 9;
    pub(in crate::wire) const CLUSTER_LIST: u8 = 10;
    pub(in crate::wire) const MP_REACH_NLRI: u8 = 14;
    pub(in crate::wire) const MP_UNREACH_NLRI: u8 = 15;
    pub(in crate::wire) const AS4_PATH: u8 = 17;
    pub(in crate::wire) const AS4_AGGREGATOR: u8 = 18;
    pub(in crate::wire) const ONLY_TO_CUSTOMER: u8 = 35;
}

/// Attribute flag bits (RFC 4271 4.3).
pub(super) mod flag {
    pub(in crate::wire) const OPTIONAL: u8 = 0x80;
    pub(in crate::wire) const TRANSITIVE: u8 = 0x40;
    pub(in crate::wire) const PARTIAL: u8 = 0x20;
    pub(in crate::wire) const EXTENDED_LENGTH: u8 = 0x10;
    pub(in crate::wire) const WELL_KNOWN: u8 = TRANSITIVE;
    pub(in crate::wire) const NON_TRANSITIVE: u8 = OPTIONAL;
    pub(in crate::wire) const OPTIONAL_TRANSITIVE: u8 = OPTIONAL | TRANSITIVE;
}

/// What an announcement says about its prefixes, next hop aside. Ordered so that equal ones can be packed together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attributes {
    /// RFC 4271 5.1.1.
    pub origin: Origin,
    /// RFC 4271 5.1.2.
    pub as_path: AsPath,
    /// MULTI_EXIT_DISC (RFC 4271 5.1.4).
    pub med: Option<u32>,
    /// Internal sessions only (RFC 4271 5.1.5).
    pub local_pref: Option<u32>,
    /// RFC 4271 5.1.6.
    pub atomic_aggregate: bool,
    /// RFC 4271 5.1.7.
    pub aggregator: Option<Aggregator>,
    /// RFC 1997; the AS in the high half.
    pub communities: Vec<u32>,
    /// RFC 4456 8: the router that brought the route into the AS.
    pub originator_id: Option<Ipv4Addr>,
    /// RFC 4456 8: the reflectors passed, nearest first.
    pub cluster_list: Vec<Ipv4Addr>,
    /// Only to Customer (RFC 9234 5): the AS that first sent the route sideways or down.
    pub only_to_customer: Option<u32>,
    /// Optional transitive attributes that this speaker does not know; passed on with the Partial bit.
    pub unknown: Vec<RawAttribute>,
}

/// How the prefix came into BGP; lower is preferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Origin {
    /// From the originating AS itself.
    #[default]
    Igp,
    /// From EGP (RFC 904).
    Egp,
    /// By other means.
    Incomplete,
}

impl Origin {
    fn value(self) -> u8 {
        match self {
            Self::Igp => 0,
            Self::Egp => 1,
            Self::Incomplete => 2,
        }
    }

    pub(super) fn from_value(value: u8) -> Option<Self> {
        [Self::Igp, Self::Egp, Self::Incomplete].into_iter().find(|origin| origin.value() == value)
    }
}

/// Who aggregated the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Aggregator {
    /// AS of the aggregating speaker.
    pub asn: u32,
    /// Its address.
    pub address: Ipv4Addr,
}

/// An attribute as it came, without its flags: they are always Optional, Transitive and Partial.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RawAttribute {
    /// Attribute type code.
    pub code: u8,
    /// Its value.
    pub value: Vec<u8>,
}

/// Appends one attribute; `None` when the value exceeds what any message could hold.
pub(super) fn put(out: &mut Vec<u8>, flags: u8, code: u8, value: &[u8]) -> Option<()> {
    match u8::try_from(value.len()) {
        Ok(length) => out.extend([flags, code, length]),
        Err(_) => {
            let [high, low] = u16::try_from(value.len()).ok()?.to_be_bytes();
            out.extend([flags | flag::EXTENDED_LENGTH, code, high, low]);
        }
    }
    out.extend(value);
    Some(())
}

impl Attributes {
    /// Writes the attributes in order of their codes, as RFC 4271 5 asks. `next_hop` goes with IPv4 prefixes.
    pub(super) fn encode(
        &self,
        out: &mut Vec<u8>,
        next_hop: Option<Ipv4Addr>,
        four_octet: bool,
    ) -> Option<()> {
        self.encode_well_known(out, next_hop, four_octet)?;
        self.encode_optional(out, four_octet)?;
        for raw in &self.unknown {
            put(out, flag::OPTIONAL_TRANSITIVE | flag::PARTIAL, raw.code, &raw.value)?;
        }
        Some(())
    }

    fn encode_well_known(
        &self,
        out: &mut Vec<u8>,
        next_hop: Option<Ipv4Addr>,
        four_octet: bool,
    ) -> Option<()> {
        put(out, flag::WELL_KNOWN, code::ORIGIN, &[self.origin.value()])?;
        put(out, flag::WELL_KNOWN, code::AS_PATH, &self.as_path.encode(four_octet))?;
        if let Some(next_hop) = next_hop {
            put(out, flag::WELL_KNOWN, code::NEXT_HOP, &next_hop.octets())?;
        }
        if let Some(med) = self.med {
            put(out, flag::NON_TRANSITIVE, code::MULTI_EXIT_DISC, &med.to_be_bytes())?;
        }
        if let Some(local_pref) = self.local_pref {
            put(out, flag::WELL_KNOWN, code::LOCAL_PREF, &local_pref.to_be_bytes())?;
        }
        if self.atomic_aggregate {
            put(out, flag::WELL_KNOWN, code::ATOMIC_AGGREGATE, &[])?;
        }
        Some(())
    }

    fn encode_optional(&self, out: &mut Vec<u8>, four_octet: bool) -> Option<()> {
        if let Some(aggregator) = self.aggregator {
            put(out, flag::OPTIONAL_TRANSITIVE, code::AGGREGATOR, &aggregator.encode(four_octet))?;
        }
        if !self.communities.is_empty() {
            let value: Vec<u8> =
                self.communities.iter().flat_map(|community| community.to_be_bytes()).collect();
            put(out, flag::OPTIONAL_TRANSITIVE, code::COMMUNITIES, &value)?;
        }
        if let Some(originator) = self.originator_id {
            put(out, flag::NON_TRANSITIVE, code::ORIGINATOR_ID, &originator.octets())?;
        }
        if !self.cluster_list.is_empty() {
            let value: Vec<u8> = self.cluster_list.iter().flat_map(Ipv4Addr::octets).collect();
            put(out, flag::NON_TRANSITIVE, code::CLUSTER_LIST, &value)?;
        }
        if !four_octet {
            self.encode_as4(out)?;
        }
        if let Some(asn) = self.only_to_customer {
            put(out, flag::OPTIONAL_TRANSITIVE, code::ONLY_TO_CUSTOMER, &asn.to_be_bytes())?;
        }
        Some(())
    }

    /// What a two-octet peer must carry for those behind it (RFC 6793 4.2.2).
    fn encode_as4(&self, out: &mut Vec<u8>) -> Option<()> {
        if self.as_path.needs_four_octets() {
            put(out, flag::OPTIONAL_TRANSITIVE, code::AS4_PATH, &self.as_path.encode(true))?;
        }
        match self.aggregator {
            Some(aggregator) if u16::try_from(aggregator.asn).is_err() => {
                put(out, flag::OPTIONAL_TRANSITIVE, code::AS4_AGGREGATOR, &aggregator.encode(true))
            }
            _ => Some(()),
        }
    }
}

impl Aggregator {
    fn encode(self, four_octet: bool) -> Vec<u8> {
        let mut value = Vec::new();
        put_asn(&mut value, self.asn, four_octet);
        value.extend(self.address.octets());
        value
    }

    /// Did a two-octet speaker write this without an AS4_AGGREGATOR to go with it?
    pub(super) fn is_trans(self) -> bool {
        self.asn == u32::from(two_octets(u32::MAX))
    }
}
