//! Connections: what bytes arrive, and how they fail.

mod common;

use blackstart_sim::net::{TcpListener, TcpStream};
use blackstart_sim::{Time, control, task, time};
use common::{Net, collect, ip, sock};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that echoes until its peer closes, on port 7.
async fn echo(address: &str) {
    let listener = TcpListener::bind(sock(address)).await.unwrap();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        task::spawn("echo", async move {
            let (mut read, mut write) = tokio::io::split(&mut stream);
            let _ = tokio::io::copy(&mut read, &mut write).await;
            let _ = write.shutdown().await;
        });
    }
}

#[test]
fn bytes_come_back_over_both_families() {
    for (client, server, local) in
        [("10.0.0.1", "10.0.0.2", "0.0.0.0:7"), ("2001:db8::1", "2001:db8::2", "[::]:7")]
    {
        let mut net = Net::pair(1, client, server);
        net.program("b", move || drop(task::spawn("echo", echo(local))));
        let peer = std::net::SocketAddr::new(ip(server), 7);
        let client = ip(client);
        let got = net.run("a", 10, async move {
            let mut stream = TcpStream::connect(peer).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), peer);
            assert_eq!(stream.local_addr().unwrap().ip(), client);
            stream.write_all(b"are you there?").await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            answer
        });
        assert_eq!(got, b"are you there?");
    }
}

#[test]
fn a_transfer_survives_loss() {
    let mut net = Net::pair(3, "10.0.0.1", "10.0.0.2");
    control::set_link_loss(net.link(0), 0.2).unwrap();
    net.program("b", || drop(task::spawn("echo", echo("0.0.0.0:7"))));
    let sent: Vec<u8> = (0..200_000_u32).map(|n| (n * 7 + n / 251) as u8).collect();
    let expected = sent.clone();
    let got = net.run("a", 3 * 3600, async move {
        let stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        let (mut read, mut write) = tokio::io::split(stream);
        task::spawn("send", async move {
            write.write_all(&sent).await.unwrap();
            write.shutdown().await.unwrap();
        });
        let mut answer = Vec::new();
        read.read_to_end(&mut answer).await.unwrap();
        answer
    });
    assert!(got == expected, "{} bytes came back", got.len());
}

#[test]
fn connecting_fails_as_on_linux() {
    let mut net = Net::line(1, 3);
    let cases =
        [("10.0.0.3:9", ErrorKind::ConnectionRefused, 0), ("10.9.9.9:9", ErrorKind::NetworkUnreachable, 0)];
    for (peer, expected, after_s) in cases {
        let start = Time::now();
        let error =
            net.run("n1", 200, async move { TcpStream::connect(sock(peer)).await.map(drop) }).unwrap_err();
        assert_eq!(error.kind(), expected, "{peer}");
        let _ = (start, after_s);
    }
}

#[test]
fn a_silent_peer_times_out_after_127_s() {
    let mut net = Net::line(1, 3);
    control::install_route(
        net.node("n2"),
        blackstart_sim::fib::Protocol::Static,
        "10.9.0.0/16".parse().unwrap(),
        blackstart_sim::fib::Target::Discard,
        0,
    )
    .unwrap();
    let (kind, at) = net.run("n1", 400, async move {
        let error = TcpStream::connect(sock("10.9.9.9:9")).await.map(drop).unwrap_err();
        (error.kind(), Time::now().since_start())
    });
    assert_eq!((kind, at), (ErrorKind::TimedOut, Duration::from_secs(127)));
}

#[test]
fn a_burst_of_500_is_never_refused() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || drop(task::spawn("echo", echo("0.0.0.0:7"))));
    let done = collect();
    for n in 0..500_u32 {
        let done = done.clone();
        net.spawn("a", async move {
            let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
            stream.write_all(&n.to_be_bytes()).await.unwrap();
            let back = stream.read_u32().await.unwrap();
            done.borrow_mut().push(back);
        });
    }
    net.sim.run_until(Time::from_secs(5));
    assert_eq!(done.borrow().len(), 500);
}

#[test]
fn each_half_closes_alone() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || {
        task::spawn("late", async {
            let listener = TcpListener::bind(sock("0.0.0.0:7")).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            time::sleep(Duration::from_secs(30)).await;
            stream.write_all(b"after your end").await.unwrap();
        });
    });
    let answer = net.run("a", 100, async {
        let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        stream.write_all(b"question").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(stream.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    assert_eq!(answer, "after your end");
}
