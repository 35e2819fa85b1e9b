//! The machine from input to output, for one speaker.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;

use super::*;
use crate::config::{Config, Neighbour, Role};
use crate::session::Established;
use crate::wire::{AsPath, Attributes, Family, Peering, Reachable, Update};

const PROVIDER: PeerId = PeerId(0);
const CUSTOMER: PeerId = PeerId(1);
const INSIDE: PeerId = PeerId(2);
const CLIENT: PeerId = PeerId(3);
const SECOND: Duration = Duration::from_secs(1);

fn address(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

fn prefix(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn dns() -> IpNet {
    prefix("129.134.30.0/24")
}

/// AS 10 at 10.0.0.1 with one neighbour of each kind at .10 to .13, all up.
fn rib(collector: bool) -> Rib {
    let roles = [Role::Provider, Role::Customer, Role::Ibgp, Role::ReflectorClient];
    let mut config = Config::new(10, Ipv4Addr::new(10, 0, 0, 1));
    config.collector = collector;
    for (role, last) in roles.into_iter().zip(10..) {
        let asn = if role.is_external() { 1000 + u32::from(last) } else { 10 };
        config.neighbours.push(Neighbour::new(address(last), asn, role));
    }
    let mut rib = Rib::new(&config);
    for index in 0..config.neighbours.len() {
        step(&mut rib, Duration::ZERO, Input::PeerUp(PeerId(index), up(&config, index)));
    }
    rib
}

fn up(config: &Config, index: usize) -> PeerUp {
    let neighbour = &config.neighbours[index];
    let IpAddr::V4(router_id) = neighbour.address else { panic!("IPv4 only") };
    let peering =
        Peering { peer_as: neighbour.asn, external: neighbour.role.is_external(), four_octet: true };
    let agreed = Established { router_id, peering, families: vec![Family::Ipv4], hold_time_s: 90 };
    PeerUp { agreed, local_address: address(1) }
}

fn announcement(prefix: IpNet, next_hop: IpAddr, asns: &[u32]) -> Update {
    Update {
        reachable: vec![Reachable { next_hop, prefixes: vec![prefix] }],
        attributes: Attributes {
            as_path: AsPath::sequence(asns),
            local_pref: Some(100),
            ..Attributes::default()
        },
        ..Update::default()
    }
}

fn withdrawal(prefix: IpNet) -> Update {
    Update { withdrawn: vec![prefix], ..Update::default() }
}

/// Steps, answers every [`Output::Track`] with cost 5, and lets the neighbours be told.
fn step(rib: &mut Rib, now: Duration, input: Input) -> Vec<Output> {
    let mut outputs = rib.step(now, 0.0, input);
    let tracked = outputs.extract_if(.., |output| matches!(output, Output::Track(_)));
    let costs = tracked
        .filter_map(|output| if let Output::Track(hop) = output { Some((hop, Some(5))) } else { None });
    let costs = Input::NextHops(costs.collect());
    outputs.extend(rib.step(now, 0.0, costs));
    outputs.extend(rib.step(now, 0.0, Input::Tick));
    outputs
}

fn cost(last: u8, metric: Option<u32>) -> Input {
    Input::NextHops(vec![(address(last), metric)])
}

fn told(outputs: &[Output]) -> Vec<PeerId> {
    outputs
        .iter()
        .filter_map(|output| if let Output::Send(peer, _) = output { Some(*peer) } else { None })
        .collect()
}

fn installed(outputs: &[Output]) -> Option<Forwarding> {
    outputs.iter().find_map(|output| if let Output::Install(_, via) = output { Some(*via) } else { None })
}

#[test]
fn a_customer_route_is_installed_and_told_to_everyone_else() {
    let mut rib = rib(false);
    let outputs = step(&mut rib, SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011])));
    assert_eq!(installed(&outputs), Some(Forwarding { external: true, next_hop: address(11) }));
    assert_eq!(told(&outputs), [PROVIDER, INSIDE, CLIENT]);
}

#[test]
fn nothing_is_used_until_its_next_hop_resolves() {
    let mut rib = rib(false);
    let update = Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011]));
    assert_eq!(rib.step(SECOND, 0.0, update), [Output::Track(address(11))]);
    assert!(rib.route(dns()).is_none());
    let outputs = rib.step(SECOND, 0.0, cost(11, Some(0)));
    assert!(rib.route(dns()).is_some() && installed(&outputs).is_some());
}

#[test]
fn a_path_whose_next_hop_is_new_replaces_the_old_one_without_a_gap() {
    let mut rib = rib(false);
    step(&mut rib, SECOND, Input::Update(CLIENT, announcement(dns(), address(77), &[])));
    let outputs = step(&mut rib, 60 * SECOND, Input::Update(CLIENT, announcement(dns(), address(78), &[])));
    assert!(!outputs.iter().any(|output| matches!(output, Output::Uninstall(..))));
    assert_eq!(installed(&outputs), Some(Forwarding { external: false, next_hop: address(78) }));
}

#[test]
fn a_next_hop_that_goes_takes_its_routes_along() {
    let mut rib = rib(false);
    step(&mut rib, SECOND, Input::Update(CLIENT, announcement(dns(), address(77), &[])));
    let outputs = step(&mut rib, 60 * SECOND, cost(77, None));
    let old = Forwarding { external: false, next_hop: address(77) };
    assert!(outputs.contains(&Output::Uninstall(dns(), old)));
    assert_eq!(told(&outputs), [PROVIDER, CUSTOMER, INSIDE]);
}

#[test]
fn a_lower_cost_moves_the_choice_without_an_update() {
    let mut rib = rib(false);
    step(&mut rib, SECOND, Input::Update(INSIDE, announcement(dns(), address(50), &[7])));
    step(&mut rib, SECOND, Input::Update(CLIENT, announcement(dns(), address(60), &[7])));
    assert_eq!(rib.route(dns()).unwrap().source, Source::Peer(INSIDE), "lower router id at equal cost");
    step(&mut rib, SECOND, cost(60, Some(1)));
    let best = rib.route(dns()).unwrap();
    assert_eq!((best.source, best.step), (Source::Peer(CLIENT), Step::IgpMetric));
}

#[test]
fn the_fib_changes_protocol_with_the_choice() {
    let mut rib = rib(false);
    step(&mut rib, SECOND, Input::Update(INSIDE, announcement(dns(), address(50), &[7])));
    let outputs = step(&mut rib, SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011])));
    let inside = Forwarding { external: false, next_hop: address(50) };
    let outside = Forwarding { external: true, next_hop: address(11) };
    assert_eq!(outputs[..2], [Output::Uninstall(dns(), inside), Output::Install(dns(), outside)]);
}

#[test]
fn our_own_prefix_beats_all_others_and_needs_no_forwarding() {
    let mut rib = rib(false);
    step(&mut rib, SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011])));
    let outputs = step(&mut rib, SECOND, Input::Originate(dns()));
    assert!(matches!(outputs[0], Output::Uninstall(..)));
    assert_eq!(rib.route(dns()).unwrap().source, Source::Local);
    let outputs = step(&mut rib, SECOND, Input::Retire(dns()));
    assert!(installed(&outputs).is_some());
}

#[test]
fn a_session_that_drops_takes_its_routes_and_its_memory() {
    let mut rib = rib(false);
    step(&mut rib, SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011])));
    let outputs = step(&mut rib, 60 * SECOND, Input::PeerDown(CUSTOMER));
    assert_eq!(told(&outputs), [PROVIDER, INSIDE, CLIENT]);
    assert_eq!((rib.routes().count(), rib.next_hops().count()), (0, 0));
    let late =
        step(&mut rib, 61 * SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011])));
    assert_eq!(late, [], "nothing is learnt from a session that is down");
}

#[test]
fn a_new_session_gets_the_whole_table_at_once() {
    let mut rib = rib(false);
    step(&mut rib, SECOND, Input::Originate(dns()));
    step(&mut rib, 2 * SECOND, Input::PeerDown(PROVIDER));
    let config = rib_config();
    let outputs = step(&mut rib, 3 * SECOND, Input::PeerUp(PROVIDER, up(&config, 0)));
    let [Output::Send(PROVIDER, update)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(update.attributes.as_path, AsPath::sequence(&[10]));
    assert_eq!(update.announced().collect::<Vec<_>>(), [(dns(), address(1))]);
}

fn rib_config() -> Config {
    let mut config = Config::new(10, Ipv4Addr::new(10, 0, 0, 1));
    config.neighbours.push(Neighbour::new(address(10), 1010, Role::Provider));
    config
}

#[test]
fn external_neighbours_hear_in_intervals_and_internal_ones_at_once() {
    let mut rib = rib(false);
    let other = prefix("185.89.218.0/24");
    assert_eq!(told(&step(&mut rib, SECOND, Input::Originate(dns()))).len(), 4);
    assert_eq!(told(&step(&mut rib, 2 * SECOND, Input::Originate(other))), [INSIDE, CLIENT]);
    assert_eq!(rib.deadline(), Some(31 * SECOND));
    assert_eq!(told(&step(&mut rib, 31 * SECOND, Input::Tick)), [PROVIDER, CUSTOMER]);
    assert_eq!(rib.deadline(), None);
}

#[test]
fn a_refused_path_replaces_the_one_before() {
    let mut rib = rib(false);
    step(&mut rib, SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011])));
    step(&mut rib, SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011, 10])));
    assert!(rib.route(dns()).is_none());
}

#[test]
fn next_hop_self_rewrites_outside_routes_and_spares_reflected_ones() {
    let next_hop_to = |outputs: &[Output], to| {
        outputs.iter().find_map(|output| match output {
            Output::Send(peer, update) if *peer == to => update.announced().next().map(|(_, hop)| hop),
            _ => None,
        })
    };
    let mut rib = rib(false);
    let outside = step(&mut rib, SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011])));
    assert_eq!(next_hop_to(&outside, INSIDE), Some(address(1)));
    let other = prefix("185.89.218.0/24");
    let reflected = step(&mut rib, SECOND, Input::Update(CLIENT, announcement(other, address(77), &[])));
    assert_eq!(next_hop_to(&reflected, INSIDE), Some(address(77)));
}

#[test]
fn a_collector_counts_paths_and_stays_silent() {
    let mut rib = rib(true);
    let first = step(&mut rib, SECOND, Input::Update(PROVIDER, announcement(dns(), address(10), &[1010])));
    assert_eq!(first, [Output::Paths(dns(), 1), Output::Changed(dns())]);
    let second = step(&mut rib, SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011])));
    assert_eq!(second[0], Output::Paths(dns(), 2));
    let again = step(&mut rib, SECOND, Input::Update(CUSTOMER, announcement(dns(), address(11), &[1011])));
    assert_eq!(again, []);
    assert!(
        step(&mut rib, SECOND, Input::Update(CUSTOMER, withdrawal(dns()))).contains(&Output::Paths(dns(), 1))
    );
    let gone = step(&mut rib, SECOND, Input::PeerDown(PROVIDER));
    assert_eq!(gone, [Output::Paths(dns(), 0), Output::Changed(dns())]);
}

#[test]
fn families_that_were_not_agreed_are_not_sent() {
    let mut rib = rib(false);
    assert_eq!(told(&step(&mut rib, SECOND, Input::Originate(prefix("2a03:2880:f0fc::/48")))), []);
}
