//! Events: what a service wants the run's record to remember. In a simulation they are appended, as bytes, to
//! the log that the run's hash covers; on the operating system they go to `tracing`.

use crate::backend::{self, Backend};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// One small enum per crate: decisions, refusals and failures with their reason, no chatter (a record costs
/// memory).
pub trait Event: Serialize + DeserializeOwned + Debug {
    /// The crate's short name, such as `"dns"`. Unique in a run.
    const KIND: &'static str;
}

/// Records `event` under the current host and time.
///
/// # Panics
/// Outside any backend.
pub fn emit<E: Event>(event: &E) {
    match backend::expect() {
        Backend::Os(host) => {
            tracing::info!(target: "blackstart::event", host = host.name(), kind = E::KIND, ?event);
        }
    }
}

/// The event behind a record's kind and bytes; `None` when the record is of another kind.
///
/// # Errors
/// When the bytes are not an `E`, as in a log of another version.
pub fn decode<E: Event>(kind: &str, bytes: &[u8]) -> Option<Result<E, postcard::Error>> {
    (kind == E::KIND).then(|| postcard::from_bytes(bytes))
}
