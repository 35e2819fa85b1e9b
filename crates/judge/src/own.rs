//! A user's own invariant: a function over records.

use blackstart_sim::{Record, Time};
use std::fmt;
use std::sync::Arc;

/// What looks at each record and says what it saw when that breaks the sentence.
type Look = Box<dyn FnMut(&Record) -> Option<String>>;

/// A sentence that must hold at every record, and how to tell. Each run starts its own look.
///
/// ```
/// use blackstart_judge::Invariant;
/// use blackstart_sim::record::SimEvent;
///
/// let never_twice = Invariant::new("no machine is switched on twice", || {
///     let mut seen = Vec::new();
///     move |record| {
///         let booted = matches!(SimEvent::decode(record), Some(SimEvent::PowerOn));
///         let node = record.node.filter(|_| booted)?;
///         let again = seen.contains(&node);
///         seen.push(node);
///         again.then(|| format!("{node:?} again"))
///     }
/// });
/// assert_eq!(never_twice.name(), "no machine is switched on twice");
/// ```
#[derive(Clone)]
pub struct Invariant {
    name: Arc<str>,
    start: Arc<dyn Fn() -> Look + Send + Sync>,
}

impl Invariant {
    /// `start` gives a fresh function for each run.
    pub fn new<F>(name: &str, start: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: FnMut(&Record) -> Option<String> + 'static,
    {
        Self { name: name.into(), start: Arc::new(move || Box::new(start())) }
    }

    /// The sentence.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn start(&self) -> Running {
        Running { name: self.name.clone(), look: (self.start)(), violation: None }
    }
}

impl fmt::Debug for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Invariant").field(&self.name).finish()
    }
}

/// One that watches a run.
pub(crate) struct Running {
    name: Arc<str>,
    look: Look,
    violation: Option<(Time, String)>,
}

impl Running {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn violation(&self) -> Option<&(Time, String)> {
        self.violation.as_ref()
    }

    /// Once it is broken nobody looks any more.
    pub(crate) fn step(&mut self, record: &Record) {
        if self.violation.is_none() {
            self.violation = (self.look)(record).map(|saw| (record.time, saw));
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("name", &self.name).field("violation", &self.violation).finish()
    }
}
