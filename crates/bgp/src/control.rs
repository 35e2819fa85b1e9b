//! The control socket: one command a line over TCP on the speaker's own host, answered by lines.
//!
//! ```text
//! announce 129.134.30.0/24            ok
//! announce 129.134.0.0/17 discard     ok
//! withdraw 129.134.30.0/24            ok
//! show routes                         129.134.30.0/24 via 10.0.0.9 path 65001 32934
//!                                     ok
//! anything else                       error unknown command "anything"
//! ```

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;

use blackstart_rt::net::TcpStream;
use ipnet::IpNet;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, ReadBuf};

/// Longest line accepted from either end.
const LINE_LEN_MAX: u64 = 512;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `announce PREFIX [discard]`: originate the prefix, with a local discard route if asked or so configured.
    Announce {
        /// Without host bits.
        prefix: IpNet,
        /// Install a discard route.
        discard: bool,
    },
    /// `withdraw PREFIX`.
    Withdraw(IpNet),
    /// `show routes`: the Loc-RIB.
    ShowRoutes,
    /// `show neighbours`: sessions and what they were told.
    ShowNeighbours,
}

impl std::str::FromStr for Command {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["announce", prefix] => Ok(Self::Announce { prefix: parse_prefix(prefix)?, discard: false }),
            ["announce", prefix, "discard"] => {
                Ok(Self::Announce { prefix: parse_prefix(prefix)?, discard: true })
            }
            ["withdraw", prefix] => Ok(Self::Withdraw(parse_prefix(prefix)?)),
            ["show", "routes"] => Ok(Self::ShowRoutes),
            ["show", "neighbours"] => Ok(Self::ShowNeighbours),
            [word, ..] => Err(format!("unknown command {word:?}")),
            [] => Err("empty line".to_owned()),
        }
    }
}

fn parse_prefix(text: &str) -> Result<IpNet, String> {
    let prefix: IpNet = text.parse().map_err(|_| format!("{text:?} is not a prefix like 192.0.2.0/24"))?;
    if prefix == prefix.trunc() {
        Ok(prefix)
    } else {
        Err(format!("{prefix} has host bits; {} has none", prefix.trunc()))
    }
}

/// Reads one line without its end; `None` at the end of the stream.
pub(crate) async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = reader.take(LINE_LEN_MAX).read_line(&mut line).await?;
    match line.strip_suffix('\n') {
        Some(whole) => Ok(Some(whole.trim_end().to_owned())),
        None if read == 0 => Ok(None),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "line too long or cut off")),
    }
}

/// A connection to a control socket.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to a speaker's control socket.
    ///
    /// # Errors
    /// Those of connecting: `ConnectionRefused` while no speaker runs.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: BufReader::new(TcpStream::connect(address).await?) })
    }

    /// Whether the speaker is still there; one that was started again is another one.
    pub async fn is_open(&self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let peeked = poll_fn(|cx| Poll::Ready(self.stream.get_ref().poll_peek(cx, &mut buffer))).await;
        matches!(peeked, Poll::Pending | Poll::Ready(Ok(1..)))
    }

    /// Originates `prefix`. Announcing what is announced already is fine.
    ///
    /// # Errors
    /// `InvalidInput` with the speaker's words, or a broken connection.
    pub async fn announce(&mut self, prefix: IpNet) -> io::Result<()> {
        self.command(&format!("announce {prefix}")).await.map(drop)
    }

    /// Originates `prefix` no longer. Withdrawing what is not announced is fine.
    ///
    /// # Errors
    /// `InvalidInput` with the speaker's words, or a broken connection.
    pub async fn withdraw(&mut self, prefix: IpNet) -> io::Result<()> {
        self.command(&format!("withdraw {prefix}")).await.map(drop)
    }

    /// Sends one command; answers the lines before `ok`.
    ///
    /// # Errors
    /// `InvalidInput` with the speaker's words after `error`, or a broken connection.
    pub async fn command(&mut self, command: &str) -> io::Result<Vec<String>> {
        self.stream.get_mut().write_all(format!("{command}\n").as_bytes()).await?;
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut self.stream).await? {
            match line.split_once(' ') {
                _ if line == "ok" => return Ok(lines),
                Some(("error", why)) => return Err(io::Error::new(io::ErrorKind::InvalidInput, why)),
                _ => lines.push(line),
            }
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Originates `prefix` at the speaker whose control socket is `address`; see [`Client::announce`].
///
/// # Errors
/// Those of [`Client::connect`] and [`Client::announce`].
pub async fn announce(address: SocketAddr, prefix: IpNet) -> io::Result<()> {
    Client::connect(address).await?.announce(prefix).await
}

/// Originates `prefix` no longer at the speaker whose control socket is `address`; see [`Client::withdraw`].
///
/// # Errors
/// Those of [`Client::connect`] and [`Client::withdraw`].
pub async fn withdraw(address: SocketAddr, prefix: IpNet) -> io::Result<()> {
    Client::connect(address).await?.withdraw(prefix).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_parse() {
        let prefix: IpNet = "129.134.30.0/24".parse().unwrap();
        let cases = [
            ("announce 129.134.30.0/24", Command::Announce { prefix, discard: false }),
            ("  announce   129.134.30.0/24 discard ", Command::Announce { prefix, discard: true }),
            ("withdraw 129.134.30.0/24", Command::Withdraw(prefix)),
            ("show routes", Command::ShowRoutes),
            ("show neighbours", Command::ShowNeighbours),
        ];
        for (line, command) in cases {
            assert_eq!(line.parse(), Ok(command));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", "empty line"),
            ("reboot now", "unknown command \"reboot\""),
            ("announce here", "\"here\" is not a prefix like 192.0.2.0/24"),
            ("withdraw 129.134.30.12/24", "129.134.30.12/24 has host bits; 129.134.30.0/24 has none"),
        ];
        for (line, why) in cases {
            assert_eq!(line.parse::<Command>(), Err(why.to_owned()));
        }
    }
}
