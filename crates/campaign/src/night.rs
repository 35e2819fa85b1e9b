//! One run from its scenario to its outcome.

use crate::trial::{is_decided, play};
use blackstart_judge::Invariant;
use blackstart_report::why::Evidence;
use blackstart_report::{RunOutcome, difference, judge, page, timeline};
use blackstart_rt::Map;
use blackstart_runbook::step::Runbook;
use blackstart_scenario::{Run, Scenario, build};
use blackstart_sim::capture::{Capture, CaptureAt, Captured};
use blackstart_sim::{Driver, NodeId, Record, control, drops};
use blackstart_source::{Diagnostic, Diagnostics, list_of, near_miss};
use blackstart_world::History;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The largest file that one machine's packets may fill.
const CAPTURE_BYTES_MAX: usize = 256 << 20;

/// Most dropped packets that are kept as evidence.
const DROPS_MAX: usize = 2_000_000;

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scenario, or what was asked of it, is wrong.
    #[error("{0}")]
    Input(#[from] Diagnostics),
    /// The engine refused, as when this thread already holds a run.
    #[error("the engine refused: {0}")]
    Engine(#[from] blackstart_sim::Error),
    /// The file in which runs are kept does not work.
    #[error("{}: {why}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// Keeping a run, or finding it again, failed.
    #[error("runs cannot be kept: {0}")]
    Keeping(#[from] redb::Error),
    /// What is kept is not what this build keeps.
    #[error("a kept run cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The system gave no threads.
    #[error("no threads for the runs: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// The word that stands for no runbook.
pub const NO_RUNBOOK: &str = "none";

/// Which runbook people try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RunbookChoice {
    /// The one that the scenario names; if it names none, the one whose `use-when` people see first.
    #[default]
    Default,
    /// None: nobody acts.
    None,
    /// The one with this name.
    Named(String),
}

/// What is asked of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Seed; the scenario's own unless given.
    pub seed: Option<u64>,
    /// Which runbook people try.
    pub runbook: RunbookChoice,
    /// What moves the run on; the result is the same.
    pub driver: Driver,
    /// Hosts and routers whose packets are captured.
    pub captures: Vec<String>,
    /// Whether evidence is kept, so that [`why::causes`](blackstart_report::why::causes) can be asked. The run is the same.
    pub evidence: bool,
    /// Whether it goes on beyond the scenario's end while people are still at it, as a run of many does.
    pub until_decided: bool,
}

/// A run that is over.
#[derive(Debug)]
pub struct Night {
    /// What came of it.
    pub outcome: RunOutcome,
    /// Every change of every signal.
    pub history: History,
    /// Everything that was recorded.
    pub log: Vec<Record>,
    /// For each record, the digest of all packets until then.
    pub packet_digests: Vec<u64>,
    /// Names of the machines in the log.
    pub names: Map<NodeId, String>,
    /// What passed the machines that were to be captured, in the order asked.
    pub captures: Vec<(String, Captured)>,
    /// What causes are found in, if it was asked for.
    pub evidence: Option<Evidence>,
}

impl Night {
    /// The page that a person reads; `next` is a command to suggest.
    #[must_use]
    pub fn page(&self, next: &str) -> String {
        page::page(&self.outcome, &timeline::lines(&self.log, &self.names), next)
    }

    /// What differs first between this run and one that should be the same; `None` when they are, to the byte.
    #[must_use]
    pub fn difference(&self, other: &Night) -> Option<String> {
        difference::first(self.trace(), other.trace(), &self.names)
    }

    fn trace(&self) -> difference::Trace<'_> {
        let Night { outcome, log, packet_digests, .. } = self;
        difference::Trace { log, packet_digests, log_hash: &outcome.log_hash }
    }
}

/// Begins a run of the scenario folder at `path`.
pub fn run(path: impl Into<PathBuf>) -> RunBuilder {
    RunBuilder { path: path.into(), variant: None, plan: Plan::default(), own_invariants: Vec::new() }
}

/// A run to be; see [`run()`].
#[derive(Clone, Debug)]
pub struct RunBuilder {
    path: PathBuf,
    variant: Option<String>,
    plan: Plan,
    own_invariants: Vec<Invariant>,
}

impl RunBuilder {
    /// Applies `variants/NAME.toml`.
    #[must_use]
    pub fn variant(mut self, name: &str) -> Self {
        self.variant = Some(name.to_owned());
        self
    }

    /// Takes this seed instead of the scenario's own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.seed = Some(seed);
        self
    }

    /// Has this driver move the run on. The result is the same.
    #[must_use]
    pub fn driver(mut self, driver: Driver) -> Self {
        self.plan.driver = driver;
        self
    }

    /// Has people try `runbooks/NAME.md` instead of the scenario's own choice.
    #[must_use]
    pub fn runbook(mut self, name: &str) -> Self {
        self.plan.runbook = RunbookChoice::Named(name.to_owned());
        self
    }

    /// Something more that must hold.
    #[must_use]
    pub fn invariant(mut self, invariant: Invariant) -> Self {
        self.own_invariants.push(invariant);
        self
    }

    /// Has nobody act.
    #[must_use]
    pub fn no_runbook(mut self) -> Self {
        self.plan.runbook = RunbookChoice::None;
        self
    }

    /// Runs to the end and judges.
    ///
    /// # Errors
    /// Everything wrong with the scenario, or a refusal of the engine.
    pub fn execute(self) -> Result<RunOutcome, Error> {
        Ok(self.finish()?.outcome)
    }

    /// The same, with the log.
    ///
    /// # Errors
    /// As [`RunBuilder::execute`].
    pub fn finish(self) -> Result<Night, Error> {
        let mut scenario = Scenario::load(&self.path, self.variant.as_deref())?;
        scenario.own_invariants = self.own_invariants;
        perform(&scenario, &self.plan, |_| {})
    }
}

/// Runs a scenario to its end and judges it; `progress` is told now and then how far the run has come.
///
/// # Errors
/// When the plan names a runbook or a machine that does not exist, or the engine refuses.
pub fn perform(scenario: &Scenario, plan: &Plan, progress: impl FnMut(Duration)) -> Result<Night, Error> {
    let seed = plan.seed.unwrap_or(scenario.seed);
    let mut run = build(scenario, seed, plan.driver, chosen(scenario, &plan.runbook)?)?;
    let machines = run.world.wiring.names();
    let captures = watch(scenario, &machines, &plan.captures)?;
    if plan.evidence {
        drops::watch(DROPS_MAX);
    }
    let enough = |run: &Run, at_end| at_end && (!plan.until_decided || is_decided(run, true));
    play(&mut run, scenario, enough, progress);
    let outcome = judge(scenario, seed, &run);
    let evidence = drops::take().map(|drops| Evidence::of(scenario, &run, &drops));
    let (log, packet_digests) = (run.sim.records(), run.sim.packet_digests());
    let finish = |(name, capture): (String, Capture)| Ok((name, capture.finish()?));
    let captures = captures.into_iter().map(finish).collect::<Result<_, Error>>()?;
    let history = run.world.with_state(|state| state.history.clone());
    Ok(Night { outcome, history, log, packet_digests, names: machines, captures, evidence })
}

/// Begins to capture what passes these machines.
fn watch(
    scenario: &Scenario,
    machines: &Map<NodeId, String>,
    names: &[String],
) -> Result<Vec<(String, Capture)>, Error> {
    let begin = |name: &String| {
        let machine = machines.iter().find(|(_, machine)| *machine == name).map(|(node, _)| *node);
        let node = machine.ok_or_else(|| Diagnostics::from(unknown_machine(scenario, machines, name)))?;
        Ok((name.clone(), control::capture(CaptureAt::Node(node), CAPTURE_BYTES_MAX)?))
    };
    names.iter().map(begin).collect()
}

fn unknown_machine(scenario: &Scenario, machines: &Map<NodeId, String>, name: &str) -> Diagnostic {
    Diagnostic::of_file(&scenario.name, format!("unknown machine `{name}`"))
        .expecting("the name of a host or a router")
        .meant(near_miss(name, machines.values().map(String::as_str)))
}

/// The runbook with this name.
///
/// # Errors
/// When there is none, with the near miss.
pub fn named<'a>(scenario: &'a Scenario, name: &str) -> Result<&'a Arc<Runbook>, Diagnostics> {
    named_or(scenario, name, None)
}

/// `other` is what may be said instead of a name.
fn named_or<'a>(
    scenario: &'a Scenario,
    name: &str,
    other: Option<&str>,
) -> Result<&'a Arc<Runbook>, Diagnostics> {
    scenario.runbooks.get(name).ok_or_else(|| {
        let known: Vec<&str> = scenario.runbooks.keys().map(String::as_str).chain(other).collect();
        Diagnostic::of_file(&scenario.name, format!("unknown runbook `{name}`"))
            .expecting(list_of(&known))
            .meant(near_miss(name, known.iter().copied()))
            .into()
    })
}

/// The runbook with this name, or the scenario's own.
///
/// # Errors
/// When there is none of that name, with the near miss; when none is named anywhere.
pub fn default_or_named<'a>(
    scenario: &'a Scenario,
    name: Option<&str>,
) -> Result<&'a Arc<Runbook>, Diagnostics> {
    let name = name.or(scenario.default_runbook.as_deref());
    let none = || {
        let known: Vec<&str> = scenario.runbooks.keys().map(String::as_str).collect();
        Diagnostic::of_file(&scenario.name, "people try no runbook here").expecting(list_of(&known))
    };
    named(scenario, name.ok_or_else(none)?)
}

fn chosen<'a>(scenario: &'a Scenario, choice: &RunbookChoice) -> Result<Vec<&'a Arc<Runbook>>, Diagnostics> {
    match choice {
        RunbookChoice::None => Ok(Vec::new()),
        RunbookChoice::Named(name) => Ok(vec![named_or(scenario, name, Some(NO_RUNBOOK))?]),
        RunbookChoice::Default => Ok(scenario.at_hand()),
    }
}
