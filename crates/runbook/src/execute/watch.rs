//! Waiting for something that can be seen.

use super::Incident;
use crate::step::{Condition, Test, Wait};
use blackstart_rt as rt;
use blackstart_sim::Time;
use blackstart_world::{Lapse, State, Value, World};

impl Incident {
    /// Waits until the signal is as wanted, or until `deadline`. Says which.
    pub(super) async fn seen(&self, wait: &Wait, deadline: Time) -> bool {
        if self.lead().is_ok_and(|lead| self.world.lapses(&lead, Lapse::Misreads)) {
            return true;
        }
        loop {
            let changed = self.world.changed();
            if holds(&self.world, &wait.seen) {
                return true;
            }
            let left = deadline.saturating_duration_since(Time::now());
            if left.is_zero() || rt::time::timeout(left, changed).await.is_err() {
                return holds(&self.world, &wait.seen);
            }
        }
    }

    /// What was seen instead, for the one who reads the report.
    pub(super) fn as_seen(&self, wanted: &Condition) -> String {
        let seen = |signal: &String| format!("{signal} was {}", self.value_of(signal));
        signals(&self.world, wanted).iter().map(seen).collect::<Vec<_>>().join(", ")
    }

    /// A signal's value in words.
    pub(super) fn value_of(&self, signal: &str) -> String {
        let value = |state: &State| state.history.now(signal).map(ToString::to_string);
        self.world.with_state(value).unwrap_or_else(|| "never seen".to_owned())
    }
}

/// Whether it is as wanted now.
pub(super) fn holds(world: &World, wanted: &Condition) -> bool {
    let needed = wanted.quorum.as_ref().map_or(1, |quorum| quorum.count);
    let (good, _) = seen_good(world, wanted);
    good.len() >= needed
}

/// The signals that are looked at and are not as wanted.
pub(super) fn lacking(world: &World, wanted: &Condition) -> Vec<String> {
    let (_, bad) = seen_good(world, wanted);
    bad
}

/// The signals that are looked at: those as wanted now, and the others.
fn seen_good(world: &World, wanted: &Condition) -> (Vec<String>, Vec<String>) {
    let good = |state: &State, signal: &String| {
        state.history.now(signal).is_some_and(|value| passes(&wanted.test, value))
    };
    let signals = signals(world, wanted);
    world.with_state(|state| signals.into_iter().partition(|signal| good(state, signal)))
}

/// The signals that are looked at: one, or the stem at each vantage point of the group.
fn signals(world: &World, wanted: &Condition) -> Vec<String> {
    let stem = &wanted.signal.text;
    if stem.contains('@') {
        return vec![stem.clone()];
    }
    let vantage = &world.wiring.vantage;
    let points = match &wanted.quorum {
        Some(quorum) => vantage.get(&quorum.group.text).into_iter().flatten().collect::<Vec<_>>(),
        None => vantage.values().flatten().collect(),
    };
    points.into_iter().map(|point| format!("{stem}@{point}")).collect()
}

fn passes(test: &Test, value: &Value) -> bool {
    match test {
        Test::Is(text) => value.is(text),
        Test::AtLeast(n) => value.number().is_some_and(|value| value >= *n),
    }
}
