//! What can happen to a machine beside losing its power: a service crashes and comes back, the machine stands still or
//! is slow, its clock goes wrong, its disk fails.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::net::{TcpListener, TcpStream, UdpSocket};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{
    Driver, DropCause, Emitter, Error, NodeId, Record, Time, control, disk, record, task, time,
};
use common::{Net, collect, sock};
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECOND: Duration = Duration::from_secs(1);

// Services.

/// Accepts and keeps, reading nothing.
async fn hoard() {
    let listener = TcpListener::bind(sock("0.0.0.0:80")).await.unwrap();
    let mut streams = Vec::new();
    while let Ok((stream, _)) = listener.accept().await {
        streams.push(stream);
    }
}

/// A pair in which "b" runs `hoard` as "web", and another service.
fn web_and_clock() -> Net {
    let net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || {
        task::spawn("web", hoard());
        task::spawn("clock", async {
            loop {
                record::emit("tick", &[]);
                time::sleep(SECOND).await;
            }
        });
    });
    net
}

#[test]
fn a_restarted_service_is_alone_in_starting() {
    let mut net = web_and_clock();
    let b = net.node("b");
    net.sim.run_until(Time::from_secs(2));
    let before = net.sim.task_count();
    assert!(control::kill_service(b, "web"));
    assert_eq!((control::is_running(b, "web"), control::socket_count(b)), (false, 0));
    net.sim.run_until(Time::from_secs(4));
    control::restart_service(b, "web").unwrap();
    net.sim.run_until(Time::from_secs(6));
    assert_eq!((control::socket_count(b), net.sim.task_count()), (1, before), "the clock was not doubled");
    // One that runs is replaced, and its port is free for its successor.
    control::restart_service(b, "web").unwrap();
    net.sim.run_until(Time::from_nanos(9_500_000_000));
    assert_eq!((control::socket_count(b), net.sim.task_count()), (1, before));
    let records = net.sim.records();
    assert_eq!(records.iter().filter(|record| record.kind == "tick").count(), 10);
    let web = || "web".to_owned();
    let events: Vec<SimEvent> = records.iter().filter_map(SimEvent::decode).collect();
    let restarted = || SimEvent::ServiceRestarted { service: web() };
    assert_eq!(events, [SimEvent::ServiceKilled { service: web() }, restarted(), restarted()]);
}

#[test]
fn what_cannot_be_restarted_is_an_error_and_stays_as_it_is() {
    let mut net = web_and_clock();
    let (a, b) = (net.node("a"), net.node("b"));
    net.spawn("b", std::future::pending());
    net.sim.run_until(Time::from_secs(1));
    let unknown = |node: &str, service: &str| {
        Err(Error::UnknownService { node: node.to_owned(), service: service.to_owned() })
    };
    assert_eq!(control::restart_service(b, "test"), unknown("b", "test"));
    assert!(control::is_running(b, "test"), "started from outside: the program cannot start it again");
    assert_eq!(control::restart_service(a, "web"), unknown("a", "web"));
    assert_eq!(control::restart_service(NodeId(7), "web"), Err(Error::UnknownNode(7)));
    control::power_off(b).unwrap();
    assert_eq!(control::restart_service(b, "web"), Err(Error::NoPower("b".to_owned())));
}

/// A supervisor may restart what it belongs to.
#[test]
fn a_service_may_restart_itself() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let a = net.node("a");
    let starts = collect();
    let log = starts.clone();
    net.program("a", move || {
        let log = log.clone();
        task::spawn("phoenix", async move {
            let _port = TcpListener::bind(sock("0.0.0.0:80")).await.unwrap();
            log.borrow_mut().push(Time::now().since_start().as_secs());
            time::sleep(SECOND).await;
            if Time::now() < Time::from_secs(3) {
                control::restart_service(a, "phoenix").unwrap();
                task::yield_now().await;
                unreachable!("dropped when its poll ends");
            }
        });
    });
    net.sim.run_until(Time::from_secs(9));
    assert_eq!(*starts.borrow(), [0, 1, 2]);
    assert!(net.crashes().is_empty(), "{:?}", net.crashes());
}

/// As on Linux: the kernel closes what a killed process had open.
#[test]
fn peers_of_a_killed_service_see_fin_or_rst() {
    let mut net = web_and_clock();
    let b = net.node("b");
    net.sim.spawn("fault", async move {
        time::sleep(10 * SECOND).await;
        assert!(control::kill_service(b, "web"));
    });
    let (idle, unread, refused) = net.run("a", 60, async {
        let mut idle = TcpStream::connect(sock("10.0.0.2:80")).await.unwrap();
        let mut unread = TcpStream::connect(sock("10.0.0.2:80")).await.unwrap();
        unread.write_all(b"never read").await.unwrap();
        let idle = idle.read(&mut [0; 8]).await.unwrap();
        let unread = unread.read(&mut [0; 8]).await.unwrap_err().kind();
        (idle, unread, TcpStream::connect(sock("10.0.0.2:80")).await.unwrap_err().kind())
    });
    assert_eq!((idle, unread, refused), (0, ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused));
}

#[test]
fn a_killed_service_leaves_its_files_and_frees_its_ports() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let a = net.node("a");
    let found = collect();
    let log = found.clone();
    net.program("a", move || {
        let log = log.clone();
        task::spawn("service", async move {
            let _socket = UdpSocket::bind(sock("0.0.0.0:53")).await.unwrap();
            log.borrow_mut().push(disk::list().unwrap());
            disk::write("unsynced", b"in memory").unwrap();
            std::future::pending::<()>().await;
        });
    });
    net.sim.run_until(Time::from_secs(1));
    control::restart_service(a, "service").unwrap();
    net.sim.run_until(Time::from_secs(2));
    assert_eq!(*found.borrow(), [vec![], vec!["unsynced".to_owned()]]);
}

// Standing still.

/// Answers each datagram with itself.
async fn echo() {
    let socket = UdpSocket::bind(sock("0.0.0.0:7")).await.unwrap();
    let mut buffer = [0; 64];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        socket.send_to(&buffer[..length], peer).await.unwrap();
    }
}

/// A pair of which "b" echoes datagrams and is paused from 10 s to 20 s.
fn echo_paused() -> Net {
    let net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || drop(task::spawn("echo", echo())));
    pause_from_10_to_20(&net, "b");
    net
}

fn pause_from_10_to_20(net: &Net, node: &str) {
    let node = net.node(node);
    net.sim.spawn("fault", async move {
        time::sleep(10 * SECOND).await;
        control::pause(node).unwrap();
        assert!(control::is_paused(node));
        time::sleep(10 * SECOND).await;
        control::resume(node).unwrap();
    });
}

#[test]
fn a_paused_host_answers_when_it_goes_on() {
    let mut net = echo_paused();
    let heard = net.run("a", 60, async {
        let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
        time::sleep(12 * SECOND).await;
        for n in 0..300_u16 {
            socket.send_to(&n.to_be_bytes(), sock("10.0.0.2:7")).await.unwrap();
        }
        let mut heard = Vec::new();
        let mut buffer = [0; 64];
        while time::timeout(15 * SECOND, socket.recv_from(&mut buffer)).await.is_ok() {
            heard.push((Time::now().as_nanos(), u16::from_be_bytes([buffer[0], buffer[1]])));
        }
        heard
    });
    let expected: Vec<(u64, u16)> = (0..256).map(|n| (20_010_000_000, n)).collect();
    assert_eq!(heard, expected, "in order, at once, as many as the ring holds");
    assert_eq!(control::drops_at(net.node("b"), DropCause::QueueFull), 44);
    let events: Vec<SimEvent> = net.sim.records().iter().filter_map(SimEvent::decode).collect();
    assert_eq!(events, [SimEvent::Paused, SimEvent::Resumed], "the carrier stayed");
}

/// First what the kernel does, then the tasks, each in the order of what befell them; so a datagram that came in time is
/// there when its reader's time is up.
#[test]
fn what_is_overdue_happens_in_order() {
    let run = || {
        let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
        pause_from_10_to_20(&net, "b");
        let seen = collect();
        for (name, at) in [("third", 15), ("first", 11), ("second", 13), ("on time", 20), ("late", 21)] {
            let log = seen.clone();
            net.spawn("b", async move {
                time::sleep(at * SECOND).await;
                log.borrow_mut().push((name, Time::now().since_start().as_secs()));
            });
        }
        let log = seen.clone();
        net.spawn("b", async move {
            let socket = UdpSocket::bind(sock("0.0.0.0:7")).await.unwrap();
            let heard = time::timeout(14 * SECOND, socket.recv_from(&mut [0; 8])).await;
            log.borrow_mut().push((if heard.is_ok() { "heard" } else { "not heard" }, 0));
        });
        net.spawn("a", async {
            time::sleep(12 * SECOND).await;
            let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
            socket.send_to(b"x", sock("10.0.0.2:7")).await.unwrap();
        });
        net.sim.run_until(Time::from_secs(30));
        let seen = seen.borrow().clone();
        (seen, net.sim.log_hash())
    };
    let (seen, hash) = run();
    let expected =
        [("first", 20), ("second", 20), ("heard", 0), ("third", 20), ("on time", 20), ("late", 21)];
    assert_eq!(seen, expected);
    assert_eq!(run(), (expected.to_vec(), hash));
}

#[test]
fn a_connection_survives_a_pause_and_its_clock_has_gone_on() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    pause_from_10_to_20(&net, "b");
    let clock = collect();
    let log = clock.clone();
    net.program("b", move || {
        let log = log.clone();
        task::spawn("server", async move {
            let listener = TcpListener::bind(sock("0.0.0.0:7")).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.unwrap();
            log.borrow_mut().push((heard.len(), time::unix_now().as_secs() - 1_633_360_000));
        });
    });
    net.run("a", 60, async {
        let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        time::sleep(11 * SECOND).await;
        stream.write_all(&[1; 50_000]).await.unwrap();
        assert!(Time::now() > Time::from_secs(20), "the window filled up and nobody acknowledged");
        stream.shutdown().await.unwrap();
    });
    net.sim.run_until(Time::from_secs(40));
    assert!(matches!(clock.borrow()[..], [(50_000, 20..25)]), "{clock:?}");
}

/// The pause is as long as the peer's patience: the connection ends there, and here, without a panic or a leak.
#[test]
fn a_peer_may_lose_patience_with_a_paused_host() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    pause_from_10_to_20(&net, "b");
    net.program("b", || drop(task::spawn("web", hoard())));
    let kind = net.run("a", 60, async {
        let mut stream = TcpStream::connect(sock("10.0.0.2:80")).await.unwrap();
        stream.set_user_timeout(Some(5 * SECOND));
        time::sleep(11 * SECOND).await;
        stream.write_all(b"x").await.unwrap();
        stream.read(&mut [0; 8]).await.unwrap_err().kind()
    });
    assert_eq!(kind, ErrorKind::TimedOut);
    net.sim.run_until(Time::from_secs(300));
}

#[test]
fn nothing_leaves_a_paused_host_whatever_is_done_to_it() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || drop(task::spawn("web", hoard())));
    let b = net.node("b");
    let fin = net.run("a", 60, async move {
        let mut stream = TcpStream::connect(sock("10.0.0.2:80")).await.unwrap();
        time::sleep(SECOND).await;
        control::pause(b).unwrap();
        control::pause(b).unwrap();
        assert!(control::kill_service(b, "web"));
        assert!(time::timeout(5 * SECOND, stream.read(&mut [0; 8])).await.is_err(), "no FIN yet");
        control::restart_service(b, "web").unwrap();
        control::resume(b).unwrap();
        control::resume(b).unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
        let fin = Time::now();
        TcpStream::connect(sock("10.0.0.2:80")).await.unwrap();
        fin
    });
    assert!(fin > Time::from_secs(6) && fin < Time::from_secs(7), "{fin}");
}

#[test]
fn a_paused_router_passes_nothing_on() {
    let mut net = Net::line(1, 4);
    pause_from_10_to_20(&net, "n3");
    net.program("n4", || drop(task::spawn("echo", echo())));
    let heard = net.run("n1", 60, async {
        let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
        let mut heard = Vec::new();
        for _ in 0..25 {
            socket.send_to(b"x", sock("10.0.0.4:7")).await.unwrap();
            let answer = time::timeout(SECOND, socket.recv_from(&mut [0; 8])).await;
            heard.push(answer.is_ok());
            time::sleep(if answer.is_ok() { SECOND - Duration::from_millis(6) } else { Duration::ZERO })
                .await;
        }
        heard
    });
    let silent: Vec<usize> = (0..25).filter(|&n| !heard[n]).collect();
    // The first is on the router's link when it stops.
    assert_eq!(silent, (10..20).collect::<Vec<_>>());
}

#[test]
fn the_power_ends_a_pause() {
    let mut net = echo_paused();
    let b = net.node("b");
    net.sim.run_until(Time::from_secs(12));
    control::power_off(b).unwrap();
    assert_eq!(control::pause(b), Err(Error::NoPower("b".to_owned())));
    control::power_on(b).unwrap();
    assert!(!control::is_paused(b));
    net.run("a", 3, async {
        let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
        socket.send_to(b"x", sock("10.0.0.2:7")).await.unwrap();
        socket.recv_from(&mut [0; 8]).await.unwrap();
    });
    assert_eq!(control::pause(NodeId(9)), Err(Error::UnknownNode(9)));
    assert_eq!(control::resume(NodeId(9)), Err(Error::UnknownNode(9)));
}

// Being slow.

/// When each of ten questions, sent at once, is answered, in milliseconds after it was sent.
fn answers(prepare: impl Fn(NodeId)) -> (Vec<u64>, u64) {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || {
        task::spawn("door", async {
            let socket = std::rc::Rc::new(UdpSocket::bind(sock("0.0.0.0:7")).await.unwrap());
            let mut buffer = [0; 8];
            while let Ok((_, peer)) = socket.recv_from(&mut buffer).await {
                let socket = socket.clone();
                task::spawn("work", async move { drop(socket.send_to(b"y", peer).await) });
            }
        });
    });
    prepare(net.node("b"));
    let at = net.run("a", 60, async {
        time::sleep(SECOND).await;
        let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
        let start = Time::now();
        for _ in 0..10 {
            socket.send_to(b"x", sock("10.0.0.2:7")).await.unwrap();
        }
        let mut at = Vec::new();
        while at.len() < 10 {
            socket.recv_from(&mut [0; 8]).await.unwrap();
            at.push((Time::now() - start).as_millis() as u64);
        }
        at
    });
    (at, net.sim.log_hash())
}

#[test]
fn a_slow_host_answers_late_and_its_work_queues() {
    let cost = |ms| move |node| control::set_cpu_cost(node, Duration::from_millis(ms)).unwrap();
    let usual = answers(|_| {});
    assert_eq!(usual.0, [20; 10]);
    // One poll of the door takes all ten in, then each answer takes one.
    let (late, _) = answers(cost(100));
    assert_eq!(late, (2..12).map(|polls| 20 + 100 * polls).collect::<Vec<_>>());
    // Twice as slow is twice as late; as usual again is as usual, to the byte.
    assert_eq!(answers(cost(200)).0, (2..12).map(|polls| 20 + 200 * polls).collect::<Vec<_>>());
    assert_eq!(answers(|node| [cost(100), cost(0)].iter().for_each(|set| set(node))), usual);
    assert_eq!(control::set_cpu_cost(NodeId(0), SECOND), Err(Error::NoSimulation));
}

/// A task that never waits keeps a slow CPU busy; it does not stop time, and the others get their turn.
#[test]
fn a_spinning_task_on_a_slow_host_lets_time_pass() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let a = net.node("a");
    control::set_cpu_cost(a, Duration::from_millis(10)).unwrap();
    control::spawn_on(a, "spin", async {
        loop {
            task::yield_now().await;
        }
    });
    let ticks = net.run("a", 2, async {
        let mut ticks = Vec::new();
        for _ in 0..3 {
            time::sleep(Duration::from_millis(100)).await;
            ticks.push(Time::now().since_start().as_millis());
        }
        ticks
    });
    assert!(ticks.windows(2).all(|pair| (100..=120).contains(&(pair[1] - pair[0]))), "{ticks:?}");
    assert!(control::is_running(a, "spin") && net.crashes().is_empty());
}

/// Slow, paused and killed at once.
#[test]
fn tasks_that_wait_for_their_cpu_may_be_paused_and_killed() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let a = net.node("a");
    control::set_cpu_cost(a, SECOND).unwrap();
    let seen = collect();
    for service in ["one", "two", "three"] {
        let log = seen.clone();
        control::spawn_on(a, service, async move {
            log.borrow_mut().push((service, Time::now().since_start().as_secs()));
        });
    }
    net.sim.run_until(Time::from_nanos(1_500_000_000));
    control::pause(a).unwrap();
    assert!(control::kill_service(a, "two"));
    net.sim.run_until(Time::from_secs(10));
    control::resume(a).unwrap();
    net.sim.run_until(Time::from_secs(20));
    assert_eq!(*seen.borrow(), [("one", 1), ("three", 10)]);
    assert_eq!(net.sim.task_count(), 0);
}

/// The same on both drivers; and on tokio's, its own timers stand still with their host.
#[test]
#[expect(clippy::disallowed_methods, reason = "tokio's own timer is what is tested")]
fn both_drivers_pause_and_slow_alike() {
    let run = |driver: Driver| {
        let mut net = Net::driven(1, driver);
        let a = net.host("a", &["10.0.0.1"]);
        let b = net.host("b", &["10.0.0.2"]);
        net.join("a", "b", 10);
        net.program("b", || drop(task::spawn("echo", echo())));
        pause_from_10_to_20(&net, "b");
        control::set_cpu_cost(a, Duration::from_micros(137)).unwrap();
        control::set_cpu_cost(b, Duration::from_millis(3)).unwrap();
        net.spawn("a", async {
            let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
            for n in 0..60_u8 {
                socket.send_to(&[n], sock("10.0.0.2:7")).await.unwrap();
                let heard = time::timeout(Duration::from_millis(400), socket.recv_from(&mut [0; 8])).await;
                record::emit("heard", &[u8::from(heard.is_ok())]);
                time::sleep(Duration::from_millis(400)).await;
            }
        });
        let woke = collect();
        if driver == Driver::Tokio {
            let log = woke.clone();
            control::spawn_on(b, "tokio", async move {
                tokio::time::sleep(12 * SECOND).await;
                log.borrow_mut().push(Time::now().since_start().as_secs());
            });
        }
        net.sim.run_until(Time::from_secs(60));
        let woke = woke.borrow().clone();
        (net.sim.records(), woke)
    };
    let ((native, _), (tokio, woke)) = (run(Driver::Native), run(Driver::Tokio));
    let heard = |records: &[Record]| -> Vec<_> {
        records.iter().filter(|record| record.kind == "heard").map(|record| record.bytes[0]).collect()
    };
    assert_eq!(heard(&native), heard(&tokio));
    assert!(heard(&native).contains(&0) && heard(&native).contains(&1), "{:?}", heard(&native));
    assert_eq!(woke, [20], "in the middle of the pause, were it not for that");
}

// Records.

#[test]
fn a_record_knows_whose_task_made_it() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let (a, b) = (net.node("a"), net.node("b"));
    net.program("a", || {
        record::emit("boot", &[]);
        task::spawn("web", async {
            task::spawn("child", async { record::emit("child", &[]) });
        });
    });
    net.sim.spawn("fate", async move {
        time::sleep(SECOND).await;
        control::power_off(b).unwrap();
    });
    net.sim.on_record(move |record| {
        if record.kind == "child" {
            record::emit_for(b, "hook", &[]);
        }
    });
    net.sim.run_until(Time::from_secs(2));
    let made = |node: Option<NodeId>, service: &str| Some(Emitter { node, service: service.into() });
    let records = net.sim.records();
    let seen: Vec<_> =
        records.iter().map(|record| (record.kind, record.node, record.emitter.clone())).collect();
    let carrier = |node| ("sim", Some(node), made(None, "fate"));
    assert_eq!(
        seen,
        [
            ("boot", Some(a), None),
            ("child", Some(a), made(Some(a), "web")),
            ("hook", Some(b), None),
            ("sim", Some(b), made(None, "fate")),
            carrier(a),
            carrier(b),
        ]
    );
}

/// The digests say between which records the packets of two runs part.
#[test]
fn packets_that_part_are_found_between_records() {
    let run = |late: bool| {
        let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
        net.run("a", 20, async move {
            let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
            for n in 0..5_u8 {
                let payload = if late && n == 3 { [9] } else { [n] };
                socket.send_to(&payload, sock("10.0.0.2:9")).await.unwrap();
                time::sleep(SECOND).await;
                record::emit("sent", &[n]);
            }
        });
        (net.sim.records(), net.sim.packet_digests())
    };
    let (one, other) = (run(false), run(true));
    assert_eq!(one.0, other.0);
    let parted = one.1.iter().zip(&other.1).position(|(a, b)| a != b);
    assert_eq!((one.1.len(), parted), (5, Some(3)));
    assert_eq!(run(false), one);
}

// Clocks.

#[test]
fn a_host_has_its_own_idea_of_the_time() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let a = net.node("a");
    let epoch = 1_633_360_000_000;
    let shown = |net: &mut Net, node: &str| {
        let at = net.run(node, 1, async { time::unix_now() });
        at.as_millis() as i64 - epoch - net.sim.now().since_start().as_millis() as i64
    };
    assert_eq!(shown(&mut net, "a"), 0);
    control::set_clock_drift(a, 100.0).unwrap();
    net.sim.run_until(Time::from_secs(10_000));
    assert_eq!((shown(&mut net, "a"), shown(&mut net, "b")), (1000, 0));
    control::step_clock(a, -2_000_000_000).unwrap();
    assert_eq!(shown(&mut net, "a"), -1000);
    control::set_clock_offset(a, 5_000_000_000).unwrap();
    control::set_clock_drift(a, 0.0).unwrap();
    control::slew_clock(a, -1_000_000_000).unwrap();
    assert_eq!(shown(&mut net, "a"), 5000);
    net.sim.run_until(Time::from_secs(11_000));
    assert_eq!(shown(&mut net, "a"), 4500);
    // A clock goes on while the machine is off; and records are true.
    control::power_off(a).unwrap();
    net.sim.run_until(Time::from_secs(20_000));
    control::power_on(a).unwrap();
    assert_eq!(shown(&mut net, "a"), 4000);
    assert_eq!(net.sim.records().last().unwrap().time, Time::from_secs(20_000));
    assert_eq!(control::set_clock_drift(a, 1e6), Err(Error::BadDrift(1e6)));
    assert_eq!(control::step_clock(NodeId(9), 0), Err(Error::UnknownNode(9)));
}

// Disks.

#[test]
fn a_disk_fails_when_told_to() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let a = net.node("a");
    let set = |faults| control::set_disk_faults(a, faults).unwrap();
    let write = |net: &mut Net| net.run("a", 1, async { disk::write("f", &[7; 600]) });
    set(disk::Faults { capacity: Some(599), ..disk::Faults::default() });
    assert_eq!(write(&mut net).unwrap_err().kind(), ErrorKind::StorageFull);
    set(disk::Faults { write_error: 1.0, ..disk::Faults::default() });
    let error = write(&mut net).unwrap_err();
    assert_eq!(error.kind(), io::Error::from_raw_os_error(5).kind());
    set(disk::Faults { torn_writes: true, ..disk::Faults::default() });
    net.run("a", 1, async { disk::write("f", &[7; 600]).and_then(|()| disk::fsync("f")).unwrap() });
    net.run("a", 1, async { disk::append("f", &[8; 5000]).unwrap() });
    let rotten = control::rot_disk(a, None).unwrap().unwrap();
    assert!(rotten.0 == "f" && rotten.1 < 600, "{rotten:?}");
    control::power_off(a).unwrap();
    control::power_on(a).unwrap();
    let left = net.run("a", 1, async { disk::read("f").unwrap() });
    assert!(left.len() == 600 || left.len() == 5600 || left.len().is_multiple_of(512), "{}", left.len());
    assert_eq!(left[..600].iter().filter(|byte| **byte != 7).count(), 1);
    let wrong = disk::Faults { read_error: 2.0, ..disk::Faults::default() };
    assert_eq!(
        control::set_disk_faults(a, wrong),
        Err(Error::BadProbability { what: "a read error", value: 2.0 })
    );
    assert_eq!(control::rot_disk(NodeId(9), None), Err(Error::UnknownNode(9)));
}
