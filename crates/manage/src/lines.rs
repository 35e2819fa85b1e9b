//! Lines of text over a byte stream: what every conversation of this crate consists of.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest line taken, in bytes. A longer one breaks the conversation.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Reads and writes lines.
#[derive(Debug)]
pub(crate) struct Lines<S> {
    stream: S,
    unread: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// The next line without its end; `None` when the peer has closed. Cancel safe. Bytes that are not UTF-8
    /// become replacement characters, which no command contains.
    pub(crate) async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.unread.len() > LINE_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
            }
            let mut chunk = [0; 1024];
            match self.stream.read(&mut chunk).await? {
                0 => return Ok(None),
                length => self.unread.extend_from_slice(&chunk[..length]),
            }
        }
    }

    /// The next line, from a peer that owes one.
    pub(crate) async fn said(&mut self) -> io::Result<String> {
        self.next().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Sends lines in one piece.
    pub(crate) async fn send(&mut self, lines: &str) -> io::Result<()> {
        self.stream.write_all(lines.as_bytes()).await?;
        self.stream.flush().await
    }

    fn take_line(&mut self) -> Option<String> {
        let end = self.unread.iter().position(|&byte| byte == b'\n')?;
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        let text = String::from_utf8_lossy(&line);
        Some(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}
