//! Where the backends differ: each test asks all of them the same and pins every answer. Each is a line of
//! `docs/src/backends.md`, where the columns stand in the same order.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use blackstart_rt as rt;
use blackstart_sim::Config;
use rt::net::{TcpListener, TcpStream, UdpSocket};
use rt::task::spawn;
use rt::time::{Instant, sleep, timeout};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::Engine;
use crate::in_turmoil::{TICK, Turmoil};
use crate::net::{Cuttable, Net, tell};
use crate::os::Os;

const SECOND: Duration = Duration::from_secs(1);
/// Longer than an answer takes on any backend.
const A_MOMENT: Duration = Duration::from_millis(200);
const HERE: &str = "here";
const THERE: &str = "there";

fn engine() -> Engine {
    Engine::new(Config { seed: 1, ..Config::default() })
}

/// The answers in the engine, in turmoil, on the operating system.
fn everywhere<T>(probe: fn(&mut dyn Net) -> T) -> [T; 3] {
    [probe(&mut engine()), probe(&mut Turmoil::new(1)), probe(&mut Os::new())]
}

/// The answers in the engine and in turmoil.
fn simulated<T>(probe: fn(&mut dyn Cuttable) -> T) -> [T; 2] {
    [probe(&mut engine()), probe(&mut Turmoil::new(1))]
}

/// What `probe` answers on a host of its own, which knows its address.
fn alone<F>(net: &mut dyn Net, probe: fn(IpAddr) -> F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let own = net.host(HERE);
    tell(net, HERE, probe(own))
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn kind<T>(result: io::Result<T>) -> Result<(), ErrorKind> {
    result.map(drop).map_err(|error| error.kind())
}

/// How connecting to `peer` ends; `None` when it takes longer than `patience`.
async fn connecting(peer: SocketAddr, patience: Duration) -> Option<Result<(), ErrorKind>> {
    timeout(patience, TcpStream::connect(peer)).await.ok().map(kind)
}

/// Takes every caller in and keeps it.
fn accept_all(listener: TcpListener) {
    drop(spawn("accept", async move {
        let mut callers = Vec::new();
        while let Ok(caller) = listener.accept().await {
            callers.push(caller);
        }
    }));
}

#[test]
fn tables_and_ports_are_the_engines_own() {
    async fn probe(_: IpAddr) -> (bool, bool) {
        let nowhere = rt::fib::lookup(IpAddr::from([192, 0, 2, 77]));
        (nowhere.is_some(), rt::link::interfaces().is_empty())
    }
    let asked = everywhere(|net| {
        net.host(THERE);
        alone(net, probe)
    });
    assert_eq!(asked, [(false, false), (true, true), (true, true)]);
}

#[test]
fn unacknowledged_data_breaks_a_connection_in_the_engine_only() {
    let asked = simulated(|net| {
        let (mut stream, _) = connected_pair(net);
        stream.set_user_timeout(Some(SECOND));
        net.cut(HERE, THERE, true);
        tell(net, HERE, async move {
            stream.write_all(b"anybody?").await.unwrap();
            timeout(SECOND * 30, stream.read(&mut [0; 8])).await.ok().map(kind)
        })
    });
    assert_eq!(asked, [Some(Err(ErrorKind::TimedOut)), None]);
}

/// One end on each host, from here to there.
fn connected_pair(net: &mut dyn Net) -> (TcpStream, TcpStream) {
    net.host(HERE);
    let address = SocketAddr::new(net.host(THERE), net.port(7));
    let listener = tell(net, THERE, TcpListener::bind(address)).unwrap();
    // Accepting and connecting have to go on at the same time, and each on its own host.
    let (give, taken) = tokio::sync::oneshot::channel();
    tell(net, THERE, async move {
        drop(spawn("accept", async move { give.send(listener.accept().await.unwrap().0).unwrap() }));
    });
    let near = tell(net, HERE, TcpStream::connect(address)).unwrap();
    (near, tell(net, THERE, taken).unwrap())
}

#[test]
fn a_wildcard_learns_the_address_that_was_asked_in_simulations_only() {
    async fn probe(own: IpAddr) -> bool {
        let server = UdpSocket::bind(at("0.0.0.0:0")).await.unwrap();
        let to = SocketAddr::new(own, server.local_addr().unwrap().port());
        let client = UdpSocket::bind(at("0.0.0.0:0")).await.unwrap();
        client.send_to(b"?", to).await.unwrap();
        server.recv_from_to(&mut [0; 8]).await.unwrap().2 == own
    }
    assert_eq!(everywhere(|net| alone(net, probe)), [true, true, false]);
}

#[test]
fn the_wildcard_of_ipv6_takes_ipv4_on_linux_only() {
    async fn probe(_: IpAddr) -> Result<(), ErrorKind> {
        let listener = TcpListener::bind(at("[::]:0")).await.map_err(|error| error.kind())?;
        let port = listener.local_addr().unwrap().port();
        accept_all(listener);
        kind(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await)
    }
    let asked = everywhere(|net| alone(net, probe));
    assert_eq!(asked, [Err(ErrorKind::ConnectionRefused), Err(ErrorKind::AddrNotAvailable), Ok(())]);
}

#[test]
fn a_turmoil_simulation_has_one_family() {
    async fn probe(_: IpAddr) -> Result<(), ErrorKind> {
        kind(UdpSocket::bind(at("[::1]:0")).await)
    }
    assert_eq!(everywhere(|net| alone(net, probe)), [Ok(()), Err(ErrorKind::AddrNotAvailable), Ok(())]);
}

#[test]
fn the_own_address_is_the_wildcard_in_turmoil() {
    async fn probe(own: IpAddr) -> Result<(), ErrorKind> {
        let listener = TcpListener::bind(SocketAddr::new(own, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        accept_all(listener);
        kind(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await)
    }
    let refused = Err(ErrorKind::ConnectionRefused);
    assert_eq!(everywhere(|net| alone(net, probe)), [refused, Ok(()), refused]);
}

#[test]
fn addresses_share_their_ports_in_turmoil() {
    async fn probe(_: IpAddr) -> Result<(), ErrorKind> {
        let first = UdpSocket::bind(at("127.0.0.1:0")).await.unwrap();
        let port = first.local_addr().unwrap().port();
        kind(UdpSocket::bind(SocketAddr::new([127, 0, 0, 2].into(), port)).await)
    }
    assert_eq!(everywhere(|net| alone(net, probe)), [Ok(()), Err(ErrorKind::AddrInUse), Ok(())]);
}

#[test]
fn connecting_waits_for_the_accept_in_turmoil() {
    async fn probe(_: IpAddr) -> Option<Result<(), ErrorKind>> {
        let listener = TcpListener::bind(at("127.0.0.1:0")).await.unwrap();
        connecting(listener.local_addr().unwrap(), A_MOMENT).await
    }
    assert_eq!(everywhere(|net| alone(net, probe)), [Some(Ok(())), None, Some(Ok(()))]);
}

/// turmoil's capacity is 64 unless its builder says otherwise.
#[test]
fn too_many_waiting_connections_are_a_panic_in_turmoil() {
    let probe = |net: &mut dyn Net| {
        net.host(HERE);
        let address = SocketAddr::new(net.host(THERE), net.port(7));
        let listener = tell(net, THERE, TcpListener::bind(address)).unwrap();
        tell(net, HERE, async move {
            for _ in 0..100 {
                drop(spawn("call", async move { TcpStream::connect(address).await.map(drop) }));
            }
            sleep(A_MOMENT).await;
        });
        drop(listener);
    };
    let survives = |net: &mut dyn Net| catch_unwind(AssertUnwindSafe(|| probe(net))).is_ok();
    assert!(survives(&mut engine()) && survives(&mut Os::new()));
    let mut turmoil = Turmoil::new(1);
    assert!(!survives(&mut turmoil));
    // What turmoil was holding when it panicked is in no state to be dropped.
    std::mem::forget(turmoil);
}

#[test]
fn nobody_hears_of_a_closed_udp_port_in_turmoil() {
    async fn probe(_: IpAddr) -> Option<Result<(), ErrorKind>> {
        let closed = UdpSocket::bind(at("127.0.0.1:0")).await.unwrap().local_addr().unwrap();
        let socket = UdpSocket::bind(at("127.0.0.1:0")).await.unwrap();
        socket.connect(closed).await.unwrap();
        socket.send(b"?").await.unwrap();
        timeout(A_MOMENT, socket.recv(&mut [0; 8])).await.ok().map(kind)
    }
    let refused = Some(Err(ErrorKind::ConnectionRefused));
    assert_eq!(everywhere(|net| alone(net, probe)), [refused, None, refused]);
}

#[test]
fn an_address_that_nobody_has_refuses_in_turmoil() {
    let asked = simulated(|net| alone(net, |_| connecting(at("192.0.2.77:80"), SECOND)));
    let kinds = [ErrorKind::NetworkUnreachable, ErrorKind::ConnectionRefused];
    assert_eq!(asked, kinds.map(|kind| Some(Err(kind))));
}

#[test]
fn connecting_across_a_partition_is_refused_in_turmoil() {
    let asked = simulated(|net| {
        net.host(HERE);
        let address = SocketAddr::new(net.host(THERE), 7);
        net.cut(HERE, THERE, true);
        tell(net, HERE, connecting(address, SECOND * 500))
    });
    assert_eq!(asked, [Some(Err(ErrorKind::TimedOut)), Some(Err(ErrorKind::ConnectionRefused))]);
}

#[test]
fn what_is_written_during_a_partition_never_arrives_in_turmoil() {
    let asked = simulated(|net| {
        let (mut near, mut far) = connected_pair(net);
        net.cut(HERE, THERE, true);
        near = tell(net, HERE, async move {
            near.write_all(b"during").await.unwrap();
            near
        });
        net.cut(HERE, THERE, false);
        tell(net, HERE, async move {
            near.write_all(b", after").await.unwrap();
            near.shutdown().await.unwrap();
        });
        tell(net, THERE, async move {
            let mut heard = String::new();
            let all = timeout(SECOND * 30, far.read_to_string(&mut heard)).await;
            all.is_ok().then_some(heard)
        })
    });
    assert_eq!(asked, [Some("during, after".to_owned()), None]);
}

#[test]
fn only_the_engine_can_ping() {
    async fn probe(own: IpAddr) -> Result<(), ErrorKind> {
        kind(rt::net::ping(own, &rt::net::Ping::default()).await)
    }
    let unsupported = Err(ErrorKind::Unsupported);
    assert_eq!(everywhere(|net| alone(net, probe)), [Ok(()), unsupported, unsupported]);
}

/// A service that is stopped closes its sockets; a host without power says nothing.
#[test]
fn a_crash_says_goodbye_in_turmoil() {
    let asked = simulated(|net| {
        net.host(HERE);
        let address = SocketAddr::new(net.host(THERE), 7);
        crate::net::start(net, THERE, move || async move {
            let listener = TcpListener::bind(address).await?;
            let _callers = (listener.accept().await?, listener.accept().await?);
            Ok(())
        });
        net.pause(TICK);
        let mut stream = tell(net, HERE, TcpStream::connect(address)).unwrap();
        net.stop(THERE);
        tell(net, HERE, async move { timeout(SECOND, stream.read(&mut [0; 8])).await.ok().map(kind) })
    });
    assert_eq!(asked, [None, Some(Ok(()))]);
}

#[test]
fn a_crashed_host_neither_answers_nor_refuses_in_turmoil() {
    let asked = simulated(|net| {
        net.host(HERE);
        let address = SocketAddr::new(net.host(THERE), 7);
        net.pause(TICK);
        net.stop(THERE);
        tell(net, HERE, connecting(address, SECOND * 500))
    });
    assert_eq!(asked, [Some(Err(ErrorKind::NetworkUnreachable)), None]);
}

/// On the operating system a service dies alone and the kernel keeps what it wrote.
#[test]
fn a_bounce_loses_what_was_not_synced() {
    async fn forget() -> io::Result<()> {
        rt::disk::append("synced", b"1").await?;
        rt::disk::fsync("synced").await?;
        rt::disk::append("unsynced", b"1").await?;
        std::future::pending().await
    }
    let bounced = |net: &mut dyn Net, crash: bool| {
        net.host(HERE);
        crate::net::start(net, HERE, forget);
        net.pause(A_MOMENT);
        if crash {
            net.stop(HERE);
        }
        net.boot(HERE);
        net.pause(A_MOMENT);
        tell(net, HERE, async {
            let length = async |name| rt::disk::read(name).await.unwrap().len();
            (length("synced").await, length("unsynced").await)
        })
    };
    assert_eq!(bounced(&mut engine(), true), (2, 1));
    assert_eq!(bounced(&mut Turmoil::new(1), true), (2, 1));
    assert_eq!(bounced(&mut Turmoil::new(1), false), (2, 1), "a bounce alone");
    assert_eq!(bounced(&mut Os::new(), true), (2, 2));
}

#[test]
fn a_message_takes_a_tick_at_least_in_turmoil() {
    async fn probe(_: IpAddr) -> Duration {
        let server = UdpSocket::bind(at("127.0.0.1:0")).await.unwrap();
        let client = UdpSocket::bind(at("127.0.0.1:0")).await.unwrap();
        let sent = Instant::now();
        client.send_to(b"?", server.local_addr().unwrap()).await.unwrap();
        server.recv_from(&mut [0; 8]).await.unwrap();
        sent.elapsed()
    }
    let [engine, turmoil] = simulated(|net| alone(net, probe));
    assert!(engine < Duration::from_millis(1), "{engine:?}");
    assert!(turmoil >= TICK, "{turmoil:?}");
}
