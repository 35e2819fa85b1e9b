//! Link-state interior routing: flooding, shortest paths, overload bit.
//!
//! Every router describes its own links and prefixes in one LSP, floods it, and computes shortest paths over
//! everybody's. The ideas are those of IS-IS (ISO 10589) and OSPF (RFC 2328); the wire format is our own and
//! private to the simulated AS. Deliberately absent: areas, LSP ageing, LSP fragments, and more than one link
//! between the same two routers.
//!
//! - [`router`]: the machine, without sockets or clocks (start here)
//! - `link`: one link's carrier, adjacency and unacknowledged floods
//! - [`spf`]: shortest paths over a database; [`message`]: what travels
//! - [`config`]: what a router is told; [`event`]: what it reports
//! - [`run`] (in `shell`): the machine on `rt`: UDP, ports, timers, forwarding table

pub mod config;
pub mod event;
mod link;
pub mod message;
pub mod router;
mod shell;
pub mod spf;

pub use config::Config;
pub use event::Event;
pub use shell::run;
