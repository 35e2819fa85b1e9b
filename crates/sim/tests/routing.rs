//! Packets go where the tables say, and nowhere else.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::fib::{self, Protocol, Target};
use blackstart_sim::net::{TcpStream, UdpSocket};
use blackstart_sim::{DropCause, Time, control, task, time};
use common::{Net, collect, ip, sock};
use std::io::ErrorKind;
use std::time::Duration;

/// A server of datagrams that answers with the node's name, from the address that was asked.
async fn whoami() {
    let name = task::host_name().unwrap();
    let socket = UdpSocket::bind(sock("0.0.0.0:53")).await.unwrap();
    while let Ok((_, peer, local)) = socket.recv_from_to(&mut [0; 64]).await {
        socket.reply_from(name.as_bytes(), local, peer).await.unwrap();
    }
}

async fn ask(address: &str) -> Option<String> {
    let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
    let server = std::net::SocketAddr::new(ip(address), 53);
    socket.send_to(b"who?", server).await.ok()?;
    let mut answer = [0; 64];
    let (n, from) = time::timeout(Duration::from_secs(1), socket.recv_from(&mut answer)).await.ok()?.ok()?;
    assert_eq!(from, server, "the answer must come from the address that was asked");
    Some(String::from_utf8_lossy(&answer[..n]).into_owned())
}

/// A client and two sites with one address, behind a router.
fn anycast() -> Net {
    let net = Net::new(1);
    net.host("client", &["10.0.0.1"]);
    net.router("r", &["10.0.0.254"]);
    for (site, address) in [("east", "10.0.1.1"), ("west", "10.0.2.1")] {
        net.host(site, &[address, "192.0.2.53"]);
        net.join("r", site, 1);
        net.route(site, "0.0.0.0/0", &["10.0.0.254"]);
        net.program(site, || drop(task::spawn("dns", whoami())));
    }
    net.join("client", "r", 1);
    net.route("client", "0.0.0.0/0", &["10.0.0.254"]);
    net
}

#[test]
fn anycast_moves_when_the_route_is_withdrawn() {
    let mut net = anycast();
    let r = net.node("r");
    let service: ipnet::IpNet = "192.0.2.0/24".parse().unwrap();
    let via = |address| Target::Via(vec![ip(address)]);
    assert_eq!(net.run("client", 5, ask("192.0.2.53")), None);
    control::install_route(r, Protocol::Ibgp, service, via("10.0.2.1"), 0).unwrap();
    control::install_route(r, Protocol::Ebgp, service, via("10.0.1.1"), 0).unwrap();
    assert_eq!(net.run("client", 5, ask("192.0.2.53")).as_deref(), Some("east"));
    control::remove_route(r, Protocol::Ebgp, service).unwrap();
    assert_eq!(net.run("client", 5, ask("192.0.2.53")).as_deref(), Some("west"));
    let west = net.node("west");
    control::power_off(west).unwrap();
    assert_eq!(net.run("client", 5, ask("192.0.2.53")), None);
    control::install_route(r, Protocol::Ebgp, service, via("10.0.1.1"), 0).unwrap();
    assert_eq!(net.run("client", 5, ask("192.0.2.53")).as_deref(), Some("east"));
}

#[test]
fn a_route_is_as_good_as_its_next_hop() {
    let net = anycast();
    let r = net.node("r");
    let prefix = "192.0.2.0/24".parse().unwrap();
    let far = Target::Via(vec![ip("172.16.0.1")]);
    control::install_route(r, Protocol::Ibgp, prefix, far, 7).unwrap();
    assert_eq!(control::lookup_route(r, ip("192.0.2.1")), None);
    let near = Target::Via(vec![ip("10.0.1.1")]);
    control::install_route(r, Protocol::Igp, "172.16.0.1/32".parse().unwrap(), near, 10).unwrap();
    let found = control::lookup_route(r, ip("192.0.2.1")).unwrap();
    assert_eq!((found.protocol, found.metric, found.prefix), (Protocol::Ibgp, 7, prefix));
    control::power_off(net.node("east")).unwrap();
    assert_eq!(control::lookup_route(r, ip("192.0.2.1")), None);
}

#[test]
fn a_forwarding_loop_ends_by_ttl() {
    let mut net = Net::line(1, 4);
    net.route("n2", "10.7.0.0/16", &["10.0.0.3"]);
    net.route("n3", "10.7.0.0/16", &["10.0.0.2"]);
    let error =
        net.run("n1", 5, async { TcpStream::connect(sock("10.7.0.1:80")).await.map(drop).unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::HostUnreachable);
    assert_eq!(control::drops(DropCause::TtlExpired), 1);
    assert!(net.sim.packets() < 140, "{}", net.sim.packets());
}

#[test]
fn unreachable_is_told_and_discarded_is_not() {
    let mut net = Net::line(1, 4);
    let n2 = net.node("n2");
    control::install_route(n2, Protocol::Static, "10.8.0.0/16".parse().unwrap(), Target::Discard, 0).unwrap();
    let kind = |net: &mut Net, peer: &'static str| {
        net.run("n1", 200, async move { TcpStream::connect(sock(peer)).await.map(drop).unwrap_err().kind() })
    };
    assert_eq!(kind(&mut net, "10.8.0.1:1"), ErrorKind::TimedOut);
    assert_eq!(kind(&mut net, "10.9.0.1:1"), ErrorKind::NetworkUnreachable);
    control::power_off(net.node("n4")).unwrap();
    assert_eq!(kind(&mut net, "10.0.0.4:1"), ErrorKind::HostUnreachable);
    assert!(control::drops(DropCause::Discard) >= 6, "every SYN was discarded");
    assert_eq!(control::drops_at(n2, DropCause::NoRoute), 1);
}

#[test]
fn hosts_do_not_forward() {
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1"]);
    net.host("b", &["10.0.0.2"]);
    net.join("a", "b", 1);
    net.route("a", "0.0.0.0/0", &["10.0.0.2"]);
    assert_eq!(net.run("a", 5, ask("10.0.0.3")), None);
    assert_eq!(control::drops(DropCause::NotForwarding), 1);
}

#[test]
fn own_addresses_and_loopback_never_leave() {
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1", "192.0.2.1", "2001:db8::1"]);
    net.program("a", || drop(task::spawn("dns", whoami())));
    for address in ["127.0.0.1", "127.9.9.9", "10.0.0.1", "192.0.2.1"] {
        assert_eq!(net.run("a", 5, ask(address)).as_deref(), Some("a"), "{address}");
    }
    assert_eq!(net.sim.packets(), 0);
}

#[test]
fn equal_paths_share_the_flows() {
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1"]);
    net.router("r", &["10.0.0.2"]);
    net.host("z", &["10.0.0.9"]);
    net.join("a", "r", 1);
    for (name, address) in [("u", "10.0.1.1"), ("v", "10.0.1.2")] {
        net.router(name, &[address]);
        net.join("r", name, 1);
        net.join(name, "z", 1);
        net.route(name, "10.0.0.1/32", &["10.0.0.2"]);
    }
    net.route("a", "0.0.0.0/0", &["10.0.0.2"]);
    net.route("r", "10.0.0.9/32", &["10.0.1.1", "10.0.1.2"]);
    net.route("z", "0.0.0.0/0", &["10.0.1.1"]);
    net.program("z", || drop(task::spawn("dns", whoami())));
    let answered = net.run("a", 100, async {
        let mut answered = 0;
        for _ in 0..64 {
            answered += u32::from(ask("10.0.0.9").await.is_some());
        }
        answered
    });
    assert_eq!(answered, 64);
    control::set_admin_up(net.node("r"), "u", false).unwrap();
    assert!(net.run("a", 5, ask("10.0.0.9")).is_none(), "the way back is over u");
    net.route("z", "0.0.0.0/0", &["10.0.1.2"]);
    assert!(net.run("a", 5, ask("10.0.0.9")).is_some());
}

#[test]
fn a_watch_sees_every_change_of_the_table() {
    let mut net = anycast();
    let seen = collect();
    let log = seen.clone();
    net.spawn("r", async move {
        let mut watch = fib::watch();
        loop {
            watch.changed().await;
            log.borrow_mut().push(fib::lookup(ip("192.0.2.1")).map(|found| found.protocol));
        }
    });
    net.sim.run_until(Time::from_secs(1));
    let r = net.node("r");
    let prefix = "192.0.2.0/24".parse().unwrap();
    for at in 2..5 {
        let via = Target::Via(vec![ip("10.0.1.1")]);
        match at {
            2 => control::install_route(r, Protocol::Ibgp, prefix, via, 0).unwrap(),
            3 => control::install_route(r, Protocol::Igp, prefix, via, 0).unwrap(),
            _ => control::power_off(net.node("east")).unwrap(),
        }
        net.sim.run_until(Time::from_secs(at));
        control::install_route(r, Protocol::Igp, "10.99.0.0/16".parse().unwrap(), Target::Discard, 0)
            .unwrap();
    }
    assert_eq!(seen.borrow()[..], [Some(Protocol::Ibgp), Some(Protocol::Igp), None][..]);
}
