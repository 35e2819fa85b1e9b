//! Signals outside runbooks: where they are seen from, and what can be seen there.

use crate::files::services::Run;
use crate::index::Index;
use crate::vocabulary;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Spanned};

/// Stands at the end of a stem for a word of which nobody keeps a list.
const ANY: char = '…';

/// Vantage points that are neither a machine nor a place, with what is seen there.
const ELSEWHERE: [(&str, &[&str]); 3] = [
    ("backends", &["errors"]),
    ("console", &["privileged-prompt", "ports-shut-by-last-change", "data-centres-reachable"]),
    ("runbook", &["recovery", "step.…"]),
];

/// `stem@vantage`: both must exist. Complaints point at where the signal stands.
pub(crate) fn vantage(
    index: &Index<'_>,
    file: &SourceFile,
    at: &Spanned<String>,
    signal: &str,
    errors: &mut Diagnostics,
) {
    let Some((stem, vantage)) = signal.rsplit_once('@') else {
        let message = format!("`{signal}` says nothing of where it is seen from");
        errors.push(Diagnostic::new(file, at.span(), message).expecting("`signal@vantage`"));
        return;
    };
    let places = index.sites.iter().map(|(n, _)| n).chain(index.doors.iter().map(|(n, _)| n));
    let known: Vec<&str> = index
        .machines
        .iter()
        .copied()
        .chain(index.bridges.iter().map(|(n, _)| n))
        .chain(places)
        .chain(ELSEWHERE.map(|(name, _)| name))
        .collect();
    if !known.contains(&vantage) {
        errors.push(Diagnostic::unknown(file, at.span(), "vantage point", vantage, known));
        return;
    }
    let stems = stems(index, vantage);
    let is = |known: &String| match known.strip_suffix(ANY) {
        Some(start) => stem.starts_with(start),
        None => known == stem,
    };
    if !stems.iter().any(is) {
        let stems = stems.iter().map(String::as_str);
        errors.push(Diagnostic::unknown(file, at.span(), &format!("signal of {vantage}"), stem, stems));
    }
}

/// What can be seen at a vantage point: the table in `blackstart_world::state`, turned round.
fn stems(index: &Index<'_>, vantage: &str) -> Vec<String> {
    let services = index.services.iter().filter(|(_, (_, service))| service.host.get_ref() == vantage);
    let mut stems: Vec<String> =
        services.flat_map(|(name, (_, service))| of_service(name, &service.run)).collect();
    let kinds: [(bool, &[&str]); 4] = [
        (index.routers.get(vantage).is_some_and(|(_, router)| router.collector), &["updates", "paths.…"]),
        (index.bridges.get(vantage).is_some(), &["roles-present"]),
        (index.sites.get(vantage).is_some(), &["guard-has-names", "team-at-gate", "draw-mw", "racks-dark"]),
        (index.doors.get(vantage).is_some(), &["team-inside"]),
    ];
    let elsewhere = ELSEWHERE.map(|(name, stems)| (name == vantage, stems));
    let here = kinds.into_iter().chain(elsewhere).filter(|(is, _)| *is);
    stems.extend(here.flat_map(|(_, stems)| stems).map(|stem| (*stem).to_owned()));
    stems
}

/// What a service tells at its machine.
fn of_service(name: &str, run: &Run) -> Vec<String> {
    let fixed = |stems: &[&str]| stems.iter().map(|stem| (*stem).to_owned()).collect();
    match run {
        Run::Probe(probe) => probe.checks.iter().flat_map(vocabulary::stems).collect(),
        Run::Users(users) => ["sends.", "failing."]
            .map(|of| format!("{of}{}", users.product))
            .into_iter()
            .chain(["sends-succeed", "unsent", "undelivered"].map(str::to_owned))
            .collect(),
        Run::Reports(_) => fixed(&["reports.…"]),
        Run::Posts(_) => fixed(&["posts.…"]),
        Run::Resolver(_) => {
            fixed(&["p95-ms", "queries", "queries-times", "failures-times", "queries-per-s", "incident"])
        }
        Run::Authority(_) => fixed(&["queries-per-s", "queries-times", "failures-times"]),
        Run::Backend(_) => fixed(&["offered"]),
        Run::ChatPresence(_) => fixed(&["chat"]),
        Run::Alert(_) => vec![format!("alert.{name}")],
        _ => Vec::new(),
    }
}
