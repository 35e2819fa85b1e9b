//! Zones: what an authority knows, and what it says about a name (RFC 1034 4.3.2).
//!
//! [`Zone::parse`] reads a master file (the text side lives in `parse`), [`Zone::lookup`] answers. A zone
//! holds authoritative data, delegations (NS below the apex) and the glue beneath them. Deliberately absent:
//! wildcards, DNSSEC, dynamic updates, zone transfers; a zone that uses wildcards is refused at load.

mod parse;

use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};

pub use parse::{Error, ZONE_LEN_MAX};

use blackstart_rt::Map;
use std::net::IpAddr;

/// The records of one owner name. Empty for a name that exists only because names below it do.
type Node = Map<RecordType, Vec<Record>>;

/// One zone: the names from its apex down to, and including, its cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    origin: Name,
    nodes: Map<Name, Node>,
}

/// What a zone says about a name and type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lookup<'z> {
    /// The RRset asked for.
    Answer(&'z [Record]),
    /// The name is an alias.
    Alias(&'z Record),
    /// The name is at or below a cut: the NS set of the cut.
    Referral(&'z [Record]),
    /// The name exists, not with this type.
    NoData,
    /// The name does not exist.
    NxDomain,
}

impl Zone {
    /// Parses an RFC 1035 master file. `origin` is the zone's name and the first `$ORIGIN`.
    ///
    /// # Errors
    /// The first error of syntax or sense, with line and column counted from 1.
    pub fn parse(text: &str, origin: &Name) -> Result<Zone, Error> {
        parse::zone(text, origin)
    }

    /// The zone's name.
    pub fn origin(&self) -> &Name {
        &self.origin
    }

    /// The SOA record, with the TTL that a negative answer carries (RFC 2308 3: the lesser of the record's
    /// TTL and its MINIMUM field).
    pub fn negative_soa(&self) -> Option<Record> {
        let mut record = self.rrset(&self.origin, RecordType::SOA).first()?.clone();
        if let RData::SOA(SOA { minimum, .. }) = &record.data {
            record.ttl = record.ttl.min(*minimum);
        }
        Some(record)
    }

    /// What the zone says about `name`, which must be at or below the origin.
    pub fn lookup(&self, name: &Name, kind: RecordType) -> Lookup<'_> {
        if let Some(servers) = self.cut_above(name) {
            return Lookup::Referral(servers);
        }
        let Some(node) = self.nodes.get(name) else { return Lookup::NxDomain };
        if let Some(records) = node.get(&kind) {
            return Lookup::Answer(records);
        }
        match node.get(&RecordType::CNAME).and_then(|records| records.first()) {
            Some(alias) => Lookup::Alias(alias),
            None => Lookup::NoData,
        }
    }

    /// Addresses that the zone has for `name`, glue included.
    pub fn addresses(&self, name: &Name) -> impl Iterator<Item = &Record> {
        [RecordType::A, RecordType::AAAA].into_iter().flat_map(|kind| self.rrset(name, kind))
    }

    /// The name for which `name` is another word (CNAME).
    pub fn alias(&self, name: &Name) -> Option<&Name> {
        match &self.rrset(name, RecordType::CNAME).first()?.data {
            RData::CNAME(target) => Some(&target.0),
            _ => None,
        }
    }

    /// Takes a name and its records out, as a wrong edit does. Says whether there was one.
    pub fn take_out(&mut self, name: &Name) -> bool {
        self.nodes.remove(name).is_some_and(|node| !node.is_empty())
    }

    /// Turns every address of a name into its neighbour (the last bit), as a slip of the finger does. Says whether there was
    /// one.
    pub fn mistype(&mut self, name: &Name) -> bool {
        let records = self.nodes.get_mut(name).into_iter().flat_map(Map::values_mut).flatten();
        let mut mistyped = false;
        for record in records {
            match &mut record.data {
                RData::A(address) => address.0 = (address.0.to_bits() ^ 1).into(),
                RData::AAAA(address) => address.0 = (address.0.to_bits() ^ 1).into(),
                _ => continue,
            }
            mistyped = true;
        }
        mistyped
    }

    /// Gives a name another address in place of one that it has. Says whether it had it.
    pub fn repoint(&mut self, name: &Name, from: IpAddr, to: IpAddr) -> bool {
        let Some(node) = self.nodes.get_mut(name) else { return false };
        let old = RData::from(from);
        let Some(records) = node.get_mut(&old.record_type()) else { return false };
        let Some(place) = records.iter().position(|record| record.data == old) else { return false };
        let record = Record::from_rdata(name.clone(), records.remove(place).ttl, to.into());
        if records.is_empty() {
            node.remove(&old.record_type());
        }
        self.insert(record);
        true
    }

    /// Every name with an address.
    pub fn named(&self) -> impl Iterator<Item = &Name> {
        self.nodes.keys().filter(|name| self.addresses(name).next().is_some())
    }

    /// One RRset as stored, glue included; empty when there is none.
    fn rrset(&self, name: &Name, kind: RecordType) -> &[Record] {
        self.nodes.get(name).and_then(|node| node.get(&kind)).map_or(&[], Vec::as_slice)
    }

    /// The NS set of the cut nearest the apex on the way to `name`.
    fn cut_above(&self, name: &Name) -> Option<&[Record]> {
        below(&self.origin, name)
            .into_iter()
            .rev()
            .map(|cut| self.rrset(&cut, RecordType::NS))
            .find(|servers| !servers.is_empty())
    }

    /// Inserts a record and the empty names between it and the apex.
    fn insert(&mut self, record: Record) {
        for name in below(&self.origin, &record.name) {
            self.nodes.entry(name).or_default();
        }
        let node = self.nodes.entry(record.name.clone()).or_default();
        let records = node.entry(record.record_type()).or_default();
        if !records.iter().any(|known| known.data == record.data) {
            records.push(record);
        }
    }
}

/// `name` and its ancestors strictly below `origin`, deepest first.
fn below(origin: &Name, name: &Name) -> Vec<Name> {
    let steps = name.iter().count().saturating_sub(origin.iter().count());
    std::iter::successors(Some(name.clone()), |name| Some(name.base_name())).take(steps).collect()
}
