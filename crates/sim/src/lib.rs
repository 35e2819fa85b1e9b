//! The deterministic engine: machines, networks and tasks in virtual time. Same seed, same run, to the byte.
//!
//! A run jumps from event to event and never ticks. Everything that happens is in one queue, ordered by (time,
//! sequence); everything drawn is keyed by (seed, stable name, counter); everything recorded is hashed, with every
//! packet that crosses a link.
//!
//! Start at [`Sim`]. Services do not use this crate but `blackstart_rt`, which stands on it.
//!
//! For those who build and run simulations:
//! - [`Sim`], [`Config`], [`Driver`]: building, running, reading records (module `sim`)
//! - [`NodeSpec`], [`LinkSpec`], [`WaySpec`]: machines, what joins them, and each direction of that
//! - [`control`]: power, ports, links, routes, services, from outside
//! - [`capture`]: pcapng files of what passes
//! - [`drops`]: what was dropped, where and why
//! - [`canary`]: planted bugs, for tests of what finds bugs
//! - [`Error`]: what can be wrong with the description of a simulation (module `error`)
//!
//! For the code inside, in the context of the current node:
//! - [`task`]: spawn, join, who am I
//! - [`time`]: the clock and timers
//! - [`net`]: TCP, UDP, and ICMP echo
//! - [`fib`], [`link`]: the forwarding table and the ports
//! - [`ailment`]: how the current service is to answer while a fault lies on it
//! - [`disk`]: files that survive a loss of power once synced
//! - [`draw`]: streams of draws
//! - [`record`]: the log
//!
//! How it works, from below: `hash`, `clock`, `queue`, `cpu`, `exec` (tasks), `world` (the thread's one world, and the
//! rule about borrowing it), `packet` (bytes), `checksum`, `tcb` (one end of a TCP connection), `stack` (sockets), `node`,
//! `fabric` (links and forwarding), `air` (packets on their way), `power`, `pause`, `watch`, `driver` (the same run
//! inside a tokio runtime).

pub mod ailment;
mod air;
pub mod canary;
pub mod capture;
mod checksum;
mod clock;
pub mod control;
mod cpu;
pub mod disk;
pub mod draw;
mod driver;
pub mod drops;
mod error;
mod exec;
mod fabric;
pub mod fib;
mod hash;
pub mod link;
pub mod net;
mod node;
mod packet;
mod pause;
mod power;
mod queue;
pub mod record;
mod sim;
mod stack;
pub mod task;
mod tcb;
pub mod time;
mod watch;
mod world;

pub use driver::Driver;
pub use error::Error;
pub use fabric::{Bandwidth, Direction, GilbertElliott, Latency, LinkId, LinkSpec, Loss, WaySpec};
pub use node::{DropCause, NodeId, NodeSpec};
pub use record::{Emitter, Record};
pub use sim::{Config, Congestion, Sim};
pub use time::Time;
pub use watch::Watch;

/// An ordered map: hashed ones iterate differently in each process.
pub use std::collections::BTreeMap as Map;
/// An ordered set: hashed ones iterate differently in each process.
pub use std::collections::BTreeSet as Set;
