//! One table of behaviours, each run by the same function on every backend. Loopback only.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod backends;

use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream, UdpSocket};
use rt::task::{JoinError, spawn};
use rt::time::{Instant, interval, sleep, timeout};
use std::cell::Cell;
use std::future::pending;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

macro_rules! behaviours {
    ($($name:ident),* $(,)?) => {
        mod on_the_operating_system {
            $(#[test] fn $name() { super::backends::on_os(super::$name()); })*
        }
        mod in_the_engine {
            $(#[test] fn $name() { super::backends::on_engine(super::$name()); })*
        }
    };
}

behaviours! {
    a_connection_echoes,
    half_closed_still_answers,
    dropping_a_stream_ends_the_reader,
    much_data_arrives_whole,
    a_closed_port_refuses,
    a_bound_tcp_port_is_in_use,
    a_bound_udp_port_is_in_use,
    an_address_of_others_is_not_available,
    connecting_from_an_address_shows_it,
    a_datagram_goes_and_comes_back,
    a_connected_socket_hears_its_peer_only,
    an_unconnected_socket_cannot_send,
    a_reply_leaves_from_where_it_was_asked,
    a_long_datagram_is_cut,
    a_timeout_elapses,
    a_ready_future_beats_its_timeout,
    timers_keep_to_the_grid,
    a_passed_deadline_ends_at_once,
    an_interval_keeps_its_rate,
    an_interval_can_start_later,
    an_interval_survives_a_dropped_tick,
    a_file_is_read_back,
    a_disk_lists_what_it_holds,
    a_missing_file_is_not_found,
    a_bad_file_name_is_refused,
    a_task_gives_its_result,
    an_aborted_task_is_cancelled,
    a_dropped_handle_detaches,
    a_panic_is_the_tasks_own,
    yielding_lets_others_go_first,
    draws_keep_to_their_range,
    the_unix_clock_is_past_2020,
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Two ends of one connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(loopback(0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let connecting = spawn("connect", async move { TcpStream::connect(address).await.unwrap() });
    let (server, peer) = listener.accept().await.unwrap();
    let client = connecting.await.unwrap();
    assert_eq!(client.local_addr().unwrap(), peer);
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    (client, server)
}

async fn a_connection_echoes() {
    let (mut client, mut server) = pair().await;
    client.write_all(b"echo").await.unwrap();
    let mut heard = [0; 4];
    server.read_exact(&mut heard).await.unwrap();
    server.write_all(&heard).await.unwrap();
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"echo");
}

async fn half_closed_still_answers() {
    let (mut client, mut server) = pair().await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"question");
    server.write_all(b"answer").await.unwrap();
    server.shutdown().await.unwrap();
    heard.clear();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"answer");
    assert_eq!(client.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

async fn dropping_a_stream_ends_the_reader() {
    let (client, mut server) = pair().await;
    drop(client);
    assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
}

async fn much_data_arrives_whole() {
    let (mut client, mut server) = pair().await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let expected = sent.clone();
    let sending = spawn("send", async move {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
    });
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.unwrap();
    sending.await.unwrap();
    assert!(heard == expected, "{} bytes of {}", heard.len(), expected.len());
}

async fn a_closed_port_refuses() {
    let listener = TcpListener::bind(loopback(0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

async fn a_bound_tcp_port_is_in_use() {
    let listener = TcpListener::bind(loopback(0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(TcpListener::bind(address).await.unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(listener);
    TcpListener::bind(address).await.unwrap();
}

async fn a_bound_udp_port_is_in_use() {
    let socket = UdpSocket::bind(loopback(0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    assert_eq!(UdpSocket::bind(address).await.unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(socket);
    UdpSocket::bind(address).await.unwrap();
}

async fn an_address_of_others_is_not_available() {
    // 192.0.2.0/24 is for documentation (RFC 5737): nobody owns it.
    let foreign: SocketAddr = "192.0.2.77:7000".parse().unwrap();
    assert_eq!(TcpListener::bind(foreign).await.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    assert_eq!(UdpSocket::bind(foreign).await.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    let refused = TcpStream::connect_from(foreign.ip(), loopback(7000)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
}

async fn connecting_from_an_address_shows_it() {
    let listener = TcpListener::bind(loopback(0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let local = "127.0.0.5".parse().unwrap();
    let connecting = spawn("connect", async move { TcpStream::connect_from(local, address).await.unwrap() });
    let (_server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer.ip(), local);
    assert_eq!(connecting.await.unwrap().local_addr().unwrap(), peer);
}

async fn a_datagram_goes_and_comes_back() {
    let server = UdpSocket::bind(loopback(0)).await.unwrap();
    let client = UdpSocket::bind(loopback(0)).await.unwrap();
    let sent = client.send_to(b"ping", server.local_addr().unwrap()).await.unwrap();
    assert_eq!(sent, 4);
    let mut buffer = [0; 64];
    let (length, peer) = server.recv_from(&mut buffer).await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    server.send_to(&buffer[..length], peer).await.unwrap();
    let (length, peer) = client.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..length], peer), (&b"ping"[..], server.local_addr().unwrap()));
}

async fn a_connected_socket_hears_its_peer_only() {
    let server = UdpSocket::bind(loopback(0)).await.unwrap();
    let stranger = UdpSocket::bind(loopback(0)).await.unwrap();
    let client = UdpSocket::bind(loopback(0)).await.unwrap();
    client.connect(server.local_addr().unwrap()).await.unwrap();
    stranger.send_to(b"spoof", client.local_addr().unwrap()).await.unwrap();
    client.send(b"ping").await.unwrap();
    let mut buffer = [0; 64];
    let (length, peer) = server.recv_from(&mut buffer).await.unwrap();
    server.send_to(&buffer[..length], peer).await.unwrap();
    let length = client.recv(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..length], b"ping");
}

async fn an_unconnected_socket_cannot_send() {
    let socket = UdpSocket::bind(loopback(0)).await.unwrap();
    // Linux answers EDESTADDRREQ, which std has no kind for: any error will do.
    socket.send(b"whither").await.unwrap_err();
}

async fn a_reply_leaves_from_where_it_was_asked() {
    let server = UdpSocket::bind(loopback(0)).await.unwrap();
    let client = UdpSocket::bind(loopback(0)).await.unwrap();
    client.connect(server.local_addr().unwrap()).await.unwrap();
    client.send(b"who").await.unwrap();
    let mut buffer = [0; 64];
    let (_, peer, local) = server.recv_from_to(&mut buffer).await.unwrap();
    assert_eq!(local, loopback(0).ip());
    server.reply_from(b"me", local, peer).await.unwrap();
    let length = client.recv(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..length], b"me");
    let foreign = "192.0.2.77".parse().unwrap();
    let refused = server.reply_from(b"not me", foreign, peer).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
}

async fn a_long_datagram_is_cut() {
    let server = UdpSocket::bind(loopback(0)).await.unwrap();
    let client = UdpSocket::bind(loopback(0)).await.unwrap();
    client.send_to(b"too long", server.local_addr().unwrap()).await.unwrap();
    let mut buffer = [0; 3];
    assert_eq!(server.recv_from(&mut buffer).await.unwrap().0, 3);
    assert_eq!(&buffer, b"too");
}

async fn a_timeout_elapses() {
    let started = Instant::now();
    assert!(timeout(ms(20), pending::<()>()).await.is_err());
    assert!(started.elapsed() >= ms(20));
}

async fn a_ready_future_beats_its_timeout() {
    assert_eq!(timeout(Duration::ZERO, async { 7 }).await, Ok(7));
    assert_eq!(timeout(Duration::MAX, async { 7 }).await, Ok(7));
}

async fn timers_keep_to_the_grid() {
    let started = Instant::now();
    sleep(Duration::from_micros(1_200)).await;
    assert!(started.elapsed() >= ms(1), "never early by a whole step");
    sleep(Duration::ZERO).await;
}

async fn a_passed_deadline_ends_at_once() {
    sleep(ms(3)).await;
    rt::time::sleep_until(Instant::default()).await;
    let mut wait = sleep(Duration::from_secs(3_600));
    wait.reset(Instant::default());
    wait.await;
}

async fn an_interval_keeps_its_rate() {
    let mut ticks = interval(ms(10));
    let first = ticks.tick().await;
    sleep(ms(4)).await;
    for n in 1..4 {
        assert_eq!(ticks.tick().await - first, ms(10) * n);
    }
    assert!(first.elapsed() >= ms(30));
}

async fn an_interval_can_start_later() {
    let start = Instant::now() + ms(25);
    let mut ticks = rt::time::interval_at(start, ms(10));
    assert_eq!(ticks.tick().await, start);
    assert!(Instant::now() >= start, "never early");
    assert_eq!(ticks.tick().await, start + ms(10));
}

async fn an_interval_survives_a_dropped_tick() {
    let mut ticks = interval(ms(10));
    let first = ticks.tick().await;
    assert!(timeout(ms(2), ticks.tick()).await.is_err());
    assert_eq!(ticks.tick().await - first, ms(10));
}

async fn a_file_is_read_back() {
    rt::disk::write("journal", b"one").await.unwrap();
    rt::disk::append("journal", b" two").await.unwrap();
    rt::disk::fsync("journal").await.unwrap();
    assert_eq!(rt::disk::read("/journal").await.unwrap(), b"one two");
    rt::disk::write("journal", b"three").await.unwrap();
    rt::disk::rename("journal", "old/journal").await.unwrap();
    assert_eq!(rt::disk::read("old/journal").await.unwrap(), b"three");
    rt::disk::remove("old/journal").await.unwrap();
    assert_eq!(rt::disk::read("old/journal").await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_disk_lists_what_it_holds() {
    assert!(rt::disk::list().await.unwrap().is_empty());
    for name in ["b", "zones/com", "a", "zones/arpa"] {
        rt::disk::write(name, b"").await.unwrap();
    }
    assert_eq!(rt::disk::list().await.unwrap(), ["a", "b", "zones/arpa", "zones/com"]);
}

async fn a_missing_file_is_not_found() {
    assert_eq!(rt::disk::read("none").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(rt::disk::fsync("none").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(rt::disk::remove("none").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(rt::disk::rename("none", "some").await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_bad_file_name_is_refused() {
    assert_eq!(rt::disk::write("../out", b"").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

async fn a_task_gives_its_result() {
    let task = spawn("answer", async {
        sleep(ms(1)).await;
        Rc::new(42)
    });
    assert!(!task.is_finished());
    assert_eq!(*task.await.unwrap(), 42);
}

async fn an_aborted_task_is_cancelled() {
    let held = Rc::new(());
    let kept = held.clone();
    let task = spawn("wait", async move {
        let _kept = kept;
        pending::<()>().await;
    });
    rt::task::yield_now().await;
    task.abort();
    assert_eq!(task.await, Err(JoinError::Cancelled));
    assert_eq!(Rc::strong_count(&held), 1, "what the task held is dropped");
    let done = spawn("done", async {});
    sleep(ms(1)).await;
    done.abort();
    assert!(done.is_finished());
    assert_eq!(done.await, Ok(()));
}

async fn a_dropped_handle_detaches() {
    let done = Rc::new(Cell::new(false));
    let seen = done.clone();
    drop(spawn("detached", async move {
        sleep(ms(1)).await;
        seen.set(true);
    }));
    sleep(ms(20)).await;
    assert!(done.get());
}

async fn a_panic_is_the_tasks_own() {
    let crashed = spawn("crash", async {
        sleep(ms(1)).await;
        panic!("out of {}", "cheese");
    });
    let fine = spawn("fine", async {
        sleep(ms(5)).await;
        7
    });
    let error = crashed.await.unwrap_err();
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(error.to_string(), "the task panicked: out of cheese");
    assert_eq!(fine.await, Ok(7));
}

async fn yielding_lets_others_go_first() {
    let ran = Rc::new(Cell::new(false));
    let seen = ran.clone();
    let task = spawn("other", async move { seen.set(true) });
    assert!(!ran.get());
    rt::task::yield_now().await;
    assert!(ran.get());
    task.await.unwrap();
}

async fn draws_keep_to_their_range() {
    let mut stream = rt::rand::stream("test");
    for n in 1..200 {
        assert!(stream.below(n) < n);
        assert!((0.0..1.0).contains(&stream.unit()));
        assert!((ms(5)..ms(9)).contains(&stream.between(ms(5), ms(9))));
        assert!(stream.chance(1.0) && !stream.chance(0.0));
    }
    assert_eq!(stream.below(0), 0);
    assert_eq!(stream.between(ms(9), ms(5)), ms(9));
    assert_ne!(stream.next_u64(), stream.next_u64());
}

async fn the_unix_clock_is_past_2020() {
    assert!(rt::time::unix_now() > Duration::from_secs(1_577_836_800));
}
