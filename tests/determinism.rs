//! Same seed, same run: whatever the process, the moment, the environment, the thread, the driver, what ran before, and the build.
//!
//! What is compared is the log hash: every record and every packet that crossed a link.

use blackstart_report::difference;
use blackstart_rt as rt;
use blackstart_scenario::build;
use blackstart_sim::{Config, Driver, NodeId, Record, Sim, Time, control};
use blackstart_tests::night::{founding, load, play, play_on, small};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Runs of the small night in one process: after so many, what a run leaves behind would show.
const RUNS: usize = 20;
/// What the process may grow by from an early run to the last: allocators keep a few pages.
const GROWTH_KIB_MAX: u64 = 4096;

// In one process.

/// The log hash of one small night on this thread.
fn hash(seed: u64) -> String {
    play(&load(&small(), None), seed).outcome.log_hash
}

#[test]
fn a_seed_fixes_the_run_and_another_seed_gives_another() {
    assert_eq!(hash(7), hash(7));
    assert_ne!(hash(7), hash(8));
}

#[test]
fn threads_change_nothing() {
    let here = hash(7);
    let alone = thread::scope(|scope| scope.spawn(|| hash(7)).join());
    assert_eq!(alone.expect("a run that ends"), here);
    // Two at once, each after a run of its own that is different.
    let both = thread::scope(|scope| {
        let two = [1, 2].map(|other| scope.spawn(move || (hash(other), hash(7))));
        two.map(|running| running.join().expect("a run that ends").1)
    });
    assert_eq!(both, [here.clone(), here]);
}

/// Busy threads beside it, and a run on every core at once.
#[test]
fn a_loaded_machine_changes_nothing() {
    let alone = hash(7);
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let over = AtomicBool::new(false);
    let all: Vec<_> = thread::scope(|scope| {
        for _ in 0..2 * cores {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    drop(vec![0_u8; 1 << 16])
                }
            });
        }
        let runs: Vec<_> = (0..cores).map(|_| scope.spawn(|| hash(7))).collect();
        let all = runs.into_iter().map(|run| run.join().ok()).collect();
        over.store(true, Ordering::Relaxed);
        all
    });
    assert_eq!(all, vec![Some(alone); cores]);
}

#[test]
fn both_drivers_do_the_same() {
    for folder in [small(), founding()] {
        let scenario = load(&folder, None);
        let [native, tokio] = [Driver::Native, Driver::Tokio].map(|driver| play_on(driver, &scenario, 7));
        let parting = native.log.iter().zip(&tokio.log).find(|(one, other)| one != other);
        assert_eq!(parting, None, "{}", folder.display());
        assert_eq!(tokio.outcome.log_hash, native.outcome.log_hash, "{}", folder.display());
        assert_eq!((native.outcome.driver, tokio.outcome.driver), ("native", "tokio"));
    }
}

#[test]
fn stopping_on_the_way_changes_nothing() {
    let scenario = load(&small(), None);
    let mut run = build(&scenario, 7, Driver::Native, scenario.runbooks.get("call")).expect("a run");
    for second in (0..scenario.duration.as_secs()).step_by(7) {
        run.sim.run_until(Time::from_secs(second));
    }
    run.sim.run_until(Time::ZERO + scenario.duration);
    let in_slices = format!("{:016x}", run.sim.log_hash());
    drop(run);
    assert_eq!(in_slices, hash(7));
}

#[test]
fn nothing_of_a_run_outlives_it() {
    let scenario = load(&small(), None);
    let mut run = build(&scenario, 7, Driver::Native, scenario.runbooks.get("call")).expect("a run");
    run.sim.run_until(Time::from_secs(600));
    assert!(run.sim.task_count() > 0);
    // People still wait, connections are open.
    let world = std::rc::Rc::downgrade(&run.world);
    drop(run);
    assert!(world.upgrade().is_none(), "something still holds the world");
    let next = Sim::new(Config::default()).expect("the thread is free again");
    assert_eq!((next.task_count(), next.record_count(), next.packets()), (0, 0, 0));
    assert_eq!(next.next_event_at(), None);
    assert_eq!(control::node("web1"), None);
}

// In several processes.

/// Starts the program beside these tests that prints `hash memory` for each run.
fn log_hash(scenario: &Path, runs: usize, environment: &[(&str, &str)]) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_log-hash"));
    command.arg(scenario).args(["7", &runs.to_string()]);
    for (name, _) in ENVIRONMENT {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program beside these tests")
}

/// An environment that differs from the usual one in whatever programs look at.
const ENVIRONMENT: [(&str, &str); 11] = [
    ("RUST_LOG", "trace"),
    ("TZ", "Pacific/Auckland"),
    ("LANG", "nl_NL.UTF-8"),
    ("LC_ALL", "nl_NL.UTF-8"),
    ("LC_NUMERIC", "de_DE.UTF-8"),
    ("LANGUAGE", "ar"),
    ("HOME", "/nowhere"),
    // Other threads' counts, another layout of the heap, and freed memory that is overwritten.
    ("TOKIO_WORKER_THREADS", "1"),
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_PERTURB_", "165"),
    ("RUST_BACKTRACE", "full"),
];

/// Hash and memory in KiB of each run.
fn printed(output: &Output) -> Vec<(String, u64)> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let (hash, kib) = line.split_once(' ')?;
        Some((hash.to_owned(), kib.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "time must pass between the processes")]
fn a_later_process_in_another_environment_does_the_same() {
    for scenario in [small(), founding()] {
        let first = log_hash(&scenario, 1, &[]);
        thread::sleep(Duration::from_secs(2));
        let second = log_hash(&scenario, 1, &ENVIRONMENT);
        let [first, second] = [first, second].map(|child| child.wait_with_output().expect("its output"));
        let [one, other] = [&first, &second].map(|output| printed(output).remove(0).0);
        assert_eq!(one, other, "{}", scenario.display());
        assert!(first.stderr.is_empty(), "{}", String::from_utf8_lossy(&first.stderr));
        assert!(!second.stderr.is_empty(), "nothing was traced, so it was not tried");
    }
}

#[test]
fn the_twentieth_run_of_a_process_is_the_first_in_hash_and_size() {
    let output = log_hash(&small(), RUNS, &[]).wait_with_output().expect("its output");
    let runs = printed(&output);
    assert_eq!(runs.len(), RUNS);
    assert!(runs.iter().all(|(hash, _)| *hash == runs[0].0), "{runs:?}");
    assert_eq!(runs[0].0, hash(7));
    // The first runs grow the heap to what a run needs.
    let (early, last) = (runs[4].1, runs[RUNS - 1].1);
    assert!(last <= early + GROWTH_KIB_MAX, "{early} KiB after 5 runs, {last} KiB after {RUNS}");
}

/// As the program is released, but for whole-program optimisation, which takes most of the time of a build.
#[test]
#[ignore = "builds in release; run by cargo xtask test"]
fn debug_and_release_do_the_same() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["run", "--quiet", "--release", "--package", "blackstart"]);
    cargo.args(["--config", "profile.release.lto=false", "--config", "profile.release.codegen-units=16"]);
    cargo.args(["--target-dir", concat!(env!("CARGO_TARGET_TMPDIR"), "/release")]);
    cargo.args(["--", "run", "--format", "json", "--seed", "7"]);
    let output = cargo.arg(small()).output().expect("cargo");
    let text = String::from_utf8_lossy(&output.stdout);
    let outcome: serde_json::Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(outcome["log_hash"], hash(7));
}

// A test that has never bitten proves nothing.

#[derive(Debug, Serialize, Deserialize)]
enum Canary {
    Sings(Vec<u32>),
}

impl rt::Event for Canary {
    const KIND: &'static str = "canary";
}

/// What is compared of a run, and its machines' names.
struct Played {
    log: Vec<Record>,
    packet_digests: Vec<u64>,
    log_hash: String,
    names: rt::Map<NodeId, String>,
}

impl Played {
    fn trace(&self) -> difference::Trace<'_> {
        let Played { log, packet_digests, log_hash, .. } = self;
        difference::Trace { log, packet_digests, log_hash }
    }
}

/// The first quarter of an hour of a small night in which one more service runs on a host.
fn with_a_canary<F: Future<Output = ()> + 'static>(canary: F) -> Played {
    let scenario = load(&small(), None);
    let run = build(&scenario, 7, Driver::Native, None).expect("a run");
    let mut sim = run.sim;
    let host = control::node("web1").expect("a host of the small night");
    let _detached = control::spawn_on(host, "canary", canary);
    sim.run_until(Time::from_secs(900));
    Played {
        log: sim.records(),
        packet_digests: sim.packet_digests(),
        log_hash: format!("{:016x}", sim.log_hash()),
        names: run.world.wiring.names(),
    }
}

fn difference(one: &Played, other: &Played) -> Option<String> {
    difference::first(one.trace(), other.trace(), &one.names)
}

/// The numbers in the order of a hashed map: what a service must not do.
#[expect(clippy::disallowed_types, reason = "the canary sins on purpose")]
fn in_hash_order() -> Vec<u32> {
    let map: std::collections::HashMap<u32, ()> = (0..64).map(|key| (key, ())).collect();
    map.into_keys().collect()
}

/// Tells what it did in the wrong order.
async fn sing() {
    rt::time::sleep(Duration::from_secs(60)).await;
    rt::emit(&Canary::Sings(in_hash_order()));
}

/// Tells nothing, but sends it to a machine that does not listen.
async fn whisper() {
    rt::time::sleep(Duration::from_secs(60)).await;
    let socket = rt::net::UdpSocket::bind("0.0.0.0:0").await.expect("a socket");
    let order: Vec<u8> = in_hash_order().iter().map(|number| *number as u8).collect();
    let sent = socket.send_to(&order, "198.51.100.53:9").await;
    assert_eq!(sent.expect("a route to the name server"), order.len());
}

#[test]
fn a_program_in_hash_order_is_caught_where_it_begins_and_named() {
    let (one, other) = (with_a_canary(sing()), with_a_canary(sing()));
    let difference = difference(&one, &other).expect("64! orders, and twice the same");
    assert!(difference.contains(", which was made on web1/canary\n"), "{difference}");
    assert!(difference.contains("  60.000000000  web1/canary  canary  "), "{difference}");
    let shown = difference.lines().filter(|line| line.starts_with("> ")).count();
    assert_eq!(shown, 2, "the record of each run, among its neighbours: {difference}");
    assert!(!difference.contains("packets differ already"), "{difference}");
}

#[test]
fn packets_that_nobody_tells_of_are_caught_between_records() {
    let (one, other) = (with_a_canary(whisper()), with_a_canary(whisper()));
    let difference = difference(&one, &other).expect("64! orders, and twice the same");
    assert!(difference.starts_with("equal records and different packets: "), "{difference}");
    let (_, span) = difference.split_once('(').expect("the times of two records");
    let (from, rest) = span.split_once(" to ").expect("two times");
    let to = rest.split_once(" s)").expect("seconds").0;
    let seconds = |text: &str| text.parse::<f64>().expect("a number");
    // The datagram is on its way for some milliseconds.
    assert!(seconds(from) < 60.1 && seconds(to) > 60.0 && seconds(to) < 900.0, "{difference}");
}

#[test]
fn without_a_canary_there_is_no_difference() {
    let honest = || with_a_canary(async { rt::emit(&Canary::Sings(vec![1])) });
    assert_eq!(difference(&honest(), &honest()), None);
}
