//! What fell short or is fragile, with ids that stay the same from one campaign to the next, so that a later one closes them.

use crate::validation::Validation;
use crate::why::Tree;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 12;

/// Something that fell short or is fragile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// From its kind, its step and its cause without times and counts: equal findings of two campaigns have equal ids.
    pub id: String,
    /// `blocked`, `late`, `unmodelled`, `single-point` or `assumption`.
    pub kind: String,
    /// The step concerned, if it is one.
    pub step: Option<String>,
    /// In a sentence.
    pub what: String,
    /// `open`; `new` when earlier findings were given and it was not among them.
    pub status: String,
    /// Who sees to it: to be filled in.
    pub owner: Option<String>,
    /// Until when: to be filled in.
    pub due: Option<String>,
}

/// What became of earlier findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The earlier campaign's seeds.
    pub seeds: String,
    /// SHA-256 of the runbook then.
    pub runbook_sha256: String,
    /// Looked for and not found again.
    pub closed: Vec<Finding>,
    /// Ids of those found again.
    pub open: Vec<String>,
    /// Ids of those found for the first time.
    pub new: Vec<String>,
    /// Not looked for in this campaign: neither open nor closed.
    pub not_looked_for: Vec<Finding>,
}

/// What an earlier `evidence.json` says, as far as it matters later.
#[derive(Clone, Debug, Deserialize)]
pub struct Earlier {
    scenario: Named,
    runbook: Hashed,
    question: Seeds,
    findings: Vec<Finding>,
    compared: Option<Carried>,
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Hashed {
    name: String,
    sha256: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Seeds {
    seeds: String,
    variant: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Carried {
    not_looked_for: Vec<Finding>,
}

impl Earlier {
    /// Reads an earlier `evidence.json`.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// Whether it asks the same of the same; what it found says nothing about anything else.
    #[must_use]
    pub fn concerns(&self, scenario: &str, variant: Option<&str>, runbook: &str) -> bool {
        let of = (self.scenario.name.as_str(), self.question.variant.as_deref(), self.runbook.name.as_str());
        of == (scenario, variant, runbook)
    }
}

/// All findings, the worst first. `stopped` has a tree for each of `validation.blocking_steps`.
pub(crate) fn of(validation: &Validation, stopped: &[Tree]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let runs = validation.runs;
    for (at, tree) in validation.blocking_steps.iter().zip(stopped) {
        let cause = if tree.causes.is_empty() { without_numbers(&at.chain) } else { tree.key() };
        let what = format!("{} of {runs} runs stop at `{}`: {}", at.runs, at.id, at.chain);
        let finding = finding("blocked", Some(&at.id), &cause, what);
        // Groups with one cause are one finding.
        if findings.iter().all(|known| known.id != finding.id) {
            findings.push(finding);
        }
    }
    if validation.verdicts.late > 0 {
        let what =
            format!("{} of {runs} runs restore service later than the objective", validation.verdicts.late);
        findings.push(finding("late", None, "", what));
    }
    findings.extend(validation.unmodelled.iter().map(|need| {
        finding(
            "unmodelled",
            None,
            need,
            format!("nothing models `{need}`, and the runbook does not assume it"),
        )
    }));
    findings.extend(validation.single_points.iter().map(|point| {
        let what = format!(
            "{} {}, lost alone, stops all {} runs tried, at `{}`: {}",
            point.kind, point.name, point.runs, point.step, point.chain
        );
        finding("single-point", None, &format!("{} {}", point.kind, point.name), what)
    }));
    let flips = validation.flips.iter().flat_map(|flips| &flips.found);
    findings.extend(flips.filter(|flip| flip.in_range).map(|flip| {
        let what = format!(
            "if `{}` takes more than {:.0} s, within its assumed range, most runs are {}",
            flip.name, flip.from_s, flip.verdict
        );
        finding("assumption", None, &flip.name, what)
    }));
    findings
}

fn finding(kind: &str, step: Option<&String>, cause: &str, what: String) -> Finding {
    let said = [kind, step.map_or("", String::as_str), cause].join("\0");
    let id = super::sha256(said.as_bytes())[..ID_DIGITS].to_owned();
    let (kind, step, status) = (kind.to_owned(), step.cloned(), "open".to_owned());
    Finding { id, kind, step, what, status, owner: None, due: None }
}

/// A reason without what differs between seeds.
fn without_numbers(why: &str) -> String {
    why.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// Compares with earlier findings; those that are new are marked.
pub(crate) fn compare(validation: &Validation, findings: &mut [Finding], earlier: &Earlier) -> Compared {
    let carried = earlier.compared.iter().flat_map(|compared| &compared.not_looked_for);
    let before: Vec<&Finding> = earlier.findings.iter().chain(carried).collect();
    let was_there = |finding: &Finding| before.iter().any(|known| known.id == finding.id);
    findings.iter_mut().filter(|finding| !was_there(finding)).for_each(|new| new.status = "new".to_owned());
    let ids = |status| {
        let with = findings.iter().filter(move |finding| finding.status == status);
        with.map(|finding| finding.id.clone()).collect()
    };
    let gone = before.iter().filter(|known| findings.iter().all(|finding| finding.id != known.id));
    let gone = gone.map(|finding| (*finding).clone());
    let (closed, not_looked_for): (Vec<_>, Vec<_>) =
        gone.partition(|finding| is_looked_for(validation, &finding.kind));
    let close = |finding: Finding| Finding { status: "closed".to_owned(), ..finding };
    Compared {
        seeds: earlier.question.seeds.clone(),
        runbook_sha256: earlier.runbook.sha256.clone(),
        closed: closed.into_iter().map(close).collect(),
        open: ids("open"),
        new: ids("new"),
        not_looked_for,
    }
}

/// Single points and assumptions are looked for only when the runbook is executable and there is time.
fn is_looked_for(validation: &Validation, kind: &str) -> bool {
    match kind {
        "single-point" => validation.single_points_tried.is_some(),
        "assumption" => validation.flips.is_some(),
        _ => true,
    }
}

/// SHA-256 in hexadecimal digits.
#[must_use]
pub(crate) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
