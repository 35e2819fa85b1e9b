//! Failures that were found, saved in the scenario's `regressions/`, and run again: what must come again is the failure, not
//! the record of its run, which another build may write differently.

use crate::Error;
use crate::fuzz::attempt::attempt;
use blackstart_report::fuzzing::{Finding, Fuzzing};
use blackstart_scenario::Regression;
use serde::Serialize;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What came of running saved failures again.
#[derive(Clone, Debug, Serialize)]
pub struct Replays {
    /// One for each file.
    pub replays: Vec<Replay>,
}

/// What came of running one again.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// The file.
    pub file: PathBuf,
    /// What failed when it was found.
    pub failure: String,
    /// Whether it does again.
    pub fails: bool,
    /// What failed now.
    pub saw: Vec<String>,
}

impl Replays {
    /// One line for each.
    #[must_use]
    pub fn page(&self) -> String {
        let line = |replay: &Replay| {
            let word = if replay.fails { "FAILS AGAIN" } else { "GONE       " };
            let saw = match replay.saw.as_slice() {
                [] => String::new(),
                saw => format!("\n             saw {}", saw.join("; ")),
            };
            format!("{word}  {}: {}{saw}\n", replay.file.display(), replay.failure)
        };
        self.replays.iter().map(line).collect()
    }
}

/// Runs the failure at `path` again.
///
/// # Errors
/// Everything that is wrong with the file or its scenario, or a refusal of the engine.
pub fn replay(path: &Path) -> Result<Replay, Error> {
    let (scenario, runbook, Regression { seed, failure, faults, .. }) = Regression::load(path)?;
    let attempt = attempt(&scenario, &runbook, &faults, seed)?;
    let fails = attempt.failures.iter().any(|other| other.key == failure);
    let others = attempt.failures.into_iter().map(|other| other.key);
    let saw = others.filter(|other| *other != failure).collect();
    Ok(Replay { file: path.to_owned(), failure, fails, saw })
}

/// Saves each finding in the scenario folder at `path`, and notes where. One that is there already stays as it is.
///
/// # Errors
/// When a file cannot be written.
pub fn save(path: &Path, found: &mut Fuzzing) -> Result<(), Error> {
    let Fuzzing { variant, runbook, .. } = found.clone();
    for finding in &mut found.findings {
        let regression = Regression {
            runbook: runbook.clone(),
            variant: variant.clone(),
            seed: finding.seed,
            failure: finding.failure.clone(),
            faults: finding.faults.clone(),
        };
        let file = Regression::file(path, &finding.id);
        let refused = |error: std::io::Error| Error::Store { path: file.clone(), why: error.to_string() };
        if !file.exists() {
            write(&file, &regression.text(&remarks(finding))).map_err(refused)?;
        }
        finding.replay = Some(format!("blackstart replay {}", file.display()));
    }
    Ok(())
}

fn remarks(finding: &Finding) -> Vec<String> {
    vec![finding.cause.clone(), "`blackstart replay` with this file runs it again.".to_owned()]
}

/// Whole or not at all.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let part = file.with_extension("part");
    fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
    let mut out = fs::File::create(&part)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    fs::rename(part, file)
}
