//! What a run left behind, in the shape in which causes are looked for: facts by machine, and packets that were dropped.

use blackstart_dns::Name;
use blackstart_fault::Fault;
use blackstart_rt as rt;
use blackstart_rt::{Map, Set};
use blackstart_scenario::{Run, Scenario};
use blackstart_sim::drops::Drops;
use blackstart_sim::record::SimEvent;
use blackstart_sim::{DropCause, LinkId, Record, Time, control};
use blackstart_world::People;
use jiff::Timestamp;
use std::net::{IpAddr, SocketAddr};

/// A host or a router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// All its addresses.
    pub addresses: Vec<IpAddr>,
    /// The router that it is plugged into; none for routers.
    pub router: Option<String>,
    /// The resolvers that it asks.
    pub resolvers: Vec<IpAddr>,
    /// The names that users, probes and door controllers on it ask for.
    pub asks: Set<String>,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// By the engine.
    Engine(SimEvent),
    /// By interior routing.
    Igp(blackstart_igp::Event),
    /// By BGP.
    Bgp(blackstart_bgp::Event),
    /// By name servers, resolvers and health checks.
    Dns(blackstart_dns::Event),
    /// By network management.
    Manage(blackstart_manage::Event),
    /// At doors.
    Badge(blackstart_badge::Event),
    /// By people.
    World(blackstart_world::Event),
}

/// One record that may be part of a cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// When.
    pub at: Time,
    /// By which service, if by one.
    pub service: Option<String>,
    /// What was recorded.
    pub what: What,
}

/// A packet that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// When.
    pub at: Time,
    /// Which machine dropped it.
    pub host: String,
    /// The ends of the link that did not take it or bring it.
    pub link: Option<(String, String)>,
    /// Why.
    pub cause: DropCause,
    /// From where.
    pub source: SocketAddr,
    /// To where.
    pub destination: SocketAddr,
}

/// All evidence of one run.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Start by the world's clock.
    pub start: Timestamp,
    /// Hosts and routers.
    pub machines: Map<String, Machine>,
    /// Where services run.
    pub hosts: Map<String, String>,
    /// Zones, and the machines whose name servers have them.
    pub name_servers: Map<Name, Set<String>>,
    /// What was recorded, by machine, in order; what people do is under the empty name.
    pub facts: Map<String, Vec<Fact>>,
    /// Packets that were dropped, in order.
    pub drops: Vec<Dropped>,
    /// What was done of the schedule, by the clock.
    pub faults: Vec<Fault>,
    /// Who there is, what they hold, what is assumed of them.
    pub people: People,
    /// An address in each data centre that answers when the centre is reachable.
    pub data_centres: Vec<(String, IpAddr)>,
}

impl Evidence {
    /// The evidence of a run that is over. `drops` are what [`blackstart_sim::drops`] noted of it.
    #[must_use]
    pub fn of(scenario: &Scenario, run: &Run, drops: &Drops) -> Self {
        let wiring = &run.world.wiring;
        let names = wiring.names();
        let asked = scenario.names_asked();
        let machine = |(name, known): (&String, &blackstart_world::Machine)| {
            let resolvers = known.resolvers.iter().map(SocketAddr::ip).collect();
            let addresses = control::addresses(known.node);
            let asks = asked.get(name).cloned().unwrap_or_default();
            (name.clone(), Machine { addresses, router: known.router.clone(), resolvers, asks })
        };
        let mut facts: Map<String, Vec<Fact>> = Map::new();
        let records = run.sim.records();
        let faults = blackstart_fault::executed(&records);
        for record in records {
            let Some(what) = what(&record) else { continue };
            let host = record.node.and_then(|node| names.get(&node)).cloned().unwrap_or_default();
            let service = record.emitter.map(|emitter| emitter.service.to_string());
            facts.entry(host).or_default().push(Fact { at: record.time, service, what });
        }
        let links = links(wiring.machines.iter().map(|(name, machine)| (name, machine.node)));
        let dropped = |drop: &blackstart_sim::drops::Drop| {
            let host = names.get(&drop.node)?.clone();
            let link = drop.link.and_then(|link| links.get(&link)).cloned();
            let (source, destination) = (drop.source, drop.destination);
            Some(Dropped { at: drop.time, host, link, cause: drop.cause, source, destination })
        };
        Self {
            start: scenario.start,
            machines: wiring.machines.iter().map(machine).collect(),
            hosts: wiring.services.clone(),
            name_servers: scenario.name_servers(),
            facts,
            drops: drops.entries.iter().filter_map(dropped).collect(),
            faults,
            people: scenario.people.clone(),
            data_centres: wiring.data_centres.clone(),
        }
    }

    /// What a machine recorded until `to`, the latest first.
    pub(super) fn back<'a>(&'a self, host: &str, to: Time) -> impl Iterator<Item = &'a Fact> + use<'a> {
        let facts = self.facts.get(host).map(Vec::as_slice).unwrap_or_default();
        facts[..facts.partition_point(|fact| fact.at <= to)].iter().rev()
    }

    /// Machines that own an address.
    pub(super) fn owners(&self, address: IpAddr) -> Vec<&str> {
        let owns = |(_, machine): &(&String, &Machine)| machine.addresses.contains(&address);
        self.machines.iter().filter(owns).map(|(name, _)| name.as_str()).collect()
    }

    /// Machines whose name servers have the zone of a name.
    pub(super) fn serving(&self, name: &str) -> Set<&str> {
        let Ok(name) = Name::from_ascii(name) else { return Set::new() };
        let zones = self.name_servers.iter().filter(|(zone, _)| zone.zone_of(&name));
        let nearest = zones.max_by_key(|(zone, _)| zone.num_labels());
        nearest.into_iter().flat_map(|(_, servers)| servers).map(String::as_str).collect()
    }

    /// The machine at an address, or the address where several or none own it.
    pub(super) fn name_of(&self, address: IpAddr) -> String {
        match self.owners(address)[..] {
            [one] => one.to_owned(),
            _ => address.to_string(),
        }
    }

    pub(super) fn owns(&self, host: &str, address: IpAddr) -> bool {
        self.machines.get(host).is_some_and(|machine| machine.addresses.contains(&address))
    }

    /// Packets from or to a machine that were dropped in a window.
    pub(super) fn dropped(&self, host: &str, from: Time, to: Time) -> Vec<&Dropped> {
        let start = self.drops.partition_point(|drop| drop.at < from);
        let in_time = self.drops[start..].iter().take_while(|drop| drop.at <= to);
        let own =
            |drop: &&Dropped| self.owns(host, drop.source.ip()) || self.owns(host, drop.destination.ip());
        in_time.filter(own).collect()
    }
}

/// What of a record may be part of a cause.
fn what(record: &Record) -> Option<What> {
    fn event<E: rt::Event>(record: &Record) -> Option<E> {
        rt::decode(record.kind, &record.bytes)?.ok()
    }
    match record.kind {
        SimEvent::KIND => SimEvent::decode(record).map(What::Engine),
        <blackstart_igp::Event as rt::Event>::KIND => event(record).map(What::Igp),
        <blackstart_bgp::Event as rt::Event>::KIND => event(record).map(What::Bgp),
        <blackstart_dns::Event as rt::Event>::KIND => event(record).map(What::Dns),
        <blackstart_manage::Event as rt::Event>::KIND => event(record).map(What::Manage),
        <blackstart_badge::Event as rt::Event>::KIND => event(record).map(What::Badge),
        <blackstart_world::Event as rt::Event>::KIND => event(record).map(What::World),
        _ => None,
    }
}

/// The ends of every link. A port is named after the machine at its other end, or after a cable.
fn links<'a>(
    machines: impl Iterator<Item = (&'a String, blackstart_sim::NodeId)>,
) -> Map<LinkId, (String, String)> {
    let mut links = Map::new();
    for (name, node) in machines {
        for interface in control::interfaces(node) {
            if let Some(link) = control::link_at(node, &interface.name) {
                links.entry(link).or_insert_with(|| (name.clone(), interface.name.clone()));
            }
        }
    }
    links
}
