//! One TCP connection's bytes: buffered both ways, so that a full window in one direction never stops the other.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use blackstart_rt as rt;
use bytes::{Buf, BytesMut};
use rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::wire::{MESSAGE_LEN_MAX, Message, Notification, Peering, encode_updates, frame_length};

/// How long a closing connection may take to get its last message out.
const LINGER: Duration = Duration::from_secs(5);

pub(super) struct Connection {
    stream: TcpStream,
    /// Kept, so that it is cleared once and not at every read.
    chunk: Box<[u8]>,
    inbound: BytesMut,
    outbound: BytesMut,
    /// We called; the neighbour answered.
    pub(super) is_ours: bool,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, is_ours: bool) -> Self {
        let chunk = vec![0; MESSAGE_LEN_MAX].into();
        Self { stream, chunk, inbound: BytesMut::new(), outbound: BytesMut::new(), is_ours }
    }

    pub(super) fn local_address(&self) -> io::Result<IpAddr> {
        self.stream.local_addr().map(|address| address.ip().to_canonical())
    }

    /// Queues a message. One that cannot be encoded is an UPDATE whose attributes fit no message, which
    /// [`encode_updates`] has turned into a withdrawal; the rest always fit.
    pub(super) fn send(&mut self, message: Message, peering: Peering) {
        let frames = match message {
            Message::Update(update) => encode_updates(update, peering),
            other => other.encode(peering).map(|frame| vec![frame]),
        };
        frames.into_iter().flatten().for_each(|frame| self.outbound.extend_from_slice(&frame));
    }

    /// The next whole message, if it has arrived. `Err` is what to answer before closing.
    pub(super) fn message(&mut self, peering: Peering) -> Result<Option<Message>, Notification> {
        match frame_length(&self.inbound)? {
            Some(length) if length <= self.inbound.len() => {
                let frame = self.inbound.split_to(length);
                Message::decode(&frame, peering).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Writes what is queued and reads what comes; ends when something came. 0 is the end of the stream. Cancel safe.
    pub(super) async fn exchange(&mut self) -> io::Result<usize> {
        poll_fn(|context| self.poll_exchange(context)).await
    }

    fn poll_exchange(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Err(error)) = self.poll_write_all(context) {
            return Poll::Ready(Err(error));
        }
        let mut buffer = ReadBuf::new(&mut self.chunk);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        self.inbound.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write_all(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbound.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.outbound))?;
            self.outbound.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Closes, behind the session's back if a last message is still on its way out.
    pub(super) fn close(mut self) {
        if self.outbound.is_empty() {
            return;
        }
        rt::task::spawn("bgp", async move {
            let last_words = async {
                self.stream.write_all(&self.outbound).await?;
                self.stream.shutdown().await
            };
            // The peer may be gone; nobody waits for the answer.
            let _ = rt::time::timeout(LINGER, last_words).await;
        });
    }
}
