//! How long a connection waits for what does not come, and what its owner is told then.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::net::{TcpListener, TcpStream};
use blackstart_sim::{Direction, Time, control, task, time};
use common::{Net, sock};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What Linux's timers come down to; see the engine's `stack/connection.rs`.
const HANDSHAKE_S: u64 = 63;
const ORPHAN_S: u64 = 127;
const FIN_S: u64 = 60;
const USER_S: u64 = 924;

/// Accepts one connection and echoes, for as long as the peer likes.
async fn echo() {
    let listener = TcpListener::bind(sock("0.0.0.0:7")).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let _ = tokio::io::copy(&mut read, &mut write).await;
}

fn pair() -> Net {
    let net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || drop(task::spawn("echo", echo())));
    net
}

/// Connects, lets `before` pass, cuts the way to the peer, writes, and tells the error and how long it took.
fn cut_off(before: Duration, user_timeout: Option<Duration>) -> (ErrorKind, u64) {
    let mut net = pair();
    let wire = net.link(0);
    net.run("a", 200_000, async move {
        let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        stream.set_user_timeout(user_timeout);
        time::sleep(before).await;
        stream.write_all(b"x").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'x', "an idle connection is a healthy one");
        // Long enough for the acknowledgement: a peer that repeats itself is alive.
        time::sleep(Duration::from_secs(1)).await;
        control::set_link_blocked(wire, Direction::AToB, true).unwrap();
        let cut_at = Time::now();
        stream.write_all(b"y").await.unwrap();
        let error = stream.read_u8().await.unwrap_err();
        (error.kind(), (Time::now() - cut_at).as_secs())
    })
}

#[test]
fn a_user_timeout_ends_the_cut_off_and_spares_the_idle() {
    const DAY: Duration = Duration::from_secs(86_400);
    let thirty = Some(Duration::from_secs(30));
    assert_eq!(cut_off(Duration::ZERO, thirty), (ErrorKind::TimedOut, 30));
    assert_eq!(cut_off(DAY, thirty), (ErrorKind::TimedOut, 30));
    assert_eq!(cut_off(DAY, None), (ErrorKind::TimedOut, USER_S));
}

/// Each acknowledgement starts the wait anew: a slow transfer of hours is a healthy one too.
#[test]
fn a_user_timeout_spares_the_slow() {
    let mut net = pair();
    control::set_link_loss(net.link(0), 0.3).unwrap();
    net.run("a", 20_000, async {
        let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        stream.set_user_timeout(Some(Duration::from_secs(300)));
        for _ in 0..50 {
            stream.write_all(&[1; 1000]).await.unwrap();
            stream.read_exact(&mut [0; 1000]).await.unwrap();
            time::sleep(Duration::from_secs(60)).await;
        }
    });
}

/// Complaints do not end an open connection; they are the reason given when it ends.
#[test]
fn a_complaint_is_the_reason_of_a_timeout() {
    let mut net = Net::line(1, 4);
    net.program("n4", || drop(task::spawn("echo", echo())));
    let n4 = net.node("n4");
    let (kind, after) = net.run("n1", 2000, async move {
        let mut stream = TcpStream::connect(sock("10.0.0.4:7")).await.unwrap();
        control::set_admin_up(n4, "n3", false).unwrap();
        let cut_at = Time::now();
        stream.write_all(b"x").await.unwrap();
        let error = stream.read_u8().await.unwrap_err();
        (error.kind(), (Time::now() - cut_at).as_secs())
    });
    assert_eq!((kind, after), (ErrorKind::HostUnreachable, USER_S));
}

/// When a node has only so many sockets left.
fn left_at(net: &mut Net, node: &str, count: usize) -> u64 {
    let node = net.node(node);
    while control::socket_count(node) != count {
        let next = net.sim.next_event_at().expect("sockets are left for ever");
        net.sim.run_until(next);
    }
    net.now().since_start().as_secs()
}

#[test]
fn an_unanswered_handshake_is_forgotten() {
    let mut net = pair();
    let (b, wire) = (net.node("b"), net.link(0));
    net.spawn("a", async { drop(TcpStream::connect(sock("10.0.0.2:7")).await) });
    net.sim.run_until(Time::from_nanos(1_000_000));
    control::set_link_blocked(wire, Direction::BToA, true).unwrap();
    net.sim.run_until(Time::from_nanos(15_000_000));
    control::set_link_blocked(wire, Direction::AToB, true).unwrap();
    assert_eq!(control::socket_count(b), 2, "the listener, and one that waits for the handshake's end");
    assert_eq!(left_at(&mut net, "b", 1), HANDSHAKE_S);
}

#[test]
fn a_closed_socket_waits_for_a_while_for_its_last_data_to_be_acknowledged() {
    let mut net = pair();
    let wire = net.link(0);
    net.run("a", 100, async move {
        let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        control::set_link_blocked(wire, Direction::AToB, true).unwrap();
        stream.write_all(b"x").await.unwrap();
    });
    assert_eq!(left_at(&mut net, "a", 0), ORPHAN_S);
}

#[test]
fn a_closed_socket_waits_for_a_while_for_its_peer_to_close() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || {
        task::spawn("stubborn", async {
            let listener = TcpListener::bind(sock("0.0.0.0:7")).await.unwrap();
            let _stream = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
        });
    });
    net.run("a", 100, async { drop(TcpStream::connect(sock("10.0.0.2:7")).await.unwrap()) });
    assert_eq!(left_at(&mut net, "a", 0), FIN_S);
}
