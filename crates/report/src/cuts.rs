//! Which smallest sets of losses stop a runbook, as plain data and on a terminal. Its JSON is that of `cuts --format json`.

use crate::validation::page::under;
use crate::words::{counted, list, wrapped};
use serde::Serialize;

/// Columns of a page.
const COLUMNS: usize = 109;

/// Every minimal set of losses, up to a size, that stops a runbook on all seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Cuts {
    /// Name of the scenario's folder.
    pub scenario: String,
    /// The variant, if any.
    pub variant: Option<String>,
    /// Name of the runbook.
    pub runbook: String,
    /// Seeds, `1..3`, both included: a cut stops the runs of all.
    pub seeds: String,
    /// The most elements of a cut that was looked for.
    pub max: usize,
    /// What was lost in turn.
    pub elements: Vec<Lost>,
    /// Changes that were tried against each cut.
    pub changes: usize,
    /// Runs that it took.
    pub runs: usize,
    /// Wall time in seconds, as measured by whoever ran it.
    pub wall_s: f64,
    /// Whether every set up to the size has been decided and every change been tried.
    pub exhausted: bool,
    /// The cuts, smaller ones first.
    pub cuts: Vec<Cut>,
    /// Minimal sets without which there is nothing to recover from: no set that contains one was looked at.
    pub no_outage: Vec<Vec<Lost>>,
}

/// Something that is lost from the start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lost {
    /// `person`, `item`, `account`, `console`, `bridge`, `machine`, `link`.
    pub kind: &'static str,
    /// Its name in the scenario.
    pub name: String,
}

/// A minimal set of losses that stops the runbook.
#[derive(Clone, Debug, Serialize)]
pub struct Cut {
    /// What is lost; without any one of them some run gets through.
    pub faults: Vec<Lost>,
    /// The step at which the first seed's run stops.
    pub step: String,
    /// Why, down to causes.
    pub chain: String,
    /// Changes any one of which gets every seed's run through all the same.
    pub repairs: Vec<String>,
}

impl Cuts {
    /// The page: single losses together by what would repair them, then each larger set.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = vec![self.headline()];
        page.extend(wrapped(&self.extent(), COLUMNS - 2).into_iter().map(|line| format!("  {line}")));
        for size in 1..=self.max {
            let cuts: Vec<&Cut> = self.cuts.iter().filter(|cut| cut.faults.len() == size).collect();
            page.push(match size {
                1 => format!("ALONE       {}", counted(cuts.len(), "element")),
                _ => format!("{size} TOGETHER  {}", counted(cuts.len(), "set")),
            });
            page.extend(cuts.iter().flat_map(|cut| cut.lines()));
            let beyond = cuts.iter().filter(|cut| cut.repairs.is_empty()).count();
            if beyond > 0 {
                page.extend(under(
                    "",
                    &format!("no single change of those tried repairs the other {beyond}"),
                ));
            }
        }
        for cut in self.cuts.iter().filter(|cut| cut.faults.is_empty()) {
            page.extend(under("NOTHING LOST", &format!("stops at {}: {}", cut.step, cut.chain)));
        }
        if !self.no_outage.is_empty() {
            let sets: Vec<String> = self.no_outage.iter().map(|set| names(set)).collect();
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            page.extend(under("NO OUTAGE", &format!("without {}: not looked at further", list(&sets, 300))));
        }
        page.join("\n") + "\n"
    }

    fn headline(&self) -> String {
        let found = match (self.cuts.len(), self.exhausted) {
            (0, true) => format!("NO CUT of up to {}", self.max),
            (0, false) => format!("NO CUT of up to {} found, but not all were tried", self.max),
            (n, true) => format!("{} of up to {}", counted(n, "MINIMAL CUT"), self.max),
            (n, false) => {
                format!("{} of up to {}, and not all were tried", counted(n, "MINIMAL CUT"), self.max)
            }
        };
        format!("{}: {found}", self.runbook)
    }

    fn extent(&self) -> String {
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        for element in &self.elements {
            match kinds.iter_mut().find(|(kind, _)| *kind == element.kind) {
                Some((_, n)) => *n += 1,
                None => kinds.push((element.kind, 1)),
            }
        }
        let kinds: Vec<String> = kinds.iter().map(|(kind, n)| counted(*n, kind)).collect();
        let shown = format!(
            "from {} ({}), each lost from the start, on seeds {}",
            counted(self.elements.len(), "element"),
            kinds.join(", "),
            self.seeds
        );
        format!(
            "{shown}; shown by {}, with {} tried as repairs",
            counted(self.runs, "run"),
            counted(self.changes, "change")
        )
    }
}

impl Cut {
    fn lines(&self) -> Vec<String> {
        let repairs: Vec<&str> = self.repairs.iter().map(String::as_str).collect();
        let repairs = match repairs.as_slice() {
            [] => String::new(),
            some => format!("; repaired by {}", list(some, 200)),
        };
        let text = format!("{}: stops at {}: {}{repairs}", names(&self.faults), self.step, self.chain);
        under("  -", &text)
    }
}

fn names(set: &[Lost]) -> String {
    let names: Vec<String> = set.iter().map(|lost| format!("{} {}", lost.kind, lost.name)).collect();
    names.join(" + ")
}
