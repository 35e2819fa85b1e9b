//! Tasks. Each belongs to the host that spawned it and dies with it.

use crate::backend::{self, Backend, Handle, either, handle};
#[cfg(feature = "turmoil")]
use crate::turmoil;
use crate::{emit, os};
pub use blackstart_sim::ailment::Instead;
use blackstart_sim::record::SimEvent;
use blackstart_sim::task as engine;
use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Awaits a task's end. Dropping it lets the task run on.
#[derive(Debug)]
pub struct JoinHandle<T>(Join<T>);

type Join<T> =
    handle!(engine::JoinHandle<Contained<T>>, turmoil::JoinHandle<Contained<T>>, os::JoinHandle<T>);

type BoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A task's output, or the message of its panic, caught where it is still at hand.
type Contained<T> = Result<T, String>;

/// Why a task gave no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinError {
    /// It was aborted, or its host lost power.
    Cancelled,
    /// It panicked, with this message.
    Panicked(String),
}

impl JoinError {
    /// Whether the task panicked, as against being cancelled.
    pub fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Whether the task was cancelled, as against panicking.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the task was cancelled"),
            Self::Panicked(message) => write!(f, "the task panicked: {message}"),
        }
    }
}

impl std::error::Error for JoinError {}

/// What the current service is to answer instead of right, after waiting as long as it is slow. None when no fault lies on it,
/// and always outside the engine. A service asks once for each answer, where it answers.
pub async fn instead() -> Option<Instead> {
    let (slow, instead) = blackstart_sim::ailment::next_answer()?;
    if !slow.is_zero() {
        crate::time::sleep(slow).await;
    }
    instead
}

/// Whether a fault lies on the current service, so that its answers take a way of their own; see [`instead`].
pub fn is_ailing() -> bool {
    blackstart_sim::ailment::is_ailing()
}

/// Starts `future` as a task of the current host.
///
/// `name` names the service when a host's program calls this; a task that a service starts belongs to that
/// service and dies when a fault kills it. A panic ends its task alone, as under tokio; the engine records it
/// as [`SimEvent::TaskCrash`] under the task's name. On a host without power the task is dropped at once.
///
/// # Panics
/// Outside any backend.
#[track_caller]
pub fn spawn<F>(name: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    JoinHandle(match backend::expect() {
        Backend::Engine => {
            Handle::Engine(engine::spawn(name, contain(name.to_owned(), Box::pin(future), record_crash)))
        }
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => {
            Handle::Turmoil(host.spawn(contain(name.to_owned(), Box::pin(future), trace_crash)))
        }
        Backend::Os(host) => {
            tracing::trace!(name, "task spawned");
            Handle::Os(host.spawn(future))
        }
    })
}

impl<T> JoinHandle<T> {
    /// Drops the task, at its next turn at the latest. A task that has ended is left as it is.
    pub fn abort(&self) {
        either!(&self.0, handle => handle.abort())
    }

    /// Whether the task has ended, one way or another.
    pub fn is_finished(&self) -> bool {
        either!(&self.0, handle => handle.is_finished())
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Handle::Engine(handle) => Pin::new(handle).poll(cx).map(from_contained),
            #[cfg(feature = "turmoil")]
            Handle::Turmoil(handle) => Pin::new(handle).poll(cx).map(from_contained),
            Handle::Os(handle) => Pin::new(handle).poll(cx).map_err(from_tokio),
        }
    }
}

/// Runs a service's task in a simulation as tokio would: a panic ends this task alone, and
/// `report` hears of it.
///
/// Tokio's channels count the steps of a task of theirs and then pretend to be busy. When a simulation runs
/// inside a tokio runtime, the whole run is one such task, so the count is switched off.
///
/// The future comes in its box: an `async` block that awaits what it captured holds it twice.
async fn contain<T>(name: String, future: BoxFuture<T>, report: fn(String, &str)) -> Contained<T> {
    let mut future = tokio::task::unconstrained(future);
    let outcome = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut future).poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(payload) => Poll::Ready(Err(panic_message(payload.as_ref()))),
    });
    outcome.await.inspect_err(|message| report(name, message))
}

fn record_crash(service: String, message: &str) {
    let event = SimEvent::TaskCrash { service, message: message.to_owned() };
    emit::record(SimEvent::KIND, &event);
}

#[cfg(feature = "turmoil")]
fn trace_crash(service: String, message: &str) {
    tracing::error!(host = crate::host_name(), service, message, "a task crashed");
}

fn from_contained<T, E>(result: Result<Contained<T>, E>) -> Result<T, JoinError> {
    match result {
        Ok(result) => result.map_err(JoinError::Panicked),
        Err(_) => Err(JoinError::Cancelled),
    }
}

fn from_tokio(error: tokio::task::JoinError) -> JoinError {
    match error.try_into_panic() {
        Ok(payload) => JoinError::Panicked(panic_message(payload.as_ref())),
        Err(_) => JoinError::Cancelled,
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Lets every other task that is ready have its turn first.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
