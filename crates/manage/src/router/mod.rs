//! The management plane of a router: its configurations, and the two doors to them.
//!
//! - [`Router`], [`run`]: the service, on sockets, clock, disk and ports (in `shell`). Start here.
//! - [`core`]: what each command does, as a pure state machine.
//! - [`command`]: the command language.
//! - `tools`: `ping` and `traceroute`.

pub mod command;
pub mod core;
mod shell;
mod tools;

pub use shell::{Config, Router, SAVED_FILE, run};
