//! Routes, links, ports, power, services; and who commanded what.

use super::super::evidence::{Dropped, What};
use super::super::{Cause, End};
use super::{BEFORE, NAMES, Search, before};
use crate::words::{counted, list};
use blackstart_bgp::Event as Bgp;
use blackstart_dns::Event as Dns;
use blackstart_fault::{Kind as FaultKind, On, Thing};
use blackstart_igp::Event as Igp;
use blackstart_manage::event::{Capacity, Event as Manage};
use blackstart_rt::{Map, Set};
use blackstart_sim::Time;
use blackstart_sim::record::SimEvent;
use ipnet::IpNet;
use std::net::IpAddr;
use std::time::Duration;

/// Two things so close in time are one.
const AT_ONCE: Duration = Duration::from_secs(2);
/// A BGP session may be silent so long before it is given up.
const HOLD: Duration = Duration::from_secs(200);
/// The port of BGP.
const BGP_PORT: u16 = 179;

/// The ends of a link, or a router and its port.
type Pair = (String, String);

impl Search<'_> {
    /// Why a router had no route to an address.
    pub(super) fn no_route(&mut self, router: &str, to: IpAddr, at: Time) -> Vec<Cause> {
        if let Some(uplink) = self.evidence.machines.get(router).and_then(|machine| machine.router.clone()) {
            return self.links_down(&[(uplink, router.to_owned())], at);
        }
        let plugged_in_here =
            |owner: &str| self.evidence.machines.get(owner).and_then(|m| m.router.as_deref()) == Some(router);
        let own: Vec<Pair> = (self.evidence.owners(to).into_iter())
            .filter(|owner| plugged_in_here(owner))
            .map(|owner| (router.to_owned(), owner.to_owned()))
            .collect();
        let own = self.links_down(&own, at);
        if !own.is_empty() {
            return own;
        }
        match self.withdrawn_prefix(router, to, at) {
            Some((prefix, since)) => vec![self.withdrawn(router, prefix, since)],
            None => {
                let beyond =
                    self.evidence.owners(to).into_iter().map(|owner| self.router_of(owner)).collect();
                self.cut_off(router, &beyond, Time::ZERO, at).into_iter().collect()
            }
        }
    }

    /// The router that a machine is plugged into, or the router itself.
    fn router_of(&self, machine: &str) -> String {
        let known = self.evidence.machines.get(machine).and_then(|machine| machine.router.clone());
        known.unwrap_or_else(|| machine.to_owned())
    }

    // ---- BGP ----

    /// The narrowest prefix around an address to which a router lost its last BGP route, and when.
    fn withdrawn_prefix(&self, router: &str, to: IpAddr, at: Time) -> Option<(IpNet, Time)> {
        let mut latest: Map<IpNet, (Time, bool)> = Map::new();
        for fact in self.evidence.back(router, at) {
            match &fact.what {
                What::Bgp(Bgp::Withdrawn { prefix }) if prefix.contains(&to) => {
                    latest.entry(*prefix).or_insert((fact.at, true));
                }
                What::Bgp(Bgp::BestPathChanged { prefix, .. }) if prefix.contains(&to) => {
                    latest.entry(*prefix).or_insert((fact.at, false));
                }
                _ => {}
            }
        }
        let gone = latest.into_iter().filter(|(_, (_, gone))| *gone);
        gone.max_by_key(|(prefix, _)| prefix.prefix_len()).map(|(prefix, (since, _))| (prefix, since))
    }

    fn withdrawn(&mut self, router: &str, prefix: IpNet, since: Time) -> Cause {
        let text = format!("{router} lost its last BGP route to {prefix}");
        let short = format!("{prefix} withdrawn");
        self.cause(format!("withdrawn {router} {prefix}"), &short, text, since, |search| {
            let origins = search.origins_that_withdrew(prefix, since);
            if !origins.is_empty() {
                return vec![search.unhealthy(&origins, since)];
            }
            let causes = search.lost_next_hops(router, since);
            if causes.is_empty() { search.lost_upstream(router, prefix, since) } else { causes }
        })
    }

    /// Sessions lost at this moment, or else the part of the network that went just before.
    fn lost_next_hops(&mut self, router: &str, since: Time) -> Vec<Cause> {
        let sessions = self.sessions_lost(router, since);
        match sessions.is_empty() {
            true => self.cut_off(router, &Set::new(), before(since, HOLD), since).into_iter().collect(),
            false => sessions.into_iter().map(|(peer, at)| self.session(router, peer, at)).collect(),
        }
    }

    /// The routers from which this one had its routes in the end, and which lost them for reasons of their own.
    fn lost_upstream(&mut self, router: &str, prefix: IpNet, since: Time) -> Vec<Cause> {
        let mut lost: Map<String, Time> = Map::new();
        let mut seen = Set::from([router.to_owned()]);
        let mut next = vec![(router.to_owned(), since)];
        while let Some((router, at)) = next.pop() {
            for (peer, since) in self.peers_that_lost(&router, prefix, at) {
                if !seen.insert(peer.clone()) {
                    continue;
                }
                match self.sessions_lost(&peer, since).is_empty()
                    && self.cut(&peer, &Set::new(), before(since, HOLD), since).is_none()
                {
                    true => next.push((peer, since)),
                    false => drop(lost.insert(peer, since)),
                }
            }
        }
        let Some(first) = lost.values().min().copied() else { return Vec::new() };
        let names: Vec<&str> = lost.keys().map(String::as_str).collect();
        let text = format!("{}, from which the route came, lost it", list(&names, NAMES));
        vec![self.cause(format!("upstream {}", names.join(" ")), "lost upstream", text, first, |search| {
            lost.iter().flat_map(|(router, since)| search.lost_next_hops(router, *since)).collect()
        })]
    }

    /// Neighbours from which a router ever had its best route, and which have none themselves any more.
    fn peers_that_lost(&self, router: &str, prefix: IpNet, at: Time) -> Map<String, Time> {
        let peers = self.evidence.back(router, at).filter_map(|fact| match &fact.what {
            What::Bgp(Bgp::BestPathChanged { prefix: other, peer, .. }) if *other == prefix => *peer,
            _ => None,
        });
        let peers: Set<String> = peers.map(|peer| self.evidence.name_of(peer)).collect();
        let lost = |peer: String| {
            let last = self.evidence.back(&peer, at).find_map(|fact| match &fact.what {
                What::Bgp(Bgp::Withdrawn { prefix: other }) if *other == prefix => Some(Some(fact.at)),
                What::Bgp(Bgp::BestPathChanged { prefix: other, .. }) if *other == prefix => Some(None),
                _ => None,
            });
            Some((peer, last??))
        };
        peers.into_iter().filter_map(lost).collect()
    }

    /// Machines that announced a prefix and were told to stop, and when.
    fn origins_that_withdrew(&self, prefix: IpNet, at: Time) -> Map<String, Time> {
        let mut origins = Map::new();
        for host in self.evidence.facts.keys() {
            let last = self.evidence.back(host, at).find_map(|fact| match &fact.what {
                What::Bgp(Bgp::WithdrawnLocal { prefix: other, .. }) if *other == prefix => {
                    Some(Some(fact.at))
                }
                What::Bgp(Bgp::Announced { prefix: other }) if *other == prefix => Some(None),
                _ => None,
            });
            if let Some(Some(since)) = last {
                origins.insert(host.clone(), since);
            }
        }
        origins
    }

    /// Sessions that a router lost at about this time and does not have back.
    fn sessions_lost(&self, router: &str, at: Time) -> Vec<(IpAddr, Time)> {
        let mut seen = Set::new();
        let mut lost: Vec<(IpAddr, Time)> = Vec::new();
        for fact in self.evidence.back(router, at + AT_ONCE) {
            match &fact.what {
                What::Bgp(Bgp::SessionUp { peer }) => drop(seen.insert(*peer)),
                What::Bgp(Bgp::SessionDown { peer, .. }) if seen.insert(*peer) && fact.at + AT_ONCE >= at => {
                    lost.push((*peer, fact.at));
                }
                _ => {}
            }
        }
        lost
    }

    fn session(&mut self, router: &str, peer: IpAddr, since: Time) -> Cause {
        let name = self.evidence.name_of(peer);
        let text = format!("{router} lost its BGP session with {name}");
        let key = format!("session {router} {name}");
        self.cause(key, &format!("BGP session with {name} lost"), text, since, |search| {
            // A link between the two says more than packets that it did not take.
            let link = search.links_down(&[(router.to_owned(), name.clone())], since);
            if link.is_empty() { search.unreached(router, peer, before(since, HOLD), since) } else { link }
        })
    }

    // ---- health checks ----

    fn unhealthy(&mut self, origins: &Map<String, Time>, at: Time) -> Cause {
        let since = origins.values().min().copied().unwrap_or(at);
        let names: Vec<&str> = origins.keys().map(String::as_str).collect();
        let text = format!("{} stopped announcing what they serve", list(&names, NAMES));
        let key = format!("origins {}", names.join(" "));
        self.cause(key, "name servers withdrew", text, since, |search| {
            search.health(origins).into_iter().collect()
        })
    }

    /// The health checks that made name servers stop.
    fn health(&mut self, origins: &Map<String, Time>) -> Option<Cause> {
        let mut failed: Map<&str, (Time, u32, u32)> = Map::new();
        for (host, at) in origins {
            let last = self.evidence.back(host, *at).find_map(|fact| match fact.what {
                What::Dns(Dns::Health { up: false, answering, targets }) => {
                    Some((fact.at, answering, targets))
                }
                _ => None,
            });
            failed.extend(last.map(|last| (host.as_str(), last)));
        }
        let (since, answering, targets) = failed.values().min().copied()?;
        let names: Vec<&str> = failed.keys().copied().collect();
        let saw = format!("{answering} of {targets} data centres answer");
        let text = format!("health checks fail at {}: {saw}", list(&names, NAMES));
        Some(self.cause(format!("health {}", names.join(" ")), "health checks fail", text, since, |search| {
            let other = |port| port == BGP_PORT || port == super::DNS_PORT;
            let checks = |drop: &Dropped| !other(drop.source.port()) && !other(drop.destination.port());
            let of_host = |(host, (at, ..)): (&&str, &(Time, u32, u32))| {
                search.lost_packets(host, before(*at, BEFORE), *at, checks)
            };
            failed.iter().flat_map(of_host).collect()
        }))
    }

    // ---- interior routing ----

    /// A router's part of the network, off from the rest; see [`Search::cut`].
    fn cut_off(&mut self, router: &str, beyond: &Set<String>, from: Time, at: Time) -> Option<Cause> {
        let Cut { part, lost } = self.cut(router, beyond, from, at)?;
        let since = lost.values().min().copied()?;
        let inside: Vec<&str> = part.iter().map(String::as_str).collect();
        let outside: Set<&str> =
            lost.keys().map(|(a, b)| if part.contains(a) { b.as_str() } else { a.as_str() }).collect();
        let outside: Vec<&str> = outside.into_iter().collect();
        let text = format!(
            "{} lost every way to {} ({})",
            list(&inside, NAMES),
            list(&outside, NAMES),
            counted(lost.len(), "adjacency")
        );
        let pairs: Vec<Pair> = lost.keys().cloned().collect();
        let key = format!("cut off {}", inside.join(" "));
        Some(self.cause(key, "network parted", text, since, |search| search.links_down(&pairs, at)))
    }

    /// Adjacencies that a router's part of the network had with the rest of it, and lost: the last of them since `from`, and
    /// all of `beyond` on the other side.
    fn cut(&self, router: &str, beyond: &Set<String>, from: Time, at: Time) -> Option<Cut> {
        let mut alive: Set<Pair> = Set::new();
        let mut lost: Map<Pair, Time> = Map::new();
        for host in self.evidence.facts.keys() {
            for (neighbour, up, since) in self.adjacencies(host, at) {
                let pair = in_order(host, &neighbour);
                match up {
                    true => drop(alive.insert(pair)),
                    false => drop(lost.insert(pair, since)),
                }
            }
        }
        alive.retain(|pair| !lost.contains_key(pair));
        let part = part_of(router, &alive);
        lost.retain(|(a, b), _| part.contains(a) != part.contains(b));
        let recent = lost.values().any(|since| *since >= from);
        (recent && beyond.is_disjoint(&part)).then_some(Cut { part, lost })
    }

    /// The latest state of each adjacency that a router ever had: with whom, whether it is up, since when.
    fn adjacencies(&self, router: &str, at: Time) -> Vec<(String, bool, Time)> {
        let mut latest: Map<IpAddr, (bool, Time)> = Map::new();
        for fact in self.evidence.back(router, at) {
            match &fact.what {
                What::Igp(Igp::AdjacencyUp { neighbour }) => {
                    latest.entry(*neighbour).or_insert((true, fact.at));
                }
                What::Igp(Igp::AdjacencyDown { neighbour, .. }) => {
                    latest.entry(*neighbour).or_insert((false, fact.at));
                }
                _ => {}
            }
        }
        latest.into_iter().map(|(peer, (up, since))| (self.evidence.name_of(peer), up, since)).collect()
    }

    // ---- links, ports, machines ----

    /// Why links did not carry anything: ports shut, cables cut, machines dark or without their routing.
    pub(super) fn links_down(&mut self, pairs: &[Pair], at: Time) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut ports = Vec::new();
        for (a, b) in pairs {
            let (own, other) = ((a.clone(), b.clone()), (b.clone(), a.clone()));
            let shut: Vec<Pair> =
                [own, other].into_iter().filter(|port| self.is_shut(port, at).is_some()).collect();
            if shut.is_empty() {
                causes.extend(self.cut_link(a, b, at));
                causes.extend(self.dead(a, at));
                causes.extend(self.dead(b, at));
            }
            ports.extend(shut);
        }
        causes.extend(self.shut(&ports, at));
        causes
    }

    /// Since when a port is shut.
    fn is_shut(&self, (router, port): &Pair, at: Time) -> Option<Time> {
        let last = self.evidence.back(router, at).find_map(|fact| match &fact.what {
            What::Engine(SimEvent::PortAdmin { port: other, up }) if other == port => Some((fact.at, *up)),
            _ => None,
        });
        last.filter(|(_, up)| !up).map(|(since, _)| since)
    }

    /// Ports that are shut, by who shut them.
    pub(super) fn shut(&mut self, ports: &[Pair], at: Time) -> Vec<Cause> {
        let mut by_whom: Map<Option<String>, Map<Pair, Time>> = Map::new();
        for port in ports {
            let Some(since) = self.is_shut(port, at) else { continue };
            by_whom.entry(self.committed_by(port, since)).or_default().insert(port.clone(), since);
        }
        by_whom.into_iter().map(|(who, ports)| self.shut_by(who, &ports)).collect()
    }

    fn shut_by(&mut self, who: Option<String>, ports: &Map<Pair, Time>) -> Cause {
        let since = ports.values().min().copied().unwrap_or_default();
        let routers: Set<&str> = ports.keys().map(|(router, _)| router.as_str()).collect();
        let routers: Vec<&str> = routers.into_iter().collect();
        let text = format!("{} shut at {}", counted(ports.len(), "port"), list(&routers, NAMES));
        let key = format!("shut by {} at {}", who.as_deref().unwrap_or("nobody known"), routers.join(" "));
        let first = ports.keys().next().cloned();
        self.cause(key, "ports shut", text, since, |search| {
            let command = first.zip(who).map(|(port, who)| search.command(&port, &who, since));
            command.into_iter().collect()
        })
    }

    /// Whose change shut a port.
    fn committed_by(&self, (router, port): &Pair, since: Time) -> Option<String> {
        self.evidence.back(router, since + AT_ONCE).find_map(|fact| match &fact.what {
            What::Manage(Manage::Committed { who, ports_down, .. })
                if ports_down.contains(port) && fact.at + AT_ONCE >= since =>
            {
                Some(who.clone())
            }
            _ => None,
        })
    }

    /// The command behind a change: that of automation if one ordered it for this second, else the person's.
    fn command(&mut self, (router, port): &Pair, who: &str, since: Time) -> Cause {
        let due = self.evidence.back(router, since).find_map(|fact| match &fact.what {
            What::Manage(Manage::CommitScheduled { who: other, at_unix_s, ports_down, .. })
                if other == who && ports_down.contains(port) =>
            {
                Some(*at_unix_s)
            }
            _ => None,
        });
        let ordered = due.and_then(|due| self.ordered(due, since));
        let minute = crate::utc::clock(crate::utc::moment(self.evidence.start, since))[..5].to_owned();
        let Some((host, service, at)) = ordered else {
            let text = format!("command by {who}");
            return self.end(
                format!("command by {who}"),
                &format!("by {who} {minute}"),
                text,
                since,
                End::Command,
            );
        };
        let audited = self.audited(at);
        let name = audited.as_ref().map_or(service.as_str(), |(name, _)| name);
        let judged = audited.as_ref().map(|(_, reason)| format!(", which the audit let pass: {reason}"));
        let text = format!("`{name}`, ordered by {service} on {host}{}", judged.unwrap_or_default());
        self.end(format!("command {name}"), &format!("by {name} {minute}"), text, at, End::Command)
    }

    /// Which automation ordered changes for this second: its host, its service, when.
    fn ordered(&self, due: u64, before: Time) -> Option<(String, String, Time)> {
        self.evidence.facts.keys().find_map(|host| {
            self.evidence.back(host, before).find_map(|fact| match &fact.what {
                What::Manage(Manage::CapacityCommand(
                    Capacity::Ordered { at_unix_s, .. } | Capacity::Repeated { at_unix_s, .. },
                )) if *at_unix_s == due => Some((
                    host.clone(),
                    fact.service.clone().unwrap_or_else(|| "automation".to_owned()),
                    fact.at,
                )),
                _ => None,
            })
        })
    }

    /// The command that the audit let pass last, and why.
    fn audited(&self, at: Time) -> Option<(String, String)> {
        let judged = self.evidence.facts.keys().filter_map(|host| {
            self.evidence.back(host, at).find_map(|fact| match &fact.what {
                What::Manage(Manage::Audited { command, allowed: true, reason, .. }) => {
                    Some((fact.at, (command.clone(), reason.clone())))
                }
                _ => None,
            })
        });
        judged.max_by_key(|(at, _)| *at).map(|(_, judged)| judged)
    }

    /// A link that was cut, or loses packets.
    fn cut_link(&mut self, a: &str, b: &str, at: Time) -> Option<Cause> {
        let fault = self.fault(at, |kind| {
            let ends = [[a, b], [b, a]].map(|ends| Thing::new(On::Link, &ends));
            ends.contains(&kind.target())
        });
        let cut = self.evidence.back(a, at).find_map(|fact| match &fact.what {
            What::Engine(SimEvent::LinkBlocked { port, blocked }) if port == b => Some((fact.at, *blocked)),
            _ => None,
        });
        let since = cut.filter(|(_, blocked)| *blocked).map(|(since, _)| since);
        match (fault, since) {
            (Some(fault), _) => Some(fault),
            (None, Some(since)) => {
                let text = format!("link {a} - {b} was cut");
                Some(self.cause(format!("cut {a} {b}"), "link cut", text, since, |_| Vec::new()))
            }
            (None, None) => None,
        }
    }

    /// A fault of the schedule that is at work at a moment.
    pub(super) fn fault(&mut self, at: Time, is: impl Fn(&FaultKind) -> bool) -> Option<Cause> {
        let on = |fault: &&blackstart_fault::Fault| {
            fault.begins_at().is_some_and(|begins| Time::ZERO + begins <= at)
                && fault.ends_at().is_none_or(|end| Time::ZERO + end > at)
                && is(&fault.kind)
        };
        let fault = self.evidence.faults.iter().find(on)?;
        let (text, since) = (fault.kind.to_string(), Time::ZERO + fault.begins_at()?);
        Some(self.end(format!("fault {text}"), &text, text.clone(), since, End::Fault))
    }

    /// Why a machine's clock is wrong.
    pub(super) fn wrong_clock(&mut self, machine: &str, at: Time) -> Option<Cause> {
        self.fault(at, |kind| match kind {
            FaultKind::ClockOffset { machine: other, .. } | FaultKind::ClockDrift { machine: other, .. } => {
                machine == other
            }
            _ => false,
        })
    }

    /// What is wrong with a machine itself: no power, standing still, a service that crashed or was killed.
    pub(super) fn dead(&mut self, machine: &str, at: Time) -> Vec<Cause> {
        let mut judged: Set<String> = Set::new();
        let mut causes = Vec::new();
        let facts: Vec<(Time, SimEvent)> = (self.evidence.back(machine, at))
            .filter_map(|fact| match &fact.what {
                What::Engine(event) => Some((fact.at, event.clone())),
                _ => None,
            })
            .collect();
        for (since, event) in facts {
            match event {
                // What was before its last boot does not matter.
                SimEvent::PowerOn => break,
                SimEvent::PowerOff => {
                    causes.push(self.dark(machine, since));
                    break;
                }
                SimEvent::Resumed => drop(judged.insert(String::new())),
                SimEvent::Paused if judged.insert(String::new()) => {
                    let text = format!("{machine} stands still");
                    causes.push(self.cause(format!("paused {machine}"), &text, text.clone(), since, |search| {
                        let is = |kind: &FaultKind| matches!(kind, FaultKind::Pause { machine: other } if other == machine);
                        search.fault(since, is).into_iter().collect()
                    }));
                }
                SimEvent::ServiceRestarted { service } => drop(judged.insert(service)),
                SimEvent::ServiceKilled { service } if judged.insert(service.clone()) => {
                    causes.push(self.killed(machine, &service, since));
                }
                SimEvent::TaskCrash { service, message } if judged.insert(service.clone()) => {
                    let text = format!("service {service} on {machine} crashed: {message}");
                    let short = format!("{service} crashed");
                    causes.push(self.end(format!("crash {service}"), &short, text, since, End::Crash));
                }
                _ => {}
            }
        }
        causes.extend(self.ailing(machine, at));
        causes
    }

    /// Faults that lie on a machine or its services without stopping them: slow, or wrong answers.
    fn ailing(&mut self, machine: &str, at: Time) -> Option<Cause> {
        let hosts = self.evidence.hosts.clone();
        let here = |service: &String| {
            let router = service.split_once('@').map(|(_, router)| router);
            router == Some(machine) || hosts.get(service).is_some_and(|host| host == machine)
        };
        self.fault(at, |kind| match kind {
            FaultKind::SlowCpu { machine: other, .. } => other == machine,
            FaultKind::ServiceSlow { service, .. }
            | FaultKind::ServiceErrors { service, .. }
            | FaultKind::ServiceDenies { service }
            | FaultKind::ServiceLies { service }
            | FaultKind::ServiceSilent { service }
            | FaultKind::AccountGone { service, .. }
            | FaultKind::Load { service, .. } => here(service),
            _ => false,
        })
    }

    fn dark(&mut self, machine: &str, since: Time) -> Cause {
        let text = format!("{machine} has no power");
        self.cause(format!("power {machine}"), &text, text.clone(), since, |search| {
            let is =
                |kind: &FaultKind| matches!(kind, FaultKind::PowerOff { machine: other } if other == machine);
            search.fault(since, is).into_iter().collect()
        })
    }

    fn killed(&mut self, machine: &str, service: &str, since: Time) -> Cause {
        let text = format!("service {service} on {machine} does not run");
        let short = format!("{service} does not run");
        self.cause(format!("killed {service}"), &short, text, since, |search| {
            let names = [service.to_owned(), format!("{service}@{machine}")];
            let is = |kind: &FaultKind| match kind {
                FaultKind::KillService { service } | FaultKind::CrashLoop { service, .. } => {
                    names.contains(service)
                }
                _ => false,
            };
            search.fault(since, is).into_iter().collect()
        })
    }
}

fn in_order(a: &str, b: &str) -> Pair {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    (a.to_owned(), b.to_owned())
}

/// A part of the network that is off from the rest.
struct Cut {
    /// Its routers.
    part: Set<String>,
    /// Adjacencies with the rest, and when each was lost.
    lost: Map<Pair, Time>,
}

/// Everything that hangs together with a router.
fn part_of(router: &str, alive: &Set<Pair>) -> Set<String> {
    let mut part = Set::from([router.to_owned()]);
    let mut edge = vec![router.to_owned()];
    while let Some(at) = edge.pop() {
        for (a, b) in alive {
            let next = match () {
                () if *a == at => b,
                () if *b == at => a,
                () => continue,
            };
            if part.insert(next.clone()) {
                edge.push(next.clone());
            }
        }
    }
    part
}
