//! The management plane of a router: its configurations, and the two doors to them.
//!
//! - [`core`]: what each command does, as a pure state machine.
//! - [`command`]: the command language.

pub mod command;
pub mod core;
