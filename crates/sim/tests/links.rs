//! What links do to packets, seen from the hosts.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::Direction::{AToB, BToA};
use blackstart_sim::control::Flap;
use blackstart_sim::net::UdpSocket;
use blackstart_sim::record::SimEvent;
use blackstart_sim::{DropCause, Error, LinkId, Loss, Time, WaySpec, control, time};
use common::{Net, collect, sock};
use std::rc::Rc;
use std::time::Duration;

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
