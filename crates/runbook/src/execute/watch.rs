//! Waiting for something that can be seen.

use super::Incident;
use crate::step::{Test, Wait};
use blackstart_rt as rt;
use blackstart_sim::Time;
use blackstart_world::{Lapse, State, Value};

impl Incident {
    /// Waits until the signal is as wanted, or until `deadline`. Says which.
    pub(super) async fn seen(&self, wait: &Wait, deadline: Time) -> bool {
        if self.lead().is_ok_and(|lead| self.world.lapses(&lead, Lapse::Misreads)) {
            return true;
        }
        loop {
            let changed = self.world.changed();
            if self.world.with_state(|state| self.holds(wait, state)) {
                return true;
            }
            let left = deadline.saturating_duration_since(Time::now());
            if left.is_zero() || rt::time::timeout(left, changed).await.is_err() {
                return self.world.with_state(|state| self.holds(wait, state));
            }
        }
    }

    /// What was seen instead, for the one who reads the report.
    pub(super) fn as_seen(&self, wait: &Wait) -> String {
        let seen = |signal: &String| format!("{signal} was {}", self.value_of(signal));
        self.signals(wait).iter().map(seen).collect::<Vec<_>>().join(", ")
    }

    /// A signal's value in words.
    pub(super) fn value_of(&self, signal: &str) -> String {
        let value = |state: &State| state.history.now(signal).map(ToString::to_string);
        self.world.with_state(value).unwrap_or_else(|| "never seen".to_owned())
    }

    fn holds(&self, wait: &Wait, state: &State) -> bool {
        let good = |signal: &String| state.history.now(signal).is_some_and(|value| passes(&wait.test, value));
        let needed = wait.quorum.as_ref().map_or(1, |quorum| quorum.count);
        self.signals(wait).iter().filter(|signal| good(signal)).count() >= needed
    }

    /// The signals that a wait looks at: one, or the stem at each vantage point of the group.
    pub(super) fn signals(&self, wait: &Wait) -> Vec<String> {
        let stem = &wait.signal.text;
        if stem.contains('@') {
            return vec![stem.clone()];
        }
        let vantage = &self.world.wiring.vantage;
        let points = match &wait.quorum {
            Some(quorum) => vantage.get(&quorum.group.text).into_iter().flatten().collect::<Vec<_>>(),
            None => vantage.values().flatten().collect(),
        };
        points.into_iter().map(|point| format!("{stem}@{point}")).collect()
    }
}

fn passes(test: &Test, value: &Value) -> bool {
    match test {
        Test::Is(text) => value.is(text),
        Test::AtLeast(n) => value.number().is_some_and(|value| value >= *n),
    }
}
