//! BGP messages as bytes, both ways, with no I/O.
//!
//! - `message`: framing and the message enum (start here)
//! - `open`, `update`, `notification`: one message each
//! - `as_path`, `attributes`: path attributes; `defects`: reading them under RFC 7606
//! - `family`: address families and prefixes; `reader`: the checked cursor under it all

mod as_path;
mod attributes;
mod defects;
mod family;
mod message;
mod notification;
mod open;
mod reader;
#[cfg(test)]
mod tests;
mod update;

pub(crate) use as_path::two_octets;
pub use as_path::{AsPath, Segment};
pub use attributes::{Aggregator, Attributes, Origin, RawAttribute};
pub use defects::{Defect, Verdict};
pub use family::Family;
pub use message::{EncodeError, HEADER_LEN, MESSAGE_LEN_MAX, Message, Peering, encode_updates, frame_length};
pub use notification::Notification;
pub use open::{AS_TRANS, Capability, Open, RoleCapability};
pub use update::{Reachable, Update};
