//! A scenario and a seed to a world in an engine: nodes, links, routes, programs, people, faults.
//!
//! - [`build`]: all of it. Start here.
//! - `network`: routers, links, routing configuration
//! - `judges`: what the judges are told of the scenario
//! - `power`: electricity of sites, as time passes
//! - `services`: what runs on each host. `boot`: what it waits for when it starts again. `standby`: what waits until it takes over

mod boot;
mod judges;
mod network;
mod power;
mod services;
mod standby;

pub(crate) use boot::port_of;
pub(crate) use network::data_centres;

use crate::index::{Index, all};
use crate::model::{Scenario, Statement};
use blackstart_judge::Judges;
use blackstart_rt as rt;
use blackstart_runbook::execute::{self, Report};
use blackstart_runbook::step::Runbook;
use blackstart_sim::{self as sim, Config, Driver, Error, NodeId, Sim};
use blackstart_source::Diagnostics;
use blackstart_world::{Wiring, World};
use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Each of a connection's two buffers: services here exchange small messages, and an evening opens many connections.
const TCP_BUFFER_BYTES: usize = 4096;

/// Programs of one machine, started in order at each boot.
type Programs = BTreeMap<NodeId, Vec<Box<dyn Fn()>>>;

/// A run that is ready to go.
#[derive(Debug)]
pub struct Run {
    /// The engine; dropping it ends the run.
    pub sim: Sim,
    /// People, wiring and live state.
    pub world: Rc<World>,
    /// What must hold, judged as the run goes on.
    pub judges: Rc<RefCell<Judges>>,
    runbooks: Vec<Arc<Runbook>>,
    report: Rc<RefCell<Report>>,
}

impl Run {
    /// The runbook that people took up, or the first that they had, and what came of it so far; `None` when they had none.
    #[must_use]
    pub fn runbook(&self) -> Option<(&Arc<Runbook>, Ref<'_, Report>)> {
        let report = self.report.borrow();
        Some((self.runbooks.get(report.runbook)?, report))
    }
}

/// Builds a run of `scenario` with `seed` on `driver`, in which people have these runbooks at hand: one, or several that say
/// when they are to be used. Without any, nobody acts.
///
/// # Errors
/// When the engine refuses, as when this thread already holds a run.
pub fn build<'a>(
    scenario: &Scenario,
    seed: u64,
    driver: Driver,
    runbooks: impl IntoIterator<Item = &'a Arc<Runbook>>,
) -> Result<Run, Error> {
    lay_out(scenario, Config { seed, driver, ..Config::default() }, runbooks)
}

/// The same run as [`build`]'s, but its records are forgotten once signals and invariants have seen them: for many runs of
/// which the end state is enough.
///
/// # Errors
/// As [`build`].
pub fn build_without_log<'a>(
    scenario: &Scenario,
    seed: u64,
    runbooks: impl IntoIterator<Item = &'a Arc<Runbook>>,
) -> Result<Run, Error> {
    lay_out(scenario, Config { seed, keep_records: false, ..Config::default() }, runbooks)
}

fn lay_out<'a>(
    scenario: &Scenario,
    config: Config,
    runbooks: impl IntoIterator<Item = &'a Arc<Runbook>>,
) -> Result<Run, Error> {
    let seed = config.seed;
    let epoch = Duration::from_nanos(u64::try_from(scenario.start.as_nanosecond()).unwrap_or_default());
    let sim = Sim::new(Config {
        epoch,
        tcp_buffer: TCP_BUFFER_BYTES,
        #[cfg(feature = "canary")]
        canary: scenario.canary,
        ..config
    })?;
    // Complaints about double names were made when the scenario was loaded.
    let index = Index::new(&scenario.folder, &mut Diagnostics::new());
    let mut wiring = Wiring::default();
    let mut programs = Programs::new();
    network::lay(&sim, scenario, &index, &mut wiring, &mut programs)?;
    services::install(&sim, scenario, &index, &mut wiring, &mut programs)?;
    for (node, starts) in programs {
        sim.set_program(node, move || starts.iter().for_each(|start| start()))?;
    }
    let runbooks: Vec<Arc<Runbook>> = runbooks.into_iter().cloned().collect();
    let facts = judges::facts(scenario, &index, &wiring, &runbooks);
    let judges =
        Rc::new(RefCell::new(Judges::new(facts, scenario.invariants.clone(), &scenario.own_invariants)));
    let world = Rc::new(World::new(scenario.people.clone(), wiring, seed));
    let live = world.clone();
    sim.on_record(move |record| live.step(record));
    let judging = judges.clone();
    sim.on_record(move |record| judging.borrow_mut().step(record));
    sim.spawn("judges", look_on(judges.clone()));
    begin(scenario, &sim, &world);
    let report = Rc::new(RefCell::new(Report::default()));
    if !runbooks.is_empty() {
        sim.spawn("runbook", execute::run(world.clone(), runbooks.clone(), report.clone()));
    }
    Ok(Run { sim, world, judges, runbooks, report })
}

/// Lets the judges look at the engine now and then: between events, and without a trace.
async fn look_on(judges: Rc<RefCell<Judges>>) {
    loop {
        rt::time::sleep(blackstart_judge::LOOK_EVERY).await;
        judges.borrow_mut().look(sim::Time::now());
    }
}

/// Electricity, faults and scripted statements.
fn begin(scenario: &Scenario, sim: &Sim, world: &Rc<World>) {
    for site in power::sites(scenario) {
        sim.spawn("power", power::flow(world.clone(), site));
    }
    let (world_too, faults) = (world.clone(), scenario.schedule(world.seed));
    sim.spawn("faults", async move { blackstart_fault::inject(&world_too, faults) });
    for statement in scenario.statements.clone() {
        let world = world.clone();
        sim.spawn("statement", async move { say(&world, statement).await });
    }
}

/// Somebody says something at a scripted minute; whether it gets out is not scripted. Tries again like anybody would.
async fn say(world: &World, statement: Statement) {
    const PAUSE: Duration = Duration::from_secs(60);
    rt::time::sleep(statement.at).await;
    let Some(machine) = world.wiring.machine(&statement.from) else { return };
    loop {
        let (resolvers, Statement { author, on, text, .. }) = (machine.resolvers.clone(), statement.clone());
        let post = async move { blackstart_world::post(resolvers, &on, &author, &text).await };
        if let Ok(Ok(())) = sim::control::spawn_on(machine.node, "person", post).await {
            return;
        }
        rt::time::sleep(PAUSE).await;
    }
}
