//! Losing power: silent, complete, and noticed by others only through silence.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::net::{TcpListener, TcpStream, UdpSocket};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{Time, control, disk, fib, link, task, time};
use common::{Net, collect, ip, sock};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn a_peer_notices_only_by_timeout() {
    let mut net = Net::line(1, 3);
    net.program("n3", || {
        task::spawn("server", async {
            let listener = TcpListener::bind(sock("0.0.0.0:7")).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 8]).await;
        });
    });
    let n3 = net.node("n3");
    net.sim.spawn("fault", async move {
        time::sleep(Duration::from_secs(10)).await;
        control::power_off(n3).unwrap();
    });
    let (read, wrote) = net.run("n1", 4000, async {
        let mut stream = TcpStream::connect(sock("10.0.0.3:7")).await.unwrap();
        let read = time::timeout(Duration::from_secs(3600), stream.read(&mut [0; 8])).await;
        stream.set_user_timeout(Some(Duration::from_secs(20)));
        let start = Time::now();
        stream.write_all(b"still there?").await.unwrap();
        let error = stream.read(&mut [0; 8]).await.unwrap_err();
        (read.is_err(), (error.kind(), (Time::now() - start).as_secs()))
    });
    assert!(read, "no FIN and no RST may leave a machine that lost its power");
    assert_eq!(wrote, (ErrorKind::HostUnreachable, 20), "the router says why, the timeout says when");
}

#[test]
fn after_a_reboot_the_old_connection_is_reset() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || {
        task::spawn("server", async {
            let listener = TcpListener::bind(sock("0.0.0.0:7")).await.unwrap();
            let mut streams = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                streams.push(stream);
            }
        });
    });
    let b = net.node("b");
    net.sim.spawn("fault", async move {
        time::sleep(Duration::from_secs(10)).await;
        control::power_off(b).unwrap();
        time::sleep(Duration::from_secs(10)).await;
        control::power_on(b).unwrap();
    });
    let kinds = net.run("a", 100, async {
        let mut stream = TcpStream::connect(sock("10.0.0.2:7")).await.unwrap();
        time::sleep(Duration::from_secs(30)).await;
        stream.write_all(b"x").await.unwrap();
        let first = stream.read(&mut [0; 8]).await.unwrap_err().kind();
        let then = stream.write(b"y").await.unwrap_err().kind();
        (
            first,
            then,
            stream.read(&mut [0; 8]).await.unwrap(),
            TcpStream::connect(sock("10.0.0.2:7")).await.is_ok(),
        )
    });
    assert_eq!(kinds, (ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, 0, true));
}

#[test]
fn everything_of_the_machine_goes_in_the_order_of_birth() {
    struct Noisy(u32, Rc<std::cell::RefCell<Vec<u32>>>);
    impl Drop for Noisy {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
            assert!(task::current_node().is_some());
            assert!(task::spawn("undead", async {}).is_finished(), "spawn is refused without power");
        }
    }
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let dropped = collect();
    for n in 0..5 {
        let noisy = Noisy(n, dropped.clone());
        net.spawn("a", async move {
            let _noisy = noisy;
            let _socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
            let _listener = TcpListener::bind(sock("0.0.0.0:0")).await.unwrap();
            std::future::pending::<()>().await;
        });
    }
    net.sim.run_until(Time::from_secs(1));
    let a = net.node("a");
    assert_eq!(control::socket_count(a), 10);
    control::power_off(a).unwrap();
    assert_eq!(*dropped.borrow(), [0, 1, 2, 3, 4]);
    assert_eq!((control::socket_count(a), net.sim.task_count()), (0, 0));
    assert!(net.crashes().is_empty(), "{:?}", net.crashes());
}

/// A task that cuts its own power is dropped when its poll returns, and can do no harm until then.
#[test]
fn cutting_the_branch_one_sits_on() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let seen = collect();
    let log = seen.clone();
    let a = net.node("a");
    net.spawn("a", async move {
        let socket = UdpSocket::bind(sock("0.0.0.0:9")).await.unwrap();
        control::power_off(a).unwrap();
        let sent = socket.send_to(b"x", sock("10.0.0.2:9")).await.unwrap_err();
        let bound = UdpSocket::bind(sock("0.0.0.0:9")).await.unwrap_err();
        log.borrow_mut().extend([sent.kind(), bound.kind()]);
        assert!(task::spawn("more", async {}).await.is_err());
        task::yield_now().await;
        unreachable!("the machine is off");
    });
    net.sim.run_until(Time::from_secs(1));
    assert_eq!(*seen.borrow(), [ErrorKind::NotConnected; 2]);
    assert_eq!(net.sim.task_count(), 0);
    assert!(net.crashes().is_empty());
}

#[test]
fn a_boot_starts_afresh() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let boots = collect();
    let log = boots.clone();
    net.program("a", move || {
        let log = log.clone();
        task::spawn("service", async move {
            log.borrow_mut().push((disk::list().unwrap(), fib::lookup(ip("9.9.9.9")).is_some()));
            disk::write("synced", b"1").unwrap();
            disk::fsync("synced").unwrap();
            disk::write("unsynced", b"1").unwrap();
            let via = fib::Target::Via(vec![ip("10.0.0.2")]);
            fib::install(fib::Protocol::Ebgp, "9.0.0.0/8".parse().unwrap(), via, 0);
            assert!(fib::lookup(ip("9.9.9.9")).is_some());
        });
    });
    let a = net.node("a");
    net.sim.run_until(Time::from_secs(1));
    control::power_off(a).unwrap();
    control::power_off(a).unwrap();
    net.sim.run_until(Time::from_secs(2));
    control::power_on(a).unwrap();
    net.sim.run_until(Time::from_secs(3));
    assert_eq!(*boots.borrow(), [(vec![], false), (vec!["synced".to_owned()], false)]);
    let records = net.sim.records();
    let events = records.iter().filter_map(SimEvent::decode);
    assert_eq!(events.filter(|event| matches!(event, SimEvent::PowerOff | SimEvent::PowerOn)).count(), 2);
}

#[test]
fn carrier_follows_power_and_ports_and_cuts() {
    use blackstart_sim::Direction::{AToB, BToA};
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let seen = collect();
    let log = seen.clone();
    net.spawn("a", async move {
        let mut watch = link::watch();
        loop {
            watch.changed().await;
            let port = link::interfaces().remove(0);
            log.borrow_mut().push((Time::now().since_start().as_secs(), port.carrier, port.admin_up));
        }
    });
    let (a, b, wire) = (net.node("a"), net.node("b"), net.link(0));
    let mut at = 0;
    let mut step = |net: &mut Net, change: &dyn Fn()| {
        change();
        at += 1;
        net.sim.run_until(Time::from_secs(at));
    };
    step(&mut net, &|| {});
    step(&mut net, &|| control::power_off(b).unwrap());
    step(&mut net, &|| control::power_on(b).unwrap());
    step(&mut net, &|| control::set_admin_up(b, "a", false).unwrap());
    step(&mut net, &|| control::set_admin_up(b, "a", true).unwrap());
    step(&mut net, &|| control::set_link_blocked(wire, AToB, true).unwrap());
    step(&mut net, &|| control::set_link_blocked(wire, BToA, true).unwrap());
    step(&mut net, &|| control::set_link_blocked(wire, AToB, false).unwrap());
    step(&mut net, &|| control::set_admin_up(a, "b", false).unwrap());
    let expected = [(1, false, true), (2, true, true), (3, false, true), (4, true, true)];
    assert_eq!(seen.borrow()[..4], expected);
    assert_eq!(seen.borrow()[4..], [(6, false, true), (7, true, true), (8, false, false)]);
}

#[test]
fn what_is_on_a_cut_wire_never_arrives() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let got = collect();
    let log = got.clone();
    net.spawn("b", async move {
        let socket = UdpSocket::bind(sock("0.0.0.0:9")).await.unwrap();
        let mut buffer = [0; 8];
        while let Ok((n, _)) = socket.recv_from(&mut buffer).await {
            log.borrow_mut().push(buffer[..n].to_vec());
        }
    });
    let b = net.node("b");
    net.run("a", 1, async move {
        let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
        socket.send_to(b"lost", sock("10.0.0.2:9")).await.unwrap();
        time::sleep(Duration::from_millis(3)).await;
        control::set_admin_up(b, "a", false).unwrap();
        control::set_admin_up(b, "a", true).unwrap();
        socket.send_to(b"kept", sock("10.0.0.2:9")).await.unwrap();
    });
    net.sim.run_until(Time::from_secs(2));
    assert_eq!(*got.borrow(), [b"kept".to_vec()]);
    assert_eq!(control::drops(blackstart_sim::DropCause::LinkDown), 1);
}
