//! A server under a rate: what it can do in a second, who waits, who is turned away; and the cache before it.

use blackstart_rt::time::Instant;
use serde::Deserialize;
use std::time::Duration;

/// What a server can do.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capacity {
    /// Requests a second.
    pub per_s: f64,
    /// The longest wait in the queue, in seconds; who would wait longer is turned away.
    pub queue_s: f64,
}

/// Requests that wait, as a fluid.
#[derive(Debug)]
pub struct Queue {
    capacity: Capacity,
    waiting: f64,
    offered: f64,
    at: Instant,
}

impl Queue {
    /// An empty one.
    #[must_use]
    pub fn new(capacity: Capacity, now: Instant) -> Self {
        Self { capacity, waiting: 0.0, offered: 0.0, at: now }
    }

    /// Lets time pass until `now` at the rate offered so far; from then on it is `offered`.
    pub fn offer(&mut self, now: Instant, offered: f64) {
        let dt_s = now.duration_since(self.at).as_secs_f64();
        let longest = self.capacity.per_s * self.capacity.queue_s;
        self.waiting = (self.waiting + (self.offered - self.capacity.per_s) * dt_s).clamp(0.0, longest);
        (self.at, self.offered) = (now, offered);
    }

    /// How long whoever comes now waits.
    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::try_from_secs_f64(self.waiting / self.capacity.per_s).unwrap_or_default()
    }

    /// The share of those who come now that is turned away.
    #[must_use]
    pub fn shed(&self) -> f64 {
        let full = self.waiting >= self.capacity.per_s * self.capacity.queue_s;
        if full && self.offered > 0.0 { (1.0 - self.capacity.per_s / self.offered).max(0.0) } else { 0.0 }
    }

    /// Requests worked on, a second.
    #[must_use]
    pub fn served(&self) -> f64 {
        if self.waiting > 0.0 { self.capacity.per_s } else { self.offered.min(self.capacity.per_s) }
    }

    /// How busy the server is, from 0 to 1.
    #[must_use]
    pub fn busy(&self) -> f64 {
        self.served() / self.capacity.per_s
    }
}

/// How a cache warms and cools.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CacheConfig {
    /// Share of requests that it answers when it is warm.
    pub hits: f64,
    /// Requests that fill it.
    pub filled_by: f64,
    /// Mean life of what is in it, in seconds.
    pub entry_s: f64,
}

/// A cache in front of what is dear.
#[derive(Debug)]
pub struct Cache {
    config: CacheConfig,
    /// From 0 (cold) to 1.
    warmth: f64,
    at: Instant,
}

impl Cache {
    /// A warm one.
    #[must_use]
    pub fn new(config: CacheConfig, now: Instant) -> Self {
        Self { config, warmth: 1.0, at: now }
    }

    /// Lets time pass until `now` with so many requests a second; idle, it cools.
    pub fn pass(&mut self, now: Instant, served: f64) {
        let dt_s = now.duration_since(self.at).as_secs_f64();
        self.at = now;
        let cooled = self.warmth * self.config.entry_s / (self.config.entry_s + dt_s);
        let filled = served * dt_s / (served * dt_s + self.config.filled_by);
        self.warmth = cooled + (1.0 - cooled) * filled;
    }

    /// The share of requests that go on to what is behind.
    #[must_use]
    pub fn misses(&self) -> f64 {
        1.0 - self.config.hits * self.warmth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(s: f64) -> Instant {
        Instant::from_start(Duration::from_secs_f64(s))
    }

    fn queue() -> Queue {
        Queue::new(Capacity { per_s: 100.0, queue_s: 10.0 }, at(0.0))
    }

    #[test]
    fn overload_is_slow_before_it_fails() {
        let mut queue = queue();
        queue.offer(at(0.0), 150.0);
        // (second, seconds to wait, share turned away)
        for (s, wait_s, shed) in
            [(2.0, 1, 0.0), (10.0, 5, 0.0), (20.0, 10, 1.0 / 3.0), (500.0, 10, 1.0 / 3.0)]
        {
            queue.offer(at(s), 150.0);
            assert_eq!((queue.wait().as_secs(), queue.served()), (wait_s, 100.0), "at {s} s");
            assert!((queue.shed() - shed).abs() < 1e-9, "at {s} s");
        }
        queue.offer(at(500.0), 50.0);
        queue.offer(at(510.0), 50.0);
        assert_eq!((queue.wait().as_secs(), queue.shed(), queue.busy()), (5, 0.0, 1.0));
        queue.offer(at(600.0), 50.0);
        assert_eq!((queue.wait().as_secs(), queue.busy()), (0, 0.5));
    }

    #[test]
    fn a_cache_cools_in_hours_and_warms_with_use() {
        let mut cache =
            Cache::new(CacheConfig { hits: 0.95, filled_by: 1_000_000.0, entry_s: 3600.0 }, at(0.0));
        (1..=10).for_each(|minute| cache.pass(at(f64::from(minute) * 60.0), 10_000.0));
        let warm = cache.misses();
        assert!(warm < 0.1, "{warm}");
        cache.pass(at(600.0 + 6.0 * 3600.0), 0.0);
        let cold = cache.misses();
        assert!(cold > 0.8, "{cold}");
        cache.pass(at(900.0 + 6.0 * 3600.0), 10_000.0);
        assert!(cache.misses() < cold / 2.0);
    }

    proptest! {
        #[test]
        fn a_queue_keeps_its_bounds(offers in prop::collection::vec((0.0f64..1e6, 0.0f64..1e4), 0..30)) {
            let (mut queue, mut s) = (queue(), 0.0);
            for (dt, offered) in offers {
                s += dt;
                queue.offer(at(s), offered);
                prop_assert!(queue.wait() <= Duration::from_secs(10));
                prop_assert!((0.0..=1.0).contains(&queue.shed()) && (0.0..=1.0).contains(&queue.busy()));
            }
        }
    }
}
