//! Fixed content for named hosts: a status page, a third party's page.

use crate::config;
use crate::http::{self, response};
use hyper::StatusCode;
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;

const SERVICE: &str = "site";

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
}

/// Serves the content until the host dies.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let Config { listen, hosts, content } = config;
    let handler = async move |request, _| match http::serves(&hosts, &http::host(&request)) {
        true => response(StatusCode::OK, content.clone()),
        false => response(StatusCode::MISDIRECTED_REQUEST, "not served here\n"),
    };
    http::serve_at(SERVICE, &listen, handler).await
}
