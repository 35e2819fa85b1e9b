//! What the resolver remembers, and for how long.

use std::time::Duration;

use blackstart_rt::time::Instant;
use blackstart_rt::{Map, Set};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};

use super::Delegation;
use crate::labels::Labels;
use crate::message::Question;

/// What an entry is about, beside the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// One RRset by its type, or the knowledge that it is missing.
    Rrset(u16),
    /// The knowledge that the name does not exist, with any type.
    Nothing,
    /// The servers of the zone.
    Delegation,
}

impl What {
    fn rrset(kind: RecordType) -> What {
        What::Rrset(kind.into())
    }
}

#[derive(Clone, Debug)]
enum Value {
    Positive(Vec<Record>),
    Negative(Negative),
    Delegation(Delegation),
}

/// A conclusion without data.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Negative {
    /// NOERROR when only the type is missing; SERVFAIL for a remembered failure.
    pub(super) rcode: ResponseCode,
    /// The SOA that came along, for the client (RFC 2308 3).
    pub(super) soa: Option<Box<Record>>,
}

#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    expires: Instant,
}

/// What the cache says about a question. TTLs are what remains.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Hit {
    Records(Vec<Record>),
    Negative(Negative),
}

/// Entries by what they are about and by when they end.
#[derive(Debug)]
pub(super) struct Cache {
    entries: Map<Labels, Map<What, Entry>>,
    by_expiry: Set<(Instant, Labels, What)>,
    entries_max: usize,
    ttl_max_s: u32,
}

impl Cache {
    pub(super) fn new(entries_max: usize, ttl_max_s: u32) -> Cache {
        Cache { entries: Map::new(), by_expiry: Set::new(), entries_max, ttl_max_s }
    }

    /// An answer for exactly this name and type; aliases are entries of type CNAME and not followed here.
    pub(super) fn get(&self, name: &Labels, kind: RecordType, now: Instant) -> Option<Hit> {
        let entries = self.entries.get(name.as_slice())?;
        let live = |what| entries.get(&what).filter(|entry| entry.expires > now);
        let entry = live(What::Nothing).or_else(|| live(What::rrset(kind)))?;
        let left_s = seconds(entry.expires - now);
        match &entry.value {
            Value::Positive(records) => {
                Some(Hit::Records(records.iter().map(|r| with_ttl(r, left_s)).collect()))
            }
            Value::Negative(negative) => {
                let soa = negative.soa.as_ref().map(|soa| Box::new(with_ttl(soa, left_s)));
                Some(Hit::Negative(Negative { soa, ..*negative }))
            }
            Value::Delegation(_) => None,
        }
    }

    /// The first of these names that is known to be a zone: with [`Labels::upwards`], the nearest one.
    pub(super) fn delegation<'n>(
        &self,
        mut names: impl Iterator<Item = &'n [u8]>,
        now: Instant,
    ) -> Option<&Delegation> {
        names.find_map(|name| {
            let entry = self.entries.get(name)?.get(&What::Delegation)?;
            match &entry.value {
                Value::Delegation(delegation) if entry.expires > now => Some(delegation),
                _ => None,
            }
        })
    }

    /// Remembers one RRset. Records with TTL 0 serve the question at hand only (RFC 1035 3.2.1).
    pub(super) fn put_records(&mut self, records: &[Record], now: Instant) {
        let Some(first) = records.first() else { return };
        let ttl_s = records.iter().map(|record| record.ttl).min().unwrap_or(0);
        let what = What::rrset(first.record_type());
        self.put(&first.name, what, Value::Positive(records.to_vec()), ttl_s, now);
    }

    /// Remembers that there is no such name, or no such type of it.
    pub(super) fn put_negative(&mut self, question: &Question, negative: Negative, ttl_s: u32, now: Instant) {
        let what = match negative.rcode {
            ResponseCode::NXDomain => What::Nothing,
            _ => What::rrset(question.kind),
        };
        self.put(&question.name, what, Value::Negative(negative), ttl_s, now);
    }

    /// Remembers a zone's servers; a newer referral replaces an older one.
    pub(super) fn put_delegation(&mut self, delegation: Delegation, ttl_s: u32, now: Instant) {
        let zone = delegation.zone.clone();
        self.put(&zone, What::Delegation, Value::Delegation(delegation), ttl_s, now);
    }

    fn put(&mut self, name: &Name, what: What, value: Value, ttl_s: u32, now: Instant) {
        let ttl_s = ttl_s.min(self.ttl_max_s);
        if ttl_s == 0 {
            return;
        }
        let expires = now + Duration::from_secs(ttl_s.into());
        let name = Labels::of(name);
        let entries = self.entries.entry(name.clone()).or_default();
        if let Some(old) = entries.insert(what, Entry { value, expires }) {
            self.by_expiry.remove(&(old.expires, name.clone(), what));
        }
        self.by_expiry.insert((expires, name, what));
        self.make_room(now);
    }

    /// Drops what has expired, then what would expire first.
    fn make_room(&mut self, now: Instant) {
        while let Some((expires, _, _)) = self.by_expiry.first() {
            if *expires > now && self.by_expiry.len() <= self.entries_max {
                return;
            }
            if let Some((_, name, what)) = self.by_expiry.pop_first() {
                self.forget(&name, what);
            }
        }
    }

    fn forget(&mut self, name: &Labels, what: What) {
        let Some(entries) = self.entries.get_mut(name) else { return };
        entries.remove(&what);
        if entries.is_empty() {
            self.entries.remove(name);
        }
    }
}

fn seconds(left: Duration) -> u32 {
    u32::try_from(left.as_secs()).unwrap_or(u32::MAX)
}

fn with_ttl(record: &Record, ttl_s: u32) -> Record {
    let mut record = record.clone();
    record.ttl = ttl_s;
    record
}

/// What a negative answer with this SOA may be remembered for: the record's TTL and MINIMUM both bound it.
pub(super) fn negative_ttl_s(soa: Option<&Record>, max_s: u32) -> u32 {
    use hickory_proto::rr::RData;
    match soa.map(|soa| (soa.ttl, &soa.data)) {
        Some((ttl, RData::SOA(data))) => ttl.min(data.minimum).min(max_s),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::{RData, rdata::A};

    use super::*;

    fn record(name: &str, ttl: u32) -> Record {
        Record::from_rdata(Name::from_ascii(name).unwrap(), ttl, RData::A(A::new(192, 0, 2, 1)))
    }

    fn question(name: &str) -> Question {
        Question { name: Name::from_ascii(name).unwrap(), kind: RecordType::A }
    }

    fn get(cache: &Cache, name: &str, kind: RecordType, s: u64) -> Option<Hit> {
        cache.get(&Labels::of(&Name::from_ascii(name).unwrap()), kind, at(s))
    }

    fn at(s: u64) -> Instant {
        Instant::from_start(Duration::from_secs(s))
    }

    #[test]
    fn ttls_count_down_and_end() {
        let mut cache = Cache::new(10, 1000);
        cache.put_records(&[record("a.test.", 300)], at(0));
        let a = |cache: &Cache, name, s| get(cache, name, RecordType::A, s);
        assert_eq!(a(&cache, "A.test.", 299), Some(Hit::Records(vec![record("a.test.", 1)])));
        assert_eq!(a(&cache, "a.test.", 300), None);
        cache.put_records(&[record("b.test.", 0)], at(0));
        assert_eq!(a(&cache, "b.test.", 0), None);
    }

    #[test]
    fn an_nxdomain_covers_every_type_and_nodata_one() {
        let mut cache = Cache::new(10, 1000);
        let negative = |rcode| Negative { rcode, soa: None };
        cache.put_negative(&question("gone.test."), negative(ResponseCode::NXDomain), 60, at(0));
        cache.put_negative(&question("bare.test."), negative(ResponseCode::NoError), 60, at(0));
        assert!(get(&cache, "gone.test.", RecordType::AAAA, 1).is_some());
        assert!(get(&cache, "bare.test.", RecordType::AAAA, 1).is_none());
        assert!(get(&cache, "bare.test.", RecordType::A, 1).is_some());
    }

    #[test]
    fn the_limit_drops_what_ends_first() {
        let mut cache = Cache::new(2, 1000);
        for (name, ttl) in [("a.test.", 10), ("b.test.", 300), ("c.test.", 200)] {
            cache.put_records(&[record(name, ttl)], at(0));
        }
        let kept =
            ["a.test.", "b.test.", "c.test."].map(|name| get(&cache, name, RecordType::A, 1).is_some());
        assert_eq!(kept, [false, true, true]);
        assert_eq!(cache.entries.len(), cache.by_expiry.len());
    }

    #[test]
    fn the_nearest_delegation_is_found() {
        let mut cache = Cache::new(10, 172_800);
        for zone in ["com.", "facebook.com."] {
            let zone = Name::from_ascii(zone).unwrap();
            cache.put_delegation(Delegation { zone, servers: vec![] }, 172_800, at(0));
        }
        let name = Name::from_ascii("www.facebook.com.").unwrap();
        let zone = |above, s| {
            let labels = Labels::of(&name);
            cache.delegation(labels.upwards().skip(above), at(s)).map(|d| d.zone.to_string())
        };
        assert_eq!(zone(0, 172_799).as_deref(), Some("facebook.com."));
        assert_eq!(zone(2, 5).as_deref(), Some("com."));
        assert_eq!(zone(0, 172_800), None);
    }
}
