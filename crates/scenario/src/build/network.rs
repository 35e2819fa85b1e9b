//! Routers, hosts and links; what interior routing, BGP and the management plane of each router are told.

use super::{Index, Programs, all};
use crate::files::network::{HOLD_TIME, Link, Relation, Router, Session, SiteKind};
use crate::files::services::{Host, Run};
use crate::model::Scenario;
use blackstart_bgp::config::{Config as Bgp, Neighbour, Originate, Role};
use blackstart_identity::account::Account as IdentityAccount;
use blackstart_identity::local;
use blackstart_igp as igp;
use blackstart_manage::{router, sign_in};
use blackstart_sim::control;
use blackstart_sim::fib::{Protocol, Target};
use blackstart_sim::{Error, Latency, LinkSpec, NodeId, NodeSpec, Sim};
use blackstart_world::settings::{Settings, Told};
use blackstart_world::{AccountKind, Machine, Serial, Wiring};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Latency between a host and its router.
const PATCH_LATENCY: Duration = Duration::from_micros(100);
/// In-band command line of routers: stands for SSH.
pub(super) const IN_BAND_PORT: u16 = 22;
/// Serial console of routers.
pub(super) const CONSOLE_PORT: u16 = 23;
/// Control socket of a speaker, on its own machine.
pub(super) const SPEAKER_CONTROL_PORT: u16 = 1179;
/// Name of the port at either end of a serial cable.
const SERIAL: &str = "serial";

/// Adds every router, host and link, and the routing programs.
pub(super) fn lay(
    sim: &Sim,
    scenario: &Scenario,
    index: &Index<'_>,
    wiring: &mut Wiring,
    programs: &mut Programs,
) -> Result<(), Error> {
    for (name, (_, router)) in index.routers.iter() {
        add_router(sim, name, router, wiring)?;
    }
    for (name, (_, host)) in index.hosts.iter() {
        add_host(sim, name, host, wiring)?;
    }
    for (_, link) in all(&scenario.folder.networks, |f| &f.link) {
        add_link(sim, link, wiring)?;
    }
    for (name, (_, host)) in index.hosts.iter() {
        for router in &host.serial {
            add_cable(sim, name, router.get_ref(), is_permanent(index, name), wiring)?;
        }
    }
    for (name, (_, router)) in index.routers.iter() {
        let node = wiring.machines[name].node;
        tell(scenario, index, name, router, &mut wiring.settings);
        programs.entry(node).or_default().extend(routing(name, &wiring.settings));
        if !router.groups.is_empty() {
            let config = management(scenario, index, node);
            programs
                .entry(node)
                .or_default()
                .push(service("management", move || router::run(config.clone())));
        }
    }
    Ok(())
}

/// A program that starts one service.
pub(super) fn service<F>(name: &str, run: impl Fn() -> F + 'static) -> Box<dyn Fn()>
where
    F: Future<Output = std::io::Result<()>> + 'static,
{
    let name = name.to_owned();
    Box::new(move || {
        let work = run();
        let _detached = blackstart_sim::task::spawn(&name, async move {
            // A service that cannot start is a crash, and recorded as one.
            work.await.expect("the service could not start");
        });
    })
}

/// The address of the console of the n-th machine: benchmarking addresses (RFC 2544), which nothing routes.
fn console_address(n: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + n as u32))
}

fn add_router(sim: &Sim, name: &str, router: &Router, wiring: &mut Wiring) -> Result<(), Error> {
    let addresses = vec![router.address, console_address(wiring.machines.len())];
    let node = sim.add_node(NodeSpec { name: name.to_owned(), addresses, forwards: true })?;
    let machine = Machine {
        node,
        address: router.address,
        site: router.site.get_ref().clone(),
        router: None,
        resolvers: Vec::new(),
        rack: None,
    };
    wiring.machines.insert(name.to_owned(), machine);
    for group in &router.groups {
        wiring.router_groups.entry(group.clone()).or_default().push(name.to_owned());
    }
    Ok(())
}

/// A host with its patch cable: everything goes to its router, and its router knows its further addresses.
fn add_host(sim: &Sim, name: &str, host: &Host, wiring: &mut Wiring) -> Result<(), Error> {
    let own = *host.address.get_ref();
    let addresses =
        std::iter::once(own).chain(host.routed.iter().copied()).chain(host.anycast.iter().copied()).collect();
    let node = sim.add_node(NodeSpec { name: name.to_owned(), addresses, forwards: false })?;
    let router = &wiring.machines[host.router.get_ref()];
    let (router_node, router_address) = (router.node, router.address);
    let latency = Latency::Fixed(PATCH_LATENCY);
    sim.add_link(LinkSpec::new(node, router_node).latency(latency))?;
    let everything = if own.is_ipv4() {
        IpNet::from(ipnet::Ipv4Net::default())
    } else {
        IpNet::from(ipnet::Ipv6Net::default())
    };
    control::install_route(node, Protocol::Static, everything, Target::Via(vec![router_address]), 0)?;
    for address in &host.routed {
        control::install_route(
            router_node,
            Protocol::Static,
            IpNet::from(*address),
            Target::Via(vec![own]),
            0,
        )?;
    }
    for label in &host.labels {
        wiring.vantage.entry(label.clone()).or_default().push(name.to_owned());
    }
    let machine = Machine {
        node,
        address: own,
        site: host.site.get_ref().clone(),
        router: Some(host.router.get_ref().clone()),
        resolvers: host.resolvers.clone(),
        rack: host.rack.as_ref().map(|rack| rack.get_ref().clone()),
    };
    wiring.machines.insert(name.to_owned(), machine);
    Ok(())
}

fn add_link(sim: &Sim, link: &Link, wiring: &mut Wiring) -> Result<(), Error> {
    let [a, b] = [link.ends[0].get_ref(), link.ends[1].get_ref()];
    let node = |name: &String| wiring.machines[name].node;
    sim.add_link(LinkSpec::new(node(a), node(b)).both(link.way()))?;
    for group in &link.groups {
        wiring.link_groups.entry(group.clone()).or_default().push((a.clone(), b.clone()));
    }
    Ok(())
}

/// A serial cable: a link of its own beside the network, to an address that only this cable leads to. A crash cart's cable
/// is plugged in by whoever needs it; a console server's stays.
fn add_cable(sim: &Sim, host: &str, router: &str, permanent: bool, wiring: &mut Wiring) -> Result<(), Error> {
    let (cart, to) = (wiring.machines[host].node, wiring.machines[router].clone());
    let at_cart = format!("{SERIAL}-{router}");
    let at_router = format!("{SERIAL}-{host}");
    let latency = Latency::Fixed(PATCH_LATENCY);
    let link = sim.add_link(LinkSpec::new(cart, to.node).latency(latency).ports(at_cart, at_router))?;
    control::set_link_cut(link, !permanent)?;
    let address = control::addresses(to.node).last().copied().unwrap_or(to.address);
    control::install_route(cart, Protocol::Static, IpNet::from(address), Target::Via(vec![to.address]), 0)?;
    let console = SocketAddr::new(address, CONSOLE_PORT);
    wiring.serial.insert((host.to_owned(), router.to_owned()), Serial { link, console });
    Ok(())
}

fn is_permanent(index: &Index<'_>, host: &str) -> bool {
    index
        .services
        .iter()
        .any(|(_, (_, s))| s.host.get_ref() == host && matches!(s.run, Run::ConsoleServer(_)))
}

// ---- what each router is told ----

fn tell(scenario: &Scenario, index: &Index<'_>, name: &str, router: &Router, settings: &mut Settings) {
    if router.igp {
        settings.igp.insert(name.to_owned(), Told::new(interior(scenario, index, name, router)));
    }
    settings.bgp.insert(name.to_owned(), Told::new(exterior(scenario, index, name, router)));
}

fn routing(name: &str, settings: &Settings) -> Vec<Box<dyn Fn()>> {
    let (igp, bgp) = (settings.igp.get(name).cloned(), settings.bgp[name].clone());
    let igp = igp.map(|told| service("igp", move || igp::run(told.now())));
    let bgp = service("bgp", move || blackstart_bgp::run(bgp.now()));
    igp.into_iter().chain([bgp]).collect()
}

fn interior(scenario: &Scenario, index: &Index<'_>, name: &str, router: &Router) -> igp::Config {
    let other_end = |link: &Link| {
        let [a, b] = [link.ends[0].get_ref(), link.ends[1].get_ref()];
        let other = if a == name {
            b
        } else if b == name {
            a
        } else {
            return None;
        };
        let (_, peer) = index.routers.get(other)?;
        let inside = peer.igp && peer.r#as.get_ref() == router.r#as.get_ref();
        inside.then(|| igp::config::Interface { neighbour: other.clone(), metric: link.metric.unwrap_or(10) })
    };
    let links = all(&scenario.folder.networks, |f| &f.link).filter_map(|(_, link)| other_end(link));
    let stub = |prefix, behind| igp::config::Advertise { prefix, metric: 0, behind };
    let stubs = router.networks.iter().map(|net| stub(*net.get_ref(), None));
    // Hosts' further addresses are static routes here; the rest of the AS must hear of them while the host is there.
    let plugged_in = index.hosts.iter().filter(|(_, (_, host))| host.router.get_ref() == name);
    let routed = plugged_in.flat_map(|(host, (_, h))| h.routed.iter().map(move |address| (host, *address)));
    let routed = routed.map(|(host, address)| stub(IpNet::from(address), Some(host.to_owned())));
    let mut config = igp::Config::new(router.address);
    config.interfaces = links.collect();
    config.prefixes = stubs.chain(routed).collect();
    // Links report their own carrier: greetings would only cost events.
    config.hello_interval_s = 0;
    config
}

fn exterior(scenario: &Scenario, index: &Index<'_>, name: &str, router: &Router) -> Bgp {
    let networks = &scenario.folder.networks;
    let sessions = all(networks, |f| &f.session).filter_map(|(_, s)| neighbour(index, name, s));
    let hosts = index.hosts.iter().filter(|(host, (_, h))| h.router.get_ref() == name && speaks(index, host));
    let own_hosts = hosts.map(|(_, (_, host))| Neighbour {
        passive: true,
        hold_time_s: whole_seconds(HOLD_TIME),
        ..Neighbour::new(*host.address.get_ref(), *router.r#as.get_ref(), Role::ReflectorClient)
    });
    let stated = all(networks, |f| &f.originate).filter(|(_, o)| o.router.get_ref() == name);
    let stated = stated.map(|(_, o)| Originate { at_start: !o.standby, ..originate(o.prefix, o.discard) });
    // Networks of a router without interior routing are announced as they are.
    let own = router.networks.iter().filter(|_| !router.igp).map(|net| originate(*net.get_ref(), true));
    Bgp {
        neighbours: sessions.chain(own_hosts).collect(),
        originate: stated.chain(own).collect(),
        collector: router.collector,
        control_port: Some(SPEAKER_CONTROL_PORT),
        ..Bgp::new(*router.r#as.get_ref(), identifier(router.address))
    }
}

pub(super) fn originate(prefix: IpNet, discard: bool) -> Originate {
    Originate { prefix, discard, while_reachable: None, at_start: true }
}

/// A BGP identifier is an IPv4 address; a router with an IPv6 address alone gets one from its last bits.
pub(super) fn identifier(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(v6) => Ipv4Addr::from_bits(v6.to_bits() as u32),
    }
}

pub(super) fn speaks(index: &Index<'_>, host: &str) -> bool {
    index.services.iter().any(|(_, (_, s))| s.host.get_ref() == host && matches!(s.run, Run::Speaker(_)))
}

/// The neighbour at the other end of a session, as this router sees it. The end that comes second waits to be called.
fn neighbour(index: &Index<'_>, name: &str, session: &Session) -> Option<Neighbour> {
    let [a, b] = [session.ends[0].get_ref(), session.ends[1].get_ref()];
    let first = match () {
        () if a == name => true,
        () if b == name => false,
        () => return None,
    };
    let (_, peer) = index.routers.get(if first { b } else { a })?;
    let role = match (session.relation, first) {
        (Relation::Customer, true) => Role::Provider,
        (Relation::Customer, false) => Role::Customer,
        (Relation::Peer, _) => Role::Peer,
        (Relation::Ibgp, _) | (Relation::ReflectorClient, true) => Role::Ibgp,
        (Relation::ReflectorClient, false) => Role::ReflectorClient,
    };
    Some(Neighbour {
        passive: !first,
        hold_time_s: whole_seconds(session.hold_time.get_ref().0),
        ..Neighbour::new(peer.address, *peer.r#as.get_ref(), role)
    })
}

/// As a speaker proposes it; `validate` has seen that it fits.
fn whole_seconds(length: Duration) -> u16 {
    u16::try_from(length.as_secs()).unwrap_or(u16::MAX)
}

/// The management plane of a router that runbooks may speak of: in-band for those whom the sign-in service knows, and the
/// serial console for the routers' own accounts.
fn management(scenario: &Scenario, index: &Index<'_>, node: NodeId) -> router::Config {
    let addresses = control::addresses(node);
    let at = |address: Option<&IpAddr>, port| Some(SocketAddr::new(*address?, port));
    router::Config {
        in_band: at(addresses.first(), IN_BAND_PORT),
        console: at(addresses.last(), CONSOLE_PORT),
        sign_in: sign_in_service(index).map(sign_in::Config::at),
        local: local::Config { accounts: accounts(scenario, AccountKind::Local), ..local::Config::default() },
        routing: Some(SPEAKER_CONTROL_PORT),
        ..router::Config::default()
    }
}

fn sign_in_service(index: &Index<'_>) -> Option<SocketAddr> {
    let (_, (_, service)) = index.services.iter().find(|(_, (_, s))| matches!(s.run, Run::Identity(_)))?;
    let (_, host) = index.hosts.get(service.host.get_ref())?;
    Some(SocketAddr::new(*host.address.get_ref(), super::services::SIGN_IN_PORT))
}

/// The accounts of one kind, as the identity crate wants them.
pub(super) fn accounts(scenario: &Scenario, kind: AccountKind) -> Vec<IdentityAccount> {
    let of_kind = scenario.people.accounts.values().filter(|account| account.kind == kind);
    of_kind
        .map(|account| IdentityAccount {
            account: account.name.clone(),
            password: account.secret.clone(),
            code_seed: account.code_seed.clone().unwrap_or_default(),
            push: None,
            groups: Vec::new(),
        })
        .collect()
}

/// Data centres with an address that answers there: the first host of each, by name.
pub(crate) fn data_centres(index: &Index<'_>) -> Vec<(String, IpAddr)> {
    let centres = index.sites.iter().filter(|(_, (_, site))| site.kind == SiteKind::DataCentre);
    let first = |site: &str| {
        index
            .hosts
            .iter()
            .find(|(_, (_, h))| h.site.get_ref() == site)
            .map(|(_, (_, h))| *h.address.get_ref())
    };
    centres.filter_map(|(name, _)| Some((name.to_owned(), first(name)?))).collect()
}
