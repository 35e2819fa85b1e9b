//! `rt` streams in the shape that hyper wants.

use blackstart_rt::net::TcpStream;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes moved per read. Handing out hyper's own buffer would need `unsafe`; messages here are small.
const CHUNK_BYTES: usize = 1024;

/// A [`TcpStream`] that hyper can read and write.
pub(super) struct Io {
    stream: TcpStream,
    /// Kept, so that it is cleared once and not at every read.
    chunk: Box<[u8]>,
}

impl Io {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, chunk: vec![0; CHUNK_BYTES].into() }
    }
}

impl Read for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        let length = to.remaining().min(CHUNK_BYTES);
        let mut buffer = ReadBuf::new(&mut io.chunk[..length]);
        ready!(Pin::new(&mut io.stream).poll_read(cx, &mut buffer))?;
        to.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
