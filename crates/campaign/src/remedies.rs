//! A few changes and hypotheses on a few of the seeds: what unblocks, what saves time, what would not matter.
//!
//! Each is compared with runs that are there already. Which changes are tried follows from what stopped the runs; `mitigate`
//! tries all of them on all seeds.

use crate::mitigate::{Change, compared, rank, runs_with};
use crate::validate::{Base, Depth, quartiles};
use crate::{Error, Progress, Trial, Workers};
use blackstart_report::validation::{BlockingStep, Compared};
use blackstart_runbook::execute::{Attempt, Kind};

/// Changes tried, unless everything is asked for.
const CHANGES: usize = 2;
/// Stopped runs on which each is tried.
const STOPPED: usize = 3;
/// Kinds of changes that can save time where nothing stops a run, those that mostly save most first.
const SAVINGS: [&str; 5] =
    ["independent-out-of-band", "cached-list", "secret-at-hand", "standing-authority", "variant"];

/// What is asked.
pub(crate) struct Asked<'a> {
    pub(crate) base: &'a Base<'a>,
    pub(crate) changes: &'a [Change],
    pub(crate) depth: Depth,
}

impl Asked<'_> {
    /// Changes that fit what stopped most runs, on the first of these runs.
    pub(crate) fn fixes(
        &self,
        at: Option<&BlockingStep>,
        workers: &Workers,
        progress: &dyn Progress,
    ) -> Result<Option<Compared>, Error> {
        let Some(at) = at else { return Ok(None) };
        let stops = |trial: &&Trial| trial.stopped_at().is_some_and(|(_, step)| step.id == at.id);
        let stopped: Vec<Trial> = self.base.trials.iter().filter(stops).take(STOPPED).cloned().collect();
        let first = stopped.iter().find(|trial| trial.seed == at.seed).or(stopped.first());
        let failed = first.and_then(Trial::stopped_at).map(|(_, step)| &step.failed[..]).unwrap_or_default();
        let mut changes: Vec<&Change> = self.changes.iter().filter(|change| !change.hypothesis).collect();
        changes.sort_by_key(|change| distance(change, failed));
        let mut fixes = self.tried(changes, stopped, workers, progress)?;
        fixes.iter_mut().for_each(|fixes| rank(&mut fixes.rows));
        Ok(fixes)
    }

    /// Changes that can save time, on the runs at the quartiles.
    pub(crate) fn savings(
        &self,
        workers: &Workers,
        progress: &dyn Progress,
    ) -> Result<Option<Compared>, Error> {
        let place = |change: &&Change| SAVINGS.iter().position(|kind| *kind == change.kind);
        let saves = |change: &&Change| !change.hypothesis && place(change).is_some();
        let mut changes: Vec<&Change> = self.changes.iter().filter(saves).collect();
        changes.sort_by_key(place);
        let mut savings = self.tried(changes, self.quartiles(), workers, progress)?;
        savings.iter_mut().for_each(|savings| rank(&mut savings.rows));
        Ok(savings)
    }

    /// Other guesses at what nobody knows, on the runs at the quartiles.
    pub(crate) fn hypotheses(
        &self,
        workers: &Workers,
        progress: &dyn Progress,
    ) -> Result<Option<Compared>, Error> {
        let changes = self.changes.iter().filter(|change| change.hypothesis).collect();
        self.tried(changes, self.quartiles(), workers, progress)
    }

    fn quartiles(&self) -> Vec<Trial> {
        let seeds = quartiles(self.base.trials);
        self.base.trials.iter().filter(|trial| seeds.contains(&trial.seed)).cloned().collect()
    }

    fn tried(
        &self,
        mut changes: Vec<&Change>,
        base: Vec<Trial>,
        workers: &Workers,
        progress: &dyn Progress,
    ) -> Result<Option<Compared>, Error> {
        if self.depth == Depth::Quick || changes.is_empty() || base.is_empty() {
            return Ok(None);
        }
        if self.depth == Depth::Usual {
            changes.truncate(CHANGES);
        }
        let seeds: Vec<u64> = base.iter().map(|trial| trial.seed).collect();
        progress.planned(seeds.len() * changes.len());
        let row = |change: &Change| {
            let trials = runs_with(change, &self.base.runbook.name, &seeds, workers, progress)?;
            Ok(compared(change, &base, &trials))
        };
        let rows: Result<Vec<_>, Error> = changes.into_iter().map(row).collect();
        Ok(Some(Compared { verdicts: crate::validate::count(&base), rows: rows?, seeds }))
    }
}

/// How far a change is from what failed: it fits and names it, it fits, it is the scenario's own, it is neither.
fn distance(change: &Change, failed: &[Attempt]) -> usize {
    let fits = |attempt: &Attempt| fitting(attempt.kind).contains(&change.kind);
    let names = |attempt: &Attempt| change.name.contains(&attempt.to);
    match () {
        () if failed.iter().any(|attempt| fits(attempt) && names(attempt)) => 0,
        () if failed.iter().any(fits) => 1,
        () if change.kind == "variant" => 2,
        () => 3,
    }
}

/// Kinds of changes that may help where such an attempt fails.
fn fitting(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::BadgeTap => &["cached-list", "second-key"],
        Kind::GuardKey => &["second-key", "cached-list"],
        Kind::Item => &["copy"],
        Kind::NameLookup | Kind::Connect => &["independent-out-of-band", "outside-chat"],
        Kind::Person => &["one-more-person"],
        Kind::Console | Kind::SignIn => &["secret-at-hand"],
        Kind::Limit | Kind::Wait => &["standing-authority", "cached-list", "secret-at-hand"],
        Kind::Certificate | Kind::Travel | Kind::Port | Kind::Reach | Kind::Task => &[],
    }
}
