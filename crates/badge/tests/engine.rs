//! The chain of doors in a simulated network, whole and broken.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod star;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use blackstart_badge::directory::{Badge, DenyReason};
use blackstart_badge::door::{Door, Fail};
use blackstart_badge::event::{By, Event, Path, Why};
use blackstart_badge::offline::Policy;
use blackstart_badge::rules::Rule;
use blackstart_badge::{Limits, Verdict, audit, controller, reader, server};
use blackstart_dns::{Name, authority, stub, zone};
use blackstart_identity::certificate::Certificate;
use blackstart_rt as rt;
use blackstart_sim::{control, disk};
use proptest::prelude::*;
use star::{Star, at, plug};

/// The hosts, numbered as `Star` does.
const HOSTS: [&str; 4] = ["reader", "controller", "access", "dns"];
const READER: u8 = 1;
const CONTROLLER: u8 = 2;
const ACCESS: u8 = 3;
const DNS: u8 = 4;

const ZONE: &str = "@ 300 IN SOA dns ops 1 7200 900 1209600 300\n@ 300 IN NS dns\ndns 300 IN A 10.0.0.4\naccess 300 IN A 10.0.0.3\n";

fn site(seed: u64, offline_list: Option<Policy>) -> Star {
    let star = Star::new(seed, &HOSTS);
    star.program(READER, || spawn("reader", reader::run(reader_config())));
    star.program(CONTROLLER, move || spawn("controller", controller::run(controller_config(offline_list))));
    star.program(ACCESS, || spawn("access", server::run(server_config())));
    star.program(DNS, || spawn("dns", authority::run(authority::Config::default(), zones())));
    star
}

fn spawn(name: &str, service: impl Future<Output = std::io::Result<()>> + 'static) {
    rt::task::spawn(name, async move { service.await.unwrap() });
}

fn reader_config() -> reader::Config {
    let listen = "127.0.0.1:7101".parse().unwrap();
    reader::Config {
        listen,
        controller: at(CONTROLLER, 7100),
        door: "gate".into(),
        limits: Limits::default(),
    }
}

fn controller_config(offline_list: Option<Policy>) -> controller::Config {
    let door = |name: &str, fail| Door { fail, ..Door::new(name) };
    controller::Config {
        listen: at(CONTROLLER, 7100),
        server: "access.corp.example:7000".parse().unwrap(),
        certificate: false,
        resolver: stub::Config::new(vec![at(DNS, 53)]),
        timeout_ms: 3000,
        doors: vec![door("gate", Fail::Secure), door("fire", Fail::Safe)],
        offline_list,
        limits: Limits::default(),
    }
}

fn server_config() -> server::Config {
    let seven = Badge {
        badge: "7".into(),
        person: "ada".into(),
        doors: ["gate".to_owned()].into(),
        valid_from_unix_s: 0,
        valid_until_unix_s: u64::MAX,
    };
    server::Config {
        listen: at(ACCESS, 7000),
        badges: vec![seven],
        certificate: None,
        limits: Limits::default(),
        rules: rt::Map::new(),
    }
}

fn zones() -> authority::Zones {
    let origin = Name::from_ascii("corp.example.").unwrap();
    [zone::Zone::parse(ZONE, &origin).unwrap()].into_iter().collect()
}

async fn tap(badge: &str) -> Verdict {
    reader::tap("127.0.0.1:7101".parse().unwrap(), "gate", badge).await.unwrap()
}

fn events(star: &Star) -> Vec<Event> {
    let records = star.sim.records();
    records.iter().filter_map(|record| rt::decode(record.kind, &record.bytes)).map(Result::unwrap).collect()
}

fn decision(badge: &str, verdict: Verdict, path: Path) -> Event {
    Event::Decision { door: "gate".into(), badge: badge.into(), verdict, path }
}

/// A full disk takes a piece of an entry; what is decided once there is room must not grow out of it.
#[test]
fn a_decision_that_was_not_recorded_spoils_no_later_one() {
    let mut star = site(9, None);
    star.tell(READER, async {
        let access = control::node("access").unwrap();
        let room = |capacity| disk::Faults { capacity, ..disk::Faults::default() };
        let tap = || reader::tap("127.0.0.1:7101".parse().unwrap(), "gate", "7");
        rt::time::sleep(Duration::from_secs(1)).await;
        control::set_disk_faults(access, room(Some(9))).unwrap();
        assert_eq!(tap().await.unwrap(), Verdict::NoAnswer);
        control::set_disk_faults(access, room(None)).unwrap();
        assert_eq!(tap().await.unwrap(), Verdict::Opened);
    });
    let log = control::file(star.node(ACCESS), audit::FILE).unwrap();
    let entries =
        log.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<audit::Entry>(line).ok());
    assert_eq!(entries.count(), 1, "{}", String::from_utf8_lossy(&log));
}

#[test]
fn a_cut_off_controller_keeps_the_door_shut_until_the_line_is_back() {
    let mut star = site(1, None);
    let seen = star.tell(READER, async move {
        let before = [tap("7").await, tap("8").await];
        // The bolt is out again.
        rt::time::sleep(Duration::from_secs(6)).await;
        let access = control::node("access").unwrap();
        plug(access, false);
        let during = tap("7").await;
        reader::open_with_key("127.0.0.1:7101".parse().unwrap(), "gate").await.unwrap();
        plug(access, true);
        let after = tap("7").await;
        (before, during, after)
    });
    let unknown = Verdict::Denied(DenyReason::UnknownBadge);
    assert_eq!(seen, ([Verdict::Opened, unknown], Verdict::NoAnswer, Verdict::Opened));
    let opened = |by| Event::DoorOpened { door: "gate".into(), by };
    let events = events(&star);
    let lost =
        |event: &Event| matches!(event, Event::ServerUnreachable { why: Why::Connect(_) | Why::Timeout });
    assert!(lost(&events[3]), "{events:?}");
    assert_eq!(
        events[..3],
        [
            decision("7", Verdict::Opened, Path::Server),
            opened(By::Badge),
            decision("8", unknown, Path::Server),
        ]
    );
    assert_eq!(
        events[4..],
        [
            decision("7", Verdict::NoAnswer, Path::FailSecure),
            opened(By::Key),
            Event::ServerReachable,
            decision("7", Verdict::Opened, Path::Server),
            opened(By::Badge),
        ]
    );
}

/// The server is there, and says so; whether it is believed hangs on its certificate and on the controller's clock.
#[test]
fn a_server_is_asked_once_its_certificate_is_believed_by_the_clock_here() {
    const DAY_S: u64 = 86_400;
    let today = 1_633_305_600;
    let shown = |from: u64, until: u64| {
        Some(format!("certificate {} {}", today + from, today + until).parse::<Certificate>().unwrap())
    };
    for (certificate, ahead_s, why) in [
        (shown(0, DAY_S), 0, None),
        (shown(0, DAY_S), 2 * DAY_S, Some("its certificate has expired by the clock here")),
        (shown(DAY_S, 2 * DAY_S), 0, Some("its certificate is not valid yet by the clock here")),
        (shown(DAY_S, 2 * DAY_S), DAY_S, None),
    ] {
        let mut star = Star::new(11, &HOSTS);
        star.program(READER, || spawn("reader", reader::run(reader_config())));
        star.program(DNS, || spawn("dns", authority::run(authority::Config::default(), zones())));
        let config = controller::Config { certificate: true, ..controller_config(None) };
        star.program(CONTROLLER, move || spawn("controller", controller::run(config.clone())));
        star.program(ACCESS, move || {
            spawn("access", server::run(server::Config { certificate, ..server_config() }));
        });
        let verdict = star.tell(READER, async move {
            let controller = control::node("controller").unwrap();
            control::set_clock_offset(controller, ahead_s as i64 * 1_000_000_000).unwrap();
            tap("7").await
        });
        let expected = if why.is_none() { Verdict::Opened } else { Verdict::NoAnswer };
        assert_eq!(verdict, expected, "{certificate:?} {ahead_s}");
        let silent = events(&star).into_iter().find_map(|event| match event {
            Event::ServerUnreachable { why: Why::Certificate(why) } => Some(why),
            _ => None,
        });
        assert_eq!(silent.as_deref(), why);
        // Whoever is not believed is asked nothing, so nothing is on record of a badge that opened no door.
        let log = control::file(star.node(ACCESS), audit::FILE).unwrap_or_default();
        assert_eq!(log.is_empty(), why.is_some());
    }
}

#[test]
fn without_names_no_badge_opens() {
    let mut star = site(2, None);
    let seen = star.tell(READER, async {
        plug(control::node("dns").unwrap(), false);
        tap("7").await
    });
    assert_eq!(seen, Verdict::NoAnswer);
    let events = events(&star);
    assert!(matches!(events[0], Event::ServerUnreachable { why: Why::Dns(_) }), "{events:?}");
}

#[test]
fn an_offline_list_opens_within_its_age_also_after_a_reboot() {
    let mut star = site(3, Some(Policy { max_age_s: 3600, refresh_s: 300 }));
    let seen = star.tell(READER, async {
        rt::time::sleep(Duration::from_secs(10)).await;
        plug(control::node("access").unwrap(), false);
        let fresh = [tap("7").await, tap("8").await];
        let controller = control::node("controller").unwrap();
        control::power_off(controller).unwrap();
        assert_eq!(tap("7").await, Verdict::NoAnswer);
        control::power_on(controller).unwrap();
        let rebooted = tap("7").await;
        rt::time::sleep(Duration::from_secs(3600)).await;
        (fresh, rebooted, tap("7").await)
    });
    let unlisted = Verdict::Denied(DenyReason::NotOnList);
    assert_eq!(seen, ([Verdict::Opened, unlisted], Verdict::Opened, Verdict::NoAnswer));
    assert!(events(&star).contains(&decision("7", Verdict::Opened, Path::OfflineList)));
}

/// Taps on and on from one task and notes which badges the server itself answered.
async fn tap_without_end(person: u32, told: Rc<RefCell<Vec<String>>>) {
    for n in 0.. {
        let badge = format!("{person}-{n}");
        let verdict = reader::tap(at(CONTROLLER, 7100), "gate", &badge).await;
        if matches!(verdict, Ok(Verdict::Denied(_))) {
            told.borrow_mut().push(badge);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Whatever the moment of the power cut, each decision that somebody saw is in the log.
    #[test]
    fn no_acknowledged_decision_is_lost_in_a_power_cut(seed: u64, cut_us in 0_u64..200_000) {
        let mut star = site(seed, None);
        let seen = star.tell(READER, async move {
            let told = Rc::default();
            let people: Vec<_> = (0..3)
                .map(|person| rt::task::spawn("person", tap_without_end(person, Rc::clone(&told))))
                .collect();
            rt::time::sleep(Duration::from_millis(100) + Duration::from_micros(cut_us)).await;
            let access = control::node("access").unwrap();
            control::power_off(access).unwrap();
            // Answers that are under way may still arrive.
            rt::time::sleep(Duration::from_secs(1)).await;
            people.iter().for_each(rt::task::JoinHandle::abort);
            control::power_on(access).unwrap();
            told.take()
        });
        let log = star.tell(ACCESS, async { rt::disk::read(audit::FILE).await.unwrap() });
        let logged: Vec<_> = audit::entries(&log).map(|entry| entry.badge).collect();
        prop_assert!(!seen.is_empty());
        prop_assert!(seen.iter().all(|badge| logged.contains(badge)), "{seen:?} {logged:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_site() {
    let hash = |seed| {
        let mut star = site(seed, Some(Policy { max_age_s: 3600, refresh_s: 60 }));
        star.tell(READER, async {
            tap("7").await;
            plug(control::node("access").unwrap(), false);
            tap("7").await
        });
        star.sim.log_hash()
    };
    assert_eq!(hash(7), hash(7));
    assert_ne!(hash(7), hash(8));
}

/// Who is in and who waits is read back from the log.
#[test]
fn rules_of_doors_outlive_a_loss_of_power() {
    let mut star = Star::new(11, &HOSTS);
    star.program(READER, || spawn("reader", reader::run(reader_config())));
    star.program(CONTROLLER, || spawn("controller", controller::run(controller_config(None))));
    star.program(DNS, || spawn("dns", authority::run(authority::Config::default(), zones())));
    star.program(ACCESS, || {
        let seven = server_config().badges;
        let eight =
            seven.iter().map(|badge| Badge { badge: "8".into(), person: "bob".into(), ..badge.clone() });
        let badges = seven.iter().cloned().chain(eight).collect();
        let rule = Rule { zone: Some("cage".into()), two_within_s: Some(60), ..Rule::default() };
        spawn(
            "access",
            server::run(server::Config {
                badges,
                rules: [("gate".to_owned(), rule)].into(),
                ..server_config()
            }),
        );
    });
    let seen = star.tell(READER, async {
        let access = control::node("access").unwrap();
        let cut_power = || async {
            control::power_off(access).unwrap();
            control::power_on(access).unwrap();
            rt::time::sleep(Duration::from_secs(1)).await;
        };
        let first = tap("7").await;
        cut_power().await;
        let second = tap("8").await;
        cut_power().await;
        let again = [tap("7").await, tap("8").await];
        let leaves = |badge| reader::leave_with_badge("127.0.0.1:7101".parse().unwrap(), "gate", badge);
        leaves("7").await.unwrap();
        cut_power().await;
        (first, second, again, [tap("7").await, tap("8").await])
    });
    use DenyReason::{AlreadyIn, SecondPerson};
    let denied = Verdict::Denied;
    let again = [denied(AlreadyIn); 2];
    assert_eq!(
        seen,
        (denied(SecondPerson), Verdict::Opened, again, [denied(SecondPerson), denied(AlreadyIn)])
    );
    let left = Event::DoorOpened { door: "gate".into(), by: By::FreeEgress };
    assert!(events(&star).contains(&left), "the way out was free");
}
