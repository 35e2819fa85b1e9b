//! The dossier as one page that needs nothing else: no scripts, no fonts, no pictures from elsewhere.

use super::{Dossier, Finding, Step};
use crate::words::clipped;
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

/// Columns of the drawing, in its own units; marks at its right edge need room.
const WIDTH: f64 = 1000.0;
const RIGHT: f64 = 970.0;
/// Where bars begin.
const LEFT: f64 = 240.0;
/// Height of a row, and of the line below it that says why.
const ROW: f64 = 24.0;
const WHY: f64 = 16.0;
/// Letters of a cause that fit below a row.
const WHY_LETTERS: usize = 150;
/// Marks on the axis of time, at most.
const MARKS: f64 = 8.0;

const STYLE: &str = "\
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 2px solid #d5d9de; }
.stamp { color: #8a1c1c; font-weight: 600; } nav a { margin-right: 1rem; }
pre { background: #f4f5f7; padding: .8rem; overflow-x: auto; font-size: 12.5px; line-height: 1.35; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .25rem .8rem .25rem 0; vertical-align: top; }
tr { border-bottom: 1px solid #e6e8eb; } .time { white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font-size: 12.5px; word-break: break-all; } svg { width: 100%; height: auto; font-size: 12px; margin: .6rem 0; }
.done { fill: #2f7d4f; } .failed-over { fill: #c08a1e; } .blocked { fill: #a92c2c; } .other { fill: #7d8590; }
td.done { color: #2f7d4f; } td.failed-over { color: #8a6210; } td.blocked { color: #a92c2c; font-weight: 600; }
.why { fill: #5a626c; font-size: 11px; } .grid { stroke: #d5d9de; }
@media print { body { margin: 0; } nav { display: none; } pre { white-space: pre-wrap; } tr, svg { break-inside: avoid; } }";

/// Sections of the page: what a link leads to, and what it is called.
const SECTIONS: [(&str, &str); 8] = [
    ("achieved", "Achieved against objective"),
    ("steps", "Steps of one run"),
    ("findings", "Findings"),
    ("changes", "Changes tried"),
    ("deviations", "Deviations and their causes"),
    ("limits", "Limits"),
    ("timeline", "Timeline"),
    ("tested", "What was tested"),
];

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
                nav { @for (id, title) in SECTIONS { a href=(format!("#{id}")) { (title) } " " } }
                (numbers(dossier))
                (steps(dossier))
                (findings(dossier))
                (changes(dossier))
                (deviations(dossier))
                (limits(dossier))
                (timeline(dossier))
                (provenance(dossier))
            }
        }
    };
    page.into_string()
}

fn heading(section: &str) -> Markup {
    let title = SECTIONS.iter().find(|(id, _)| *id == section).map_or(section, |(_, title)| *title);
    html! { h2 id=(section) { (title) } }
}

fn numbers(dossier: &Dossier) -> Markup {
    let achieved = &dossier.achieved;
    let verdicts = ["completed", "late", "blocked", "deadlocked", "inconclusive"];
    html! {
        (heading("achieved"))
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
        (heading("steps"))
        p { "Seed " (record.seed) ": " (record.stands_for) ". Runbook " (record.verdict)
            @if let Some(recovery) = record.achieved_recovery_s { ", users were back after " (clock(recovery)) }
            ". Times are UTC of the simulated world, from " (record.from) "." }
        (gantt(&record.steps))
        table {
            tr { th { "step" } th { "line" } th { "by" } th { "began" } th { "ended" } th { "verdict" } th { "why" } }
            @for step in &record.steps {
                tr {
                    td { (step.id) } td { (step.line) } td { (step.by.join(", ")) }
                    td.time { (time(step.started.as_ref())) } td.time { (time(step.ended.as_ref())) }
                    td class=(class(step)) { (step.verdict) } td { (step.why.as_deref().unwrap_or_default()) }
                }
            }
        }
    }
}

/// A bar for each step that began; below one that was not plainly done, why.
fn gantt(steps: &[Step]) -> Markup {
    let begun: Vec<(&Step, f64)> = steps.iter().filter_map(|step| Some((step, step.started_s?))).collect();
    let first = begun.iter().map(|(_, at)| *at).fold(f64::INFINITY, f64::min);
    let last = begun.iter().map(|(step, at)| step.ended_s.unwrap_or(*at)).fold(first, f64::max);
    let span = (last - first).max(1.0);
    let x = |at: f64| LEFT + (at - first) / span * (RIGHT - LEFT);
    let rows: Vec<f64> = begun.iter().map(|(step, _)| ROW + step.why.as_ref().map_or(0.0, |_| WHY)).collect();
    let below = rows.iter().sum::<f64>();
    let height = below + ROW;
    let mark = mark_s(span);
    let marks = (0..).map(|n| f64::from(n) * mark).take_while(|after| *after <= span);
    let tops = rows.iter().scan(0.0, |next, row| Some(std::mem::replace(next, *next + row)));
    html! {
        @if !begun.is_empty() {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) role="img" {
                @for after in marks {
                    line.grid x1=(px(x(first + after))) x2=(px(x(first + after))) y1="0" y2=(px(below)) {}
                    text x=(px(x(first + after))) y=(px(height - 6.0)) text-anchor="middle" { "+" (clock(after)) }
                }
                @for ((step, at), top) in begun.iter().zip(tops) {
                    (bar(step, top, x(*at), x(step.ended_s.unwrap_or(last))))
                }
            }
        }
    }
}

fn bar(step: &Step, y: f64, from: f64, until: f64) -> Markup {
    let why = step.why.as_deref().unwrap_or("nothing failed");
    html! {
        g {
            title { (step.id) ": " (step.verdict) ": " (why) }
            text x="0" y=(px(y + 16.0)) { (step.id) }
            rect class=(class(step)) x=(px(from)) y=(px(y + 4.0)) width=(px((until - from).max(2.0))) height="16" rx="2" {}
            @if let Some(why) = &step.why {
                text.why x="12" y=(px(y + ROW + 8.0)) { (step.verdict) ": " (clipped(why, WHY_LETTERS)) }
            }
        }
    }
}

/// How a step is coloured.
fn class(step: &Step) -> &str {
    match step.verdict.as_str() {
        verdict @ ("done" | "failed-over" | "blocked") => verdict,
        _ => "other",
    }
}

/// What other runs of the same seeds say of changes: those that unblock, those that save time, other guesses.
fn changes(dossier: &Dossier) -> Markup {
    let kinds = [
        ("fixes", "On the first runs that stop"),
        ("changes", "On the median run and those at the quartiles"),
        ("hypotheses", "Other guesses at what nobody knows"),
    ];
    let tried = kinds.map(|(kind, title)| (title, &dossier.validation[kind]));
    let tried: Vec<(&str, &Value)> = tried.into_iter().filter(|(_, compared)| compared.is_object()).collect();
    html! {
        (heading("changes"))
        @if tried.is_empty() { p { "None." } }
        @for (title, compared) in tried {
            h3 { (title) ", seeds " (seeds(compared)) }
            table {
                tr { th { "change" } th { "completed" } th { "blocked" } th { "p50" } th { "sooner by" } }
                @for row in compared["rows"].as_array().into_iter().flatten() { (change(row)) }
            }
        }
    }
}

fn change(row: &Value) -> Markup {
    let runs = |verdict: &str| row["verdicts"][verdict].as_u64().unwrap_or_default();
    let sooner = row["gain_s"].as_f64().map_or_else(String::new, |gain| match gain < 0.0 {
        true => format!("-{}", clock(-gain)),
        false => clock(gain),
    });
    html! {
        tr {
            td { (row["name"].as_str().unwrap_or_default()) }
            td { (runs("completed")) } td { (runs("blocked") + runs("deadlocked")) }
            td { (or_never(row["recovery_s"]["p50"].as_f64())) } td { (sooner) }
        }
    }
}

fn seeds(compared: &Value) -> String {
    let seeds = compared["seeds"].as_array().into_iter().flatten();
    seeds.map(Value::to_string).collect::<Vec<_>>().join(", ")
}

fn findings(dossier: &Dossier) -> Markup {
    let compared = dossier.compared.as_ref();
    let gone = compared.iter().flat_map(|compared| compared.closed.iter().chain(&compared.not_looked_for));
    let all: Vec<&Finding> = dossier.findings.iter().chain(gone).collect();
    html! {
        (heading("findings"))
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
        (heading("deviations"))
        @if dossier.deviations.is_empty() { p { "None: every step was done as written." } }
        @for deviation in &dossier.deviations {
            h3 { (deviation.step) ": " (deviation.verdict) }
            @match deviation.verdict.as_str() {
                "unchecked" => p { "Prose only: there was nothing to judge." },
                "not-reached" => p { "The run never came to it." },
                "skipped" => p { "The runbook went past it." },
                _ => pre { (deviation.causes.join("\n")) },
            }
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
        (heading("limits"))
        @for (title, items) in lists {
            @if !items.is_empty() { h3 { (title) } ul { @for item in items { li { (item) } } } }
        }
        details open {
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
        (heading("timeline"))
        p { "The same run; UTC of the simulated world." }
        table {
            thead { tr { th { "time" } th { "part" } th { "what" } } }
            @for moment in &dossier.record.timeline {
                tr { td.time { (time(Some(&moment.at))) } td { (moment.part) } td { (moment.text) } }
            }
        }
    }
}

fn provenance(dossier: &Dossier) -> Markup {
    let blanks = ["runbook owner", "approved by", "tested by", "tested on", "next due", "signed off by"];
    html! {
        (heading("tested"))
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
