//! What can be wrong with the description of a simulation.

use std::net::IpAddr;
use std::time::Duration;

/// A mistake in the description of a simulation. Nothing of the refused call has taken effect.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The thread already runs a simulation; drop that one first.
    #[error("this thread already has a simulation; drop it before making another")]
    Busy,
    /// Two nodes cannot share a name: draws and records are keyed by it.
    #[error("there is already a node called {0:?}")]
    DuplicateNode(String),
    /// A node without a name.
    #[error("a node needs a name")]
    EmptyName,
    /// An address that no machine can own.
    #[error("node {node:?} cannot own the address {address}: not a unicast address of the network")]
    BadAddress {
        /// The node's name.
        node: String,
        /// The address refused.
        address: IpAddr,
    },
    /// No node has this number.
    #[error("there is no node number {0}")]
    UnknownNode(u32),
    /// No link has this number.
    #[error("there is no link number {0}")]
    UnknownLink(u32),
    /// A link must join two nodes.
    #[error("node {0:?} cannot be linked to itself")]
    SelfLink(String),
    /// Two ports of one node with one name.
    #[error("node {node:?} already has a port called {port:?}; name the port of one of the links")]
    DuplicatePort {
        /// The node's name.
        node: String,
        /// The port's name.
        port: String,
    },
    /// The node has no port of this name.
    #[error("node {node:?} has no port called {port:?}")]
    UnknownPort {
        /// The node's name.
        node: String,
        /// The port's name.
        port: String,
    },
    /// Something of a link or a disk that should be a probability.
    #[error("a probability of {value} for {what} is not between 0 and 1")]
    BadProbability {
        /// What happens with it.
        what: &'static str,
        /// The value refused.
        value: f64,
    },
    /// No IPv4 link has an MTU below 68 bytes.
    #[error("an MTU of {0} bytes is below the 68 that IP needs")]
    BadMtu(u16),
    /// A link that carries nothing: block it instead.
    #[error("a bandwidth of 0 bits/s carries nothing; block the link instead")]
    NoBandwidth,
    /// A flapping link must be down for a while and up for a while.
    #[error(
        "a link that flaps every {period:?} cannot be down for {down:?} of it: both states need at least 1 ms"
    )]
    BadFlap {
        /// How long it should be down.
        down: Duration,
        /// From one loss of light to the next.
        period: Duration,
    },
    /// No clock gains or loses that much.
    #[error("a drift of {0} ppm is not between -100,000 and 100,000")]
    BadDrift(f64),
    /// The machine is off.
    #[error("node {0:?} has no power")]
    NoPower(String),
    /// The node's program starts no service of this name.
    #[error("the program of node {node:?} starts no service called {service:?}")]
    UnknownService {
        /// The node's name.
        node: String,
        /// The service's name.
        service: String,
    },
    /// A latency whose parameters make no sense.
    #[error("a latency {0} makes no sense")]
    BadLatency(String),
    /// [`Driver::Tokio`](crate::Driver::Tokio) fixes the seed of tokio's own choices, which tokio offers only to builds
    /// with its flag.
    #[error(
        "the tokio driver needs a build with `--cfg tokio_unstable`, for the seed of tokio's own choices: set \
         RUSTFLAGS=\"--cfg tokio_unstable\", or `rustflags = [\"--cfg\", \"tokio_unstable\"]` under `[build]` in \
         .cargo/config.toml; the native driver needs neither"
    )]
    TokioUnstable,
    /// [`Driver::Tokio`](crate::Driver::Tokio) brings its own runtime, and runtimes do not nest.
    #[error("the tokio driver cannot run inside a tokio runtime; the native driver can")]
    InsideTokio,
    /// Tokio's runtime could not be built.
    #[error("tokio's runtime could not be built: {0}")]
    TokioRuntime(String),
    /// Called where no simulation exists.
    #[error("there is no simulation on this thread")]
    NoSimulation,
}
