//! What there is in a scenario that may be broken, by name and by label.

use crate::files::network::SiteKind;
use crate::files::services::{Host, Run, Service};
use crate::index::{Index, all};
use crate::load::Folder;
use crate::model::Scenario;
use blackstart_fault::{On, Targets, Thing};
use blackstart_source::Diagnostics;

impl Scenario {
    /// What may be broken in this world. Labels are sites, kinds of sites, groups of links and routers, labels of hosts,
    /// and kinds of services.
    #[must_use]
    pub fn targets(&self) -> Targets {
        // Complaints about double names were made when the scenario was loaded.
        let index = Index::new(&self.folder, &mut Diagnostics::new());
        targets(&self.folder, &index)
    }
}

pub(crate) fn targets(folder: &Folder, index: &Index<'_>) -> Targets {
    let mut targets = Targets::default();
    links(folder, index, &mut targets);
    machines(folder, index, &mut targets);
    services(folder, index, &mut targets);
    prefixes(folder, index, &mut targets);
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
        let kind = index.sites.get(site).map(|(_, site)| kinds_of_sites(site.kind));
        for label in labels.iter().map(String::as_str).chain([site.as_str()]).chain(kind) {
            targets.label(label, thing.clone());
        }
        targets.add(thing);
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
    }
    for (_, router) in all(&folder.networks, |f| &f.router) {
        let name = router.name.get_ref();
        let own = [("bgp", true), ("igp", router.igp), ("management", !router.groups.is_empty())];
        for (program, _) in own.into_iter().filter(|(_, runs)| *runs) {
            let thing = Thing::new(On::Service, &[&format!("{program}@{name}")]);
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
        Run::Reports(_) => "reports",
        Run::Posts(_) => "posts",
        Run::Probe(_) => "probes",
        Run::Users(_) => "users",
        Run::DoorController(_) => "door-controllers",
        Run::AccessServer(_) => "access-servers",
        Run::Identity(_) => "sign-in-services",
        Run::Chat(_) => "chat-servers",
        Run::ChatPresence(_) => "chat-clients",
        Run::Audit(_) => "audits",
        Run::Capacity(_) => "capacity-controllers",
        Run::ConsoleServer(_) => "console-servers",
    }
}

/// What each router brings into routing.
fn prefixes(folder: &Folder, index: &Index<'_>, targets: &mut Targets) {
    let mut add = |router: &str, prefix: String| targets.add(Thing::new(On::Origin, &[router, &prefix]));
    for (name, (_, router)) in index.routers.iter() {
        router.networks.iter().for_each(|net| add(name, net.get_ref().trunc().to_string()));
    }
    for (_, originate) in all(&folder.networks, |f| &f.originate) {
        add(originate.router.get_ref(), originate.prefix.trunc().to_string());
    }
    for (_, service) in all(&folder.services, |f| &f.service) {
        let router = |host: &Host| host.router.get_ref().clone();
        if let (Run::Speaker(speaker), Some((_, host))) =
            (&service.run, index.hosts.get(service.host.get_ref()))
        {
            speaker.prefixes.iter().for_each(|prefix| add(&router(host), prefix.trunc().to_string()));
        }
    }
}
