//! Benchmark programs of the engine: one run each, one line of JSON on standard output, what was counted on standard
//! error. `cargo xtask bench` runs them beside those of other engines.
//!
//! The stop watch starts before the first node is added and stops at the run's end, so it covers building the world;
//! it does not cover dropping it, which most engines never do.
//!
//! - [`workload`]: W(N), on direct links ([`mesh`]) or over routers ([`routed`])
//! - [`quiet`]: hours of silence
//! - [`bulk`]: one connection at full speed

mod bulk;
mod mesh;
mod quiet;
mod routed;
#[path = "../../common/w.rs"]
mod w;
mod workload;

use bench_common::outcome::Outcome;
use blackstart_sim::Sim;
use clap::Parser;
use std::time::Duration;
use workload::{on_message, spawn};

/// The sockets that `w.rs` runs on.
mod net {
    pub(crate) use blackstart_rt::net::{TcpListener, TcpStream, UdpSocket};
}

/// The timers that `w.rs` runs on.
mod time {
    pub(crate) use blackstart_rt::time::{Instant, interval_at, sleep, timeout};
}

type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
#[command(about = "Benchmark programs of the engine")]
enum Program {
    /// The workload W(N)
    W(workload::W),
    /// Three hosts that send a datagram a minute
    Quiet(quiet::Quiet),
    /// One TCP connection at full speed
    Bulk(bulk::Bulk),
}

fn main() -> Result<(), Failure> {
    match Program::parse() {
        Program::W(w) => w.run(),
        Program::Quiet(quiet) => quiet.run(),
        Program::Bulk(bulk) => bulk.run(),
    }
}

fn outcome(sim: &Sim, n: usize, simulated: Duration, wall: Duration) -> Outcome {
    let (packets, hash) = (sim.packets(), Some(sim.log_hash()));
    Outcome { engine: "blackstart".to_owned(), n, sim: simulated, wall, packets, hash }
}
