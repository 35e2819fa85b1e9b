//! Which schedule is tried next.

use super::attempt::Attempt;
use blackstart_fault::{Arsenal, Budget, Fault};
use blackstart_rt::Set;
use blackstart_sim::draw::Stream;

/// Share of guided runs that begin from a schedule that is known.
const FROM_KNOWN: f64 = 0.5;

/// How schedules are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Anything, each time.
    Random,
    /// Each run leaves a random half of the families alone, so that not everything hides behind what fails most.
    Swarm,
    /// As swarm, and every other time a change to a schedule whose run showed something new and held.
    Guided,
}

impl Mode {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Swarm => "swarm",
            Self::Guided => "guided",
        }
    }
}

/// A schedule to be tried.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    /// Its number.
    pub(super) run: u64,
    /// Seed of its run.
    pub(super) seed: u64,
    pub(super) schedule: Vec<Fault>,
}

/// Schedules whose runs showed something new and held, and all that was seen.
pub(super) struct Corpus {
    mode: Mode,
    arsenal: Arsenal,
    budget: Budget,
    seed: u64,
    seen: Set<u64>,
    kept: Vec<Vec<Fault>>,
}

impl Corpus {
    pub(super) fn new(mode: Mode, arsenal: Arsenal, budget: Budget, seed: u64) -> Self {
        Self { mode, arsenal, budget, seed, seen: Set::new(), kept: Vec::new() }
    }

    /// The schedule of run `run`, from what was learnt so far.
    pub(super) fn draw(&self, run: u64) -> Draw {
        let seed = self.seed.wrapping_add(run);
        let mut stream = Stream::new(seed, "fuzz");
        let spared = match self.mode {
            Mode::Random => Set::new(),
            Mode::Swarm | Mode::Guided => self.arsenal.spared(&mut stream),
        };
        let budget = Budget { spared, ..self.budget.clone() };
        let from_known = self.mode == Mode::Guided && !self.kept.is_empty() && stream.chance(FROM_KNOWN);
        let schedule = if from_known {
            let known = &self.kept[stream.below(self.kept.len() as u64) as usize];
            self.arsenal.change(known, &budget, &mut stream)
        } else {
            self.arsenal.draw(&budget, &mut stream)
        };
        Draw { run, seed, schedule }
    }

    /// Keeps a schedule whose run was unlike all before. Not one that failed: what is like it fails in the same way.
    pub(super) fn learn(&mut self, draw: &Draw, attempt: &Attempt) {
        let before = self.seen.len();
        self.seen.extend(&attempt.features);
        if self.seen.len() > before && attempt.failures.is_empty() && !attempt.executed.is_empty() {
            self.kept.push(draw.schedule.clone());
        }
    }

    /// How many different features were seen.
    pub(super) fn features(&self) -> usize {
        self.seen.len()
    }
}
