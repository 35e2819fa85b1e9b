//! The workload W(N) on the network of turmoil-net 0.1.0, which brings hosts and sockets but no clock: [`driver`] jumps
//! from event to event inside paused tokio.

mod driver;
#[path = "../../common/w.rs"]
mod w;

use bench_common::outcome;
use bench_common::plan::{self, Size};
use clap::Parser;
use driver::{Driver, Totals, spawn};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use tokio::task::LocalSet;
use turmoil_net::{KernelConfig, Net, Packet, Verdict};

mod net {
    pub(crate) use turmoil_net::shim::tokio::net::{TcpListener, TcpStream, UdpSocket};
}

mod time {
    pub(crate) use tokio::time::{Instant, interval_at, sleep, timeout};
}

fn on_message(_bytes: usize) {}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() {
    let Arguments { size } = Arguments::parse();
    let started = Instant::now();
    let (wall, totals) = run(size, started);
    outcome::finish("turmoil-net", size, wall, Some(totals.packets), Some(totals.hash));
}

/// The stop watch is read before anything is dropped.
fn run(size: Size, started: Instant) -> (Duration, Totals) {
    // Retransmissions are counted in passes of the driver, which says nothing about time: never retransmit.
    let mut net = Net::with_config(KernelConfig::default().retx_threshold(u32::MAX));
    let hosts: Vec<_> = (0..size.n.into()).map(|i| net.add_host(plan::address(i))).collect();
    net.rule(|packet: &Packet| Verdict::Deliver(latency(packet)));
    let guard = net.enter();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let tasks = LocalSet::new();
        for (i, host) in hosts.into_iter().enumerate() {
            tasks.spawn_local(driver::on_host(host, w::host(size.ring(), i)));
        }
        let totals = tasks.run_until(Driver::new(&guard, size.simulated())).await;
        (started.elapsed(), totals)
    })
}

fn latency(packet: &Packet) -> Duration {
    plan::latency(plan::host_of(v4(packet.src)), plan::host_of(v4(packet.dst)))
}

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(address) => panic!("all hosts have IPv4 addresses, not {address}"),
    }
}
