//! What links do to packets, seen from the hosts.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::Direction::{AToB, BToA};
use blackstart_sim::control::Flap;
use blackstart_sim::net::{TcpListener, TcpStream, UdpSocket};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{
    Bandwidth, Config, Congestion, DropCause, Error, Latency, LinkId, LinkSpec, Loss, Sim, Time, WaySpec,
};
use blackstart_sim::{control, task, time};
use common::{Net, collect, sock};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Datagrams number 0 to `count` from a to b, one each 10 ms; those that b got.
fn got(net: &mut Net, count: u32) -> Vec<u32> {
    let heard = collect();
    let ear = Rc::clone(&heard);
    net.spawn("b", async move {
        let socket = UdpSocket::bind(sock("10.0.0.2:9")).await.unwrap();
        loop {
            let mut number = [0; 4];
            socket.recv_from(&mut number).await.unwrap();
            ear.borrow_mut().push(u32::from_be_bytes(number));
        }
    });
    net.run("a", 3600, async move {
        let socket = UdpSocket::bind(sock("10.0.0.1:0")).await.unwrap();
        for number in 0..count {
            // Without light there is no route.
            let _sent = socket.send_to(&number.to_be_bytes(), sock("10.0.0.2:9")).await;
            time::sleep(Duration::from_millis(10)).await;
        }
        time::sleep(Duration::from_secs(1)).await;
    });
    heard.take()
}

fn pair() -> Net {
    Net::pair(5, "10.0.0.1", "10.0.0.2")
}

#[test]
fn each_direction_is_its_own() {
    let mut net = pair();
    let (wire, clean) = (net.link(0), WaySpec::default());
    let doubling = WaySpec { duplication: 1.0, ..clean };
    control::set_link_way(wire, AToB, doubling).unwrap();
    control::set_link_way(wire, BToA, WaySpec { loss: Loss::Independent(1.0), ..clean }).unwrap();
    assert_eq!(control::link_way(wire, AToB), Some(doubling));
    assert_eq!(got(&mut net, 3), [0, 0, 1, 1, 2, 2]);
    assert_eq!(control::drops(DropCause::Loss), 0);
}

#[test]
fn corruption_is_caught_or_harmless() {
    let mut net = pair();
    control::set_link_way(net.link(0), AToB, WaySpec { corruption: 0.5, ..WaySpec::default() }).unwrap();
    let got = got(&mut net, 400);
    assert!(got.iter().all(|number| *number < 400) && got.is_sorted(), "{got:?}");
    let caught = control::drops_at(net.node("b"), DropCause::Corrupted);
    assert!((150..250).contains(&caught), "{caught}");
    assert_eq!(got.len() as u64 + caught, 400);
}

#[test]
fn a_flapping_link_goes_and_comes_until_its_end() {
    let mut net = pair();
    let ms = Duration::from_millis;
    let flap = Flap { period: ms(1000), down: ms(250), until: Time::from_secs(3) };
    let wire = net.link(0);
    let _task = control::flap_link(wire, flap).unwrap();
    let got = got(&mut net, 500);
    let missing: Vec<u32> = (0..500).filter(|number| !got.contains(number)).collect();
    let per_spell = |second: u32| missing.iter().filter(|&&number| number / 100 == second).count();
    assert_eq!([0, 1, 2].map(per_spell), [26, 26, 25], "twice one more is on the wire when the light goes");
    assert_eq!(missing.len(), 77);
    let light: Vec<(u64, bool)> = carriers(&net);
    let expected = [0, 250, 1000, 1250, 2000, 2250].map(|at| (at, at % 1000 != 0));
    assert_eq!(light, expected);
}

/// When light went and came at the first end, in milliseconds.
fn carriers(net: &Net) -> Vec<(u64, bool)> {
    let records = net.sim.records().into_iter().filter(|record| record.node == Some(net.node("a")));
    let change = |record| match SimEvent::decode(&record) {
        Some(SimEvent::Carrier { up, .. }) => Some((record.time.as_nanos() / 1_000_000, up)),
        _ => None,
    };
    records.filter_map(change).collect()
}

#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let net = pair();
    let (wire, clean) = (net.link(0), WaySpec::default());
    let bad = WaySpec { duplication: 2.0, ..clean };
    let before = control::link_way(wire, AToB);
    let refused = Err(Error::BadProbability { what: "duplication", value: 2.0 });
    assert_eq!(control::set_link_way(wire, AToB, bad), refused);
    assert_eq!(control::link_way(wire, AToB), before);
    assert_eq!(control::set_link_way(LinkId(7), AToB, clean), Err(Error::UnknownLink(7)));
    assert_eq!(control::link_way(LinkId(7), AToB), None);
    let second = Duration::from_secs(1);
    for (down, period) in [(second, second), (Duration::ZERO, second)] {
        let flap = Flap { period, down, until: Time::from_secs(9) };
        assert_eq!(control::flap_link(wire, flap).unwrap_err(), Error::BadFlap { down, period });
    }
}

/// Two hosts with a router between; the far link is made like `way` in both directions.
fn routed(config: Config, way: WaySpec, v6: bool) -> Net {
    let net = Net { sim: Sim::new(config).unwrap() };
    let prefix = if v6 { "2001:db8::" } else { "10.0.0." };
    let address = |n: u8| format!("{prefix}{n}");
    net.host("a", &[&address(1)]);
    net.router("r", &[&address(2)]);
    net.host("b", &[&address(3)]);
    let near = WaySpec { mtu: 9000, ..WaySpec::default() };
    net.sim.add_link(LinkSpec::new(net.node("a"), net.node("r")).both(near)).unwrap();
    net.sim.add_link(LinkSpec::new(net.node("r"), net.node("b")).both(way)).unwrap();
    net.route("a", &format!("{}/{}", address(3), if v6 { 128 } else { 32 }), &[&address(2)]);
    net.route("b", &format!("{}/{}", address(1), if v6 { 128 } else { 32 }), &[&address(2)]);
    net
}

fn far(v6: bool, port: u16) -> SocketAddr {
    sock(&if v6 { format!("[2001:db8::3]:{port}") } else { format!("10.0.0.3:{port}") })
}

/// Takes connections and counts what they say.
async fn sink(v6: bool, taken: Rc<RefCell<Vec<usize>>>) {
    let listener = TcpListener::bind(far(v6, 80)).await.unwrap();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut room = vec![0; 65_536];
        while let Ok(length @ 1..) = stream.read(&mut room).await {
            taken.borrow_mut().push(length);
        }
    }
}

/// Sends so many bytes by TCP and waits until the other side has them all.
fn transfer(net: &mut Net, v6: bool, bytes: usize, seconds: u64) -> bool {
    let taken = collect();
    net.spawn("b", sink(v6, Rc::clone(&taken)));
    net.run("a", seconds + 60, async move {
        let talk = async {
            let mut stream = TcpStream::connect(far(v6, 80)).await.unwrap();
            stream.write_all(&vec![7; bytes]).await.unwrap();
            while taken.borrow().iter().sum::<usize>() < bytes {
                time::sleep(Duration::from_millis(1)).await;
            }
        };
        time::timeout(Duration::from_secs(seconds), talk).await.is_ok()
    })
}

#[test]
fn tcp_finds_the_mtu_of_its_path_and_uses_all_of_it() {
    for (v6, mtu) in [(false, 9000), (false, 1500), (false, 1400), (true, 9000), (true, 1280)] {
        let mut net = routed(Config::default(), WaySpec { mtu, ..WaySpec::default() }, v6);
        assert!(transfer(&mut net, v6, 200_000, 30), "MTU {mtu}");
        let too_big = control::drops_at(net.node("r"), DropCause::TooBig);
        // The handshake tells each end the MTU of the other's own link: only a narrow link between would be news.
        assert_eq!(too_big, 0, "MTU {mtu}");
        let segments = 200_000 / u64::from(mtu - if v6 { 60 } else { 40 });
        let packets = net.sim.packets();
        assert!(packets > 2 * segments && packets < 4 * segments + 100, "MTU {mtu}: {packets}");
    }
}

#[test]
fn a_narrow_link_in_the_middle_is_told_of_or_is_a_black_hole() {
    for (v6, black_hole) in [(false, false), (true, false), (false, true), (true, true)] {
        let middle = WaySpec { mtu: 1300, black_hole, ..WaySpec::default() };
        let mut net = routed(Config::default(), WaySpec::default(), v6);
        control::set_link_way(net.link(0), AToB, WaySpec { mtu: 1500, ..WaySpec::default() }).unwrap();
        // From the router on; the host behind it offers 1,500.
        control::set_link_way(net.link(1), AToB, middle).unwrap();
        assert_eq!(transfer(&mut net, v6, 50_000, 30), !black_hole, "IPv6 {v6}, black hole {black_hole}");
        assert!(control::drops_at(net.node("r"), DropCause::TooBig) > 0);
    }
}

#[test]
fn datagrams_over_the_mtu_are_refused_once_it_is_known() {
    let mut net = routed(Config::default(), WaySpec { mtu: 1300, ..WaySpec::default() }, false);
    let errors = net.run("a", 700, async {
        let socket = UdpSocket::bind(sock("10.0.0.1:0")).await.unwrap();
        let mut errors = Vec::new();
        for (wait, length) in [(0, 8973), (1, 8972), (1, 1273), (1, 1272), (601, 1273)] {
            time::sleep(Duration::from_secs(wait)).await;
            let sent = socket.send_to(&vec![0; length], far(false, 9)).await;
            errors.push(sent.err().and_then(|error| error.raw_os_error()));
        }
        let itself = socket.send_to(&[0; 65_507], sock("10.0.0.1:9")).await;
        assert_eq!(itself.unwrap(), 65_507);
        time::sleep(Duration::from_secs(1)).await;
        errors
    });
    const EMSGSIZE: i32 = 90;
    let expected = [
        Some(EMSGSIZE), // over the host's own link
        None,           // nobody knows yet
        Some(EMSGSIZE), // a router said 1,300
        None,           // just that
        None,           // ten minutes later it is worth another try
    ];
    assert_eq!(errors, expected);
    assert_eq!(control::drops_at(net.node("r"), DropCause::TooBig), 2);
}

/// The longest time of a datagram there and back in milliseconds, beside a bulk transfer, and the transfer's bytes.
fn beside_bulk(congestion: Congestion, queue_bytes: u64) -> (u64, usize) {
    let config = Config { congestion, tcp_buffer: 512 * 1024, ..Config::default() };
    let bandwidth = Some(Bandwidth { bits_per_s: 8_000_000, queue_bytes });
    let latency = Latency::Fixed(Duration::from_millis(10));
    let mut net = routed(config, WaySpec { bandwidth, ..WaySpec::with_latency(latency) }, false);
    let taken = collect();
    net.spawn("b", sink(false, Rc::clone(&taken)));
    net.spawn("b", async {
        let socket = UdpSocket::bind(far(false, 7)).await.unwrap();
        let mut room = [0; 64];
        while let Ok((length, peer)) = socket.recv_from(&mut room).await {
            socket.send_to(&room[..length], peer).await.unwrap();
        }
    });
    net.spawn("a", async {
        let mut stream = TcpStream::connect(far(false, 80)).await.unwrap();
        while stream.write_all(&[7; 16_384]).await.is_ok() {}
    });
    let times = net.run("a", 60, async {
        let socket = UdpSocket::bind(sock("10.0.0.1:0")).await.unwrap();
        let mut times = Vec::new();
        for _ in 0..200 {
            time::sleep(Duration::from_millis(100)).await;
            let begun = Time::now();
            socket.send_to(&[1; 20], far(false, 7)).await.unwrap();
            let mut room = [0; 64];
            if time::timeout(Duration::from_secs(1), socket.recv_from(&mut room)).await.is_ok() {
                times.push((Time::now() - begun).as_millis() as u64);
            }
        }
        times
    });
    let bytes = taken.borrow().iter().sum();
    (times.into_iter().max().unwrap_or_default(), bytes)
}

#[test]
fn a_large_queue_is_felt_by_everybody_behind_it() {
    // 1 MB/s for 20 s and more; 22 ms there and back when nothing waits.
    for congestion in [Congestion::Reno, Congestion::Cubic] {
        let (small, carried_small) = beside_bulk(congestion, 16_000);
        let (large, carried_large) = beside_bulk(congestion, 250_000);
        assert!((23..=22 + 17).contains(&small), "16 kB wait for 16 ms: {small}");
        assert!((200..=22 + 251).contains(&large), "bufferbloat: 250 kB wait for 250 ms: {large}");
        for carried in [carried_small, carried_large] {
            assert!(carried > 15_000_000, "most of the link is used: {carried}");
        }
    }
}

/// When 100 kB were sent and have come back, in seconds.
fn echo(congestion: Congestion, loss: f64, seed: u64) -> u64 {
    let way = WaySpec { loss: Loss::Independent(loss), ..WaySpec::default() };
    let mut net = routed(Config { seed, congestion, ..Config::default() }, way, false);
    net.spawn("b", async {
        let listener = TcpListener::bind(far(false, 7)).await.unwrap();
        let (mut read, mut write) = tokio::io::split(listener.accept().await.unwrap().0);
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    net.run("a", 20_000, async {
        let (mut read, mut write) = tokio::io::split(TcpStream::connect(far(false, 7)).await.unwrap());
        task::spawn("send", async move {
            write.write_all(&[1; 100_000]).await.unwrap();
            // The other half must not close the connection.
            std::future::pending::<()>().await;
        });
        read.read_exact(&mut vec![0; 100_000]).await.unwrap();
        Time::now().as_nanos() / 1_000_000_000
    })
}

/// Both ends send again and acknowledge at a time, again and again.
#[test]
fn data_both_ways_survives_loss_whatever_the_congestion_control() {
    for congestion in [Congestion::None, Congestion::Reno, Congestion::Cubic] {
        for (loss, seconds) in [(0.05, 60), (0.1, 300), (0.2, 2000)] {
            for seed in 0..8 {
                let took = echo(congestion, loss, seed);
                assert!(took <= seconds, "{congestion:?}, loss {loss}, seed {seed}: {took} s");
            }
        }
    }
}
