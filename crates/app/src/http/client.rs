//! The client side.

use super::io::Io;
use super::{BodyError, Error, Request, Response, whole_body};
use blackstart_rt as rt;
use blackstart_rt::net::TcpStream;
use blackstart_rt::time::{Instant, timeout};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

/// Idle connections that an [`Upstream`] keeps.
const KEPT_MAX: usize = 4;

/// A connection to a server, for one request after another.
///
/// It makes progress only during [`Self::send`]; that the server has closed it meanwhile shows at the next
/// request.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Option<Driver>,
}

/// What moves a connection's bytes; gone when the connection has ended.
type Driver = Pin<Box<http1::Connection<Io, Full<Bytes>>>>;

impl Connection {
    /// Connects within `limit`.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub async fn open(address: SocketAddr, limit: Duration) -> Result<Self, Error> {
        let stream = match timeout(limit, TcpStream::connect(address)).await {
            Ok(connected) => connected.map_err(Error::Connect)?,
            Err(elapsed) => return Err(Error::Connect(elapsed.into())),
        };
        let (sender, driver) = http1::handshake(Io::new(stream)).await.map_err(broken)?;
        Ok(Self { sender, driver: Some(Box::pin(driver)) })
    }

    /// Sends `request` and reads the whole response within `limit`. After an error the connection is of no
    /// use any more.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::Broken`], [`Error::TooLarge`].
    pub async fn send(&mut self, request: Request, limit: Duration) -> Result<Response, Error> {
        match timeout(limit, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Timeout),
        }
    }

    async fn exchange(&mut self, request: Request) -> Result<Response, Error> {
        let Some(driver) = &mut self.driver else { return Err(Error::Broken("closed".to_owned())) };
        let mut exchange = pin!(exchange(&mut self.sender, request));
        rt::select! {
            result = &mut exchange => return result,
            _ = driver => {}
        }
        // The server has closed; what it said before is still to be had.
        self.driver = None;
        exchange.await
    }
}

async fn exchange(sender: &mut http1::SendRequest<Full<Bytes>>, request: Request) -> Result<Response, Error> {
    sender.ready().await.map_err(broken)?;
    let (head, body) = sender.send_request(request.map(Full::new)).await.map_err(broken)?.into_parts();
    match whole_body(body).await {
        Ok(body) => Ok(Response::from_parts(head, body)),
        Err(BodyError::TooLarge) => Err(Error::TooLarge),
        Err(BodyError::Broken(why)) => Err(Error::Broken(why)),
    }
}

/// hyper says "connection error" and keeps the reason behind it.
fn broken(error: hyper::Error) -> Error {
    let reason = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
    Error::Broken(format!("{error}{reason}"))
}

/// One budget of time for connecting and asking.
#[derive(Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    fn left(self) -> Duration {
        self.0.duration_since(Instant::now())
    }

    pub(super) async fn open(self, address: SocketAddr) -> Result<Connection, Error> {
        Connection::open(address, self.left()).await
    }

    pub(super) async fn send(self, connection: &mut Connection, request: Request) -> Result<Response, Error> {
        connection.send(request, self.left()).await
    }
}

/// A server that is asked often: connections are kept and used again.
pub struct Upstream {
    address: SocketAddr,
    kept: RefCell<Vec<Connection>>,
}

impl Upstream {
    /// The server at `address`. Nothing is sent yet.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, kept: RefCell::default() }
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends `request`; `limit` covers everything. A kept connection that turns out to be closed costs one
    /// more try, as requests here may be repeated.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send(&self, request: Request, limit: Duration) -> Result<Response, Error> {
        let deadline = Deadline::after(limit);
        let kept = self.kept.borrow_mut().pop();
        if let Some(mut connection) = kept {
            match deadline.send(&mut connection, request.clone()).await {
                Err(Error::Broken(_)) => {}
                Err(error) => return Err(error),
                Ok(response) => return Ok(self.keep(connection, response)),
            }
        }
        let mut connection = deadline.open(self.address).await?;
        let response = deadline.send(&mut connection, request).await?;
        Ok(self.keep(connection, response))
    }

    fn keep(&self, connection: Connection, response: Response) -> Response {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < KEPT_MAX && connection.driver.is_some() {
            kept.push(connection);
        }
        response
    }
}
