//! Tasks that end with the service that started them, whoever ends it and by whatever name.

use blackstart_rt as rt;
use rt::task::JoinHandle;
use std::future::Future;
use std::rc::Rc;
use tokio::sync::Semaphore;

/// Owned by a service's main future. When that is dropped, the tasks end at their next turn.
///
/// The semaphore never has a permit; its closing is the signal. It wakes in a fixed order, which tokio's
/// `watch` does not.
#[derive(Debug)]
pub(crate) struct Scope {
    service: String,
    open: Rc<Semaphore>,
}

impl Scope {
    /// For tasks that are called `service`.
    pub(crate) fn new(service: &str) -> Self {
        Self { service: service.to_owned(), open: Rc::new(Semaphore::new(0)) }
    }

    /// Starts `future`; the task's output is `None` when the service ended first.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let open = self.open.clone();
        rt::task::spawn(&self.service, async move {
            rt::select! {
                _closed = open.acquire() => None,
                output = future => Some(output),
            }
        })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.open.close();
    }
}
