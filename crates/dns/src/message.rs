//! The message codec: hickory-proto's wire format behind the few shapes that this crate needs.
//!
//! Message ids always come from the caller. hickory's own constructors draw ids from the operating
//! system, which would make two runs of one seed differ on the wire, so only [`Message::new`] with an
//! explicit id is used here.

use std::fmt;

use hickory_proto::op::{Edns, Message, OpCode, Query as WireQuestion, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use serde::{Deserialize, Serialize};

/// Octets of the fixed header (RFC 1035 4.1.1).
const HEADER_LEN: usize = 12;
/// Octets of the message id, which come first.
pub(crate) const ID_LEN: usize = 2;
/// Octets of an OPT record without options (RFC 6891 6.1.2).
const OPT_LEN: usize = 11;
/// Largest UDP answer to a client that said nothing about its buffer (RFC 1035 4.2.1).
const UDP_LEN_CLASSIC: u16 = 512;
/// Largest UDP payload that we announce and send: no fragments on any common path (DNS flag day 2020).
pub const UDP_LEN_MAX: u16 = 1232;

/// How a message travels; it decides how long an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Transport {
    /// One datagram, truncated when it does not fit.
    Udp,
    /// Two octets of length, then the message (RFC 1035 4.2.2).
    Tcp,
}

/// A response code in records and reports; `Display` gives the usual capitals (`SERVFAIL`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rcode {
    /// The name was resolved, possibly to an empty answer.
    NoError,
    /// The server could not read the query.
    FormErr,
    /// The server could not find out.
    ServFail,
    /// The name does not exist.
    NxDomain,
    /// The server does not do what was asked.
    NotImp,
    /// The server does not want to answer.
    Refused,
    /// Any other code of the registry.
    Other(u16),
}

impl From<ResponseCode> for Rcode {
    fn from(code: ResponseCode) -> Rcode {
        match code {
            ResponseCode::NoError => Rcode::NoError,
            ResponseCode::FormErr => Rcode::FormErr,
            ResponseCode::ServFail => Rcode::ServFail,
            ResponseCode::NXDomain => Rcode::NxDomain,
            ResponseCode::NotImp => Rcode::NotImp,
            ResponseCode::Refused => Rcode::Refused,
            other => Rcode::Other(u16::from(other)),
        }
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rcode::NoError => f.write_str("NOERROR"),
            Rcode::FormErr => f.write_str("FORMERR"),
            Rcode::ServFail => f.write_str("SERVFAIL"),
            Rcode::NxDomain => f.write_str("NXDOMAIN"),
            Rcode::NotImp => f.write_str("NOTIMP"),
            Rcode::Refused => f.write_str("REFUSED"),
            Rcode::Other(code) => write!(f, "RCODE{code}"),
        }
    }
}

/// What is asked: a name and a type, class IN. Names compare without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// QNAME, absolute.
    pub name: Name,
    /// QTYPE.
    pub kind: RecordType,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)
    }
}

/// A query that a server has accepted as well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The client's id, to be echoed.
    pub id: u16,
    /// The one question.
    pub question: Question,
    /// RD.
    pub recursion_desired: bool,
    /// The client's UDP buffer when it sent an OPT record (RFC 6891).
    pub edns_payload: Option<u16>,
}

impl Query {
    /// Octets that an answer to this query may have.
    pub fn answer_len_max(&self, transport: Transport) -> usize {
        match transport {
            Transport::Udp => self.edns_payload.unwrap_or(0).clamp(UDP_LEN_CLASSIC, UDP_LEN_MAX).into(),
            Transport::Tcp => u16::MAX.into(),
        }
    }
}

/// Bytes that are not a query to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reject {
    /// Nothing can be said: too short to have an id, or itself a response (answering one could loop).
    Drop,
    /// An error response, ready to send.
    Reply(Rcode, Vec<u8>),
}

/// Reads a query.
///
/// # Errors
/// [`Reject`] says what the peer gets instead of an answer: FORMERR for what cannot be read or has not
/// exactly one question, NOTIMP for other opcodes, BADVERS for EDNS beyond 0, REFUSED for other classes.
pub fn decode_query(bytes: &[u8]) -> Result<Query, Reject> {
    let Some((header, _)) = bytes.split_at_checked(HEADER_LEN) else { return Err(Reject::Drop) };
    let is_response = header[2] & 0x80 != 0;
    if is_response {
        return Err(Reject::Drop);
    }
    let reject = |code| Reject::Reply(code_of(code), error_reply(header, code));
    if header[2] & 0x78 != 0 {
        return Err(reject(ResponseCode::NotImp));
    }
    // Checked before decoding: hickory reserves room for as many questions as the header claims.
    if header[4..6] != [0, 1] {
        return Err(reject(ResponseCode::FormErr));
    }
    let message = Message::from_vec(bytes).map_err(|_| reject(ResponseCode::FormErr))?;
    let Some(asked) = message.queries.first() else { return Err(reject(ResponseCode::FormErr)) };
    if message.version() > 0 {
        return Err(reject(ResponseCode::BADVERS));
    }
    if asked.query_class != DNSClass::IN {
        return Err(reject(ResponseCode::Refused));
    }
    Ok(Query {
        id: message.metadata.id,
        question: Question { name: asked.name.clone(), kind: asked.query_type },
        recursion_desired: message.metadata.recursion_desired,
        edns_payload: message.edns.as_ref().map(Edns::max_payload),
    })
}

fn code_of(code: ResponseCode) -> Rcode {
    Rcode::from(code)
}

/// A response without a question: the header is all that was surely understood.
fn error_reply(header: &[u8], code: ResponseCode) -> Vec<u8> {
    let id = u16::from_be_bytes([header[0], header[1]]);
    let mut message = Message::error_msg(id, OpCode::from_u8((header[2] >> 3) & 0xf), code);
    message.metadata.recursion_desired = header[2] & 1 != 0;
    if code == ResponseCode::BADVERS {
        // Its high bits travel in an OPT record (RFC 6891 6.1.3).
        message.set_edns(edns());
    }
    message.to_vec().unwrap_or_default()
}

fn edns() -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_LEN_MAX);
    edns
}

/// The empty response to `query`, to be filled and encoded.
pub fn response_to(query: &Query) -> Message {
    let mut message = Message::response(query.id, OpCode::Query);
    message.metadata.recursion_desired = query.recursion_desired;
    message.add_query(WireQuestion::query(query.question.name.clone(), query.question.kind));
    if query.edns_payload.is_some() {
        message.set_edns(edns());
    }
    message
}

/// A complete query with EDNS(0).
pub fn encode_query(id: u16, question: &Question, recursion_desired: bool) -> Vec<u8> {
    encode_bare(id, flag(RD, recursion_desired), question, true)
}

/// A resolver's SERVFAIL.
pub(crate) fn encode_failure(query: &Query) -> Vec<u8> {
    let flags = QR | flag(RD, query.recursion_desired) | RA | u16::from(ResponseCode::ServFail);
    encode_bare(query.id, flags, &query.question, query.edns_payload.is_some())
}

/// Flags of the header (RFC 1035 4.1.1).
const QR: u16 = 1 << 15;
const RD: u16 = 1 << 8;
const RA: u16 = 1 << 7;

fn flag(flag: u16, set: bool) -> u16 {
    if set { flag } else { 0 }
}

/// A message of nothing but a question, with or without EDNS(0). Written by hand: it has one shape, and resolvers in
/// trouble send little else.
fn encode_bare(id: u16, flags: u16, question: &Question, edns: bool) -> Vec<u8> {
    // On the wire a name is one octet longer than its text.
    let mut bytes = Vec::with_capacity(HEADER_LEN + question.name.len() + 1 + 4 + OPT_LEN);
    // One question, no answer, no authority, and the OPT record.
    for number in [id, flags, 1, 0, 0, edns.into()] {
        bytes.extend(number.to_be_bytes());
    }
    for label in &question.name {
        // A label has at most 63 octets.
        bytes.push(label.len() as u8);
        bytes.extend(label);
    }
    bytes.push(0);
    for number in [question.kind.into(), DNSClass::IN.into()] {
        bytes.extend(u16::to_be_bytes(number));
    }
    if edns {
        // The root is its owner; then type, UDP length, extended code and flags, no data.
        bytes.push(0);
        for number in [RecordType::OPT.into(), UDP_LEN_MAX, 0, 0, 0] {
            bytes.extend(u16::to_be_bytes(number));
        }
    }
    bytes
}

/// Encodes a response into at most `len_max` octets.
///
/// What does not fit goes in the order that loses least (RFC 2181 9): the additional section of an answer
/// silently, then everything but the question, with TC set. A referral without its glue is of no use, so
/// there the loss of the additional section already sets TC.
pub fn encode_response(mut message: Message, len_max: usize) -> Vec<u8> {
    let fits = |message: &Message| message.to_vec().ok().filter(|bytes| bytes.len() <= len_max);
    if let Some(bytes) = fits(&message) {
        return bytes;
    }
    message.additionals.clear();
    message.metadata.truncation = message.answers.is_empty();
    if let Some(bytes) = fits(&message) {
        return bytes;
    }
    message.truncate().to_vec().unwrap_or_default()
}

/// Reads a response to `question`; `None` when it is not one (RFC 5452 9.1: id and question must match).
pub fn decode_response(bytes: &[u8], id: u16, question: &Question) -> Option<Message> {
    let header = bytes.get(..HEADER_LEN)?;
    if header[..2] != id.to_be_bytes() || header[2] & 0x80 == 0 || header[4..6] != [0, 1] {
        return None;
    }
    let message = Message::from_vec(bytes).ok()?;
    let asked = message.queries.first()?;
    let same = asked.name == question.name && asked.query_type == question.kind;
    (same && asked.query_class == DNSClass::IN).then_some(message)
}

/// An error response that repeats no question, as servers send when they could not read the query.
pub fn is_bare_error(bytes: &[u8], id: u16) -> bool {
    let Some(header) = bytes.get(..HEADER_LEN) else { return false };
    let names_our_id = header[..2] == id.to_be_bytes() && header[2] & 0x80 != 0;
    names_our_id && header[4..6] == [0, 0] && header[3] & 0xf != 0
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::MessageType;
    use proptest::prelude::*;

    use super::*;

    fn question() -> Question {
        Question { name: Name::from_ascii("www.example.test.").unwrap(), kind: RecordType::A }
    }

    #[test]
    fn a_query_survives_the_wire() {
        let query = decode_query(&encode_query(7, &question(), true)).unwrap();
        assert_eq!((query.id, query.question.clone()), (7, question()));
        assert!(query.recursion_desired);
        assert_eq!(query.answer_len_max(Transport::Udp), 1232);
    }

    /// The same query by hickory's encoder.
    fn reference(id: u16, question: &Question, recursion_desired: bool) -> Vec<u8> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = recursion_desired;
        message.add_query(WireQuestion::query(question.name.clone(), question.kind));
        message.set_edns(edns());
        message.to_vec().unwrap()
    }

    #[test]
    fn a_query_has_the_octets_that_the_reference_gives_it() {
        for name in [".", "com.", "WWW.Example.test.", "a.b.c.d.e.f.example."] {
            for (kind, recursion_desired) in [(RecordType::A, true), (RecordType::HTTPS, false)] {
                let question = Question { name: Name::from_ascii(name).unwrap(), kind };
                let bytes = encode_query(7, &question, recursion_desired);
                assert_eq!(bytes, reference(7, &question, recursion_desired), "{question}");
            }
        }
    }

    #[test]
    fn a_failure_has_the_octets_that_the_reference_gives_it() {
        for (recursion_desired, edns_payload) in [(true, Some(1232)), (false, None), (true, None)] {
            let query = Query { id: 7, question: question(), recursion_desired, edns_payload };
            let mut message = response_to(&query);
            message.metadata.recursion_available = true;
            message.metadata.response_code = ResponseCode::ServFail;
            assert_eq!(encode_failure(&query), message.to_vec().unwrap(), "{query:?}");
        }
    }

    #[test]
    fn what_is_not_a_query_is_rejected_as_it_deserves() {
        let good = encode_query(0x1234, &question(), true);
        let with = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            bytes
        };
        let class_at = good.len() - 11 - 1;
        let cases: [(&str, Vec<u8>, Option<Rcode>); 7] = [
            ("shorter than a header", good[..11].to_vec(), None),
            ("a response", with(2, 0x81), None),
            ("opcode STATUS", with(2, 0x10), Some(Rcode::NotImp)),
            ("two questions", with(5, 2), Some(Rcode::FormErr)),
            ("cut in the name", good[..15].to_vec(), Some(Rcode::FormErr)),
            ("class CHAOS", with(class_at, 3), Some(Rcode::Refused)),
            ("EDNS version 1", with(good.len() - 5, 1), Some(Rcode::Other(16))),
        ];
        for (what, bytes, expected) in cases {
            match (decode_query(&bytes).unwrap_err(), expected) {
                (Reject::Drop, None) => {}
                (Reject::Reply(code, reply), Some(expected)) => {
                    assert_eq!(code, expected, "{what}");
                    assert_eq!(reply[..2], [0x12, 0x34], "{what}");
                    assert!(reply[2] & 0x80 != 0, "{what}");
                }
                (got, expected) => panic!("{what}: {got:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn a_response_must_match_id_and_question() {
        let query = decode_query(&encode_query(7, &question(), true)).unwrap();
        let bytes = encode_response(response_to(&query), 512);
        assert!(decode_response(&bytes, 7, &question()).is_some());
        assert!(decode_response(&bytes, 8, &question()).is_none());
        let other = Question { kind: RecordType::AAAA, ..question() };
        assert!(decode_response(&bytes, 7, &other).is_none());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode_query(&bytes);
            let _ = decode_response(&bytes, 1, &question());
        }

        #[test]
        fn damaged_queries_never_panic(at in 0usize..40, value: u8) {
            let mut bytes = encode_query(1, &question(), true);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _ = decode_query(&bytes);
        }
    }
}
