//! Where the time of one run went, from the first failure to the recovery: rows that follow each other and add up.

use crate::Trial;
use crate::assumption::Assumption;
use crate::statistics::covered;
use blackstart_report::recovery::Outage;
use blackstart_report::utc::moment;
use blackstart_report::validation::{Phase, Phases};
use blackstart_runbook::execute::{Spending, Spent};
use blackstart_scenario::Scenario;
use blackstart_sim::Time;
use std::ops::Range;
use std::time::Duration;

/// The phases of a run in which users were back; `None` for any other.
pub(crate) fn phases(scenario: &Scenario, trial: &Trial) -> Option<Phases> {
    let Outage::Over { from, to } = trial.outage else { return None };
    let recovery = trial.recovery()?;
    let row = |(name, span): (String, Range<Time>)| Phase {
        name,
        from: moment(scenario.start, span.start),
        to: moment(scenario.start, span.end),
        took_s: (span.end - span.start).as_secs_f64(),
    };
    let assumed = spent(trial, &(from..to), |spent| is_assumed(scenario, spent));
    let with_holds =
        spent(trial, &(from..to), |spent| is_assumed(scenario, spent) || spent.on == Spending::Hold);
    let assumed_s = assumed.as_secs_f64();
    let held_s = (with_holds - assumed).as_secs_f64();
    let recovery_s = recovery.as_secs_f64();
    Some(Phases {
        seed: trial.seed,
        recovery_s,
        rows: rows(trial, from..to).into_iter().map(row).collect(),
        assumed_s,
        held_s,
        rest_s: recovery_s - assumed_s - held_s,
    })
}

/// Steps, and what lies between them.
fn rows(trial: &Trial, outage: Range<Time>) -> Vec<(String, Range<Time>)> {
    let mut rows = Vec::new();
    let mut reached = outage.start;
    let mut add = |name: String, until: Time| {
        let until = until.min(outage.end);
        if until > reached {
            rows.push((name, reached..until));
            reached = until;
        }
    };
    let mut begun: Vec<_> = trial.report.steps.iter().filter(|step| step.started.is_some()).collect();
    begun.sort_by_key(|step| step.started);
    for step in begun {
        add(format!("before {}", step.id), step.started.unwrap_or(outage.start));
        add(step.id.clone(), step.ended.unwrap_or(outage.end));
    }
    add("after the last step".to_owned(), outage.end);
    rows
}

/// How much of the outage went into what `counts`, with what went on at once counted once.
fn spent(trial: &Trial, outage: &Range<Time>, counts: impl Fn(&Spent) -> bool) -> Duration {
    let all = trial.report.steps.iter().flat_map(|step| &step.spent);
    let counted = all.filter(|spent| counts(spent));
    let spans = counted.map(|spent| spent.from.max(outage.start)..spent.until.min(outage.end));
    covered(spans.collect()).into_iter().map(|span| span.end - span.start).sum()
}

/// Whether this went as long as an estimate says that nobody ever measured.
fn is_assumed(scenario: &Scenario, spent: &Spent) -> bool {
    Assumption::behind(&scenario.people, spent).iter().any(|it| it.is_assumed(&scenario.people))
}
