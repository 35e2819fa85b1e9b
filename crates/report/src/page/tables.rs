//! Milestones, invariants and runbooks in columns.

use super::{COLUMNS, hours, under};
use crate::outcome::{Invariant, Milestone, Milestones, Runbook, Step};
use crate::utc::clock;
use crate::words::clipped;
use jiff::Timestamp;

/// Columns of a step's name.
const STEP_COLUMNS: usize = 24;

/// | id | kind | expected | observed | off by | ok | what |
pub(super) fn milestones(milestones: &Milestones) -> Vec<String> {
    if milestones.total == 0 {
        return under("MILESTONES", "none stated");
    }
    let mut table = under("MILESTONES", &format!("{} of {} met", milestones.met, milestones.total));
    table.push(format!(
        "  {:<5} {:<10} {:<8}  {:<8}  {:>8}  {:<6}  what",
        "id", "kind", "expected", "observed", "off by", ""
    ));
    table.extend(milestones.rows.iter().map(milestone));
    table
}

fn milestone(row: &Milestone) -> String {
    let off_by = row.off_by_s.map(signed).unwrap_or_default();
    let met = if row.met { "ok" } else { "MISSED" };
    let (id, kind, expected, observed) = (&row.id, row.kind, or_dash(row.expected), or_dash(row.observed));
    let text =
        format!("  {id:<5} {kind:<10} {expected:<8}  {observed:<8}  {off_by:>8}  {met:<6}  {}", row.what);
    clipped(&text, COLUMNS)
}

/// Whole seconds up to ten minutes, then minutes: `+42s`, `-7m05`.
fn signed(seconds: f64) -> String {
    let sign = if seconds < 0.0 { '-' } else { '+' };
    format!("{sign}{}", hours(seconds.abs()))
}

fn or_dash(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| "-".to_owned(), clock)
}

pub(super) fn invariants(invariants: &[Invariant]) -> Vec<String> {
    let broken = invariants.iter().filter(|invariant| !invariant.holds);
    let mut table = match broken.clone().count() {
        0 => under("INVARIANTS", &format!("{} of {} hold", invariants.len(), invariants.len())),
        n => under("INVARIANTS", &format!("{n} of {} BROKEN", invariants.len())),
    };
    let row = |invariant: &Invariant| {
        let saw = invariant.saw.as_deref().unwrap_or_default();
        clipped(
            &format!("  BROKEN at {}: {} ({saw})", or_dash(invariant.first_violation), invariant.name),
            COLUMNS,
        )
    };
    table.extend(broken.map(row));
    table
}

/// Verdict and recovery, then the steps with their durations, then what all of it rests on.
pub(super) fn runbook(runbook: &Runbook) -> Vec<String> {
    let recovery = match runbook.achieved_recovery_s {
        Some(seconds) => format!("users were back after {}", hours(seconds)),
        None => "no recovery to measure".to_owned(),
    };
    let objective =
        runbook.objective_s.map(|seconds| format!(", objective {}", hours(seconds))).unwrap_or_default();
    let verdict = runbook.verdict.to_uppercase();
    let mut table = under("RUNBOOK", &format!("{}: {verdict}, {recovery}{objective}", runbook.name));
    table.push(format!("  {:<STEP_COLUMNS$} {:<8}  {:<8}  {:>6}  verdict", "step", "began", "ended", "took"));
    table.extend(runbook.steps.iter().map(step));
    table.extend(list("ASSUMED UP", &runbook.assumed_up));
    table.extend(list("UNMODELLED", &runbook.unmodelled));
    table
}

fn step(step: &Step) -> String {
    let took = step.started.zip(step.ended).map(|(from, to)| hours(to.duration_since(from).as_secs_f64()));
    let (took, began, ended) = (took.unwrap_or_default(), or_dash(step.started), or_dash(step.ended));
    let why = step.blocked_on.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let id = clipped(&step.id, STEP_COLUMNS);
    clipped(
        &format!("  {id:<STEP_COLUMNS$} {began:<8}  {ended:<8}  {took:>6}  {}{why}", step.verdict),
        COLUMNS,
    )
}

fn list(heading: &str, items: &[String]) -> Vec<String> {
    if items.is_empty() { Vec::new() } else { under(heading, &items.join(", ")) }
}
