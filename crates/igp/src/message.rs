//! What travels between neighbouring routers, one message per UDP datagram, encoded with postcard.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The longest flooded LSP: fits an Ethernet frame with IPv6 and UDP headers to spare.
pub const LSP_LEN_MAX: usize = 1400;

/// One datagram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Finds, greets and keeps neighbours.
    Hello(Hello),
    /// A part of the database.
    Flood(Lsp),
    /// "I have this router's LSP with this sequence number."
    Ack(IpAddr, u64),
}

/// Who is there, and whom it heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The sender's name in the database.
    pub router: IpAddr,
    /// Its addresses on the link: next hops, at most one per family.
    pub addresses: Vec<IpAddr>,
    /// Changes when the sender restarts.
    pub instance: u64,
    /// The receiver's instance, once the sender has heard it: what makes the handshake three-way.
    pub heard: Option<u64>,
    /// The sender has no adjacency yet and wants an answer.
    pub asks: bool,
}

/// What a router says about itself (a link-state PDU). The higher sequence number is the newer one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lsp {
    /// Whose it is.
    pub origin: IpAddr,
    /// Grows with every change.
    pub sequence: u64,
    /// Do not pass through me.
    pub overload: bool,
    /// Its adjacencies.
    pub links: Vec<Link>,
    /// Prefixes at it, with the cost from it.
    pub prefixes: Vec<(IpNet, u32)>,
}

/// One direction of an adjacency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The router at the other end.
    pub neighbour: IpAddr,
    /// Cost of going there.
    pub metric: u32,
}

impl Message {
    /// The datagram.
    ///
    /// # Errors
    /// Never in practice: postcard fails only on types that these are not.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }

    /// Reads a datagram.
    ///
    /// # Errors
    /// Bytes that are no message, or more than one.
    pub fn decode(bytes: &[u8]) -> Result<Self, postcard::Error> {
        match postcard::take_from_bytes(bytes)? {
            (message, []) => Ok(message),
            _ => Err(postcard::Error::DeserializeBadEncoding),
        }
    }
}
