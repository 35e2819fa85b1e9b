//! What runs on each host: the services' own configurations, and those that the scenario says elsewhere.

use super::network::{
    IN_BAND_PORT, SPEAKER_CONTROL_PORT, accounts, data_centres, identifier, originate, service,
};
use super::{Index, Programs, all, boot, standby};
use crate::access;
use crate::files::services::{
    AccessServer, Alert, Authority, Capacity, ConfigurationStore, ConsoleServer, DoorController, Host,
    Identity, JumpHost, Run, Service, Speaker, StoredChange, Tool, Vpn,
};
use crate::files::units::When;
use crate::model::Scenario;
use blackstart_app as app;
use blackstart_badge::{
    Limits, controller,
    directory::Badge,
    door::Door,
    rules::{Rule, WhenSilent},
    server,
};
use blackstart_bgp::config::{Config as Bgp, Neighbour, Role};
use blackstart_chat as chat;
use blackstart_dns::{authority, endpoint::Endpoint, health, resolver, stub};
use blackstart_identity::session::Session;
use blackstart_identity::{push, server as identity};
use blackstart_manage::{alert, audit, capacity, console_server, sign_in, store, tool, vpn};
use blackstart_sim::{Error, Sim};
use blackstart_world::settings::{Settings, Speaks, Standby, Told};
use blackstart_world::{AccountKind, DOOR_PORT, Machine, Wiring};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where the sign-in service listens.
pub(super) const SIGN_IN_PORT: u16 = 7100;
/// Where the push service listens, and where phones do.
pub(super) const PUSH_PORT: u16 = 7500;
/// Where the access server listens.
pub(super) const ACCESS_PORT: u16 = 7200;
/// Where VPN gateways listen.
pub(super) const VPN_PORT: u16 = 1194;
/// Where configuration stores listen.
pub(super) const STORE_PORT: u16 = 7400;
/// Where name servers listen.
pub(super) const NAMES_PORT: u16 = 53;
/// Where HTTP servers listen.
pub(super) const HTTP_PORT: u16 = 80;

/// Adds every service to the programs of its host.
pub(super) fn install(
    _sim: &Sim,
    scenario: &Scenario,
    index: &Index<'_>,
    wiring: &mut Wiring,
    programs: &mut Programs,
) -> Result<(), Error> {
    wiring.data_centres = data_centres(index);
    wiring.sign_in = public_sign_in(index);
    for (_, service) in all(&scenario.folder.services, |f| &f.service) {
        if let Some(machine) = wiring.machines.get(service.host.get_ref()).cloned() {
            note(scenario, &mut wiring.settings, service, &machine);
        }
    }
    for (_, service) in all(&scenario.folder.services, |f| &f.service) {
        let (name, host_name) = (service.name.get_ref(), service.host.get_ref());
        let Some((_, host)) = index.hosts.get(host_name) else { continue };
        wiring.services.insert(name.clone(), host_name.clone());
        if let Run::Admission(admission) = &service.run {
            wiring.admission =
                Some((SocketAddr::new(*host.address.get_ref(), HTTP_PORT), admission.token.clone()));
        }
        if let Run::DoorController(config) = &service.run
            && let Some(machine) = wiring.machines.get_mut(host_name)
            && machine.resolvers.is_empty()
        {
            machine.resolvers.clone_from(&config.resolvers);
        }
        match &service.run {
            Run::Chat(config) => drop(wiring.chats.insert(name.clone(), chat_at(config, host))),
            Run::JumpHost(config) => {
                let at = public(config.name.as_ref(), host);
                wiring.jump_hosts.insert(name.clone(), Endpoint::new(&at, IN_BAND_PORT));
            }
            Run::Vpn(config) => {
                let at = public(config.name.as_ref(), host);
                wiring.vpns.insert(name.clone(), Endpoint::new(&at, VPN_PORT));
            }
            Run::ConfigurationStore(config) => {
                let at = public(config.name.as_ref(), host);
                wiring.stores.insert(name.clone(), Endpoint::new(&at, STORE_PORT));
            }
            Run::Tool(config) => {
                let known = sessions(config).flat_map(|session| {
                    let key = |host: &String| (session.account.clone(), host.clone());
                    config.hosts.iter().map(|host| (key(host), session.token.clone())).collect::<Vec<_>>()
                });
                wiring.sessions.extend(known);
            }
            _ => {}
        }
        let holders = service.boot_quorum.iter().flat_map(|quorum| &quorum.of);
        let needs: Vec<String> =
            service.boot_needs.iter().chain(holders).map(|need| need.get_ref().clone()).collect();
        if !needs.is_empty() {
            wiring.boot_needs.entry(host_name.clone()).or_default().insert(name.clone(), needs);
        }
        let node = wiring.machines[host_name].node;
        let start = standby::until_it_takes_over(
            index,
            wiring,
            service,
            program(scenario, index, wiring, service, host),
        );
        let start = boot::after_needs(index, service, start);
        programs.entry(node).or_default().push(start);
    }
    let asked = phones(scenario).map(|(_, phone)| phone.name.get_ref().as_str());
    let phones: BTreeSet<&str> = asked.chain(called(scenario)).collect();
    for phone in phones {
        let start = service("phone", || push::phone(any(PUSH_PORT)));
        programs.entry(wiring.machines[phone].node).or_default().push(start);
    }
    Ok(())
}

/// Where people and programs find a chat.
fn chat_at(config: &chat::server::Config, host: &Host) -> Endpoint {
    let at = public(Some(&config.settings.name).filter(|name| name.contains('.')), host);
    Endpoint::new(&at, config.listen.port())
}

/// How people find a host: by this name, or by its public address.
fn public(name: Option<&String>, host: &Host) -> String {
    let address = || host.routed.first().unwrap_or(host.address.get_ref()).to_string();
    name.cloned().unwrap_or_else(address)
}

/// Where people sign in: the service's public address where it has one.
fn public_sign_in(index: &Index<'_>) -> Option<Endpoint> {
    let (_, (_, service)) =
        index.services.iter().find(|(_, (_, s))| s.standby.is_none() && matches!(s.run, Run::Identity(_)))?;
    let Run::Identity(config) = &service.run else { return None };
    let (_, host) = index.hosts.get(service.host.get_ref())?;
    Some(Endpoint::new(&public(config.name.as_ref(), host), SIGN_IN_PORT))
}

fn any(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
}

/// Starts `$run` with a clone of `$config` at each boot, or with what it is `told` by then; `endless` ones have no error to
/// report.
macro_rules! start {
    ($name:expr, endless $run:path, $config:expr) => {{
        let config = $config;
        service($name, move || {
            let work = $run(config.clone());
            async move {
                work.await;
                Ok(())
            }
        })
    }};
    ($name:expr, $run:path, told $told:expr) => {{
        let told = $told;
        service($name, move || $run(told.now()))
    }};
    ($name:expr, $run:path, $config:expr) => {{
        let config = $config;
        service($name, move || $run(config.clone()))
    }};
}

fn program(
    scenario: &Scenario,
    index: &Index<'_>,
    wiring: &Wiring,
    entry: &Service,
    host: &Host,
) -> Box<dyn Fn()> {
    let name = entry.name.get_ref().as_str();
    match &entry.run {
        Run::Speaker(speaker) => start!(name, blackstart_bgp::run, self::speaker(index, host, speaker)),
        Run::Authority(config) => name_server(name, &wiring.settings.zones[name], config.hears_crowd),
        Run::Resolver(config) => start!(name, resolver::run, config.clone()),
        Run::Health(config) => start!(name, endless health::run, config.clone()),
        Run::Edge(config) => start!(name, app::edge::run, config.clone()),
        Run::Backend(config) => start!(name, app::backend::run, config.clone()),
        Run::Admission(config) => start!(name, app::admission::run, config.clone()),
        Run::Site(config) => start!(name, app::site::run, config.clone()),
        Run::Tool(config) => start!(name, tool::run, tool_config(config)),
        Run::Reports(config) => start!(name, app::reports::run, config.clone()),
        Run::Posts(config) => start!(name, app::posts::run, config.clone()),
        Run::Messages(config) => start!(name, app::messages::run, config.clone()),
        Run::Probe(config) => start!(name, app::probe::run, config.clone()),
        Run::Users(config) => start!(name, app::client::run, config.clone()),
        Run::DoorController(config) => {
            start!(name, controller::run, doors(scenario, index, host.name.get_ref(), config))
        }
        Run::AccessServer(_) => start!(name, server::run, told wiring.settings.access[name].clone()),
        Run::Identity(_) => start!(name, identity::run, told wiring.settings.sign_in[name].clone()),
        Run::Push(_) => start!(name, push::relay, any(PUSH_PORT)),
        Run::Chat(config) => start!(name, chat::server::run, config.clone()),
        Run::ChatPresence(config) => start!(name, endless chat::presence::run, config.clone()),
        Run::Audit(config) => start!(name, audit::run, config.clone()),
        Run::Capacity(config) => start!(name, capacity::run, controller_config(scenario, wiring, config)),
        Run::ConsoleServer(config) => start!(name, console_server::run, consoles(wiring, host, config)),
        Run::JumpHost(config) => start!(name, console_server::run, in_band(wiring, config)),
        Run::Vpn(config) => start!(name, vpn::run, gateway(config)),
        Run::Alert(config) => match alert_config(scenario, index, name, config) {
            Some(config) => start!(name, alert::run, config),
            None => Box::new(|| {}),
        },
        Run::ConfigurationStore(config) => start!(name, store::run, store_config(scenario, wiring, config)),
    }
}

fn speaker(index: &Index<'_>, host: &Host, speaker: &Speaker) -> Bgp {
    let address = *host.address.get_ref();
    let router = index.routers.get(host.router.get_ref()).map(|(_, router)| router);
    let asn = router.map_or(0, |router| *router.r#as.get_ref());
    let neighbours = router.map(|router| Neighbour::new(router.address, asn, Role::Ibgp));
    Bgp {
        neighbours: neighbours.into_iter().collect(),
        originate: speaker.prefixes.iter().map(|prefix| originate(*prefix, false)).collect(),
        control_port: Some(SPEAKER_CONTROL_PORT),
        ..Bgp::new(asn, identifier(address))
    }
}

fn name_server(name: &str, zones: &Told<authority::Zones>, hears_crowd: bool) -> Box<dyn Fn()> {
    let zones = zones.clone();
    let config = authority::Config { hears_crowd, ..authority::Config::default() };
    service(name, move || authority::run(config.clone(), zones.now()))
}

fn zones(scenario: &Scenario, authority: &Authority) -> authority::Zones {
    let zones = authority.zones.iter().filter_map(|zone| scenario.zones.get(zone.get_ref()));
    zones.cloned().collect()
}

/// What the service is told, and where it is asked, for whoever edits the one or asks the other.
fn note(scenario: &Scenario, settings: &mut Settings, service: &Service, machine: &Machine) {
    let name = service.name.get_ref().clone();
    if let Some(standby) = &service.standby {
        let known = Standby::new(standby.of.get_ref().clone(), standby.copy_max_age.0);
        settings.standbys.insert(name.clone(), known);
    }
    let (speaks, port) = match &service.run {
        Run::Authority(authority) => {
            settings.zones.insert(name.clone(), Told::new(zones(scenario, authority)));
            (Speaks::Names, NAMES_PORT)
        }
        Run::Resolver(_) => (Speaks::Names, NAMES_PORT),
        Run::Identity(config) => {
            settings.sign_in.insert(name.clone(), Told::new(sign_in_config(scenario, config)));
            (Speaks::Lines, SIGN_IN_PORT)
        }
        Run::AccessServer(config) => {
            settings.access.insert(name.clone(), Told::new(access(scenario, service, config)));
            (Speaks::Lines, ACCESS_PORT)
        }
        Run::Edge(_)
        | Run::Backend(_)
        | Run::Site(_)
        | Run::Tool(_)
        | Run::Admission(_)
        | Run::Posts(_)
        | Run::Messages(_)
        | Run::Reports(_) => (Speaks::Pages, HTTP_PORT),
        _ => return,
    };
    settings.asked.insert(name, (machine.node, SocketAddr::new(machine.address, port), speaks));
}

/// The doors whose controller runs on this host.
fn doors(scenario: &Scenario, index: &Index<'_>, host: &str, config: &DoorController) -> controller::Config {
    let mine = scenario.people.doors.values().filter(|door| door.controller == host);
    let own_rule = |rule: &Rule| (rule.when_silent == WhenSilent::OwnRecord).then(|| rule.clone());
    let doors = mine
        .map(|door| Door { fail: door.fail, own_rule: own_rule(&door.rule), ..Door::new(&door.name) })
        .collect();
    let server = Endpoint::new(&config.server, ACCESS_PORT);
    let shows = |service: &&Service| match &service.run {
        Run::AccessServer(server) => server.certificate.is_some(),
        _ => false,
    };
    controller::Config {
        certificate: access::servers(index, &scenario.zones, config).iter().any(shows),
        resolver: stub::Config::new(config.resolvers.clone()),
        offline_list: scenario.door_lists.get(host).copied(),
        ..controller::Config::new(any(DOOR_PORT), server, doors)
    }
}

fn access(scenario: &Scenario, service: &Service, config: &AccessServer) -> server::Config {
    let known = all(&scenario.folder.people, |f| &f.badge).filter(|(_, badge)| access::knows(service, badge));
    let badges = known.map(|(_, badge)| Badge {
        badge: badge.id.get_ref().clone(),
        person: badge.person.get_ref().clone(),
        doors: badge.doors.iter().map(|door| door.get_ref().clone()).collect(),
        valid_from_unix_s: 0,
        valid_until_unix_s: u64::MAX,
    });
    let doors = scenario.people.doors.values();
    let ruled = doors.filter(|door| door.rule != Rule::default());
    server::Config {
        listen: any(ACCESS_PORT),
        badges: badges.collect(),
        rules: ruled.map(|door| (door.name.clone(), door.rule.clone())).collect(),
        certificate: config.certificate,
        limits: Limits::default(),
    }
}

fn sign_in_config(scenario: &Scenario, config: &Identity) -> identity::Config {
    let mut accounts = accounts(scenario, AccountKind::SignIn);
    for account in &mut accounts {
        let phone = phones(scenario).find(|(name, _)| **name == account.account);
        account.push = config.push.zip(phone).map(|(via, (_, host))| push::Push {
            via,
            phone: SocketAddr::new(*host.address.get_ref(), PUSH_PORT),
        });
    }
    identity::Config::new(any(SIGN_IN_PORT), accounts)
}

/// Accounts whose phone is asked, each with the phone.
fn phones(scenario: &Scenario) -> impl Iterator<Item = (&String, &Host)> {
    let accounts = all(&scenario.folder.people, |f| &f.account).map(|(_, account)| account);
    accounts.filter_map(|account| {
        let phone = account.phone.as_ref()?;
        let mut hosts = all(&scenario.folder.services, |f| &f.host).map(|(_, host)| host);
        Some((account.name.get_ref(), hosts.find(|host| host.name.get_ref() == phone.get_ref())?))
    })
}

/// Phones that alerts have called.
fn called(scenario: &Scenario) -> impl Iterator<Item = &str> {
    let services = all(&scenario.folder.services, |f| &f.service).map(|(_, service)| &service.run);
    let calls =
        services.filter_map(|run| if let Run::Alert(alert) = run { alert.calls.as_ref() } else { None });
    calls.flat_map(|calls| &calls.phones).map(|phone| phone.get_ref().as_str())
}

/// The controller commands the ports of a group of links on a group of routers.
fn controller_config(scenario: &Scenario, wiring: &Wiring, config: &Capacity) -> capacity::Config {
    let links = &wiring.link_groups[config.links.get_ref()];
    let ports_of = |router: &String| {
        let other = |(a, b): &(String, String)| match router {
            r if r == a => Some(b.clone()),
            r if r == b => Some(a.clone()),
            _ => None,
        };
        links.iter().filter_map(other).collect()
    };
    let target = |router: &String| capacity::Target {
        name: router.clone(),
        address: SocketAddr::new(wiring.machines[router].address, IN_BAND_PORT),
        ports: ports_of(router),
    };
    let assess_at_unix_s = unix(scenario, config.assess_at).as_secs();
    capacity::Config {
        routers: wiring.router_groups[config.routers.get_ref()].iter().map(target).collect(),
        ports_total: None,
        audit: config.audit,
        sign_in: sign_in::Config::at(config.sign_in),
        account: robot(scenario, config.account.get_ref()),
        assess_at_unix_s,
        reassess_every_s: config.reassess_every.0.as_secs(),
        delay_commit_s: config.commit_delay.0.as_secs(),
        timeout_s: 30,
        control: None,
    }
}

/// A time of the scenario, since 1970.
fn unix(scenario: &Scenario, when: When) -> Duration {
    let clock = scenario.start.to_zoned(jiff::tz::TimeZone::UTC).time();
    Duration::from_secs(scenario.start.as_second() as u64) + when.since(clock)
}

/// The sign-in account of a program.
fn robot(scenario: &Scenario, name: &str) -> sign_in::Account {
    let account = accounts(scenario, AccountKind::SignIn).into_iter().find(|a| a.account == *name);
    let (account, password, code_seed) =
        account.map(|a| (a.account, a.password, a.code_seed)).unwrap_or_default();
    sign_in::Account { account, password, code_seed }
}

/// An alert as it is stated; `None` for a chat that is none, which was complained about when the scenario was loaded.
fn alert_config(scenario: &Scenario, index: &Index<'_>, name: &str, config: &Alert) -> Option<alert::Config> {
    let (_, service) = index.services.get(config.chat.get_ref())?;
    let (_, host) = index.hosts.get(service.host.get_ref())?;
    let Run::Chat(chat) = &service.run else { return None };
    let signs_in = config.signs_in.as_ref();
    Some(alert::Config {
        name: name.to_owned(),
        host: config.host.clone(),
        resolvers: config.resolvers.clone(),
        every: config.every.0,
        timeout: config.timeout.0,
        fall: config.fall,
        chat: chat_at(chat, host),
        channel: config.channel.clone(),
        sign_in: signs_in.map(|it| (sign_in::Config::at(it.at), robot(scenario, it.account.get_ref()))),
        retry: config.retry.0,
        calls: config.calls.as_ref().map(|calls| alert::Calls {
            through: calls.through,
            phones: calls.phones.iter().filter_map(|phone| phone_at(index, phone.get_ref())).collect(),
            after: calls.after.0,
        }),
    })
}

/// A phone and where it is asked.
fn phone_at(index: &Index<'_>, phone: &str) -> Option<(String, SocketAddr)> {
    let (_, host) = index.hosts.get(phone)?;
    Some((phone.to_owned(), SocketAddr::new(*host.address.get_ref(), PUSH_PORT)))
}

/// Changes as they are stated, with the routers' addresses.
fn store_config(scenario: &Scenario, wiring: &Wiring, config: &ConfigurationStore) -> store::Config {
    let target = |router: &str, change: &StoredChange| store::Target {
        name: router.to_owned(),
        address: SocketAddr::new(wiring.machines[router].address, IN_BAND_PORT),
        settings: change.set.get(router).into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
    };
    let change = |change: &StoredChange| store::Change {
        name: change.name.clone(),
        stages: (change.stages.iter())
            .map(|stage| stage.iter().map(|router| target(router.get_ref(), change)).collect())
            .collect(),
        at: change.at.map(|at| unix(scenario, at)),
    };
    store::Config {
        listen: any(STORE_PORT),
        sign_in: sign_in::Config::at(config.sign_in),
        account: robot(scenario, config.account.get_ref()),
        changes: config.changes.iter().map(change).collect(),
        watch: config.watch.clone(),
        hold: config.hold.0,
        frozen_by: config.frozen_by.as_ref().map(|account| account.get_ref().clone()),
    }
}

/// A jump host passes bytes on like a console server, to the routers' command lines instead of cables.
fn in_band(wiring: &Wiring, config: &JumpHost) -> console_server::Config {
    let routers = wiring.router_groups.get(config.routers.get_ref()).into_iter().flatten();
    let at = |router: &String| SocketAddr::new(wiring.machines[router].address, IN_BAND_PORT);
    console_server::Config {
        listen: any(IN_BAND_PORT),
        consoles: routers.map(|router| (router.clone(), at(router))).collect(),
        sign_in: config.sign_in.map(sign_in::Config::at),
        certificate: config.certificate,
    }
}

/// Sessions of a tool from before the run; whose they are is a person's name.
fn sessions(config: &Tool) -> impl Iterator<Item = Session> {
    config.signed_in.iter().enumerate().map(|(n, before)| Session {
        token: format!("before-{n}"),
        account: before.person.get_ref().clone(),
        expires_unix_s: before.at.unix_s().saturating_add(config.session.0.as_secs()),
    })
}

fn tool_config(config: &Tool) -> tool::Config {
    tool::Config {
        listen: any(HTTP_PORT),
        hosts: config.hosts.clone(),
        content: config.content.clone(),
        sign_in: sign_in::Config::at(config.sign_in),
        session: config.session.0,
        sessions: sessions(config).collect(),
        certificate: config.certificate,
    }
}

fn gateway(config: &Vpn) -> vpn::Config {
    let sign_in = sign_in::Config::at(config.sign_in);
    vpn::Config { listen: any(VPN_PORT), sign_in, certificate: config.certificate }
}

fn consoles(wiring: &Wiring, host: &Host, config: &ConsoleServer) -> console_server::Config {
    let cable = |router: &str| {
        let serial = wiring.serial.get(&(host.name.get_ref().clone(), router.to_owned()))?;
        Some((router.to_owned(), serial.console))
    };
    console_server::Config {
        listen: any(IN_BAND_PORT),
        consoles: host.serial.iter().filter_map(|router| cable(router.get_ref())).collect(),
        sign_in: config.sign_in.map(sign_in::Config::at),
        certificate: config.certificate,
    }
}
