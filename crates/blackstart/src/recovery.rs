//! Recoverability as a test: a runbook over many seeds, failing with the causes of what stopped it.
//!
//! The body of a `#[test]`:
//!
//! ```no_run
//! blackstart::recovery("scenarios/three-services").runbook("bring-it-back").seeds(1..=20).assert();
//! ```

use crate::{Error, Scenario};
use blackstart_campaign::validate::{Depth, Question, validate};
use blackstart_campaign::{Seeds, Workers, named, record};
use blackstart_report::validation::{BlockingStep, Validation};
use blackstart_report::why::Tree;
use blackstart_source::Diagnostic;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Columns of a tree in a message.
const COLUMNS: usize = 109;

/// Begins to ask whether the scenario folder at `path` recovers.
pub fn recovery(path: impl Into<PathBuf>) -> Recovery {
    Recovery { path: path.into(), variant: None, runbook: None, seeds: 1..=20, required: 1.0 }
}

/// A question to be; see [`recovery()`].
#[derive(Clone, Debug)]
#[must_use = "nothing runs before `assert` or `check`"]
pub struct Recovery {
    path: PathBuf,
    variant: Option<String>,
    runbook: Option<String>,
    seeds: RangeInclusive<u64>,
    required: f64,
}

/// Why a scenario does not recover.
#[derive(Debug)]
pub enum NotRecovered {
    /// There was no run.
    Refused(Error),
    /// Too few runs completed.
    Short {
        /// What came of the runs.
        validation: Box<Validation>,
        /// Why they stopped: one for each of its `blocking_steps`.
        trees: Vec<Tree>,
    },
}

impl Recovery {
    /// Has people try `runbooks/NAME.md` instead of the scenario's own choice.
    pub fn runbook(mut self, name: &str) -> Self {
        self.runbook = Some(name.to_owned());
        self
    }

    /// Applies `variants/NAME.toml`.
    pub fn variant(mut self, name: &str) -> Self {
        self.variant = Some(name.to_owned());
        self
    }

    /// One run for each of these; 1 to 20 unless given.
    pub fn seeds(mut self, seeds: RangeInclusive<u64>) -> Self {
        self.seeds = seeds;
        self
    }

    /// Share of runs that must complete, from 0 to 1; all of them unless given.
    pub fn required(mut self, share: f64) -> Self {
        self.required = share;
        self
    }

    /// Runs and judges.
    ///
    /// # Errors
    /// When too few runs complete, with the causes; or everything wrong with the question.
    pub fn check(self) -> Result<Validation, NotRecovered> {
        let scenario = Scenario::load(&self.path, self.variant.as_deref()).map_err(Error::from)?;
        let wrong = |message: &str, expected: &str| {
            Error::Input(Diagnostic::of_file(&scenario.name, message).expecting(expected).into())
        };
        let name = self.runbook.as_ref().or(scenario.default_runbook.as_ref());
        let name = name.ok_or_else(|| wrong("people try no runbook here", "`.runbook(NAME)`"))?;
        let runbook = named(&scenario, name).map_err(Error::from)?;
        let seeds = Seeds::of(&self.seeds);
        let seeds = seeds.ok_or_else(|| wrong("no seeds, or too many", "a range such as `1..=20`"))?;
        let question = Question {
            scenario: &scenario,
            runbook,
            seeds,
            required: self.required,
            depth: Depth::Quick,
            changes: &[],
        };
        let workers = Workers::new(None)?;
        let validation = validate(&question, &workers, &())?;
        if validation.held() {
            return Ok(validation);
        }
        let trees = record::stopped(&scenario, &validation, &workers)?;
        Err(NotRecovered::Short { validation: Box::new(validation), trees })
    }

    /// The same for a test.
    ///
    /// # Panics
    /// When the scenario does not recover; the message is the causal tree.
    #[track_caller]
    pub fn assert(self) {
        if let Err(why) = self.check() {
            panic!("{why}");
        }
    }
}

impl From<Error> for NotRecovered {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl std::error::Error for NotRecovered {}

impl fmt::Display for NotRecovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "there was no run: {error}"),
            Self::Short { validation, trees } => {
                write!(f, "{}", validation.page(""))?;
                let groups = validation.blocking_steps.iter().zip(trees);
                groups.into_iter().try_for_each(|(group, tree)| why(f, group, tree))
            }
        }
    }
}

fn why(f: &mut fmt::Formatter<'_>, group: &BlockingStep, tree: &Tree) -> fmt::Result {
    let BlockingStep { id, line, runs, seed, chain } = group;
    writeln!(f, "\n{id} (line {line}) stops {runs} of the runs; in the run with seed {seed}:")?;
    match tree.causes.is_empty() {
        true => writeln!(f, "{chain}"),
        false => tree.lines(COLUMNS).iter().try_for_each(|line| writeln!(f, "{line}")),
    }
}
