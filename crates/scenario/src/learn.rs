//! What services need of each other as runs show it: who asks whom when nothing is broken, and when everything starts again
//! after the power was gone everywhere.
//!
//! - [`Learned`]: what came of both runs. Start here.
//! - [`Contact`]: one service asked another one.

mod packets;

use crate::build::{build_without_log, port_of};
use crate::files::services::{Run, Service};
use crate::index::Index;
use crate::model::Scenario;
use blackstart_rt::{Map, Set};
use blackstart_sim::capture::{Capture, CaptureAt};
use blackstart_sim::{Error, Time, control};
use blackstart_source::{Diagnostic, Diagnostics};
use jiff::Timestamp;
use packets::Ask;
use std::net::IpAddr;
use std::time::Duration;

/// Length of each of the two runs, unless automation begins to change the network before.
const LENGTH: Duration = Duration::from_secs(600);
/// When the power goes in a cold boot, and when it comes back.
const POWER_OFF: Duration = Duration::from_secs(1);
const POWER_ON: Duration = Duration::from_secs(31);
/// What is kept of one machine's packets: who asks whom shows early.
const CAPTURE_BYTES_MAX: usize = 1 << 20;

/// When somebody asked somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    /// Nothing was broken.
    Quiet,
    /// Everything started again.
    ColdBoot,
}

/// One service asked another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Who asked: the services of a machine that may have done it.
    pub services: Vec<String>,
    /// Who was asked.
    pub asked: String,
    /// On which occasion.
    pub occasion: Occasion,
    /// When first, from the start of that run.
    pub at: Duration,
    /// Whether `services.toml` says so, or the configuration of whoever asked.
    pub declared: bool,
}

/// What the two runs showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Who asked whom; the first time only.
    pub contacts: Vec<Contact>,
    /// Services that had not started at the end of the cold boot, and what they waited for.
    pub not_started: Vec<(String, String)>,
}

impl Scenario {
    /// Runs the scenario twice without its faults and people, and looks who asks whom.
    ///
    /// # Errors
    /// When the engine refuses, as when this thread already holds a run.
    pub fn learn(&self) -> Result<Learned, Error> {
        let quiet = Self { faults: Vec::new(), statements: Vec::new(), ..self.clone() };
        // Complaints about double names were made when the scenario was loaded.
        let index = Index::new(&self.folder, &mut Diagnostics::new());
        let mut learned = Learned::default();
        for occasion in [Occasion::Quiet, Occasion::ColdBoot] {
            observe(&quiet, &index, occasion, &mut learned)?;
        }
        Ok(learned)
    }

    /// What was learned and is not declared, in the file where it should be.
    #[must_use]
    pub fn undeclared(&self, learned: &Learned) -> Diagnostics {
        let index = Index::new(&self.folder, &mut Diagnostics::new());
        let mut warnings = Diagnostics::new();
        for contact in learned.contacts.iter().filter(|contact| !contact.declared) {
            warnings.extend(self.complaint(&index, contact));
        }
        for (service, on) in &learned.not_started {
            let Some((file, known)) = index.services.get(service) else { continue };
            let message =
                format!("`{service}` never starts in a cold boot of everything: it waits for `{on}`");
            let help = "break the circle of `boot-needs`, or have one of them start without the other";
            warnings.push(Diagnostic::new(file, known.name.span(), message).helped(help));
        }
        warnings
    }

    fn complaint(&self, index: &Index<'_>, contact: &Contact) -> Option<Diagnostic> {
        let (file, service) = index.services.get(contact.services.first()?)?;
        let (_, asked) = index.services.get(&contact.asked)?;
        let when = match contact.occasion {
            Occasion::Quiet => "",
            Occasion::ColdBoot => " of a cold boot",
        };
        let message = format!(
            "`{}` asked `{}` on {} at {}{when}; nothing says that it needs it",
            contact.services.join("` or `"),
            contact.asked,
            asked.host.get_ref(),
            clock(self.start, contact.at)
        );
        let help = format!("add `{}` to its `run-needs` or `boot-needs`", contact.asked);
        Some(Diagnostic::new(file, service.name.span(), message).helped(help))
    }
}

fn clock(start: Timestamp, at: Duration) -> String {
    start.checked_add(at).map(|moment| moment.strftime("%H:%M:%S").to_string()).unwrap_or_default()
}

fn observe(
    quiet: &Scenario,
    index: &Index<'_>,
    occasion: Occasion,
    learned: &mut Learned,
) -> Result<(), Error> {
    let mut run = build_without_log(quiet, quiet.seed, None)?;
    let machines: Vec<_> = run.world.wiring.machines.values().map(|machine| machine.node).collect();
    if occasion == Occasion::ColdBoot {
        run.sim.run_until(Time::ZERO + POWER_OFF);
        machines.iter().try_for_each(|node| control::power_off(*node))?;
        run.sim.run_until(Time::ZERO + POWER_ON);
        machines.iter().try_for_each(|node| control::power_on(*node))?;
    }
    let watched = asking(index).into_iter().filter_map(|host| {
        let node = run.world.wiring.machine(host)?.node;
        Some(control::capture(CaptureAt::Node(node), CAPTURE_BYTES_MAX).map(|capture| (host, capture)))
    });
    let watched: Vec<(&str, Capture)> = watched.collect::<Result<_, Error>>()?;
    run.sim.run_until(Time::ZERO + length(quiet, index));
    for (host, capture) in watched {
        let asks = packets::asks(&capture.finish()?.pcapng);
        for contact in contacts(index, host, &asks, occasion) {
            let known =
                |other: &Contact| (&other.services, &other.asked) == (&contact.services, &contact.asked);
            if !learned.contacts.iter().any(known) {
                learned.contacts.push(contact);
            }
        }
    }
    let waiting = run.world.with_state(|state| state.physical.starting.clone());
    learned.not_started.extend(waiting.into_iter().filter_map(|(service, on)| Some((service, on?))));
    Ok(())
}

/// Until automation begins to change something.
fn length(scenario: &Scenario, index: &Index<'_>) -> Duration {
    let clock = scenario.start.to_zoned(jiff::tz::TimeZone::UTC).time();
    let orders = index.services.iter().filter_map(|(_, (_, service))| match &service.run {
        Run::Capacity(capacity) => Some(capacity.assess_at.since(clock)),
        _ => None,
    });
    orders.chain([LENGTH, scenario.duration]).min().unwrap_or(LENGTH)
}

/// Whether a service asks on its own account: probes and users stand for people, resolvers and health checks for others.
fn asks_for_itself(service: &Service) -> bool {
    !matches!(
        service.run,
        Run::Probe(_)
            | Run::Users(_)
            | Run::ChatPresence(_)
            | Run::Resolver(_)
            | Run::Health(_)
            | Run::Speaker(_)
    )
}

fn asking<'a>(index: &Index<'a>) -> Set<&'a str> {
    let services = index.services.iter().map(|(_, (_, service))| service);
    services
        .filter(|service| asks_for_itself(service))
        .map(|service| service.host.get_ref().as_str())
        .collect()
}

/// Which services a machine's packets asked.
fn contacts(index: &Index<'_>, host: &str, asks: &[Ask], occasion: Occasion) -> Vec<Contact> {
    let here = |service: &&Service| service.host.get_ref() == host && asks_for_itself(service);
    let services: Vec<&Service> =
        index.services.iter().map(|(_, (_, service))| service).filter(here).collect();
    let mut first: Map<&str, (&Service, Duration)> = Map::new();
    for ask in asks.iter().filter(|ask| has(index, host, ask.from)) {
        for other in asked(index, host, ask) {
            first.entry(other.name.get_ref()).or_insert((other, ask.at));
        }
    }
    first.retain(|_, (other, _)| !is_checked_from(index, host, other));
    let contact = |(other, at): (&Service, Duration)| Contact {
        services: services.iter().map(|service| service.name.get_ref().clone()).collect(),
        asked: other.name.get_ref().clone(),
        occasion,
        at,
        declared: services.iter().any(|service| is_declared(index, service, other)),
    };
    first.into_values().map(contact).collect()
}

/// The services that answer where a packet went: several for an address that hosts share.
fn asked<'a>(index: &Index<'a>, from: &str, ask: &Ask) -> Vec<&'a Service> {
    let all = index.services.iter().map(|(_, (_, service))| service);
    all.filter(|service| {
        let host = service.host.get_ref();
        host != from && has(index, host, ask.to.ip()) && port_of(&service.run) == Some(ask.to.port())
    })
    .collect()
}

/// Whether an address is one of a machine's.
fn has(index: &Index<'_>, host: &str, address: IpAddr) -> bool {
    index.hosts.get(host).is_some_and(|(_, host)| {
        *host.address.get_ref() == address
            || host.routed.contains(&address)
            || host.anycast.contains(&address)
    })
}

/// A health check of this machine looks at the service: it is the check that asks, and its targets are no needs.
fn is_checked_from(index: &Index<'_>, host: &str, other: &Service) -> bool {
    index.services.iter().any(|(_, (_, service))| match &service.run {
        Run::Health(health) if service.host.get_ref() == host => {
            health.targets.iter().any(|target| has(index, other.host.get_ref(), target.ip()))
        }
        _ => false,
    })
}

/// A service says that it needs the other one or its like; or its own configuration does, which is looked at anyway.
fn is_declared(index: &Index<'_>, service: &Service, other: &Service) -> bool {
    let holders = service.boot_quorum.iter().flat_map(|quorum| &quorum.of);
    let mut needs = service.run_needs.iter().chain(&service.boot_needs).chain(holders);
    let likes = |need: &str| need == other.name.get_ref() || is_like(index, need, other);
    let configured = matches!(
        (&service.run, &other.run),
        (Run::Edge(_), Run::Messages(_))
            | (Run::Edge(_) | Run::Backend(_), Run::Backend(_))
            | (Run::DoorController(_), Run::AccessServer(_))
    );
    configured || needs.any(|need| likes(need.get_ref()))
}

/// Names are had from whoever serves or resolves them; otherwise another one of the same kind does.
fn is_like(index: &Index<'_>, need: &str, other: &Service) -> bool {
    let Some((_, need)) = index.services.get(need) else { return false };
    let names = |run: &Run| matches!(run, Run::Authority(_) | Run::Resolver(_));
    names(&need.run) && names(&other.run)
        || std::mem::discriminant(&need.run) == std::mem::discriminant(&other.run)
}
