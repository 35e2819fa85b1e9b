//! Same seed, same night, to the byte: whatever the process did before, on whichever thread, whoever listens.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod night;

use blackstart_sim::Driver;
use std::process::{Command, Stdio};
use std::time::Duration;

const SEED: u64 = 32_934;

#[test]
fn the_first_run_equals_the_hundredth() {
    let first = night::run(SEED);
    for n in 2..=100 {
        assert_eq!(night::run(SEED), first, "run {n}");
    }
}

#[test]
fn both_drivers_do_the_same() {
    for seed in [SEED, 7, 8] {
        assert_eq!(night::run_on(Driver::Tokio, seed), night::run(seed), "seed {seed}");
    }
}

#[test]
fn another_seed_is_another_night() {
    let hashes: blackstart_rt::Set<u64> = (0..20).map(night::run).collect();
    assert_eq!(hashes.len(), 20);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what a thread does to a run is what is tested")]
fn any_thread_will_do() {
    let here = night::run(SEED);
    let threads: Vec<_> = (0..3).map(|_| std::thread::spawn(|| night::run(SEED))).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), here);
    }
}

#[test]
fn a_listener_changes_nothing() {
    let silent = night::run(SEED);
    let verbose = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(std::io::sink);
    tracing::subscriber::with_default(verbose.finish(), || assert_eq!(night::run(SEED), silent));
    tracing_subscriber::fmt().with_writer(std::io::sink).init();
    assert_eq!(night::run(SEED), silent);
}

/// Inside a runtime tokio counts what a task does and makes its channels pretend to be busy after 128 steps.
/// A night is one step of that runtime, so without a remedy its channels would stall.
#[test]
fn a_runtime_around_it_changes_nothing() {
    let alone = night::run(SEED);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(async { night::run(SEED) }), alone);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the wall clock has to move between the two")]
fn processes_two_seconds_apart_agree() {
    let first = hash_of_a_process("off");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(hash_of_a_process("trace"), first);
    assert!(first.contains(&format!("log_hash={:016x}", night::run(SEED))), "{first}");
}

/// What a fresh process of this test prints.
fn hash_of_a_process(log: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_prints_its_hash", "--nocapture"])
        .env("RUST_LOG", log)
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.contains("log_hash=")).collect()
}

/// Run by the test above in processes of its own.
#[test]
fn a_process_prints_its_hash() {
    println!("\nlog_hash={:016x}", night::run(SEED));
}
