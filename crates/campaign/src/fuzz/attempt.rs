//! One run with a schedule of faults: what failed in it, what it was like, which faults took place.

use super::features::Features;
use crate::Error;
use crate::trial::decided;
use blackstart_fault::{Fault, executed};
use blackstart_report::judge::outcomes;
use blackstart_report::recovery::Outage;
use blackstart_runbook::execute::Verdict;
use blackstart_runbook::step::Runbook;
use blackstart_scenario::{Run, Scenario, build_without_log};
use blackstart_sim::Record;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// What failed, the runbook first.
    pub failures: Vec<Failure>,
    /// What the run was like, as numbers that mean nothing but themselves.
    pub features: Vec<u64>,
    /// Faults that took place, at the times at which they did.
    pub executed: Vec<Fault>,
}

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failure {
    /// What it is, the same in every run in which the same thing fails in the same way.
    pub key: String,
    /// What was seen.
    pub saw: String,
    /// The step of the runbook at which it did, if it did at one.
    pub step: Option<String>,
}

/// Runs `scenario` with `schedule` beside its own faults until the runbook's verdict is known.
///
/// # Errors
/// When the engine refuses.
pub fn attempt(
    scenario: &Scenario,
    runbook: &Arc<Runbook>,
    schedule: &[Fault],
    seed: u64,
) -> Result<Attempt, Error> {
    let scenario = scenario.clone().with_faults(schedule.to_vec());
    let mut run = build_without_log(&scenario, seed, Some(runbook))?;
    let features = Rc::new(RefCell::new(Features::default()));
    let faults: Rc<RefCell<Vec<Record>>> = Rc::default();
    let (seen, done) = (features.clone(), faults.clone());
    run.sim.on_record(move |record| {
        seen.borrow_mut().step(record);
        if record.kind == <blackstart_fault::Event as blackstart_rt::Event>::KIND {
            done.borrow_mut().push(record.clone());
        }
    });
    let trial = decided(&mut run, &scenario, runbook, seed);
    let mut failures: Vec<Failure> = of_runbook(&trial).into_iter().collect();
    failures.extend(broken(&run));
    let mut features = features.take();
    trial.report.steps.iter().for_each(|step| features.note(&(&step.id, step.verdict.word())));
    Ok(Attempt { failures, features: features.all(), executed: executed(faults.borrow().iter()) })
}

/// A runbook that was called for and did not get there in time.
fn of_runbook(trial: &crate::Trial) -> Option<Failure> {
    let failure = |key: String, saw: String| Some(Failure { key, saw, step: None });
    match trial.verdict {
        Verdict::Completed => None,
        _ if trial.outage == Outage::None => None,
        Verdict::Late => {
            let saw = match trial.outage.recovery() {
                Some(took) => format!("users are back after {} min", took.as_secs() / 60),
                None => "users are not back when the run ends".to_owned(),
            };
            failure("late".to_owned(), saw + ", later than the objective")
        }
        Verdict::Inconclusive => {
            let needs: Vec<&str> = trial.report.unmodelled.iter().map(String::as_str).collect();
            if needs.is_empty() {
                let saw = "nothing called for the runbook, or all of it is prose";
                return failure("never judged".to_owned(), saw.to_owned());
            }
            failure(format!("rests on {}", needs.join(", ")), "what nothing models".to_owned())
        }
        Verdict::Blocked | Verdict::Deadlocked => match trial.stopped_at() {
            Some((_, step)) => {
                let saw = step.blocked_on.clone().unwrap_or_default();
                let key = format!("{}: {}", step.id, without_numbers(&saw));
                Some(Failure { key, saw, step: Some(step.id.clone()) })
            }
            None => {
                failure("never done".to_owned(), "people are still at it, or users are not back".to_owned())
            }
        },
    }
}

/// What had to hold and did not.
fn broken(run: &Run) -> Vec<Failure> {
    let broken =
        outcomes(run).into_iter().filter_map(|outcome| Some((outcome.name, outcome.first_violation?)));
    broken.map(|(name, (_, saw))| Failure { key: format!("broken: {name}"), saw, step: None }).collect()
}

/// A reason without the numbers and times in it, which differ between seeds. Names keep their digits.
pub(crate) fn without_numbers(why: &str) -> String {
    let is_number = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_digit());
    let words = why.split(' ').map(|word| if is_number(&word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
