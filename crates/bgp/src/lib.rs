//! BGP-4: codec, session state machine, RIBs, best path, speaker.
//!
//! The protocol is three machines without I/O and one shell that connects them to a network.
//!
//! - [`run`] (in `speaker`): a speaker on `rt`, simulated or real (start here)
//! - [`config`]: what it is told; [`control`]: what it can be told later; [`event`]: what it reports
//! - [`wire`]: messages as bytes; [`session`]: the state machine of one session; [`rib`]: routes, decision, policy
//!
//! Deliberately absent: route refresh, graceful restart, confederations, multipath, prefix limits.

pub mod config;
pub mod control;
pub mod event;
pub mod rib;
pub mod session;
mod speaker;
pub mod wire;

pub use config::Config;
pub use event::Event;
pub use speaker::run;
