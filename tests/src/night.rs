//! A scenario played to its end, and what was to be seen of it.
//!
//! Panics with the reader's own words where a test could only fail: these helpers serve tests alone.

use blackstart_report::{RunOutcome, judge, outcome};
use blackstart_rt as rt;
use blackstart_runbook::step::Runbook;
use blackstart_scenario::{Scenario, build};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{Driver, Record, Time};
use blackstart_world::{History, Value};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The founding case.
#[must_use]
pub fn founding() -> PathBuf {
    root().join("scenarios/facebook-2021-10-04")
}

/// A night of an hour with five hosts: enough for a runbook, quick enough to be run twenty times.
#[must_use]
pub fn small() -> PathBuf {
    root().join("crates/blackstart/tests/data/small")
}

/// An office, a data centre, three services and one door.
#[must_use]
pub fn three_services() -> PathBuf {
    root().join("scenarios/three-services")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Reads a scenario that must be free of mistakes.
#[must_use]
pub fn load(path: &Path, variant: Option<&str>) -> Scenario {
    Scenario::load(path, variant).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// A run that is over.
#[derive(Debug)]
pub struct Night {
    /// What came of it.
    pub outcome: RunOutcome,
    /// Every change of every signal.
    pub history: History,
    /// Everything that was recorded.
    pub log: Vec<Record>,
}

/// Plays a scenario with its own runbook.
#[must_use]
pub fn play(scenario: &Scenario, seed: u64) -> Night {
    play_on(Driver::Native, scenario, seed)
}

/// The same on a driver of choice.
#[must_use]
pub fn play_on(driver: Driver, scenario: &Scenario, seed: u64) -> Night {
    perform(scenario, seed, driver, scenario.at_hand())
}

/// Plays a scenario in which people try this runbook, or nobody does anything.
#[must_use]
pub fn play_with(scenario: &Scenario, seed: u64, runbook: Option<&Arc<Runbook>>) -> Night {
    perform(scenario, seed, Driver::Native, runbook)
}

fn perform<'a>(
    scenario: &Scenario,
    seed: u64,
    driver: Driver,
    runbooks: impl IntoIterator<Item = &'a Arc<Runbook>>,
) -> Night {
    let mut run = build(scenario, seed, driver, runbooks).unwrap_or_else(|refused| panic!("{refused}"));
    run.sim.run_until(Time::ZERO + scenario.duration);
    Night {
        outcome: judge(scenario, seed, &run),
        history: run.world.with_state(|state| state.history.clone()),
        log: run.sim.records(),
    }
}

impl Night {
    /// The moment that the world's clock calls `HH:MM`, on the day on which the run begins.
    #[must_use]
    pub fn at(&self, clock: &str) -> Time {
        let part = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
        let mut parts = clock.split(':');
        let (hours, minutes) = (part(parts.next()), part(parts.next()));
        let (hours, minutes) = hours.zip(minutes).unwrap_or_else(|| panic!("`{clock}` is no time of day"));
        let since_midnight = self.outcome.start.as_second().rem_euclid(24 * 3600);
        let seconds = (hours * 60 + minutes) * 60 - since_midnight;
        Time::from_secs(u64::try_from(seconds).unwrap_or_else(|_| panic!("{clock} is before the run")))
    }

    /// A time of the run by the world's clock.
    #[must_use]
    pub fn moment(&self, time: Time) -> Timestamp {
        let moment = self.outcome.start.checked_add(time.since_start());
        moment.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Every value that a signal has from a moment to the end: the one that it begins with, and its changes.
    #[must_use]
    pub fn from(&self, signal: &str, start: Time) -> Vec<(Time, Value)> {
        let changes = self.history.of(signal);
        let before = changes.iter().take_while(|(time, _)| *time <= start).count();
        assert!(before > 0, "{signal} has no value at {}", self.moment(start));
        changes[before - 1..].to_vec()
    }

    /// When a signal is first as wanted, from a moment on.
    #[must_use]
    pub fn first(&self, signal: &str, start: Time, wanted: impl Fn(f64) -> bool) -> Time {
        let mut values = self.from(signal, start).into_iter();
        let found = values.find(|(_, value)| value.number().is_some_and(&wanted));
        let (time, _) = found.unwrap_or_else(|| panic!("{signal} never is as wanted"));
        time.max(start)
    }

    /// Asserts that a signal is as wanted from a moment to the end of the run.
    pub fn assert_stays(&self, signal: &str, start: Time, wanted: impl Fn(&Value) -> bool) {
        let wrong = self.from(signal, start).into_iter().find(|(_, value)| !wanted(value));
        if let Some((time, value)) = wrong {
            panic!("{signal} is {value} at {}", self.moment(time.max(start)));
        }
    }

    /// Events of one crate, with their time.
    pub fn events<E: rt::Event>(&self) -> impl Iterator<Item = (Time, E)> {
        let event = |record: &Record| Some((record.time, rt::decode(record.kind, &record.bytes)?.ok()?));
        self.log.iter().filter_map(event)
    }

    /// Events of the engine, with their time.
    pub fn engine_events(&self) -> impl Iterator<Item = (Time, SimEvent)> {
        self.log.iter().filter_map(|record| Some((record.time, SimEvent::decode(record)?)))
    }

    /// The runbook that people tried.
    #[must_use]
    pub fn runbook(&self) -> &outcome::Runbook {
        self.outcome.runbooks.first().unwrap_or_else(|| panic!("nobody tried a runbook"))
    }

    /// A step of it.
    #[must_use]
    pub fn step(&self, id: &str) -> &outcome::Step {
        let found = self.runbook().steps.iter().find(|step| step.id == id);
        found.unwrap_or_else(|| panic!("there is no step `{id}`"))
    }

    /// How long a step took that was begun and ended.
    #[must_use]
    pub fn took(&self, id: &str) -> Duration {
        let step = self.step(id);
        let (started, ended) = step.started.zip(step.ended).unwrap_or_else(|| panic!("{step:?} did not end"));
        Duration::try_from(ended.duration_since(started)).unwrap_or_else(|error| panic!("{step:?}: {error}"))
    }

    /// Invariants that were broken, with what was seen.
    #[must_use]
    pub fn broken_invariants(&self) -> Vec<String> {
        let broken = self.outcome.invariants.iter().filter(|invariant| !invariant.holds);
        broken.map(|invariant| format!("{invariant:?}")).collect()
    }
}
