//! Sites, places, people and wiring of a run; what everybody can see of it; whether it went as expected.
//!
//! Sits above all services and below those who act (faults, runbooks). Nothing here decides what happens.
//!
//! - [`World`]: one run's people, wiring and live state. Start here.
//! - [`people`]: who there is, what they hold, how long things take them
//! - [`wiring`]: which name is which machine
//! - [`settings`]: what services are told at their start, to be edited
//! - `lapse`, [`Lapse`]: what people do wrong while something makes them
//! - [`event`]: what people do, as records
//! - [`physical`]: where everyone is, folded from the records
//! - [`power`]: what a site draws, what feeds it, which racks go dark
//! - [`value`]: values of signals and their history
//! - [`state`]: records folded into signals; the table of signals stands there
//! - [`Loads`]: how requests fare at backends; module `loads`
//! - [`milestone`]: expected changes of signals, judged
//! - [`post`]: saying something in public, over the simulated network

pub mod event;
mod lapse;
mod loads;
pub mod milestone;
pub mod people;
pub mod physical;
mod post;
pub mod power;
pub mod settings;
pub mod state;
pub mod value;
pub mod wiring;

pub use event::Event;
pub use lapse::Lapse;
pub use loads::Loads;
pub use people::{
    Account, AccountKind, Bridge, Console, Door, Estimate, People, Person, Place, Shift, Travel,
};
pub use post::post;
pub use state::State;
pub use value::{History, Value};
pub use wiring::{DOOR_PORT, Machine, Serial, Wiring};

use blackstart_rt as rt;
use blackstart_rt::Map;
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
    lapses: RefCell<Map<String, Vec<Lapse>>>,
    secrets: RefCell<Map<String, String>>,
    changed: Notify,
}

impl World {
    /// A world before its first record.
    #[must_use]
    pub fn new(people: People, wiring: Wiring, seed: u64) -> Self {
        let state = RefCell::new(State::new(&people, &wiring));
        let (lapses, secrets) = Default::default();
        Self { people, wiring, seed, state, lapses, secrets, changed: Notify::new() }
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

    /// What a person does wrong from now on; nothing for nothing.
    pub fn set_lapses(&self, person: &str, lapses: Vec<Lapse>) {
        self.lapses.borrow_mut().insert(person.to_owned(), lapses);
    }

    /// Whether a person does this wrong now.
    #[must_use]
    pub fn lapses(&self, person: &str, lapse: Lapse) -> bool {
        self.lapses.borrow().get(person).is_some_and(|lapses| lapses.contains(&lapse))
    }

    /// How many times as long things take a person now.
    #[must_use]
    pub fn slowness(&self, person: &str) -> f64 {
        let lapses = self.lapses.borrow();
        let factor = |lapse: &Lapse| if let Lapse::Slow(factor) = lapse { *factor } else { 1.0 };
        lapses.get(person).into_iter().flatten().map(factor).product()
    }

    /// Puts another secret where people keep that of an account, or the right one back.
    pub fn set_secret(&self, account: &str, secret: Option<&str>) {
        let mut secrets = self.secrets.borrow_mut();
        match secret {
            Some(secret) => drop(secrets.insert(account.to_owned(), secret.to_owned())),
            None => drop(secrets.remove(account)),
        }
    }

    /// The secret of an account, as people find it.
    #[must_use]
    pub fn secret(&self, account: &Account) -> String {
        let written = account.sealed.as_ref().unwrap_or(&account.secret);
        self.secrets.borrow().get(&account.name).unwrap_or(written).clone()
    }

    /// Records something that people did or met with.
    pub fn emit(&self, event: &Event) {
        rt::emit(event);
    }
}
