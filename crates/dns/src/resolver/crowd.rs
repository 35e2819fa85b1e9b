//! A crowd at a resolver: what it asks, how much of that fails, and what follows for the servers behind.
//!
//! Nothing is looked up for the crowd. What real clients were told about a name is what the crowd is told, and where the
//! resolver turned for them is where all the caches turn that it stands for.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use blackstart_crowd::ear::{self, Voice};
use blackstart_crowd::{Claims, STEP};
use blackstart_rt as rt;
use blackstart_rt::Map;
use blackstart_rt::rand::Stream;
use hickory_proto::rr::Name;
use serde::Deserialize;

use crate::event::{Event, Role};
use crate::labels::Labels;
use crate::load::CrowdWindows;
use crate::message::Rcode;

/// The crowd's side of a resolver.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Caches for which this one stands: they fail as it does, each asks the servers for itself.
    pub caches: f64,
    /// Queries a second that it can answer; of more, a share is dropped.
    #[serde(default)]
    pub per_s: Option<f64>,
    /// Queries a second for all other names.
    #[serde(default)]
    pub other_per_s: f64,
    /// Share of those that fail on any day.
    #[serde(default)]
    pub other_failing: f64,
    /// When its operators are alarmed.
    #[serde(default)]
    pub incident: Option<Incident>,
}

/// When operators open an incident.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Incident {
    /// Failures are this many times what they were at the start.
    pub times: f64,
    /// For so many seconds.
    pub for_s: u64,
}

impl Config {
    fn check(&self) -> io::Result<()> {
        let amount = |value: f64| value.is_finite() && value >= 0.0;
        let sound = self.caches >= 1.0
            && self.caches.is_finite()
            && self.per_s.is_none_or(|rate| rate.is_finite() && rate > 0.0)
            && amount(self.other_per_s)
            && (0.0..=1.0).contains(&self.other_failing);
        let problem = "crowd: caches from 1, rates above 0, other-failing from 0 to 1";
        if sound { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, problem)) }
    }
}

/// What real clients were told about a name.
#[derive(Clone, Copy, Debug)]
struct Told {
    fails: bool,
    /// How long the last failure took.
    took: Duration,
}

/// Which servers failing questions were carried to.
#[derive(Debug, Default)]
struct Asks {
    by_server: Map<IpAddr, u32>,
    failures: u32,
}

/// What is known from real queries, and what is claimed.
#[derive(Debug)]
pub(super) struct Crowd {
    config: Config,
    claims: Rc<RefCell<Claims>>,
    told: Map<Labels, Told>,
    asks: Asks,
    /// Queries to a server for each failing question.
    per_failure: Map<IpAddr, f64>,
    draws: Stream,
}

/// Rates a second at one moment.
#[derive(Debug, PartialEq)]
pub(super) struct Rates {
    pub(super) queries: f64,
    pub(super) failing: f64,
    pub(super) upstream: Map<IpAddr, f64>,
}

impl Crowd {
    pub(super) fn new(config: Config) -> io::Result<Crowd> {
        config.check()?;
        Ok(Crowd {
            config,
            claims: Rc::default(),
            told: Map::new(),
            asks: Asks::default(),
            per_failure: Map::new(),
            draws: rt::rand::stream("dns-crowd"),
        })
    }

    /// A real query to a server.
    pub(super) fn asked(&mut self, server: SocketAddr) {
        *self.asks.by_server.entry(server.ip()).or_default() += 1;
    }

    /// A real answer.
    pub(super) fn answered(&mut self, name: &Name, rcode: Rcode, waited: Duration) {
        let fails = rcode == Rcode::ServFail;
        if fails && waited.is_zero() {
            return;
        }
        self.asks.failures += u32::from(fails);
        self.told.insert(Labels::of(name), Told { fails, took: waited });
    }

    /// Whether a real query that has just come is lost for want of capacity.
    pub(super) fn drops(&mut self) -> bool {
        let Some(capacity) = self.config.per_s else { return false };
        let offered = self.claims.borrow().total(rt::time::Instant::now()) + self.config.other_per_s;
        offered > capacity && self.draws.chance(1.0 - capacity / offered)
    }

    /// The rates now. Servers are those that real queries went to since the last look.
    fn rates(&mut self, now: rt::time::Instant) -> Rates {
        let asks = std::mem::take(&mut self.asks);
        if asks.failures > 0 {
            let each = |(server, asked)| (server, f64::from(asked) / f64::from(asks.failures));
            self.per_failure = asks.by_server.into_iter().map(each).collect();
        }
        let claimed = self.claims.borrow().per_s(now);
        let failing = claimed.iter().filter_map(|(name, rate)| {
            let told = self.told.get(&Labels::written(name)).filter(|told| told.fails)?;
            Some((*rate, told.took.as_secs_f64()))
        });
        let failing: Vec<(f64, f64)> = failing.collect();
        // Each cache asks for itself, but never twice at once for one name.
        let caches = self.config.caches;
        let questions: f64 = failing.iter().map(|(rate, took_s)| rate / (1.0 + rate / caches * took_s)).sum();
        let Config { other_per_s, other_failing, .. } = self.config;
        Rates {
            queries: claimed.values().sum(),
            failing: failing.iter().map(|(rate, _)| rate).sum::<f64>() + other_per_s * other_failing,
            upstream: self.per_failure.iter().map(|(server, each)| (*server, each * questions)).collect(),
        }
    }
}

/// Hears what the crowd asks.
pub(super) async fn hear(crowd: Rc<RefCell<Crowd>>) {
    let claims = crowd.borrow().claims.clone();
    if let Err(error) = ear::hear(claims).await {
        rt::emit(&Event::CrowdUnheard { reason: error.to_string() });
    }
}

/// Carries on to servers what the crowd asks, and records it, for ever.
pub(super) async fn carry(crowd: Rc<RefCell<Crowd>>) {
    let Ok(mut voice) = Voice::new("resolver").await else { return };
    let mut windows = CrowdWindows::new(Role::Resolver);
    let mut alarm = Alarm::default();
    let mut told: Map<IpAddr, f64> = Map::new();
    loop {
        rt::time::sleep(STEP).await;
        let now = rt::time::Instant::now();
        let Rates { queries, failing, upstream } = crowd.borrow_mut().rates(now);
        windows.see(queries, failing);
        let limits = crowd.borrow().config.incident;
        if let Some(open) = limits.and_then(|limits| alarm.hear(now, failing, limits)) {
            rt::emit(&Event::Incident { open });
        }
        // A server that is not asked any more is told so.
        told.values_mut().for_each(|rate| *rate = 0.0);
        told.extend(upstream);
        for (server, rate) in &told {
            voice.tell(*server, &[("names", *rate)]).await;
        }
        told.retain(|_, rate| *rate > 0.0);
    }
}

/// The operators' monitoring.
#[derive(Debug, Default)]
struct Alarm {
    normal: Option<f64>,
    since: Option<rt::time::Instant>,
    open: bool,
}

impl Alarm {
    /// Whether an incident is open from now on, when that changes.
    fn hear(&mut self, now: rt::time::Instant, failing: f64, limits: Incident) -> Option<bool> {
        let normal = *self.normal.get_or_insert(failing);
        let bad = failing > normal * limits.times;
        let since = *self.since.get_or_insert(now);
        self.since = bad.then_some(since);
        let open = bad && (self.open || since + Duration::from_secs(limits.for_s) <= now);
        (std::mem::replace(&mut self.open, open) != open).then_some(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blackstart_crowd::Claim;

    fn at(s: u64) -> rt::time::Instant {
        rt::time::Instant::from_start(Duration::from_secs(s))
    }

    #[test]
    fn an_alarm_waits_and_ends() {
        let mut alarm = Alarm::default();
        let limits = Incident { times: 5.0, for_s: 60 };
        let heard: Vec<_> = [10.0, 60.0, 70.0, 80.0, 80.0, 40.0, 60.0]
            .into_iter()
            .zip(0u64..)
            .map(|(failing, n)| alarm.hear(at(n * 30), failing, limits))
            .collect();
        assert_eq!(heard, [None, None, None, Some(true), None, Some(false), None]);
    }

    #[test]
    fn failing_names_are_asked_for_by_every_cache_but_never_twice_at_once() {
        let config =
            Config { caches: 1000.0, per_s: None, other_per_s: 100.0, other_failing: 0.02, incident: None };
        let mut crowd = Crowd {
            config,
            claims: Rc::default(),
            told: Map::new(),
            asks: Asks::default(),
            per_failure: Map::new(),
            draws: rt::rand::Stream::new(1, "test"),
        };
        let name = |text| Name::from_ascii(text).unwrap();
        crowd.claims.borrow_mut().take(
            at(0),
            Claim {
                from: "kpn".to_owned(),
                per_s: [("www.a.com".to_owned(), 1e9), ("www.b.com".to_owned(), 500.0)].into_iter().collect(),
            },
        );
        let parent = SocketAddr::from(([192, 0, 2, 1], 53));
        crowd.answered(&name("www.a.com."), Rcode::NoError, Duration::ZERO);
        let quiet = Rates { queries: 1e9 + 500.0, failing: 2.0, upstream: Map::new() };
        assert_eq!(crowd.rates(at(1)), quiet);
        // One failure of 10 s that asked the parent three times.
        (0..3).for_each(|_| crowd.asked(parent));
        crowd.answered(&name("WWW.a.com."), Rcode::ServFail, Duration::from_secs(10));
        let Rates { failing, upstream, .. } = crowd.rates(at(2));
        assert_eq!(failing, 1e9 + 2.0);
        let asked = upstream[&parent.ip()];
        assert!(
            (299.9..300.0).contains(&asked),
            "a thousand caches, a tenth of a question a second: {asked}"
        );
    }
}
