//! Connections: what bytes arrive, and how they fail.
#![allow(clippy::unwrap_used, reason = "test code")]

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
    let cases = [("10.0.0.3:9", ErrorKind::ConnectionRefused), ("10.9.9.9:9", ErrorKind::NetworkUnreachable)];
    for (peer, expected) in cases {
        let attempt = async move { TcpStream::connect(sock(peer)).await.map(drop) };
        assert_eq!(net.run("n1", 200, attempt).unwrap_err().kind(), expected, "{peer}");
        assert!(net.now() < Time::from_secs(1), "told at once");
    }
    control::power_off(net.node("n3")).unwrap();
    let attempt = async { TcpStream::connect(sock("10.0.0.3:9")).await.map(drop) };
    assert_eq!(net.run("n1", 200, attempt).unwrap_err().kind(), ErrorKind::HostUnreachable);
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

#[test]
fn closed_connections_leave_no_sockets() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || drop(task::spawn("echo", echo("0.0.0.0:7"))));
    let (a, b) = (net.node("a"), net.node("b"));
    net.run("a", 10, async {
        for _ in 0..3 {
            let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
        }
    });
    assert!(control::socket_count(a) > 0, "the last one is closing");
    net.sim.run_until(Time::from_secs(9));
    assert_eq!((control::socket_count(a), control::socket_count(b)), (0, 1));
}

/// The last acknowledgement is lost: the peer repeats its FIN and must be answered, or it would wait for ever.
#[test]
fn time_wait_answers_a_repeated_fin() {
    use blackstart_sim::Direction::AToB;
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || drop(task::spawn("echo", echo("0.0.0.0:7"))));
    let (b, wire) = (net.node("b"), net.link(0));
    net.run("a", 10, async move {
        let stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        time::sleep(Duration::from_millis(100)).await;
        drop(stream);
        time::sleep(Duration::from_millis(15)).await;
        control::set_link_blocked(wire, AToB, true).unwrap();
        time::sleep(Duration::from_millis(500)).await;
        control::set_link_blocked(wire, AToB, false).unwrap();
    });
    assert_eq!(control::drops(blackstart_sim::DropCause::Blocked), 1);
    assert_eq!(
        control::socket_count(b),
        2,
        "the listener, and one that waits for its FIN to be acknowledged"
    );
    net.sim.run_until(Time::from_secs(3));
    assert_eq!(control::socket_count(b), 1);
}

#[test]
fn unread_data_is_a_reset() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || {
        task::spawn("rude", async {
            let listener = TcpListener::bind(sock("0.0.0.0:7")).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            time::sleep(Duration::from_secs(1)).await;
            drop(stream);
        });
    });
    let kind = net.run("a", 10, async {
        let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        stream.write_all(b"never read").await.unwrap();
        stream.read(&mut [0; 8]).await.unwrap_err().kind()
    });
    assert_eq!(kind, ErrorKind::ConnectionReset);
}

#[test]
fn a_closed_listener_resets_who_waits_and_refuses_who_comes() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || {
        task::spawn("short", async {
            let listener = TcpListener::bind(sock("0.0.0.0:7")).await.unwrap();
            time::sleep(Duration::from_secs(1)).await;
            drop(listener);
        });
    });
    let kinds = net.run("a", 10, async {
        let mut waiting = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        let first = waiting.read(&mut [0; 8]).await.unwrap_err().kind();
        (first, TcpStream::connect(sock("10.0.0.2:7")).await.map(drop).unwrap_err().kind())
    });
    assert_eq!(kinds, (ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused));
}

#[test]
fn a_slow_reader_holds_the_writer_back_for_as_long_as_it_likes() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || {
        task::spawn("slow", async {
            let listener = TcpListener::bind(sock("0.0.0.0:7")).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            time::sleep(Duration::from_secs(3600)).await;
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.unwrap();
            stream.write_all(&(all.len() as u32).to_be_bytes()).await.unwrap();
        });
    });
    let (counted, at) = net.run("a", 4000, async {
        let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        stream.write_all(&[5; 100_000]).await.unwrap();
        stream.shutdown().await.unwrap();
        (stream.read_u32().await.unwrap(), Time::now().since_start().as_secs())
    });
    assert_eq!(counted, 100_000);
    assert!((3600..3670).contains(&at), "{at}");
}

#[test]
fn a_partition_of_hours_is_survived_if_nobody_gives_up() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || drop(task::spawn("echo", echo("0.0.0.0:7"))));
    let b = net.node("b");
    net.run("a", 20_000, async move {
        let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        stream.set_user_timeout(Some(Duration::from_secs(36_000)));
        time::sleep(Duration::from_secs(1)).await;
        control::set_admin_up(b, "a", false).unwrap();
        stream.write_all(b"x").await.unwrap();
        time::sleep(Duration::from_secs(3 * 3600)).await;
        control::set_admin_up(b, "a", true).unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
    });
    assert!(net.now() < Time::from_secs(3 * 3600 + 61));
}

#[test]
fn connect_from_uses_the_address_named() {
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1", "192.0.2.1"]);
    net.host("b", &["10.0.0.2"]);
    net.join("a", "b", 1);
    net.route("b", "192.0.2.1/32", &["10.0.0.1"]);
    net.program("b", || {
        task::spawn("who", async {
            let listener = TcpListener::bind(sock("10.0.0.2:7")).await.unwrap();
            loop {
                let (mut stream, peer) = listener.accept().await.unwrap();
                stream.write_all(peer.ip().to_string().as_bytes()).await.unwrap();
            }
        });
    });
    let answer = net.run("a", 5, async {
        let wrong = TcpStream::connect_from(ip("10.0.0.9"), sock("10.0.0.2:7")).await.map(drop).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::AddrNotAvailable);
        let mut stream = TcpStream::connect_from(ip("192.0.2.1"), sock("10.0.0.2:7")).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    assert_eq!(answer, "192.0.2.1");
}
