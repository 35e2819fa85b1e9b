//! What services are like with all faults that lie on them: dead, ailing, or told something else.

use crate::kind::Kind;
use crate::layers::{Refusal, node};
use blackstart_dns::Name;
use blackstart_dns::authority::Zones;
use blackstart_sim::ailment::{Ailment, Instead};
use blackstart_sim::{NodeId, control};
use blackstart_world::World;
use std::time::Duration;

/// By how much a mistyped AS number is off.
const WRONG_BY: u32 = 10;

/// Where a service runs, and what its program is called there.
pub(crate) fn program<'a>(world: &World, service: &'a str) -> Result<(NodeId, &'a str), Refusal> {
    let unknown = || Refusal::Unknown(format!("service {service}"));
    match (world.wiring.services.get(service), service.split_once('@')) {
        (Some(host), _) => Ok((node(world, host)?, service)),
        (None, Some((name, router))) => Ok((node(world, router)?, name)),
        (None, None) => Err(unknown()),
    }
}

/// Dead while a layer is on it.
pub(crate) fn process(world: &World, service: &str, before: &[Kind], layers: &[Kind]) -> Result<(), Refusal> {
    let (at, name) = program(world, service)?;
    match (before.is_empty(), layers.is_empty()) {
        (true, false) => drop(control::kill_service(at, name)),
        // Somebody may have started it meanwhile.
        (false, true) if control::is_powered(at) && !control::is_running(at, name) => {
            control::restart_service(at, name)?;
        }
        _ => {}
    }
    Ok(())
}

/// Starts a program anew, so that it takes what it is told now. One that is dead is told when it starts.
pub(crate) fn told(world: &World, service: &str) -> Result<(), Refusal> {
    let (at, name) = program(world, service)?;
    match control::is_powered(at) && control::is_running(at, name) {
        true => Ok(control::restart_service(at, name)?),
        false => Ok(()),
    }
}

/// How it answers: delays add up, errors too, and of all else the latest counts.
pub(crate) fn answers(world: &World, service: &str, layers: &[Kind]) -> Result<(), Refusal> {
    let (at, name) = program(world, service)?;
    let ailment = layers.iter().fold(Ailment::default(), |ailment, layer| match layer {
        Kind::ServiceSlow { delay_ms, .. } => {
            Ailment { slow: ailment.slow + Duration::from_millis((*delay_ms).into()), ..ailment }
        }
        Kind::ServiceErrors { share, .. } => {
            Ailment { fails: super::links::either(ailment.fails, *share), ..ailment }
        }
        Kind::ServiceDenies { .. } => Ailment { instead: Some(Instead::Deny), ..ailment },
        Kind::ServiceLies { .. } => Ailment { instead: Some(Instead::Lie), ..ailment },
        Kind::ServiceSilent { .. } => Ailment { instead: Some(Instead::Silence), ..ailment },
        Kind::ServiceStale { .. } => Ailment { instead: Some(Instead::Stale), ..ailment },
        _ => ailment,
    });
    Ok(control::set_ailment(at, name, ailment)?)
}

/// What an authority serves, with these edits.
pub(crate) fn zones(world: &World, service: &str, layers: &[Kind]) -> Result<(), Refusal> {
    let settings = world.wiring.settings.zones.get(service);
    let zones = settings.ok_or_else(|| Refusal::Unknown(format!("authority {service}")))?;
    zones.edit(|zones| layers.iter().for_each(|layer| slip(zones, layer)));
    told(world, service)
}

fn slip(zones: &mut Zones, layer: &Kind) {
    let (Kind::NameGone { name, .. } | Kind::NameWrong { name, .. }) = layer else { return };
    let Ok(name) = format!("{}.", name.trim_end_matches('.')).parse::<Name>() else { return };
    let Some(zone) = zones.enclosing_mut(&name) else { return };
    match layer {
        Kind::NameGone { .. } => zone.take_out(&name),
        _ => zone.mistype(&name),
    };
}

/// Who may sign in.
pub(crate) fn accounts(world: &World, service: &str, layers: &[Kind]) -> Result<(), Refusal> {
    let settings = world.wiring.settings.sign_in.get(service);
    let config = settings.ok_or_else(|| Refusal::Unknown(format!("sign-in service {service}")))?;
    let gone = |name: &String| {
        layers.iter().any(|l| matches!(l, Kind::AccountGone { account, .. } if account == name))
    };
    config.edit(|config| config.accounts.retain(|account| !gone(&account.account)));
    told(world, service)
}

/// Which badges open anything.
pub(crate) fn badges(world: &World, service: &str, layers: &[Kind]) -> Result<(), Refusal> {
    let settings = world.wiring.settings.access.get(service);
    let config = settings.ok_or_else(|| Refusal::Unknown(format!("access server {service}")))?;
    let gone = |number: &String| {
        layers.iter().any(|l| matches!(l, Kind::BadgeRevoked { badge, .. } if badge == number))
    };
    config.edit(|config| config.badges.retain(|badge| !gone(&badge.badge)));
    told(world, service)
}

/// Neighbours whose AS number is mistyped: the sessions are refused.
pub(crate) fn sessions(world: &World, router: &str, layers: &[Kind]) -> Result<(), Refusal> {
    let settings = world.wiring.settings.bgp.get(router);
    let config = settings.ok_or_else(|| Refusal::Unknown(format!("speaker {router}")))?;
    let wrong = layers.iter().filter_map(|layer| match layer {
        Kind::WrongAs { neighbour, .. } => world.wiring.machine(neighbour).map(|machine| machine.address),
        _ => None,
    });
    let wrong: Vec<_> = wrong.collect();
    config.edit(|config| {
        let mistyped = config.neighbours.iter_mut().filter(|neighbour| wrong.contains(&neighbour.address));
        let own = config.asn;
        mistyped.for_each(|neighbour| {
            let wrong = neighbour.asn.saturating_add(WRONG_BY);
            // Its own number would be no AS number for a neighbour at all.
            neighbour.asn = if wrong == own { wrong + 1 } else { wrong };
        });
    });
    told(world, &format!("bgp@{router}"))
}

/// What interior routing says that links cost.
pub(crate) fn costs(world: &World, router: &str, layers: &[Kind]) -> Result<(), Refusal> {
    let settings = world.wiring.settings.igp.get(router);
    let config = settings.ok_or_else(|| Refusal::Unknown(format!("interior routing of {router}")))?;
    config.edit(|config| {
        for layer in layers {
            let Kind::LinkCost { neighbour, metric, .. } = layer else { continue };
            let ports = config.interfaces.iter_mut().filter(|port| port.neighbour == *neighbour);
            ports.for_each(|port| port.metric = *metric);
        }
    });
    told(world, &format!("igp@{router}"))
}
