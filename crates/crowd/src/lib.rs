//! Load as a fluid: rates that stand for the packets of millions.
//!
//! A crowd is never simulated packet by packet. A few sampled clients send real ones; what they see tells how the crowd
//! behind them fares, and the crowd's rates travel the same network to the same servers, as one datagram now and then (a
//! [`Claim`]). Where packets do not get, no load gets.
//!
//! - [`population`]: people who use one product: how often they try, retry, give up, come back. Start here.
//! - [`claim`]: rates on their way from those who make them to those who bear them
//! - [`queue`]: a server under a rate: capacity, waiting, shedding; and the cache before it
//! - [`ear`]: hearing and telling claims on sockets
//!
//! The first three are pure: rates and the time go in, rates come out. No function here uses more than `+ - * /`, so that the
//! numbers are the same on every machine.

pub mod claim;
pub mod ear;
pub mod population;
pub mod queue;

pub use claim::{Claim, Claims};
pub use population::{Demand, Habits, Population, Seen};
pub use queue::{Cache, CacheConfig, Capacity, Queue};

/// How often whoever makes load, or passes it on, looks at how much that is.
pub const STEP: std::time::Duration = std::time::Duration::from_secs(60);
