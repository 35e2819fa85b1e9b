//! What a runbook of this scenario needs, and whether the broken world can ever give it.
//!
//! Builds the graph of [`blackstart_runbook::needs`] from the files, without running anything: what faults and automation take
//! down, what services, names, doors and people need of each other, and what a step brings back. Time is left out: what can be
//! had at some moment counts as had, and a fault that ends within the longest run counts as mended.
//!
//! - [`Needs`]: what came of it. Start here.
//! - `ground`: machines, links and services of the broken world
//! - `wires`: which machine is next to which, and the shortest way between two
//! - `names`: names, sites on the web, and signals that depend on them
//! - `pages`: pages on people's machines, and the sign-in that some ask for
//! - `crew`: people and what they hold
//! - `doors`: badges, keys, and somebody who comes out
//! - `prompts`: ways to a router's command line
//! - `sessions`: sessions from before that end before they are of use
//! - `steps`: what each step needs by its action

mod crew;
mod doors;
mod ground;
mod names;
mod pages;
mod prompts;
mod sessions;
mod steps;
mod wires;

use crate::index::Index;
use crate::learn::Contact;
use crate::model::Scenario;
use blackstart_runbook::needs::{Graph, Id, Judgement, Met};
use blackstart_runbook::step::{Name, Otherwise, Runbook, Step};
use blackstart_source::{Diagnostic, Diagnostics};
use steps::Steps;

/// Whether a runbook's needs can be met, judged before any run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Every step that matters can be done at some time.
    Met,
    /// That rests on these needs, which have no model and are not under `assumes-up`.
    Inconclusive(Vec<String>),
    /// A step can never be done, and without it nothing comes back.
    Deadlocked {
        /// Its id.
        step: String,
        /// Why, alternative by alternative: what is needed stands behind `<`, alternatives are indented.
        why: Vec<String>,
    },
}

impl Needs {
    /// The word used in reports.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Inconclusive(_) => "inconclusive",
            Self::Deadlocked { .. } => "deadlocked",
        }
    }

    /// What is to be said about it, in the runbook's file.
    #[must_use]
    pub fn complaint(&self, runbook: &Runbook) -> Option<Diagnostic> {
        match self {
            Self::Met => None,
            Self::Inconclusive(words) => {
                let message = format!("no model says whether these are there: {}", words.join(", "));
                let first = runbook.steps.first()?;
                let help = "the verdict will be inconclusive; add them to `assumes-up`, if they can be taken for granted";
                Some(Diagnostic::new(&runbook.file, first.span.clone(), message).helped(help))
            }
            Self::Deadlocked { step, why } => {
                let at = runbook.steps.iter().find(|s| s.id == *step)?;
                let message = format!("`{step}` can never be done: deadlocked");
                let why: Vec<&str> = why.iter().map(|line| line.trim()).collect();
                Some(Diagnostic::new(&runbook.file, at.span.clone(), message).helped(why.join("; ")))
            }
        }
    }
}

impl Scenario {
    /// Copies of this runbook that the outage hides.
    #[must_use]
    pub fn hidden_copies(&self, runbook: &Runbook) -> Diagnostics {
        let index = Index::new(&self.folder, &mut Diagnostics::new());
        hidden_copies(&mut Steps::new(self, &index, runbook), runbook)
    }

    /// Sessions from before that end before this runbook has a use for them, where that can be known without a run.
    #[must_use]
    pub fn ended_sessions(&self, runbook: &Runbook) -> Diagnostics {
        let index = Index::new(&self.folder, &mut Diagnostics::new());
        Steps::new(self, &index, runbook).ended_sessions()
    }

    /// Whether what this runbook needs can ever be had in the broken world.
    #[must_use]
    pub fn needs(&self, runbook: &Runbook) -> Needs {
        self.needs_as_learned(runbook, &[])
    }

    /// The same, where services need what they were seen to ask for, too.
    #[must_use]
    pub fn needs_as_learned(&self, runbook: &Runbook, contacts: &[Contact]) -> Needs {
        // Complaints about double names were made when the scenario was loaded.
        let index = Index::new(&self.folder, &mut Diagnostics::new());
        let mut steps = Steps::new(self, &index, runbook);
        steps.ground.learn(contacts);
        let done = steps.all();
        let (Some(&last), goal) = (done.last(), steps.goal(&done)) else { return Needs::Met };
        let graph = steps.graph();
        match graph.judge(goal) {
            Judgement::Reached => Needs::Met,
            Judgement::Inconclusive(needed) => {
                Needs::Inconclusive(needed.iter().map(|&id| graph.name(id).to_owned()).collect())
            }
            Judgement::Deadlocked(_) => deadlock(graph, runbook, &done, last, goal),
        }
    }
}

/// Copies of the runbook that nobody can read when the outage begins, before any step has changed something.
fn hidden_copies(steps: &mut Steps<'_>, runbook: &Runbook) -> Diagnostics {
    let copies: Vec<Id> = runbook.copies.iter().map(|copy| steps.copy(&copy.text)).collect();
    let graph = steps.graph();
    // Steps are not explained yet: nodes without a model, and not there.
    let mut assumed = graph.unmodelled();
    assumed.retain(|id| graph.step_of(*id).is_none());
    let at_hand = graph.reached(&assumed);
    let hidden = runbook.copies.iter().zip(&copies).filter(|(_, id)| !at_hand.contains(id));
    let warning = |(copy, _): (&Name, &Id)| {
        let message = format!("the copy `{}` is out of reach when it is needed", copy.text);
        let help = "keep one on paper where people are, or on a machine that the outage does not touch";
        Diagnostic::new(&runbook.file, copy.span.clone(), message).helped(help)
    };
    hidden.map(warning).collect()
}

/// The first step that is reached, never done, and has nowhere else to go; or the last, when every step can be done and
/// what is to be restored stays away.
fn deadlock(graph: &Graph, runbook: &Runbook, done: &[Id], last: Id, goal: Id) -> Needs {
    let at_best = graph.reached(&graph.unmodelled());
    let undone = |(index, _): &(usize, &Step)| !at_best.contains(&done[*index]);
    let ends = |(_, step): &(usize, &Step)| !goes_elsewhere(step);
    let stuck: Vec<(usize, &Step)> = runbook.steps.iter().enumerate().filter(undone).collect();
    let found = stuck.iter().find(|step| ends(step)).or(stuck.last()).copied();
    let (index, told) = match found {
        Some((index, _)) => (index, done[index]),
        None => (done.iter().position(|&id| id == last).unwrap_or_default(), goal),
    };
    let Judgement::Deadlocked(witness) = graph.judge(told) else { return Needs::Met };
    Needs::Deadlocked { step: runbook.steps[index].id.clone(), why: witness.lines(graph) }
}

/// Whether a step that fails leads to another one.
fn goes_elsewhere(step: &Step) -> bool {
    let waits = step.body.iter().flat_map(|body| body.after.iter().chain(&body.until));
    waits.into_iter().any(|wait| matches!(wait.otherwise, Otherwise::Step(_)))
}

/// Met by any of these, or gone for this reason when there is none.
fn any_or(ways: Vec<Id>, why: impl Into<String>) -> Met {
    if ways.is_empty() { Met::Lost(why.into()) } else { Met::Any(ways) }
}
