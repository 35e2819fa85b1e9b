//! What a server says on which a fault lies: its right reply, spoilt.

use blackstart_rt as rt;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RData;
use rt::task::Instead;

/// The reply as it leaves, late if the server is slow; `None` when nothing does.
pub(crate) async fn spoilt(reply: Vec<u8>) -> Option<Vec<u8>> {
    match rt::task::instead().await {
        None | Some(Instead::Stale) => Some(reply),
        Some(Instead::Silence) => None,
        Some(Instead::Fail) => empty(&reply, ResponseCode::ServFail),
        Some(Instead::Deny) => empty(&reply, ResponseCode::NXDomain),
        Some(Instead::Lie) => elsewhere(&reply),
    }
}

/// The same question with this code and no answer.
fn empty(reply: &[u8], code: ResponseCode) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(reply).ok()?;
    message.metadata.response_code = code;
    message.answers.clear();
    message.authorities.clear();
    message.additionals.clear();
    message.to_vec().ok()
}

/// The same answer with every address off by its last bit: near enough to be routed, and wrong.
fn elsewhere(reply: &[u8]) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(reply).ok()?;
    for record in &mut message.answers {
        match &mut record.data {
            RData::A(address) => address.0 = (address.0.to_bits() ^ 1).into(),
            RData::AAAA(address) => address.0 = (address.0.to_bits() ^ 1).into(),
            _ => {}
        }
    }
    message.to_vec().ok()
}
