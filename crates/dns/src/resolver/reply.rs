//! What an upstream answer means (RFC 1034 5.3.3 step 4), as a pure function.
//!
//! Only what the asked server is entitled to say is believed: owners at or below the cut that it serves
//! (RFC 2181 5.4.1).

use std::net::IpAddr;

use blackstart_rt::Map;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::Delegation;
use super::cache::Negative;
use crate::labels::Labels;
use crate::message::Question;

/// Longest chain of aliases read from one answer.
const ALIASES_MAX: usize = 16;

/// An upstream answer, understood.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// RRsets along the aliases from the asked name, in order, and how the chain ends.
    Answer(Vec<Vec<Record>>, End),
    /// Servers nearer to the name, and for how long they hold.
    Referral(Delegation, u32),
    /// This server cannot help; another one may.
    Lame,
}

/// How the chain of aliases ends.
#[derive(Debug, PartialEq)]
pub(super) enum End {
    /// At the RRset asked for.
    Found,
    /// At an alias to a name that this answer does not settle.
    Open(Name),
    /// At a name that does not exist, or not with this type.
    Negative(Question, Negative),
}

/// Reads the answer of a server of `cut` to `question`.
pub(super) fn verdict(message: &Message, cut: &Name, question: &Question) -> Verdict {
    let rcode = message.metadata.response_code;
    if !matches!(rcode, ResponseCode::NoError | ResponseCode::NXDomain) {
        return Verdict::Lame;
    }
    let (chain, last) = chain(message, cut, question);
    if chain.last().is_some_and(|records| has_kind(records, question.kind)) {
        return Verdict::Answer(chain, End::Found);
    }
    let end_is_ours = cut.zone_of(&last);
    if rcode == ResponseCode::NXDomain && end_is_ours {
        return negative(message, cut, chain, Question { name: last, kind: question.kind });
    }
    if !chain.is_empty() {
        return Verdict::Answer(chain, End::Open(last));
    }
    referral(message, cut, &last).unwrap_or_else(|| no_data(message, cut, question))
}

/// The RRsets from the asked name on, through aliases, and the name at which they end.
fn chain(message: &Message, cut: &Name, question: &Question) -> (Vec<Vec<Record>>, Name) {
    let mut chain: Vec<Vec<Record>> = Vec::new();
    let mut name = question.name.clone();
    while chain.len() < ALIASES_MAX && cut.zone_of(&name) {
        let records = rrset(&message.answers, &name, question.kind);
        if !records.is_empty() {
            chain.push(records);
            break;
        }
        let alias = rrset(&message.answers, &name, RecordType::CNAME);
        let Some(target) = alias_target(&alias) else { break };
        name = target;
        chain.push(alias);
    }
    (chain, name)
}

/// Where a CNAME RRset leads.
pub(super) fn alias_target(records: &[Record]) -> Option<Name> {
    records.iter().find_map(|record| match &record.data {
        RData::CNAME(target) => Some(target.0.clone()),
        _ => None,
    })
}

fn has_kind(records: &[Record], kind: RecordType) -> bool {
    records.iter().any(|record| record.record_type() == kind)
}

fn rrset(section: &[Record], name: &Name, kind: RecordType) -> Vec<Record> {
    section.iter().filter(|record| record.record_type() == kind && record.name == *name).cloned().collect()
}

fn negative(message: &Message, cut: &Name, chain: Vec<Vec<Record>>, end: Question) -> Verdict {
    let soa = soa_above(message, cut, &end.name).map(Box::new);
    Verdict::Answer(chain, End::Negative(end, Negative { rcode: message.metadata.response_code, soa }))
}

/// An empty answer is NODATA when an authority says so; otherwise the server does not know the zone, or
/// answers something else.
fn no_data(message: &Message, cut: &Name, question: &Question) -> Verdict {
    let soa = soa_above(message, cut, &question.name);
    let empty = message.answers.is_empty() && message.metadata.authoritative;
    if soa.is_none() && !empty {
        return Verdict::Lame;
    }
    negative(message, cut, Vec::new(), question.clone())
}

fn soa_above(message: &Message, cut: &Name, name: &Name) -> Option<Record> {
    let fits = |record: &&Record| {
        record.record_type() == RecordType::SOA && cut.zone_of(&record.name) && record.name.zone_of(name)
    };
    message.authorities.iter().find(fits).cloned()
}

/// A referral leads strictly downwards, towards `name`.
fn referral(message: &Message, cut: &Name, name: &Name) -> Option<Verdict> {
    let (cut, name) = (Labels::of(cut), Labels::of(name));
    let leads_down = |owner: &Labels| *owner != cut && cut.is_above(owner) && owner.is_above(&name);
    let delegating = message.authorities.iter().filter(|record| record.record_type() == RecordType::NS);
    let owned: Vec<(Labels, &Record)> = delegating.map(|record| (Labels::of(&record.name), record)).collect();
    let (zone, first) = owned.iter().find(|(owner, _)| leads_down(owner))?;
    let mut servers: Map<Labels, (Name, Vec<IpAddr>)> = Map::new();
    let mut ttl_s = u32::MAX;
    for (_, record) in owned.iter().filter(|(owner, _)| owner == zone) {
        ttl_s = ttl_s.min(record.ttl);
        if let RData::NS(server) = &record.data {
            servers.entry(Labels::of(&server.0)).or_insert_with(|| (server.0.clone(), Vec::new()));
        }
    }
    for glue in &message.additionals {
        let Some(address) = glue.data.ip_addr() else { continue };
        let owner = Labels::of(&glue.name);
        if let Some((_, addresses)) = servers.get_mut(&owner).filter(|_| cut.is_above(&owner)) {
            ttl_s = ttl_s.min(glue.ttl);
            addresses.push(address);
        }
    }
    let servers = servers.into_values().collect();
    Some(Verdict::Referral(Delegation { zone: first.name.clone(), servers }, ttl_s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::{Zones, answer};
    use crate::message::{self, Transport};
    use crate::zone::Zone;

    const ZONE: &str = "$TTL 300\n@ SOA ns h 1 2 3 4 60\n NS ns\nns A 192.0.2.1\nwww CNAME real\nreal A 192.0.2.2\n\
        out CNAME www.other.test.\nsub 172800 NS ns.sub\nsub 172800 NS ns.other.test.\nns.sub 3600 A 192.0.2.3\n\
        dead CNAME gone\n";

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn ask(asked: &str, kind: RecordType, cut: &str) -> Verdict {
        let question = Question { name: name(asked), kind };
        let zones: Zones = [Zone::parse(ZONE, &name("example.test.")).unwrap()].into_iter().collect();
        let reply = answer(&zones, &message::encode_query(1, &question, false), Transport::Udp).unwrap();
        verdict(&message::decode_response(&reply.bytes, 1, &question).unwrap(), &name(cut), &question)
    }

    fn end(asked: &str, kind: RecordType) -> (usize, End) {
        match ask(asked, kind, "example.test.") {
            Verdict::Answer(chain, end) => (chain.len(), end),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answers_and_their_ends() {
        assert_eq!(end("www.example.test.", RecordType::A), (2, End::Found));
        assert_eq!(end("www.example.test.", RecordType::CNAME), (1, End::Found));
        assert_eq!(end("out.example.test.", RecordType::A), (1, End::Open(name("www.other.test."))));
        let (length, End::Negative(question, Negative { rcode, soa: Some(soa) })) =
            end("dead.example.test.", RecordType::A)
        else {
            panic!("not negative")
        };
        assert_eq!((length, question.name, rcode), (1, name("gone.example.test."), ResponseCode::NXDomain));
        assert_eq!(soa.ttl, 60);
        let (0, End::Negative(_, Negative { rcode: ResponseCode::NoError, soa: Some(_) })) =
            end("real.example.test.", RecordType::MX)
        else {
            panic!("not NODATA")
        };
    }

    #[test]
    fn a_referral_brings_glue_and_the_shorter_ttl() {
        let Verdict::Referral(delegation, ttl_s) = ask("a.sub.example.test.", RecordType::A, "example.test.")
        else {
            panic!("no referral")
        };
        assert_eq!((delegation.zone, ttl_s), (name("sub.example.test."), 3600));
        let glue = vec![IpAddr::from([192, 0, 2, 3])];
        assert_eq!(
            delegation.servers,
            [(name("ns.sub.example.test."), glue), (name("ns.other.test."), vec![])]
        );
    }

    #[test]
    fn what_a_server_may_not_say_is_not_believed() {
        assert_eq!(ask("www.example.test.", RecordType::A, "other.test."), Verdict::Lame, "foreign answer");
        assert_eq!(ask("x.elsewhere.test.", RecordType::A, "elsewhere.test."), Verdict::Lame, "REFUSED");
        assert_eq!(
            ask("a.sub.example.test.", RecordType::A, "sub.example.test."),
            Verdict::Lame,
            "no way down"
        );
    }
}
