//! Draws. In a simulation the n-th draw of a stream depends on (seed, host, stream name, n) alone, so one more
//! host or one more stream shifts nobody else's draws.

use crate::backend::{self, Backend};
use std::time::Duration;

/// A named stream of draws; see [`stream`].
#[derive(Debug)]
pub struct Stream(Source);

#[derive(Debug)]
enum Source {
    Os,
}

/// The current host's stream called `name`.
///
/// # Panics
/// Outside any backend.
pub fn stream(_name: &str) -> Stream {
    Stream(match backend::expect() {
        Backend::Os(_) => Source::Os,
    })
}

impl Stream {
    /// 64 random bits.
    ///
    /// # Panics
    /// When the operating system refuses to give any.
    pub fn next_u64(&mut self) -> u64 {
        match &mut self.0 {
            Source::Os => match getrandom::u64() {
                Ok(bits) => bits,
                Err(error) => panic!("the operating system gave no random bytes: {error}"),
            },
        }
    }

    /// A whole number below `n`; 0 when `n` is 0. One draw, biased by less than `n` / 2^64.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * STEP
    }

    /// A duration from `low` to below `high`, in whole nanoseconds; `low` when the range is empty.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = u64::try_from(high.saturating_sub(low).as_nanos()).unwrap_or(u64::MAX);
        low + Duration::from_nanos(self.below(span))
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }
}
