//! App users at an access network: a few sampled ones stand for many. Each sends now and then; after a failure
//! the app retries with back-off, and some people complain in public. The crowd behind them fares as they do, and its
//! load goes where their packets go: to their resolver, and to the server that they were sent to last.

use crate::config::{self, Seconds};
use crate::event::{Event, Outcome};
use crate::http::{self, Connection, Error, Request, Response};
use crate::messages;
use crate::outbox::Outbox;
use crate::scope::Scope;
use crate::visit::{connect, resolve, visit};
use blackstart_crowd::ear::Voice;
use blackstart_crowd::{Demand, Habits, Population, STEP, Seen};
use blackstart_dns::stub::Resolver;
use blackstart_rt as rt;
use bytes::Bytes;
use hyper::Method;
use hyper::header::{COOKIE, HeaderValue, RETRY_AFTER};
use rt::Map;
use rt::rand::Stream;
use rt::time::Instant;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

const SERVICE: &str = "client";
/// A run begins in the middle of a day: until routes and caches are there, what the sample sees is not the crowd's.
const SETTLED: Duration = Duration::from_secs(240);

/// Users of one product.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// What they use.
    pub product: String,
    /// The name their app asks for.
    pub host: String,
    /// The path their app asks for.
    #[serde(default = "config::path")]
    pub path: String,
    /// The port their app asks at.
    #[serde(default = "config::port")]
    pub port: u16,
    /// How many are simulated.
    #[serde(default = "default_users")]
    pub users: u32,
    /// Their access network's resolvers.
    pub resolvers: Vec<SocketAddr>,
    /// Time between two sends of a user while all is well.
    #[serde(default = "default_period")]
    pub period_s: Seconds,
    /// Waits after the first, second, ... failure in a row; the last one repeats.
    #[serde(default = "default_retry")]
    pub retry_s: Vec<Seconds>,
    /// How much every wait varies, as a part of it from 0 to 1.
    #[serde(default = "default_jitter")]
    pub jitter: f64,
    /// How long connecting and sending may take.
    #[serde(default = "default_timeout")]
    pub timeout_s: Seconds,
    /// Keep one connection as long as it works, as messengers do, and look the name up only for a new one.
    #[serde(default)]
    pub keep_alive: bool,
    /// To whom they write, each a message whenever the one before is sent; without it, they ask for `path`.
    #[serde(default)]
    pub messages: Option<Messages>,
    /// Where some of them complain.
    #[serde(default)]
    pub complaints: Option<Complaints>,
    /// The window of [`Event::SendsWindow`].
    #[serde(default = "default_window")]
    pub window_s: Seconds,
    /// Those for whom the simulated ones stand; without it, nobody.
    #[serde(default)]
    pub crowd: Option<Habits>,
}

/// With whom users exchange messages, by way of a [`messages`] server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Messages {
    /// The host of other users of the product; each here writes to the one with their number there.
    pub to: String,
}

/// Who complains to a site of outage reports, and when.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Complaints {
    /// The site's name.
    pub host: String,
    /// The site's port.
    #[serde(default = "config::port")]
    pub port: u16,
    /// Failures in a row before a user thinks of it.
    #[serde(default = "default_after")]
    pub after_failures: u32,
    /// The part of those users who do it, from 0 to 1.
    #[serde(default = "default_chance")]
    pub chance: f64,
}

const fn default_users() -> u32 {
    10
}

const fn default_period() -> Seconds {
    Seconds::new(120)
}

fn default_retry() -> Vec<Seconds> {
    [5, 15, 30, 60, 120].map(Seconds::new).into()
}

const fn default_jitter() -> f64 {
    0.2
}

const fn default_timeout() -> Seconds {
    Seconds::new(10)
}

const fn default_window() -> Seconds {
    Seconds::new(60)
}

const fn default_after() -> u32 {
    3
}

const fn default_chance() -> f64 {
    0.5
}

/// Simulates the users until the host dies.
///
/// # Errors
/// When there is no resolver, or a part is outside 0 to 1.
pub async fn run(config: Config) -> io::Result<()> {
    config.validate()?;
    let latest: Rc<Latest> = Rc::default();
    let config = Rc::new(config);
    let scope = Scope::new(SERVICE);
    if let Some(habits) = &config.crowd {
        let voice = Voice::new(&config.product).await?;
        scope.spawn(follow(config.clone(), Population::new(habits.clone()), voice, latest.clone()));
    }
    for number in 0..config.users {
        scope.spawn(User::new(config.clone(), number).run(latest.clone()));
    }
    watch(&config, &latest).await;
    Ok(())
}

impl Config {
    fn validate(&self) -> io::Result<()> {
        let part = |value: f64| (0.0..=1.0).contains(&value);
        let chance = self.complaints.as_ref().map_or(0.0, |complaints| complaints.chance);
        let problem = match () {
            () if self.resolvers.is_empty() => "no resolver",
            () if !part(self.jitter) => "jitter is not from 0 to 1",
            () if !part(chance) => "complaints.chance is not from 0 to 1",
            () => match self.crowd.as_ref().map_or(Ok(()), Habits::check) {
                Ok(()) => return Ok(()),
                Err(problem) => problem,
            },
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("users of {}: {problem}", self.product)))
    }

    /// How long a user may take until the next send tells how they fare.
    #[must_use]
    pub fn looks_after(&self) -> Duration {
        let waits = self.retry_s.iter().chain([&self.period_s]).map(|wait| wait.get());
        let longest = waits.max().unwrap_or_default();
        longest.mul_f64(1.0 + self.jitter) + self.timeout_s.get() + self.window_s.get()
    }

    /// The name of a user's device.
    fn device(&self, host: &str, number: u32) -> String {
        format!("{host}-{}-{number}", self.product)
    }

    /// How long an app waits after so many failures in a row.
    fn wait(&self, failures: u32) -> Duration {
        let step = (failures as usize).min(self.retry_s.len());
        step.checked_sub(1).and_then(|step| self.retry_s.get(step)).unwrap_or(&self.period_s).get()
    }
}

/// What an answer says about when to come back.
fn told_to_wait(response: &Response) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

/// What the users saw last.
#[derive(Default)]
struct Latest {
    /// Each one's outcome, by number.
    outcomes: RefCell<Map<u32, Outcome>>,
    /// The last one's.
    last: Cell<Option<Outcome>>,
    /// The server that one of them was sent to.
    server: Cell<Option<IpAddr>>,
    /// How long the last one who was turned away was told to wait.
    told: Cell<Duration>,
}

struct User {
    number: u32,
    resolver: Resolver,
    draws: Stream,
    connection: Option<Connection>,
    outbox: Option<Outbox>,
    failures: u32,
    config: Rc<Config>,
}

impl User {
    fn new(config: Rc<Config>, number: u32) -> Self {
        Self {
            number,
            resolver: Resolver::new(config.resolvers.clone()),
            draws: rt::rand::stream(&format!("{SERVICE} {} {number}", config.product)),
            connection: None,
            outbox: config.messages.as_ref().map(|messages| {
                Outbox::new(config.device(&rt::host_name(), number), config.device(&messages.to, number))
            }),
            failures: 0,
            config,
        }
    }

    async fn run(mut self, latest: Rc<Latest>) {
        let first = self.draws.between(Duration::ZERO, self.config.period_s.get());
        rt::time::sleep(first).await;
        loop {
            let outcome = self.exchange(&latest).await;
            let before = latest.note(self.number, outcome);
            // An app that gets a step further begins to hope anew.
            let further = before.is_some_and(Outcome::lacks_name) && !outcome.lacks_name();
            self.failures = match outcome.is_ok() {
                true => 0,
                false if further => 1,
                false => self.failures.saturating_add(1),
            };
            self.maybe_complain().await;
            let told = if outcome.is_ok() { Duration::ZERO } else { latest.told.get() };
            let wait = self.jittered(self.config.wait(self.failures).max(told));
            rt::time::sleep(wait).await;
        }
    }

    fn jittered(&mut self, wait: Duration) -> Duration {
        let spread = wait.mul_f64(self.config.jitter);
        self.draws.between(wait.saturating_sub(spread), wait + spread)
    }

    /// One send; one more for each answer that brings messages, to say that they have come.
    async fn exchange(&mut self, latest: &Latest) -> Outcome {
        let now_ms = rt::time::unix_now().as_millis() as u64;
        if let Some(written) = self.outbox.as_mut().and_then(|outbox| outbox.write(now_ms)) {
            rt::emit(&written);
        }
        let mut outcome = self.send(latest).await;
        while outcome.is_ok() && self.outbox.as_ref().is_some_and(Outbox::owes) {
            outcome = self.send(latest).await;
        }
        outcome
    }

    async fn send(&mut self, latest: &Latest) -> Outcome {
        let Ok(request) = self.request() else { return Outcome::Broken };
        if let Some(kept) = self.connection.take()
            && let Some(outcome) =
                self.send_over(kept, request.clone(), self.config.timeout_s.get(), latest).await
        {
            return outcome;
        }
        match self.send_anew(request, latest).await {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }

    /// `None` when the kept connection turns out to be closed: the app opens another one and says nothing.
    async fn send_over(
        &mut self,
        mut connection: Connection,
        request: Request,
        limit: Duration,
        latest: &Latest,
    ) -> Option<Outcome> {
        let result = connection.send(request, limit).await;
        if matches!(result, Err(Error::Broken(_))) {
            return None;
        }
        let outcome = self.heard(&result);
        if !outcome.is_ok() {
            latest.told.set(result.as_ref().map_or(Duration::ZERO, told_to_wait));
        }
        self.connection = (self.config.keep_alive && outcome.is_ok()).then_some(connection);
        Some(outcome)
    }

    /// What an answer means to the app.
    fn heard(&mut self, result: &Result<Response, Error>) -> Outcome {
        let outcome = Outcome::of(result);
        let (Some(outbox), Ok(response), true) = (&mut self.outbox, result, outcome.is_ok()) else {
            return outcome;
        };
        let Ok(answer) = serde_json::from_slice(response.body()) else { return Outcome::Broken };
        outbox.hear(answer).iter().for_each(rt::emit);
        outcome
    }

    async fn send_anew(&mut self, request: Request, latest: &Latest) -> Result<Outcome, Outcome> {
        let addresses = resolve(&self.resolver, &self.config.host).await?;
        latest.server.set(addresses.first().copied());
        let limit = self.config.timeout_s.get();
        let until = Instant::now() + limit;
        let connection = connect(&addresses, self.config.port, limit).await?;
        let left = until.duration_since(Instant::now());
        self.send_over(connection, request, left, latest).await.ok_or(Outcome::Broken)
    }

    fn request(&self) -> Result<Request, hyper::http::Error> {
        let config = &self.config;
        let mut request = match &self.outbox {
            None => http::request(Method::GET, &config.host, &config.path, Bytes::new())?,
            Some(outbox) => {
                // Text and numbers are always JSON; a server refuses an empty body.
                let json = serde_json::to_vec(&outbox.exchange()).unwrap_or_default();
                http::request(Method::POST, &config.host, messages::PATH, json)?
            }
        };
        let device = format!("device={}", config.device(&rt::host_name(), self.number));
        request.headers_mut().insert(COOKIE, HeaderValue::try_from(device)?);
        Ok(request)
    }

    /// Once per row of failures, and only some people.
    async fn maybe_complain(&mut self) {
        let config = self.config.clone();
        let Some(complaints) = &config.complaints else { return };
        if self.failures != complaints.after_failures || !self.draws.chance(complaints.chance) {
            return;
        }
        let path = format!("/report/{}", config.product);
        if let Ok(request) = http::request(Method::POST, &complaints.host, &path, Bytes::new()) {
            // Whether the complaint arrives is the site's to count.
            let _unheard = visit(&self.resolver, complaints.port, request, config.timeout_s.get()).await;
        }
    }
}

/// The users' latest outcomes in sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sends {
    ok: u32,
    failed: u32,
    reason: Option<Outcome>,
}

impl Sends {
    fn of(latest: &Map<u32, Outcome>) -> Self {
        let mut failures: Map<Outcome, u32> = Map::new();
        for outcome in latest.values().filter(|outcome| !outcome.is_ok()) {
            *failures.entry(*outcome).or_default() += 1;
        }
        let failed = failures.values().sum();
        let most = failures.into_iter().max_by_key(|(_, count)| *count);
        Self { ok: latest.len() as u32 - failed, failed, reason: most.map(|(outcome, _)| outcome) }
    }

    /// `None` while nobody has sent.
    fn percent(self) -> Option<f64> {
        let all = self.ok + self.failed;
        (all > 0).then(|| f64::from(self.ok) * 100.0 / f64::from(all))
    }

    fn differs(self, last: Self) -> bool {
        match (self.percent(), last.percent()) {
            (Some(now), Some(then)) => (now - then).abs() >= 1.0 || self.reason != last.reason,
            (now, then) => now.is_some() != then.is_some(),
        }
    }
}

impl Latest {
    /// Takes in what a user saw; answers what they saw the time before.
    fn note(&self, user: u32, outcome: Outcome) -> Option<Outcome> {
        self.last.set(Some(outcome));
        if outcome.lacks_name() {
            self.told.set(Duration::ZERO);
        }
        self.outcomes.borrow_mut().insert(user, outcome)
    }

    /// What the crowd sees. All is well before the first try. They ask one resolver, so the last try tells whether the name
    /// is found; which of them are let in may differ, so that is a share.
    fn seen(&self) -> Seen {
        let outcomes = self.outcomes.borrow();
        let Some(last) = self.last.get() else { return Seen::WELL };
        let served = outcomes.values().filter(|outcome| outcome.is_ok()).count();
        let named = if last.lacks_name() { 0.0 } else { 1.0 };
        let told_s = self.told.get().as_secs_f64();
        Seen { served: named * served as f64 / outcomes.len().max(1) as f64, named, told_s }
    }
}

/// Lets the crowd fare as its sample does, for ever.
async fn follow(config: Rc<Config>, mut population: Population, mut voice: Voice, latest: Rc<Latest>) {
    let people = config.crowd.as_ref().map_or(1.0, |habits| habits.people.max(1.0));
    let mut last = [0, 0];
    loop {
        let settled = Instant::now() >= Instant::from_start(SETTLED);
        let seen = if settled { latest.seen() } else { Seen::WELL };
        let Demand { requests, queries } = population.demand(seen);
        if let Some(resolver) = config.resolvers.first() {
            voice.tell(resolver.ip(), &[(&config.host, queries)]).await;
        }
        if let Some(server) = latest.server.get() {
            voice.tell(server, &[(&config.host, requests)]).await;
        }
        let now = [(100.0 * population.failing() / people) as u64, requests as u64];
        if now[0].abs_diff(last[0]) >= 5 || now[1].abs_diff(last[1]) * 20 > now[1].max(last[1]) {
            last = now;
            let product = config.product.clone();
            rt::emit(&Event::Crowd { product, failing_percent: now[0] as u32, requests_per_s: now[1] });
        }
        rt::time::sleep(STEP).await;
        population.step(STEP.as_secs_f64(), seen);
    }
}

async fn watch(config: &Config, latest: &Latest) {
    let mut last = Sends { ok: 0, failed: 0, reason: None };
    loop {
        rt::time::sleep(config.window_s.get()).await;
        let sends = Sends::of(&latest.outcomes.borrow());
        if sends.differs(last) {
            last = sends;
            let Sends { ok, failed, reason } = sends;
            rt::emit(&Event::SendsWindow { product: config.product.clone(), ok, failed, reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(extra: &str) -> Config {
        let text = format!(
            "product = \"whatsapp\"\nhost = \"e1.whatsapp.net\"\nresolvers = [\"192.0.2.53:53\"]\n{extra}"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn back_off_follows_the_list_and_stays_at_its_end() {
        let config = config("retry-s = [2, 5]\nperiod-s = 60");
        let waits = [0, 1, 2, 3, 99].map(|failures| config.wait(failures).as_secs());
        assert_eq!(waits, [60, 2, 5, 5, 5]);
        let without = self::config("retry-s = []\nperiod-s = 60");
        assert_eq!(without.wait(7).as_secs(), 60);
    }

    #[test]
    fn a_window_is_recorded_when_a_point_or_the_reason_changes() {
        let sends = |ok, failed, reason| Sends { ok, failed, reason };
        let (slow, busy) = (Some(Outcome::Timeout), Some(Outcome::Http(503)));
        for (now, last, expected) in [
            (sends(0, 0, None), sends(0, 0, None), false),
            (sends(3, 0, None), sends(0, 0, None), true),
            (sends(10, 0, None), sends(3, 0, None), false),
            (sends(9, 1, slow), sends(10, 0, None), true),
            (sends(9, 1, busy), sends(9, 1, slow), true),
            (sends(999, 1, slow), sends(998, 2, slow), false),
        ] {
            assert_eq!(now.differs(last), expected, "{now:?} after {last:?}");
        }
    }

    #[test]
    fn a_crowd_shares_its_resolver_and_not_its_luck_at_the_door() {
        let (latest, dark) = (Latest::default(), Outcome::Dns(crate::event::DnsFailure::ServFail));
        assert_eq!(latest.seen(), Seen::WELL);
        for (user, outcome, served, named) in [
            (0, dark, 0.0, 0.0),
            (1, Outcome::Http(503), 0.0, 1.0),
            (0, Outcome::Ok(200), 0.5, 1.0),
            (1, dark, 0.0, 0.0),
        ] {
            latest.note(user, outcome);
            assert_eq!(latest.seen(), Seen { served, named, told_s: 0.0 }, "after {outcome} for user {user}");
        }
    }

    #[test]
    fn the_reason_is_what_most_see() {
        let outcomes = [Outcome::Ok(200), Outcome::Timeout, Outcome::Http(503), Outcome::Http(503)];
        let latest = (0..).zip(outcomes).collect();
        assert_eq!(Sends::of(&latest), Sends { ok: 1, failed: 3, reason: Some(Outcome::Http(503)) });
    }

    #[test]
    fn bad_parts_are_refused() {
        assert!(config("").validate().is_ok());
        for extra in ["jitter = 1.5", "jitter = nan", "complaints = { host = \"a\", chance = 2.0 }"] {
            assert!(config(extra).validate().is_err(), "{extra}");
        }
        let mut without = config("");
        without.resolvers.clear();
        assert!(without.validate().is_err());
    }
}
