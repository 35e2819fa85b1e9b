//! The machines on `rt`: one task for the routes, one for each session, one for each listening socket.
//!
//! All that can change the routes arrives in one queue and is handled by one task, so a run is its inputs.
//!
//! - `run`: wiring and the routes' task (start here)
//! - `origination`: which of our prefixes are announced now
//! - `peer`: one session's task; `connection`: its bytes
//! - `listen`: sockets, those of control included

mod connection;
mod listen;
mod origination;
mod peer;
mod run;

pub use run::run;
