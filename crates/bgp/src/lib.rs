//! BGP-4: codec, session state machine, RIBs, best path, speaker.

pub mod config;
pub mod session;
pub mod wire;
