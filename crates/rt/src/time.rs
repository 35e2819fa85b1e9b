//! The clock and what waits for it. Timers fire on a 1 ms grid on every backend, never early (tokio's rule).

use crate::backend::{self, Backend, Handle, handle};
use crate::os;
#[cfg(feature = "turmoil")]
use crate::turmoil;
use blackstart_sim::Time;
use blackstart_sim::time as engine;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::ops::{Add, AddAssign, Sub};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

/// A moment of the monotonic clock, in nanoseconds since the backend started. Plain data: a protocol core can
/// take it as input and a test can make one up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Instant(u64);

impl Instant {
    /// Now, by the backend's monotonic clock.
    ///
    /// # Panics
    /// Outside any backend.
    pub fn now() -> Self {
        match backend::expect() {
            Backend::Engine => Self(Time::now().as_nanos()),
            #[cfg(feature = "turmoil")]
            Backend::Turmoil(host) => Self::from_start(host.since_start()),
            Backend::Os(host) => Self::from_start(host.since_start()),
        }
    }

    /// The moment that long after the backend's start.
    pub const fn from_start(since_start: Duration) -> Self {
        let nanos = since_start.as_nanos();
        Self(if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 })
    }

    /// Time since the backend's start.
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Time since `earlier`; zero when that lies ahead.
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Time since this moment; zero when it lies ahead.
    ///
    /// # Panics
    /// Outside any backend.
    pub fn elapsed(self) -> Duration {
        Self::now().duration_since(self)
    }
}

impl From<Instant> for Time {
    fn from(instant: Instant) -> Self {
        Self::from_nanos(instant.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Stops at the end of time (584 years) instead of overflowing.
    fn add(self, after: Duration) -> Self {
        Self::from_start(self.since_start().saturating_add(after))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, after: Duration) {
        *self = *self + after;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Stops at the backend's start instead of overflowing.
    fn sub(self, before: Duration) -> Self {
        Self::from_start(self.since_start().saturating_sub(before))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// As [`Instant::duration_since`].
    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

/// A pending wait. Can be polled again after its end, which stays ready.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless awaited"]
pub struct Sleep(handle!(engine::Sleep, turmoil::Sleep, os::Sleep));

impl Sleep {
    /// Waits until `deadline` instead, on the backend that this wait was made on.
    pub fn reset(&mut self, deadline: Instant) {
        match &mut self.0 {
            Handle::Engine(sleep) => sleep.reset(deadline.into()),
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(sleep) => *sleep = turmoil::Sleep::until(deadline.since_start()),
            Handle::Os(sleep) => sleep.reset(deadline.since_start()),
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.get_mut().0 {
            Handle::Engine(sleep) => Pin::new(sleep).poll(cx),
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(sleep) => sleep.poll(cx),
            Handle::Os(sleep) => sleep.poll(cx),
        }
    }
}

/// Waits for that long, counted from this call.
///
/// # Panics
/// Outside any backend.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(Instant::now() + duration)
}

/// Waits until `deadline`; ends at once when it has passed.
///
/// # Panics
/// Outside any backend.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep(match backend::expect() {
        Backend::Engine => Handle::Engine(engine::sleep_until(deadline.into())),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(_) => Handle::Turmoil(turmoil::Sleep::until(deadline.since_start())),
        Backend::Os(host) => Handle::Os(host.sleep_until(deadline.since_start())),
    })
}

/// A wait whose end moves, or that has none. Asked again for the same end, as in the next turn of a loop, the wait
/// goes on.
#[derive(Debug, Default)]
pub struct Alarm(Option<(Instant, Sleep)>);

impl Alarm {
    /// Waits until `end`, or for ever. Cancel safe.
    ///
    /// # Panics
    /// Outside any backend.
    pub async fn at(&mut self, end: Option<Instant>) {
        if self.0.as_ref().map(|(end, _)| *end) != end {
            self.0 = end.map(|end| (end, sleep_until(end)));
        }
        match &mut self.0 {
            Some((_, sleep)) => sleep.await,
            None => pending().await,
        }
    }
}

/// The wait ended before the future did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// Gives `future` that long, counted from this call, then drops it.
///
/// A future that is ready at the deadline wins over it.
///
/// # Panics
/// Outside any backend.
pub fn timeout<F: Future>(duration: Duration, future: F) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let mut deadline = sleep(duration);
    async move {
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => Pin::new(&mut deadline).poll(cx).map(|()| Err(Elapsed)),
        })
        .await
    }
}

/// Ticks at a fixed rate; see [`interval`] and [`interval_at`].
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    next: Sleep,
    due: Instant,
}

/// Ticks at once and then every `period` (at least 1 ms). Ticks that were missed follow without delay, so the
/// rate holds.
///
/// # Panics
/// Outside any backend.
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks at `start` and then every `period` (at least 1 ms); otherwise as [`interval`].
///
/// # Panics
/// Outside any backend.
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval { period: period.max(Duration::from_millis(1)), next: sleep_until(start), due: start }
}

impl Interval {
    /// Waits for the next tick and answers when it was due. Cancel safe.
    pub async fn tick(&mut self) -> Instant {
        (&mut self.next).await;
        let due = self.due;
        self.due += self.period;
        self.next.reset(self.due);
        due
    }
}

/// Time since 1970-01-01 UTC by the host's own clock, which may be wrong.
///
/// # Panics
/// Outside any backend.
pub fn unix_now() -> Duration {
    match backend::expect() {
        Backend::Engine => engine::unix_now(),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => host.unix_now(),
        Backend::Os(_) => os::unix_now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arithmetic_stops_at_the_ends(start: u64, secs: u64, nanos in 0..1_000_000_000_u32) {
            let (start, span) = (Instant(start), Duration::new(secs, nanos));
            prop_assert!(start + span >= start);
            prop_assert!(start - span <= start);
            prop_assert!((start + span) - start <= span);
            prop_assert_eq!(start - (start + span), Duration::ZERO);
            prop_assert_eq!(Instant::from_start(start.since_start()), start);
        }
    }
}
