//! The services together in the engine: what users and probes see when backends, names, edges and admission
//! come and go.
//!
//! ```text
//! user (probe, users, page site) ─┐
//! dns ────────────────────────────┼─ internet ── edge ── backbone ── dc (backend, admission on 8080)
//! public (reports, posts) ────────┘
//! ```
#![expect(clippy::unwrap_used, reason = "in a test that is the assertion")]

use blackstart_app::http::{self, Upstream};
use blackstart_app::{Event, Outcome, Percent, admission, backend, client, edge, probe, reports, site};
use blackstart_crowd::ear::Voice;
use blackstart_dns::authority::{self, Zones};
use blackstart_dns::zone::Zone;
use blackstart_rt as rt;
use blackstart_sim::{Config, Latency, LinkSpec, NodeId, NodeSpec, Sim, Time, control, fib};
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

const HOSTS: [(&str, &str, bool); 7] = [
    ("user", "10.0.0.1", false),
    ("dns", "10.0.0.2", false),
    ("public", "10.0.0.3", false),
    ("internet", "10.0.0.4", true),
    ("edge", "10.0.0.5", false),
    ("backbone", "10.0.0.6", true),
    ("dc", "10.0.0.7", false),
];
/// Each with the milliseconds between them; the edge has both an outside and an inside.
const LINKS: [(&str, &str, u64); 6] = [
    ("user", "internet", 5),
    ("dns", "internet", 10),
    ("public", "internet", 10),
    ("internet", "edge", 2),
    ("edge", "backbone", 20),
    ("backbone", "dc", 20),
];
/// (at, towards, via)
const ROUTES: [(&str, &str, &str); 6] = [
    ("user", "0.0.0.0/0", "10.0.0.4"),
    ("dns", "0.0.0.0/0", "10.0.0.4"),
    ("public", "0.0.0.0/0", "10.0.0.4"),
    ("edge", "0.0.0.0/0", "10.0.0.4"),
    ("edge", "10.0.0.7/32", "10.0.0.6"),
    ("dc", "0.0.0.0/0", "10.0.0.6"),
];
const ZONE: &str = "\
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 300
@ IN NS ns
ns IN A 10.0.0.2
www IN A 10.0.0.5
news IN A 10.0.0.3
reports IN A 10.0.0.3
dark IN A 10.0.0.99
";
const LIMIT: Duration = Duration::from_secs(5);

struct World {
    sim: Sim,
}

fn config<C: serde::de::DeserializeOwned>(text: &str) -> C {
    toml::from_str(text).unwrap()
}

/// Starts a service as a world does: under a name of its own, not the crate's.
fn start(name: &str, service: impl Future<Output = io::Result<()>> + 'static) {
    rt::task::spawn(name, async move { service.await.unwrap() });
}

impl World {
    fn new(seed: u64, probe: &'static str, users: &'static str) -> Self {
        let world = Self { sim: Sim::new(Config { seed, ..Config::default() }).unwrap() };
        world.wire();
        world.program("dns", || start("names", authority::run(authority::Config::default(), zones())));
        world.program("edge", || {
            start(
                "proxy",
                edge::run(config(
                    "pools = [{ hosts = [\"www.example\"], backends = [\"10.0.0.7:80\"] }]
                     admission = { address = \"10.0.0.7:8080\", interval-s = 15 }
                     crowd = { per-s = 10_000, queue-s = 2 }",
                )),
            );
        });
        world.program("dc", || {
            let product = "product = \"Faces\"\ndata-centre = \"Santa Clara\"";
            let crowd = "crowd = { capacity = { per-s = 100, queue-s = 20 } }";
            start("product", backend::run(config(&format!("{product}\n{crowd}"))));
            start("ramp", admission::run(config("listen = [\"0.0.0.0:8080\"]\ntoken = \"ramp\"")));
        });
        world.program("public", || {
            start("news", site::run(config("hosts = [\"news.example\"]\ncontent = \"news\"")));
            start("counter", reports::run(config("listen = [\"0.0.0.0:8081\"]")));
            let elsewhere = "log-in-with = { host = \"www.example\", resolvers = [\"10.0.0.2:53\"] }";
            start(
                "club",
                site::run(config(&format!("listen = [\"0.0.0.0:8082\"]\ncontent = \"club\"\n{elsewhere}"))),
            );
        });
        world.program("user", move || {
            if !probe.is_empty() {
                start("checks", probe::run(config(&format!("resolvers = [\"10.0.0.2:53\"]\n{probe}"))));
            }
            if !users.is_empty() {
                let who = "product = \"faces\"\nhost = \"www.example\"\nresolvers = [\"10.0.0.2:53\"]";
                start("people", client::run(config(&format!("{who}\n{users}"))));
            }
        });
        world
    }

    fn wire(&self) {
        for (name, address, forwards) in HOSTS {
            let addresses = vec![address.parse().unwrap()];
            self.sim.add_node(NodeSpec { name: name.to_owned(), addresses, forwards }).unwrap();
        }
        for (a, b, ms) in LINKS {
            let latency = Latency::Fixed(Duration::from_millis(ms));
            let (a, b) = (node(a), node(b));
            self.sim.add_link(LinkSpec::new(a, b).latency(latency)).unwrap();
        }
        for (at, towards, via) in ROUTES {
            let target = fib::Target::Via(vec![via.parse().unwrap()]);
            let towards = towards.parse().unwrap();
            control::install_route(node(at), fib::Protocol::Static, towards, target, 0).unwrap();
        }
        // Where packets vanish without a word, as in a network that still announces what it cannot reach.
        let (void, nowhere) = ("10.0.0.99/32".parse().unwrap(), fib::Target::Discard);
        control::install_route(node("internet"), fib::Protocol::Static, void, nowhere, 0).unwrap();
    }

    fn program(&self, host: &str, program: impl Fn() + 'static) {
        self.sim.set_program(node(host), program).unwrap();
    }

    fn run_for(&mut self, minutes: u64) {
        self.sim.run_until(self.sim.now() + Duration::from_secs(minutes * 60));
    }

    /// Runs `future` on a host for a minute and gives its output.
    fn do_at<T: 'static>(&mut self, host: &str, future: impl Future<Output = T> + 'static) -> T {
        let output = Rc::new(RefCell::new(None));
        let slot = output.clone();
        control::spawn_on(node(host), "test", async move {
            let value = future.await;
            *slot.borrow_mut() = Some(value);
        });
        self.run_for(1);
        output.take().unwrap()
    }

    fn admit(&mut self, percent: u8) {
        let address = "10.0.0.7:8080".parse().unwrap();
        self.do_at(
            "edge",
            async move { admission::set(address, "ramp", Percent::whole(percent), LIMIT).await },
        )
        .unwrap();
    }

    fn events(&self) -> Vec<(Time, Event)> {
        let decode = |record: blackstart_sim::Record| {
            rt::decode::<Event>(record.kind, &record.bytes).map(|event| (record.time, event.unwrap()))
        };
        self.sim.records().into_iter().filter_map(decode).collect()
    }

    /// What a check has seen, in order.
    fn seen(&self, name: &str) -> Vec<String> {
        let outcome = |(_, event)| match event {
            Event::Probed { check, outcome } if check == name => Some(outcome.to_string()),
            _ => None,
        };
        self.events().into_iter().filter_map(outcome).collect()
    }

    /// The share of users who get through, in order.
    fn sends(&self) -> Vec<(u32, u32)> {
        let sends = |(_, event)| match event {
            Event::SendsWindow { ok, failed, .. } => Some((ok, failed)),
            _ => None,
        };
        self.events().into_iter().filter_map(sends).collect()
    }
}

fn node(name: &str) -> NodeId {
    control::node(name).unwrap()
}

fn zones() -> Zones {
    let origin = "example.".parse().unwrap();
    [Zone::parse(ZONE, &origin).unwrap()].into_iter().collect()
}

/// Shuts or opens the port between edge and data centre, at the router.
fn set_backbone(up: bool) {
    control::set_admin_up(node("backbone"), "dc", up).unwrap();
}

const HTTP_CHECK: &str =
    "checks = [{ name = \"http\", kind = \"http\", host = \"www.example\", interval-s = 20 }]";

#[test]
fn an_edge_that_loses_its_backends_says_so_until_they_return() {
    let mut world = World::new(1, HTTP_CHECK, "");
    world.run_for(10);
    set_backbone(false);
    world.run_for(10);
    set_backbone(true);
    world.run_for(10);
    let seen = world.seen("http");
    assert_eq!((seen[0].as_str(), seen.last().unwrap().as_str()), ("200", "200"), "{seen:?}");
    assert!(seen.contains(&"503".to_owned()), "{seen:?}");
    let health = |(_, event)| match event {
        Event::BackendHealth { healthy, reason, .. } => Some((healthy, reason)),
        _ => None,
    };
    let health: Vec<_> = world.events().into_iter().filter_map(health).collect();
    assert!(matches!(&health[..], [(false, _), (true, _)]), "{health:?}");
    let answer = world.do_at("user", http::get("10.0.0.5:80".parse().unwrap(), "www.example", "/", LIMIT));
    assert_eq!(answer.unwrap().body(), "Faces from Santa Clara\n");
}

/// The shop is down for a quarter of an hour from the tenth minute on, and so may be the way to where the dashboard reads: first
/// it shows what was, then nothing.
#[test]
fn a_dashboard_shows_what_was_until_its_source_has_been_away_for_too_long() {
    let soon = "source = { at = \"10.0.0.3:80\", shows-for-s = 300 }";
    let never = "source = { at = \"10.0.0.3:80\", shows-for-s = 86400 }";
    for (source, is_cut, middle, later) in [
        ("", true, "503", "503"),
        (soon, false, "503", "503"),
        (soon, true, "200", "blank"),
        (never, true, "200", "200"),
    ] {
        let mut world = World::new(1, format!("{source}\n{HTTP_CHECK}").leak(), "");
        let shows = |world: &World| world.seen("http").last().cloned();
        world.run_for(10);
        set_backbone(false);
        control::set_admin_up(node("internet"), "public", !is_cut).unwrap();
        world.run_for(4);
        assert_eq!(shows(&world).as_deref(), Some(middle), "{source}, {is_cut}");
        world.run_for(11);
        assert_eq!(shows(&world).as_deref(), Some(later), "{source}, {is_cut}");
        set_backbone(true);
        control::set_admin_up(node("internet"), "public", true).unwrap();
        world.run_for(10);
        assert_eq!(shows(&world).as_deref(), Some("200"), "{source}, {is_cut}");
    }
}

#[test]
fn users_come_back_in_the_steps_of_admission() {
    let mut world = World::new(2, "", "users = 30\nperiod-s = 60");
    world.run_for(5);
    for percent in [0, 40, 100] {
        world.admit(percent);
        world.run_for(10);
    }
    let steps: Vec<u32> = world.sends().iter().map(|(ok, failed)| ok * 100 / (ok + failed)).collect();
    assert_eq!((steps[0], steps.last()), (100, Some(&100)), "{steps:?}");
    let dark = steps.iter().position(|percent| *percent == 0).expect("nobody gets in at 0 %");
    assert!(steps[dark..].is_sorted(), "{steps:?}");
    assert!(steps[dark..].iter().any(|percent| (20..=60).contains(percent)), "{steps:?}");
}

/// The crowd's load is a rate that travels the network; what it does to real requests is theirs to feel.
#[test]
fn a_crowd_makes_a_backend_slow_then_turns_people_away_and_is_spared_no_longer_than_it_stays() {
    let mut world = World::new(11, HTTP_CHECK, "");
    world.run_for(5);
    assert_eq!(world.seen("http"), ["200"]);
    let come = |world: &mut World, per_s: f64| {
        let herd = async move {
            let mut voice = Voice::new("herd").await.unwrap();
            voice.tell("10.0.0.5".parse().unwrap(), &[("www.example", per_s)]).await;
        };
        world.do_at("user", herd);
    };
    // A little more than it can do: those who wait become more.
    come(&mut world, 102.0);
    world.run_for(3);
    let waited = |(_, event): (Time, Event)| match event {
        Event::Window { p95_ms, .. } => Some(p95_ms),
        _ => None,
    };
    let waited: Vec<u32> = world.events().into_iter().filter_map(waited).collect();
    assert!(waited.iter().any(|ms| (500..5000).contains(ms)), "slow before it fails: {waited:?}");
    assert!(!world.seen("http").iter().any(|outcome| outcome == "503"), "{:?}", world.seen("http"));
    // Three times as much: most are turned away.
    come(&mut world, 300.0);
    world.run_for(5);
    let seen = world.seen("http");
    assert!(seen.iter().any(|outcome| outcome == "503"), "turned away: {seen:?}");
    let busy = |(_, event)| matches!(event, Event::Busy { percent: 100, offered_percent: 300 });
    assert!(world.events().into_iter().any(busy));
    // The herd has not been heard of for ten minutes.
    world.run_for(10);
    assert_eq!(world.seen("http").last().unwrap(), "200");
}

/// Sampled users speak for a crowd: it is where their packets get.
#[test]
fn a_crowd_comes_as_far_as_its_sample() {
    let mut world = World::new(12, "", "users = 4\nperiod-s = 60\ncrowd = { people = 6000, period-s = 60 }");
    let offered = |world: &World| {
        let offered = |(_, event)| match event {
            Event::Busy { offered_percent, .. } => Some(offered_percent),
            _ => None,
        };
        world.events().into_iter().filter_map(offered).next_back()
    };
    world.run_for(5);
    assert_eq!(offered(&world), Some(100), "6000 people, one request a minute, 100 a second");
    control::power_off(node("dns")).unwrap();
    world.run_for(15);
    assert_eq!(offered(&world), Some(0), "without a name nobody gets there");
    let failing = |(_, event)| match event {
        Event::Crowd { failing_percent, .. } => Some(failing_percent),
        _ => None,
    };
    let failing = world.events().into_iter().filter_map(failing).next_back();
    assert!(failing.is_some_and(|percent| percent >= 95), "{failing:?} of a hundred fail");
    let before = world.events().len();
    control::power_on(node("dns")).unwrap();
    world.run_for(5);
    let too_many = |(_, event): &(Time, Event)| matches!(event, Event::Busy { offered_percent: 101.., .. });
    assert!(world.events()[before..].iter().any(too_many), "they all come at once");
}

#[test]
fn members_of_another_site_cannot_log_in_without_the_one_that_knows_them() {
    let mut world = World::new(13, "", "");
    world.run_for(1);
    let ask = |world: &mut World, path: &'static str| {
        let answer = world
            .do_at("user", http::get("10.0.0.3:8082".parse().unwrap(), "club.example", path, 30 * LIMIT));
        answer.unwrap().status().as_u16()
    };
    assert_eq!((ask(&mut world, "/"), ask(&mut world, "/log-in")), (200, 200));
    control::power_off(node("dns")).unwrap();
    assert_eq!((ask(&mut world, "/"), ask(&mut world, "/log-in")), (200, 502));
}

#[test]
fn admission_survives_the_loss_of_power_and_the_edge_its_absence() {
    let mut world = World::new(3, "", "");
    world.admit(15);
    control::power_off(node("dc")).unwrap();
    world.run_for(5);
    control::power_on(node("dc")).unwrap();
    world.run_for(1);
    let ask = async { admission::ask(&Upstream::new("10.0.0.7:8080".parse().unwrap()), LIMIT).await };
    assert_eq!(world.do_at("edge", ask).unwrap(), Percent::whole(15));
    let heard: Vec<_> = world
        .events()
        .into_iter()
        .filter_map(|(_, event)| match event {
            Event::AdmissionSource { failure } => Some(failure.is_none()),
            Event::Admitting { percent } => Some(percent == Percent::whole(15)),
            _ => None,
        })
        .collect();
    assert_eq!(
        heard,
        [true, false, true],
        "admitting 15 %, then silence, then an answer; never another value"
    );
}

#[test]
fn without_names_probes_and_users_fail_and_complain_but_kept_connections_hold() {
    let mut world = World::new(4, HTTP_CHECK, "users = 5\nperiod-s = 60\nkeep-alive = true");
    world.run_for(5);
    control::power_off(node("dns")).unwrap();
    world.run_for(10);
    assert_eq!(world.seen("http"), ["200", "dns-timeout"]);
    assert_eq!(world.sends().last().unwrap().1, 0, "their connections need no name");
    // An edge that restarts takes the connections with it, and now the name is missed.
    control::power_off(node("edge")).unwrap();
    world.run_for(1);
    control::power_on(node("edge")).unwrap();
    world.run_for(10);
    assert_eq!(world.sends().last().unwrap().0, 0);
    control::power_on(node("dns")).unwrap();
    world.run_for(10);
    assert_eq!(world.sends().last().unwrap().1, 0);
    assert_eq!(world.seen("http"), ["200", "dns-timeout", "200"]);
}

#[test]
fn complaints_reach_the_public_counter() {
    let users = "users = 8\ncomplaints = { host = \"reports.example\", port = 8081, chance = 1.0 }";
    let mut world = World::new(5, "", users);
    world.run_for(5);
    set_backbone(false);
    world.run_for(20);
    let total = |(_, event)| match event {
        Event::Reports { product, total, .. } => Some((product, total)),
        _ => None,
    };
    assert_eq!(world.events().into_iter().filter_map(total).next_back(), Some(("faces".to_owned(), 8)));
}

#[test]
fn a_dead_tag_makes_a_page_slow_and_not_wrong() {
    let page = "checks = [{ name = \"page\", kind = \"page\", host = \"news.example\", \
                embeds = [\"www.example\", \"dark.example\"], timeout-s = 30 }]";
    let mut world = World::new(6, page, "");
    world.run_for(5);
    assert_eq!(world.seen("page"), ["200"]);
    let slow =
        |(_, event): (Time, Event)| matches!(event, Event::Window { p95_ms: 20_000..20_200, ok: 1, .. });
    assert!(world.events().into_iter().any(slow), "{:?}", world.events());
}

#[test]
fn who_ends_a_service_ends_all_of_it() {
    let mut world = World::new(7, "", "users = 2\nkeep-alive = true");
    world.run_for(5);
    let tasks = world.sim.task_count();
    assert!(control::kill_service(node("edge"), "proxy"));
    world.run_for(1);
    assert!(world.sim.task_count() < tasks);
    let address = "10.0.0.5:80".parse().unwrap();
    let answer = world.do_at("user", http::get(address, "www.example", "/", LIMIT));
    assert_eq!(Outcome::of(&answer).to_string(), "connect-refused");
    assert!(control::kill_service(node("user"), "people"));
    world.run_for(1);
    let records = world.sim.record_count();
    world.run_for(60);
    assert_eq!(world.sim.record_count(), records, "nobody is left to see anything");
}

/// So long with, without and again with the backbone.
fn night(seed: u64, minutes: [u64; 3]) -> World {
    let mut world = World::new(seed, HTTP_CHECK, "users = 10\nkeep-alive = true");
    for (up, minutes) in [true, false, true].into_iter().zip(minutes) {
        set_backbone(up);
        world.run_for(minutes);
    }
    world
}

#[test]
fn a_seed_fixes_the_bytes() {
    let hash = |seed| night(seed, [10, 20, 10]).sim.log_hash();
    assert_eq!(hash(8), hash(8));
    assert_ne!(hash(8), hash(9));
}

#[test]
fn a_whole_evening_is_cheap() {
    let evening = night(10, [60, 300, 90]);
    let sim = &evening.sim;
    let (packets, records, tasks) = (sim.packets(), sim.record_count(), sim.task_count());
    assert!(packets < 150_000, "{packets} packets");
    assert!(records < 100, "{records} records");
    assert!(tasks < 70, "{tasks} tasks are left");
}
