//! What moves a run on: the engine alone, or a paused tokio runtime around it.
//!
//! The tokio driver runs the same world and the same executor inside a tokio runtime whose clock stands still, so
//! that the code of a simulated task may use `tokio::time`, `tokio::sync` and `tokio::select!`. Services that use
//! none of that have the same run, to the byte, on both drivers.
//!
//! Start at [`Tokio::run_until`] and [`Clock::drive`]. Two rules carry it:
//! - **One time.** Tokio's clock and the engine's never disagree. Tokio's timers fire on a 1 ms grid and its clock
//!   moves on by itself, from timer to timer, when the runtime has nothing to do. So the driver sleeps, by tokio's
//!   own means, to the last grid point before the engine's next event; a user's timer may end that sleep earlier.
//!   Between grid points, where no timer can fire, it advances the clock by hand.
//! - **One order.** At one instant tokio's timers fire first. Then the engine's events happen in their order, with
//!   the tasks that each wakes. Then tokio has its turn: tasks of `tokio::spawn`, and who called
//!   `tokio::task::yield_now`. That goes round until nobody has anything to do; only then does time move.

use crate::time::GRID_NS;
use crate::{Error, Time, exec, sim, world};
use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, LocalOptions, LocalRuntime, RuntimeMetrics};
use tokio::time::{Instant, Sleep};

/// What moves a run on. Services that use only `blackstart_rt` have the same run, to the byte, on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Driver {
    /// The engine's own loop: the fastest.
    #[default]
    Native,
    /// The same loop inside a paused tokio runtime: code in simulated tasks may use `tokio::time`, `tokio::sync` and
    /// `tokio::select!`. Needs `--cfg tokio_unstable`; see [`Error::TokioUnstable`].
    Tokio,
}

impl Driver {
    /// `native` or `tokio`.
    pub const fn name(self) -> &'static str {
        match self {
            Driver::Native => "native",
            Driver::Tokio => "tokio",
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const MOVED: &str = "tokio's clock was moved from inside the run (tokio::time::advance, pause or resume): \
     in a run it belongs to the simulation";

thread_local! {
    /// Of this thread's run, when tokio drives it.
    static ATTACHED: RefCell<Option<Attached>> = const { RefCell::new(None) };
}

/// What the runtime's hooks, and calls from outside the run, need to know.
struct Attached {
    handle: Handle,
    /// The run's start by tokio's clock.
    start: Instant,
    waiting: Option<Waiting>,
}

/// The driver waits for the runtime.
struct Waiting {
    waker: Waker,
    /// The engine's next event, which must not be missed; none when any pause will do.
    next_event: Option<u64>,
}

/// Calls `f` in the context of the run's runtime, if it has one: code of users may ask for it where no task is
/// polled, as in destructors and in a node's program.
pub(crate) fn entered<R>(f: impl FnOnce() -> R) -> R {
    let handle = ATTACHED.with_borrow(|attached| attached.as_ref().map(|attached| attached.handle.clone()));
    let _context = handle.as_ref().map(Handle::enter);
    f()
}

/// The tokio driver of one run.
#[derive(Debug)]
pub(crate) struct Tokio {
    runtime: Option<LocalRuntime>,
    clock: Option<Clock>,
}

/// Both clocks, and what is needed to move them.
#[derive(Debug)]
struct Clock {
    start: Instant,
    /// One timer for all waits.
    alarm: Pin<Box<Sleep>>,
    metrics: RuntimeMetrics,
    /// Whether a task was polled since tokio had its last turn: it may have woken something of tokio's.
    unsettled: bool,
}

impl Tokio {
    /// # Errors
    /// [`Error::InsideTokio`], [`Error::TokioUnstable`], [`Error::TokioRuntime`].
    pub(crate) fn new(seed: u64) -> Result<Self, Error> {
        if Handle::try_current().is_ok() {
            return Err(Error::InsideTokio);
        }
        let runtime = paused_runtime(seed)?;
        let context = runtime.enter();
        let start = Instant::now();
        let alarm = Box::pin(tokio::time::sleep_until(start));
        drop(context);
        let clock = Clock { start, alarm, metrics: runtime.metrics(), unsettled: false };
        ATTACHED.set(Some(Attached { handle: runtime.handle().clone(), start, waiting: None }));
        Ok(Tokio { runtime: Some(runtime), clock: Some(clock) })
    }

    /// Runs until `end`, inclusive.
    pub(crate) fn run_until(&mut self, end: u64) {
        if let (Some(runtime), Some(clock)) = (&self.runtime, &mut self.clock) {
            // The whole run is one task of the runtime's: it must not be made to pause for the others' sake.
            runtime.block_on(tokio::task::unconstrained(clock.drive(end)));
        }
    }
}

impl Drop for Tokio {
    fn drop(&mut self) {
        drop(self.clock.take());
        drop(ATTACHED.take());
        // Tasks of `tokio::spawn` are dropped here. Does not wait for threads, so it may be done anywhere.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn paused_runtime(seed: u64) -> Result<LocalRuntime, Error> {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).on_thread_park(before_park).on_thread_unpark(follow_tokio);
    fix_choices(&mut builder, seed)?;
    builder.build_local(LocalOptions::default()).map_err(|error| Error::TokioRuntime(error.to_string()))
}

/// Makes `tokio::select!` begin at the same branches in every run of this seed.
#[cfg(tokio_unstable)]
fn fix_choices(builder: &mut Builder, seed: u64) -> Result<(), Error> {
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
    Ok(())
}

#[cfg(not(tokio_unstable))]
fn fix_choices(_: &mut Builder, _: u64) -> Result<(), Error> {
    Err(Error::TokioUnstable)
}

/// The runtime has nothing to do and is about to let time pass: the last moment to say that we have.
fn before_park() {
    let waker = ATTACHED.with_borrow_mut(|attached| {
        let waiting = &mut attached.as_mut()?.waiting;
        let due = waiting.as_ref()?.next_event.is_none_or(has_work);
        if due { waiting.take() } else { None }
    });
    if let Some(waiting) = waker {
        waiting.waker.wake();
    }
}

/// Whether the engine has anything to do before its event at `next_event`.
fn has_work(next_event: u64) -> bool {
    exec::any_ready() || world::try_with(|world| world.has_work(next_event)).unwrap_or(false)
}

/// Tokio's clock may have moved: timers have fired, and the tasks that they woke must see one time only.
fn follow_tokio() {
    let start = ATTACHED.with_borrow(|attached| attached.as_ref().map(|attached| attached.start));
    if let Some(start) = start {
        world::try_with(|world| world.come_to(since(start)));
    }
}

fn since(start: Instant) -> u64 {
    crate::time::nanos(start.elapsed())
}

impl Clock {
    /// Runs until `end`, inclusive.
    async fn drive(&mut self, end: u64) {
        sim::boot();
        loop {
            self.unsettled |= exec::any_ready();
            exec::run_ready();
            let now = Time::now().as_nanos();
            if world::try_with(|world| world.go_on(now.min(end))).unwrap_or(false) {
                sim::hand_out();
                continue;
            }
            // The engine has nothing left to do at this instant.
            world::try_with(|world| world.rest_at(now));
            let next = next_event().min(end).max(now);
            let grid_point = next - next % GRID_NS;
            if now.is_multiple_of(GRID_NS) && grid_point > now {
                self.sleep_until(grid_point, next).await;
            } else if std::mem::take(&mut self.unsettled) {
                turn().await;
            } else if next > now {
                let next_point = (now - now % GRID_NS).saturating_add(GRID_NS);
                self.advance(now, next.min(next_point)).await;
            } else {
                return;
            }
        }
    }

    /// From grid point to grid point, by tokio's own means. Ends earlier when the engine has something to do.
    async fn sleep_until(&mut self, grid_point: u64, next_event: u64) {
        self.alarm.as_mut().reset(self.start + Duration::from_nanos(grid_point));
        let rang = poll_fn(|cx| {
            let rang = self.alarm.as_mut().poll(cx).is_ready();
            if rang || has_work(next_event) {
                return Poll::Ready(rang);
            }
            wait(cx, Some(next_event));
            Poll::Pending
        })
        .await;
        // Time passes only when tokio has nothing to do.
        self.unsettled = false;
        let now = Time::now().as_nanos();
        assert!(now.is_multiple_of(GRID_NS) && (now == grid_point || !rang), "{MOVED}");
        self.serve_spawned().await;
    }

    /// To the next grid point at most: no timer fires on the way.
    async fn advance(&mut self, now: u64, to: u64) {
        // Its first poll moves the clock; what would follow is a turn for others.
        let mut step = pin!(tokio::time::advance(Duration::from_nanos(to - now)));
        let _ = step.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        world::try_with(|world| world.come_to(to));
        assert!(since(self.start) == to, "{MOVED}");
        if to.is_multiple_of(GRID_NS) {
            turn().await;
            self.serve_spawned().await;
        }
    }

    /// Timers have fired, perhaps for tasks of `tokio::spawn`, which come before the engine's events.
    async fn serve_spawned(&mut self) {
        if self.metrics.num_alive_tasks() > 0 {
            turn().await;
        }
    }
}

fn next_event() -> u64 {
    world::try_with(|world| world.queue.next_at()).flatten().unwrap_or(u64::MAX)
}

/// Lets tokio's tasks run until the runtime would let time pass.
async fn turn() {
    let mut asked = false;
    poll_fn(|cx| {
        if !std::mem::replace(&mut asked, true) {
            wait(cx, None);
            return Poll::Pending;
        }
        // An old alarm may wake us too early.
        if is_waiting() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

fn wait(cx: &Context<'_>, next_event: Option<u64>) {
    let waiting = Waiting { waker: cx.waker().clone(), next_event };
    ATTACHED.with_borrow_mut(|attached| attached.as_mut().map(|attached| attached.waiting = Some(waiting)));
}

fn is_waiting() -> bool {
    ATTACHED.with_borrow(|attached| attached.as_ref().is_some_and(|attached| attached.waiting.is_some()))
}
