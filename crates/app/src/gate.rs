//! Bounded capacity: so many at work, so many waiting, the rest turned away.

use std::cell::Cell;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Workers and the queue before them. First come, first served.
pub(crate) struct Gate {
    workers: Semaphore,
    waiting: Cell<usize>,
    queue_max: usize,
}

/// A place in the queue; given up when dropped, as when the client goes away.
struct Waiting<'a>(&'a Cell<usize>);

impl Gate {
    pub(crate) fn new(workers: usize, queue_max: usize) -> Self {
        let workers = Semaphore::new(workers.clamp(1, Semaphore::MAX_PERMITS));
        Self { workers, waiting: Cell::new(0), queue_max }
    }

    /// Waits for a worker, who is free again when the permit drops; `None` when the queue is full.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(permit) = self.workers.try_acquire() {
            return Some(permit);
        }
        if self.waiting.get() >= self.queue_max {
            return None;
        }
        let _place = Waiting::new(&self.waiting);
        self.workers.acquire().await.ok()
    }
}

impl<'a> Waiting<'a> {
    fn new(waiting: &'a Cell<usize>) -> Self {
        waiting.set(waiting.get() + 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn one_works_one_waits_the_third_is_turned_away() {
        let gate = Gate::new(1, 1);
        let cx = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(Some(first)) = pin!(gate.enter()).poll(cx) else { panic!("a free worker") };
        let mut second = pin!(gate.enter());
        assert!(second.as_mut().poll(cx).is_pending());
        assert!(matches!(pin!(gate.enter()).poll(cx), Poll::Ready(None)));
        drop(first);
        assert!(matches!(second.poll(cx), Poll::Ready(Some(_))));
    }

    #[test]
    fn who_goes_away_gives_up_the_place() {
        let gate = Gate::new(1, 1);
        let cx = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(Some(_first)) = pin!(gate.enter()).poll(cx) else { panic!("a free worker") };
        {
            assert!(pin!(gate.enter()).poll(cx).is_pending());
        }
        assert_eq!(gate.waiting.get(), 0);
        assert!(pin!(gate.enter()).poll(cx).is_pending());
    }
}
