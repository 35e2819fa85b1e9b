//! HTTP/1.1 on [`blackstart_rt::net`], by hyper. Whole messages with small bodies; no TLS, no streaming.
//!
//! - [`serve`], [`serve_at`]: a server, one task per connection
//! - [`Connection`]: one client connection, for one request after another
//! - [`Upstream`]: a server that is asked often, over kept connections
//! - [`get`], [`put`], [`post`]: one request over a connection of its own
//!
//! Nothing here reads a clock of hyper's: the `Date` header is off and every time-out is ours.

mod client;
mod io;
mod server;

pub use client::{Connection, Upstream};
pub(crate) use server::strip_hop_by_hop;
pub use server::{serve, serve_at};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, StatusCode};
use std::net::SocketAddr;
use std::time::Duration;

/// A request with its whole body.
pub type Request = hyper::Request<Bytes>;
/// A response with its whole body.
pub type Response = hyper::Response<Bytes>;

/// The largest body that is read, in bytes, of either direction.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection. Running out of time here is an `io::Error` of kind `TimedOut`.
    #[error("cannot connect: {0}")]
    Connect(#[source] std::io::Error),
    /// Connected, but the whole response did not come in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke, or what came was not HTTP.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The response's body is larger than [`BODY_BYTES_MAX`].
    #[error("the body is larger than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// The host or path cannot be put into a request.
    #[error("not a request: {0}")]
    NotARequest(#[from] hyper::http::Error),
}

impl Error {
    /// Whether time ran out, connecting or waiting.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout => true,
            Self::Connect(error) => error.kind() == std::io::ErrorKind::TimedOut,
            _ => false,
        }
    }
}

/// `GET http://host/path` from the server at `address`.
///
/// # Errors
/// See [`Error`]; any status is a success here.
pub async fn get(address: SocketAddr, host: &str, path: &str, timeout: Duration) -> Result<Response, Error> {
    send(address, request(Method::GET, host, path, Bytes::new())?, timeout).await
}

/// `PUT http://host/path` with `body`.
///
/// # Errors
/// See [`Error`]; any status is a success here.
pub async fn put(
    address: SocketAddr,
    host: &str,
    path: &str,
    body: impl Into<Bytes>,
    timeout: Duration,
) -> Result<Response, Error> {
    send(address, request(Method::PUT, host, path, body)?, timeout).await
}

/// `POST http://host/path` with `body`.
///
/// # Errors
/// See [`Error`]; any status is a success here.
pub async fn post(
    address: SocketAddr,
    host: &str,
    path: &str,
    body: impl Into<Bytes>,
    timeout: Duration,
) -> Result<Response, Error> {
    send(address, request(Method::POST, host, path, body)?, timeout).await
}

/// Sends `request` over a connection of its own. `timeout` covers connecting and the whole response.
///
/// # Errors
/// See [`Error`].
pub async fn send(address: SocketAddr, request: Request, timeout: Duration) -> Result<Response, Error> {
    let deadline = client::Deadline::after(timeout);
    let mut connection = deadline.open(address).await?;
    deadline.send(&mut connection, request).await
}

/// A request to be sent.
///
/// # Errors
/// [`Error::NotARequest`] when `host` or `path` hold characters that HTTP forbids.
pub fn request(
    method: Method,
    host: &str,
    path: &str,
    body: impl Into<Bytes>,
) -> Result<Request, hyper::http::Error> {
    hyper::Request::builder().method(method).uri(path).header(HOST, host).body(body.into())
}

/// A plain response.
pub fn response(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = hyper::Response::new(body.into());
    *response.status_mut() = status;
    response
}

/// A plain response with one more header.
pub fn response_with(status: StatusCode, name: &'static str, value: &'static str) -> Response {
    let mut response = response(status, format!("{value}\n"));
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

/// The host that a request names, in lower case and without a port; empty when it names none.
pub fn host(request: &Request) -> String {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    without_port(host).to_ascii_lowercase()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

/// Whether `host` is one of the `names` served. No names at all means every host.
pub fn serves(names: &[String], host: &str) -> bool {
    names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// Why a body could not be read.
enum BodyError {
    TooLarge,
    Broken(String),
}

async fn whole_body(body: Incoming) -> Result<Bytes, BodyError> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(error) => Err(BodyError::Broken(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_loses_port_and_case() {
        for (header, expected) in [
            ("www.facebook.com", "www.facebook.com"),
            ("WWW.Facebook.com:80", "www.facebook.com"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("", ""),
        ] {
            let request = request(Method::GET, header, "/", Bytes::new()).unwrap();
            assert_eq!(host(&request), expected);
        }
    }

    #[test]
    fn no_names_means_every_host() {
        let names = ["a.example".to_owned()];
        assert!(serves(&[], "b.example"));
        assert!(serves(&names, "A.example"));
        assert!(!serves(&names, "b.example"));
    }
}
