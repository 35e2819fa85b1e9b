//! What a packet, a hop, a timer and a record cost. Run with
//! `cargo run --release -p blackstart-sim --example throughput [udp|tcp|bulk|connections|timers|records]`.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a stop watch reads the real clock")]

use blackstart_sim::net::{TcpListener, TcpStream, UdpSocket};
use blackstart_sim::{
    Config, Latency, LinkSpec, NodeId, NodeSpec, Sim, Time, control, fib, record, task, time,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn address(n: u16) -> IpAddr {
    Ipv4Addr::new(10, 0, (n >> 8) as u8, n as u8).into()
}

/// Nodes 1 to `n` in a row; the inner ones forward.
fn line(n: u16) -> (Sim, Vec<NodeId>) {
    let sim = Sim::new(Config { seed: 1, ..Config::default() }).unwrap();
    let node = |i: u16| {
        let addresses = vec![address(i)];
        sim.add_node(NodeSpec { name: format!("n{i}"), addresses, forwards: i != 1 && i != n }).unwrap()
    };
    let nodes: Vec<NodeId> = (1..=n).map(node).collect();
    for pair in nodes.windows(2) {
        let latency = Latency::Fixed(Duration::from_micros(137));
        let (a, b) = (pair[0], pair[1]);
        sim.add_link(LinkSpec::new(a, b).latency(latency)).unwrap();
    }
    for i in 1..=n {
        let towards = |to: u16, next: u16| {
            let via = fib::Target::Via(vec![address(next)]);
            let node = nodes[usize::from(i) - 1];
            control::install_route(node, fib::Protocol::Static, address(to).into(), via, 0).unwrap();
        };
        if i + 1 < n {
            towards(n, i + 1);
        }
        if i > 2 {
            towards(1, i - 1);
        }
    }
    (sim, nodes)
}

fn report(what: &str, count: u64, started: Instant) -> f64 {
    let ns = started.elapsed().as_nanos() as f64 / count as f64;
    println!("{what:<44} {count:>9} x {ns:>8.1} ns");
    ns
}

fn udp(hops: u16, questions: u64) -> f64 {
    let (mut sim, nodes) = line(hops + 1);
    let server = SocketAddr::new(address(hops + 1), 53);
    control::spawn_on(nodes[usize::from(hops)], "server", async {
        let socket = UdpSocket::bind("0.0.0.0:53".parse().unwrap()).await.unwrap();
        let mut question = [0; 512];
        while let Ok((n, peer)) = socket.recv_from(&mut question).await {
            socket.send_to(&question[..n], peer).await.unwrap();
        }
    });
    control::spawn_on(nodes[0], "client", async move {
        let socket = UdpSocket::bind("0.0.0.0:0".parse().unwrap()).await.unwrap();
        for _ in 0..questions {
            socket.send_to(&[7; 60], server).await.unwrap();
            socket.recv_from(&mut [0; 512]).await.unwrap();
        }
    });
    let started = Instant::now();
    sim.run_until(Time::from_secs(100_000));
    assert_eq!(sim.packets(), questions * 2 * u64::from(hops));
    report(&format!("UDP question and answer, {hops} hops: packet"), questions * 2, started)
}

fn tcp_ping(questions: u64) {
    let (mut sim, nodes) = line(2);
    control::spawn_on(nodes[1], "server", async {
        let listener = TcpListener::bind("0.0.0.0:7".parse().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = [0; 64];
        while let Ok(n) = stream.read(&mut question).await
            && n > 0
        {
            stream.write_all(&question[..n]).await.unwrap();
        }
    });
    control::spawn_on(nodes[0], "client", async move {
        let mut stream = TcpStream::connect(SocketAddr::new(address(2), 7)).await.unwrap();
        for _ in 0..questions {
            stream.write_all(&[7; 19]).await.unwrap();
            stream.read_exact(&mut [0; 19]).await.unwrap();
        }
    });
    let started = Instant::now();
    sim.run_until(Time::from_secs(100_000));
    report("TCP question and answer, 1 hop: packet", sim.packets(), started);
}

fn tcp_bulk(bytes: usize) {
    let (mut sim, nodes) = line(2);
    control::spawn_on(nodes[1], "server", async {
        let listener = TcpListener::bind("0.0.0.0:7".parse().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap();
    });
    control::spawn_on(nodes[0], "client", async move {
        let mut stream = TcpStream::connect(SocketAddr::new(address(2), 7)).await.unwrap();
        stream.write_all(&vec![1; bytes]).await.unwrap();
    });
    let started = Instant::now();
    sim.run_until(Time::from_secs(100_000));
    report("TCP bulk, 1 hop: packet", sim.packets(), started);
}

fn tcp_connections(count: u64) {
    let (mut sim, nodes) = line(2);
    control::spawn_on(nodes[1], "server", async {
        let listener = TcpListener::bind("0.0.0.0:7".parse().unwrap()).await.unwrap();
        while let Ok((mut stream, _)) = listener.accept().await {
            task::spawn("one", async move { drop(stream.read(&mut [0; 64]).await) });
        }
    });
    control::spawn_on(nodes[0], "client", async move {
        for _ in 0..count {
            let mut stream = TcpStream::connect(SocketAddr::new(address(2), 7)).await.unwrap();
            stream.write_all(&[1]).await.unwrap();
            assert_eq!(stream.read(&mut [0; 64]).await.unwrap(), 0);
        }
    });
    let started = Instant::now();
    sim.run_until(Time::from_secs(100_000));
    report("TCP connections opened and closed", count, started);
}

fn timers(count: u64) {
    let (mut sim, nodes) = line(2);
    for node in 0..100 {
        control::spawn_on(nodes[node % 2], "sleeper", async move {
            for n in 0..count / 100 {
                time::sleep(Duration::from_millis(1 + n % 7)).await;
            }
        });
    }
    let started = Instant::now();
    sim.run_until(Time::from_secs(100_000));
    report("sleep of one of 100 tasks", count, started);
}

fn records(count: u64) {
    let (mut sim, nodes) = line(2);
    control::spawn_on(nodes[0], "teller", async move {
        for _ in 0..count {
            record::emit("test", &[1; 16]);
        }
    });
    let started = Instant::now();
    sim.run_until(Time::from_secs(1));
    report("record of 16 bytes", count, started);
}

fn main() {
    let only = std::env::args().nth(1);
    let wanted = |what: &str| only.as_deref().is_none_or(|only| only == what);
    if wanted("udp") {
        let near = udp(1, 500_000);
        let far = udp(11, 200_000);
        println!("{:<44} {:>11} {:>8.1} ns", "one more forwarding hop", "", (far - near) / 10.0);
    }
    if wanted("tcp") {
        tcp_ping(500_000);
    }
    if wanted("bulk") {
        tcp_bulk(100_000_000);
    }
    if wanted("connections") {
        tcp_connections(100_000);
    }
    if wanted("timers") {
        timers(1_000_000);
    }
    if wanted("records") {
        records(2_000_000);
    }
}
