//! Names that programs and people ask for, and what the zones say of them. None of it stops a run: that a name leads nowhere may be
//! the very thing that is tried.

use crate::access::addresses;
use crate::files::services::Run;
use crate::index::{Index, all};
use crate::load::Folder;
use blackstart_dns::zone::Zone;
use blackstart_source::{Diagnostic, Diagnostics, SourceFile, Span, near_miss};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Names without an address, and addresses of names that no machine has.
pub(crate) fn names_that_lead_nowhere(
    folder: &Folder,
    index: &Index<'_>,
    zones: &BTreeMap<String, Zone>,
) -> Diagnostics {
    let known: BTreeSet<String> = zones.values().flat_map(Zone::named).map(written).collect();
    let owned = owned(index);
    let mut warnings = Diagnostics::new();
    let mut told = BTreeSet::new();
    for (file, span, name) in asked(folder) {
        if name.parse::<IpAddr>().is_ok() || !told.insert(name) {
            continue;
        }
        let addresses = addresses(zones, name);
        if addresses.is_empty() {
            let message = format!("this asks for the name `{name}`, for which no zone has an address");
            let near = near_miss(name, known.iter().map(String::as_str));
            let unknown = Diagnostic::new(file, span.clone(), message);
            warnings.push(
                unknown.expecting("a record in a file under `zones/`, or a name that has one").meant(near),
            );
        }
        for address in addresses.iter().filter(|address| !owned.contains(address)) {
            let message = format!(
                "this asks for the name `{name}`, which leads to {address}, and no machine has that address"
            );
            let help = "correct the record in its zone, or give a host the address (`address`, `routed` or `anycast`)";
            warnings.push(Diagnostic::new(file, span.clone(), message).helped(help));
        }
    }
    warnings
}

/// Every name that is asked for, and where that is said.
fn asked(folder: &Folder) -> Vec<(&SourceFile, Span, &str)> {
    let services = all(&folder.services, |f| &f.service).flat_map(|(file, service)| {
        let names = by_programs(&service.run).into_iter().chain(by_people(&service.run));
        names.map(move |name| (file, service.name.span(), name))
    });
    services.collect()
}

/// Names that a service asks for.
pub(crate) fn by_programs(run: &Run) -> Vec<&str> {
    match run {
        Run::Users(users) => vec![&users.host],
        Run::DoorController(doors) => vec![&doors.server],
        Run::Probe(probe) => probe.checks.iter().map(|check| check.host.as_str()).collect(),
        Run::Alert(alert) => vec![&alert.host],
        Run::ChatPresence(presence) => vec![&presence.server],
        _ => Vec::new(),
    }
}

/// The name under which people look a service up.
fn by_people(run: &Run) -> Option<&str> {
    match run {
        Run::Identity(identity) => identity.name.as_deref(),
        Run::JumpHost(jump) => jump.name.as_deref(),
        Run::Vpn(vpn) => vpn.name.as_deref(),
        Run::ConfigurationStore(store) => store.name.as_deref(),
        _ => None,
    }
}

fn owned(index: &Index<'_>) -> BTreeSet<IpAddr> {
    let hosts = index.hosts.iter().flat_map(|(_, (_, host))| {
        std::iter::once(*host.address.get_ref())
            .chain(host.routed.iter().copied())
            .chain(host.anycast.iter().copied())
    });
    hosts.chain(index.routers.iter().map(|(_, (_, router))| router.address)).collect()
}

fn written(name: &blackstart_dns::Name) -> String {
    name.to_string().trim_end_matches('.').to_owned()
}
