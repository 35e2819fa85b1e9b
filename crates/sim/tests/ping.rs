//! Echo requests: who answers, and what routers say when nobody does.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::fib::{Protocol, Target};
use blackstart_sim::net::{Answer, Echo, Ping, UdpSocket, ping, traceroute};
use blackstart_sim::{DropCause, Latency, control};
use common::{Net, ip, sock};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

fn ask(net: &mut Net, to: &'static str, options: Ping) -> Option<Echo> {
    net.run("n1", 60, async move { ping(ip(to), &options).await }).unwrap()
}

fn refused(net: &mut Net, to: &'static str, options: Ping) -> ErrorKind {
    net.run("n1", 60, async move { ping(ip(to), &options).await }).unwrap_err().kind()
}

fn said(echo: Option<Echo>) -> Option<(Answer, IpAddr)> {
    echo.map(|echo| (echo.answer, echo.from))
}

/// The last number of each hop's address.
fn trace(net: &mut Net, to: &'static str, hops_max: u8) -> Vec<Option<(Answer, u8)>> {
    let hops = net.run("n1", 600, async move { traceroute(ip(to), hops_max, Duration::from_secs(1)).await });
    let last = |address: IpAddr| address.to_string().rsplit('.').next().and_then(|text| text.parse().ok());
    hops.unwrap().into_iter().map(|hop| hop.map(|hop| (hop.answer, last(hop.from).unwrap()))).collect()
}

fn install(net: &Net, node: &str, prefix: &str, target: Target) {
    control::install_route(net.node(node), Protocol::Static, prefix.parse().unwrap(), target, 0).unwrap();
}

#[test]
fn an_echo_comes_back_with_its_time_and_its_life() {
    let mut net = Net::line(1, 4);
    let echo = ask(&mut net, "10.0.0.4", Ping::default()).unwrap();
    let rtt = Duration::from_millis(6);
    assert_eq!(echo, Echo { answer: Answer::Reply, from: ip("10.0.0.4"), ttl: 62, rtt });
    assert_eq!(ask(&mut net, "10.0.0.2", Ping::default()).unwrap().ttl, 64, "routers answer too");
    assert_eq!(ask(&mut net, "127.0.0.1", Ping::default()).unwrap().from, ip("127.0.0.1"));
}

#[test]
fn both_families_are_spoken() {
    let mut net = Net::pair(1, "2001:db8::1", "2001:db8::2");
    let echo = net.run("a", 5, async { ping(ip("2001:db8::2"), &Ping::default()).await.unwrap() }).unwrap();
    assert_eq!((echo.answer, echo.from), (Answer::Reply, ip("2001:db8::2")));
    assert_eq!(echo.rtt, Duration::from_millis(20));
}

#[test]
fn routers_say_why_not() {
    let mut net = Net::line(1, 4);
    install(&net, "n2", "10.8.0.0/16", Target::Discard);
    let short = Ping { ttl: 2, ..Ping::default() };
    assert_eq!(said(ask(&mut net, "10.0.0.4", short)), Some((Answer::TimeExceeded, ip("10.0.0.3"))));
    let net_unreachable = Some((Answer::NetUnreachable, ip("10.0.0.2")));
    assert_eq!(said(ask(&mut net, "10.9.0.1", Ping::default())), net_unreachable);
    assert_eq!(ask(&mut net, "10.8.0.1", Ping::default()), None, "discarded in silence");
    control::power_off(net.node("n4")).unwrap();
    let host_unreachable = Some((Answer::HostUnreachable, ip("10.0.0.3")));
    assert_eq!(said(ask(&mut net, "10.0.0.4", Ping::default())), host_unreachable);
}

#[test]
fn what_cannot_be_asked_is_an_error() {
    let mut net = Net::line(1, 2);
    assert_eq!(refused(&mut net, "10.0.0.2", Ping { ttl: 0, ..Ping::default() }), ErrorKind::InvalidInput);
    let long = Ping { payload_bytes: 65_508, ..Ping::default() };
    assert_eq!(refused(&mut net, "10.0.0.2", long), ErrorKind::InvalidInput);
    let foreign = Ping { from: Some(ip("10.0.0.2")), ..Ping::default() };
    assert_eq!(refused(&mut net, "10.0.0.2", foreign), ErrorKind::AddrNotAvailable);
    assert_eq!(refused(&mut net, "2001:db8::1", Ping::default()), ErrorKind::NetworkUnreachable);
    control::set_admin_up(net.node("n1"), "n2", false).unwrap();
    assert_eq!(refused(&mut net, "10.0.0.2", Ping::default()), ErrorKind::NetworkUnreachable);
}

/// The first answer comes when it is not waited for any more: the second request has its own.
#[test]
fn a_late_answer_is_nobodys() {
    let mut net = Net::line(1, 2);
    control::set_link_latency(net.link(0), Latency::Fixed(Duration::from_millis(700))).unwrap();
    let hops = net.run("n1", 60, async { traceroute(ip("10.9.0.1"), 2, Duration::from_secs(1)).await });
    assert_eq!(hops.unwrap(), [None, None]);
    let patient = Ping { timeout: Duration::from_secs(2), ..Ping::default() };
    assert_eq!(ask(&mut net, "10.0.0.2", patient).unwrap().rtt, Duration::from_millis(1400));
}

#[test]
fn a_trace_names_the_routers_in_order() {
    use Answer::{NetUnreachable, Reply, TimeExceeded};
    let mut net = Net::line(1, 5);
    let way = [(TimeExceeded, 2), (TimeExceeded, 3), (TimeExceeded, 4), (Reply, 5)].map(Some);
    assert_eq!(trace(&mut net, "10.0.0.5", 30), way);
    assert_eq!(trace(&mut net, "10.0.0.5", 2), way[..2], "no further than asked");
    install(&net, "n2", "10.8.0.0/16", Target::Discard);
    assert_eq!(trace(&mut net, "10.8.0.1", 3), [None, None, None], "discarded whatever is left of its life");
    install(&net, "n2", "10.8.0.0/16", Target::Via(vec![ip("10.0.0.3")]));
    install(&net, "n3", "10.8.0.0/16", Target::Discard);
    assert_eq!(trace(&mut net, "10.8.0.1", 3), [Some((TimeExceeded, 2)), None, None]);
    install(&net, "n2", "10.9.0.0/16", Target::Via(vec![ip("10.0.0.3")]));
    assert_eq!(trace(&mut net, "10.9.0.1", 30), [Some((TimeExceeded, 2)), Some((NetUnreachable, 3))]);
}

#[test]
fn a_trace_shows_a_forwarding_loop_and_a_ping_ends_in_it() {
    let mut net = Net::line(1, 4);
    install(&net, "n2", "10.7.0.0/16", Target::Via(vec![ip("10.0.0.3")]));
    install(&net, "n3", "10.7.0.0/16", Target::Via(vec![ip("10.0.0.2")]));
    let round = [2, 3, 2, 3, 2, 3].map(|n| Some((Answer::TimeExceeded, n)));
    assert_eq!(trace(&mut net, "10.7.0.1", 6), round);
    let (expired, crossed) = (control::drops(DropCause::TtlExpired), net.sim.packets());
    let end = ask(&mut net, "10.7.0.1", Ping::default());
    assert_eq!(said(end), Some((Answer::TimeExceeded, ip("10.0.0.3"))), "64 routers after n1");
    assert_eq!(control::drops(DropCause::TtlExpired), expired + 1);
    assert_eq!(net.sim.packets(), crossed + 64 + 2, "64 hops, and the complaint's way back");
}

/// Each packet of a flow takes the same of two equal ways; the flows share them.
#[test]
fn a_flow_keeps_to_one_of_equal_paths() {
    const FLOWS: u64 = 64;
    const PACKETS: u64 = 5;
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1"]);
    net.router("r", &["10.0.0.2"]);
    net.join("a", "r", 1);
    net.route("a", "0.0.0.0/0", &["10.0.0.2"]);
    for (name, address) in [("u", "10.0.1.1"), ("v", "10.0.1.2")] {
        net.router(name, &[address]);
        net.join("r", name, 1);
        install(&net, name, "10.0.9.0/24", Target::Discard);
    }
    net.route("r", "10.0.9.0/24", &["10.0.1.1", "10.0.1.2"]);
    let arrived = |name: &str| control::drops_at(net.node(name), DropCause::Discard);
    let mut before = (arrived("u"), arrived("v"));
    let mut flows = (0, 0);
    for port in 0..FLOWS as u16 {
        net.run("a", 60, async move {
            let socket = UdpSocket::bind(sock(&format!("10.0.0.1:{}", 1000 + port))).await.unwrap();
            for _ in 0..PACKETS {
                socket.send_to(b"x", sock("10.0.9.1:53")).await.unwrap();
                blackstart_sim::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let arrived = |name: &str| control::drops_at(net.node(name), DropCause::Discard);
        let now = (arrived("u"), arrived("v"));
        match (now.0 - before.0, now.1 - before.1) {
            (PACKETS, 0) => flows.0 += 1,
            (0, PACKETS) => flows.1 += 1,
            split => panic!("flow {port} was split: {split:?}"),
        }
        before = now;
    }
    assert_eq!(flows.0 + flows.1, FLOWS);
    assert!(flows.0.abs_diff(flows.1) < FLOWS / 2, "{flows:?}");
}
