//! Letting a schedule happen: one task of the world for each fault.

use crate::event::Event;
use crate::kind::Kind;
use crate::layers::{Layers, Refusal};
use crate::schedule::{Fault, When};
use blackstart_rt as rt;
use blackstart_rt::Map;
use blackstart_sim::task::spawn;
use blackstart_sim::{Record, Time};
use blackstart_world::World;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Begins every fault at its time and undoes it at its end. The scenario layer has checked the names: what the engine refuses
/// here all the same is recorded, and breaks nothing.
pub fn inject(world: &Rc<World>, schedule: Vec<Fault>) {
    let layers = Rc::new(RefCell::new(Layers::default()));
    for (fault, it) in (0..).zip(schedule) {
        let injector = Injector { world: world.clone(), layers: layers.clone(), fault };
        let _detached = spawn("fault", async move { injector.run(it).await });
    }
}

/// One fault while it happens.
struct Injector {
    world: Rc<World>,
    layers: Rc<RefCell<Layers>>,
    fault: u32,
}

impl Injector {
    async fn run(&self, fault: Fault) {
        self.moment(&fault.begins).await;
        let began = Time::now();
        let first = fault.kind.pulse().map_or(fault.kind.clone(), |(layer, ..)| layer);
        rt::emit(&Event::Began { fault: self.fault, kind: fault.kind.clone() });
        if !self.noted(self.begin(&first)) {
            return;
        }
        let on = match fault.kind.pulse() {
            None => {
                let Some(lasts) = fault.lasts else { return };
                sleep_until(began + lasts).await;
                true
            }
            Some(pulse) => self.pulses(&pulse, fault.lasts.map(|lasts| began + lasts)).await,
        };
        if !on || self.noted(self.end(&first)) {
            rt::emit(&Event::Ended { fault: self.fault });
        }
    }

    /// Takes the layer off and puts it on again until the end; says whether it is on then.
    async fn pulses(&self, (layer, on_for, off_for): &(Kind, Duration, Duration), end: Option<Time>) -> bool {
        let over = |next: Time| end.filter(|end| *end <= next);
        let mut next = Time::now();
        loop {
            for (is_on, length) in [(true, *on_for), (false, *off_for)] {
                next += length;
                if let Some(end) = over(next) {
                    sleep_until(end).await;
                    return is_on;
                }
                sleep_until(next).await;
                let turned = if is_on { self.end(layer) } else { self.begin(layer) };
                if !self.noted(turned) {
                    return false;
                }
            }
        }
    }

    async fn moment(&self, when: &When) {
        match when {
            When::At(time) => sleep_until(Time::ZERO + *time).await,
            When::Signal { signal, is, after } => {
                loop {
                    let changed = self.world.changed();
                    if self.world.with_state(|state| state.history.now(signal).is_some_and(|now| now.is(is)))
                    {
                        break;
                    }
                    changed.await;
                }
                rt::time::sleep(*after).await;
            }
        }
    }

    fn begin(&self, layer: &Kind) -> Result<(), Refusal> {
        self.layers.borrow_mut().begin(&self.world, self.fault, layer)
    }

    fn end(&self, layer: &Kind) -> Result<(), Refusal> {
        self.layers.borrow_mut().end(&self.world, self.fault, layer)
    }

    /// Whether it was done; records why not.
    fn noted(&self, done: Result<(), Refusal>) -> bool {
        if let Err(why) = &done {
            rt::emit(&Event::Missed { fault: self.fault, why: why.to_string() });
        }
        done.is_ok()
    }
}

async fn sleep_until(at: Time) {
    rt::time::sleep(at.saturating_duration_since(Time::now())).await;
}

/// The schedule that a run's records say was executed, by the clock: what a signal had to begin is at the time at which it did,
/// and what never began is left out. Injected again it does the same.
#[must_use]
pub fn executed<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<Fault> {
    let mut faults: Map<u32, (Time, Fault)> = Map::new();
    for record in records {
        let Some(Ok(event)) = rt::decode::<Event>(record.kind, &record.bytes) else { continue };
        match event {
            Event::Began { fault, kind } => {
                let begins = record.time.since_start();
                faults.insert(fault, (record.time, Fault::at(begins, None, kind)));
            }
            Event::Ended { fault } => {
                if let Some((began, fault)) = faults.get_mut(&fault) {
                    fault.lasts = Some(record.time.saturating_duration_since(*began));
                }
            }
            Event::Missed { fault, .. } => {
                // What was refused at its beginning was never there.
                faults.retain(|other, (began, _)| *other != fault || *began != record.time);
            }
        }
    }
    faults.into_values().map(|(_, fault)| fault).collect()
}
