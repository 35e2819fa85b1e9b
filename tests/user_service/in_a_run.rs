//! The shop in a run: loss, a cut line, a loss of power, and the same again from the same seed.

use blackstart::sim::{Config, Driver, LinkId, LinkSpec, NodeId, NodeSpec, Sim, Time, control};
use blackstart::{net, task::spawn};
use service::Answer;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

#[path = "service.rs"]
pub(crate) mod service;

const PATIENCE: Duration = Duration::from_secs(1);
/// What a client waits for an answer.
const GIVES_UP: Duration = Duration::from_secs(30);
const MS: Duration = Duration::from_millis(1);

/// A client, a shop and its warehouse, in a row.
struct Town {
    sim: Sim,
    client: NodeId,
    shop: NodeId,
    /// Between the client and the shop.
    street: LinkId,
    /// Between the shop and its warehouse.
    road: LinkId,
}

fn at(host: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], 80))
}

impl Town {
    fn new(seed: u64) -> Self {
        let sim = Sim::new(Config { seed, driver: Driver::Tokio, ..Config::default() }).unwrap();
        let host = |name: &str, number| {
            let addresses = vec![at(number).ip()];
            sim.add_node(NodeSpec { name: name.to_owned(), addresses, ..NodeSpec::default() }).unwrap()
        };
        let (client, shop, warehouse) = (host("client", 1), host("shop", 2), host("warehouse", 3));
        let street = sim.add_link(LinkSpec::new(client, shop)).unwrap();
        let road = sim.add_link(LinkSpec::new(shop, warehouse)).unwrap();
        sim.set_program(shop, || drop(spawn(service::shop(at(2), at(3), PATIENCE)))).unwrap();
        sim.set_program(warehouse, || drop(spawn(service::warehouse(at(3))))).unwrap();
        let mut town = Town { sim, client, shop, street, road };
        town.wait(MS * 500);
        town
    }

    fn wait(&mut self, span: Duration) {
        self.sim.run_until(self.sim.now() + span);
    }

    /// What the shop answers to the client, and how long that takes.
    fn ask(&mut self, what: &'static str) -> (io::Result<Answer>, Duration) {
        let asked = self.sim.now();
        let answer = Rc::new(Cell::new(None));
        let slot = answer.clone();
        control::spawn_on(self.client, "browser", async move {
            let answer = tokio::time::timeout(GIVES_UP, service::request(at(2), what)).await;
            let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            slot.set(Some((answer, Time::now() - asked)));
        });
        self.wait(GIVES_UP + MS);
        answer.take().unwrap()
    }

    fn answer(&mut self, what: &'static str) -> (u16, String) {
        self.ask(what).0.unwrap()
    }
}

fn ok(body: &str) -> Answer {
    (200, body.to_owned())
}

#[test]
fn it_answers() {
    let mut town = Town::new(1);
    let (answer, took) = town.ask("GET /count");
    // Two handshakes, two requests, and 20 ms of counting, with 1 ms on each link.
    assert_eq!((answer.unwrap(), took), (ok("7"), 28 * MS));
    assert_eq!(town.answer("POST /order"), (201, "order 1".to_owned()));
    assert_eq!(town.answer("POST /order"), (201, "order 2".to_owned()));
    assert_eq!(town.answer("GET /").0, 404);
    assert_eq!(town.sim.record_count(), 0, "a task crashed");
}

#[test]
fn it_answers_under_loss() {
    let mut town = Town::new(2);
    control::set_link_loss(town.street, 0.2).unwrap();
    control::set_link_loss(town.road, 0.05).unwrap();
    let answers: Vec<_> = (0..20).map(|_| town.ask("GET /stock")).collect();
    assert!(
        answers.iter().all(|(answer, _)| answer.as_ref().is_ok_and(|(status, _)| *status == 200)),
        "{answers:?}"
    );
    assert!(answers.iter().any(|(_, took)| *took > 200 * MS), "nothing was lost: {answers:?}");
}

#[test]
fn it_waits_for_a_silent_warehouse_no_longer_than_it_should() {
    let mut town = Town::new(3);
    control::set_link_cut(town.road, true).unwrap();
    town.wait(Duration::from_secs(3600));
    let (answer, took) = town.ask("GET /count");
    assert_eq!(answer.unwrap().0, 504);
    // A network that is known to be gone is an error at once.
    assert!(took < 100 * MS, "{took:?}");
    // Packets that vanish are not: the street and back, and its own patience.
    control::set_link_cut(town.road, false).unwrap();
    control::set_link_loss(town.road, 1.0).unwrap();
    let (answer, took) = town.ask("GET /count");
    assert_eq!((answer.unwrap().0, took), (504, PATIENCE + 4 * MS));
    let (status, stale) = town.answer("GET /stock");
    assert!(status == 200 && stale.starts_with("7, seen 36"), "{stale}");
    control::set_link_loss(town.road, 0.0).unwrap();
    assert_eq!(town.answer("GET /count"), ok("7"));
}

#[test]
fn it_comes_back_with_the_power() {
    let mut town = Town::new(4);
    assert_eq!(town.answer("POST /order"), (201, "order 1".to_owned()));
    control::power_off(town.shop).unwrap();
    assert!(town.ask("POST /order").0.is_err());
    control::power_on(town.shop).unwrap();
    assert_eq!(town.answer("POST /order"), (201, "order 1".to_owned()), "memory does not survive");
    assert_eq!(town.answer("GET /count"), ok("7"));
}

/// An hour with all of that, and its log hash.
fn story(seed: u64) -> u64 {
    let mut town = Town::new(seed);
    control::set_link_loss(town.street, 0.1).unwrap();
    for step in 0..60 {
        match step % 20 {
            7 => control::power_off(town.shop).unwrap(),
            8 => control::power_on(town.shop).unwrap(),
            12 => control::set_link_loss(town.road, 1.0).unwrap(),
            15 => control::set_link_loss(town.road, 0.0).unwrap(),
            _ => {}
        }
        drop(town.ask(["GET /stock", "GET /count", "POST /order"][step % 3]));
    }
    assert!(town.sim.packets() > 500, "only {} packets", town.sim.packets());
    town.sim.log_hash()
}

#[test]
fn same_seed_same_run() {
    let here = story(7);
    assert_eq!(story(7), here);
    assert_eq!(thread::spawn(|| story(7)).join().unwrap(), here);
    assert_ne!(story(8), here);
    let printed = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "in_a_run::a_process_prints_its_hash", "--nocapture"])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&printed.stdout);
    assert!(printed.contains(&format!("hash={here:016x}")), "{printed}");
}

/// Run by the test above in a process of its own.
#[test]
fn a_process_prints_its_hash() {
    println!("\nhash={:016x}", story(7));
}
