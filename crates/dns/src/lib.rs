//! DNS: authority, caching recursive resolver, stub, health-steered announcement.
//!
//! Start with [`authority`] for how a server answers from zones, with [`resolver`] for how one finds out. Every
//! protocol decision is a pure core that takes bytes and the time; the `run` functions beside the cores are thin
//! shells over `blackstart_rt`.
//!
//! - [`message`]: the wire codec, and what a server makes of bytes that are no query
//! - [`zone`]: master files, and what a zone says about a name
//! - [`authority`]: answers from zones, referrals, negative answers, truncation
//! - [`resolver`]: iterates from the root, follows referrals and aliases, remembers
//! - [`stub`]: how every service above turns a name into addresses
//! - [`endpoint`]: where a service is, name or address, and the connection to it
//! - [`health`]: the check of the data centres that announces and withdraws the authority's prefixes
//! - `event`: what goes on the record ([`Event`])
//! - `labels`: names as they compare
//! - `ailing`: replies of a server on which a fault lies
//! - `load`, `shell`: counters by the minute; what the shells share

mod ailing;
pub mod authority;
pub mod endpoint;
mod event;
pub mod health;
mod labels;
mod load;
pub mod message;
pub mod resolver;
mod shell;
pub mod stub;
pub mod zone;

pub use event::{Event, Role};
pub use hickory_proto::rr::{Name, RData, Record, RecordType};
