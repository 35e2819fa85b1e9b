//! A user's own service joins a run: one file, written for tokio, compiled three times.
//!
//! - [`service`](in_a_run::service): the file. What differs is where its `net` and its `spawn` come from.
//! - [`in_a_run`]: `blackstart::net` and `blackstart::task::spawn`, on the tokio driver
//! - [`in_turmoil`]: `turmoil::net` and `tokio::spawn`, as hosts of a plain `turmoil::Sim`
//! - [`on_loopback`]: `tokio::net` and `tokio::spawn`, on the machine's own sockets
#![expect(clippy::duplicate_mod, reason = "one file compiled three times is the point")]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]
#![expect(
    clippy::disallowed_methods,
    reason = "services of users call tokio; that this is fine is what is tested"
)]

mod in_a_run;
mod in_turmoil;
mod on_loopback;
