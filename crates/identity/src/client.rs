//! What other services and people's devices call: `sign_in` and `verify`.

use std::io;
use std::time::Duration;

use blackstart_dns::endpoint::{ConnectError, Endpoint};
use blackstart_dns::stub;
use blackstart_rt as rt;
use tokio::io::BufReader;

use crate::account::{Credentials, Denial};
use crate::session::{Refusal, Session};
use crate::wire::{self, Answer, Identity, Request};

/// How long the service may take to accept the connection, and again to answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no session or no identity.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service's name did not resolve.
    #[error("sign-in: {0}")]
    Dns(#[source] stub::Error),
    /// The service could not be reached, or broke off.
    #[error("sign-in: {0}")]
    Connect(#[from] io::Error),
    /// No answer within [`TIMEOUT`].
    #[error("sign-in did not answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// The sign-in was judged and denied.
    #[error("sign-in denied: {0}")]
    Denied(Denial),
    /// The token was judged and refused.
    #[error("session refused: {0}")]
    Refused(Refusal),
    /// The service answered that it cannot judge, or something that is no answer to the question.
    #[error("sign-in failed: {0}")]
    Failed(String),
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Dns(error) => Self::Dns(error),
            ConnectError::Connect(error) => Self::Connect(error),
        }
    }
}

/// Signs in at the service `at`, a name or an address.
///
/// # Errors
/// See [`Error`].
pub async fn sign_in(resolver: &stub::Resolver, at: &Endpoint, typed: Credentials) -> Result<Session, Error> {
    match ask(resolver, at, &Request::SignIn(typed)).await? {
        Answer::SignedIn(session) => Ok(session),
        other => Err(not_expected(other)),
    }
}

/// Whose token this is, by the word of the service `at`.
///
/// # Errors
/// See [`Error`].
pub async fn verify(resolver: &stub::Resolver, at: &Endpoint, token: &str) -> Result<Identity, Error> {
    match ask(resolver, at, &Request::Verify { token: token.to_owned() }).await? {
        Answer::Verified(identity) => Ok(identity),
        other => Err(not_expected(other)),
    }
}

async fn ask(resolver: &stub::Resolver, at: &Endpoint, request: &Request) -> Result<Answer, Error> {
    let stream = at.connect(resolver, TIMEOUT).await?;
    rt::time::timeout(TIMEOUT, exchange(stream, request)).await.unwrap_or(Err(Error::Timeout))
}

async fn exchange(stream: rt::net::TcpStream, request: &Request) -> Result<Answer, Error> {
    let mut stream = BufReader::new(stream);
    wire::write(&mut stream, request).await?;
    let answer = wire::read(&mut stream).await?;
    answer.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof).into())
}

fn not_expected(answer: Answer) -> Error {
    match answer {
        Answer::Denied { reason } => Error::Denied(reason),
        Answer::Refused { reason } => Error::Refused(reason),
        Answer::Error { text } => Error::Failed(text),
        Answer::SignedIn(_) | Answer::Verified(_) => {
            Error::Failed("the answer fits another question".to_owned())
        }
    }
}
