//! The run that stands for a campaign as a journal of the Chaos Toolkit
//! (<https://chaostoolkit.org/reference/api/journal/>): each step of the runbook is an action of the experiment's method.
//!
//! Times are those of the simulated world.

use super::{Dossier, Step};
use serde_json::{Value, json};

/// The whole file.
///
/// # Errors
/// None that is known.
pub fn json(dossier: &Dossier) -> serde_json::Result<String> {
    let record = &dossier.record;
    let end = record.steps.iter().filter_map(|step| step.ended.as_ref()).max().unwrap_or(&record.from);
    let duration = record.steps.iter().filter_map(|step| step.ended_s).fold(0.0, f64::max);
    let is_met = matches!(record.verdict.as_str(), "completed" | "late");
    // Of an unchecked step nobody can say how it went.
    let checked = record.steps.iter().filter(|step| step.verdict != "unchecked");
    let carried_out = checked.filter_map(|step| result(dossier, step));
    let journal = json!({
        // Readers take it for text.
        "chaoslib-version": format!("none: {} {}", dossier.tool.name, dossier.tool.version),
        "platform": format!("{} {} ({})", dossier.tool.name, dossier.tool.version, dossier.stamp),
        "node": dossier.scenario.name,
        "experiment": experiment(dossier),
        "status": "completed",
        "deviated": !is_met,
        "start": record.from,
        "end": end,
        "duration": duration,
        "steady_states": { "after": { "steady_state_met": is_met, "probes": [] } },
        "run": carried_out.collect::<Vec<Value>>(),
        "rollbacks": [],
    });
    Ok(serde_json::to_string_pretty(&journal)? + "\n")
}

fn experiment(dossier: &Dossier) -> Value {
    let title = format!("{}: {}", dossier.scenario.title, dossier.runbook.title);
    let method = dossier.record.steps.iter().map(|step| activity(dossier, step));
    json!({
        "version": "1.0.0",
        "title": title,
        "description": format!(
            "{}. Runbook {} in scenario {}, seed {}: {}. Times are simulated.",
            dossier.stamp, dossier.runbook.name, dossier.scenario.name, dossier.record.seed, dossier.record.stands_for
        ),
        "tags": ["blackstart", "simulation"],
        "steady-state-hypothesis": { "title": "The runbook is carried out to its end", "probes": [] },
        "method": method.collect::<Vec<Value>>(),
        "rollbacks": [],
    })
}

/// A step as an action: the command that says how it went.
fn activity(dossier: &Dossier, step: &Step) -> Value {
    let variant = dossier.question.variant.iter().flat_map(|name| ["--variant".to_owned(), name.clone()]);
    let plain = ["explain", &dossier.scenario.name, "--runbook", &dossier.runbook.name, "--step", &step.id];
    let seed = ["--seed".to_owned(), dossier.record.seed.to_string()];
    let arguments: Vec<String> = plain.map(str::to_owned).into_iter().chain(variant).chain(seed).collect();
    json!({
        "type": "action",
        "name": step.id,
        "provider": { "type": "process", "path": "blackstart", "arguments": arguments },
    })
}

/// What came of a step that was begun; one that never ended took no time that anybody knows.
fn result(dossier: &Dossier, step: &Step) -> Option<Value> {
    let (started, started_s) = (step.started.as_ref()?, step.started_s?);
    let status = if matches!(step.verdict.as_str(), "done" | "failed-over") { "succeeded" } else { "failed" };
    let ended = step.ended.as_ref().unwrap_or(started);
    let mut result = json!({
        "activity": activity(dossier, step),
        "status": status,
        "start": started,
        "end": ended,
        "duration": step.ended_s.map_or(0.0, |ended_s| ended_s - started_s),
        "output": step.verdict,
    });
    let causes = dossier.deviations.iter().find(|deviation| deviation.step == step.id);
    if let Some(deviation) = causes.filter(|_| status == "failed") {
        result["exception"] = json!(deviation.causes);
    }
    Some(result)
}
