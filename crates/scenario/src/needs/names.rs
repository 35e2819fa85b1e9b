//! Names, sites on the web, and the signals that depend on them. What resolvers hold in their caches counts as had: only
//! the servers of a name's own zone are asked for.

use super::any_or;
use super::ground::Ground;
use crate::files::services::{Host, Run, Service};
use blackstart_app::probe::Kind;
use blackstart_runbook::needs::{Id, Met};
use blackstart_runbook::step::{Condition, Test};
use std::net::{IpAddr, SocketAddr};

/// With more groups of vantage points than this, any one point counts as enough.
const GROUPS_MAX: usize = 64;

impl<'a> Ground<'a> {
    /// A machine learns the address of a name from one of these resolvers; an address is known as it is.
    pub(super) fn name(&mut self, from: &str, resolvers: &[SocketAddr], name: &str) -> Id {
        let (id, fresh) = self.graph.named(format!("name {name} at {from}"));
        if !fresh {
            return id;
        }
        if name.parse::<IpAddr>().is_ok() {
            self.graph.explain(id, Met::Given);
            return id;
        }
        let mut ways = Vec::new();
        for resolver in resolvers {
            for (host, _) in self.hosts_at(resolver.ip()) {
                let programs =
                    self.services_on(host).into_iter().filter(|s| matches!(s.run, Run::Resolver(_)));
                for program in programs.collect::<Vec<_>>() {
                    let needs = vec![self.path(from, host), self.runs(program), self.zone(host, name)];
                    ways.push(self.graph.joint(Met::All(needs)));
                }
            }
        }
        self.graph.explain(id, any_or(ways, format!("{from} has no resolver")));
        id
    }

    /// A server of the name's zone answers a resolver.
    fn zone(&mut self, resolver: &str, name: &str) -> Id {
        let zone = self.zone_of(name);
        let (id, fresh) = self.graph.named(format!("servers of {zone} from {resolver}"));
        if !fresh {
            return id;
        }
        let mut ways = Vec::new();
        for service in self.services() {
            let Run::Authority(authority) = &service.run else { continue };
            if authority.zones.iter().any(|file| file.get_ref().trim_end_matches(".zone") == zone) {
                let host = service.host.get_ref();
                let mut needs = vec![self.path(resolver, host), self.works(service)];
                needs.extend(self.announced(host));
                ways.push(self.graph.joint(Met::All(needs)));
            }
        }
        self.graph.explain(id, any_or(ways, "nobody serves this zone"));
        id
    }

    /// The zone file that holds a name: the one with the longest match.
    fn zone_of(&self, name: &str) -> String {
        let holds = |zone: &&str| name == *zone || name.ends_with(&format!(".{zone}"));
        let zones = self.scenario.zones.keys().map(|file| file.trim_end_matches(".zone"));
        zones.filter(holds).max_by_key(|zone| zone.len()).unwrap_or("root").to_owned()
    }

    /// A name server with a health check announces itself while it reaches some of its targets.
    fn announced(&mut self, host: &str) -> Option<Id> {
        let checks = self.services_on(host).into_iter();
        let health =
            checks.filter_map(|s| if let Run::Health(health) = &s.run { Some(health) } else { None });
        let targets: Vec<SocketAddr> = health.flat_map(|health| health.targets.iter().copied()).collect();
        if targets.is_empty() {
            return None;
        }
        let reached = targets.iter().map(|target| self.at_address(host, *target)).collect();
        Some(self.graph.fact(format!("{host} announces itself"), Met::Any(reached)))
    }

    /// A site on the web answers a machine, its name included.
    pub(super) fn site(&mut self, from: &str, resolvers: &[SocketAddr], name: &str) -> Id {
        let (id, fresh) = self.graph.named(format!("http://{name} from {from}"));
        if !fresh {
            return id;
        }
        let mut ways = Vec::new();
        for service in self.serving(name) {
            let needs = vec![self.path(from, service.host.get_ref()), self.works(service)];
            ways.push(self.graph.joint(Met::All(needs)));
        }
        let served = any_or(ways, "nobody serves it");
        let both = vec![self.name(from, resolvers, name), self.graph.joint(served)];
        self.graph.explain(id, Met::All(both));
        id
    }

    /// Who answers to a host name: edges where there are some, else whoever else does.
    fn serving(&self, name: &str) -> Vec<&'a Service> {
        let has = |hosts: &Vec<String>| hosts.is_empty() || hosts.iter().any(|host| host == name);
        let edge = |service: &&Service| match &service.run {
            Run::Edge(edge) => edge.pools.iter().any(|pool| has(&pool.hosts)),
            _ => false,
        };
        let other = |service: &&Service| match &service.run {
            Run::Site(site) => has(&site.hosts),
            Run::Tool(tool) => has(&tool.hosts),
            Run::Posts(posts) => has(&posts.hosts),
            Run::Messages(messages) => has(&messages.hosts),
            Run::Reports(reports) => has(&reports.hosts),
            Run::Backend(backend) => has(&backend.hosts),
            _ => false,
        };
        let edges: Vec<&Service> = self.services().into_iter().filter(edge).collect();
        if edges.is_empty() { self.services().into_iter().filter(other).collect() } else { edges }
    }

    /// What must be there before a public signal can be seen as good. Bad news needs nothing.
    pub(super) fn seen(&mut self, seen: &Condition) -> Option<Id> {
        let good = match &seen.test {
            Test::Is(value) => matches!(value.as_str(), "ok" | "200" | "NOERROR"),
            Test::AtLeast(_) => true,
        };
        let points = if good { self.points(seen) } else { Vec::new() };
        if points.is_empty() {
            return None;
        }
        let wanted = seen.quorum.as_ref().map_or(1, |quorum| quorum.count);
        Some(self.enough(wanted, &points))
    }

    /// At least so many of these.
    pub(super) fn enough(&mut self, wanted: usize, points: &[Id]) -> Id {
        let groups: Vec<Vec<Id>> = match 1_usize.checked_shl(points.len() as u32) {
            Some(all) if all <= GROUPS_MAX => (0..all)
                .filter(|bits| bits.count_ones() as usize == wanted)
                .map(|bits| (0..points.len()).filter(|i| bits >> i & 1 == 1).map(|i| points[i]).collect())
                .collect(),
            _ => points.iter().map(|&point| vec![point]).collect(),
        };
        let groups = groups.into_iter().map(|group| self.graph.joint(Met::All(group))).collect();
        self.graph.joint(Met::Any(groups))
    }

    /// What each vantage point of a wait needs to see its signal as good.
    fn points(&mut self, seen: &Condition) -> Vec<Id> {
        let (stem, vantage) = match seen.signal.text.split_once('@') {
            Some((stem, vantage)) => (stem, Some(vantage)),
            None => (seen.signal.text.as_str(), None),
        };
        let mut points = Vec::new();
        for service in self.services() {
            let name = service.host.get_ref();
            let Some((_, host)) = self.index.hosts.get(name) else { continue };
            if vantage.is_none_or(|vantage| vantage == name) && is_asked(seen, host) {
                points.extend(self.point(service, stem));
            }
        }
        points
    }

    fn point(&mut self, service: &'a Service, stem: &str) -> Option<Id> {
        let from = service.host.get_ref();
        match &service.run {
            Run::Probe(probe) => {
                let check = probe.checks.iter().find(|check| check.name == stem)?;
                let resolvers = if check.resolvers.is_empty() { &probe.resolvers } else { &check.resolvers };
                let looks = match check.kind {
                    Kind::DnsOnly => self.name(from, resolvers, &check.host),
                    Kind::Http | Kind::Page => self.site(from, resolvers, &check.host),
                };
                Some(match probe.source {
                    Some(source) => {
                        let read = self.at_address(from, source.at);
                        self.graph.joint(Met::All(vec![looks, read]))
                    }
                    None => looks,
                })
            }
            Run::Users(users) if stem == "sends-succeed" || stem == format!("sends.{}", users.product) => {
                Some(self.site(from, &users.resolvers, &users.host))
            }
            _ => None,
        }
    }
}

/// Whether a wait asks the group that this host belongs to.
fn is_asked(seen: &Condition, host: &Host) -> bool {
    seen.quorum.as_ref().is_none_or(|quorum| host.labels.contains(&quorum.group.text))
}
