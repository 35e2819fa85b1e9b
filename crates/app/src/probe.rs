//! A client at a vantage point that checks names, URLs and whole pages, again and again. It records what it
//! sees when that changes, and a summary per window when that differs from the last one.

use crate::config::{self, Seconds};
use crate::event::{Event, Outcome};
use crate::http;
use crate::scope::Scope;
use crate::visit::{resolve, visit};
use blackstart_dns::stub::{self, Resolver};
use blackstart_rt as rt;
use bytes::Bytes;
use hyper::Method;
use rt::task::Instead;
use rt::time::Instant;
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

const SERVICE: &str = "probe";
/// Latencies below are all alike, in milliseconds.
const FAST_MS: u32 = 100;

/// A probe.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Resolvers of all checks that name none.
    #[serde(default)]
    pub resolvers: Vec<SocketAddr>,
    /// What to check.
    pub checks: Vec<Check>,
    /// The window of [`Event::Window`]; at least one round.
    #[serde(default = "default_window")]
    pub window_s: Seconds,
    /// Where all of it is read from, as on a dashboard; without it every round is seen as it comes.
    #[serde(default)]
    pub source: Option<Source>,
}

/// Where a dashboard reads what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Source {
    /// Whoever answers here has the values.
    pub at: SocketAddr,
    /// How long it goes on showing the last values that it read, as if they were of now; then it shows nothing.
    pub shows_for_s: Seconds,
}

/// One thing to check, round after round.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Check {
    /// Its name: a signal's stem, such as `http.facebook`.
    pub name: String,
    /// How deep it looks.
    pub kind: Kind,
    /// The name to look up.
    pub host: String,
    /// The path to ask for.
    #[serde(default = "config::path")]
    pub path: String,
    /// The port to ask at.
    #[serde(default = "config::port")]
    pub port: u16,
    /// Time between two rounds. A round that takes longer delays the next one.
    #[serde(default = "default_interval")]
    pub interval_s: Seconds,
    /// How long connecting and asking may take.
    #[serde(default = "default_timeout")]
    pub timeout_s: Seconds,
    /// Patience with each resolver at each attempt of a look-up.
    #[serde(default = "default_dns_timeout")]
    pub dns_timeout_s: Seconds,
    /// Resolvers of this check, instead of the probe's.
    #[serde(default)]
    pub resolvers: Vec<SocketAddr>,
    /// Hosts whose tags the page loads, in parallel, after its own text (pages only).
    #[serde(default)]
    pub embeds: Vec<String>,
    /// When the browser gives up on a tag.
    #[serde(default = "default_tag_timeout")]
    pub tag_timeout_s: Seconds,
}

/// How deep a check looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Only the name's addresses.
    DnsOnly,
    /// One URL.
    Http,
    /// A page with the tags that it embeds: dead tags make it slow, not wrong.
    Page,
}

const fn default_window() -> Seconds {
    Seconds::new(60)
}

const fn default_interval() -> Seconds {
    Seconds::new(60)
}

const fn default_timeout() -> Seconds {
    Seconds::new(10)
}

/// As a C library's.
const fn default_dns_timeout() -> Seconds {
    Seconds::new(5)
}

/// What made third-party pages 20 s slower that night.
const fn default_tag_timeout() -> Seconds {
    Seconds::new(20)
}

/// Checks until the host dies.
///
/// # Errors
/// When a check has no resolver.
pub async fn run(config: Config) -> io::Result<()> {
    let scope = Scope::new(SERVICE);
    let mut checkers = Vec::new();
    for check in config.checks {
        let resolvers = if check.resolvers.is_empty() { &config.resolvers } else { &check.resolvers };
        if resolvers.is_empty() {
            let reason = format!("check {} has no resolver", check.name);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let resolver = resolver(resolvers, check.dns_timeout_s);
        let checker = Checker { resolver, check, source: config.source };
        checkers.push(scope.spawn(checker.run(config.window_s.get())));
    }
    for checker in checkers {
        checker.await.map_err(io::Error::other)?;
    }
    Ok(())
}

fn resolver(servers: &[SocketAddr], timeout: Seconds) -> Resolver {
    let timeout_ms = u64::try_from(timeout.get().as_millis()).unwrap_or(u64::MAX);
    Resolver::with_config(stub::Config { timeout_ms, ..stub::Config::new(servers.to_vec()) })
}

struct Checker {
    resolver: Resolver,
    check: Check,
    source: Option<Source>,
}

impl Checker {
    /// Rounds start at a drawn moment of the interval, so that checks do not go in step.
    async fn run(self, window: Duration) {
        let every = self.check.interval_s.get();
        let mut draws = rt::rand::stream(&format!("{SERVICE} {}", self.check.name));
        rt::time::sleep(draws.between(Duration::ZERO, every)).await;
        let mut log = Log::new(&self.check.name, rounds_of(window, every));
        let mut read = Instant::now();
        loop {
            let started = Instant::now();
            let outcome = self.round().await;
            let took = started.elapsed();
            // A frozen dashboard goes on showing what it showed.
            if rt::task::instead().await != Some(Instead::Stale)
                && let Some(shown) = self.shown(outcome, &mut read).await
            {
                log.take(shown, took).iter().for_each(rt::emit);
            }
            rt::time::sleep_until(started + every).await;
        }
    }

    /// What is shown from now on; `None` for what was shown before. `read` is when the source last answered.
    async fn shown(&self, outcome: Outcome, read: &mut Instant) -> Option<Outcome> {
        let Some(source) = self.source else { return Some(outcome) };
        let limit = self.check.timeout_s.get();
        let page = http::get(source.at, &source.at.ip().to_string(), "/", limit).await;
        // What it says to somebody without a query does not matter.
        if page.is_ok_and(|page| !page.status().is_server_error()) {
            *read = Instant::now();
            return Some(outcome);
        }
        (read.elapsed() > source.shows_for_s.get()).then_some(Outcome::Blank)
    }

    async fn round(&self) -> Outcome {
        match self.check.kind {
            Kind::DnsOnly => match resolve(&self.resolver, &self.check.host).await {
                Ok(_) => Outcome::Resolved,
                Err(outcome) => outcome,
            },
            Kind::Http => self.get().await,
            Kind::Page => self.page().await,
        }
    }

    async fn get(&self) -> Outcome {
        let limit = self.check.timeout_s.get();
        get(&self.resolver, &self.check.host, self.check.port, &self.check.path, limit).await
    }

    /// The page's own outcome, after its tags have loaded or been given up.
    async fn page(&self) -> Outcome {
        let outcome = self.get().await;
        if outcome.is_ok() {
            self.load_tags().await;
        }
        outcome
    }

    async fn load_tags(&self) {
        let (port, limit) = (self.check.port, self.check.tag_timeout_s.get());
        let (scope, mut tags) = (Scope::new(SERVICE), Vec::new());
        for host in &self.check.embeds {
            let (resolver, host) = (self.resolver.clone(), host.clone());
            let tag = async move { get(&resolver, &host, port, "/tag.js", limit).await };
            tags.push(scope.spawn(rt::time::timeout(limit, tag)));
        }
        for tag in tags {
            // A tag that fails is as good as one that loads: the page goes on without it.
            let _outcome = tag.await;
        }
    }
}

async fn get(resolver: &Resolver, host: &str, port: u16, path: &str, limit: Duration) -> Outcome {
    let Ok(request) = http::request(Method::GET, host, path, Bytes::new()) else {
        return Outcome::Broken;
    };
    match visit(resolver, port, request, limit).await {
        Ok(response) => Outcome::of(&Ok(response)),
        Err(outcome) => outcome,
    }
}

fn rounds_of(window: Duration, every: Duration) -> usize {
    usize::try_from(window.as_millis() / every.as_millis().max(1)).unwrap_or(1).max(1)
}

/// What a check has seen: turns rounds into the few events worth a record. Knows no clock.
struct Log {
    check: String,
    rounds_per_window: usize,
    last_outcome: Option<Outcome>,
    last_window: Option<Summary>,
    rounds: Vec<(Outcome, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Summary {
    ok: u32,
    failed: u32,
    p95_ms: u32,
}

impl Log {
    fn new(check: &str, rounds_per_window: usize) -> Self {
        Self {
            check: check.to_owned(),
            rounds_per_window,
            last_outcome: None,
            last_window: None,
            rounds: Vec::new(),
        }
    }

    /// Takes in a round; answers what is new.
    fn take(&mut self, outcome: Outcome, elapsed: Duration) -> Vec<Event> {
        self.rounds.push((outcome, u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX)));
        let mut events = Vec::new();
        if self.last_outcome.replace(outcome) != Some(outcome) {
            events.push(Event::Probed { check: self.check.clone(), outcome });
        }
        if self.rounds.len() >= self.rounds_per_window {
            events.extend(self.close_window());
        }
        events
    }

    fn close_window(&mut self) -> Option<Event> {
        let summary = Summary::of(&std::mem::take(&mut self.rounds));
        if self.last_window.is_some_and(|last| !summary.differs(last)) {
            return None;
        }
        self.last_window = Some(summary);
        let Summary { ok, failed, p95_ms } = summary;
        Some(Event::Window { check: self.check.clone(), ok, failed, p95_ms })
    }
}

impl Summary {
    fn of(rounds: &[(Outcome, u32)]) -> Self {
        let ok = rounds.iter().filter(|(outcome, _)| outcome.is_ok()).count() as u32;
        let mut times: Vec<u32> = rounds.iter().map(|(_, ms)| *ms).collect();
        times.sort_unstable();
        // Nearest rank: the smallest time that 95 % of the rounds did not exceed.
        let rank = (times.len() * 95).div_ceil(100);
        let p95_ms = times.get(rank.saturating_sub(1)).copied().unwrap_or(0);
        Self { ok, failed: rounds.len() as u32 - ok, p95_ms }
    }

    fn differs(self, last: Self) -> bool {
        let (now_ms, last_ms) = (self.p95_ms.max(FAST_MS), last.p95_ms.max(FAST_MS));
        (self.ok, self.failed) != (last.ok, last.failed)
            || now_ms > last_ms.saturating_mul(2)
            || last_ms > now_ms.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DnsFailure;

    const OK: Outcome = Outcome::Ok(200);
    const FAIL: Outcome = Outcome::Dns(DnsFailure::ServFail);

    fn outcomes(events: &[Event]) -> Vec<Outcome> {
        let outcome = |event: &Event| match event {
            Event::Probed { outcome, .. } => Some(*outcome),
            _ => None,
        };
        events.iter().filter_map(outcome).collect()
    }

    #[test]
    fn only_changes_are_recorded() {
        let mut log = Log::new("http.facebook", 2);
        let mut take = |outcome, ms| log.take(outcome, Duration::from_millis(ms));
        assert_eq!(outcomes(&take(OK, 20)), [OK]);
        let first_window = take(OK, 30);
        assert!(matches!(first_window[..], [Event::Window { ok: 2, failed: 0, p95_ms: 30, .. }]));
        assert_eq!(take(OK, 80), []);
        assert_eq!(take(OK, 10), []);
        assert_eq!(outcomes(&take(FAIL, 10_000)), [FAIL]);
        let dark = take(FAIL, 10_000);
        assert!(matches!(dark[..], [Event::Window { ok: 0, failed: 2, p95_ms: 10_000, .. }]));
        assert_eq!(outcomes(&take(Outcome::Http(503), 10)), [Outcome::Http(503)]);
    }

    #[test]
    fn a_page_that_is_merely_slow_shows_in_its_windows() {
        let mut log = Log::new("page.nu", 1);
        for (ms, recorded) in [(50, true), (90, false), (20_050, true), (20_100, false), (60, true)] {
            let events = log.take(OK, Duration::from_millis(ms));
            assert_eq!(events.iter().any(|event| matches!(event, Event::Window { .. })), recorded, "{ms} ms");
        }
    }

    #[test]
    fn p95_is_the_nearest_rank() {
        let rounds = |times: &[u32]| times.iter().map(|ms| (OK, *ms)).collect::<Vec<_>>();
        assert_eq!(Summary::of(&[]).p95_ms, 0);
        assert_eq!(Summary::of(&rounds(&[7])).p95_ms, 7);
        let hundred: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(Summary::of(&rounds(&hundred)).p95_ms, 95);
    }

    #[test]
    fn a_window_has_at_least_one_round() {
        let seconds = Duration::from_secs;
        for (window, every, rounds) in [(60, 60, 1), (60, 20, 3), (60, 300, 1)] {
            assert_eq!(rounds_of(seconds(window), seconds(every)), rounds);
        }
    }
}
