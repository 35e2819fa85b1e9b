//! NOTIFICATION: why a session ends (RFC 4271 4.5 and 6, RFC 6608, RFC 4486, RFC 9234 4.2).

use serde::{Deserialize, Serialize};

use super::reader::Reader;

/// An error code, a subcode and what the receiver needs to see the mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{} ({code}/{subcode})", self.name())]
pub struct Notification {
    /// RFC 4271 4.5 error code.
    pub code: u8,
    /// Meaning depends on the code; 0 is "unspecific".
    pub subcode: u8,
    /// Diagnostic data; often empty.
    pub data: Vec<u8>,
}

/// Declares the notifications that this speaker sends or explains.
macro_rules! notifications {
    ($($(#[$doc:meta])* $name:ident = $code:literal / $subcode:literal, $text:literal;)*) => {
        impl Notification {
            $($(#[$doc])* pub const $name: Self = Self::new($code, $subcode);)*

            /// The meaning in words, or "error" for pairs this speaker has no name for.
            pub fn name(&self) -> &'static str {
                match (self.code, self.subcode) {
                    $(($code, $subcode) => $text,)*
                    _ => "error",
                }
            }
        }
    };
}

notifications! {
    /// The 16 marker octets are not all ones.
    NOT_SYNCHRONISED = 1 / 1, "connection not synchronised";
    /// Header length outside what the type allows; data is the length.
    BAD_LENGTH = 1 / 2, "bad message length";
    /// Unknown message type; data is the type.
    BAD_TYPE = 1 / 3, "bad message type";
    /// OPEN that cannot be parsed.
    OPEN_MALFORMED = 2 / 0, "malformed OPEN";
    /// Data is the highest version spoken here.
    UNSUPPORTED_VERSION = 2 / 1, "unsupported version number";
    /// The peer's AS is not the configured one.
    BAD_PEER_AS = 2 / 2, "bad peer AS";
    /// Zero, or our own on an internal session.
    BAD_IDENTIFIER = 2 / 3, "bad BGP identifier";
    /// An optional parameter other than Capabilities.
    UNSUPPORTED_PARAMETER = 2 / 4, "unsupported optional parameter";
    /// A hold time of 1 or 2 seconds.
    UNACCEPTABLE_HOLD_TIME = 2 / 6, "unacceptable hold time";
    /// RFC 9234: both ends claim roles that do not fit.
    ROLE_MISMATCH = 2 / 11, "role mismatch";
    /// UPDATE whose fields do not add up.
    MALFORMED_ATTRIBUTES = 3 / 1, "malformed attribute list";
    /// A well-known attribute that this speaker does not know; data is the attribute.
    UNRECOGNISED_WELL_KNOWN = 3 / 2, "unrecognised well-known attribute";
    /// MP_REACH_NLRI or MP_UNREACH_NLRI that cannot be parsed.
    OPTIONAL_ATTRIBUTE = 3 / 9, "optional attribute error";
    /// A prefix that is too long or cut off.
    INVALID_NETWORK_FIELD = 3 / 10, "invalid network field";
    /// Nothing was heard for the hold time.
    HOLD_TIMER_EXPIRED = 4 / 0, "hold timer expired";
    /// RFC 6608: a message that does not fit the OpenSent state.
    UNEXPECTED_IN_OPEN_SENT = 5 / 1, "unexpected message in OpenSent";
    /// RFC 6608: a message that does not fit the OpenConfirm state.
    UNEXPECTED_IN_OPEN_CONFIRM = 5 / 2, "unexpected message in OpenConfirm";
    /// RFC 6608: a message that does not fit the Established state.
    UNEXPECTED_IN_ESTABLISHED = 5 / 3, "unexpected message in Established";
    /// RFC 4486: an operator stopped the session.
    ADMINISTRATIVE_SHUTDOWN = 6 / 2, "administrative shutdown";
    /// RFC 4486: the other connection of a colliding pair was kept.
    COLLISION = 6 / 7, "connection collision resolution";
}

impl Notification {
    const fn new(code: u8, subcode: u8) -> Self {
        Self { code, subcode, data: Vec::new() }
    }

    /// The same error with diagnostic data.
    pub fn with(mut self, data: &[u8]) -> Self {
        self.data = data.to_vec();
        self
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend([self.code, self.subcode]);
        out.extend(&self.data);
    }

    /// The frame's length was checked, so a short body cannot occur; it reads as 0/0.
    pub(super) fn decode(body: &[u8]) -> Self {
        let mut reader = Reader::new(body);
        let (code, subcode) = (reader.u8().unwrap_or(0), reader.u8().unwrap_or(0));
        Self { code, subcode, data: reader.rest().to_vec() }
    }
}
