//! From a campaign and the run that stands for it to the dossier.

use super::{
    Achieved, Blanks, Deviation, Dossier, Duration, Earlier, File, Limits, Moment, Question, Record, Runbook,
    STAMP, Scenario, Step, Tool, findings,
};
use crate::outcome::{self, RunOutcome};
use crate::timeline::Line;
use crate::utc::{moment, rfc3339};
use crate::validation::{Conclusion, Validation};
use crate::why::{Evidence, Tree, causes};
use blackstart_rt::Set;
use blackstart_world::people::Estimate;
use jiff::Timestamp;

/// Lines of the terminal's page that make the summary.
const SUMMARY_LINES: usize = 10;
/// Columns of a tree.
const TREE_COLUMNS: usize = 109;
/// Columns of a chain.
const CHAIN_COLUMNS: usize = 200;

/// What follows from its being a simulation, whatever is simulated.
const STATEMENTS: [&str; 4] = [
    "Every run is a simulation of a model. It supports a restore or fail-over test and does not replace one.",
    "Times are those of the simulated world, in UTC. Nothing was done to a real system.",
    "Sampling error tells how far other seeds might lie, not how well the model fits the world.",
    "Branches of the runbook that no run took are not tested.",
];

/// What a dossier is made from.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// The scenario, its variant applied.
    pub scenario: &'a blackstart_scenario::Scenario,
    /// The runbook.
    pub runbook: &'a blackstart_runbook::step::Runbook,
    /// Every file that the scenario was read from.
    pub files: &'a [File],
    /// The program's version.
    pub version: &'a str,
    /// `quick`, `usual` or `thorough`.
    pub depth: &'a str,
    /// What came of the campaign.
    pub validation: &'a Validation,
    /// A tree for each of its `blocking_steps`.
    pub stopped: &'a [Tree],
    /// The run that stands for it.
    pub shown: &'a RunOutcome,
    /// The evidence of that run.
    pub evidence: &'a Evidence,
    /// Its timeline.
    pub timeline: &'a [Line],
    /// What was found before.
    pub earlier: Option<&'a Earlier>,
}

/// SHA-256 in hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    findings::hash(bytes)
}

impl Dossier {
    /// Puts it together.
    ///
    /// # Errors
    /// None that is known: a validation has a shape in JSON.
    pub fn new(material: &Material<'_>) -> serde_json::Result<Self> {
        let Material { scenario, runbook, validation, .. } = material;
        let mut findings = findings::of(validation, material.stopped);
        let compared = material.earlier.map(|earlier| findings::compare(validation, &mut findings, earlier));
        let steps = material.shown.runbooks.first().map(|book| book.steps.as_slice()).unwrap_or_default();
        let trees: Vec<Tree> = steps.iter().map(|step| causes(step, material.evidence)).collect();
        Ok(Self {
            stamp: STAMP.to_owned(),
            tool: Tool { name: "blackstart".to_owned(), version: material.version.to_owned() },
            scenario: Scenario {
                name: scenario.name.clone(),
                title: scenario.title.clone(),
                files: material.files.to_vec(),
            },
            runbook: Runbook {
                name: runbook.name.clone(),
                title: runbook.title.clone(),
                sha256: sha256(runbook.file.text().as_bytes()),
                restores: runbook.restores.iter().map(|name| name.text.clone()).collect(),
            },
            question: Question {
                seeds: validation.seeds.clone(),
                runs: validation.runs,
                variant: validation.variant.clone(),
                depth: material.depth.to_owned(),
                required: validation.required,
            },
            achieved: achieved(validation),
            summary: summary(&validation.page("")),
            record: record(material, steps, &trees),
            deviations: steps.iter().zip(&trees).filter_map(|(step, tree)| deviation(step, tree)).collect(),
            findings,
            compared,
            limits: limits(scenario, validation),
            to_be_filled_in: Blanks::default(),
            validation: as_printed(validation)?,
        })
    }
}

/// The first lines of the page, as far as its rule.
fn summary(page: &str) -> Vec<String> {
    let lines = page.lines().take(SUMMARY_LINES).take_while(|line| !line.starts_with("---"));
    lines.map(str::to_owned).collect()
}

/// What `validate --format json` prints, but for the time that it took: two equal campaigns leave equal evidence.
fn as_printed(validation: &Validation) -> serde_json::Result<serde_json::Value> {
    let mut printed = serde_json::to_value(validation)?;
    if let Some(fields) = printed.as_object_mut() {
        fields.remove("wall_s");
    }
    Ok(printed)
}

fn achieved(validation: &Validation) -> Achieved {
    let verdicts = &validation.verdicts;
    let share = |runs: usize| runs as f64 / verdicts.total().max(1) as f64;
    let conclusion = match verdicts.conclusion() {
        Conclusion::Executable => "executable",
        Conclusion::NotExecutable => "not-executable",
        Conclusion::Inconclusive => "inconclusive",
    };
    Achieved {
        conclusion: conclusion.to_owned(),
        required_share_reached: validation.held(),
        objective_s: validation.objective_s,
        share_within: share(verdicts.completed),
        share_late: share(verdicts.late),
        share_never: share(verdicts.stopped() + verdicts.inconclusive),
        measured: validation.recovery_s.measured.to_owned(),
    }
}

fn record(material: &Material<'_>, steps: &[outcome::Step], trees: &[Tree]) -> Record {
    let shown = material.shown;
    let book = shown.runbooks.first();
    let stands_for = match (&material.validation.phases, material.validation.blocking_steps.first()) {
        (Some(_), _) => "the median run by recovery time".to_owned(),
        (None, Some(step)) => {
            format!("the median run never recovers; this is the first to stop at `{}`", step.id)
        }
        (None, None) => "the median run never recovers; this is the first run".to_owned(),
    };
    let written = |id: &str| material.runbook.steps.iter().find(|step| step.id == id);
    let rows = steps.iter().zip(trees).map(|(step, tree)| row(shown.start, written(&step.id), step, tree));
    Record {
        seed: shown.seed,
        stands_for,
        log_hash: shown.log_hash.clone(),
        verdict: book.map_or("inconclusive", |book| book.verdict).to_owned(),
        achieved_recovery_s: book.and_then(|book| book.achieved_recovery_s),
        from: rfc3339(shown.start),
        simulated_s: shown.simulated_s,
        steps: rows.collect(),
        timeline: material.timeline.iter().map(|line| told(shown.start, line)).collect(),
    }
}

fn row(
    start: Timestamp,
    written: Option<&blackstart_runbook::step::Step>,
    step: &outcome::Step,
    tree: &Tree,
) -> Step {
    let by: Set<&str> = step.spent.iter().flat_map(|spent| spent.who.split(", ")).collect();
    let since = |at: Option<Timestamp>| at.map(|at| at.duration_since(start).as_secs_f64());
    let chain = (!tree.causes.is_empty()).then(|| tree.chain(CHAIN_COLUMNS));
    Step {
        id: step.id.clone(),
        title: written.map_or("Choose this runbook", |step| &step.title).to_owned(),
        line: written.map_or(1, |step| step.line),
        verdict: step.verdict.to_owned(),
        by: by.into_iter().filter(|who| !who.is_empty()).map(str::to_owned).collect(),
        started: step.started.map(rfc3339),
        ended: step.ended.map(rfc3339),
        started_s: since(step.started),
        ended_s: since(step.ended),
        why: (step.verdict != "done").then(|| chain.or(step.blocked_on.clone())).flatten(),
    }
}

fn told(start: Timestamp, line: &Line) -> Moment {
    Moment { at: rfc3339(moment(start, line.at)), part: line.part.to_owned(), text: line.text.clone() }
}

fn deviation(step: &outcome::Step, tree: &Tree) -> Option<Deviation> {
    let causes = match tree.causes.is_empty() {
        true => step.blocked_on.iter().cloned().collect(),
        false => tree.lines(TREE_COLUMNS),
    };
    (step.verdict != "done").then(|| Deviation {
        step: step.id.clone(),
        verdict: step.verdict.to_owned(),
        causes,
    })
}

fn limits(scenario: &blackstart_scenario::Scenario, validation: &Validation) -> Limits {
    let people = &scenario.people;
    let one = |name: String, estimate: &Estimate| Duration {
        name,
        low_s: estimate.low.as_secs_f64(),
        likely_s: estimate.likely.as_secs_f64(),
        high_s: estimate.high.as_secs_f64(),
        basis: estimate.basis.clone(),
    };
    let tasks = people.tasks.iter().map(|(name, estimate)| one(name.clone(), estimate));
    let ways = people.travels.iter().map(|way| one(format!("{} to {}", way.from, way.to), &way.takes));
    Limits {
        statements: STATEMENTS.map(str::to_owned).to_vec(),
        not_modelled: validation.not_modelled.clone(),
        assumed_up: validation.assumed_up.clone(),
        unmodelled: validation.unmodelled.clone(),
        durations: tasks.chain(ways).collect(),
    }
}
