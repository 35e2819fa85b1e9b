//! What chat records: who was turned away and why, and when a laptop lost or found its chat.

use blackstart_rt as rt;
use serde::{Deserialize, Serialize};

/// A refusal of the server, or a change that a client noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The server refused a login.
    LoginRefused {
        /// The nickname that asked.
        nick: String,
        /// Why.
        why: LoginRefusal,
    },
    /// A client is in its channel.
    Online {
        /// Its nickname.
        nick: String,
    },
    /// A client is not, or for another reason than before.
    Offline {
        /// Its nickname.
        nick: String,
        /// Why.
        why: Why,
    },
    /// A client's message came back from the server, which had put it on its disk before.
    Acknowledged {
        /// Its nickname.
        nick: String,
        /// Where it was said.
        channel: String,
        /// What was said.
        text: String,
    },
}

/// Why the server refused a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LoginRefusal {
    /// No session token came with the login.
    #[error("sign in first")]
    NoToken,
    /// The sign-in service does not know the token, or no longer.
    #[error("session refused: {0}")]
    BadToken(String),
    /// The sign-in service could not be asked.
    #[error("nobody vouches: {0}")]
    SignInUnreachable(String),
}

/// Why a client is offline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// The server's name does not resolve.
    Dns(String),
    /// The server cannot be connected to.
    Connect(String),
    /// The server turned the client away.
    Refused(String),
    /// The connection broke.
    Lost(String),
    /// What the server shows of itself is not believed.
    Certificate(String),
}

impl rt::Event for Event {
    const KIND: &'static str = "chat";
}
