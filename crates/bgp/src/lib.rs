//! BGP-4: codec, session state machine, RIBs, best path, speaker.

pub mod config;
pub mod rib;
pub mod session;
pub mod wire;
