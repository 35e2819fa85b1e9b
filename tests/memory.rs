//! What a run leaves behind in its process: nothing. Counted in live allocations, so that a single one would show.
//!
//! Alone in its binary, and one test: whatever runs beside it would be counted too.

use blackstart_tests::night::{load, play, small};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The run after which nothing may grow any more: the first ones fill what lives as long as the thread.
const WARM: usize = 10;
const RUNS: usize = 1000;
/// Long enough for names, routes, connections, people, and a link that is cut.
const DURATION: Duration = Duration::from_secs(11 * 60);

/// Allocations and bytes that are live.
fn live() -> (usize, usize) {
    let stats = ALLOCATOR.stats();
    (stats.allocations - stats.deallocations, stats.bytes_allocated - stats.bytes_deallocated)
}

#[test]
#[ignore = "a thousand runs take half a minute; run by cargo xtask test"]
fn the_thousandth_run_leaves_what_the_tenth_did() {
    let mut scenario = load(&small(), None);
    scenario.duration = DURATION;
    let mut warm = None;
    for run in 1..=RUNS {
        // The first ten runs have all seeds: what they need most is what all need.
        let records = play(&scenario, (run % WARM) as u64).log.len();
        assert!(records > 20, "{records} records: too few to prove anything");
        match warm {
            None if run == WARM => warm = Some(live()),
            None => {}
            Some(warm) => {
                assert_eq!(live(), warm, "allocations and bytes after run {run}, and after run {WARM}")
            }
        }
    }
}
