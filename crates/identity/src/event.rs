//! What the sign-in service records.

use blackstart_rt as rt;
use serde::{Deserialize, Serialize};

use crate::account::Denial;
use crate::session::Refusal;

/// A decision of the sign-in service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A session was issued and is on the disk.
    SignedIn {
        /// Whose session.
        account: String,
    },
    /// A sign-in was denied.
    Denied {
        /// The account that was typed, known or not.
        account: String,
        /// Why.
        reason: Denial,
    },
    /// A service asked for a token that does not hold.
    TokenRefused {
        /// Why.
        reason: Refusal,
    },
    /// A session could not be stored, so it was not issued.
    StorageFailed {
        /// The disk's error.
        error: String,
    },
}

impl rt::Event for Event {
    const KIND: &'static str = "identity";
}
