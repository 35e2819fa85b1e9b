//! What the resolver remembers, and for how long.

use std::time::Duration;

use blackstart_rt::time::Instant;
use blackstart_rt::{Map, Set};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};

use super::Delegation;
use crate::message::Question;

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The labels as on the wire, each after its length, in lower case; comparing them costs a fraction of what
    /// comparing a [`Name`] does.
    labels: Vec<u8>,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// One RRset by its type, or the knowledge that it is missing.
    Rrset(u16),
    /// The knowledge that the name does not exist, with any type.
    Nothing,
    /// The servers of the zone.
    Delegation,
}

impl Key {
    fn new(name: &Name, what: What) -> Key {
        let mut labels = Vec::with_capacity(name.len());
        for label in name {
            // A label has at most 63 octets.
            labels.push(label.len() as u8);
            labels.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        Key { labels, what }
    }

    fn rrset(question: &Question) -> Key {
        Key::new(&question.name, What::Rrset(question.kind.into()))
    }

    /// The same about the name above; none above the root.
    fn above(mut self) -> Option<Key> {
        let length = *self.labels.first()?;
        self.labels.drain(..=usize::from(length));
        Some(self)
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
    entries: Map<Key, Entry>,
    by_expiry: Set<(Instant, Key)>,
    entries_max: usize,
    ttl_max_s: u32,
}

impl Cache {
    pub(super) fn new(entries_max: usize, ttl_max_s: u32) -> Cache {
        Cache { entries: Map::new(), by_expiry: Set::new(), entries_max, ttl_max_s }
    }

    /// An answer for exactly this question; aliases are entries of type CNAME and not followed here.
    pub(super) fn get(&self, question: &Question, now: Instant) -> Option<Hit> {
        let entry = self
            .live(&Key::new(&question.name, What::Nothing), now)
            .or_else(|| self.live(&Key::rrset(question), now))?;
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

    /// The delegation nearest above `name`, at or above `top` when that is given.
    pub(super) fn delegation(&self, name: &Name, top: Option<&Name>, now: Instant) -> Option<&Delegation> {
        let mut zone = Some(Key::new(top.unwrap_or(name), What::Delegation));
        while let Some(key) = zone {
            if let Some(Value::Delegation(delegation)) = self.live(&key, now).map(|entry| &entry.value) {
                return Some(delegation);
            }
            zone = key.above();
        }
        None
    }

    /// Remembers one RRset. Records with TTL 0 serve the question at hand only (RFC 1035 3.2.1).
    pub(super) fn put_records(&mut self, records: &[Record], now: Instant) {
        let Some(first) = records.first() else { return };
        let ttl_s = records.iter().map(|record| record.ttl).min().unwrap_or(0);
        let key = Key::new(&first.name, What::Rrset(first.record_type().into()));
        self.put(key, Value::Positive(records.to_vec()), ttl_s, now);
    }

    /// Remembers that there is no such name, or no such type of it.
    pub(super) fn put_negative(&mut self, question: &Question, negative: Negative, ttl_s: u32, now: Instant) {
        let key = match negative.rcode {
            ResponseCode::NXDomain => Key::new(&question.name, What::Nothing),
            _ => Key::rrset(question),
        };
        self.put(key, Value::Negative(negative), ttl_s, now);
    }

    /// Remembers a zone's servers; a newer referral replaces an older one.
    pub(super) fn put_delegation(&mut self, delegation: Delegation, ttl_s: u32, now: Instant) {
        self.put(Key::new(&delegation.zone, What::Delegation), Value::Delegation(delegation), ttl_s, now);
    }

    fn live(&self, key: &Key, now: Instant) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.expires > now)
    }

    fn put(&mut self, key: Key, value: Value, ttl_s: u32, now: Instant) {
        let ttl_s = ttl_s.min(self.ttl_max_s);
        if ttl_s == 0 {
            return;
        }
        let expires = now + Duration::from_secs(ttl_s.into());
        if let Some(old) = self.entries.insert(key.clone(), Entry { value, expires }) {
            self.by_expiry.remove(&(old.expires, key.clone()));
        }
        self.by_expiry.insert((expires, key));
        self.make_room(now);
    }

    /// Drops what has expired, then what would expire first.
    fn make_room(&mut self, now: Instant) {
        while let Some((expires, _)) = self.by_expiry.first() {
            if *expires > now && self.entries.len() <= self.entries_max {
                return;
            }
            if let Some((_, key)) = self.by_expiry.pop_first() {
                self.entries.remove(&key);
            }
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

/// A question about the alias of a name.
pub(super) fn alias_of(name: &Name) -> Question {
    Question { name: name.clone(), kind: RecordType::CNAME }
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

    fn at(s: u64) -> Instant {
        Instant::from_start(Duration::from_secs(s))
    }

    #[test]
    fn ttls_count_down_and_end() {
        let mut cache = Cache::new(10, 1000);
        cache.put_records(&[record("a.test.", 300)], at(0));
        assert_eq!(cache.get(&question("A.test."), at(299)), Some(Hit::Records(vec![record("a.test.", 1)])));
        assert_eq!(cache.get(&question("a.test."), at(300)), None);
        cache.put_records(&[record("b.test.", 0)], at(0));
        assert_eq!(cache.get(&question("b.test."), at(0)), None);
    }

    #[test]
    fn an_nxdomain_covers_every_type_and_nodata_one() {
        let mut cache = Cache::new(10, 1000);
        let negative = |rcode| Negative { rcode, soa: None };
        cache.put_negative(&question("gone.test."), negative(ResponseCode::NXDomain), 60, at(0));
        cache.put_negative(&question("bare.test."), negative(ResponseCode::NoError), 60, at(0));
        let aaaa = |name| Question { kind: RecordType::AAAA, ..question(name) };
        assert!(cache.get(&aaaa("gone.test."), at(1)).is_some());
        assert!(cache.get(&aaaa("bare.test."), at(1)).is_none());
        assert!(cache.get(&question("bare.test."), at(1)).is_some());
    }

    #[test]
    fn the_limit_drops_what_ends_first() {
        let mut cache = Cache::new(2, 1000);
        for (name, ttl) in [("a.test.", 10), ("b.test.", 300), ("c.test.", 200)] {
            cache.put_records(&[record(name, ttl)], at(0));
        }
        let kept = ["a.test.", "b.test.", "c.test."].map(|name| cache.get(&question(name), at(1)).is_some());
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
        let zone = |top: Option<&str>, s| {
            let top = top.map(|top| Name::from_ascii(top).unwrap());
            cache.delegation(&name, top.as_ref(), at(s)).map(|d| d.zone.to_string())
        };
        assert_eq!(zone(None, 172_799).as_deref(), Some("facebook.com."));
        assert_eq!(zone(Some("com."), 5).as_deref(), Some("com."));
        assert_eq!(zone(None, 172_800), None);
    }
}
