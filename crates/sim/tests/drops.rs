//! The side log of dropped packets: what it says, and that a run does not feel it.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::net::UdpSocket;
use blackstart_sim::{DropCause, Loss, WaySpec, control, drops, time};
use common::{Net, sock};
use std::time::Duration;

/// Datagrams from a to b over a link that loses them all, after the first second; then to where no route leads.
fn run(watched: Option<usize>) -> (u64, u64, Option<drops::Drops>) {
    let mut net = Net::pair(5, "10.0.0.1", "10.0.0.2");
    if let Some(most) = watched {
        assert!(drops::watch(most));
    }
    let lossy = WaySpec { loss: Loss::Independent(1.0), ..WaySpec::default() };
    control::set_link_way(net.link(0), blackstart_sim::Direction::AToB, lossy).unwrap();
    net.run("a", 60, async move {
        let socket = UdpSocket::bind(sock("10.0.0.1:7")).await.unwrap();
        for _ in 0..3 {
            time::sleep(Duration::from_secs(1)).await;
            socket.send_to(b"hello", sock("10.0.0.2:9")).await.unwrap();
        }
    });
    (net.sim.log_hash(), net.sim.packets(), drops::take())
}

#[test]
fn a_run_does_not_feel_it() {
    let (hash, packets, nothing) = run(None);
    assert_eq!(nothing, None, "off unless asked for");
    let (watched_hash, watched_packets, drops) = run(Some(100));
    assert_eq!((hash, packets), (watched_hash, watched_packets));
    let drops = drops.unwrap();
    assert_eq!((drops.entries.len(), drops.left_out), (3, 0));
    let first = drops.entries[0];
    assert_eq!((first.cause, first.time.since_start()), (DropCause::Loss, Duration::from_secs(1)));
    assert_eq!((first.source, first.destination), (sock("10.0.0.1:7"), sock("10.0.0.2:9")));
    assert_eq!((first.protocol, first.link.is_some()), (17, true));
    assert_eq!(first.content, drops.entries[2].content, "the same bytes");
}

#[test]
fn it_is_bounded() {
    let (.., drops) = run(Some(2));
    let drops = drops.unwrap();
    assert_eq!((drops.entries.len(), drops.left_out), (2, 1));
}
