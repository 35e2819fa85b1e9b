//! The admission service: one number, the share of clients that edges let in. After an outage people raise it
//! step by step.
//!
//! `GET /admit` answers the decimal percentage. `PUT /admit` with the operators' token sets it; the answer
//! comes after the value is safe on disk, so that a service that loses power comes back with it.

use crate::config::{self, Seconds};
use crate::event::Event;
use crate::http::{self, Error, Request, Response, Upstream, response};
use crate::percent::Percent;
use blackstart_rt as rt;
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Deserialize;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

const SERVICE: &str = "admission";
const HOST: &str = "admission";
const PATH: &str = "/admit";
const FILE: &str = "admission/percent";
const NEW_FILE: &str = "admission/percent.new";

/// The admission service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Addresses to listen on.
    #[serde(default = "config::listen")]
    pub listen: Vec<SocketAddr>,
    /// The secret that operators show.
    pub token: String,
}

/// Serves the value until the host dies. A service that was never told anything admits everybody.
///
/// # Errors
/// When an address cannot be bound or the value on disk cannot be read: who guesses may let in everybody.
pub async fn run(config: Config) -> io::Result<()> {
    let admission = Rc::new(Admission { percent: Cell::new(load().await?), token: config.token });
    let handler = async move |request: Request, peer: SocketAddr| admission.answer(&request, peer).await;
    http::serve_at(SERVICE, &config.listen, handler).await
}

struct Admission {
    percent: Cell<Percent>,
    token: String,
}

impl Admission {
    async fn answer(&self, request: &Request, peer: SocketAddr) -> Response {
        match (request.method(), request.uri().path()) {
            (&Method::GET, PATH) => response(StatusCode::OK, format!("{}\n", self.percent.get())),
            (&Method::PUT, PATH) => self.change(request, peer).await,
            (_, PATH) => response(StatusCode::METHOD_NOT_ALLOWED, "GET or PUT\n"),
            _ => response(StatusCode::NOT_FOUND, "only /admit\n"),
        }
    }

    async fn change(&self, request: &Request, peer: SocketAddr) -> Response {
        if !self.authorised(request) {
            return refuse(peer, StatusCode::UNAUTHORIZED, "wrong or missing token");
        }
        let Some(percent) = percent_of(request.body()) else {
            return refuse(peer, StatusCode::BAD_REQUEST, "not a percentage from 0 to 100");
        };
        if let Err(error) = store(percent).await {
            return refuse(peer, StatusCode::INTERNAL_SERVER_ERROR, &format!("disk: {error}"));
        }
        self.percent.set(percent);
        rt::emit(&Event::Admission { percent });
        response(StatusCode::OK, format!("{percent}\n"))
    }

    fn authorised(&self, request: &Request) -> bool {
        let header = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
        header.and_then(|header| header.strip_prefix("Bearer ")) == Some(self.token.as_str())
    }
}

fn refuse(peer: SocketAddr, status: StatusCode, reason: &str) -> Response {
    rt::emit(&Event::AdmissionRefused { peer: peer.ip(), reason: reason.to_owned() });
    response(status, format!("{reason}\n"))
}

fn percent_of(body: &[u8]) -> Option<Percent> {
    std::str::from_utf8(body).ok()?.trim().parse().ok()
}

async fn load() -> io::Result<Percent> {
    match rt::disk::read(FILE).await {
        Ok(bytes) => percent_of(&bytes)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{FILE} holds no percentage"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Percent::ALL),
        Err(error) => Err(error),
    }
}

/// The old value stays whole until the new one is safe.
async fn store(percent: Percent) -> io::Result<()> {
    rt::disk::write(NEW_FILE, percent.to_string().as_bytes()).await?;
    rt::disk::fsync(NEW_FILE).await?;
    rt::disk::rename(NEW_FILE, FILE).await?;
    rt::disk::fsync(FILE).await
}

/// Why the admission service did not do or say what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] Error),
    /// It answered with another status than 200; the text is its reason.
    #[error("{0}: {1}")]
    Refused(StatusCode, String),
    /// It answered with something else than a percentage.
    #[error("the answer is no percentage")]
    NotAPercentage,
}

/// Sets the share of clients that edges let in, as an operator's tool does.
///
/// # Errors
/// [`AskError`]; after [`Error::Timeout`] the value may have been set nevertheless.
pub async fn set(
    address: SocketAddr,
    token: &str,
    percent: Percent,
    timeout: Duration,
) -> Result<(), AskError> {
    let mut request =
        http::request(Method::PUT, HOST, PATH, percent.to_string()).map_err(Error::NotARequest)?;
    let bearer =
        HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| Error::NotARequest(error.into()))?;
    request.headers_mut().insert(AUTHORIZATION, bearer);
    successful(http::send(address, request, timeout).await?).map(drop)
}

/// The share of clients that edges should let in.
///
/// # Errors
/// [`AskError`].
pub async fn ask(upstream: &Upstream, timeout: Duration) -> Result<Percent, AskError> {
    let request = http::request(Method::GET, HOST, PATH, Bytes::new()).map_err(Error::NotARequest)?;
    let response = successful(upstream.send(request, timeout).await?)?;
    percent_of(response.body()).ok_or(AskError::NotAPercentage)
}

fn successful(response: Response) -> Result<Response, AskError> {
    if response.status() == StatusCode::OK {
        return Ok(response);
    }
    let reason = String::from_utf8_lossy(response.body()).trim().to_owned();
    Err(AskError::Refused(response.status(), reason))
}

/// How long an operator's tool waits, unless told otherwise.
pub const TIMEOUT: Seconds = Seconds::new(10);
