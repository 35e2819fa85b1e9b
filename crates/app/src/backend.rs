//! A product in a data centre. `/health` answers 200 as long as the host lives; any other path costs a worker
//! for the service time, then everything that the product needs, and answers with the product's name.

use crate::config::{self, Seconds};
use crate::event::Event;
use crate::gate::Gate;
use crate::http::{self, Request, Response, Upstream, response};
use crate::pressure::Pressure;
use crate::scope::Scope;
use blackstart_crowd::ear::Voice;
use blackstart_crowd::{Cache, CacheConfig, Capacity, STEP};
use blackstart_rt as rt;
use bytes::Bytes;
use hyper::{Method, StatusCode};
use rt::rand::Stream;
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const SERVICE: &str = "backend";

/// A backend.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Addresses to listen on.
    #[serde(default = "config::listen")]
    pub listen: Vec<SocketAddr>,
    /// The product's name, for the page's text.
    pub product: String,
    /// The data centre's name, for the page's text.
    pub data_centre: String,
    /// Hosts served; none means all, as for a store that others need.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Requests worked on at once.
    #[serde(default = "default_workers")]
    pub workers: usize,
    /// Requests that wait for a worker; one more gets a 503.
    #[serde(default = "default_queue")]
    pub queue: usize,
    /// Shortest and longest service time, in milliseconds.
    #[serde(default = "default_service_ms")]
    pub service_ms: [u64; 2],
    /// Stores asked for every request; without one of them there is no answer.
    #[serde(default)]
    pub needs: Vec<SocketAddr>,
    /// How long all the stores together may take.
    #[serde(default = "default_need_timeout")]
    pub need_timeout_s: Seconds,
    /// The window of [`Event::Load`].
    #[serde(default = "default_window")]
    pub window_s: Seconds,
    /// What it can do for a crowd; without it, no crowd is heard.
    #[serde(default)]
    pub crowd: Option<Crowd>,
}

/// A backend under a crowd.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Crowd {
    /// What it can do.
    pub capacity: Capacity,
    /// What spares the stores; without it they are asked for every request.
    #[serde(default)]
    pub cache: Option<CacheConfig>,
}

const fn default_workers() -> usize {
    64
}

const fn default_queue() -> usize {
    256
}

const fn default_service_ms() -> [u64; 2] {
    [5, 20]
}

const fn default_need_timeout() -> Seconds {
    Seconds::new(3)
}

const fn default_window() -> Seconds {
    Seconds::new(60)
}

/// Serves the product.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let listen = config.listen.clone();
    let backend = Rc::new(Backend::new(config));
    let scope = Scope::new(SERVICE);
    scope.spawn(watch_load(backend.clone()));
    if let Some((pressure, crowd)) = backend.pressure.clone().zip(backend.config.crowd) {
        let hearing = pressure.clone().hear();
        scope.spawn(async move { rt::emit(&Event::CrowdUnheard { reason: hearing.await }) });
        let voice = Voice::new(&backend.config.product).await?;
        scope.spawn(pass_on(backend.clone(), pressure, crowd, voice));
    }
    http::serve_at(SERVICE, &listen, async move |request, _| backend.answer(&request).await).await
}

struct Backend {
    gate: Gate,
    service_times: RefCell<Stream>,
    needs: Vec<Upstream>,
    load: Cell<Load>,
    /// Real requests for which the stores answered, and for which they did not, since the crowd was last looked at.
    stores: Cell<(u32, u32)>,
    pressure: Option<Rc<Pressure>>,
    config: Config,
}

/// Why a request failed inside.
enum Failure {
    Overload,
    Need(StatusCode),
}

impl Backend {
    fn new(config: Config) -> Self {
        Self {
            gate: Gate::new(config.workers, config.queue),
            service_times: RefCell::new(rt::rand::stream(&format!("{SERVICE} {}", config.product))),
            needs: config.needs.iter().copied().map(Upstream::new).collect(),
            load: Cell::default(),
            stores: Cell::default(),
            pressure: config.crowd.map(|crowd| Rc::new(Pressure::new(crowd.capacity))),
            config,
        }
    }

    async fn answer(&self, request: &Request) -> Response {
        if request.uri().path() == "/health" {
            return response(StatusCode::OK, "ok\n");
        }
        if !http::serves(&self.config.hosts, &http::host(request)) {
            return response(StatusCode::MISDIRECTED_REQUEST, "not served here\n");
        }
        let result = self.work().await;
        self.load.set(self.load.get().with(&result));
        match result {
            Ok(()) => response(StatusCode::OK, self.page()),
            Err(Failure::Overload) => response(StatusCode::SERVICE_UNAVAILABLE, "too busy\n"),
            Err(Failure::Need(status)) => response(status, "something behind us does not answer\n"),
        }
    }

    fn page(&self) -> String {
        format!("{} from {}\n", self.config.product, self.config.data_centre)
    }

    /// The worker is held until the stores have answered: slow stores fill the queue.
    async fn work(&self) -> Result<(), Failure> {
        if let Some(pressure) = &self.pressure
            && !pressure.bear().await
        {
            return Err(Failure::Overload);
        }
        let _worker = self.gate.enter().await.ok_or(Failure::Overload)?;
        rt::time::sleep(self.service_time()).await;
        let asked = rt::time::timeout(self.config.need_timeout_s.get(), self.ask_needs()).await;
        let result = asked.unwrap_or(Err(StatusCode::GATEWAY_TIMEOUT));
        let (answered, not) = self.stores.get();
        self.stores.set(if result.is_ok() { (answered + 1, not) } else { (answered, not + 1) });
        result.map_err(Failure::Need)
    }

    fn service_time(&self) -> Duration {
        let [low, high] = self.config.service_ms.map(Duration::from_millis);
        self.service_times.borrow_mut().between(low, high)
    }

    async fn ask_needs(&self) -> Result<(), StatusCode> {
        for need in &self.needs {
            self.ask(need).await?;
        }
        Ok(())
    }

    async fn ask(&self, need: &Upstream) -> Result<(), StatusCode> {
        let request = http::request(Method::GET, "store", "/", Bytes::new())
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        match need.send(request, self.config.need_timeout_s.get()).await {
            Ok(response) if response.status().is_success() => Ok(()),
            Err(error) if error.is_timeout() => Err(StatusCode::GATEWAY_TIMEOUT),
            _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// Requests of a window by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Load {
    served: u32,
    shed: u32,
    failed: u32,
}

impl Load {
    fn with(mut self, result: &Result<(), Failure>) -> Self {
        match result {
            Ok(()) => self.served += 1,
            Err(Failure::Overload) => self.shed += 1,
            Err(Failure::Need(_)) => self.failed += 1,
        }
        self
    }

    /// Whether it is worth a record after `last`: twice or half as much, or something where nothing was.
    fn differs(self, last: Self) -> bool {
        let marked = |now: u32, then: u32| (now == 0) != (then == 0) || now > then * 2 || then > now * 2;
        marked(self.served, last.served) || marked(self.shed, last.shed) || marked(self.failed, last.failed)
    }
}

async fn watch_load(backend: Rc<Backend>) {
    let mut windows = rt::time::interval(backend.config.window_s.get());
    let mut last = Load::default();
    loop {
        windows.tick().await;
        let load = backend.load.take();
        if load.differs(last) {
            last = load;
            rt::emit(&Event::Load { served: load.served, shed: load.shed, failed: load.failed });
        }
    }
}

/// How the stores answered real requests says so long how they answer the crowd.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// The share of questions that stores answer well, by real requests.
struct Answers {
    share: f64,
    heard: rt::time::Instant,
}

impl Answers {
    fn new(now: rt::time::Instant) -> Self {
        Self { share: 1.0, heard: now }
    }

    /// The share now, with those that were answered well and badly since the last look.
    fn share(&mut self, now: rt::time::Instant, (well, badly): (u32, u32)) -> f64 {
        if well + badly > 0 {
            *self = Self { share: f64::from(well) / f64::from(well + badly), heard: now };
        } else if self.heard + KNOWN_FOR <= now {
            *self = Self::new(now);
        }
        self.share
    }
}

/// Passes on to the stores what the cache does not spare them, and records how busy the crowd keeps this server, for ever.
async fn pass_on(backend: Rc<Backend>, pressure: Rc<Pressure>, crowd: Crowd, mut voice: Voice) {
    let mut cache = crowd.cache.map(|config| Cache::new(config, rt::time::Instant::now()));
    let (mut last, mut answers) = ([0, 0], Answers::new(rt::time::Instant::now()));
    loop {
        rt::time::sleep(STEP).await;
        let (served, busy) = pressure.at_work();
        let answered = answers.share(rt::time::Instant::now(), backend.stores.take());
        // What the stores do not answer fills no cache.
        if let Some(cache) = &mut cache {
            cache.pass(rt::time::Instant::now(), served * answered);
        }
        let misses = served * cache.as_ref().map_or(1.0, Cache::misses);
        for store in &backend.config.needs {
            voice.tell(store.ip(), &[("store", misses)]).await;
        }
        let offered: f64 = pressure.asked().values().sum();
        let now = [busy, offered / crowd.capacity.per_s].map(|share| (100.0 * share) as u32);
        if now.iter().zip(last).any(|(now, last)| now.abs_diff(last) >= 5) {
            last = now;
            rt::emit(&Event::Busy { percent: now[0], offered_percent: now[1] });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_long_is_taken_for_well() {
        let at = |s| rt::time::Instant::from_start(Duration::from_secs(s));
        let mut answers = Answers::new(at(0));
        for (s, heard, expected) in [
            (60, (0, 0), 1.0),
            (120, (1, 3), 0.25),
            (719, (0, 0), 0.25),
            (720, (0, 0), 1.0),
            (780, (0, 2), 0.0),
        ] {
            assert_eq!(answers.share(at(s), heard), expected, "{heard:?} after {s} s");
        }
    }

    #[test]
    fn only_marked_changes_of_load_count() {
        let load = |served, shed| Load { served, shed, failed: 0 };
        for (now, last, expected) in [
            (load(100, 0), load(100, 0), false),
            (load(150, 0), load(100, 0), false),
            (load(201, 0), load(100, 0), true),
            (load(49, 0), load(100, 0), true),
            (load(100, 1), load(100, 0), true),
            (load(0, 0), load(1, 0), true),
        ] {
            assert_eq!(now.differs(last), expected, "{now:?} after {last:?}");
        }
    }
}
