//! The workload W(N) on turmoil 0.7.2. It steps through time in ticks, so that its cost is that of the hours, not of
//! what happens in them: run a part and scale it.

#[path = "../../common/w.rs"]
mod w;

use bench_common::outcome;
use bench_common::plan::{self, Size};
use clap::Parser;
use std::future::Future;
use std::time::{Duration, Instant};

mod net {
    pub(crate) use turmoil::net::{TcpListener, TcpStream, UdpSocket};
}

mod time {
    pub(crate) use tokio::time::{Instant, interval_at, sleep, timeout};
}

fn spawn(future: impl Future<Output = ()> + 'static) {
    tokio::task::spawn_local(future);
}

fn on_message(_bytes: usize) {}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
    /// Milliseconds of a tick
    #[arg(long, default_value_t = 10)]
    tick_ms: u64,
}

/// Packets that a socket may hold; the default of 64 is too few for larger N.
const CAPACITY: usize = 1024;

fn main() {
    let Arguments { size, tick_ms } = Arguments::parse();
    let started = Instant::now();
    let mut sim = build(size, Duration::from_millis(tick_ms));
    while sim.elapsed() < size.simulated() {
        sim.step().unwrap();
    }
    outcome::finish(&format!("turmoil/{tick_ms}ms"), size, started.elapsed(), None, None);
}

fn build(size: Size, tick: Duration) -> turmoil::Sim<'static> {
    let mut builder = turmoil::Builder::new();
    builder.tick_duration(tick).simulation_duration(Duration::MAX).rng_seed(1);
    let mut sim = builder.tcp_capacity(CAPACITY).udp_capacity(CAPACITY).build();
    for i in 0..size.n.into() {
        sim.host(plan::address(i), move || async move {
            w::host(size.ring(), i).await;
            Ok(())
        });
        (0..i).for_each(|j| sim.set_link_latency(plan::address(i), plan::address(j), plan::latency(i, j)));
    }
    sim
}
