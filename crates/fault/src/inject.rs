//! Letting a schedule happen: one task of the world for each fault.

use crate::kind::{Fault, Kind};
use blackstart_rt as rt;
use blackstart_sim::control;
use blackstart_sim::task::spawn;
use blackstart_sim::{Error, LinkId, NodeId, Time};
use blackstart_world::World;
use std::rc::Rc;
use std::time::Duration;

/// Begins every fault at its time and undoes it at its end. The scenario layer has checked the names: what the engine refuses
/// here (a machine that is on already, a name that it does not know) breaks or mends nothing.
pub fn inject(world: &Rc<World>, schedule: Vec<Fault>) {
    for fault in schedule {
        let world = world.clone();
        let _detached = spawn("fault", async move {
            wait_until(fault.at).await;
            let _ = act(&world, &fault.kind, true);
            if let Some(end) = fault.until {
                wait_until(end).await;
                let _ = act(&world, &fault.kind, false);
            }
        });
    }
}

async fn wait_until(at: Duration) {
    rt::time::sleep(at.saturating_sub(Time::now().since_start())).await;
}

/// Breaks, or mends. `None` when a name is not known.
fn act(world: &World, kind: &Kind, broken: bool) -> Option<Result<(), Error>> {
    Some(match kind {
        Kind::LinkDown { ends } => control::set_link_cut(link(ends)?, broken),
        Kind::LinkLoss { ends, share } => {
            control::set_link_loss(link(ends)?, if broken { *share } else { 0.0 })
        }
        Kind::PowerOff { machine } if broken => control::power_off(node(world, machine)?),
        Kind::PowerOff { machine } => control::power_on(node(world, machine)?),
        Kind::KillService { service } if broken => {
            control::kill_service(node(world, world.wiring.services.get(service)?)?, service);
            Ok(())
        }
        Kind::KillService { service } => {
            control::restart_service(node(world, world.wiring.services.get(service)?)?, service)
        }
    })
}

fn node(world: &World, name: &str) -> Option<NodeId> {
    world.wiring.machine(name).map(|machine| machine.node)
}

fn link(ends: &[String; 2]) -> Option<LinkId> {
    control::link_at(control::node(&ends[0])?, &ends[1])
}
