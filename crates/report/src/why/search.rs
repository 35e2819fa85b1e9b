//! From one cause to those behind it.
//!
//! Each function takes what is known (a name did not resolve, packets were dropped, a router had no route) and asks the
//! evidence for what lies behind. Here are attempts, names and packets; the rest:
//!
//! - `network`: routes, links, ports, power, services, commands
//! - `people`: doors, people, items

mod network;
mod people;

use super::{Cause, End, Evidence};
use crate::outcome::Step;
use crate::utc::moment;
use crate::words::list;
use blackstart_dns::message::Rcode;
use blackstart_fault::Kind as FaultKind;
use blackstart_rt::{Map, Set};
use blackstart_runbook::execute::{Attempt, Kind, Spent};
use blackstart_sim::{DropCause, Time};
use blackstart_world::Event as World;
use std::net::IpAddr;
use std::time::Duration;

use super::evidence::{Dropped, What};

/// How long before something was noticed its cause may lie: packets are sent again, health checks take several rounds.
const BEFORE: Duration = Duration::from_secs(600);
/// Most destinations for which a group of drops is followed up.
const FOLLOWED: usize = 4;
/// Columns for names in a list.
const NAMES: usize = 48;

/// A search through the evidence of one run.
pub(super) struct Search<'a> {
    evidence: &'a Evidence,
    told: Set<String>,
}

/// Drops of one kind at one place.
type Place<'a> = (&'a str, DropCause, Option<&'a (String, String)>);

impl<'a> Search<'a> {
    pub(super) fn new(evidence: &'a Evidence) -> Self {
        Self { evidence, told: Set::new() }
    }

    /// What lies behind something that was tried in a step whose time went on `spent`.
    pub(super) fn attempt(&mut self, attempt: &Attempt, spent: &[Spent]) -> Cause {
        let Attempt { kind, to, began, ended, saw, .. } = attempt;
        let (began, ended) = (*began, *ended);
        let from = attempt.from.clone().unwrap_or_default();
        let key = format!("{} {to}", kind.word());
        let who = match &attempt.by {
            Some(person) if from.is_empty() => format!("{person}: "),
            Some(person) => format!("{person}, from {from}: "),
            None if from.is_empty() => String::new(),
            None => format!("from {from}: "),
        };
        let text = |what: String| format!("{who}{what}");
        match kind {
            Kind::NameLookup => {
                let short = format!("{to} does not resolve");
                let text = text(format!("name {to}: {saw}"));
                self.cause(key, &short, text, began, |s| s.unresolved(&one(to), &from, ended))
            }
            Kind::Connect => {
                let short = format!("no connection to {to}");
                let text = text(format!("connection to {to}: {saw}"));
                self.cause(key, &short, text, began, |s| s.unreached_name(to, &from, began, ended))
            }
            Kind::Certificate => {
                let short = format!("{to} is not believed");
                let text = text(format!("connection to {to}: {saw}"));
                self.cause(key, &short, text, began, |s| s.wrong_clock(&from, ended).into_iter().collect())
            }
            Kind::SignIn => {
                let text = text(format!("sign-in at {to}: {saw}"));
                let host = to.rsplit_once(':').map_or(to.as_str(), |(host, _)| host);
                self.cause(key, "no sign-in", text, began, |s| match host.parse::<IpAddr>() {
                    Ok(_) => s.unreached_name(host, &from, began, ended),
                    Err(_) => {
                        let mut causes = s.unresolved(&one(host), &from, ended);
                        causes.extend(s.lost_packets(&from, began, ended, |_| true));
                        causes
                    }
                })
            }
            Kind::Console => {
                let text = text(format!("console of {to}: {saw}"));
                self.cause(key, &format!("console of {to} fails"), text, began, |s| s.dead(to, ended))
            }
            Kind::Reach => self.cause(key, "data centres out of reach", text(saw.clone()), began, |s| {
                let centres = s.evidence.data_centres.clone();
                centres
                    .iter()
                    .flat_map(|(_, address)| s.unreached(to, *address, before(began, BEFORE), ended))
                    .collect()
            }),
            Kind::Port => {
                let (router, port) = to.split_once(' ').unwrap_or((to, ""));
                let shut = (router.to_owned(), port.to_owned());
                self.cause(key, "port shut again", text(saw.clone()), began, |s| s.shut(&[shut], ended))
            }
            Kind::Wait => {
                let text = text(format!("waited for {to}: {saw}"));
                self.cause(key, &format!("{to} was {saw}"), text, began, |s| s.signal(to, began, ended))
            }
            Kind::BadgeTap => {
                let text = text(format!("badge at {to} {saw}"));
                self.cause(key, "badge denied", text, began, |s| s.badge(to, &from, began, ended))
            }
            Kind::GuardKey => {
                self.cause(key, "no guard with a key", text(saw.clone()), began, |s| s.guard(to, ended))
            }
            Kind::Person => self.cause(key, saw, text(saw.clone()), began, |s| s.person(to, ended)),
            Kind::Item => self.cause(key, saw, text(saw.clone()), began, |s| s.item(to, ended)),
            Kind::Travel => self.end(key, saw, text(saw.clone()), began, End::Assumption),
            Kind::Limit => self.cause(key, saw, text(saw.clone()), ended, |s| s.time_of_people(spent)),
            Kind::Task => self.cause(format!("task {saw}"), saw, text(saw.clone()), began, |_| Vec::new()),
        }
    }

    /// A step in which nothing failed and which is not done: the run ended first.
    pub(super) fn unfinished(&mut self, step: &Step) -> Option<Cause> {
        let text = step.blocked_on.as_ref()?;
        let since = step.spent.last().map_or(Time::ZERO, |spent| spent.until);
        Some(self.cause(format!("unfinished {}", step.id), text, text.clone(), since, |search| {
            search.time_of_people(&step.spent)
        }))
    }

    /// Something that a step rests on and that has no model.
    pub(super) fn unmodelled(&mut self, need: &str) -> Cause {
        let text =
            format!("rests on `{need}`, which nothing models and the runbook does not take for granted");
        let short = format!("`{need}` is not modelled");
        self.end(format!("unmodelled {need}"), &short, text, Time::ZERO, End::Unmodelled)
    }

    /// A cause, told once. What has nothing behind it on record says so.
    fn cause(
        &mut self,
        key: String,
        short: &str,
        text: String,
        at: Time,
        behind: impl FnOnce(&mut Self) -> Vec<Cause>,
    ) -> Cause {
        let again = !self.told.insert(key.clone());
        let mut causes: Vec<Cause> = Vec::new();
        if !again {
            for cause in behind(self) {
                let known = causes.iter().any(|other| other.key == cause.key);
                if !known {
                    causes.push(cause);
                }
            }
        }
        let end = (!again && causes.is_empty()).then_some(End::NotRecorded);
        let at = Some(moment(self.evidence.start, at));
        Cause { key, short: short.to_owned(), text, at, end, again, causes }
    }

    /// A cause with nothing behind it.
    fn end(&mut self, key: String, short: &str, text: String, at: Time, end: End) -> Cause {
        let again = !self.told.insert(key.clone());
        let text = if again { short.to_owned() } else { text };
        let at = Some(moment(self.evidence.start, at));
        Cause { key, short: short.to_owned(), text, at, end: Some(end), again, causes: Vec::new() }
    }

    /// Why a signal was what it was: what its vantage point could not resolve or reach.
    fn signal(&mut self, signal: &str, from: Time, to: Time) -> Vec<Cause> {
        let Some((stem, vantage)) = signal.rsplit_once('@') else { return Vec::new() };
        if stem == "roles-present" {
            return self.not_joined(to);
        }
        if !self.evidence.machines.contains_key(vantage) {
            return Vec::new();
        }
        match stem.strip_prefix("dns.") {
            Some(name) => self.unresolved(&one(name), vantage, to),
            None => {
                let mut causes = self.unresolved_anything(vantage, to);
                causes.extend(self.lost_packets(vantage, from.max(before(to, BEFORE)), to, |_| true));
                causes
            }
        }
    }

    // ---- names ----

    /// Why a machine could not resolve names, or got wrong answers.
    fn unresolved(&mut self, names: &Set<String>, machine: &str, at: Time) -> Vec<Cause> {
        let names: Set<String> = names.iter().map(|name| absolute(name)).collect();
        let edited = |kind: &FaultKind| match kind {
            FaultKind::NameGone { name, .. } | FaultKind::NameWrong { name, .. } => {
                names.contains(&absolute(name))
            }
            _ => false,
        };
        let mut causes: Vec<Cause> = self.fault(at, edited).into_iter().collect();
        let denies = causes.is_empty().then_some(Rcode::NxDomain);
        for resolver in self.resolvers(machine) {
            for rcode in [Some(Rcode::ServFail), denies].into_iter().flatten() {
                causes.extend(self.failing(&resolver, at, &names, rcode));
            }
            causes.extend(self.between(machine, &resolver, before(at, BEFORE), at));
        }
        causes
    }

    /// The same for all names that it asks for.
    fn unresolved_anything(&mut self, machine: &str, at: Time) -> Vec<Cause> {
        match self.evidence.machines.get(machine) {
            Some(asking) => self.unresolved(&asking.asks, machine, at),
            None => Vec::new(),
        }
    }

    fn resolvers(&self, machine: &str) -> Vec<String> {
        let known = self.evidence.machines.get(machine).map(|machine| machine.resolvers.clone());
        let owners = known.unwrap_or_default().into_iter().flat_map(|address| self.evidence.owners(address));
        owners.map(str::to_owned).collect()
    }

    /// About which of these names a resolver answers with this code at a moment, and why.
    fn failing(&mut self, resolver: &str, at: Time, names: &Set<String>, with: Rcode) -> Option<Cause> {
        let mut latest: Map<&str, (Time, Rcode)> = Map::new();
        for fact in self.evidence.back(resolver, at) {
            if let What::Dns(blackstart_dns::Event::Outcome { name, rcode }) = &fact.what
                && names.contains(name)
            {
                latest.entry(name).or_insert((fact.at, *rcode));
            }
        }
        latest.retain(|_, (_, rcode)| *rcode == with);
        let since = latest.values().map(|(since, _)| *since).min()?;
        let names: Vec<&str> = latest.keys().copied().collect();
        let text = format!("{resolver} answers {with} about {}", list(&names, NAMES));
        let short = if with == Rcode::ServFail { "resolver fails" } else { "name denied" };
        let key = format!("{with} {resolver}");
        Some(self.cause(key, short, text, since, |search| {
            // A name is denied by an answer, which was not lost.
            let lost =
                if with == Rcode::ServFail { search.lost_lookups(resolver, since, at) } else { vec![] };
            if !lost.is_empty() {
                return lost;
            }
            // Every packet arrived, so somebody there did not answer, or not well.
            let evidence = search.evidence;
            let servers: Set<&str> = names.iter().flat_map(|name| evidence.serving(name)).collect();
            servers.into_iter().flat_map(|server| search.dead(server, at)).collect()
        }))
    }

    /// What a resolver lost of its questions and answers since it fails; if nothing, shortly before.
    fn lost_lookups(&mut self, resolver: &str, since: Time, at: Time) -> Vec<Cause> {
        let asks = |drop: &Dropped| drop.source.port() == DNS_PORT || drop.destination.port() == DNS_PORT;
        let lost = self.lost_packets(resolver, since.max(before(at, BEFORE)), at, asks);
        match lost.is_empty() {
            true => self.lost_packets(resolver, before(since, BEFORE), at, asks),
            false => lost,
        }
    }

    // ---- packets ----

    /// Why a machine did not get through to what a person knows by this name or address.
    fn unreached_name(&mut self, to: &str, from: &str, began: Time, ended: Time) -> Vec<Cause> {
        match (to.parse::<IpAddr>(), self.evidence.machines.get(to)) {
            (Ok(address), _) => self.unreached(from, address, began, ended),
            (Err(_), Some(_)) => self.dead(to, ended),
            (Err(_), None) => Vec::new(),
        }
    }

    /// Why a machine did not get through to an address.
    fn unreached(&mut self, from: &str, to: IpAddr, began: Time, ended: Time) -> Vec<Cause> {
        let about = |drop: &Dropped| drop.destination.ip() == to || drop.source.ip() == to;
        let mut causes = self.lost_packets(from, began, ended, about);
        let owners: Vec<String> = self.evidence.owners(to).into_iter().map(str::to_owned).collect();
        for owner in owners {
            causes.extend(self.dead(&owner, ended));
        }
        causes
    }

    /// Why two machines did not hear each other.
    fn between(&mut self, a: &str, b: &str, began: Time, ended: Time) -> Vec<Cause> {
        let addresses = self.evidence.machines.get(b).map(|machine| machine.addresses.clone());
        let addresses = addresses.unwrap_or_default();
        let about = |drop: &Dropped| {
            addresses.iter().any(|ip| [drop.source.ip(), drop.destination.ip()].contains(ip))
        };
        let mut causes = self.lost_packets(a, began, ended, about);
        causes.extend(self.dead(b, ended));
        causes
    }

    /// Packets from or to a machine that were dropped, by where and why.
    fn lost_packets(
        &mut self,
        machine: &str,
        began: Time,
        ended: Time,
        which: impl Fn(&Dropped) -> bool,
    ) -> Vec<Cause> {
        let evidence = self.evidence;
        let mut places: Map<Place<'a>, Vec<&'a Dropped>> = Map::new();
        for drop in evidence.dropped(machine, began, ended).into_iter().filter(|drop| which(drop)) {
            // Complaints about lost packets that get lost themselves say nothing new.
            if drop.source.port() != 0 {
                places.entry((&drop.host, drop.cause, drop.link.as_ref())).or_default().push(drop);
            }
        }
        places.into_iter().map(|(place, drops)| self.dropped(machine, place, &drops)).collect()
    }

    fn dropped(&mut self, machine: &str, place: Place<'a>, drops: &[&'a Dropped]) -> Cause {
        let (host, cause, link) = place;
        let evidence = self.evidence;
        let mut others: Map<IpAddr, Time> = Map::new();
        for drop in drops {
            let destination = drop.destination.ip();
            // Where the machine is the destination, what was lost was the answer.
            others.entry(destination).or_insert(drop.at);
        }
        let (began, last) = (drops.first().map(|drop| drop.at), drops.last().map(|drop| drop.at));
        let (began, last) = (began.unwrap_or_default(), last.unwrap_or_default());
        let names: Vec<String> = others.keys().map(|address| evidence.name_of(*address)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let answers = others.keys().all(|address| evidence.owns(machine, *address));
        let what = if answers { "answers to" } else { "packets to" };
        let until = crate::utc::clock(moment(evidence.start, last));
        let why = reason(cause);
        let count = drops.len();
        let text =
            format!("{what} {}: {count} dropped at {host}, {why} (last at {until})", list(&names, NAMES));
        let key = format!("dropped {machine} {host} {why} {}", names.join(" "));
        let short = format!("{why} at {host}");
        let targets: Vec<IpAddr> = others.keys().copied().take(FOLLOWED).collect();
        self.cause(key, &short, text, began, |search| match (cause, link) {
            (DropCause::NoRoute | DropCause::Discard | DropCause::TtlExpired, _) => {
                targets.iter().flat_map(|target| search.no_route(host, *target, last)).collect()
            }
            (_, Some((a, b))) => search.links_down(&[(a.clone(), b.clone())], last),
            _ => Vec::new(),
        })
    }

    /// What people recorded until `to`, the latest first.
    fn told_by_people(&self, to: Time) -> impl Iterator<Item = (Time, &'a World)> + use<'a> {
        self.evidence.back("", to).filter_map(|fact| match &fact.what {
            What::World(event) => Some((fact.at, event)),
            _ => None,
        })
    }
}

fn one(name: &str) -> Set<String> {
    Set::from([name.to_owned()])
}

/// As resolvers record it.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_lowercase())
}

/// The port of name servers.
const DNS_PORT: u16 = 53;

/// A moment so long before another, or the start.
fn before(at: Time, by: Duration) -> Time {
    Time::ZERO + at.since_start().saturating_sub(by)
}

/// Why a packet was dropped, in words.
fn reason(cause: DropCause) -> &'static str {
    match cause {
        DropCause::NoRoute => "no route",
        DropCause::Discard => "discarded",
        DropCause::TtlExpired => "routed in a circle",
        DropCause::LinkDown => "link down",
        DropCause::Blocked => "link cut",
        DropCause::Loss => "lost on the link",
        DropCause::NotForwarding => "not the destination",
        DropCause::QueueFull => "receiver too slow",
        DropCause::Malformed => "malformed",
        DropCause::TailDrop => "link too full",
        DropCause::TooBig => "too big for the link",
        DropCause::Corrupted => "corrupted",
    }
}
