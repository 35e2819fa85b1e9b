//! What came of many runs of one runbook, as plain data. Its JSON is the contract of `validate --format json`.
//!
//! - [`Validation`]: all of it
//! - `page`: the same on a terminal, from the same values

pub(crate) mod page;

use crate::mitigation::Mitigated;
use crate::utc;
use jiff::Timestamp;
use serde::Serialize;

/// From where to where the recovery time is measured, and from which points.
pub const MEASURED: &str =
    "from the first point where sends fail to 95 % of sends at every point that has users";

/// What came of many runs of one runbook.
#[derive(Clone, Debug, Serialize)]
pub struct Validation {
    /// Name of the scenario's folder.
    pub scenario: String,
    /// Variant, if any.
    pub variant: Option<String>,
    /// Name of the runbook.
    pub runbook: String,
    /// Seeds, `1..200`, both included.
    pub seeds: String,
    /// Runs: one for each seed.
    pub runs: usize,
    /// Wall time in seconds, as measured by whoever ran it.
    pub wall_s: f64,
    /// Share of runs that must complete.
    pub required: f64,
    /// How many runs had which verdict.
    pub verdicts: Verdicts,
    /// The share of completed runs with 95 % sampling error: Wilson's interval.
    pub completed_interval: (f64, f64),
    /// The largest objective of a service that the runbook restores.
    pub objective_s: Option<f64>,
    /// Recovery times.
    pub recovery_s: Recovery,
    /// Where the time went in the median run; null when that run never recovered.
    pub phases: Option<Phases>,
    /// Where runs blocked and on what, most runs first.
    pub blocking_steps: Vec<BlockingStep>,
    /// Elements that, lost alone from the start, stop every run tried.
    pub single_points: Vec<SinglePoint>,
    /// What was tried for that; null when it was not.
    pub single_points_tried: Option<Tried>,
    /// Assumed durations that change the verdict of most runs, and from where on; null when that was not tried.
    pub flips: Option<Flips>,
    /// Changes by which stopped runs may get through, best first; null when none was tried.
    pub fixes: Option<Compared>,
    /// Changes by which runs may recover sooner, best first; null when none was tried.
    pub changes: Option<Compared>,
    /// Other guesses at what nobody knows; null when there are none or none was tried.
    pub hypotheses: Option<Compared>,
    /// What the runs have tried of the runbook.
    pub coverage: Coverage,
    /// Needs without a model that were used and that the runbook takes for granted.
    pub assumed_up: Vec<String>,
    /// Needs without a model that were used and are not taken for granted.
    pub unmodelled: Vec<String>,
    /// What the model leaves out.
    pub not_modelled: Vec<String>,
}

/// How many runs had which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// Every step done, in time.
    pub completed: usize,
    /// Every step done, later than the objective allows.
    pub late: usize,
    /// Some step could not be done.
    pub blocked: usize,
    /// What the recovery needs can never become available.
    pub deadlocked: usize,
    /// It rests on something without a model, or nothing called for it.
    pub inconclusive: usize,
}

/// Recovery times in seconds. A run that did not carry the runbook out to its end counts as never: null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recovery {
    /// 5 % of runs are not slower.
    pub p5: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// 95 % of runs are not slower.
    pub p95: Option<f64>,
    /// The same with 95 % sampling error.
    pub sampling: Sampling,
    /// Start, end and points of the measure.
    pub measured: &'static str,
}

/// Quantiles between order statistics: 95 % of samples of this size have the true quantile inside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sampling {
    /// Of the 5 % quantile.
    pub p5: Quantile,
    /// Of the median.
    pub p50: Quantile,
    /// Of the 95 % quantile.
    pub p95: Quantile,
}

/// A quantile and where it may lie, in seconds. A bound is null when the sample does not give one, or when it is never.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantile {
    /// The sample's; null is never.
    pub value: Option<f64>,
    /// At least.
    pub low: Option<f64>,
    /// At most.
    pub high: Option<f64>,
}

/// Where the time went in one real run, from the first failure to the recovery.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phases {
    /// Seed of that run.
    pub seed: u64,
    /// Its recovery time: the sum of the rows, and of the three shares below.
    pub recovery_s: f64,
    /// Steps and what lies between them, one after the other.
    pub rows: Vec<Phase>,
    /// People were busy for as long as `people.toml` assumes.
    pub assumed_s: f64,
    /// Nobody was, and the runbook had something hold.
    pub held_s: f64,
    /// Neither: protocols, time-outs, waiting, and durations with a source.
    pub rest_s: f64,
}

/// A phase of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// The step's id, `before …` for the wait that comes before it, or `after the last step`.
    pub name: String,
    /// From when.
    #[serde(serialize_with = "utc::serialize")]
    pub from: Timestamp,
    /// Until when.
    #[serde(serialize_with = "utc::serialize")]
    pub to: Timestamp,
    /// How long.
    pub took_s: f64,
}

/// A step at which runs blocked, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockingStep {
    /// Step id.
    pub id: String,
    /// Its line in the runbook.
    pub line: usize,
    /// How many runs.
    pub runs: usize,
    /// The first of them.
    pub seed: u64,
    /// On what, in that run.
    pub chain: String,
}

/// Something that must not be lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SinglePoint {
    /// `person`, `item`, `account`, `console`, `bridge`, `machine` or `link`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Step at which the first run tried stops without it.
    pub step: String,
    /// On what.
    pub chain: String,
    /// Runs tried; all of them stop.
    pub runs: usize,
}

/// What was lost, and in which runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Elements lost, alone or several at once.
    pub elements: usize,
    /// Elements that were not: the runs for it were used up.
    pub untried: usize,
    /// Seeds on which they were tried; on the second only those without which the first run stops.
    pub screened: Vec<u64>,
    /// Seeds on which those that stopped all of these were confirmed, these included.
    pub confirmed: Vec<u64>,
    /// Runs for all of it.
    pub runs: usize,
}

/// Which assumed durations change the verdict of most runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flips {
    /// Assumed durations that the runs drew from.
    pub assumptions: usize,
    /// Those that were tried: the ones that took longest in the median run.
    pub tried: usize,
    /// The largest factor tried, on each alone.
    pub factor_max: f64,
    /// Seeds of the runs tried; the last is the median run.
    pub seeds: Vec<u64>,
    /// Those that change it, the nearest first.
    pub found: Vec<Flip>,
    /// Those that change it at the largest factor, whose value was not looked for.
    pub further: Vec<String>,
    /// Runs for all of it.
    pub runs: usize,
}

/// The same seeds with one change each.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// Seeds of the runs compared.
    pub seeds: Vec<u64>,
    /// Verdicts of these without a change.
    pub verdicts: Verdicts,
    /// With each change.
    pub rows: Vec<Mitigated>,
}

/// An assumed duration that changes the verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flip {
    /// Task, or way by its ends.
    pub name: String,
    /// The likely duration as assumed, in seconds.
    pub assumed_s: f64,
    /// The longest as assumed.
    pub high_s: f64,
    /// From this likely duration on most runs end otherwise; shortest and longest are scaled with it.
    pub from_s: f64,
    /// It is no longer than the longest as assumed.
    pub in_range: bool,
    /// The verdict of the median run then.
    pub verdict: &'static str,
}

/// What the runs have tried of a runbook. What was never tried is not known to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Steps of the runbook.
    pub steps: usize,
    /// Steps that some run came to.
    pub executed: usize,
    /// Waits with an `else`.
    pub branches: usize,
    /// Those whose `else` some run took.
    pub branches_taken: usize,
}

/// The verdict over all runs, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// More than half of the runs complete.
    Executable,
    /// At most half do.
    NotExecutable,
    /// It depends on runs of which nobody can say.
    Inconclusive,
}

impl Verdicts {
    /// All runs.
    #[must_use]
    pub fn total(&self) -> usize {
        self.completed + self.late + self.blocked + self.deadlocked + self.inconclusive
    }

    /// Runs in which some step could not be done.
    #[must_use]
    pub fn stopped(&self) -> usize {
        self.blocked + self.deadlocked
    }

    /// The verdict over all runs.
    #[must_use]
    pub fn conclusion(&self) -> Conclusion {
        let is_most = |runs: usize| 2 * runs > self.total();
        match () {
            () if is_most(self.completed) => Conclusion::Executable,
            () if is_most(self.completed + self.inconclusive) => Conclusion::Inconclusive,
            () => Conclusion::NotExecutable,
        }
    }
}

impl Recovery {
    /// Recovery times by their quantiles.
    #[must_use]
    pub fn new(p5: Quantile, p50: Quantile, p95: Quantile) -> Self {
        let sampling = Sampling { p5, p50, p95 };
        Self { p5: p5.value, p50: p50.value, p95: p95.value, sampling, measured: MEASURED }
    }
}

impl Validation {
    /// Runs beyond one for each seed: for single points, flips, changes and hypotheses.
    #[must_use]
    pub fn further_runs(&self) -> usize {
        let compared = [&self.fixes, &self.changes, &self.hypotheses].into_iter().flatten();
        self.single_points_tried.as_ref().map_or(0, |tried| tried.runs)
            + self.flips.as_ref().map_or(0, |flips| flips.runs)
            + compared.map(|compared| compared.seeds.len() * compared.rows.len()).sum::<usize>()
    }

    /// Whether as many runs completed as were required.
    #[must_use]
    pub fn held(&self) -> bool {
        self.verdicts.completed as f64 >= self.required * self.verdicts.total() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_for_many_runs() {
        let of = |completed, late, blocked, inconclusive| {
            Verdicts { completed, late, blocked, deadlocked: 0, inconclusive }.conclusion()
        };
        let cases = [
            (of(10, 0, 0, 0), Conclusion::Executable),
            (of(6, 4, 0, 0), Conclusion::Executable),
            (of(5, 5, 0, 0), Conclusion::NotExecutable),
            (of(0, 0, 10, 0), Conclusion::NotExecutable),
            (of(5, 0, 4, 1), Conclusion::Inconclusive),
            (of(0, 0, 0, 10), Conclusion::Inconclusive),
            (of(0, 0, 6, 4), Conclusion::NotExecutable),
        ];
        for (conclusion, expected) in cases {
            assert_eq!(conclusion, expected);
        }
    }
}
