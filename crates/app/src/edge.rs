//! A reverse proxy at a PoP. It admits a share of the clients, sends them to a healthy backend, and answers
//! for itself when there is none: `503` with `proxy-status: no_server_available`, as Facebook's edges did.
//!
//! A backend is out after failures in a row, of health checks or of requests, and back after good checks.
//! Which backend a client gets first depends on the client alone, so that it stays the same from request to
//! request (a home data centre).

use crate::admission;
use crate::config::{self, Seconds};
use crate::event::Event;
use crate::health::{Health, Thresholds};
use crate::http::{self, Request, Response, Upstream, response, response_with};
use crate::percent::Percent;
use crate::pressure::Pressure;
use crate::scope::Scope;
use blackstart_crowd::ear::Voice;
use blackstart_crowd::{Capacity, STEP};
use blackstart_rt as rt;
use bytes::Bytes;
use hyper::header::{COOKIE, HeaderValue};
use hyper::{Method, StatusCode};
use rt::Map;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

const SERVICE: &str = "edge";

/// An edge proxy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Addresses to listen on.
    #[serde(default = "config::listen")]
    pub listen: Vec<SocketAddr>,
    /// Which backends serve which hosts. The first pool that names the host is taken.
    pub pools: Vec<Pool>,
    /// How backends are checked.
    #[serde(default)]
    pub health: HealthCheck,
    /// How long a backend may take for a request, connecting included.
    #[serde(default = "default_timeout")]
    pub timeout_s: Seconds,
    /// Who says which share of the clients may come in; without it all may.
    #[serde(default)]
    pub admission: Option<AdmissionSource>,
    /// What clients who may not are told to wait.
    #[serde(default = "default_retry_after")]
    pub retry_after_s: Seconds,
    /// What it can do for a crowd; without it, no crowd is heard.
    #[serde(default)]
    pub crowd: Option<Capacity>,
}

/// Backends for some hosts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pool {
    /// Hosts served; none means all.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Where the backends listen.
    pub backends: Vec<SocketAddr>,
}

/// `GET /health` to every backend.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HealthCheck {
    /// Time between two checks of a backend.
    pub interval_s: Seconds,
    /// The same while it is out; as ever unless given.
    pub down_interval_s: Option<Seconds>,
    /// How long a check may take.
    pub timeout_s: Seconds,
    /// Failures in a row, of checks or requests, until a backend is out.
    pub fall: u32,
    /// Good checks in a row until it is back.
    pub rise: u32,
}

impl HealthCheck {
    fn interval(&self, healthy: bool) -> Duration {
        self.down_interval_s.filter(|_| !healthy).unwrap_or(self.interval_s).get()
    }
}

/// The admission service to follow.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdmissionSource {
    /// Where it listens.
    pub address: SocketAddr,
    /// Time between two questions. While it does not answer, the last value holds.
    #[serde(default = "default_poll")]
    pub interval_s: Seconds,
}

impl Default for HealthCheck {
    fn default() -> Self {
        let (interval_s, timeout_s) = (Seconds::new(30), Seconds::new(3));
        Self { interval_s, down_interval_s: None, timeout_s, fall: 2, rise: 1 }
    }
}

const fn default_timeout() -> Seconds {
    Seconds::new(5)
}

const fn default_poll() -> Seconds {
    Seconds::new(15)
}

const fn default_retry_after() -> Seconds {
    Seconds::new(60)
}

/// Serves clients until the host dies.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let listen = config.listen.clone();
    let edge = Rc::new(Edge::new(config));
    let scope = Scope::new(SERVICE);
    for backend in edge.backends.values() {
        scope.spawn(check(edge.clone(), backend.clone()));
    }
    if let Some(pressure) = edge.pressure.clone() {
        let hearing = pressure.clone().hear();
        scope.spawn(async move { rt::emit(&Event::CrowdUnheard { reason: hearing.await }) });
        scope.spawn(pass_on(edge.clone(), pressure, Voice::new(SERVICE).await?));
    }
    if let Some(source) = edge.config.admission.clone() {
        scope.spawn(follow_admission(edge.clone(), source));
    }
    http::serve_at(SERVICE, &listen, async move |request, peer| edge.answer(request, peer).await).await
}

struct Edge {
    backends: Map<SocketAddr, Rc<Backend>>,
    admitted: Cell<Percent>,
    retry_after: HeaderValue,
    pressure: Option<Rc<Pressure>>,
    config: Config,
}

struct Backend {
    upstream: Upstream,
    health: RefCell<Health>,
}

impl Edge {
    fn new(config: Config) -> Self {
        let addresses = config.pools.iter().flat_map(|pool| &pool.backends);
        Self {
            backends: addresses.map(|address| (*address, Rc::new(Backend::new(*address)))).collect(),
            admitted: Cell::new(Percent::ALL),
            retry_after: HeaderValue::from(config.retry_after_s.get().as_secs().max(1)),
            pressure: config.crowd.map(|capacity| Rc::new(Pressure::new(capacity))),
            config,
        }
    }

    async fn answer(&self, request: Request, peer: SocketAddr) -> Response {
        let host = http::host(&request);
        let Some(pool) = self.config.pools.iter().find(|pool| http::serves(&pool.hosts, &host)) else {
            return response(StatusCode::MISDIRECTED_REQUEST, "not served here\n");
        };
        if let Some(pressure) = &self.pressure
            && !pressure.bear().await
        {
            return response(StatusCode::SERVICE_UNAVAILABLE, "too busy\n");
        }
        let client = format!("{} {host}", client_key(&request, peer));
        if !self.admitted.get().admits(&client) {
            return self.not_admitted();
        }
        match self.pick(pool, &client) {
            Some(backend) => self.forward(backend, request, peer).await,
            None => response_with(StatusCode::SERVICE_UNAVAILABLE, "proxy-status", "no_server_available"),
        }
    }

    fn not_admitted(&self) -> Response {
        let mut response = response(StatusCode::SERVICE_UNAVAILABLE, "come back later\n");
        response.headers_mut().insert("retry-after", self.retry_after.clone());
        response
    }

    /// The client's home backend, or the next healthy one after it.
    fn pick(&self, pool: &Pool, client: &str) -> Option<&Backend> {
        let home = xxh3_64(client.as_bytes()).checked_rem(pool.backends.len() as u64)? as usize;
        let (before, after) = pool.backends.split_at(home);
        let mut candidates = after.iter().chain(before).filter_map(|address| self.backends.get(address));
        candidates.find(|backend| backend.health.borrow().healthy()).map(Rc::as_ref)
    }

    async fn forward(&self, backend: &Backend, mut request: Request, peer: SocketAddr) -> Response {
        http::strip_hop_by_hop(request.headers_mut());
        if let Ok(client) = HeaderValue::from_str(&peer.ip().to_string()) {
            request.headers_mut().insert("x-forwarded-for", client);
        }
        match backend.upstream.send(request, self.config.timeout_s.get()).await {
            Ok(mut response) => {
                http::strip_hop_by_hop(response.headers_mut());
                response
            }
            Err(error) => {
                self.observe(backend, Err(format!("request: {error}")));
                let timed_out = error.is_timeout();
                let status = if timed_out { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
                response(status, "no answer from behind\n")
            }
        }
    }

    /// Takes in what a check or a request showed of a backend.
    fn observe(&self, backend: &Backend, result: Result<(), String>) {
        let thresholds = Thresholds { fall: self.config.health.fall, rise: self.config.health.rise };
        if backend.health.borrow_mut().observe(result.is_ok(), thresholds) {
            rt::emit(&Event::BackendHealth {
                backend: backend.upstream.address(),
                healthy: result.is_ok(),
                reason: result.err().unwrap_or_else(|| "check: ok".to_owned()),
            });
        }
    }

    /// What the crowd asks of each backend: of its requests the share that is admitted, spread over those in health.
    fn shares<'a>(&self, asked: &'a Map<String, f64>) -> Map<SocketAddr, Vec<(&'a str, f64)>> {
        let mut shares: Map<SocketAddr, Vec<(&str, f64)>> =
            self.backends.keys().map(|address| (*address, Vec::new())).collect();
        for (host, rate) in asked {
            let Some(pool) = self.config.pools.iter().find(|pool| http::serves(&pool.hosts, host)) else {
                continue;
            };
            let healthy = |address: &&SocketAddr| self.backends[address].health.borrow().healthy();
            let healthy: Vec<_> = pool.backends.iter().filter(healthy).collect();
            let share = rate * self.admitted.get().as_f64() / 100.0 / healthy.len() as f64;
            for address in healthy {
                shares.entry(*address).or_default().push((host, share));
            }
        }
        shares
    }

    fn admit(&self, percent: Percent) {
        if self.admitted.replace(percent) != percent {
            rt::emit(&Event::Admitting { percent });
        }
    }
}

impl Backend {
    fn new(address: SocketAddr) -> Self {
        Self { upstream: Upstream::new(address), health: RefCell::new(Health::new()) }
    }
}

/// Who a client is: the device's cookie, so that people behind one address are told apart, else the address.
fn client_key(request: &Request, peer: SocketAddr) -> String {
    let cookies = request.headers().get(COOKIE).and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
    let device = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("device="));
    device.map_or_else(|| peer.ip().to_string(), str::to_owned)
}

/// Checks one backend for ever. The first check comes at a drawn moment, so that edges do not check in step.
async fn check(edge: Rc<Edge>, backend: Rc<Backend>) {
    let every = edge.config.health.interval_s.get();
    let mut draws = rt::rand::stream(&format!("{SERVICE} check {}", backend.upstream.address()));
    rt::time::sleep(draws.between(Duration::ZERO, every)).await;
    loop {
        let started = rt::time::Instant::now();
        let result = check_once(&edge.config.health, &backend.upstream).await;
        edge.observe(&backend, result);
        let healthy = backend.health.borrow().healthy();
        rt::time::sleep_until(started + edge.config.health.interval(healthy)).await;
    }
}

async fn check_once(check: &HealthCheck, upstream: &Upstream) -> Result<(), String> {
    let request =
        http::request(Method::GET, "health", "/health", Bytes::new()).map_err(|error| error.to_string())?;
    match upstream.send(request, check.timeout_s.get()).await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("check: {}", response.status())),
        Err(error) => Err(format!("check: {error}")),
    }
}

/// Passes the crowd's requests on to the backends, for ever.
async fn pass_on(edge: Rc<Edge>, pressure: Rc<Pressure>, mut voice: Voice) {
    loop {
        for (backend, rates) in edge.shares(&pressure.asked()) {
            voice.tell(backend.ip(), &rates).await;
        }
        rt::time::sleep(STEP).await;
    }
}

/// Asks the admission service for ever.
async fn follow_admission(edge: Rc<Edge>, source: AdmissionSource) {
    let upstream = Upstream::new(source.address);
    let mut failing = false;
    loop {
        let started = rt::time::Instant::now();
        let answer = admission::ask(&upstream, edge.config.timeout_s.get()).await;
        if answer.is_err() != failing {
            failing = answer.is_err();
            rt::emit(&Event::AdmissionSource { failure: answer.as_ref().err().map(ToString::to_string) });
        }
        if let Ok(percent) = answer {
            edge.admit(percent);
        }
        rt::time::sleep_until(started + source.interval_s.get()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(backends: &[SocketAddr]) -> Edge {
        let pools = vec![Pool { hosts: Vec::new(), backends: backends.to_vec() }];
        Edge::new(Config {
            listen: Vec::new(),
            pools,
            health: HealthCheck::default(),
            timeout_s: default_timeout(),
            admission: None,
            retry_after_s: default_retry_after(),
            crowd: None,
        })
    }

    fn take_out(edge: &Edge, backend: &SocketAddr) {
        let once = Thresholds { fall: 1, rise: 1 };
        edge.backends[backend].health.borrow_mut().observe(false, once);
    }

    #[test]
    fn a_client_keeps_its_backend_until_that_falls() {
        let addresses: Vec<SocketAddr> = (1..=3).map(|n| SocketAddr::from(([192, 0, 2, n], 80))).collect();
        let edge = edge(&addresses);
        let pool = &edge.config.pools[0];
        let home = edge.pick(pool, "ann").unwrap().upstream.address();
        assert_eq!(edge.pick(pool, "ann").unwrap().upstream.address(), home);
        take_out(&edge, &home);
        assert_ne!(edge.pick(pool, "ann").unwrap().upstream.address(), home);
        addresses.iter().for_each(|address| take_out(&edge, address));
        assert!(edge.pick(pool, "ann").is_none());
    }

    #[test]
    fn a_crowd_is_spread_over_healthy_backends_as_far_as_it_is_admitted() {
        let addresses: Vec<SocketAddr> = (1..=3).map(|n| SocketAddr::from(([192, 0, 2, n], 80))).collect();
        let edge = edge(&addresses);
        let asked = Map::from([("www.facebook.com".to_owned(), 900.0)]);
        let shares = |edge: &Edge| {
            let shares = edge.shares(&asked);
            addresses.iter().map(|a| shares[a].iter().map(|(_, rate)| rate).sum::<f64>()).collect::<Vec<_>>()
        };
        assert_eq!(shares(&edge), [300.0; 3]);
        take_out(&edge, &addresses[0]);
        edge.admitted.set(Percent::whole(40));
        assert_eq!(shares(&edge), [0.0, 180.0, 180.0]);
        addresses.iter().for_each(|address| take_out(&edge, address));
        assert_eq!(shares(&edge), [0.0; 3]);
    }

    #[test]
    fn a_backend_that_is_out_may_be_asked_less_often() {
        for (text, up_s, down_s) in [("interval-s = 9", 9, 9), ("down-interval-s = 70", 30, 70)] {
            let check: HealthCheck = toml::from_str(text).unwrap();
            let seconds = [true, false].map(|healthy| check.interval(healthy).as_secs());
            assert_eq!(seconds, [up_s, down_s], "{text}");
        }
    }

    #[test]
    fn a_pool_without_backends_serves_nobody() {
        let edge = edge(&[]);
        assert!(edge.pick(&edge.config.pools[0], "ann").is_none());
    }

    #[test]
    fn a_device_is_told_by_its_cookie() {
        let peer = "192.0.2.7:1234".parse().unwrap();
        for (cookies, expected) in
            [("device=ann-1", "ann-1"), ("a=b; device=bob", "bob"), ("a=b", "192.0.2.7"), ("", "192.0.2.7")]
        {
            let mut request = http::request(Method::GET, "h", "/", "").unwrap();
            request.headers_mut().insert(COOKIE, HeaderValue::from_str(cookies).unwrap());
            assert_eq!(client_key(&request, peer), expected, "{cookies:?}");
        }
    }

    #[test]
    fn a_configuration_needs_little() {
        let config: Config = toml::from_str(
            r#"
            pools = [{ hosts = ["www.facebook.com"], backends = ["192.0.2.1:80"] }]
            admission = { address = "192.0.2.2:80" }
            health = { fall = 3 }
            "#,
        )
        .unwrap();
        assert_eq!((config.health.fall, config.health.rise), (3, 1));
        assert!(toml::from_str::<Config>("pools = []\nport = 80").is_err());
    }
}
