//! Events: what a service wants the run's record to remember. In a simulation they are appended, as bytes, to
//! the log that the run's hash covers; in turmoil and on the operating system they go to `tracing`. What is recorded in a
//! simulation can be followed there, too.

use crate::backend::{self, Backend};
use serde::{Serialize, de::DeserializeOwned};
use std::cell::RefCell;
use std::fmt::Debug;

thread_local! {
    /// Room for one event, so that emitting allocates nothing.
    static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One small enum per crate: decisions, refusals and failures with their reason, no chatter (a record costs
/// memory).
pub trait Event: Serialize + DeserializeOwned + Debug {
    /// The crate's short name, such as `"dns"`. Unique in a run.
    const KIND: &'static str;
}

/// Records `event` under the current host and time.
///
/// # Panics
/// Outside any backend, and when the event cannot be serialised (a sequence of unknown length).
pub fn emit<E: Event>(event: &E) {
    match backend::expect() {
        Backend::Engine => {
            // The subscriber of a command says when and where.
            tracing::debug!(target: "blackstart::event", kind = E::KIND, ?event);
            record(E::KIND, event);
        }
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => trace(host.name(), event),
        Backend::Os(host) => trace(host.name(), event),
    }
}

fn trace<E: Event>(host: &str, event: &E) {
    tracing::info!(target: "blackstart::event", host, kind = E::KIND, ?event);
}

/// Appends to the log of the simulation that the caller is in.
pub(crate) fn record(kind: &'static str, event: &impl Serialize) {
    // Taken, not borrowed: whoever watches the log may emit in turn.
    let mut room = ROOM.take();
    room.clear();
    match postcard::to_extend(event, room) {
        Ok(bytes) => {
            blackstart_sim::record::emit(kind, &bytes);
            ROOM.set(bytes);
        }
        Err(error) => panic!("an event of {kind:?} cannot be recorded: {error}"),
    }
}

/// The event behind a record's kind and bytes; `None` when the record is of another kind.
///
/// # Errors
/// When the bytes are not an `E`, as in a log of another version.
pub fn decode<E: Event>(kind: &str, bytes: &[u8]) -> Option<Result<E, postcard::Error>> {
    (kind == E::KIND).then(|| postcard::from_bytes(bytes))
}
