//! Access systems: which server a door's controller asks, and which badges are in that server's directory. A company may have
//! several; what one knows the others do not.

use crate::files::people::Badge;
use crate::files::services::{DoorController, Run, Service};
use crate::index::Index;
use blackstart_dns::Name;
use blackstart_dns::zone::Zone;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Most aliases that are followed from one to the next.
const ALIASES_MAX: usize = 8;

/// The access servers that a controller may come to ask: those at its server's name as the zones have it, and whoever stands by
/// for them.
pub(crate) fn servers<'a>(
    index: &Index<'a>,
    zones: &BTreeMap<String, Zone>,
    controller: &DoorController,
) -> Vec<&'a Service> {
    let addresses = addresses(zones, &controller.server);
    let there = |service: &Service| {
        let host = index.hosts.get(service.host.get_ref());
        host.is_some_and(|(_, host)| {
            addresses.iter().any(|at| host.address.get_ref() == at || host.routed.contains(at))
        })
    };
    let all: Vec<&Service> =
        index.services.iter().map(|(_, (_, service))| service).filter(is_server).collect();
    let asked = |service: &Service| {
        let of = all.iter().find(|other| other.name.get_ref() == primary(service));
        there(service) || of.is_some_and(|of| there(of))
    };
    all.iter().copied().filter(|service| asked(service)).collect()
}

fn is_server(service: &&Service) -> bool {
    matches!(service.run, Run::AccessServer(_))
}

/// The server whose directory this one has: its own, or that of the one for which it stands by.
fn primary(service: &Service) -> &str {
    service.standby.as_ref().map_or(service.name.get_ref(), |standby| standby.of.get_ref())
}

/// The addresses that the zones have for a name; an address is one already.
pub(crate) fn addresses(zones: &BTreeMap<String, Zone>, name: &str) -> Vec<IpAddr> {
    if let Ok(address) = name.parse() {
        return vec![address];
    }
    let Ok(mut name) = Name::from_ascii(format!("{}.", name.trim_end_matches('.'))) else {
        return Vec::new();
    };
    for _ in 0..ALIASES_MAX {
        let records = zones.values().flat_map(|zone| zone.addresses(&name));
        let found: Vec<IpAddr> = records.filter_map(|record| record.data.ip_addr()).collect();
        match zones.values().find_map(|zone| zone.alias(&name)) {
            Some(other) if found.is_empty() => name = other.clone(),
            _ => return found,
        }
    }
    Vec::new()
}

/// Whether a badge is in a server's directory.
pub(crate) fn knows(server: &Service, badge: &Badge) -> bool {
    let enrolled = badge.enrolled_at.as_ref();
    enrolled.is_none_or(|at| at.iter().any(|name| name.get_ref() == primary(server)))
}
