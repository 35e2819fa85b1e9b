//! Sites, places, people and wiring of a run; what everybody can see of it; whether it went as expected.
//!
//! Sits above all services and below those who act (faults, runbooks). Nothing here decides what happens.
//!
//! - [`World`]: one run's people, wiring and live state. Start here.
//! - [`people`]: who there is, what they hold, how long things take them
//! - [`wiring`]: which name is which machine
//! - [`event`]: what people do, as records
//! - [`physical`]: where everyone is, folded from the records
//! - [`value`]: values of signals and their history
//! - [`state`]: records folded into signals; the table of signals stands there
//! - [`milestone`]: expected changes of signals, judged
//! - [`post`]: saying something in public, over the simulated network

pub mod event;
pub mod milestone;
pub mod people;
pub mod physical;
mod post;
pub mod state;
pub mod value;
pub mod wiring;

pub use event::Event;
pub use people::{Account, AccountKind, Bridge, Console, Door, Estimate, People, Person, Place, Travel};
pub use post::post;
pub use state::State;
pub use value::{History, Value};
pub use wiring::{DOOR_PORT, Machine, Serial, Wiring};

use blackstart_rt as rt;
use blackstart_sim::Record;
use std::cell::RefCell;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// One run's world, as those who act in it and those who judge it see it.
#[derive(Debug)]
pub struct World {
    /// People, places, doors, credentials.
    pub people: People,
    /// Names of machines, links and services.
    pub wiring: Wiring,
    /// Seed of the run, for people's draws.
    pub seed: u64,
    state: RefCell<State>,
    changed: Notify,
}

impl World {
    /// A world before its first record.
    #[must_use]
    pub fn new(people: People, wiring: Wiring, seed: u64) -> Self {
        let state = RefCell::new(State::new(&people, &wiring));
        Self { people, wiring, seed, state, changed: Notify::new() }
    }

    /// Takes one record in, live; wakes those who wait for a signal when one changed.
    pub fn step(&self, record: &Record) {
        if self.state.borrow_mut().step(record) {
            self.changed.notify_waiters();
        }
    }

    /// Resolves at the next change of a signal after this call.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Looks at the state.
    pub fn with_state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.borrow())
    }

    /// Records something that people did or met with.
    pub fn emit(&self, event: &Event) {
        rt::emit(event);
    }
}
