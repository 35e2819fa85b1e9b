//! Machines, links and services of the broken world: what is up, what is gone, what a step brings back.

use super::any_or;
use super::wires::{Ends, Link, Wires};
use crate::files::services::{Host, Quorum, Run, Service, Tool};
use crate::index::{Index, all};
use crate::learn::Contact;
use crate::model::{LONGER, Scenario};
use blackstart_fault::{Fault, Kind};
use blackstart_rt::{Map, Set};
use blackstart_runbook::needs::{Graph, Id, Met};
use blackstart_runbook::step::Action;
use jiff::Timestamp;
use std::net::{IpAddr, SocketAddr};

/// Most steps of which every group is tried; later ones open nothing.
const OPENERS_MAX: usize = 8;

/// Why a way stays shut.
const NO_STEP: &str = "no step brings it back";

/// A step that opens a way: ports which automation shut, or machines without power.
#[derive(Clone, Debug)]
pub(super) struct Opener<'a> {
    /// Its node.
    pub(super) step: Id,
    /// Routers on which somebody has a prompt by then.
    pub(super) routers: Set<String>,
    /// Machines that it switches on.
    pub(super) machines: Set<&'a str>,
}

/// The broken world.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) index: &'a Index<'a>,
    pub(super) graph: Graph,
    /// Steps that open ways, in the order of the runbook.
    pub(super) openers: Vec<Opener<'a>>,
    /// Service -> steps that start its program again.
    pub(super) starters: Map<&'a str, Vec<Id>>,
    /// Machines without power, for good.
    dark: Set<&'a str>,
    /// Machines that lose power and boot again.
    booting: Set<&'a str>,
    /// Service -> services that it was seen to ask, by kind: one of each kind is needed.
    learned: Map<String, Vec<Vec<String>>>,
    wires: Wires<'a>,
    /// Links that a fault takes away for good.
    cut: Set<Link>,
    /// Links that automation shuts: by which service, at which of their ends.
    pub(super) shut: Map<Link, Shut<'a>>,
}

/// Who shut a link, and where.
#[derive(Clone, Debug)]
pub(super) struct Shut<'a> {
    pub(super) by: &'a str,
    at: Vec<&'a str>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(scenario: &'a Scenario, index: &'a Index<'a>) -> Self {
        let between = all(&scenario.folder.networks, |f| &f.link)
            .map(|(_, link)| (link.ends[0].get_ref().as_str(), link.ends[1].get_ref().as_str()));
        let patched = index.hosts.iter().map(|(name, (_, host))| (name, host.router.get_ref().as_str()));
        let mut ground = Self {
            scenario,
            index,
            graph: Graph::default(),
            openers: Vec::new(),
            starters: Map::new(),
            dark: Set::new(),
            booting: Set::new(),
            learned: Map::new(),
            wires: Wires::new(between.chain(patched).collect(), |name| index.routers.get(name).is_some()),
            cut: Set::new(),
            shut: Map::new(),
        };
        ground.break_by_faults();
        ground.break_by_automation();
        ground
    }

    /// Takes in who asked whom without saying so. Where several services of a machine may have done it, none is held to it.
    pub(super) fn learn(&mut self, contacts: &[Contact]) {
        let kind = |service: &str| {
            let (_, service) = self.index.services.get(service)?;
            Some(std::mem::discriminant(&service.run))
        };
        for contact in contacts.iter().filter(|contact| !contact.declared) {
            let [service] = contact.services.as_slice() else { continue };
            let groups = self.learned.entry(service.clone()).or_default();
            let like = |group: &&mut Vec<String>| kind(&group[0]) == kind(&contact.asked);
            match groups.iter_mut().find(like) {
                Some(group) => group.push(contact.asked.clone()),
                None => groups.push(vec![contact.asked.clone()]),
            }
        }
    }

    /// Machines that an action switches off and on.
    pub(super) fn switched_by(&self, action: &'a Action) -> Set<&'a str> {
        let named: Vec<&str> = match action {
            Action::Reset { machines, .. } => machines.iter().map(|name| name.text.as_str()).collect(),
            Action::PowerCycle { machine } => vec![&machine.text],
            _ => Vec::new(),
        };
        let mut switched = Set::new();
        for name in named {
            let there = self.index.hosts.iter().filter(|(_, (_, host))| {
                let in_rack = host.rack.as_ref().is_some_and(|rack| rack.get_ref() == name);
                in_rack || host.site.get_ref() == name
            });
            switched.extend(there.map(|(host, _)| host));
            switched.insert(name);
        }
        switched
    }

    /// What a step that switches machines off and on changes: they boot again, with the programs on them, and those without
    /// power have it from then on.
    pub(super) fn switched(&mut self, step: Id, machines: Set<&'a str>) {
        self.booting.extend(&machines);
        for (name, (_, service)) in self.index.services.iter() {
            if machines.contains(service.host.get_ref().as_str()) {
                self.starters.entry(name).or_default().push(step);
            }
        }
        let machines: Set<&str> = machines.intersection(&self.dark).copied().collect();
        if !machines.is_empty() {
            self.openers.push(Opener { step, routers: Set::new(), machines });
        }
    }

    fn break_by_faults(&mut self) {
        for fault in &self.scenario.faults {
            match &fault.kind {
                Kind::PowerOff { machine } if self.is_mended(fault) => drop(self.booting.insert(machine)),
                Kind::PowerOff { machine } => drop(self.dark.insert(machine)),
                Kind::LinkDown { ends: [a, b] } if !self.is_mended(fault) => {
                    let is = |(x, y): Ends<'_>| (x == a && y == b) || (x == b && y == a);
                    let cut = self.wires.links().filter(|(_, ends)| is(*ends));
                    self.cut.extend(cut.map(|(link, _)| link));
                }
                _ => {}
            }
        }
    }

    /// Whether a fault ends, and as far as the clock says within the longest run.
    fn is_mended(&self, fault: &Fault) -> bool {
        fault.lasts.is_some() && fault.ends_at().is_none_or(|end| end < self.scenario.duration * LONGER)
    }

    /// A capacity controller whose audit has the bug shuts its links; another audit refuses, none is not asked.
    fn break_by_automation(&mut self) {
        for (name, (_, service)) in self.index.services.iter() {
            let Run::Capacity(order) = &service.run else { continue };
            if !self.lets_pass(order.audit) || self.dark.contains(service.host.get_ref().as_str()) {
                continue;
            }
            let commanded: Set<&str> = all(&self.scenario.folder.networks, |f| &f.router)
                .filter(|(_, r)| r.groups.contains(order.routers.get_ref()))
                .map(|(_, r)| r.name.get_ref().as_str())
                .collect();
            // The links of the files come first, in their order.
            for (place, (_, link)) in all(&self.scenario.folder.networks, |f| &f.link).enumerate() {
                let ends = [link.ends[0].get_ref().as_str(), link.ends[1].get_ref().as_str()];
                let at: Vec<&str> = ends.into_iter().filter(|end| commanded.contains(end)).collect();
                if link.groups.contains(order.links.get_ref()) && !at.is_empty() {
                    self.shut.insert(place, Shut { by: name, at });
                }
            }
        }
    }

    fn lets_pass(&self, audit: SocketAddr) -> bool {
        self.services_at(audit.ip())
            .iter()
            .any(|service| matches!(&service.run, Run::Audit(config) if config.buggy))
    }

    // ---- who is where ----

    pub(super) fn hosts_at(&self, address: IpAddr) -> Vec<(&'a str, &'a Host)> {
        let has = |host: &Host| {
            *host.address.get_ref() == address
                || host.routed.contains(&address)
                || host.anycast.contains(&address)
        };
        self.index.hosts.iter().filter(|(_, (_, h))| has(h)).map(|(name, (_, host))| (name, host)).collect()
    }

    pub(super) fn services(&self) -> Vec<&'a Service> {
        self.index.services.iter().map(|(_, (_, service))| service).collect()
    }

    /// The tool behind sign-in that has this page.
    pub(super) fn tool_at(&self, page: &str) -> Option<(&'a Service, &'a Tool)> {
        let mut services = self.services().into_iter();
        services.find_map(|service| match &service.run {
            Run::Tool(tool) if tool.hosts.iter().any(|host| host == page) => Some((service, tool)),
            _ => None,
        })
    }

    /// When somebody's session at a tool ends, if one from before holds when the run begins.
    pub(super) fn session_end(&self, tool: &Tool, person: &str) -> Option<Timestamp> {
        let start = self.scenario.start;
        let theirs = tool.signed_in.iter().filter(|before| before.person.get_ref() == person);
        let ends = theirs
            .filter(|before| before.at.0 <= start)
            .filter_map(|before| before.at.0.saturating_add(tool.session.0).ok());
        ends.filter(|end| *end > start).max()
    }

    pub(super) fn services_on(&self, host: &str) -> Vec<&'a Service> {
        self.services().into_iter().filter(|service| service.host.get_ref() == host).collect()
    }

    fn services_at(&self, address: IpAddr) -> Vec<&'a Service> {
        self.hosts_at(address).iter().flat_map(|(name, _)| self.services_on(name)).collect()
    }

    // ---- machines and ways between them ----

    /// A machine has power.
    pub(super) fn machine(&mut self, name: &str) -> Id {
        let met = match self.dark.contains(name) {
            true => {
                let steps = self.openers.iter().filter(|opener| opener.machines.contains(name));
                any_or(steps.map(|opener| opener.step).collect(), "has no power, and no step brings it back")
            }
            false => Met::Given,
        };
        self.graph.fact(name, met)
    }

    /// Packets get from one machine to another: over what is up, or over what a step has opened by then. Routing policy is
    /// left out.
    pub(super) fn path(&mut self, from: &str, to: &str) -> Id {
        let gap = self.gap(from, to);
        let name = match &gap {
            None => format!("path {from} to {to}"),
            Some(gap) => format!("path {from} to {to} ({gap})"),
        };
        let (id, fresh) = self.graph.named(name);
        if fresh {
            let met = match gap {
                None => Met::Given,
                Some(_) => self.reopened(from, to),
            };
            self.graph.explain(id, met);
        }
        id
    }

    /// Every smallest group of steps that together open a way.
    fn reopened(&mut self, from: &str, to: &str) -> Met {
        let opened: Map<Link, u32> =
            self.shut.iter().map(|(link, shut)| (*link, self.opened(shut))).collect();
        let opens = |group: u32| {
            let open = |link| opened.get(&link).is_none_or(|by| by & group != 0);
            self.connected(from, to, &open, &|machine| self.has_power(machine, group))
        };
        let all_steps: u32 = (1 << self.openers.len().min(OPENERS_MAX)) - 1;
        if !opens(all_steps) {
            return Met::Lost(NO_STEP.to_owned());
        }
        let mut enough: Vec<u32> = Vec::new();
        let mut groups: Vec<u32> = (1..=all_steps).collect();
        groups.sort_by_key(|group| group.count_ones());
        for group in groups {
            let known = enough.iter().any(|smaller| smaller & group == *smaller);
            if !known && opens(group) {
                enough.push(group);
            }
        }
        let steps = |group: u32| {
            let steps = self.openers.iter().enumerate().filter(move |(i, _)| group >> i & 1 == 1);
            steps.map(|(_, opener)| opener.step).collect::<Vec<_>>()
        };
        let ways: Vec<Vec<Id>> = enough.iter().map(|group| steps(*group)).collect();
        let ways = ways.into_iter().map(|steps| self.graph.joint(Met::All(steps))).collect();
        any_or(ways, NO_STEP)
    }

    /// The steps, one bit each, that open a shut link.
    fn opened(&self, shut: &Shut<'_>) -> u32 {
        self.steps_that(|opener| shut.at.iter().all(|router| opener.routers.contains(*router)))
    }

    /// Whether a machine has power after these steps.
    fn has_power(&self, machine: &str, group: u32) -> bool {
        !self.dark.contains(machine)
            || self.steps_that(|opener| opener.machines.contains(machine)) & group != 0
    }

    fn steps_that(&self, is: impl Fn(&Opener<'a>) -> bool) -> u32 {
        let openers = self.openers.iter().take(OPENERS_MAX).enumerate().filter(|(_, opener)| is(opener));
        openers.fold(0, |steps, (i, _)| steps | 1 << i)
    }

    /// What is missing between two machines, in words; `None` when there is a way.
    fn gap(&self, from: &str, to: &str) -> Option<String> {
        let is_lit = |machine: &str| !self.dark.contains(machine);
        if self.connected(from, to, &|link| !self.shut.contains_key(&link), &is_lit) {
            return None;
        }
        for machine in [from, to] {
            if self.dark.contains(machine) {
                return Some(format!("{machine} has no power"));
            }
        }
        let whole = self.wires.way(from, to, &|_| true, &|_| true)?;
        let broken = whole.into_iter().find_map(|link| self.broken(link));
        broken.or_else(|| Some("no way".to_owned()))
    }

    fn broken(&self, link: Link) -> Option<String> {
        let (a, b) = self.wires.ends(link);
        if let Some(shut) = self.shut.get(&link) {
            return Some(format!("{a} - {b} shut by {}", shut.by));
        }
        let dark = [a, b].into_iter().find(|end| self.dark.contains(end));
        match dark {
            Some(machine) => Some(format!("{machine} has no power")),
            None => self.cut.contains(&link).then(|| format!("{a} - {b} cut")),
        }
    }

    fn connected(
        &self,
        from: &str,
        to: &str,
        open: &dyn Fn(Link) -> bool,
        lit: &dyn Fn(&str) -> bool,
    ) -> bool {
        let usable = |link| !self.cut.contains(&link) && open(link);
        self.wires.way(from, to, &usable, lit).is_some()
    }

    // ---- services ----

    /// A service's program is there: its machine has power, it was not killed, and it could start.
    pub(super) fn runs(&mut self, service: &'a Service) -> Id {
        let name = service.name.get_ref();
        let (id, fresh) = self.graph.named(format!("`{name}` runs"));
        if !fresh {
            return id;
        }
        let host = service.host.get_ref();
        let mut needs = vec![self.machine(host)];
        let killed = |kind: &Kind| matches!(kind, Kind::KillService { service } if service == name);
        let mut faults = self.scenario.faults.iter();
        if faults.any(|fault| !self.is_mended(fault) && killed(&fault.kind)) {
            let steps = self.starters.get(name.as_str()).cloned().unwrap_or_default();
            let met = any_or(steps, "was killed, and no step starts it");
            needs.push(self.graph.fact(format!("`{name}`'s program"), met));
        }
        if self.booting.contains(host.as_str()) {
            let others = service.boot_needs.iter().map(|need| need.get_ref().as_str());
            let mut starts: Vec<Id> = others.map(|need| self.used_from(host, need)).collect();
            starts.extend(service.boot_quorum.as_ref().map(|quorum| self.unsealed(host, quorum)));
            needs.push(self.graph.fact(format!("`{name}` boots"), Met::All(starts)));
        }
        self.graph.explain(id, Met::All(needs));
        id
    }

    /// So many holders of key shares answer.
    fn unsealed(&mut self, host: &str, quorum: &'a Quorum) -> Id {
        let holders =
            quorum.of.iter().map(|holder| self.used_from(host, holder.get_ref())).collect::<Vec<_>>();
        let enough = choices(&holders, *quorum.at_least.get_ref());
        let ways = enough.into_iter().map(|some| self.graph.joint(Met::All(some))).collect();
        self.graph.joint(Met::Any(ways))
    }

    /// A service does its work: it runs, and so does what it needs meanwhile, within its reach.
    pub(super) fn works(&mut self, service: &'a Service) -> Id {
        let (id, fresh) = self.graph.named(format!("`{}`", service.name.get_ref()));
        if !fresh {
            return id;
        }
        let host = service.host.get_ref();
        let mut needs = vec![self.runs(service)];
        let declared = service.run_needs.iter().map(|need| need.get_ref().as_str());
        needs.extend(declared.map(|need| self.used_from(host, need)));
        for group in self.learned.get(service.name.get_ref()).cloned().unwrap_or_default() {
            let ways = group.iter().map(|asked| self.used_from(host, asked)).collect();
            let name = format!("what `{}` asks at {} (learned)", service.name.get_ref(), group.join(" or "));
            needs.push(self.graph.fact(name, Met::Any(ways)));
        }
        match &service.run {
            Run::Backend(backend) => {
                needs.extend(backend.needs.iter().map(|store| self.at_address(host, *store)));
            }
            Run::Edge(edge) => {
                for pool in &edge.pools {
                    let backends = pool.backends.iter().map(|backend| self.at_address(host, *backend));
                    let backends = backends.collect();
                    needs.push(self.graph.joint(Met::Any(backends)));
                }
            }
            _ => {}
        }
        self.graph.explain(id, Met::All(needs));
        id
    }

    /// A service by name, used from a machine.
    pub(super) fn used_from(&mut self, from: &str, name: &str) -> Id {
        let Some((_, service)) = self.index.services.get(name) else {
            return self.graph.fact(format!("`{name}`"), Met::Unmodelled);
        };
        let both = vec![self.path(from, service.host.get_ref()), self.works(service)];
        self.graph.joint(Met::All(both))
    }

    /// Whatever answers at an address, used from a machine.
    pub(super) fn at_address(&mut self, from: &str, at: SocketAddr) -> Id {
        let mut ways = Vec::new();
        for (name, _) in self.hosts_at(at.ip()) {
            let mut needs = vec![self.path(from, name)];
            needs.extend(self.services_on(name).into_iter().map(|service| self.works(service)));
            ways.push(self.graph.joint(Met::All(needs)));
        }
        let met = any_or(ways, "no machine has this address");
        self.graph.fact(format!("{at} from {from}"), met)
    }
}

/// Every way to take so many of these.
fn choices(of: &[Id], many: usize) -> Vec<Vec<Id>> {
    match (of.split_first(), many) {
        (_, 0) => vec![Vec::new()],
        (None, _) => Vec::new(),
        (Some((first, rest)), _) => {
            let with = choices(rest, many - 1).into_iter().map(|mut some| {
                some.push(*first);
                some
            });
            with.chain(choices(rest, many)).collect()
        }
    }
}
