//! Schedules that are a little simpler than another: the steps by which a failure is made small.

use crate::schedule::{Fault, When};
use std::time::Duration;

/// Lengths and delays are not made finer than this.
const FINEST: Duration = Duration::from_secs(60);

/// Schedules a step simpler than `schedule` in a run of this length, boldest first: fewer faults, shorter, weaker, later ones.
/// Each is as valid as `schedule`, and taking one after the other comes to an end.
#[must_use]
pub fn simpler(schedule: &[Fault], length: Duration) -> Vec<Vec<Fault>> {
    let mut found = Vec::new();
    if schedule.len() > 3 {
        let (first, second) = schedule.split_at(schedule.len() / 2);
        found.extend([first.to_vec(), second.to_vec()]);
    }
    found.extend((0..schedule.len()).map(|place| without(schedule, place)));
    let steps: [fn(&Fault, Duration) -> Option<Fault>; 3] = [shorter, weaker, later];
    for step in steps {
        for (place, fault) in schedule.iter().enumerate() {
            found.extend(step(fault, length).map(|fault| with(schedule, place, fault)));
        }
    }
    found
}

fn without(schedule: &[Fault], place: usize) -> Vec<Fault> {
    let mut schedule = schedule.to_vec();
    schedule.remove(place);
    schedule
}

fn with(schedule: &[Fault], place: usize, fault: Fault) -> Vec<Fault> {
    let mut schedule = schedule.to_vec();
    schedule[place] = fault;
    schedule
}

/// Half as long; what was for good lasts half of what is left of the run.
fn shorter(fault: &Fault, length: Duration) -> Option<Fault> {
    let left = || length.saturating_sub(fault.begins_at().unwrap_or_default());
    let half = whole_seconds(fault.lasts.unwrap_or_else(left) / 2);
    (half >= FINEST).then(|| Fault { lasts: Some(half), ..fault.clone() })
}

fn weaker(fault: &Fault, _length: Duration) -> Option<Fault> {
    Some(Fault { kind: fault.kind.weaker()?, ..fault.clone() })
}

/// Half of what is left of the run later; its end stays where it was.
fn later(fault: &Fault, length: Duration) -> Option<Fault> {
    let begins = fault.begins_at()?;
    let end = fault.ends_at().unwrap_or(length).min(length);
    let delay = whole_seconds(end.saturating_sub(begins) / 2);
    (delay >= FINEST).then(|| Fault {
        begins: When::At(begins + delay),
        lasts: fault.lasts.map(|lasts| lasts.saturating_sub(delay)),
        kind: fault.kind.clone(),
    })
}

fn whole_seconds(length: Duration) -> Duration {
    Duration::from_secs(length.as_secs())
}
