//! The server side: one task per connection, which is closed after a while without requests.

use super::io::Io;
use super::{BodyError, Request, Response, response, whole_body};
use crate::scope::Scope;
use blackstart_rt as rt;
use blackstart_rt::net::{TcpListener, TcpStream};
use blackstart_rt::time::{Instant, sleep_until, timeout};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, StatusCode};
use rt::task::Instead;
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// A connection without a request for that long is closed: its client may have died without a word. Longer
/// than the period of the clients and health checks that keep theirs.
const IDLE: Duration = Duration::from_secs(350);
/// How soon a connection that was busy at its idle limit is looked at again.
const GRACE: Duration = Duration::from_secs(10);
/// How long a request's body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers every request on `listener` by `handler(request, peer)`, each connection in a task called `service`.
/// They end when this future is dropped.
///
/// # Errors
/// When the listening socket breaks. It does not return otherwise.
pub async fn serve<H>(service: &str, listener: TcpListener, handler: H) -> io::Result<()>
where
    H: AsyncFn(Request, SocketAddr) -> Response + 'static,
{
    accept(&Scope::new(service), &listener, &Rc::new(handler)).await
}

/// As [`serve`], on several addresses.
///
/// # Errors
/// When there is no address, one cannot be bound, or its socket breaks.
pub async fn serve_at<H>(service: &str, addresses: &[SocketAddr], handler: H) -> io::Result<()>
where
    H: AsyncFn(Request, SocketAddr) -> Response + 'static,
{
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{service}: no address to listen on"),
        ));
    }
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(TcpListener::bind(*address).await?);
    }
    let (scope, handler) = (Scope::new(service), Rc::new(handler));
    first_to_end(listeners.iter().map(|listener| accept(&scope, listener, &handler))).await
}

async fn accept<H>(scope: &Scope, listener: &TcpListener, handler: &Rc<H>) -> io::Result<()>
where
    H: AsyncFn(Request, SocketAddr) -> Response + 'static,
{
    loop {
        let (stream, peer) = listener.accept().await?;
        scope.spawn(converse(stream, peer, handler.clone()));
    }
}

async fn first_to_end<F: Future>(futures: impl Iterator<Item = F>) -> F::Output {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    poll_fn(|cx| {
        let mut polls = futures.iter_mut().map(|future| future.as_mut().poll(cx));
        polls.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// When a connection was last of use.
struct Activity {
    last: Cell<Instant>,
    answering: Cell<bool>,
}

impl Activity {
    fn mark(&self, answering: bool) {
        self.last.set(Instant::now());
        self.answering.set(answering);
    }

    /// Ends when the connection has been of no use for [`IDLE`].
    async fn idle(&self) {
        loop {
            let until = self.last.get() + IDLE;
            if until <= Instant::now() && !self.answering.get() {
                return;
            }
            sleep_until(until.max(Instant::now() + GRACE)).await;
        }
    }
}

/// One connection until either side ends it. How it ended is the client's to notice.
async fn converse<H>(stream: TcpStream, peer: SocketAddr, handler: Rc<H>)
where
    H: AsyncFn(Request, SocketAddr) -> Response + 'static,
{
    let activity = Rc::new(Activity { last: Cell::new(Instant::now()), answering: Cell::new(false) });
    let seen = activity.clone();
    let service = service_fn(move |request| {
        let (handler, activity) = (handler.clone(), seen.clone());
        async move {
            activity.mark(true);
            let response = answer(&*handler, request, peer).await;
            activity.mark(false);
            Ok::<_, Infallible>(response.map(Full::<Bytes>::new))
        }
    });
    let connection = http1::Builder::new().auto_date_header(false).serve_connection(Io::new(stream), service);
    let connection = pin!(connection);
    rt::select! {
        _ = connection => {}
        () = activity.idle() => {}
    }
}

async fn answer<H>(handler: &H, request: hyper::Request<Incoming>, peer: SocketAddr) -> Response
where
    H: AsyncFn(Request, SocketAddr) -> Response,
{
    let (head, body) = request.into_parts();
    match timeout(BODY_TIMEOUT, whole_body(body)).await {
        Ok(Ok(body)) => served(handler, Request::from_parts(head, body), peer).await,
        Ok(Err(BodyError::TooLarge)) => response(StatusCode::PAYLOAD_TOO_LARGE, "body too large\n"),
        Ok(Err(BodyError::Broken(_))) => response(StatusCode::BAD_REQUEST, "broken body\n"),
        Err(_) => response(StatusCode::REQUEST_TIMEOUT, "body too slow\n"),
    }
}

/// The handler's answer, unless a fault lies on the service.
async fn served<H>(handler: &H, request: Request, peer: SocketAddr) -> Response
where
    H: AsyncFn(Request, SocketAddr) -> Response,
{
    match rt::task::instead().await {
        None => handler(request, peer).await,
        Some(Instead::Fail) => response(StatusCode::INTERNAL_SERVER_ERROR, "out of order\n"),
        Some(Instead::Deny) => response(StatusCode::TOO_MANY_REQUESTS, "too many requests\n"),
        // Looks like an answer and says nothing.
        Some(Instead::Lie | Instead::Stale) => response(StatusCode::OK, "\n"),
        Some(Instead::Silence) => pending().await,
    }
}

/// Removes what concerns one connection only (RFC 9110 7.6.1), before a message is passed on.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"] {
        headers.remove(name);
    }
    // hyper computes it anew from the body that is passed on.
    headers.remove("content-length");
}
