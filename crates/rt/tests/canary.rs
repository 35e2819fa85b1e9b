//! A service that breaks every rule of determinism must be caught by comparing two runs: a harness that has
//! never bitten proves nothing.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the canary sins on purpose")]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use blackstart_rt as rt;
use blackstart_sim::{Config, NodeSpec, Sim, Time};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Debug, Serialize, Deserialize)]
enum Saw {
    Clock(Duration),
    Stopwatch(Duration),
    Order(Vec<u32>),
    Nothing,
}

impl rt::Event for Saw {
    const KIND: &'static str = "canary";
}

/// The hash of a run of one host whose service emits what `look` saw.
fn run(look: fn() -> Saw) -> u64 {
    let mut sim = Sim::new(Config { seed: 1, ..Config::default() }).unwrap();
    let spec = NodeSpec { name: "mine".to_owned(), addresses: Vec::new(), forwards: false };
    let mine = sim.add_node(spec).unwrap();
    sim.set_program(mine, move || {
        rt::task::spawn("canary", async move { rt::emit(&look()) });
    })
    .unwrap();
    sim.run_until(Time::from_secs(1));
    assert_eq!(sim.record_count(), 1);
    sim.log_hash()
}

fn clock() -> Saw {
    Saw::Clock(SystemTime::now().duration_since(UNIX_EPOCH).unwrap())
}

fn stopwatch() -> Saw {
    let started = Instant::now();
    std::thread::sleep(Duration::from_micros(10));
    Saw::Stopwatch(started.elapsed())
}

fn order() -> Saw {
    let map: HashMap<u32, ()> = (0..64).map(|key| (key, ())).collect();
    Saw::Order(map.into_keys().collect())
}

#[test]
fn the_real_clock_is_caught() {
    assert_ne!(run(clock), run(clock));
}

#[test]
fn a_stopwatch_is_caught() {
    // Two equal times to the nanosecond are possible, ten are not.
    assert!((0..10).any(|_| run(stopwatch) != run(stopwatch)));
}

#[test]
fn a_default_hashed_map_is_caught() {
    assert_ne!(run(order), run(order));
}

#[test]
fn an_honest_service_is_not() {
    assert_eq!(run(|| Saw::Nothing), run(|| Saw::Nothing));
}
