//! Draws. In a simulation the n-th draw of a stream depends on (seed, host, stream name, which opening, n)
//! alone, so one more host or one more stream shifts nobody else's draws.
//!
//! On the operating system every stream starts from 64 bits of its randomness. That is for jitter and choice,
//! not for secrets.

use crate::backend::{self, Backend};

pub use blackstart_sim::draw::Stream;

/// The current host's stream called `name`. Opening a name again gives another stream.
///
/// # Panics
/// Outside any backend, and when the operating system refuses to give random bytes.
pub fn stream(name: &str) -> Stream {
    match backend::expect() {
        Backend::Engine => blackstart_sim::draw::stream(name),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => host.stream(name),
        Backend::Os(_) => match getrandom::u64() {
            Ok(seed) => Stream::new(seed, name),
            Err(error) => panic!("the operating system gave no random bytes: {error}"),
        },
    }
}
