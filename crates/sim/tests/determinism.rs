//! Same seed, same bytes: on any thread, as the first run of a process or the hundredth.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::net::{TcpListener, TcpStream, UdpSocket};
use blackstart_sim::{Latency, Time, control, draw, record, task, time};
use common::{Net, sock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A small busy world: lossy links, a server, clients over TCP and UDP that draw, record, and lose their power.
fn busy(seed: u64) -> (u64, u64, u64) {
    let mut net = Net::line(seed, 4);
    let jitter = Latency::Uniform { min: Duration::from_micros(300), max: Duration::from_millis(9) };
    for link in 0..3 {
        control::set_link_latency(net.link(link), jitter).unwrap();
        control::set_link_loss(net.link(link), 0.03).unwrap();
    }
    net.program("n4", || {
        task::spawn("tcp", serve_tcp());
        task::spawn("udp", serve_udp());
    });
    net.program("n1", || {
        for _ in 0..5 {
            task::spawn("client", ask_for_ever());
        }
    });
    let n1 = net.node("n1");
    net.sim.spawn("fate", async move {
        time::sleep(Duration::from_secs(40)).await;
        control::power_off(n1).unwrap();
        time::sleep(Duration::from_secs(5)).await;
        control::power_on(n1).unwrap();
    });
    net.sim.run_until(Time::from_secs(120));
    (net.sim.log_hash(), net.sim.packets(), net.sim.record_count())
}

async fn serve_tcp() {
    let listener = TcpListener::bind(sock("0.0.0.0:80")).await.unwrap();
    while let Ok((mut stream, _)) = listener.accept().await {
        task::spawn("answer", async move {
            let mut question = [0; 64];
            while let Ok(n) = stream.read(&mut question).await
                && n > 0
                && stream.write_all(&question[..n]).await.is_ok()
            {}
        });
    }
}

async fn serve_udp() {
    let socket = UdpSocket::bind(sock("0.0.0.0:53")).await.unwrap();
    let mut question = [0; 512];
    while let Ok((n, peer)) = socket.recv_from(&mut question).await {
        socket.send_to(&question[..n], peer).await.unwrap();
    }
}

async fn ask_for_ever() {
    let mut draws = draw::stream("client");
    loop {
        time::sleep(draws.between(Duration::from_millis(1), Duration::from_secs(2))).await;
        let question = draws.next_u64().to_be_bytes();
        let answer = match draws.chance(0.5) {
            true => time::timeout(Duration::from_secs(5), over_tcp(&question)).await,
            false => time::timeout(Duration::from_secs(2), over_udp(&question)).await,
        };
        record::emit("test", &[u8::from(matches!(answer, Ok(Ok(()))))]);
    }
}

async fn over_tcp(question: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(sock("10.0.0.4:80")).await?;
    stream.write_all(question).await?;
    stream.read_exact(&mut [0; 8]).await.map(drop)
}

async fn over_udp(question: &[u8]) -> std::io::Result<()> {
    let socket = UdpSocket::bind(sock("0.0.0.0:0")).await?;
    socket.send_to(question, sock("10.0.0.4:53")).await?;
    socket.recv_from(&mut [0; 8]).await.map(drop)
}

const PINNED: u64 = 0xbc43_19cb_764c_1985;

#[test]
fn same_seed_same_hash_wherever_and_whenever() {
    let first = busy(11);
    assert!(first.1 > 1000 && first.2 > 100, "the world is not busy: {first:?}");
    // Equal in every process, debug and release. Changes when the engine's behaviour does.
    assert_eq!(first.0, PINNED, "{:#x}", first.0);
    assert_eq!(busy(11), first);
    assert_ne!(busy(12).0, first.0);
    for n in 0..10 {
        busy(100 + n);
    }
    assert_eq!(busy(11), first, "earlier runs of the thread must not matter");
    #[expect(clippy::disallowed_methods, reason = "the point is that the thread does not matter")]
    let elsewhere = std::thread::spawn(|| busy(11)).join().unwrap();
    assert_eq!(elsewhere, first);
}

/// A run in pieces is the same run.
#[test]
fn stopping_in_between_changes_nothing() {
    let run = |stops: &[u64]| {
        let mut net = Net::pair(5, "10.0.0.1", "10.0.0.4");
        control::set_link_loss(net.link(0), 0.1).unwrap();
        net.program("b", || drop(task::spawn("tcp", serve_tcp())));
        net.program("a", || drop(task::spawn("client", ask_for_ever())));
        for &stop in stops {
            net.sim.run_until(Time::from_nanos(stop));
        }
        net.sim.run_until(Time::from_secs(60));
        net.sim.log_hash()
    };
    assert_eq!(run(&[]), run(&[1, 2_000_001, 3_333_333_333, 10_000_000_000, 10_000_000_000]));
}

/// One more host, and one more stream, shift nobody else's draws.
#[test]
fn draws_are_everyones_own() {
    let draws = |crowd: bool| {
        let mut net = Net::new(9);
        net.host("a", &["10.0.0.1"]);
        if crowd {
            net.host("b", &["10.0.0.2"]);
            net.run("b", 1, async { draw::stream("x").next_u64() });
            net.run("a", 1, async { draw::stream("other").next_u64() });
        }
        net.run("a", 1, async {
            let mut first = draw::stream("x");
            (first.next_u64(), first.next_u64(), draw::stream("x").next_u64())
        })
    };
    let (first, second, reopened) = draws(false);
    assert_eq!(draws(true), (first, second, reopened));
    assert!(first != second && first != reopened && second != reopened);
}
