//! A crowd at a server: what it claims, and what that does to the real requests among its own.

use blackstart_crowd::{Capacity, Claims, Queue, ear};
use blackstart_rt as rt;
use blackstart_rt::Map;
use rt::rand::Stream;
use std::cell::RefCell;
use std::rc::Rc;

/// The load of a crowd on one server.
pub(crate) struct Pressure {
    claims: Rc<RefCell<Claims>>,
    queue: RefCell<Queue>,
    draws: RefCell<Stream>,
}

impl Pressure {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self {
            claims: Rc::default(),
            queue: RefCell::new(Queue::new(capacity, rt::time::Instant::now())),
            draws: RefCell::new(rt::rand::stream("crowd")),
        }
    }

    /// Hears the crowd until the host dies, or says in words why it cannot.
    pub(crate) async fn hear(self: Rc<Self>) -> String {
        match ear::hear(self.claims.clone()).await {
            Ok(()) => "it fell silent".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// What the crowd asks now, a second, by host name.
    pub(crate) fn asked(&self) -> Map<String, f64> {
        self.claims.borrow().per_s(rt::time::Instant::now())
    }

    /// Requests of the crowd that are worked on, a second, and how busy that keeps the server, from 0 to 1.
    pub(crate) fn at_work(&self) -> (f64, f64) {
        self.pass();
        let queue = self.queue.borrow();
        (queue.served(), queue.busy())
    }

    /// Has a real request queue among those of the crowd; `false` when it is turned away.
    pub(crate) async fn bear(&self) -> bool {
        self.pass();
        let (wait, shed) = (self.queue.borrow().wait(), self.queue.borrow().shed());
        if shed > 0.0 && self.draws.borrow_mut().chance(shed) {
            return false;
        }
        if !wait.is_zero() {
            rt::time::sleep(wait).await;
        }
        true
    }

    fn pass(&self) {
        let now = rt::time::Instant::now();
        let offered = self.claims.borrow().total(now);
        self.queue.borrow_mut().offer(now, offered);
    }
}
