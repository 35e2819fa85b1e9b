//! The authority: answers from zones (RFC 1034 4.3.2), with referrals, negative answers and truncation.
//!
//! [`answer`] is the whole protocol: bytes of a query in, bytes of a response out. [`run`] puts it on sockets.

mod run;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::message::{self, Query, Rcode, Reject, Transport};
use crate::zone::{Lookup, Zone};
use blackstart_rt::Map;

pub use run::{Config, run};

/// Longest chain of aliases followed inside a zone.
const ALIASES_MAX: usize = 16;

/// The zones that a server is authoritative for.
#[derive(Clone, Debug, Default)]
pub struct Zones(Map<Name, Zone>);

impl Zones {
    /// The zone nearest above `name`.
    pub fn enclosing(&self, name: &Name) -> Option<&Zone> {
        let labels = name.iter().count();
        std::iter::successors(Some(name.clone()), |name| Some(name.base_name()))
            .take(labels + 1)
            .find_map(|ancestor| self.0.get(&ancestor))
    }

    /// The zone nearest above `name`, to be edited.
    pub fn enclosing_mut(&mut self, name: &Name) -> Option<&mut Zone> {
        let origin = self.enclosing(name)?.origin().clone();
        self.0.get_mut(&origin)
    }

    /// The names of the zones.
    pub fn origins(&self) -> impl Iterator<Item = &Name> {
        self.0.keys()
    }
}

/// A later zone of the same name replaces an earlier one.
impl FromIterator<Zone> for Zones {
    fn from_iter<I: IntoIterator<Item = Zone>>(zones: I) -> Zones {
        Zones(zones.into_iter().map(|zone| (zone.origin().clone(), zone)).collect())
    }
}

/// A response ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its response code.
    pub rcode: Rcode,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Answers one message; `None` when it deserves no reply at all.
pub fn answer(zones: &Zones, bytes: &[u8], transport: Transport) -> Option<Reply> {
    let query = match message::decode_query(bytes) {
        Ok(query) => query,
        Err(Reject::Drop) => return None,
        Err(Reject::Reply(rcode, bytes)) => return Some(Reply { rcode, bytes }),
    };
    let response = respond(zones, &query);
    let rcode = Rcode::from(response.metadata.response_code);
    let bytes = message::encode_response(response, query.answer_len_max(transport));
    Some(Reply { rcode, bytes })
}

fn respond(zones: &Zones, query: &Query) -> Message {
    let mut response = message::response_to(query);
    let transfer_or_meta =
        matches!(query.question.kind, RecordType::AXFR | RecordType::IXFR | RecordType::ANY);
    match zones.enclosing(&query.question.name) {
        None => response.metadata.response_code = ResponseCode::Refused,
        // ANY is refused as the large operators of 2021 did (RFC 8482 lets a server choose).
        Some(_) if transfer_or_meta => response.metadata.response_code = ResponseCode::NotImp,
        Some(zone) => fill(&mut response, zone, query),
    }
    response
}

/// Follows the asked name through aliases inside the zone and writes down what is found.
fn fill(response: &mut Message, zone: &Zone, query: &Query) {
    let mut name = query.question.name.clone();
    for _ in 0..=ALIASES_MAX {
        let found = zone.lookup(&name, query.question.kind);
        // AA speaks for the first owner in the answer (RFC 1035 4.1.1): a referral after an alias keeps it.
        if !matches!(found, Lookup::Referral(_)) {
            response.metadata.authoritative = true;
        }
        let Lookup::Alias(alias) = found else { return conclude(response, zone, found) };
        response.add_answer(alias.clone());
        let RData::CNAME(target) = &alias.data else { return };
        if !zone.origin().zone_of(target) {
            return;
        }
        name = target.0.clone();
    }
}

fn conclude(response: &mut Message, zone: &Zone, found: Lookup<'_>) {
    match found {
        Lookup::Answer(records) => {
            response.add_answers(records.iter().cloned());
            add_addresses(response, zone, records);
        }
        Lookup::Referral(servers) => {
            response.add_authorities(servers.iter().cloned());
            add_addresses(response, zone, servers);
        }
        Lookup::NxDomain => {
            response.metadata.response_code = ResponseCode::NXDomain;
            response.add_authorities(zone.negative_soa());
        }
        Lookup::NoData => {
            response.add_authorities(zone.negative_soa());
        }
        Lookup::Alias(_) => {}
    }
}

/// Additional section: addresses in this zone of the hosts that `records` name; glue for a referral.
fn add_addresses(response: &mut Message, zone: &Zone, records: &[Record]) {
    for target in records.iter().filter_map(|record| host_named_by(&record.data)) {
        response.add_additionals(zone.addresses(target).cloned());
    }
}

fn host_named_by(data: &RData) -> Option<&Name> {
    match data {
        RData::NS(server) => Some(&server.0),
        RData::MX(exchange) => Some(&exchange.exchange),
        RData::SRV(service) => Some(&service.target),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::Question;

    const COM: &str = "$TTL 172800\n@ SOA a.gtld hostmaster 1 2 3 4 900\n NS a.gtld-servers.net.\n\
        facebook NS a.ns.facebook\nfacebook NS b.ns.facebook\n\
        a.ns.facebook A 129.134.30.12\na.ns.facebook AAAA 2a03:2880:f0fc:c:face:b00c:0:35\nb.ns.facebook A 129.134.31.12\n";
    const FACEBOOK: &str = "$TTL 300\n@ 3600 SOA a.ns dns 1 2 3 4 60\n 172800 NS a.ns\n A 157.240.1.35\na.ns A 129.134.30.12\n\
        www CNAME star-mini.c10r\nstar-mini.c10r A 157.240.1.36\nloop CNAME pool\npool CNAME loop\nout CNAME www.example.org.\n\
        gone CNAME nowhere\nsub NS ns.sub\nns.sub A 192.0.2.9\ninto CNAME deep.sub\n@ MX 10 mail\nmail A 157.240.1.40\n";

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn zones() -> Zones {
        let load = |text, origin| Zone::parse(text, &name(origin)).unwrap_or_else(|e| panic!("{origin} {e}"));
        [load(COM, "com."), load(FACEBOOK, "facebook.com.")].into_iter().collect()
    }

    /// Only com, as its own servers have it.
    fn parent() -> Zones {
        [Zone::parse(COM, &name("com.")).unwrap()].into_iter().collect()
    }

    fn ask(zones: &Zones, question: &Question, transport: Transport) -> Message {
        let reply = answer(zones, &message::encode_query(9, question, false), transport).unwrap();
        message::decode_response(&reply.bytes, 9, question).unwrap()
    }

    /// The sections in one line each: owner type data, joined by commas.
    fn sections(message: &Message) -> [String; 3] {
        [&message.answers, &message.authorities, &message.additionals].map(|records| {
            let rows = records.iter().map(|r| format!("{} {} {}", r.name, r.record_type(), r.data));
            rows.collect::<Vec<_>>().join(", ")
        })
    }

    #[test]
    fn answers_from_a_zone() {
        let soa = "facebook.com. SOA a.ns.facebook.com. dns.facebook.com. 1 2 3 4 60";
        let sub = "sub.facebook.com. NS ns.sub.facebook.com.";
        let glue = "ns.sub.facebook.com. A 192.0.2.9";
        type Row = (&'static str, RecordType, &'static str, bool, &'static str, String, &'static str);
        let rows: Vec<Row> = vec![
            (
                "FACEBOOK.com.",
                RecordType::A,
                "NOERROR",
                true,
                "facebook.com. A 157.240.1.35",
                String::new(),
                "",
            ),
            (
                "www.facebook.com.",
                RecordType::A,
                "NOERROR",
                true,
                "www.facebook.com. CNAME star-mini.c10r.facebook.com., star-mini.c10r.facebook.com. A 157.240.1.36",
                String::new(),
                "",
            ),
            (
                "www.facebook.com.",
                RecordType::CNAME,
                "NOERROR",
                true,
                "www.facebook.com. CNAME star-mini.c10r.facebook.com.",
                String::new(),
                "",
            ),
            ("facebook.com.", RecordType::AAAA, "NOERROR", true, "", soa.into(), ""),
            ("c10r.facebook.com.", RecordType::A, "NOERROR", true, "", soa.into(), ""),
            ("nowhere.facebook.com.", RecordType::A, "NXDOMAIN", true, "", soa.into(), ""),
            (
                "gone.facebook.com.",
                RecordType::A,
                "NXDOMAIN",
                true,
                "gone.facebook.com. CNAME nowhere.facebook.com.",
                soa.into(),
                "",
            ),
            (
                "out.facebook.com.",
                RecordType::A,
                "NOERROR",
                true,
                "out.facebook.com. CNAME www.example.org.",
                String::new(),
                "",
            ),
            ("sub.facebook.com.", RecordType::NS, "NOERROR", false, "", sub.into(), glue),
            ("deep.sub.facebook.com.", RecordType::A, "NOERROR", false, "", sub.into(), glue),
            (
                "into.facebook.com.",
                RecordType::A,
                "NOERROR",
                true,
                "into.facebook.com. CNAME deep.sub.facebook.com.",
                sub.into(),
                glue,
            ),
            (
                "facebook.com.",
                RecordType::MX,
                "NOERROR",
                true,
                "facebook.com. MX 10 mail.facebook.com.",
                String::new(),
                "mail.facebook.com. A 157.240.1.40",
            ),
            ("example.org.", RecordType::A, "REFUSED", false, "", String::new(), ""),
            ("facebook.com.", RecordType::AXFR, "NOTIMP", false, "", String::new(), ""),
        ];
        for (asked, kind, rcode, aa, answers, authorities, additionals) in rows {
            let question = Question { name: name(asked), kind };
            let message = ask(&zones(), &question, Transport::Udp);
            assert_eq!(Rcode::from(message.metadata.response_code).to_string(), rcode, "{question}");
            assert_eq!(message.metadata.authoritative, aa, "{question}");
            assert_eq!(sections(&message), [answers.into(), authorities, additionals.into()], "{question}");
        }
    }

    #[test]
    fn a_parent_refers_with_glue_and_its_ttl() {
        let message = ask(
            &parent(),
            &Question { name: name("www.facebook.com."), kind: RecordType::A },
            Transport::Udp,
        );
        assert!(!message.metadata.authoritative);
        assert_eq!((message.answers.len(), message.authorities.len(), message.additionals.len()), (0, 2, 3));
        assert!(message.authorities.iter().all(|ns| ns.ttl == 172_800));
    }

    #[test]
    fn negative_answers_carry_the_lesser_ttl() {
        let message =
            ask(&zones(), &Question { name: name("x.facebook.com."), kind: RecordType::A }, Transport::Udp);
        assert_eq!(message.authorities[0].ttl, 60);
    }

    #[test]
    fn an_alias_loop_ends() {
        let message = ask(
            &zones(),
            &Question { name: name("loop.facebook.com."), kind: RecordType::A },
            Transport::Udp,
        );
        assert_eq!(message.answers.len(), ALIASES_MAX + 1);
    }

    #[test]
    fn long_answers_are_truncated_over_udp_only() {
        let many: String = (0..100).map(|i| format!("big A 192.0.2.{i}\n")).collect();
        let zones: Zones = [Zone::parse(&format!("{FACEBOOK}{many}"), &name("facebook.com.")).unwrap()]
            .into_iter()
            .collect();
        let question = Question { name: name("big.facebook.com."), kind: RecordType::A };
        let udp = ask(&zones, &question, Transport::Udp);
        assert!(udp.metadata.truncation && udp.answers.is_empty());
        let tcp = ask(&zones, &question, Transport::Tcp);
        assert!(!tcp.metadata.truncation && tcp.answers.len() == 100);
    }

    #[test]
    fn without_edns_512_octets_are_the_limit() {
        let some: String = (0..40).map(|i| format!("big A 192.0.2.{i}\n")).collect();
        let zones: Zones = [Zone::parse(&format!("{FACEBOOK}{some}"), &name("facebook.com.")).unwrap()]
            .into_iter()
            .collect();
        let question = Question { name: name("big.facebook.com."), kind: RecordType::A };
        let mut plain = message::encode_query(9, &question, false);
        let opt_len = 11;
        plain.truncate(plain.len() - opt_len);
        plain[11] = 0;
        let reply = answer(&zones, &plain, Transport::Udp).unwrap();
        let message = message::decode_response(&reply.bytes, 9, &question).unwrap();
        assert!(message.metadata.truncation && message.edns.is_none() && reply.bytes.len() <= 512);
        assert!(
            !ask(&zones, &question, Transport::Udp).metadata.truncation,
            "1232 octets are enough with EDNS"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = answer(&zones(), &bytes, Transport::Udp);
        }

        #[test]
        fn arbitrary_questions_get_an_answer(label in "[a-z]{1,63}", kind in 0u16..300) {
            let question = Question { name: name(&format!("{label}.facebook.com.")), kind: RecordType::from(kind) };
            prop_assert!(answer(&zones(), &message::encode_query(1, &question, false), Transport::Udp).is_some());
        }
    }
}
