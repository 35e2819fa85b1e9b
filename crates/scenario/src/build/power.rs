//! Electricity of sites: what their machines draw, and which of them it takes the power away from.
//!
//! Between a machine and its breaker there is no network to ask: this looks at the machines themselves.

use crate::files::services::Power;
use crate::index::all;
use crate::model::Scenario;
use blackstart_rt as rt;
use blackstart_sim::{NodeId, Time, control};
use blackstart_source::Spanned;
use blackstart_world::World;
use blackstart_world::power::{Change, Event, Grid, Site, Works};
use std::rc::Rc;
use std::time::Duration;

/// How often breakers are looked at; a real one takes less.
const STEP: Duration = Duration::from_secs(15);
/// A run begins in the middle of a day; until then, the load that was there before it has been told to everybody.
const SETTLED: Duration = Duration::from_secs(180);
/// A draw that changed by less is not recorded.
const MARKED_MW: f64 = 0.5;

/// The sites whose electricity is described.
pub(super) fn sites(scenario: &Scenario) -> Vec<Site> {
    all(&scenario.folder.services, |f| &f.power).map(|(_, power)| site(power)).collect()
}

fn site(power: &Power) -> Site {
    let name = |name: &Spanned<String>| name.get_ref().clone();
    Site {
        name: name(&power.site),
        racks: power.racks.iter().map(|rack| rack.iter().map(name).collect()).collect(),
        idle_mw: power.idle_mw,
        busy_mw: power.busy_mw,
        limit_mw: power.limit_mw,
        rise_mw: power.rise_mw,
        rise_over: power.rise_over.0,
        reset: power.reset.0,
        feed: name(&power.feed),
        ups: name(&power.ups),
        battery: power.battery.0,
        generator: name(&power.generator),
        starts: power.starts.0,
        cooling: name(&power.cooling),
        heats: power.heats.0,
    }
}

/// Lets the electricity of a site flow, for ever.
pub(super) async fn flow(world: Rc<World>, site: Site) {
    let node = |machine: &String| world.wiring.machine(machine).map(|machine| machine.node);
    let racks: Vec<Vec<NodeId>> =
        site.racks.iter().map(|rack| rack.iter().filter_map(node).collect()).collect();
    let mut grid = Grid::new(site);
    let mut told_mw = 0.0;
    rt::time::sleep(SETTLED).await;
    loop {
        rt::time::sleep(STEP).await;
        let busy: Vec<f64> = racks.iter().map(|rack| busy(&world, rack)).collect();
        let changes = grid.step(Time::now() - Time::ZERO, &busy, works(&world, grid.site()));
        for change in changes {
            apply(grid.site(), &racks, change);
        }
        let draw_mw = grid.draw_mw(&busy);
        if (draw_mw - told_mw).abs() >= MARKED_MW {
            told_mw = draw_mw;
            let site = grid.site().name.clone();
            rt::emit(&Event::Draw { site, kw: (draw_mw * 1000.0) as u64 });
        }
    }
}

/// How busy the machines of a rack are, on average.
fn busy(world: &World, rack: &[NodeId]) -> f64 {
    let load = |node: &NodeId| match control::is_powered(*node) {
        true => world.with_state(|state| state.busy(*node)),
        false => 0.0,
    };
    rack.iter().map(load).sum::<f64>() / rack.len().max(1) as f64
}

fn works(world: &World, site: &Site) -> Works {
    let works = |machine: &str| {
        world.wiring.machine(machine).is_some_and(|machine| control::is_powered(machine.node))
    };
    Works {
        feed: works(&site.feed),
        ups: works(&site.ups),
        generator: works(&site.generator),
        cooling: works(&site.cooling),
    }
}

fn apply(site: &Site, racks: &[Vec<NodeId>], change: Change) {
    let (Change::Dark(rack, _) | Change::Lit(rack)) = change;
    let nodes = racks.get(rack).into_iter().flatten();
    // The engine knows every machine of a scenario.
    let _known: Result<(), _> = match change {
        Change::Dark(..) => nodes.copied().try_for_each(control::power_off),
        Change::Lit(_) => nodes.copied().try_for_each(control::power_on),
    };
    let (site, machines) = (site.name.clone(), site.racks.get(rack).cloned().unwrap_or_default());
    rt::emit(&match change {
        Change::Dark(_, cause) => Event::Dark { site, machines, cause },
        Change::Lit(_) => Event::Lit { site, machines },
    });
}
