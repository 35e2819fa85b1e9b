//! Virtual time: the clock, and timers that fire on a 1 ms grid as tokio's do. Packets keep nanoseconds.

use crate::queue::{Event, Queue};
use crate::{exec, world};
use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::{Add, AddAssign, Sub};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The grid of task timers in nanoseconds.
pub(crate) const GRID_NS: u64 = 1_000_000;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// A moment of a run: nanoseconds since its start (584 years fit).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);

    /// The present; the start outside a simulation.
    pub fn now() -> Time {
        Time(NOW.get())
    }

    /// `ns` nanoseconds after the start.
    pub const fn from_nanos(ns: u64) -> Time {
        Time(ns)
    }

    /// `seconds` after the start.
    pub const fn from_secs(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time since the start.
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Time since `earlier`; zero if that is later.
    pub fn saturating_duration_since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Stops at the end of time instead of overflowing.
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(nanos(span)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Time> for Time {
    type Output = Duration;

    fn sub(self, earlier: Time) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn set_now(ns: u64) {
    NOW.set(ns);
}

/// The current host's own idea of the time since 1970: the run's epoch, the time of the run, and the host's offset.
pub fn unix_now() -> Duration {
    world::try_with(|world| world.unix_now(exec::current_node())).unwrap_or_default()
}

/// The timers of tasks. The queue holds (slot, generation); a slot whose generation moved on is stale.
#[derive(Default)]
pub(crate) struct Timers {
    slots: Vec<Slot>,
    free: Vec<u32>,
    stale: usize,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    waker: Option<Waker>,
}

impl Timers {
    fn start(&mut self, queue: &mut Queue, at: u64, waker: Waker) -> (u32, u32) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let entry = &mut self.slots[slot as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.waker = Some(waker);
        queue.push(at, Event::Timer { slot, generation: entry.generation });
        (slot, entry.generation)
    }

    fn live(&mut self, slot: u32, generation: u32) -> Option<&mut Slot> {
        self.slots.get_mut(slot as usize).filter(|entry| entry.generation == generation)
    }

    /// The timer fired: the waker to wake, if anybody still waits.
    pub(crate) fn fire(&mut self, slot: u32, generation: u32) -> Option<Waker> {
        match self.live(slot, generation) {
            Some(entry) => entry.waker.take(),
            None => {
                self.stale = self.stale.saturating_sub(1);
                None
            }
        }
    }

    /// The sleeper is gone. Hands back the waker, to be dropped outside the world.
    fn cancel(&mut self, queue: &mut Queue, slot: u32, generation: u32, fired: bool) -> Option<Waker> {
        let entry = self.live(slot, generation)?;
        entry.generation = entry.generation.wrapping_add(1);
        let waker = entry.waker.take();
        self.free.push(slot);
        if !fired {
            self.stale += 1;
            self.sweep(queue);
        }
        waker
    }

    /// Long timeouts that were mostly cancelled must not fill the queue.
    fn sweep(&mut self, queue: &mut Queue) {
        if self.stale < 4096 || self.stale * 2 < queue.len() {
            return;
        }
        self.stale = 0;
        let slots = &self.slots;
        queue.retain(|event| match event {
            Event::Timer { slot, generation } => slots[*slot as usize].generation == *generation,
            _ => true,
        });
    }
}

/// Waits until a moment; see [`sleep_until`]. Dropping it cancels the timer.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless awaited"]
pub struct Sleep {
    deadline: Time,
    timer: Option<Registration>,
}

#[derive(Debug, Clone, Copy)]
struct Registration {
    run: u64,
    slot: u32,
    generation: u32,
}

/// Waits for `span`, rounded up to the millisecond grid.
pub fn sleep(span: Duration) -> Sleep {
    sleep_until(Time::now() + span)
}

/// Waits until `deadline`, rounded up to the millisecond grid.
pub fn sleep_until(deadline: Time) -> Sleep {
    Sleep { deadline, timer: None }
}

impl Sleep {
    /// The moment waited for, before rounding.
    pub fn deadline(&self) -> Time {
        self.deadline
    }

    /// Whether that moment has come.
    pub fn is_elapsed(&self) -> bool {
        NOW.get() >= self.fires_at()
    }

    /// Waits for another moment instead.
    pub fn reset(&mut self, deadline: Time) {
        self.cancel();
        self.deadline = deadline;
    }

    fn fires_at(&self) -> u64 {
        self.deadline.0.div_ceil(GRID_NS).saturating_mul(GRID_NS)
    }

    fn cancel(&mut self) {
        let Some(timer) = self.timer.take() else { return };
        let fired = self.is_elapsed();
        drop(world::try_with(|world| {
            (world.run == timer.run)
                .then(|| world.timers.cancel(&mut world.queue, timer.slot, timer.generation, fired))
        }));
    }

    /// Starts the timer, or renews its waker. The old waker comes back, to be dropped outside the world.
    fn register(&mut self, waker: &Waker) -> Option<Waker> {
        let at = self.fires_at();
        let current = self.timer;
        world::try_with(|world| {
            let timers = &mut world.timers;
            if let Some(timer) = current
                && let Some(slot) = timers.live(timer.slot, timer.generation)
            {
                let is_known = slot.waker.as_ref().is_some_and(|known| known.will_wake(waker));
                return (current, if is_known { None } else { slot.waker.replace(waker.clone()) });
            }
            let (slot, generation) = timers.start(&mut world.queue, at, waker.clone());
            (Some(Registration { run: world.run, slot, generation }), None)
        })
        .and_then(|(timer, old)| {
            self.timer = timer;
            old
        })
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_elapsed() {
            self.cancel();
            return Poll::Ready(());
        }
        drop(self.register(cx.waker()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// A deadline passed first; see [`timeout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("deadline has elapsed")]
pub struct Elapsed;

/// The output of `future`, unless `span` passes first. The future is asked first.
///
/// # Errors
/// [`Elapsed`] when the time is up.
pub async fn timeout<F: Future>(span: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = sleep(span);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed)),
    })
    .await
}

/// Ticks at a fixed period; see [`interval`].
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
}

/// Ticks at once and then every `period`. Missed ticks come in a burst, as tokio's default.
pub fn interval(period: Duration) -> Interval {
    interval_at(Time::now(), period)
}

/// Ticks at `start` and then every `period`.
pub fn interval_at(start: Time, period: Duration) -> Interval {
    Interval { sleep: sleep_until(start), period: period.max(Duration::from_nanos(GRID_NS)) }
}

impl Interval {
    /// Waits for the next tick and returns the moment it was due. Cancel safe.
    pub async fn tick(&mut self) -> Time {
        (&mut self.sleep).await;
        let due = self.sleep.deadline();
        self.sleep.reset(due + self.period);
        due
    }

    /// The time between ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}
