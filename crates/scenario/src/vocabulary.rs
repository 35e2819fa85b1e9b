//! The words that a runbook of this scenario may use, and what can be seen from where.

use crate::files::services::{Run, Service};
use crate::index::{Index, all};
use crate::load::Folder;
use crate::model::LONGER;
use blackstart_app::{Outcome, probe};
use blackstart_dns::zone::Zone;
use blackstart_rt::{Map, Set};
use blackstart_runbook::check::{Door, Observability, Person, Presence, Vocabulary};
use blackstart_world::People;
use std::collections::BTreeMap;
use std::time::Duration;

/// What `Decide` may write on besides the items that people hold.
const PAPER: [&str; 1] = ["paper-log"];
/// Ways to open a door that has no key.
const BADGE: &str = "badge";
/// Stems of signals that are true or false.
const TRUTHS: [&str; 5] =
    ["guard-has-names", "ports-shut-by-last-change", "privileged-prompt", "team-at-gate", "team-inside"];
/// Way to open a door by its key.
const GUARD: &str = "guard-key-with-escort";

pub(crate) fn vocabulary(
    folder: &Folder,
    index: &Index<'_>,
    people: &People,
    zones: &BTreeMap<String, Zone>,
    duration: Duration,
) -> Vocabulary {
    let persons = people.persons.iter();
    let names = |all: &mut dyn Iterator<Item = &str>| all.map(str::to_owned).collect::<Set<String>>();
    let deputies = |roles: &[String]| {
        roles.iter().filter_map(|r| r.strip_prefix("deputy-")).map(str::to_owned).collect()
    };
    Vocabulary {
        roles: persons.clone().flat_map(|p| p.roles.iter().cloned()).collect(),
        skills: persons.clone().flat_map(|p| p.skills.iter().cloned()).collect(),
        persons: persons
            .clone()
            .map(|p| {
                let person = Person {
                    roles: p.roles.iter().cloned().collect(),
                    deputy_for: deputies(&p.roles),
                    skills: p.skills.iter().cloned().collect(),
                    at: p.at.clone(),
                    presence: presence(p, duration),
                };
                (p.name.clone(), person)
            })
            .collect(),
        sites: names(&mut index.sites.iter().map(|(name, _)| name)),
        places: people.places.values().map(|p| (p.name.clone(), p.site.clone())).collect(),
        doors: people.doors.values().map(|d| (d.name.clone(), door(d))).collect(),
        items: persons
            .flat_map(|p| p.items.iter().cloned())
            .chain(people.items.keys().cloned())
            .chain(PAPER.map(str::to_owned))
            .collect(),
        machines: names(&mut index.machines.iter().copied()),
        documents: documents(index),
        accounts: people.accounts.keys().cloned().collect(),
        bridges: people.bridges.keys().cloned().collect(),
        router_groups: counts(all(&folder.networks, |f| &f.router).map(|(_, r)| &r.groups)),
        link_groups: counts(all(&folder.networks, |f| &f.link).map(|(_, l)| &l.groups)),
        chats: running(index, |run| matches!(run, Run::Chat(_))),
        jump_hosts: running(index, |run| matches!(run, Run::JumpHost(_))),
        vpns: running(index, |run| matches!(run, Run::Vpn(_))),
        standbys: standbys(folder),
        stores: stores(index),
        racks: racks(folder),
        named: named(index, zones),
        originates: originates(folder),
        controllers: index
            .services
            .iter()
            .filter(|(_, (_, s))| is_automation(&s.run))
            .map(|(n, _)| n.to_owned())
            .collect(),
        services: services(index),
        signals: signals(folder, index, people),
        values: values(index),
        vantage_groups: counts(all(&folder.services, |f| &f.host).map(|(_, h)| &h.labels)),
        needs: names(&mut index.services.iter().map(|(name, _)| name)),
        longest_run: duration * LONGER,
    }
}

/// Whether somebody can be called in a run of this length.
pub(crate) fn presence(person: &blackstart_world::Person, duration: Duration) -> Presence {
    let comes = person.shift.is_none_or(|shift| shift.begins < duration);
    match person.works(Duration::ZERO) {
        true => Presence::AtWork,
        false if comes || person.called_at_home => Presence::Elsewhere,
        false => Presence::Never,
    }
}

fn is_automation(run: &Run) -> bool {
    matches!(run, Run::Capacity(_))
}

fn door(door: &blackstart_world::Door) -> Door {
    let mut ways = Set::from([BADGE.to_owned()]);
    if door.key.is_some() {
        ways.insert(GUARD.to_owned());
    }
    Door { place: door.to.clone(), ways }
}

fn counts<'a>(lists: impl Iterator<Item = &'a Vec<String>>) -> Map<String, usize> {
    let mut counts = Map::new();
    for label in lists.flatten() {
        *counts.entry(label.clone()).or_default() += 1;
    }
    counts
}

/// Services of one kind.
fn running(index: &Index<'_>, is: impl Fn(&Run) -> bool) -> Set<String> {
    index
        .services
        .iter()
        .filter(|(_, (_, service))| is(&service.run))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Services that stand by, and what for.
fn standbys(folder: &Folder) -> Map<String, String> {
    let of = |service: &Service| {
        Some((service.name.get_ref().clone(), service.standby.as_ref()?.of.get_ref().clone()))
    };
    all(&folder.services, |f| &f.service).filter_map(|(_, service)| of(service)).collect()
}

/// What can be asked of an alert (that it came, that somebody has it, that it is over), of a probe's check, and of what is so or
/// not.
fn values(index: &Index<'_>) -> Map<String, Set<String>> {
    let truths = || ["false", "true"].map(str::to_owned).into();
    let mut values: Map<String, Set<String>> = TRUTHS.map(|stem| (stem.to_owned(), truths())).into();
    for (name, (_, service)) in index.services.iter() {
        match &service.run {
            Run::Alert(alert) => {
                let known = ["delivered", "quiet"].into_iter();
                let known = known.chain(alert.calls.as_ref().map(|_| "acknowledged"));
                values.insert(format!("alert.{name}"), known.map(str::to_owned).collect());
            }
            Run::Probe(probe) => probe.checks.iter().for_each(|check| {
                let known = values.entry(check.name.clone()).or_default();
                known.extend(outcomes(check.kind).chain(probe.source.map(|_| Outcome::Blank.to_string())));
            }),
            _ => {}
        }
    }
    values
}

/// The signals of a probe's check.
pub(crate) fn stems(check: &probe::Check) -> [String; 2] {
    [check.name.clone(), format!("seconds.{}", check.name)]
}

/// What a check can come to.
fn outcomes(kind: probe::Kind) -> impl Iterator<Item = String> {
    let classes = ["ok", "failing", "all"].map(str::to_owned);
    let words = classes.into_iter().chain(Outcome::WITHOUT_STATUS.iter().map(Outcome::to_string));
    let statuses = match kind {
        probe::Kind::DnsOnly => 0..0,
        probe::Kind::Http | probe::Kind::Page => 100..600,
    };
    words.chain(statuses.map(|status: u16| status.to_string()))
}

/// Configuration stores, and the changes that can be pushed.
fn stores(index: &Index<'_>) -> Map<String, Set<String>> {
    let changes = |run: &Run| match run {
        Run::ConfigurationStore(store) => {
            Some(store.changes.iter().map(|change| change.name.clone()).collect())
        }
        _ => None,
    };
    let services = index.services.iter();
    services.filter_map(|(name, (_, service))| Some((name.to_owned(), changes(&service.run)?))).collect()
}

fn racks(folder: &Folder) -> Set<String> {
    all(&folder.services, |f| &f.host)
        .filter_map(|(_, host)| Some(host.rack.as_ref()?.get_ref().clone()))
        .collect()
}

/// Name servers, the names with an address in their zones, and the addresses.
fn named(index: &Index<'_>, zones: &BTreeMap<String, Zone>) -> Map<String, Map<String, Set<String>>> {
    let mut named: Map<String, Map<String, Set<String>>> = Map::new();
    for (server, (_, service)) in index.services.iter() {
        let Run::Authority(authority) = &service.run else { continue };
        let names = named.entry(server.to_owned()).or_default();
        for zone in authority.zones.iter().filter_map(|zone| zones.get(zone.get_ref())) {
            for name in zone.named() {
                let addresses = zone.addresses(name).map(|record| record.data.to_string());
                let word = name.to_string().trim_end_matches('.').to_owned();
                names.entry(word).or_default().extend(addresses);
            }
        }
    }
    named
}

/// Routers that take orders, and what each may originate.
fn originates(folder: &Folder) -> Map<String, Set<String>> {
    let mut by_router: Map<String, Set<String>> = Map::new();
    for (_, originate) in all(&folder.networks, |f| &f.originate) {
        let router = by_router.entry(originate.router.get_ref().clone()).or_default();
        router.insert(originate.prefix.to_string());
    }
    let managed = all(&folder.networks, |f| &f.router).filter(|(_, router)| !router.groups.is_empty());
    let managed: Set<&String> = managed.map(|(_, router)| router.name.get_ref()).collect();
    by_router.retain(|router, _| managed.contains(router));
    by_router
}

/// Services by name, and what they are for users: products, and sites by host name.
fn services(index: &Index<'_>) -> Set<String> {
    index.services.iter().flat_map(|(_, (_, service))| known_as(service)).collect()
}

/// The words by which runbooks and objectives speak of a service: its name, and what it is for.
pub(crate) fn known_as(service: &Service) -> Vec<String> {
    let purposes = match &service.run {
        Run::Backend(backend) => vec![backend.product.clone()],
        Run::Users(users) => vec![users.product.clone()],
        Run::Posts(posts) => posts.hosts.clone(),
        // What name servers and backbone routers do together has no service of its own.
        Run::Authority(_) => vec!["names".to_owned()],
        Run::Capacity(_) => vec!["backbone".to_owned()],
        _ => Vec::new(),
    };
    std::iter::once(service.name.get_ref().clone()).chain(purposes).collect()
}

/// Host names of sites that show pages.
pub(crate) fn documents(index: &Index<'_>) -> Set<String> {
    let hosts = |run: &Run| match run {
        Run::Site(site) => site.hosts.clone(),
        Run::Tool(tool) => tool.hosts.clone(),
        _ => Vec::new(),
    };
    index.services.iter().flat_map(|(_, (_, service))| hosts(&service.run)).collect()
}

fn signals(folder: &Folder, index: &Index<'_>, people: &People) -> Map<String, Observability> {
    let mut signals = Map::new();
    let mut public = |stem: &str, vantage: &str| {
        signals.insert(stem.to_owned(), Observability::Public);
        signals.insert(format!("{stem}@{vantage}"), Observability::Public);
    };
    for (_, (_, service)) in index.services.iter() {
        let host = service.host.get_ref();
        match &service.run {
            Run::Probe(probe) => {
                probe.checks.iter().flat_map(stems).for_each(|stem| public(&stem, host));
            }
            Run::Alert(_) => public(&format!("alert.{}", service.name.get_ref()), host),
            Run::Users(users) => {
                public(&format!("sends.{}", users.product), host);
                public("sends-succeed", host);
            }
            _ => {}
        }
    }
    for (_, router) in all(&folder.networks, |f| &f.router).filter(|(_, r)| r.collector) {
        public("updates", router.name.get_ref());
        for (_, originate) in all(&folder.networks, |f| &f.originate) {
            public(&format!("paths.{}", originate.prefix), router.name.get_ref());
        }
    }
    for stem in ["privileged-prompt", "ports-shut-by-last-change", "data-centres-reachable"] {
        signals.insert(format!("{stem}@console"), Observability::Console);
    }
    for bridge in people.bridges.keys() {
        signals.insert(format!("roles-present@{bridge}"), Observability::Bridge(bridge.clone()));
    }
    for (site, _) in index.sites.iter() {
        signals.insert(format!("guard-has-names@{site}"), Observability::Site(site.to_owned()));
        signals.insert(format!("team-at-gate@{site}"), Observability::Site(site.to_owned()));
    }
    for door in people.doors.values() {
        signals.insert(format!("team-inside@{}", door.name), Observability::Place(door.to.clone()));
    }
    signals
}
