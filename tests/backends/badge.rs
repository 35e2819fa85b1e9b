//! An access server, the controller of a door, and a person with a badge in front of it.

use std::net::SocketAddr;
use std::time::Duration;

use blackstart_badge::directory::{Badge, DenyReason};
use blackstart_badge::door::Door;
use blackstart_badge::{Limits, Verdict, audit, controller, reader, server};
use blackstart_rt as rt;

use crate::net::{Cuttable, Net, start, tell};

const ACCESS: &str = "access";
const CONTROLLER: &str = "controller";
const PERSON: &str = "person";
const GATE: &str = "gate";

fn badge(number: &str) -> Badge {
    Badge {
        badge: number.into(),
        person: format!("person of {number}"),
        doors: [GATE.to_owned()].into(),
        valid_from_unix_s: 0,
        valid_until_unix_s: u64::MAX,
    }
}

/// Answers where a reader would report to. Badge 7 may open the gate.
fn start_doors(net: &mut dyn Net) -> SocketAddr {
    let listen = SocketAddr::new(net.host(ACCESS), net.port(7000));
    let at = SocketAddr::new(net.host(CONTROLLER), net.port(7001));
    net.host(PERSON);
    start(net, ACCESS, move || {
        server::run(server::Config {
            certificate: None,
            listen,
            badges: vec![badge("7")],
            limits: Limits::default(),
            rules: rt::Map::new(),
        })
    });
    start(net, CONTROLLER, move || {
        let server = listen.to_string().parse().unwrap();
        let config = controller::Config::new(at, server, vec![Door::new(GATE)]);
        controller::run(controller::Config { timeout_ms: 500, ..config })
    });
    net.pause(Duration::from_millis(10));
    at
}

fn tap(net: &mut dyn Net, controller: SocketAddr, number: &'static str) -> Verdict {
    tell(net, PERSON, async move { reader::tap(controller, GATE, number).await.unwrap() })
}

/// The badges of the server's audit log.
fn audited(net: &mut dyn Net) -> Vec<String> {
    let log = tell(net, ACCESS, rt::disk::read(audit::FILE)).unwrap();
    audit::entries(&log).map(|entry| entry.badge).collect()
}

const UNKNOWN: Verdict = Verdict::Denied(DenyReason::UnknownBadge);

pub(crate) fn a_badge_opens_its_door_and_the_log_knows(net: &mut dyn Net) {
    let controller = start_doors(net);
    assert_eq!(tap(net, controller, "7"), Verdict::Opened);
    assert_eq!(tap(net, controller, "8"), UNKNOWN);
    assert_eq!(audited(net), ["7", "8"]);
}

pub(crate) fn what_was_told_is_in_the_log_after_a_reboot(net: &mut dyn Net) {
    let controller = start_doors(net);
    assert_eq!(tap(net, controller, "7"), Verdict::Opened);
    net.stop(ACCESS);
    net.boot(ACCESS);
    net.pause(Duration::from_millis(100));
    assert_eq!(audited(net), ["7"]);
    assert_eq!(tap(net, controller, "8"), UNKNOWN);
    assert_eq!(audited(net), ["7", "8"]);
}

pub(crate) fn a_cut_off_door_decides_alone(net: &mut dyn Cuttable) {
    let controller = start_doors(net);
    net.cut(CONTROLLER, ACCESS, true);
    assert_eq!(tap(net, controller, "7"), Verdict::NoAnswer);
    net.cut(CONTROLLER, ACCESS, false);
    assert_eq!(tap(net, controller, "7"), Verdict::Opened);
    assert_eq!(audited(net).last().map(String::as_str), Some("7"));
}
