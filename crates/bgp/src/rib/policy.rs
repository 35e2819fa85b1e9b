//! Who may hear of what: loop checks, preference by role, valley-free export (RFC 9234), reflection (RFC 4456).

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::config::{
    LOCAL_PREF_CUSTOMER, LOCAL_PREF_OWN, LOCAL_PREF_PEER, LOCAL_PREF_PROVIDER, Neighbour, Role,
};
use crate::wire::Attributes;

/// Communities that limit export (RFC 1997).
const NO_EXPORT: u32 = 0xffff_ff01;
const NO_ADVERTISE: u32 = 0xffff_ff02;
const NO_EXPORT_SUBCONFED: u32 = 0xffff_ff03;

/// Who we are, as policy needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pub(super) asn: u32,
    pub(super) router_id: Ipv4Addr,
}

/// Why a received path is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Our AS is on the path (RFC 4271 9.1.2).
    AsLoop,
    /// We brought it into the AS ourselves (RFC 4456 8).
    OriginatorLoop,
    /// We reflected it already (RFC 4456 8).
    ClusterLoop,
    /// It went sideways or down before it came up to us (RFC 9234 5).
    RouteLeak,
    /// Outside the neighbour's import list.
    Filtered,
}

/// Where a path came from, as export needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Local,
    External,
    /// From a router of our AS with this identifier; `client` when we reflect for it.
    Internal {
        router_id: Ipv4Addr,
        client: bool,
    },
}

/// The path as it enters the Adj-RIB-In.
pub(super) fn import(
    own: Own,
    from: &Neighbour,
    prefix: IpNet,
    mut attributes: Attributes,
) -> Result<Attributes, Refusal> {
    if !permits(from.import.as_deref(), prefix) {
        return Err(Refusal::Filtered);
    }
    if attributes.as_path.asns().any(|asn| asn == own.asn) {
        return Err(Refusal::AsLoop);
    }
    if from.role.is_external() {
        import_external(from, &mut attributes)?;
    } else {
        check_reflection(own, &attributes)?;
    }
    Ok(attributes)
}

fn import_external(from: &Neighbour, attributes: &mut Attributes) -> Result<(), Refusal> {
    let marked = attributes.only_to_customer;
    let is_leak = match from.role {
        Role::Customer => marked.is_some(),
        Role::Peer => marked.is_some_and(|asn| asn != from.asn),
        _ => false,
    };
    if is_leak {
        return Err(Refusal::RouteLeak);
    }
    if from.role != Role::Customer {
        attributes.only_to_customer = marked.or(Some(from.asn));
    }
    attributes.local_pref = Some(local_pref(from.role));
    Ok(())
}

fn local_pref(role: Role) -> u32 {
    match role {
        Role::Customer => LOCAL_PREF_CUSTOMER,
        Role::Peer => LOCAL_PREF_PEER,
        _ => LOCAL_PREF_PROVIDER,
    }
}

fn check_reflection(own: Own, attributes: &Attributes) -> Result<(), Refusal> {
    if attributes.originator_id == Some(own.router_id) {
        return Err(Refusal::OriginatorLoop);
    }
    if attributes.cluster_list.contains(&own.router_id) {
        return Err(Refusal::ClusterLoop);
    }
    Ok(())
}

/// Attributes of a prefix of ours.
pub(super) fn originated() -> Attributes {
    Attributes { local_pref: Some(LOCAL_PREF_OWN), ..Attributes::default() }
}

/// The path as it enters the Adj-RIB-Out of `to`, whose identifier is `to_id`; `None` when it must not.
pub(super) fn export(
    own: Own,
    to: &Neighbour,
    to_id: Ipv4Addr,
    prefix: IpNet,
    origin: Origin,
    attributes: &Attributes,
) -> Option<Attributes> {
    if !permits(to.export.as_deref(), prefix) || attributes.communities.contains(&NO_ADVERTISE) {
        return None;
    }
    if to.role.is_external() {
        export_external(own, to, attributes.clone())
    } else {
        export_internal(own, to, to_id, origin, attributes.clone())
    }
}

fn export_external(own: Own, to: &Neighbour, mut attributes: Attributes) -> Option<Attributes> {
    let is_kept_in = |community: &u32| matches!(*community, NO_EXPORT | NO_EXPORT_SUBCONFED);
    if attributes.communities.iter().any(is_kept_in) {
        return None;
    }
    if to.role != Role::Customer && attributes.only_to_customer.is_some() {
        return None;
    }
    if to.role != Role::Provider {
        attributes.only_to_customer = attributes.only_to_customer.or(Some(own.asn));
    }
    attributes.as_path = attributes.as_path.prepended(own.asn);
    attributes.med = None; // RFC 4271 5.1.4: not passed on to another AS
    attributes.local_pref = None;
    attributes.originator_id = None;
    attributes.cluster_list.clear();
    Some(attributes)
}

/// Internal routes stop here unless we reflect: from clients to all, from others to clients (RFC 4456 6).
fn export_internal(
    own: Own,
    to: &Neighbour,
    to_id: Ipv4Addr,
    origin: Origin,
    mut attributes: Attributes,
) -> Option<Attributes> {
    let Origin::Internal { router_id, client } = origin else { return Some(attributes) };
    if !client && to.role != Role::ReflectorClient {
        return None;
    }
    let originator = attributes.originator_id.unwrap_or(router_id);
    if originator == to_id {
        return None;
    }
    attributes.originator_id = Some(originator);
    attributes.cluster_list.insert(0, own.router_id);
    Some(attributes)
}

/// Does the path get our own address as its next hop?
pub(super) fn is_next_hop_ours(to: &Neighbour, origin: Origin) -> bool {
    match origin {
        Origin::Local => true,
        Origin::External => to.role.is_external() || to.next_hop_self,
        Origin::Internal { .. } => to.role.is_external(),
    }
}

fn permits(list: Option<&[IpNet]>, prefix: IpNet) -> bool {
    list.is_none_or(|list| list.iter().any(|allowed| allowed.contains(&prefix)))
}

/// RFC 4271 5.1.3: a speaker must not use a route whose next hop is itself.
pub(super) fn is_usable_next_hop(next_hop: IpAddr, session_address: IpAddr) -> bool {
    next_hop != session_address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::AsPath;

    const OWN: Own = Own { asn: 10, router_id: Ipv4Addr::new(10, 0, 0, 1) };
    const THEM: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn neighbour(role: Role) -> Neighbour {
        let asn = if role.is_external() { 20 } else { OWN.asn };
        Neighbour::new(THEM.into(), asn, role)
    }

    fn prefix() -> IpNet {
        "129.134.30.0/24".parse().unwrap()
    }

    fn path(asns: &[u32]) -> Attributes {
        Attributes { as_path: AsPath::sequence(asns), ..Attributes::default() }
    }

    fn learnt(role: Role) -> Attributes {
        import(OWN, &neighbour(role), prefix(), path(&[20, 30])).unwrap()
    }

    #[test]
    fn preference_follows_the_role() {
        let preferences = [Role::Customer, Role::Peer, Role::Provider].map(|role| learnt(role).local_pref);
        assert_eq!(preferences, [Some(200), Some(150), Some(100)]);
    }

    /// The valley-free table: rows learnt from, columns told to.
    #[test]
    fn only_customer_routes_go_up_or_sideways() {
        let told = |attributes: &Attributes, role| {
            export(OWN, &neighbour(role), THEM, prefix(), Origin::External, attributes).is_some()
        };
        let row = |attributes: Attributes| {
            [Role::Customer, Role::Peer, Role::Provider, Role::Ibgp].map(|role| told(&attributes, role))
        };
        assert_eq!(row(originated()), [true, true, true, true]);
        assert_eq!(row(learnt(Role::Customer)), [true, true, true, true]);
        assert_eq!(row(learnt(Role::Peer)), [true, false, false, true]);
        assert_eq!(row(learnt(Role::Provider)), [true, false, false, true]);
    }

    #[test]
    fn leaks_and_loops_are_refused() {
        let marked = |asn| Attributes { only_to_customer: Some(asn), ..path(&[20]) };
        let reflected = Attributes { cluster_list: vec![OWN.router_id], ..path(&[]) };
        let returned = Attributes { originator_id: Some(OWN.router_id), ..path(&[]) };
        let cases = [
            (Role::Provider, path(&[20, 10]), Err(Refusal::AsLoop)),
            (Role::Customer, marked(20), Err(Refusal::RouteLeak)),
            (Role::Peer, marked(30), Err(Refusal::RouteLeak)),
            (Role::Peer, marked(20), Ok(())),
            (Role::Provider, marked(30), Ok(())),
            (Role::Ibgp, reflected, Err(Refusal::ClusterLoop)),
            (Role::Ibgp, returned, Err(Refusal::OriginatorLoop)),
        ];
        for (role, attributes, expected) in cases {
            assert_eq!(import(OWN, &neighbour(role), prefix(), attributes).map(drop), expected, "{role:?}");
        }
    }

    #[test]
    fn reflection_goes_from_clients_to_all_and_from_others_to_clients() {
        let source = Ipv4Addr::new(10, 0, 0, 9);
        let told = |client, role| {
            let origin = Origin::Internal { router_id: source, client };
            export(OWN, &neighbour(role), THEM, prefix(), origin, &path(&[]))
        };
        assert_eq!(told(false, Role::Ibgp), None);
        let reflected = told(true, Role::Ibgp).unwrap();
        assert_eq!((reflected.originator_id, reflected.cluster_list), (Some(source), vec![OWN.router_id]));
        assert!(told(false, Role::ReflectorClient).is_some() && told(true, Role::ReflectorClient).is_some());
    }

    #[test]
    fn a_reflected_route_does_not_return_to_its_originator() {
        let origin = Origin::Internal { router_id: THEM, client: true };
        assert_eq!(export(OWN, &neighbour(Role::ReflectorClient), THEM, prefix(), origin, &path(&[])), None);
    }

    #[test]
    fn what_is_internal_stays_inside() {
        let inside = Attributes {
            med: Some(5),
            local_pref: Some(200),
            originator_id: Some(THEM),
            cluster_list: vec![THEM],
            ..path(&[])
        };
        let outside = export(OWN, &neighbour(Role::Provider), THEM, prefix(), Origin::External, &inside);
        assert_eq!(outside, Some(path(&[10])));
    }

    #[test]
    fn communities_and_lists_hold_routes_back() {
        let with = |community| Attributes { communities: vec![community], ..path(&[]) };
        let told = |to: &Neighbour, attributes| {
            export(OWN, to, THEM, prefix(), Origin::Local, &attributes).is_some()
        };
        assert!(
            !told(&neighbour(Role::Customer), with(NO_EXPORT))
                && told(&neighbour(Role::Ibgp), with(NO_EXPORT))
        );
        assert!(!told(&neighbour(Role::Ibgp), with(NO_ADVERTISE)));
        let listed = |prefix: &str| Some(vec![prefix.parse().unwrap()]);
        let closed = Neighbour { export: listed("10.0.0.0/8"), ..neighbour(Role::Customer) };
        let open = Neighbour { export: listed("129.134.0.0/17"), ..neighbour(Role::Customer) };
        assert!(!told(&closed, path(&[])) && told(&open, path(&[])));
        let refusing = Neighbour { import: listed("10.0.0.0/8"), ..neighbour(Role::Customer) };
        assert_eq!(import(OWN, &refusing, prefix(), path(&[20])), Err(Refusal::Filtered));
    }
}
