//! Benchmark programs of the engine: one run each, one line of JSON on standard output, what was counted on standard
//! error. `cargo xtask bench` runs them beside those of other engines.
//!
//! The stop watch starts before the first node is added and stops at the run's end, so it covers building the world;
//! it does not cover dropping it, which most engines never do.
//!
//! - [`mesh`]: W on direct links

mod mesh;
#[path = "../../common/w.rs"]
mod w;

use bench_common::count::Counts;
use bench_common::outcome::Outcome;
use bench_common::plan::{SIM_SECS, SIM_SECS_MIN, Workload};
use blackstart_rt as rt;
use blackstart_sim::{Config, Sim, Time, control};
use clap::{Args, Parser, Subcommand};
use std::future::Future;
use std::time::{Duration, Instant};

/// What `w.rs` runs on.
mod net {
    pub(crate) use blackstart_rt::net::{TcpListener, TcpStream, UdpSocket};
}
mod time {
    pub(crate) use blackstart_rt::time::{Instant, interval_at, sleep, timeout};
}
fn spawn(future: impl Future<Output = ()> + 'static) {
    rt::task::spawn("w", future);
}
fn on_message(_bytes: usize) {}

type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
#[command(about = "Benchmark programs of the engine")]
struct Arguments {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// The workload W(N)
    W(W),
}

#[derive(Args)]
struct W {
    /// Hosts
    #[arg(value_parser = clap::value_parser!(u16).range(8..))]
    n: u16,
    /// Simulated seconds
    #[arg(default_value_t = SIM_SECS, value_parser = clap::value_parser!(u64).range(SIM_SECS_MIN..))]
    secs: u64,
    /// Bytes of each of a TCP connection's two buffers
    #[arg(long, default_value_t = 4096)]
    tcp_buffer: usize,
    /// Every host connects to host 0 instead of to its neighbours
    #[arg(long)]
    hub: bool,
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().program {
        Program::W(w) => w.run(),
    }
}

impl W {
    fn run(&self) -> Result<(), Failure> {
        let workload = Workload { hosts: self.n.into(), hub: self.hub };
        let started = Instant::now();
        let mut sim = Sim::new(Config { seed: 1, tcp_buffer: self.tcp_buffer, ..Config::default() })?;
        for (i, host) in mesh::build(&sim, workload)?.into_iter().enumerate() {
            control::spawn_on(host, "w", w::host(workload, i));
        }
        sim.run_until(Time::from_secs(self.secs));
        let wall = started.elapsed();
        let counts = Counts::now();
        eprintln!("TCP buffers: 2 x {} bytes per connection; {counts}", self.tcp_buffer);
        counts.check(workload, self.secs)?;
        println!("{}", outcome(&sim, workload.hosts, Duration::from_secs(self.secs), wall));
        Ok(())
    }
}

fn outcome(sim: &Sim, n: usize, simulated: Duration, wall: Duration) -> Outcome {
    let (packets, hash) = (sim.packets(), Some(sim.log_hash()));
    Outcome { engine: "blackstart".to_owned(), n, sim: simulated, wall, packets, hash }
}
