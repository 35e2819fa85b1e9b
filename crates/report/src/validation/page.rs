//! A validation on a terminal: at most [`COLUMNS`] columns, a heading in capitals before each line.

use super::{
    BlockingStep, Compared, Conclusion, Coverage, Flip, Flips, Phase, Phases, Recovery, Validation, Verdicts,
};
use crate::mitigation::Mitigated;
use crate::utc::clock;
use crate::words::{clipped, counted, wrapped};

/// Columns of the page.
const COLUMNS: usize = 109;
/// Columns of a heading.
const BESIDE: usize = 12;
/// Assumptions that flip the verdict that are shown.
const FLIPS_MAX: usize = 2;
/// Steps at which runs blocked that are shown.
const BLOCKING_MAX: usize = 3;
/// Changes that save time that are shown.
const CHANGES_MAX: usize = 3;

impl Validation {
    /// The page; `next` is a command to suggest.
    #[must_use]
    pub fn page(&self, next: &str) -> String {
        let mut page = self.headline();
        page.extend(self.blocking_steps.iter().take(BLOCKING_MAX).flat_map(blocks_at));
        page.extend(self.fixes.iter().flat_map(fix_first));
        page.extend(self.hangs_on());
        page.extend(self.time());
        page.extend(self.phases.iter().flat_map(rests_on));
        page.extend(self.flips.iter().flat_map(flips_if));
        page.push("-".repeat(COLUMNS));
        page.extend(self.phases.iter().flat_map(median_run));
        page.extend(self.changes.iter().flat_map(if_changed));
        page.extend(self.hypotheses.iter().flat_map(unknown));
        page.extend(self.taken_for_granted());
        page.extend(covered(&self.coverage));
        page.extend(self.further());
        if !next.is_empty() {
            page.extend(under("NEXT", next));
        }
        page.join("\n") + "\n"
    }

    fn headline(&self) -> Vec<String> {
        let word = match self.verdicts.conclusion() {
            Conclusion::Executable if !self.single_points.is_empty() => "EXECUTABLE BUT FRAGILE",
            Conclusion::Executable => "EXECUTABLE",
            Conclusion::NotExecutable => "NOT EXECUTABLE",
            Conclusion::Inconclusive => "INCONCLUSIVE",
        };
        let v = &self.verdicts;
        let within = self.objective_s.map(|limit| format!(" within {}", hours(limit))).unwrap_or_default();
        let runs = counted(self.runs, "simulated run");
        let does = match v.completed > 0 && self.recovery_s.p5.is_none() {
            true => "carry it out to its end; that users are back is not seen".to_owned(),
            false => format!("restore service{within}"),
        };
        let claim = format!("{}: {word}. {} of {runs} {does}", self.runbook, v.completed);
        let counts = format!(
            "  {} completed, {} late, {} blocked, {} deadlocked, {} inconclusive",
            v.completed, v.late, v.blocked, v.deadlocked, v.inconclusive
        );
        let (low, high) = self.completed_interval;
        let error = format!(
            "  completed {:.0} % of runs (sampling error {:.0} to {:.0} %), {:.0} % required",
            share(v.completed, self.runs),
            low * 100.0,
            high * 100.0,
            self.required * 100.0
        );
        let seeds = format!("seeds {}   exit {}", self.seeds, u8::from(!self.held()));
        let mut lines = wrapped(&claim, COLUMNS);
        lines.push(to_the_right(&counts, &seeds));
        lines.push(error);
        lines
    }

    /// Elements that must not be lost, by kind, and what that was tried on.
    fn hangs_on(&self) -> Vec<String> {
        let Some(tried) = &self.single_points_tried else { return Vec::new() };
        let untried = match tried.untried {
            0 => String::new(),
            more => format!(", {more} more not"),
        };
        let elements = format!("{} elements tried on {}{untried}", tried.elements, seeds(&tried.screened));
        if self.single_points.is_empty() {
            return under("HANGS ON", &format!("no single element, lost alone from the start ({elements})"));
        }
        let mut kinds: Vec<&str> = self.single_points.iter().map(|point| point.kind).collect();
        kinds.dedup();
        let of = |kind: &&str| {
            let named = self.single_points.iter().filter(|point| point.kind == *kind);
            let named: Vec<&str> = named.map(|point| point.name.as_str()).collect();
            let plural = if named.len() == 1 { "" } else { "s" };
            format!("{kind}{plural} {}", named.join(", "))
        };
        let listed: Vec<String> = kinds.iter().map(of).collect();
        let confirmed = seeds(&tried.confirmed);
        let text = format!(
            "each alone, lost from the start, stops every run tried: {} (on {confirmed}; {elements})",
            listed.join("; ")
        );
        under("HANGS ON", &text)
    }

    fn time(&self) -> Vec<String> {
        let Recovery { sampling, measured, .. } = &self.recovery_s;
        let one = |name: &str, value: Option<f64>| format!("{name} {}", or_never(value));
        let of = &self.recovery_s;
        let quantiles = [one("p5", of.p5), one("p50", of.p50), one("p95", of.p95)].join(", ");
        let objective = match self.objective_s {
            Some(limit) => format!("objective {}", hours(limit)),
            None => "no objective stated".to_owned(),
        };
        let (low, high) = (sampling.p50.low, sampling.p50.high);
        let bound = |bound: Option<f64>| bound.map_or_else(|| "open".to_owned(), hours);
        let error = format!("sampling error of p50: {} to {}", bound(low), bound(high));
        let mut lines =
            under("TIME", &format!("{quantiles} (a blocked run counts as never), {objective}; {error}"));
        lines.extend(under("", measured));
        lines
    }

    /// How much was asked beyond one run for each seed.
    fn further(&self) -> Vec<String> {
        match self.further_runs() {
            0 => Vec::new(),
            further => under(
                "RUNS",
                &format!("{} for the seeds, {further} for what rests on fewer seeds", self.runs),
            ),
        }
    }

    fn taken_for_granted(&self) -> Vec<String> {
        let or_none = |names: &[String]| match names.is_empty() {
            true => "nothing".to_owned(),
            false => names.join(", "),
        };
        let mut lines = under("ASSUMED UP", &or_none(&self.assumed_up));
        if !self.unmodelled.is_empty() {
            lines.extend(under("UNMODELLED", &self.unmodelled.join(", ")));
        }
        let count = counted(self.not_modelled.len(), "item");
        lines.extend(under("NOT MODELLED", &format!("{count}: scenario.toml, `not-modelled`")));
        lines
    }
}

fn blocks_at(step: &BlockingStep) -> Vec<String> {
    let runs = counted(step.runs, "run");
    under("BLOCKS AT", &format!("{} (line {}), {runs}: {}", step.id, step.line, step.chain))
}

fn rests_on(phases: &Phases) -> Vec<String> {
    let Phases { recovery_s, assumed_s, held_s, rest_s, .. } = phases;
    let text = format!(
        "{} of {} is people.toml assumptions, {} holds that the runbook orders, {} protocols and waiting",
        hours(*assumed_s),
        hours(*recovery_s),
        hours(*held_s),
        hours(*rest_s)
    );
    under("RESTS ON", &text)
}

/// The nearest assumptions that would change the verdict.
fn flips_if(flips: &Flips) -> Vec<String> {
    let Flips { assumptions, tried, factor_max, found, further, .. } = flips;
    let on = format!(
        "{tried} of {} tried up to x{factor_max} on {}",
        counted(*assumptions, "assumption"),
        seeds(&flips.seeds)
    );
    let one = |flip: &Flip| {
        let range = if flip.in_range { "within its range" } else { "beyond its range" };
        let (from, assumed, high) = (hours(flip.from_s), hours(flip.assumed_s), hours(flip.high_s));
        format!(
            "{} takes > {from} (assumed {assumed}, at most {high}: {range}): most runs {}",
            flip.name, flip.verdict
        )
    };
    let mut texts: Vec<String> = found.iter().take(FLIPS_MAX).map(one).collect();
    texts.extend(match further.len() + found.len().saturating_sub(FLIPS_MAX) {
        0 => None,
        more => Some(format!("{more} more at up to x{factor_max}")),
    });
    if texts.is_empty() {
        texts.push("no single assumption is that much longer".to_owned());
    }
    if !found.iter().any(|flip| flip.in_range) && further.is_empty() {
        texts.push("none within its range".to_owned());
    }
    under("FLIPS IF", &format!("{} ({on})", texts.join("; ")))
}

/// The change that unblocks most runs.
fn fix_first(fixes: &Compared) -> Vec<String> {
    let (all, on) = (fixes.verdicts.stopped(), seeds(&fixes.seeds));
    let Some(best) = fixes.rows.first().filter(|row| row.blocked_removed > 0) else {
        let tried = counted(fixes.rows.len(), "change");
        return under(
            "FIX FIRST",
            &format!("none of {tried} tried unblocks a run (on {on}); `mitigate` tries all"),
        );
    };
    let still = best.verdicts.stopped();
    under("FIX FIRST", &format!("{}: {still} of {all} stopped runs still stop (on {on})", best.name))
}

/// The changes that save most time.
fn if_changed(changes: &Compared) -> Vec<String> {
    let one = |row: &Mitigated| match row.gain_s {
        None => format!("{}: no run recovers both with and without it", row.name),
        Some(gain) if gain < 0.0 => format!("{} +{}", row.name, hours(-gain)),
        Some(gain) => format!("{} -{}", row.name, hours(gain)),
    };
    let shown: Vec<String> =
        changes.rows.iter().filter(|row| row.gain_s.is_some()).take(CHANGES_MAX).map(one).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let on = seeds(&changes.seeds);
    under(
        "IF CHANGED",
        &format!(
            "same seeds, median of recovery times: {} (on {on}; `mitigate` tries all)",
            shown.join("; ")
        ),
    )
}

/// Whether other guesses would end otherwise.
fn unknown(hypotheses: &Compared) -> Vec<String> {
    let base = &hypotheses.verdicts;
    let others: Vec<String> = hypotheses
        .rows
        .iter()
        .filter(|row| row.verdicts != *base)
        .map(|row| format!("with {} {}", row.name, in_words(&row.verdicts)))
        .collect();
    let names: Vec<&str> = hypotheses.rows.iter().map(|row| row.name.as_str()).collect();
    let said = match others.is_empty() {
        true => format!("same verdict with {}", names.join(", ")),
        false => format!("{} as it is, but {}", in_words(base), others.join(", ")),
    };
    let count = match names.len() {
        1 => "1 other hypothesis".to_owned(),
        many => format!("{many} other hypotheses"),
    };
    under("UNKNOWN", &format!("{count}: {said} (on {})", seeds(&hypotheses.seeds)))
}

fn in_words(verdicts: &Verdicts) -> String {
    let all = [
        (verdicts.completed, "completed"),
        (verdicts.late, "late"),
        (verdicts.blocked, "blocked"),
        (verdicts.deadlocked, "deadlocked"),
        (verdicts.inconclusive, "inconclusive"),
    ];
    let some = all.into_iter().filter(|(runs, _)| *runs > 0);
    some.map(|(runs, word)| format!("{runs} {word}")).collect::<Vec<_>>().join(", ")
}

/// Seeds in words.
fn seeds(seeds: &[u64]) -> String {
    let words: Vec<String> = seeds.iter().map(u64::to_string).collect();
    match words.len() {
        0..6 => format!("seed {}", words.join(", ")),
        many => format!("{many} seeds"),
    }
}

/// One real run: where it began, each phase with its length, where it ended.
fn median_run(phases: &Phases) -> Vec<String> {
    let (Some(first), Some(last)) = (phases.rows.first(), phases.rows.last()) else { return Vec::new() };
    let begin = format!("{} first failure", &clock(first.from)[..5]);
    let step = |phase: &Phase| format!("{} {}", phase.name, hours(phase.took_s));
    let end = format!("> {} back", &clock(last.to)[..5]);
    let parts = std::iter::once(begin).chain(phases.rows.iter().map(step)).chain([end]);
    let lines = packed(parts, COLUMNS - BESIDE);
    let headings = ["median run".to_owned(), format!("(seed {})", phases.seed)];
    let headings = headings.into_iter().chain(std::iter::repeat(String::new()));
    lines.iter().zip(headings).map(|(line, heading)| format!("{heading:<BESIDE$}{line}")).collect()
}

/// As many parts on each line as fit, none broken.
fn packed(parts: impl Iterator<Item = String>, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut().filter(|line| line.chars().count() + 3 + part.chars().count() <= columns) {
            Some(line) => *line += &format!("   {part}"),
            None => lines.push(part),
        }
    }
    lines
}

fn covered(coverage: &Coverage) -> Vec<String> {
    let Coverage { steps, executed, branches, branches_taken } = coverage;
    let never = branches - branches_taken;
    let text = format!(
        "{executed} of {steps} steps executed, {never} of {branches} `else` branches never taken: validity not tested"
    );
    under("COVERED", &text)
}

/// A heading with its text beside it.
pub(crate) fn under(heading: &str, text: &str) -> Vec<String> {
    let width = BESIDE.max(heading.len() + 1);
    let texts = wrapped(text, COLUMNS - width);
    let shown = texts.iter().enumerate().map(|(index, text)| match index {
        0 => format!("{heading:<width$}{text}"),
        _ => format!("{:width$}{text}", ""),
    });
    shown.map(|line| clipped(&line, COLUMNS)).collect()
}

fn to_the_right(left: &str, right: &str) -> String {
    let room = COLUMNS.saturating_sub(left.len());
    format!("{left}{right:>room$}")
}

fn share(count: usize, total: usize) -> f64 {
    100.0 * count as f64 / total.max(1) as f64
}

pub(crate) fn or_never(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), hours)
}

/// `7h06`, `0h35`; below two minutes `54s`.
pub(crate) fn hours(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..120 => format!("{whole}s"),
        _ => format!("{}h{:02}", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Flip, Quantile, SinglePoint, Tried, Verdicts};
    use super::*;
    use serde_json::Value;

    fn ended(completed: usize) -> Verdicts {
        Verdicts { completed, ..Verdicts::default() }
    }

    fn blocked(blocked: usize) -> Verdicts {
        Verdicts { blocked, ..Verdicts::default() }
    }

    fn compared(seeds: Vec<u64>, verdicts: Verdicts, rows: Vec<Mitigated>) -> Compared {
        Compared { seeds, verdicts, rows }
    }

    fn mitigated(name: &str, verdicts: Verdicts, blocked_removed: i64, gain_s: Option<f64>) -> Mitigated {
        let never = Quantile { value: None, low: None, high: None };
        let recovery_s = Recovery::new(never, never, never);
        Mitigated { kind: "variant", name: name.into(), verdicts, recovery_s, blocked_removed, gain_s }
    }

    /// Every line of the page has content; the figures are made up.
    fn validation() -> Validation {
        let at = |clock: &str| format!("2021-10-04T{clock}:00Z").parse().unwrap();
        let phase =
            |name: &str, from, to, took_s| Phase { name: name.into(), from: at(from), to: at(to), took_s };
        let quantile = |value, low, high| Quantile { value, low, high };
        Validation {
            scenario: "night".into(),
            variant: None,
            runbook: "reset".into(),
            seeds: "1..20".into(),
            runs: 20,
            wall_s: 1.5,
            required: 0.95,
            verdicts: Verdicts { completed: 18, late: 1, blocked: 1, ..Verdicts::default() },
            completed_interval: (0.699, 0.972),
            objective_s: Some(28_800.0),
            recovery_s: Recovery::new(
                quantile(Some(24_000.0), None, Some(24_300.0)),
                quantile(Some(25_560.0), Some(24_600.0), Some(26_400.0)),
                quantile(None, Some(28_000.0), None),
            ),
            phases: Some(Phases {
                seed: 17,
                recovery_s: 25_560.0,
                rows: vec![
                    phase("before enter", "15:39", "15:40", 60.0),
                    phase("enter", "15:40", "22:45", 25_500.0),
                ],
                assumed_s: 18_000.0,
                held_s: 6_000.0,
                rest_s: 1_560.0,
            }),
            blocking_steps: vec![BlockingStep {
                id: "enter".into(),
                line: 32,
                runs: 1,
                seed: 3,
                chain: "badge denied < access server < backbone".into(),
            }],
            single_points: vec![
                SinglePoint {
                    kind: "person",
                    name: "Gil".into(),
                    step: "travel".into(),
                    chain: "nobody who can be reached has `break-glass`".into(),
                    runs: 10,
                },
                SinglePoint {
                    kind: "item",
                    name: "printed-list".into(),
                    step: "declare".into(),
                    chain: "none of Ines holds `printed-list`".into(),
                    runs: 10,
                },
            ],
            single_points_tried: Some(Tried {
                elements: 60,
                untried: 0,
                screened: vec![4, 17],
                confirmed: (1..=10).collect(),
                runs: 40,
            }),
            flips: Some(Flips {
                assumptions: 20,
                tried: 8,
                factor_max: 4.0,
                seeds: vec![5, 9, 17],
                found: vec![Flip {
                    name: "judge-load".into(),
                    assumed_s: 840.0,
                    high_s: 1_500.0,
                    from_s: 1_620.0,
                    in_range: false,
                    verdict: "late",
                }],
                further: vec!["open-safe".into()],
                runs: 14,
            }),
            fixes: Some(compared(
                vec![3],
                blocked(1),
                vec![mitigated("second `cage-key` with the guard", ended(1), 1, None)],
            )),
            changes: Some(compared(
                vec![5, 9, 17],
                ended(3),
                vec![
                    mitigated("standing authority", ended(3), 0, Some(2100.0)),
                    mitigated("a longer way", ended(3), 0, Some(-600.0)),
                ],
            )),
            hypotheses: Some(compared(
                vec![5, 9, 17],
                ended(3),
                vec![
                    mitigated("variant a", ended(3), 0, Some(0.0)),
                    mitigated("variant b", blocked(3), -3, None),
                ],
            )),
            coverage: Coverage { steps: 8, executed: 8, branches: 9, branches_taken: 4 },
            assumed_up: vec!["roads".into()],
            unmodelled: Vec::new(),
            not_modelled: vec!["load".into()],
        }
    }

    #[test]
    fn a_whole_page() {
        let page = validation().page("blackstart explain night --seed 3 --step enter");
        assert!(page.lines().all(|line| line.chars().count() <= COLUMNS), "{page}");
        insta::assert_snapshot!(page);
    }

    /// Both are made from one value; this is what a reader of both would compare.
    #[test]
    fn page_and_json_show_the_same_numbers() {
        let validation = validation();
        let page = validation.page("");
        let json = serde_json::to_value(&validation).unwrap();
        for verdict in ["completed", "late", "blocked", "deadlocked", "inconclusive"] {
            let runs = &json["verdicts"][verdict];
            assert!(page.contains(&format!("{runs} {verdict}")), "{runs} {verdict}");
        }
        for quantile in ["p5", "p50", "p95"] {
            let shown = or_never(json["recovery_s"][quantile].as_f64());
            assert!(page.contains(&format!("{quantile} {shown}")), "{quantile} {shown}");
        }
        let rows = json["phases"]["rows"].as_array().unwrap();
        for row in rows {
            let (name, took) = (row["name"].as_str().unwrap(), hours(row["took_s"].as_f64().unwrap()));
            assert!(page.contains(&format!("{name} {took}")), "{name} {took}");
        }
        let sum: f64 = rows.iter().filter_map(|row| row["took_s"].as_f64()).sum();
        assert_eq!(Some(sum), json["phases"]["recovery_s"].as_f64());
        assert_eq!(json["blocking_steps"][0]["runs"], Value::from(1));
    }

    #[test]
    fn what_was_not_looked_for_is_left_out() {
        let quick = Validation {
            single_points: Vec::new(),
            single_points_tried: None,
            flips: None,
            fixes: None,
            changes: None,
            hypotheses: None,
            phases: None,
            blocking_steps: Vec::new(),
            ..validation()
        };
        let page = quick.page("");
        for heading in [
            "HANGS ON",
            "FLIPS IF",
            "RESTS ON",
            "median run",
            "BLOCKS AT",
            "FRAGILE",
            "NEXT",
            "RUNS",
            "UNKNOWN",
        ] {
            assert!(!page.contains(heading), "{heading}\n{page}");
        }
    }
}
