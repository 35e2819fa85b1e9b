//! The workload W(N) on madsim 0.2.34, which draws the latency of each message between 10 and 50 ms. It has no
//! packets: messages of the application are counted.

#[path = "../../common/w.rs"]
mod w;

use bench_common::outcome;
use bench_common::plan::{self, Size};
use clap::Parser;
use madsim::runtime::{Handle, Runtime};
use std::future::Future;
use std::mem;
use std::net::IpAddr;
use std::time::{Duration, Instant};

mod net {
    pub(crate) use madsim::net::{TcpListener, TcpStream};
    use std::io;
    use std::net::SocketAddr;

    /// As tokio has it: madsim's own takes the address first and answers no length.
    pub(crate) struct UdpSocket(madsim::net::UdpSocket);

    impl UdpSocket {
        pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
            madsim::net::UdpSocket::bind(address).await.map(Self)
        }

        pub(crate) async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
            self.0.send_to(to, bytes).await.map(|()| bytes.len())
        }

        pub(crate) async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
            self.0.recv_from(buffer).await
        }
    }
}

mod time {
    pub(crate) use madsim::time::{Instant, interval_at, sleep, timeout};
}

fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    madsim::task::spawn(future);
}

fn on_message(_bytes: usize) {}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() {
    let Arguments { size } = Arguments::parse();
    let mut config = madsim::Config::default();
    config.net.send_latency = Duration::from_millis(10)..Duration::from_millis(50);
    let started = Instant::now();
    Runtime::with_seed_and_config(1, config).block_on(async move {
        for i in 0..size.n.into() {
            let node = Handle::current().create_node().ip(IpAddr::V4(plan::address(i))).build();
            node.spawn(w::host(size.ring(), i));
            // A node whose handle is dropped is killed.
            mem::forget(node);
        }
        time::sleep(size.simulated()).await;
    });
    outcome::finish("madsim", size, started.elapsed(), None, None);
}
