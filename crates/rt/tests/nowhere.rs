//! Outside any backend every call fails with a text that names the two ways in.

use blackstart_rt as rt;
use rt::fib::{Protocol, Target};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[derive(Debug, Serialize, Deserialize)]
struct Seen;

impl rt::Event for Seen {
    const KIND: &'static str = "test";
}

/// The answer of a future that must not have to wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("had to wait"),
    }
}

fn names_the_ways_in(text: &str) {
    for way in ["rt::os::enter", "blackstart_sim", "task::spawn", "turmoil::Host::boot"] {
        assert!(text.contains(way), "{way} is missing in: {text}");
    }
}

#[test]
fn calls_that_can_err_do() {
    let address: std::net::SocketAddr = "127.0.0.1:1".parse().unwrap();
    let errors: [(&str, io::Result<()>); 12] = [
        ("TcpListener::bind", now(rt::net::TcpListener::bind(address)).map(drop)),
        ("TcpStream::connect", now(rt::net::TcpStream::connect(address)).map(drop)),
        ("TcpStream::connect_from", now(rt::net::TcpStream::connect_from(address.ip(), address)).map(drop)),
        ("UdpSocket::bind", now(rt::net::UdpSocket::bind(address)).map(drop)),
        ("disk::read", now(rt::disk::read("a")).map(drop)),
        ("disk::write", now(rt::disk::write("a", b""))),
        ("disk::append", now(rt::disk::append("a", b""))),
        ("disk::fsync", now(rt::disk::fsync("a"))),
        ("disk::rename", now(rt::disk::rename("a", "b"))),
        ("disk::remove", now(rt::disk::remove("a"))),
        ("disk::list", now(rt::disk::list()).map(drop)),
        ("link::set_admin_up", rt::link::set_admin_up("a", true)),
    ];
    for (call, result) in errors {
        let error = result.expect_err(call);
        assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{call}");
        names_the_ways_in(&error.to_string());
    }
}

fn panics<T>(call: &str, make: impl FnOnce() -> T) {
    let payload = catch_unwind(AssertUnwindSafe(make)).err().expect(call);
    names_the_ways_in(payload.downcast_ref::<String>().expect(call));
}

#[test]
fn calls_that_cannot_err_panic() {
    let prefix: ipnet::IpNet = "192.0.2.0/24".parse().unwrap();
    panics("Instant::now", rt::time::Instant::now);
    panics("unix_now", rt::time::unix_now);
    panics("sleep", || rt::time::sleep(Duration::ZERO));
    panics("sleep_until", || rt::time::sleep_until(rt::time::Instant::default()));
    panics("timeout", || rt::time::timeout(Duration::ZERO, async {}));
    panics("interval_at", || rt::time::interval_at(rt::time::Instant::default(), Duration::from_secs(1)));
    panics("interval", || rt::time::interval(Duration::from_secs(1)));
    panics("task::spawn", || rt::task::spawn("a", async {}));
    panics("rand::stream", || rt::rand::stream("a"));
    panics("emit", || rt::emit(&Seen));
    panics("host_name", rt::host_name);
    panics("fib::install", || rt::fib::install(Protocol::Static, prefix, Target::Discard, 0));
    panics("fib::remove", || rt::fib::remove(Protocol::Static, prefix));
    panics("fib::clear", || rt::fib::clear(Protocol::Static));
    panics("fib::lookup", || rt::fib::lookup(prefix.addr()));
    panics("fib::watch", rt::fib::watch);
    panics("link::interfaces", rt::link::interfaces);
    panics("link::watch", rt::link::watch);
}
