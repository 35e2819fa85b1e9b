//! A schedule that fails to the smallest that fails in the same way.

use blackstart_fault::{Fault, simpler};
use std::time::Duration;

/// Most schedules tried for one failure.
const TRIED_MAX: usize = 200;

/// A schedule from which no step takes anything away without the failure going too, or the best that so many tries give. It
/// begins with what took place of `schedule`, when that fails too.
///
/// # Errors
/// Those of `fails`.
pub fn shrink<E>(
    schedule: &[Fault],
    executed: &[Fault],
    length: Duration,
    mut fails: impl FnMut(&[Fault]) -> Result<bool, E>,
) -> Result<Vec<Fault>, E> {
    let mut tried = 1;
    let mut best =
        if executed != schedule && fails(executed)? { executed.to_vec() } else { schedule.to_vec() };
    'simpler: loop {
        for candidate in simpler(&best, length) {
            if tried == TRIED_MAX {
                return Ok(best);
            }
            tried += 1;
            if fails(&candidate)? {
                best = candidate;
                continue 'simpler;
            }
        }
        return Ok(best);
    }
}
