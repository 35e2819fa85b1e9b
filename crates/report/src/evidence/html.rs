//! The dossier as one page that needs nothing else: no scripts, no fonts, no pictures from elsewhere.

use super::{Dossier, Finding, Step};
use maud::{DOCTYPE, Markup, html};

/// Columns of the drawing, in its own units.
const WIDTH: f64 = 1000.0;
/// Where bars begin.
const LEFT: f64 = 240.0;
/// Height of a row.
const ROW: f64 = 24.0;
/// Marks on the axis of time, at most.
const MARKS: f64 = 8.0;

const STYLE: &str = "\
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { margin-bottom: 0; } .stamp { color: #8a1c1c; font-weight: 600; }
pre { background: #f4f5f7; padding: .8rem; overflow-x: auto; font-size: 12.5px; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; }
code { font-size: 12.5px; word-break: break-all; } svg { width: 100%; height: auto; font-size: 12px; }
.done { fill: #2f7d4f; } .failed-over { fill: #c08a1e; } .blocked { fill: #a92c2c; } .other { fill: #7d8590; }
.grid { stroke: #d5d9de; } @media print { body { margin: 0; } details { display: block; } }";

/// The whole page.
#[must_use]
pub fn page(dossier: &Dossier) -> String {
    let title = format!("{} in {}", dossier.runbook.name, dossier.scenario.name);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (STYLE) }
            }
            body {
                h1 { (dossier.runbook.title) }
                p { (dossier.scenario.title) br; span.stamp { (dossier.stamp) } }
                pre #summary { (dossier.summary.join("\n")) }
                (numbers(dossier))
                (steps(dossier))
                (findings(dossier))
                (deviations(dossier))
                (limits(dossier))
                (timeline(dossier))
                (provenance(dossier))
            }
        }
    };
    page.into_string()
}

fn numbers(dossier: &Dossier) -> Markup {
    let achieved = &dossier.achieved;
    let verdicts = ["completed", "late", "blocked", "deadlocked", "inconclusive"];
    html! {
        h2 { "Achieved against objective" }
        table #verdicts {
            tr { @for verdict in verdicts { th { (verdict) } } th { "runs" } }
            tr { @for verdict in verdicts { td { (dossier.runs(verdict)) } } td { (dossier.question.runs) } }
        }
        p {
            "Objective: "
            (achieved.objective_s.map_or_else(|| "none stated".to_owned(), clock))
            ". " (percent(achieved.share_within)) " of runs restore service within it, "
            (percent(achieved.share_late)) " later, " (percent(achieved.share_never)) " never or nobody can say. "
            "Required: " (percent(dossier.question.required)) ". Measured " (achieved.measured) "."
        }
        table #recovery {
            @for quantile in ["p5", "p50", "p95"] {
                tr { th { (quantile) } td { (or_never(dossier.validation["recovery_s"][quantile].as_f64())) } }
            }
        }
    }
}

fn steps(dossier: &Dossier) -> Markup {
    let record = &dossier.record;
    html! {
        h2 { "Steps of one run" }
        p { "Seed " (record.seed) ", " (record.stands_for) ". Runbook " (record.verdict)
            @if let Some(recovery) = record.achieved_recovery_s { ", users were back after " (clock(recovery)) }
            ". Times are UTC of the simulated world, from " (record.from) "." }
        (gantt(&record.steps))
        table {
            tr { th { "step" } th { "line" } th { "by" } th { "began" } th { "ended" } th { "verdict" } th { "why" } }
            @for step in &record.steps {
                tr {
                    td { (step.id) } td { (step.line) } td { (step.by.join(", ")) }
                    td { (time(step.started.as_ref())) } td { (time(step.ended.as_ref())) }
                    td { (step.verdict) } td { (step.why.as_deref().unwrap_or_default()) }
                }
            }
        }
    }
}

/// A bar for each step that began, with its cause beside it.
fn gantt(steps: &[Step]) -> Markup {
    let begun: Vec<(&Step, f64)> = steps.iter().filter_map(|step| Some((step, step.started_s?))).collect();
    let first = begun.iter().map(|(_, at)| *at).fold(f64::INFINITY, f64::min);
    let last = begun.iter().map(|(step, at)| step.ended_s.unwrap_or(*at)).fold(first, f64::max);
    let span = (last - first).max(1.0);
    let x = |at: f64| LEFT + (at - first) / span * (WIDTH - LEFT);
    let height = ROW * (begun.len() as f64 + 1.0);
    let mark = mark_s(span);
    let marks = (0..).map(|n| f64::from(n) * mark).take_while(|after| *after <= span);
    html! {
        @if !begun.is_empty() {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) role="img" {
                @for after in marks {
                    line.grid x1=(px(x(first + after))) x2=(px(x(first + after))) y1="0" y2=(px(height - ROW)) {}
                    text x=(px(x(first + after))) y=(px(height - 6.0)) { "+" (clock(after)) }
                }
                @for (n, (step, at)) in begun.iter().enumerate() {
                    (bar(step, n as f64 * ROW, x(*at), x(step.ended_s.unwrap_or(last))))
                }
            }
        }
    }
}

fn bar(step: &Step, y: f64, from: f64, until: f64) -> Markup {
    let class = match step.verdict.as_str() {
        verdict @ ("done" | "failed-over" | "blocked") => verdict,
        _ => "other",
    };
    let why = step.why.as_deref().unwrap_or("nothing failed");
    html! {
        g {
            title { (step.id) ": " (step.verdict) ": " (why) }
            text x="0" y=(px(y + 16.0)) { (step.id) }
            rect class=(class) x=(px(from)) y=(px(y + 4.0)) width=(px((until - from).max(2.0))) height="16" rx="2" {}
        }
    }
}

fn findings(dossier: &Dossier) -> Markup {
    let compared = dossier.compared.as_ref();
    let gone = compared.iter().flat_map(|compared| compared.closed.iter().chain(&compared.not_looked_for));
    let all: Vec<&Finding> = dossier.findings.iter().chain(gone).collect();
    html! {
        h2 { "Findings" }
        @if all.is_empty() { p { "None." } } @else {
            table {
                tr { th { "id" } th { "kind" } th { "status" } th { "what" } th { "owner" } th { "due" } }
                @for finding in all {
                    tr {
                        td { code { (finding.id) } } td { (finding.kind) } td { (finding.status) }
                        td { (finding.what) }
                        td { (finding.owner.as_deref().unwrap_or_default()) }
                        td { (finding.due.as_deref().unwrap_or_default()) }
                    }
                }
            }
        }
    }
}

fn deviations(dossier: &Dossier) -> Markup {
    html! {
        h2 { "Deviations and their causes" }
        @if dossier.deviations.is_empty() { p { "None: every step was done as written." } }
        @for deviation in &dossier.deviations {
            h3 { (deviation.step) ": " (deviation.verdict) }
            @if !deviation.causes.is_empty() { pre { (deviation.causes.join("\n")) } }
        }
    }
}

fn limits(dossier: &Dossier) -> Markup {
    let limits = &dossier.limits;
    let lists = [
        ("What this is not", &limits.statements),
        ("Not modelled", &limits.not_modelled),
        ("Assumed to be up", &limits.assumed_up),
        ("Needed, without a model, and not assumed", &limits.unmodelled),
    ];
    html! {
        h2 { "Limits" }
        @for (title, items) in lists {
            @if !items.is_empty() { h3 { (title) } ul { @for item in items { li { (item) } } } }
        }
        details {
            summary { "Durations that the result rests on (" (limits.durations.len()) ")" }
            table {
                tr { th { "task or way" } th { "shortest" } th { "likely" } th { "longest" } th { "rests on" } }
                @for duration in &limits.durations {
                    tr {
                        td { (duration.name) } td { (clock(duration.low_s)) } td { (clock(duration.likely_s)) }
                        td { (clock(duration.high_s)) } td { (duration.basis) }
                    }
                }
            }
        }
    }
}

fn timeline(dossier: &Dossier) -> Markup {
    html! {
        h2 { "Timeline" }
        table {
            @for moment in &dossier.record.timeline {
                tr { td { (time(Some(&moment.at))) } td { (moment.part) } td { (moment.text) } }
            }
        }
    }
}

fn provenance(dossier: &Dossier) -> Markup {
    let blanks = ["runbook owner", "approved by", "tested by", "tested on", "next due", "signed off by"];
    html! {
        h2 { "What was tested" }
        table {
            tr { th { "tool" } td { (dossier.tool.name) " " (dossier.tool.version) } }
            tr { th { "seeds" } td { (dossier.question.seeds) " (" (dossier.question.depth) ")" } }
            tr { th { "variant" } td { (dossier.question.variant.as_deref().unwrap_or("none")) } }
            tr { th { "log hash of the run shown" } td { code { (dossier.record.log_hash) } } }
            tr { th { "runbook " (dossier.runbook.name) } td { code { (dossier.runbook.sha256) } } }
            @for file in &dossier.scenario.files { tr { th { (file.name) } td { code { (file.sha256) } } } }
        }
        h2 { "To be filled in" }
        table { @for blank in blanks { tr { th { (blank) } td { "______________________________" } } } }
    }
}

/// A step of the axis that people count in.
fn mark_s(span: f64) -> f64 {
    let steps = [60.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0];
    steps.into_iter().find(|step| span / step <= MARKS).unwrap_or(86_400.0)
}

fn px(at: f64) -> String {
    format!("{at:.1}")
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// As on the terminal.
fn clock(seconds: f64) -> String {
    crate::validation::page::hours(seconds)
}

fn or_never(seconds: Option<f64>) -> String {
    crate::validation::page::or_never(seconds)
}

/// `15:39:00` of a moment in RFC 3339.
fn time(moment: Option<&String>) -> &str {
    moment.and_then(|moment| moment.get(11..19)).unwrap_or_default()
}
