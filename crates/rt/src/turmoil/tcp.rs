//! turmoil's connections, shaped like the engine's: shared by reference, asked by polls.

use super::Host;
use super::address::{Bind, checked_ttl, destination, not_available, own_address, source, still_inside};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A listening TCP socket.
pub(crate) struct TcpListener {
    inner: Arc<turmoil::net::TcpListener>,
    address: SocketAddr,
    /// Kept between polls: turmoil wakes only who goes on waiting.
    accepting: Mutex<Option<Accepting>>,
}

type Accepting = Pin<Box<dyn Future<Output = io::Result<(turmoil::net::TcpStream, SocketAddr)>> + Send>>;

impl TcpListener {
    pub(crate) async fn bind(host: &Host, address: SocketAddr) -> io::Result<Self> {
        let bind = Bind::new(host, address)?;
        let inner = turmoil::net::TcpListener::bind(bind.taken).await?;
        let address = bind.address(inner.local_addr()?.port());
        Ok(Self { inner: Arc::new(inner), address, accepting: Mutex::default() })
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        still_inside()?;
        let mut accepting = self.accepting.lock().unwrap_or_else(PoisonError::into_inner);
        let future = accepting.get_or_insert_with(|| {
            let listener = Arc::clone(&self.inner);
            Box::pin(async move { listener.accept().await })
        });
        let accepted = ready!(future.as_mut().poll(cx));
        *accepting = None;
        Poll::Ready(accepted.map(|(stream, peer)| (TcpStream::new(stream), peer)))
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct TcpStream(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    stream: turmoil::net::TcpStream,
    is_shut_down: bool,
    /// Linux tells of a reset once; then there is nothing more to read.
    is_reset: bool,
    nodelay: bool,
    ttl: u32,
}

impl TcpStream {
    fn new(stream: turmoil::net::TcpStream) -> Self {
        Self(Mutex::new(Inner { stream, is_shut_down: false, is_reset: false, nodelay: true, ttl: 64 }))
    }

    pub(crate) async fn connect(peer: SocketAddr) -> io::Result<Self> {
        still_inside()?;
        Ok(Self::new(turmoil::net::TcpStream::connect(destination(peer)).await?))
    }

    pub(crate) async fn connect_from(host: &Host, local: IpAddr, peer: SocketAddr) -> io::Result<Self> {
        let picked = source(own_address(host)?, destination(peer));
        if local != picked {
            return Err(not_available(format!("turmoil connects to {peer} from {picked}, not from {local}")));
        }
        Self::connect(peer).await
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().stream.local_addr()
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner().stream.peer_addr()
    }

    pub(crate) async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buffer);
        std::future::poll_fn(|cx| self.poll_peek(cx, &mut buf)).await
    }

    pub(crate) fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        self.inner().poll_peek(cx, buf)
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_read_ready(cx)
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = self.inner();
        // It keeps nothing between polls, so that it can be asked anew each time.
        let ready = pin!(inner.stream.writable()).poll(cx);
        // An error is the write's to tell.
        ready.map(|_| Ok(()))
    }

    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buffer);
        match self.inner().poll_read(&mut Context::from_waker(Waker::noop()), &mut buf) {
            Poll::Ready(read) => read.map(|()| buf.filled().len()),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        still_inside()?;
        self.inner().stream.try_write(bytes)
    }

    pub(crate) fn nodelay(&self) -> io::Result<bool> {
        Ok(self.inner().nodelay)
    }

    /// Every write is a message of its own: there is nothing to delay.
    pub(crate) fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.inner().nodelay = nodelay;
        Ok(())
    }

    pub(crate) fn ttl(&self) -> io::Result<u32> {
        Ok(self.inner().ttl)
    }

    pub(crate) fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.inner().ttl = checked_ttl(ttl)?;
        Ok(())
    }

    /// turmoil resets only where data was left unread.
    pub(crate) fn set_zero_linger(&self) -> io::Result<()> {
        tracing::debug!("linger left to turmoil");
        Ok(())
    }
}

impl Inner {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return self.poll_read_ready(cx);
        }
        if self.is_reset {
            return Poll::Ready(Ok(()));
        }
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        self.is_reset = read.is_err();
        Poll::Ready(read)
    }

    fn poll_peek(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        if self.is_reset { Poll::Ready(Ok(0)) } else { self.stream.poll_peek(cx, buf) }
    }

    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An error is the read's to tell.
        self.poll_peek(cx, &mut ReadBuf::new(&mut [0])).map(|_| Ok(()))
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_read(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        still_inside()?;
        Pin::new(&mut self.inner().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// A second time is no error, as on Linux.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.inner();
        if inner.is_shut_down {
            return Poll::Ready(Ok(()));
        }
        still_inside()?;
        ready!(Pin::new(&mut inner.stream).poll_shutdown(cx))?;
        inner.is_shut_down = true;
        Poll::Ready(Ok(()))
    }
}
