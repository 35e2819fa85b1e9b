//! Tasks that end with the service that started them, whoever ends it and by whatever name.

use blackstart_rt as rt;
use rt::Map;
use rt::task::JoinHandle;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Owned by a service's main future. When that is dropped, the tasks end at their next turn.
#[derive(Debug)]
pub(crate) struct Scope {
    service: String,
    members: Rc<Members>,
}

/// The tasks of a scope that run still.
#[derive(Debug, Default)]
struct Members {
    over: Cell<bool>,
    joined: Cell<u64>,
    /// By number, so that the end wakes them in the order in which they began.
    wakers: RefCell<Map<u64, Waker>>,
}

/// One task's place among the members.
struct Member {
    members: Rc<Members>,
    number: u64,
}

impl Scope {
    /// For tasks that are called `service`.
    pub(crate) fn new(service: &str) -> Self {
        Self { service: service.to_owned(), members: Rc::default() }
    }

    /// Starts `future`; the task's output is `None` when the service ended first.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let members = self.members.clone();
        let mut future = Box::pin(future);
        rt::task::spawn(&self.service, async move {
            let mut member = None;
            poll_fn(|cx| {
                let member = member.get_or_insert_with(|| Member::join(&members, cx));
                if member.members.over.get() { Poll::Ready(None) } else { future.as_mut().poll(cx).map(Some) }
            })
            .await
        })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.members.over.set(true);
        let wakers = self.members.wakers.take();
        wakers.into_values().for_each(Waker::wake);
    }
}

impl Member {
    /// A task has one waker for all its life.
    fn join(members: &Rc<Members>, cx: &Context<'_>) -> Self {
        let number = members.joined.get();
        members.joined.set(number + 1);
        members.wakers.borrow_mut().insert(number, cx.waker().clone());
        Self { members: members.clone(), number }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.members.wakers.borrow_mut().remove(&self.number);
    }
}
