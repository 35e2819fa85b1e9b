//! A stream in two pieces, so that one task may read while another writes.

use super::TcpStream;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The reading half that [`TcpStream::split`] lends.
pub type ReadHalf<'a> = tokio::io::ReadHalf<&'a mut TcpStream>;
/// The writing half that [`TcpStream::split`] lends.
pub type WriteHalf<'a> = tokio::io::WriteHalf<&'a mut TcpStream>;

/// The reading half of [`TcpStream::into_split`]. The connection stays open for as long as one half is there.
#[derive(Debug)]
pub struct OwnedReadHalf {
    stream: tokio::io::ReadHalf<TcpStream>,
    ends: Ends,
}

/// The writing half of [`TcpStream::into_split`]. Dropping it closes the sending direction.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    /// None once it is reunited or forgotten.
    stream: Option<tokio::io::WriteHalf<TcpStream>>,
    ends: Ends,
}

/// The halves of two different streams.
#[derive(Debug, thiserror::Error)]
#[error("tried to reunite halves that are not from the same stream")]
pub struct ReuniteError(
    /// The reading half, unchanged.
    pub OwnedReadHalf,
    /// The writing half, unchanged.
    pub OwnedWriteHalf,
);

/// The stream's addresses when it was split.
#[derive(Debug, Clone, Copy)]
struct Ends {
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
}

pub(super) fn into_split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let ends = Ends { local: stream.local_addr().ok(), peer: stream.peer_addr().ok() };
    let (read, write) = tokio::io::split(stream);
    (OwnedReadHalf { stream: read, ends }, OwnedWriteHalf { stream: Some(write), ends })
}

impl OwnedReadHalf {
    /// The stream again.
    ///
    /// # Errors
    /// When `other` is not the other half.
    #[expect(clippy::result_large_err, reason = "the shape is tokio's")]
    pub fn reunite(self, mut other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        match other.stream.take_if(|other| self.stream.is_pair_of(other)) {
            Some(write) => Ok(self.stream.unsplit(write)),
            None => Err(ReuniteError(self, other)),
        }
    }

    /// This end's address.
    ///
    /// # Errors
    /// `NotConnected` when the stream had none.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.ends.local.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection had gone before the stream was split.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.ends.peer.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl OwnedWriteHalf {
    /// See [`OwnedReadHalf::reunite`].
    ///
    /// # Errors
    /// When `other` is not the other half.
    #[expect(clippy::result_large_err, reason = "the shape is tokio's")]
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        other.reunite(self)
    }

    /// Drops the half and leaves the sending direction open.
    pub fn forget(mut self) {
        self.stream = None;
    }

    /// See [`OwnedReadHalf::local_addr`].
    ///
    /// # Errors
    /// `NotConnected` when the stream had none.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.ends.local.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// See [`OwnedReadHalf::peer_addr`].
    ///
    /// # Errors
    /// `NotConnected` when the connection had gone before the stream was split.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.ends.peer.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Does `poll` to the half. Nobody has one that was reunited or forgotten.
    fn poll<R>(
        &mut self,
        poll: impl FnOnce(Pin<&mut tokio::io::WriteHalf<TcpStream>>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        match &mut self.stream {
            Some(stream) => poll(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        // No backend makes a shutdown wait.
        let _done = self.poll(|stream| stream.poll_shutdown(&mut Context::from_waker(Waker::noop())));
    }
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for OwnedWriteHalf {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(|stream| stream.poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|stream| stream.poll_shutdown(cx))
    }
}
