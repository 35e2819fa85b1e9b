//! One TCP connection that carries as much as it can over a link of 10 Gbit/s and 1 ms, until the receiver has
//! everything.
//!
//! The link's queue has room for all that the buffers allow to be on its way, so nothing is lost and what the
//! connection carries is what the link carries.

use crate::{Failure, mesh, outcome};
use bench_common::plan;
use blackstart_rt::net::{TcpListener, TcpStream};
use blackstart_sim::{Bandwidth, Config, Latency, LinkSpec, Sim, Time, WaySpec, control};
use clap::Args;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PORT: u16 = 7;
const BITS_PER_S: u64 = 10_000_000_000;
const LATENCY: Duration = Duration::from_millis(1);
/// Bytes that the application hands over, or asks for, at a time.
const CHUNK: usize = 64 * 1024;
/// No transfer takes that long.
const END: Time = Time::from_secs(24 * 3_600);

#[derive(Args)]
pub(crate) struct Bulk {
    /// Millions of bytes
    #[arg(default_value_t = 2_000)]
    megabytes: usize,
    /// Bytes of each of the connection's two buffers; 10 Gbit/s and a round trip of 2 ms need 2,500,000. The link's
    /// queue is twice that: a window that leaves at once, with its headers, must fit
    #[arg(long, default_value_t = 4 << 20)]
    tcp_buffer: usize,
    /// The largest packet of the link, in bytes
    #[arg(long, default_value_t = 1500)]
    mtu: u16,
}

/// What the receiver saw.
#[derive(Default)]
struct Received {
    bytes: Cell<usize>,
    ended: Cell<Time>,
}

impl Bulk {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let bytes = self.megabytes * 1_000_000;
        let received = Rc::new(Received::default());
        let started = Instant::now();
        let mut sim = Sim::new(Config { seed: 1, tcp_buffer: self.tcp_buffer, ..Config::default() })?;
        let (sender, receiver) = (mesh::add_host(&sim, 0)?, mesh::add_host(&sim, 1)?);
        sim.add_link(LinkSpec::new(sender, receiver).both(self.way()))?;
        control::spawn_on(receiver, "receiver", receive(received.clone()));
        control::spawn_on(sender, "sender", send(bytes));
        sim.run_until(END);
        let wall = started.elapsed();
        if received.bytes.get() != bytes {
            return Err(format!("{} bytes arrived of {bytes}", received.bytes.get()).into());
        }
        let took = Duration::from_nanos(received.ended.get().as_nanos());
        self.explain(bytes as f64, took, wall);
        println!("{}", outcome(&sim, 2, took, wall));
        Ok(())
    }

    fn way(&self) -> WaySpec {
        let bandwidth = Bandwidth { bits_per_s: BITS_PER_S, queue_bytes: 2 * self.tcp_buffer as u64 };
        WaySpec { bandwidth: Some(bandwidth), mtu: self.mtu, ..WaySpec::with_latency(Latency::Fixed(LATENCY)) }
    }

    fn explain(&self, bytes: f64, took: Duration, wall: Duration) {
        let gbit_per_s = bytes * 8.0 / took.as_nanos() as f64;
        let mb_per_wall_s = bytes / 1e6 / wall.as_secs_f64();
        eprintln!(
            "TCP buffers: 2 x {} bytes; {gbit_per_s:.2} Gbit/s simulated, {mb_per_wall_s:.0} MB per wall second",
            self.tcp_buffer
        );
    }
}

async fn send(mut bytes: usize) -> io::Result<()> {
    let mut stream = TcpStream::connect(plan::socket_address(1, PORT)).await?;
    while bytes > 0 {
        let chunk = bytes.min(CHUNK);
        stream.write_all(&[1; CHUNK][..chunk]).await?;
        bytes -= chunk;
    }
    stream.shutdown().await
}

async fn receive(received: Rc<Received>) -> io::Result<()> {
    let (mut stream, _) = TcpListener::bind(plan::any(PORT)).await?.accept().await?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let bytes = stream.read(&mut chunk).await?;
        received.bytes.set(received.bytes.get() + bytes);
        if bytes == 0 {
            received.ended.set(Time::now());
            return Ok(());
        }
    }
}
