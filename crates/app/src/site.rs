//! Fixed content for named hosts: a status page, a third party's page. One may let its members sign in with their account
//! elsewhere, at `/log-in`: it asks there, each time, and fails when nobody answers.

use crate::config::{self, Seconds};
use crate::event::Outcome;
use crate::http::{self, Request, Response, response};
use crate::visit::visit;
use blackstart_dns::stub::Resolver;
use bytes::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;

const SERVICE: &str = "site";
const LOG_IN: &str = "/log-in";

/// A static site.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Addresses to listen on.
    #[serde(default = "config::listen")]
    pub listen: Vec<SocketAddr>,
    /// Hosts served; none means all.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// What every path of them answers.
    pub content: String,
    /// Where its members have their account, if not here.
    #[serde(default)]
    pub log_in_with: Option<LogInWith>,
}

/// Somebody else who says who a member is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogInWith {
    /// The name under which that is.
    pub host: String,
    /// The port.
    #[serde(default = "config::port")]
    pub port: u16,
    /// Who knows the name.
    pub resolvers: Vec<SocketAddr>,
    /// How long an answer may take.
    #[serde(default = "default_timeout")]
    pub timeout_s: Seconds,
}

const fn default_timeout() -> Seconds {
    Seconds::new(10)
}

/// Serves the content until the host dies.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let listen = config.listen.clone();
    http::serve_at(SERVICE, &listen, async move |request, _| config.answer(&request).await).await
}

impl Config {
    async fn answer(&self, request: &Request) -> Response {
        if !http::serves(&self.hosts, &http::host(request)) {
            return response(StatusCode::MISDIRECTED_REQUEST, "not served here\n");
        }
        match &self.log_in_with {
            Some(elsewhere) if request.uri().path() == LOG_IN => elsewhere.ask().await,
            _ => response(StatusCode::OK, self.content.clone()),
        }
    }
}

impl LogInWith {
    async fn ask(&self) -> Response {
        let Ok(request) = http::request(Method::GET, &self.host, "/", Bytes::new()) else {
            return response(StatusCode::INTERNAL_SERVER_ERROR, "nobody can be asked\n");
        };
        let resolver = Resolver::new(self.resolvers.clone());
        let seen = match visit(&resolver, self.port, request, self.timeout_s.get()).await {
            Ok(answer) => Outcome::of(&Ok(answer)),
            Err(outcome) => outcome,
        };
        match seen.is_ok() {
            true => response(StatusCode::OK, "welcome\n"),
            false => {
                response(StatusCode::BAD_GATEWAY, format!("{} does not say who you are: {seen}\n", self.host))
            }
        }
    }
}
