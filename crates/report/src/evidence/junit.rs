//! The dossier as JUnit XML: a test case for each step of the runbook, and one for the share of runs that must complete.

use super::{Dossier, Finding, Step};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The whole file.
///
/// # Errors
/// When a text cannot stand in XML.
pub fn xml(dossier: &Dossier) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(&dossier.runbook.name);
    let median = dossier.record.seed.to_string();
    let properties = [
        ("stamp", dossier.stamp.as_str()),
        ("scenario", &dossier.scenario.name),
        ("variant", dossier.question.variant.as_deref().unwrap_or_default()),
        ("seeds", &dossier.question.seeds),
        ("seed-of-the-record", &median),
        ("log-hash-of-the-record", &dossier.record.log_hash),
        ("runbook-sha256", &dossier.runbook.sha256),
        ("tool-version", &dossier.tool.version),
    ];
    suite.add_properties(properties);
    suite.add_test_case(share(dossier));
    suite.add_test_cases(dossier.record.steps.iter().map(|step| case(dossier, step)));
    let mut report = Report::new("blackstart validate");
    report.add_test_suite(suite);
    report.to_string()
}

/// Whether enough runs completed: it fails exactly when the command does.
fn share(dossier: &Dossier) -> TestCase {
    let status = match dossier.achieved.required_share_reached {
        true => TestCaseStatus::success(),
        false => failure(&dossier.summary.join("\n"), "too few runs complete"),
    };
    named("required-share-of-runs", status, dossier)
}

/// A step: it fails when runs stopped at it, and is left out when the run that stands for all did not carry it out.
fn case(dossier: &Dossier, step: &Step) -> TestCase {
    let is_here = |finding: &&Finding| finding.kind == "blocked" && finding.step.as_ref() == Some(&step.id);
    let stops: Vec<&str> =
        dossier.findings.iter().filter(is_here).map(|finding| finding.what.as_str()).collect();
    let status = match (stops.is_empty(), step.verdict.as_str()) {
        (false, _) => failure(&text(dossier, step, &stops), stops[0]),
        (true, "done" | "failed-over") => TestCaseStatus::success(),
        (true, verdict) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(verdict);
            status
        }
    };
    let mut case = named(&step.id, status, dossier);
    if let (Some(from), Some(until)) = (step.started_s, step.ended_s) {
        case.set_time(Duration::from_secs_f64((until - from).max(0.0)));
    }
    case.add_property(("line", step.line.to_string().as_str()));
    case
}

/// All that runs stopped on, then the tree of the run that is shown.
fn text(dossier: &Dossier, step: &Step, stops: &[&str]) -> String {
    let deviation = dossier.deviations.iter().filter(|deviation| deviation.step == step.id);
    let lines = deviation.flat_map(|deviation| deviation.causes.iter().map(String::as_str));
    stops.iter().copied().chain(lines).collect::<Vec<_>>().join("\n")
}

fn failure(text: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("blocked").set_message(message).set_description(text);
    status
}

fn named(name: &str, status: TestCaseStatus, dossier: &Dossier) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("{}.{}", dossier.scenario.name, dossier.runbook.name));
    case.add_property(("seeds", dossier.question.seeds.as_str()));
    case
}
