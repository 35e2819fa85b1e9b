//! Counter-based draws: the n-th draw of a stream depends on (seed, stable name, n) alone, so that one more
//! packet, host or stream shifts nobody else's draws, and two variants of a scenario compare seed by seed.
//!
//! The distributions stand on `libm`: std's `ln`, `exp` and `cos` differ between platforms.

use crate::hash::{fold, mix, of};
use crate::{exec, world};
use std::time::Duration;

/// A stream of draws. Plain data: it may move anywhere, and a copy repeats the same draws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    key: u64,
    n: u64,
}

/// The current host's stream called `name`.
///
/// Opening a name again gives a different stream, so that a service which opens one per query does not draw the
/// same number each time: the k-th opening is keyed (seed, host, name, k). Outside a simulation the seed is 0.
pub fn stream(name: &str) -> Stream {
    let node = exec::current_node();
    world::try_with(|world| world.open_stream(node, name)).unwrap_or_else(|| Stream::new(0, name))
}

impl Stream {
    /// The stream of `seed` called `name`.
    pub fn new(seed: u64, name: &str) -> Self {
        Stream { key: key(seed, name), n: 0 }
    }

    /// What the `opening`-th call (from 0) of [`stream`](fn@stream) for `name` gives on `host` in a run of `seed`.
    pub fn of_host(seed: u64, host: &str, name: &str, opening: u64) -> Self {
        Stream::at(fold(key(seed, host), key(0, name)), opening)
    }

    /// The sub-stream number `n` of the stream with this key.
    pub(crate) fn at(key: u64, n: u64) -> Self {
        Stream { key: fold(key, n), n: 0 }
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let n = self.n;
        self.n += 1;
        mix(self.key ^ mix(n))
    }

    /// A whole number below `n` without bias (Lemire's rejection); 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        let threshold = n.wrapping_neg() % n;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(n);
            if wide as u64 >= threshold {
                return (wide >> 64) as u64;
            }
        }
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * STEP
    }

    /// A duration from `low` to below `high`, in whole nanoseconds; `low` when the range is empty.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = u64::try_from(high.saturating_sub(low).as_nanos()).unwrap_or(u64::MAX);
        low.saturating_add(Duration::from_nanos(self.below(span)))
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Exponentially distributed with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.unit())
    }

    /// Normally distributed (Box and Muller; two draws).
    pub fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        mean + deviation * radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Log-normally distributed: `median` times e to a normal of deviation `sigma`.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(self.normal(0.0, sigma))
    }

    /// Pareto distributed: at least `scale`, with a tail of index `shape`.
    pub fn pareto(&mut self, scale: f64, shape: f64) -> f64 {
        scale / libm::pow(1.0 - self.unit(), 1.0 / shape)
    }
}

/// The key of a stream: a stable hash of the seed and the name.
pub(crate) fn key(seed: u64, name: &str) -> u64 {
    fold(mix(seed), of(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_pinned() {
        let mut stream = Stream::new(7, "pin");
        let first: Vec<u64> = (0..3).map(|_| stream.next_u64()).collect();
        let mut again = Stream::new(7, "pin");
        assert_eq!(first, (0..3).map(|_| again.next_u64()).collect::<Vec<_>>());
        assert_ne!(first[0], Stream::new(8, "pin").next_u64());
        assert_ne!(first[0], Stream::new(7, "pon").next_u64());
    }

    #[test]
    fn below_is_even_and_in_range() {
        let mut stream = Stream::new(1, "dice");
        let mut faces = [0_u32; 6];
        for _ in 0..60_000 {
            faces[stream.below(6) as usize] += 1;
        }
        assert!(faces.iter().all(|&n| (9_500..10_500).contains(&n)), "{faces:?}");
        assert_eq!(stream.below(0), 0);
    }

    #[test]
    fn distributions_have_their_means() {
        let mut stream = Stream::new(2, "means");
        let mut mean = |draw: &mut dyn FnMut(&mut Stream) -> f64| {
            (0..50_000).map(|_| draw(&mut stream)).sum::<f64>() / 50_000.0
        };
        assert!((mean(&mut |s| s.unit()) - 0.5).abs() < 0.01);
        assert!((mean(&mut |s| s.exponential(3.0)) - 3.0).abs() < 0.1);
        assert!((mean(&mut |s| s.normal(5.0, 2.0)) - 5.0).abs() < 0.05);
        assert!((mean(&mut |s| s.lognormal(1.0, 0.5)) - libm::exp(0.125)).abs() < 0.05);
        assert!((mean(&mut |s| s.pareto(1.0, 3.0)) - 1.5).abs() < 0.05);
    }

    #[test]
    fn between_stays_inside() {
        let mut stream = Stream::new(3, "between");
        let (low, high) = (Duration::from_millis(2), Duration::from_millis(3));
        assert!((0..1000).all(|_| (low..high).contains(&stream.between(low, high))));
        assert_eq!(stream.between(high, low), high);
    }
}
