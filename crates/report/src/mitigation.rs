//! What one change each did to many runs, as plain data and on a terminal. Its JSON is that of `mitigate --format json`.

use crate::validation::page::{hours, or_never, under};
use crate::validation::{Recovery, Verdicts};
use serde::Serialize;

/// Many runs as they are, and with one change each.
#[derive(Clone, Debug, Serialize)]
pub struct Mitigation {
    /// Name of the scenario's folder.
    pub scenario: String,
    /// The variant that everything is tried in.
    pub variant: Option<String>,
    /// Name of the runbook.
    pub runbook: String,
    /// Seeds, `1..200`, both included.
    pub seeds: String,
    /// Runs of the scenario as it is, and with each change.
    pub runs: usize,
    /// Wall time in seconds, as measured by whoever ran it.
    pub wall_s: f64,
    /// Verdicts without a change.
    pub verdicts: Verdicts,
    /// Recovery times without a change.
    pub recovery_s: Recovery,
    /// Changes: those that unblock most runs first, then those that save most time.
    pub changes: Vec<Mitigated>,
    /// Kinds of changes of which there is none here.
    pub left_out: Vec<LeftOut>,
}

/// A change that cannot be made to this scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What kind of change.
    pub kind: String,
    /// Why not.
    pub why: String,
}

/// What one change did.
#[derive(Clone, Debug, Serialize)]
pub struct Mitigated {
    /// `variant`, or what kind of change was generated.
    pub kind: &'static str,
    /// What is different.
    pub name: String,
    /// Verdicts with it.
    pub verdicts: Verdicts,
    /// Recovery times with it.
    pub recovery_s: Recovery,
    /// How many fewer runs are blocked or deadlocked.
    pub blocked_removed: i64,
    /// The median over seeds that recover with and without it of how much sooner they do; null when there are none.
    pub gain_s: Option<f64>,
}

impl Mitigation {
    /// The page: one line for each change.
    #[must_use]
    pub fn page(&self) -> String {
        let v = &self.verdicts;
        let mut page = vec![
            format!(
                "{}: {} changes, each alone, on the same seeds {}",
                self.runbook,
                self.changes.len(),
                self.seeds
            ),
            format!(
                "  as it is: {} of {} runs completed, {} blocked, p50 {}",
                v.completed,
                self.runs,
                v.stopped(),
                or_never(self.recovery_s.p50)
            ),
            format!("  {:>9}  {:>7}  {:>7}  {:>8}  change", "completed", "blocked", "p50", "sooner"),
        ];
        page.extend(self.changes.iter().flat_map(Mitigated::row));
        page.extend(under("", "sooner: the median over seeds that recover with and without the change"));
        let left_out = |it: &LeftOut| under("NOT TRIED ", &format!("{}: {}", it.kind, it.why));
        page.extend(self.left_out.iter().flat_map(left_out));
        page.join("\n") + "\n"
    }
}

impl Mitigated {
    fn row(&self) -> Vec<String> {
        let p50 = or_never(self.recovery_s.p50);
        let gain = match self.gain_s {
            None => "-".to_owned(),
            Some(seconds) if seconds < 0.0 => format!("-{}", hours(-seconds)),
            Some(seconds) => hours(seconds),
        };
        let (completed, blocked) = (self.verdicts.completed, self.verdicts.stopped());
        let numbers = format!("  {completed:>9}  {blocked:>7}  {p50:>7}  {gain:>8} ");
        under(&numbers, &self.name)
    }
}
