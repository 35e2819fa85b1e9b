//! What there is in a scenario that may be broken, by name and by label.

use crate::access;
use crate::files::network::{Relation, Session, SiteKind};
use crate::files::people::AccountKind;
use crate::files::services::{Run, Service};
use crate::index::{Index, all};
use crate::load::Folder;
use crate::model::Scenario;
use blackstart_dns::zone::Zone;
use blackstart_fault::{On, Targets, Thing};
use blackstart_source::Diagnostics;
use std::collections::{BTreeMap, BTreeSet};

impl Scenario {
    /// What may be broken in this world. Labels are sites, kinds of sites, groups of links and routers, labels of hosts,
    /// and kinds of services.
    #[must_use]
    pub fn targets(&self) -> Targets {
        // Complaints about double names were made when the scenario was loaded.
        let index = Index::new(&self.folder, &mut Diagnostics::new());
        targets(&self.folder, &index, &self.zones)
    }
}

impl Scenario {
    /// What searches may break: all but what the scenario spares.
    #[must_use]
    pub fn breakable(&self) -> Targets {
        let spared = &self.folder.scenario.it.spares;
        self.targets().without(spared.iter().map(|word| word.get_ref().as_str()))
    }
}

pub(crate) fn targets(folder: &Folder, index: &Index<'_>, zones: &BTreeMap<String, Zone>) -> Targets {
    let mut targets = Targets::default();
    links(folder, index, &mut targets);
    machines(folder, index, &mut targets);
    services(folder, index, &mut targets);
    prefixes(folder, index, &mut targets);
    sessions(folder, &mut targets);
    ports(folder, index, &mut targets);
    names(index, zones, &mut targets);
    people(folder, index, &mut targets);
    answering(index, &mut targets);
    targets
}

/// Links between routers, and the patch cable of each host.
fn links(folder: &Folder, index: &Index<'_>, targets: &mut Targets) {
    for (_, link) in all(&folder.networks, |f| &f.link) {
        let thing = Thing::new(On::Link, &[link.ends[0].get_ref(), link.ends[1].get_ref()]);
        for group in &link.groups {
            targets.label(group, thing.clone());
        }
        targets.add(thing);
    }
    for (name, (_, host)) in index.hosts.iter() {
        targets.add(Thing::new(On::Link, &[name, host.router.get_ref()]));
    }
}

fn machines(folder: &Folder, index: &Index<'_>, targets: &mut Targets) {
    let hosts = index.hosts.iter().map(|(name, (_, host))| (name, host.site.get_ref(), &host.labels));
    let routers =
        index.routers.iter().map(|(name, (_, router))| (name, router.site.get_ref(), &router.groups));
    for (name, site, labels) in hosts.chain(routers) {
        let thing = Thing::new(On::Machine, &[name]);
        for label in labels.iter().chain([site]) {
            targets.label(label, thing.clone());
        }
        targets.add(thing);
    }
    for (name, (_, site)) in index.sites.iter() {
        targets.group(kinds_of_sites(site.kind), name);
    }
    for (_, door) in all(&folder.people, |f| &f.door) {
        targets.label("readers", Thing::new(On::Machine, &[door.reader.get_ref()]));
    }
}

fn kinds_of_sites(kind: SiteKind) -> &'static str {
    match kind {
        SiteKind::DataCentre => "data-centres",
        SiteKind::Pop => "pops",
        SiteKind::Office => "offices",
        SiteKind::Outside => "outside",
    }
}

fn services(folder: &Folder, index: &Index<'_>, targets: &mut Targets) {
    for (name, (_, service)) in index.services.iter() {
        let thing = Thing::new(On::Service, &[name]);
        targets.label(kind_of(service), thing.clone());
        targets.add(thing);
        targets.runs_on(name, service.host.get_ref());
    }
    for (_, router) in all(&folder.networks, |f| &f.router) {
        let name = router.name.get_ref();
        let own = [("bgp", true), ("igp", router.igp), ("management", !router.groups.is_empty())];
        for (program, _) in own.into_iter().filter(|(_, runs)| *runs) {
            let thing = Thing::new(On::Service, &[&format!("{program}@{name}")]);
            targets.runs_on(&thing.names[0], name);
            targets.label(program, thing.clone());
            targets.add(thing);
        }
    }
}

/// The word for services of one kind.
fn kind_of(service: &Service) -> &'static str {
    match service.run {
        Run::Speaker(_) => "speakers",
        Run::Authority(_) => "authorities",
        Run::Resolver(_) => "resolvers",
        Run::Health(_) => "health-checks",
        Run::Edge(_) => "edges",
        Run::Backend(_) => "backends",
        Run::Admission(_) => "admission",
        Run::Site(_) => "sites",
        Run::Tool(_) => "tools",
        Run::Reports(_) => "reports",
        Run::Posts(_) => "posts",
        Run::Messages(_) => "message-servers",
        Run::Probe(_) => "probes",
        Run::Users(_) => "users",
        Run::DoorController(_) => "door-controllers",
        Run::AccessServer(_) => "access-servers",
        Run::Identity(_) => "sign-in-services",
        Run::Push(_) => "push-services",
        Run::Chat(_) => "chat-servers",
        Run::ChatPresence(_) => "chat-clients",
        Run::Audit(_) => "audits",
        Run::Capacity(_) => "capacity-controllers",
        Run::ConsoleServer(_) => "console-servers",
        Run::JumpHost(_) => "jump-hosts",
        Run::Vpn(_) => "vpn-gateways",
        Run::ConfigurationStore(_) => "configuration-stores",
        Run::Alert(_) => "alerts",
    }
}

/// What each machine brings into routing, and who else could claim it.
fn prefixes(folder: &Folder, index: &Index<'_>, targets: &mut Targets) {
    let mut own: Vec<(String, String)> = Vec::new();
    for (name, (_, router)) in index.routers.iter() {
        own.extend(router.networks.iter().map(|net| (name.to_owned(), net.get_ref().trunc().to_string())));
    }
    for (_, originate) in all(&folder.networks, |f| &f.originate) {
        own.push((originate.router.get_ref().clone(), originate.prefix.trunc().to_string()));
    }
    for (_, service) in all(&folder.services, |f| &f.service) {
        let Run::Speaker(speaker) = &service.run else { continue };
        let host = service.host.get_ref();
        own.extend(speaker.prefixes.iter().map(|prefix| (host.clone(), prefix.trunc().to_string())));
    }
    for (owner, prefix) in &own {
        targets.add(Thing::new(On::Origin, &[owner, prefix]));
        for (router, _) in index.routers.iter().filter(|(router, _)| router != owner) {
            targets.add(Thing::new(On::Foreign, &[router, prefix]));
        }
    }
}

/// Sessions between networks of different owners: inside one there is no other AS number to expect.
fn sessions(folder: &Folder, targets: &mut Targets) {
    let external = |session: &&Session| matches!(session.relation, Relation::Customer | Relation::Peer);
    for session in all(&folder.networks, |f| &f.session).map(|(_, session)| session).filter(external) {
        let [a, b] = [session.ends[0].get_ref(), session.ends[1].get_ref()];
        targets.add(Thing::new(On::Session, &[a, b]));
        targets.add(Thing::new(On::Session, &[b, a]));
    }
}

/// Ports of links between routers, and what interior routing and consoles know of them.
fn ports(folder: &Folder, index: &Index<'_>, targets: &mut Targets) {
    let cabled = |router: &str| {
        index.hosts.iter().any(|(_, (_, host))| host.serial.iter().any(|cable| cable.get_ref() == router))
    };
    for (_, link) in all(&folder.networks, |f| &f.link) {
        let [a, b] = [link.ends[0].get_ref(), link.ends[1].get_ref()];
        let routers =
            [index.routers.get(a), index.routers.get(b)].map(|found| found.map(|(_, router)| router));
        let [Some(ra), Some(rb)] = routers else { continue };
        let interior = ra.igp && rb.igp && ra.r#as.get_ref() == rb.r#as.get_ref();
        for (router, own, port) in [(ra, a, b), (rb, b, a)] {
            targets.add(Thing::new(On::Port, &[own, port]));
            if interior {
                targets.add(Thing::new(On::Adjacency, &[own, port]));
            }
            if !router.groups.is_empty() && cabled(own) {
                targets.add(Thing::new(On::Console, &[own, port]));
            }
        }
    }
}

fn names(index: &Index<'_>, zones: &BTreeMap<String, Zone>, targets: &mut Targets) {
    for (service, (_, entry)) in index.services.iter() {
        let Run::Authority(authority) = &entry.run else { continue };
        for zone in authority.zones.iter().filter_map(|zone| zones.get(zone.get_ref())) {
            for name in zone.named() {
                let text = name.to_ascii();
                targets.add(Thing::new(On::Name, &[service, text.trim_end_matches('.')]));
            }
        }
    }
}

fn people(folder: &Folder, index: &Index<'_>, targets: &mut Targets) {
    let of_kind = |is: fn(&Run) -> bool| {
        index.services.iter().filter(move |(_, (_, service))| is(&service.run)).map(|(name, _)| name)
    };
    for (name, (_, person)) in index.persons.iter() {
        let thing = Thing::new(On::Person, &[name]);
        person.roles.iter().for_each(|role| targets.label(role, thing.clone()));
        targets.add(thing);
        person.items.iter().for_each(|item| targets.add(Thing::new(On::Item, &[item])));
    }
    for (name, (_, account)) in index.accounts.iter() {
        targets.add(Thing::new(On::Account, &[name]));
        if account.kind == AccountKind::SignIn {
            of_kind(|run| matches!(run, Run::Identity(_)))
                .for_each(|service| targets.add(Thing::new(On::Grant, &[service, name])));
        }
    }
    for (_, badge) in all(&folder.people, |f| &f.badge) {
        let servers = index.services.iter().map(|(_, (_, service))| service);
        let servers = servers.filter(|s| matches!(s.run, Run::AccessServer(_)) && access::knows(s, badge));
        servers.for_each(|service| {
            targets.add(Thing::new(On::Badge, &[service.name.get_ref(), badge.id.get_ref()]));
        });
    }
}

/// Services that say something to somebody, and those who can ask them.
fn answering(index: &Index<'_>, targets: &mut Targets) {
    let users = index.services.iter().filter(|(_, (_, s))| matches!(s.run, Run::Users(_) | Run::Probe(_)));
    let askers: BTreeSet<&str> = users.map(|(_, (_, s))| s.host.get_ref().as_str()).collect();
    for (name, (_, service)) in index.services.iter() {
        if !answers(&service.run) {
            continue;
        }
        let thing = Thing::new(On::Answering, &[name]);
        targets.label(kind_of(service), thing.clone());
        targets.add(thing);
        if is_asked(&service.run) {
            askers.iter().for_each(|host| targets.add(Thing::new(On::Asked, &[host, name])));
        }
    }
    for (name, _) in index.routers.iter().filter(|(_, (_, router))| !router.groups.is_empty()) {
        let thing = Thing::new(On::Answering, &[&format!("management@{name}")]);
        targets.label("management-planes", thing.clone());
        targets.add(thing);
    }
}

fn is_asked(run: &Run) -> bool {
    matches!(
        run,
        Run::Authority(_)
            | Run::Resolver(_)
            | Run::Identity(_)
            | Run::AccessServer(_)
            | Run::Edge(_)
            | Run::Backend(_)
            | Run::Site(_)
            | Run::Tool(_)
            | Run::Admission(_)
            | Run::Posts(_)
            | Run::Messages(_)
            | Run::Reports(_)
    )
}

fn answers(run: &Run) -> bool {
    is_asked(run) || matches!(run, Run::DoorController(_) | Run::Audit(_) | Run::Probe(_) | Run::Alert(_))
}
