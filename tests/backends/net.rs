//! A handful of hosts that all reach each other, on one backend: what a case is written against.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;
use rt::time::{sleep, timeout};

/// Longest that a case waits for something, in the backend's own time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Hosts are known by name. Every host and service is there before the first [`tell`] or [`Net::pause`].
pub(crate) trait Net {
    /// Adds a host and answers its address.
    fn host(&mut self, name: &'static str) -> IpAddr;

    /// The port to use where a service would use `usual`; the same on all hosts.
    fn port(&mut self, usual: u16) -> u16;

    /// Runs `service` on a host, from each of its boots on.
    fn start_boxed(&mut self, host: &'static str, service: Service);

    /// Runs `task` on a host until it is done.
    fn tell_boxed(&mut self, host: &str, task: Task);

    /// Takes the power from a host, or what comes nearest to it.
    fn stop(&mut self, host: &str);

    /// Gives it back.
    fn boot(&mut self, host: &str);

    /// Lets time pass.
    fn pause(&mut self, span: Duration);
}

/// A network whose links can be told to swallow everything.
pub(crate) trait Cuttable: Net {
    /// Swallows what travels between two hosts, or no longer does. Nobody is told.
    fn cut(&mut self, a: &str, b: &str, is_cut: bool);
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;
pub(crate) type Service = Rc<dyn Fn() -> Task>;

/// Runs `service` on a host from each of its boots on.
pub(crate) fn start<F>(net: &mut dyn Net, host: &'static str, service: impl Fn() -> F + 'static)
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let boxed = move || -> Task {
        let running = service();
        Box::pin(async move { running.await.unwrap_or_else(|error| panic!("on {host}: {error}")) })
    };
    net.start_boxed(host, Rc::new(boxed));
}

/// Runs `what` on a host to its end. Its panic is the test's.
pub(crate) fn tell<F>(net: &mut dyn Net, host: &str, what: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let answer = Rc::new(Cell::new(None));
    let give = Rc::clone(&answer);
    // A task of its own: what it panics with comes back here, whatever the backend does about panics.
    net.tell_boxed(host, Box::pin(async move { give.set(Some(rt::task::spawn("test", what).await)) }));
    match answer.take().unwrap_or_else(|| panic!("{host} was told and never answered")) {
        Ok(answer) => answer,
        Err(error) => panic!("on {host}: {error}"),
    }
}

/// Asks again and again until the answer is as `expected`; panics with the last one when [`PATIENCE`] is over.
pub(crate) async fn until<T: PartialEq + std::fmt::Debug>(expected: T, mut ask: impl AsyncFnMut() -> T) {
    let last = RefCell::new(None);
    let asking = async {
        loop {
            let answer = ask().await;
            if answer == expected {
                return;
            }
            last.replace(Some(answer));
            sleep(Duration::from_millis(50)).await;
        }
    };
    if timeout(PATIENCE, asking).await.is_err() {
        panic!("expected {expected:?}, last saw {last:?}");
    }
}

/// What a host that is told things runs besides its services: it takes tasks in from outside.
#[derive(Clone, Default)]
pub(crate) struct Inbox(Rc<RefCell<Vec<Task>>>, Rc<tokio::sync::Notify>);

impl Inbox {
    pub(crate) fn put(&self, task: Task) {
        self.0.borrow_mut().push(task);
        self.1.notify_one();
    }

    /// Runs what is put in, each as a task of the current host.
    pub(crate) async fn serve(self) {
        loop {
            for task in self.0.take() {
                rt::task::spawn("told", task);
            }
            self.1.notified().await;
        }
    }
}
