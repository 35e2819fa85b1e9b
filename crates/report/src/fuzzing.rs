//! What a search for failures found, as plain data and on a terminal. Its JSON is that of `fuzz --format json`.

use crate::validation::page::under;
use crate::words::counted;
use blackstart_fault::Fault;
use serde::Serialize;

/// What a search found.
#[derive(Clone, Debug, Serialize)]
pub struct Fuzzing {
    /// Name of the scenario's folder.
    pub scenario: String,
    /// The variant, if any.
    pub variant: Option<String>,
    /// Name of the runbook.
    pub runbook: String,
    /// What everything that was drawn follows from.
    pub seed: u64,
    /// `random`, `swarm`, `guided`.
    pub mode: &'static str,
    /// The most faults of a schedule.
    pub faults_max: usize,
    /// Runs with drawn schedules.
    pub runs: usize,
    /// Runs that were carried out, to find and to shrink; others were remembered.
    pub executed: usize,
    /// Of these, in each second of wall time.
    pub runs_per_s: f64,
    /// Wall time in seconds, as measured by whoever ran it.
    pub wall_s: f64,
    /// Different features that runs showed.
    pub features: usize,
    /// What failed, by cause; fewest faults first.
    pub findings: Vec<Finding>,
}

/// A way to fail.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The same whenever it is found.
    pub id: String,
    /// What failed, without what differs between runs.
    pub failure: String,
    /// Why, down to faults.
    pub cause: String,
    /// The smallest schedule that was found for it.
    #[serde(serialize_with = "sentences")]
    pub faults: Vec<Fault>,
    /// Seed of its run.
    pub seed: u64,
    /// The drawn run that showed it first.
    pub run: u64,
    /// Other failures with the same cause.
    pub again: usize,
    /// Where it is saved.
    pub replay: Option<String>,
}

fn sentences<S: serde::Serializer>(faults: &[Fault], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(faults.iter().map(Fault::to_string))
}

impl Fuzzing {
    /// The page: one paragraph for each finding.
    #[must_use]
    pub fn page(&self) -> String {
        let found = match self.findings.len() {
            0 => "NOTHING FAILS".to_owned(),
            n => format!("{} TO FAIL", counted(n, "WAY").replace("ways", "WAYS").to_uppercase()),
        };
        let mut page = vec![
            format!(
                "{}: {found} in {} with up to {} each",
                self.runbook,
                counted(self.runs, "run"),
                counted(self.faults_max, "fault")
            ),
            format!(
                "  {} carried out in {:.0} s, {:.1} runs/s; {}; seed {}, {} schedules",
                counted(self.executed, "run"),
                self.wall_s,
                self.runs_per_s,
                counted(self.features, "feature"),
                self.seed,
                self.mode
            ),
        ];
        page.extend(self.findings.iter().flat_map(Finding::lines));
        page.join("\n") + "\n"
    }
}

impl Finding {
    fn lines(&self) -> Vec<String> {
        let mut lines = under(&self.id, &self.cause);
        match self.faults.as_slice() {
            [] => lines.extend(under("", "without any fault")),
            faults => lines.extend(faults.iter().flat_map(|fault| under("     fault", &fault.to_string()))),
        }
        if self.again > 0 {
            lines.extend(under("", &format!("{} with the same cause", counted(self.again, "other failure"))));
        }
        let found = format!("first in run {}, seed {}", self.run, self.seed);
        lines.extend(under("", &found));
        lines.extend(self.replay.iter().flat_map(|replay| under("    replay", replay)));
        lines
    }
}
