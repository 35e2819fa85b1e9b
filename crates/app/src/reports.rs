//! A public counter of outage reports, as allestoringen.nl and Downdetector. `POST /report/<product>` counts
//! one, `GET /report/<product>` shows `<in this window> <in all>`.

use crate::config::{self, Seconds};
use crate::event::Event;
use crate::http::{self, Request, Response, response};
use crate::scope::Scope;
use blackstart_rt as rt;
use hyper::{Method, StatusCode};
use rt::Map;
use serde::Deserialize;
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const SERVICE: &str = "reports";
/// Products counted; more would be somebody's play.
const PRODUCTS_MAX: usize = 1_000;
const PRODUCT_BYTES_MAX: usize = 64;

/// A site that counts reports.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Addresses to listen on.
    #[serde(default = "config::listen")]
    pub listen: Vec<SocketAddr>,
    /// Hosts served; none means all.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The window of [`Event::Reports`].
    #[serde(default = "default_window")]
    pub window_s: Seconds,
}

const fn default_window() -> Seconds {
    Seconds::new(60)
}

/// Counts until the host dies; counts are not kept on disk.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let counters = Rc::new(RefCell::new(Counters::default()));
    let scope = Scope::new(SERVICE);
    scope.spawn(close_windows(counters.clone(), config.window_s.get()));
    let hosts = config.hosts;
    let handler = async move |request, _| match http::serves(&hosts, &http::host(&request)) {
        true => answer(&mut counters.borrow_mut(), &request),
        false => response(StatusCode::MISDIRECTED_REQUEST, "not served here\n"),
    };
    http::serve_at(SERVICE, &config.listen, handler).await
}

fn answer(counters: &mut Counters, request: &Request) -> Response {
    let Some(product) = request.uri().path().strip_prefix("/report/").filter(|product| is_name(product))
    else {
        return response(StatusCode::NOT_FOUND, "only /report/<product>\n");
    };
    match *request.method() {
        Method::POST if counters.count(product) => response(StatusCode::ACCEPTED, "thank you\n"),
        Method::POST => response(StatusCode::INSUFFICIENT_STORAGE, "too many products\n"),
        Method::GET => response(StatusCode::OK, counters.show(product)),
        _ => response(StatusCode::METHOD_NOT_ALLOWED, "GET or POST\n"),
    }
}

fn is_name(product: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=PRODUCT_BYTES_MAX).contains(&product.len()) && product.bytes().all(plain)
}

#[derive(Debug, Default)]
struct Counters(Map<String, Counter>);

#[derive(Debug, Default)]
struct Counter {
    window: u32,
    last_window: u32,
    total: u32,
}

impl Counters {
    /// Counts one report; `false` when there are too many products already.
    fn count(&mut self, product: &str) -> bool {
        if self.0.len() >= PRODUCTS_MAX && !self.0.contains_key(product) {
            return false;
        }
        let counter = self.0.entry(product.to_owned()).or_default();
        counter.window = counter.window.saturating_add(1);
        counter.total = counter.total.saturating_add(1);
        true
    }

    fn show(&self, product: &str) -> String {
        let (window, total) = self.0.get(product).map_or((0, 0), |counter| (counter.window, counter.total));
        format!("{window} {total}\n")
    }

    /// Ends the window; answers what differs from the one before.
    fn close_window(&mut self) -> Vec<Event> {
        self.0.iter_mut().filter_map(|(product, counter)| counter.close_window(product)).collect()
    }
}

impl Counter {
    fn close_window(&mut self, product: &str) -> Option<Event> {
        let count = std::mem::take(&mut self.window);
        let last = std::mem::replace(&mut self.last_window, count);
        (count != last).then(|| Event::Reports { product: product.to_owned(), count, total: self.total })
    }
}

async fn close_windows(counters: Rc<RefCell<Counters>>, window: Duration) {
    let mut windows = rt::time::interval(window);
    loop {
        windows.tick().await;
        let changes = counters.borrow_mut().close_window();
        changes.iter().for_each(rt::emit);
    }
}

/// Reports an outage of `product` to the site `host` at `address`.
///
/// # Errors
/// See [`http::Error`].
pub async fn report(
    address: SocketAddr,
    host: &str,
    product: &str,
    timeout: Duration,
) -> Result<Response, http::Error> {
    http::post(address, host, &format!("/report/{product}"), "", timeout).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(counters: &mut Counters, method: Method, path: &str) -> (u16, String) {
        let response = answer(counters, &http::request(method, "h", path, "").unwrap());
        (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
    }

    #[test]
    fn reports_are_counted_per_product() {
        let mut counters = Counters::default();
        for _ in 0..3 {
            assert_eq!(ask(&mut counters, Method::POST, "/report/whatsapp").0, 202);
        }
        assert_eq!(ask(&mut counters, Method::GET, "/report/whatsapp"), (200, "3 3\n".to_owned()));
        assert_eq!(ask(&mut counters, Method::GET, "/report/signal"), (200, "0 0\n".to_owned()));
        let long = format!("/report/{}", "a".repeat(65));
        for path in ["/", "/report/", "/report/a/b", "/report/%20", long.as_str()] {
            assert_eq!(ask(&mut counters, Method::POST, path).0, 404, "{path}");
        }
    }

    #[test]
    fn a_window_is_an_event_when_it_differs() {
        let mut counters = Counters::default();
        let mut window = |reports: u32| {
            (0..reports).for_each(|_| assert!(counters.count("whatsapp")));
            counters.close_window().len()
        };
        assert_eq!([0, 2, 2, 3, 0, 0].map(&mut window), [0, 1, 0, 1, 1, 0]);
    }

    #[test]
    fn products_are_bounded() {
        let mut counters = Counters::default();
        assert!((0..PRODUCTS_MAX).all(|n| counters.count(&n.to_string())));
        assert!(!counters.count("one more"));
        assert!(counters.count("0"));
    }
}
