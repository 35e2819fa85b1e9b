//! A small night of two hosts on `rt`: TCP and UDP over a lossy link, draws, a disk, a crash and an abort.

use blackstart_rt as rt;
use blackstart_sim::{Config, Driver, Latency, LinkSpec, NodeSpec, Sim, Time};
use rt::net::{TcpListener, TcpStream, UdpSocket};
use rt::task::spawn;
use rt::time::{interval, sleep, timeout};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Event {
    Greeted { host: String, tick: u32, answer: String },
    Datagram { bytes: usize, from: SocketAddr },
    Lost,
    Joined { panicked: bool },
    Drew { share: f64, unix: Duration },
    Counted { sum: u32 },
}

impl rt::Event for Event {
    const KIND: &'static str = "night";
}

const SERVER: &str = "2001:db8::2";

/// Runs the night and answers its log hash.
pub(crate) fn run(seed: u64) -> u64 {
    run_on(Driver::Native, seed)
}

/// The same on a driver of choice.
pub(crate) fn run_on(driver: Driver, seed: u64) -> u64 {
    let mut sim = build(driver, seed);
    sim.run_until(Time::from_secs(60));
    assert!(sim.record_count() > 20, "{} records: too few to prove anything", sim.record_count());
    sim.log_hash()
}

/// The night, ready to run.
fn build(driver: Driver, seed: u64) -> Sim {
    let epoch = Duration::from_secs(1_633_361_958);
    let sim = Sim::new(Config { seed, epoch, driver, ..Config::default() }).unwrap();
    let client = sim.add_node(host("client", &["192.0.2.1", "2001:db8::1"])).unwrap();
    let server = sim.add_node(host("server", &["192.0.2.2", SERVER])).unwrap();
    let latency = Latency::Uniform { min: Duration::from_millis(2), max: Duration::from_millis(9) };
    sim.add_link(LinkSpec::new(client, server).latency(latency).loss(0.1)).unwrap();
    sim.set_program(client, || {
        spawn("client", ask());
    })
    .unwrap();
    sim.set_program(server, || {
        spawn("tcp", greet());
        spawn("udp", echo());
    })
    .unwrap();
    sim
}

fn host(name: &str, addresses: &[&str]) -> NodeSpec {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    NodeSpec { name: name.to_owned(), addresses, forwards: false }
}

async fn greet() -> io::Result<()> {
    let listener = TcpListener::bind("[::]:7").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        spawn("greeting", async move {
            let mut name = String::new();
            stream.read_to_string(&mut name).await?;
            rt::disk::append("guests", name.as_bytes()).await?;
            stream.write_all(format!("hello {name}").as_bytes()).await
        });
    }
}

async fn echo() -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:9").await?;
    let mut buffer = [0; 2048];
    loop {
        let (length, peer, local) = socket.recv_from_to(&mut buffer).await?;
        rt::emit(&Event::Datagram { bytes: length, from: peer });
        socket.reply_from(&buffer[..length], local, peer).await?;
    }
}

async fn ask() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    spawn("pings", ping(sender));
    spawn("count", count());
    let crashed = spawn("crash", async { panic!("a crash is recorded and the run goes on") });
    let crashed: Result<(), _> = crashed.await;
    rt::emit(&Event::Joined { panicked: crashed.is_err_and(|error| error.is_panic()) });
    let aborted = spawn("wait", std::future::pending::<()>());
    let mut ticks = interval(Duration::from_secs(3));
    for tick in 0..15 {
        rt::select! {
            lost = receiver.recv() => if lost.is_some() { rt::emit(&Event::Lost) },
            _ = ticks.tick() => {
                let answer = call(tick).await.unwrap_or_else(|error| error.kind().to_string());
                rt::emit(&Event::Greeted { host: rt::host_name(), tick, answer });
            }
        }
    }
    aborted.abort();
    rt::emit(&Event::Joined { panicked: aborted.await.is_err_and(|error| error.is_panic()) });
}

/// More steps through channels of tokio than tokio lets a task of its own take at once.
async fn count() {
    let (sender, mut receiver) = mpsc::channel(1);
    spawn("numbers", async move {
        for n in 0..1_000 {
            sender.send(n).await.unwrap();
        }
    });
    let mut sum = 0;
    while let Some(n) = receiver.recv().await {
        sum += n;
    }
    rt::emit(&Event::Counted { sum });
}

async fn call(tick: u32) -> io::Result<String> {
    let server: IpAddr = SERVER.parse().unwrap();
    let mut stream = TcpStream::connect(SocketAddr::new(server, 7)).await?;
    stream.write_all(format!("guest {tick}").as_bytes()).await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn ping(lost: mpsc::UnboundedSender<()>) -> io::Result<()> {
    let mut draws = rt::rand::stream("pings");
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.connect("192.0.2.2:9").await?;
    loop {
        sleep(draws.between(Duration::from_millis(100), Duration::from_secs(2))).await;
        let bytes = vec![0x42; draws.below(1_000) as usize];
        rt::emit(&Event::Drew { share: draws.unit(), unix: rt::time::unix_now() });
        socket.send(&bytes).await?;
        if timeout(Duration::from_millis(500), socket.recv(&mut [0; 2048])).await.is_err() {
            let _ = lost.send(());
        }
    }
}
