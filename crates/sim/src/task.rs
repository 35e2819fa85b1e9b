//! Tasks as services see them: spawn, join, abort.

use crate::exec::{self, Doom, TaskId};
use crate::node::NodeId;
use crate::world;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

pub use crate::exec::{current_node, in_simulation};

/// Why a task gave no output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// It was aborted, its service was killed, its node lost power, or it was refused.
    #[error("task was cancelled")]
    Cancelled,
    /// It panicked, and its service crashed with it.
    #[error("task panicked")]
    Panicked,
}

/// A task's end; see [`spawn`]. Dropping it lets the task go on alone.
#[derive(Debug)]
pub struct JoinHandle<T> {
    run: u64,
    id: Option<TaskId>,
    end: Arc<Mutex<End<T>>>,
}

#[derive(Debug)]
struct End<T> {
    result: Option<Result<T, JoinError>>,
    ended: bool,
    waker: Option<Waker>,
}

/// Starts a task of the current node. It inherits the service of its parent; started by a node's program, `name`
/// names the service. On a node without power the task is dropped at once.
pub fn spawn<F>(name: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    start(future, |task| exec::spawn(name, task))
}

/// Starts a task of `service` on `node`, as if the node's program had.
pub(crate) fn spawn_on<F>(node: Option<NodeId>, service: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    start(future, |task| exec::spawn_on(node, service, task))
}

fn start<F>(future: F, spawn: impl FnOnce(exec::Task) -> Option<TaskId>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let end = Arc::new(Mutex::new(End { result: None, ended: false, waker: None }));
    let guard = Guard(Arc::clone(&end));
    // An `async` block that awaits what it captured holds it twice.
    let future = Box::pin(future);
    let id = spawn(Box::pin(async move {
        let output = future.await;
        guard.0.settle(Ok(output));
    }));
    JoinHandle { run: world::try_with(|world| world.run).unwrap_or(0), id, end }
}

/// Tells the joiner when the task is dropped before its end.
struct Guard<T>(Arc<Mutex<End<T>>>);

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        self.0.settle(Err(match exec::doom() {
            Doom::Cancelled => JoinError::Cancelled,
            Doom::Panicked => JoinError::Panicked,
        }));
    }
}

trait Settle<T> {
    fn settle(&self, result: Result<T, JoinError>);
}

impl<T> Settle<T> for Arc<Mutex<End<T>>> {
    /// The first word counts. The joiner is woken, and what is left is dropped, outside the lock.
    fn settle(&self, result: Result<T, JoinError>) {
        let mut end = lock(self);
        if end.ended {
            drop(end);
            return drop(result);
        }
        end.ended = true;
        end.result = Some(result);
        let waker = end.waker.take();
        drop(end);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn lock<T>(end: &Mutex<End<T>>) -> MutexGuard<'_, End<T>> {
    end.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> JoinHandle<T> {
    /// Ends the task now; if it is the caller, after its present poll. Harmless when it has ended.
    pub fn abort(&self) {
        if let Some(id) = self.id {
            exec::abort(self.run, id);
        }
    }

    /// Whether the task has ended, in whatever way.
    pub fn is_finished(&self) -> bool {
        lock(&self.end).ended
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    /// When polled again after its output was taken.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = cx.waker().clone();
        let mut end = lock(&self.end);
        let old = match end.result.take() {
            Some(result) => return Poll::Ready(result),
            None => end.waker.replace(waker),
        };
        let over = end.ended;
        drop(end);
        drop(old);
        assert!(!over, "a JoinHandle was polled after it had given its output");
        Poll::Pending
    }
}

/// Lets every other ready task run first.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The name of the node whose code runs.
pub fn host_name() -> Option<String> {
    current_node().and_then(crate::control::node_name)
}
