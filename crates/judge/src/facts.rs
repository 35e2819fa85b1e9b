//! What the judges know of a scenario: its files' own words, not what the simulated parts made of them.

use crate::fixpoint::Network;
use blackstart_dns::zone::{Lookup, Zone};
use blackstart_dns::{Name, RData, Record, RecordType};
use blackstart_rt::{Map, Set};
use blackstart_sim::NodeId;
use blackstart_world::People;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Facts about one scenario. Everything is empty unless filled in: a judge without facts has nothing to say.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Every machine's name.
    pub names: Map<NodeId, String>,
    /// People, places, doors and keys.
    pub people: People,
    /// Each badge and the doors that it may open.
    pub badges: Map<String, Set<String>>,
    /// Where the access servers run.
    pub access_servers: Set<NodeId>,
    /// Where the chat servers run.
    pub chat_servers: Set<NodeId>,
    /// Every zone that some authority serves.
    pub zones: Arc<BTreeMap<String, Zone>>,
    /// Who speaks BGP with whom, and over which links.
    pub network: Network,
    /// One address of each network, and each that has a route of its own.
    pub destinations: Vec<IpAddr>,
    /// Signals of checks that only look a name up, and how long each may take until it looks again.
    pub names_checked: Map<String, Duration>,
    /// Signals of checks that use an application, and how long each may take until it looks again.
    pub apps_checked: Map<String, Duration>,
    /// Share of failing requests, in percent, at which the runbook says to stop letting users in.
    pub ramp_stops_at_percent: Option<u32>,
}

/// Aliases followed from one name.
const ALIASES_MAX: usize = 16;

impl Facts {
    /// A name and where its aliases lead, one after another.
    pub(crate) fn chain(&self, name: &str) -> Vec<Name> {
        let first = Name::from_ascii(name).ok();
        std::iter::successors(first, |name| self.alias_of(name)).take(ALIASES_MAX).collect()
    }

    /// Every address that any zone has for a name, aliases followed.
    pub(crate) fn addresses_of(&self, name: &str) -> Set<IpAddr> {
        let chain = self.chain(name);
        chain.last().map(|name| self.own_addresses(name).collect()).unwrap_or_default()
    }

    fn own_addresses<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = IpAddr> + 'a {
        self.zones.values().flat_map(|zone| zone.addresses(name)).filter_map(|record| record.data.ip_addr())
    }

    fn alias_of(&self, name: &Name) -> Option<Name> {
        let mut above = self.zones.values().filter(|zone| zone.origin().zone_of(name));
        above.find_map(|zone| match zone.lookup(name, RecordType::A) {
            Lookup::Alias(Record { data: RData::CNAME(target), .. }) => Some(target.0.clone()),
            _ => None,
        })
    }

    /// Whether the zone nearest to a name has it.
    pub(crate) fn exists(&self, name: &str) -> bool {
        let Ok(name) = Name::from_ascii(name) else { return false };
        let above = self.zones.values().filter(|zone| zone.origin().zone_of(&name));
        let nearest = above.max_by_key(|zone| zone.origin().num_labels());
        let look = |zone: &Zone| zone.lookup(&name, RecordType::A) != Lookup::NxDomain;
        nearest.is_some_and(look)
    }
}
