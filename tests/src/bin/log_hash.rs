//! `log-hash FOLDER SEED RUNS`: runs a scenario again and again, in one process and on one thread, and prints for
//! each run its log hash and the process's memory in KiB (0 where the system does not say).
//!
//! With `RUST_LOG` set, everything that is traced is written to standard error, whatever it is set to.

use blackstart_tests::night;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, seed, runs] = arguments.as_slice() else { return usage() };
    let (Ok(seed), Ok(runs)) = (seed.parse(), runs.parse()) else { return usage() };
    trace_if_asked();
    for _ in 0..runs {
        one_run(Path::new(folder), seed);
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("log-hash FOLDER SEED RUNS");
    ExitCode::from(2)
}

#[expect(clippy::disallowed_methods, reason = "that the environment changes nothing is what is tested")]
fn trace_if_asked() {
    if std::env::var("RUST_LOG").is_ok() {
        let traced = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
        traced.with_writer(std::io::stderr).init();
    }
}

/// Prints after the run was dropped, so that the memory is what a run leaves behind.
fn one_run(folder: &Path, seed: u64) {
    let hash = night::play(&night::load(folder, None), seed).outcome.log_hash;
    println!("{hash} {}", memory_kib().unwrap_or(0));
}

/// Resident memory, where the kernel shows it.
fn memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
