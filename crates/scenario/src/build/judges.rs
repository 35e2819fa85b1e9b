//! What the judges of a run are told: the scenario's own words, apart from what the programs make of them.

use super::network::speaks;
use super::{Index, all};
use crate::files::network::Relation as Stated;
use crate::files::services::{Run, Service};
use crate::model::Scenario;
use blackstart_judge::Facts;
use blackstart_judge::fixpoint::{Cable, Network, Relation, Session, Speaker};
use blackstart_rt::{Map, Set};
use blackstart_runbook::step::{Action, Runbook};
use blackstart_sim::NodeId;
use blackstart_world::Wiring;
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Everything that judges may know of `scenario` beforehand.
pub(super) fn facts(
    scenario: &Scenario,
    index: &Index<'_>,
    wiring: &Wiring,
    runbooks: &[Arc<Runbook>],
) -> Facts {
    let checks = |wanted: fn(&Service) -> Vec<(String, Duration)>| {
        let services = all(&scenario.folder.services, |f| &f.service);
        services.flat_map(|(_, service)| wanted(service)).collect::<Map<String, Duration>>()
    };
    let nodes = |wanted: fn(&Run) -> bool| {
        let services = all(&scenario.folder.services, |f| &f.service).filter(|(_, s)| wanted(&s.run));
        services.map(|(_, service)| wiring.machines[service.host.get_ref()].node).collect()
    };
    Facts {
        names: wiring.names(),
        people: scenario.people.clone(),
        badges: badges(scenario),
        access_servers: nodes(|run| matches!(run, Run::AccessServer(_))),
        chat_servers: nodes(|run| matches!(run, Run::Chat(_))),
        zones: scenario.zones.clone(),
        network: network(scenario, index, wiring),
        destinations: destinations(index),
        names_checked: checks(names_checked),
        apps_checked: checks(apps_checked),
        ramp_stops_at_percent: runbooks.iter().filter_map(|runbook| ramp_limit(runbook)).min(),
    }
}

fn badges(scenario: &Scenario) -> Map<String, Set<String>> {
    let doors = |doors: &[blackstart_source::Spanned<String>]| {
        doors.iter().map(|door| door.get_ref().clone()).collect()
    };
    let badges = all(&scenario.folder.people, |f| &f.badge);
    badges.map(|(_, badge)| (badge.id.get_ref().clone(), doors(&badge.doors))).collect()
}

/// A probe's checks that only look a name up.
fn names_checked(service: &Service) -> Vec<(String, Duration)> {
    checked(service, |kind| kind == blackstart_app::probe::Kind::DnsOnly)
}

/// Everything that uses an application: a probe's other checks, and sampled users.
fn apps_checked(service: &Service) -> Vec<(String, Duration)> {
    match &service.run {
        Run::Users(users) => {
            let signal = format!("sends.{}@{}", users.product, service.host.get_ref());
            vec![(signal, users.looks_after())]
        }
        _ => checked(service, |kind| kind != blackstart_app::probe::Kind::DnsOnly),
    }
}

fn checked(
    service: &Service,
    wanted: impl Fn(blackstart_app::probe::Kind) -> bool,
) -> Vec<(String, Duration)> {
    let Run::Probe(probe) = &service.run else { return Vec::new() };
    let checks = probe.checks.iter().filter(|check| wanted(check.kind));
    let signal = |name: &str| format!("{name}@{}", service.host.get_ref());
    checks.map(|check| (signal(&check.name), check.interval_s.get() + check.timeout_s.get())).collect()
}

/// The share of failing requests at which the runbook's ramp stops; the strictest, if there are several.
fn ramp_limit(runbook: &Runbook) -> Option<u32> {
    let limit = |action: &Action| match action {
        Action::Admit { stop_errors_percent, .. } => *stop_errors_percent,
        _ => None,
    };
    runbook.steps.iter().filter_map(|step| limit(&step.body.as_ref()?.action)).min()
}

/// An address of each network, every router, and every address with a route of its own.
fn destinations(index: &Index<'_>) -> Vec<IpAddr> {
    let mut all: Set<IpAddr> = Set::new();
    let mut seen: Set<IpNet> = Set::new();
    for (_, (_, router)) in index.routers.iter() {
        all.insert(router.address);
    }
    for (_, (_, host)) in index.hosts.iter() {
        let own = *host.address.get_ref();
        let router = index.routers.get(host.router.get_ref());
        let nets = router.into_iter().flat_map(|(_, router)| &router.networks).map(|net| *net.get_ref());
        if nets.filter(|net| net.contains(&own)).any(|net| seen.insert(net)) {
            all.insert(own);
        }
        all.extend(host.routed.iter().chain(&host.anycast));
    }
    all.into_iter().collect()
}

fn network(scenario: &Scenario, index: &Index<'_>, wiring: &Wiring) -> Network {
    let node = |name: &str| wiring.machines[name].node;
    let mut network = Network::default();
    for (name, (_, router)) in index.routers.iter() {
        let speaker = Speaker {
            asn: *router.r#as.get_ref(),
            address: router.address,
            collector: router.collector,
            is_host: false,
        };
        network.speakers.insert(node(name), speaker);
    }
    for (_, link) in all(&scenario.folder.networks, |f| &f.link) {
        let [a, b] = [link.ends[0].get_ref(), link.ends[1].get_ref()];
        let routed_inside = index
            .routers
            .get(a)
            .zip(index.routers.get(b))
            .is_some_and(|((_, a), (_, b))| a.igp && b.igp && a.r#as.get_ref() == b.r#as.get_ref());
        let metric = routed_inside.then(|| link.metric.unwrap_or(10));
        network.cables.push(Cable { ends: [node(a), node(b)], metric });
    }
    for (_, session) in all(&scenario.folder.networks, |f| &f.session) {
        let relation = match session.relation {
            Stated::Customer => Relation::Customer,
            Stated::Peer => Relation::Peer,
            Stated::Ibgp => Relation::Inside,
            Stated::ReflectorClient => Relation::Client,
        };
        let ends = [node(session.ends[0].get_ref()), node(session.ends[1].get_ref())];
        network.sessions.push(Session { ends, relation });
    }
    for (name, (_, host)) in index.hosts.iter().filter(|(name, _)| speaks(index, name)) {
        add_host(&mut network, node(name), node(host.router.get_ref()), *host.address.get_ref());
    }
    network
}

/// A host that speaks to its router, which reflects for it.
fn add_host(network: &mut Network, host: NodeId, router: NodeId, address: IpAddr) {
    let asn = network.speakers.get(&router).map_or(0, |router| router.asn);
    network.speakers.insert(host, Speaker { asn, address, collector: false, is_host: true });
    network.cables.push(Cable { ends: [host, router], metric: None });
    network.sessions.push(Session { ends: [host, router], relation: Relation::Client });
}
