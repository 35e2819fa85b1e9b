//! What a socket says about an address, in one line: the same on simulated and on real hosts.

use blackstart_rt as rt;
use rt::net::{TcpStream, UdpSocket};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Longer than routers take to find out about a neighbour, and to complain.
const PATIENCE: Duration = Duration::from_secs(4);

/// Ways to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Opens a connection.
    Connect,
    /// Sends a datagram from a connected socket and waits for what comes.
    Send,
    /// As [`Question::Send`], from a socket that is not connected.
    SendTo,
    /// As [`Question::Send`], with a time to live of one.
    SendShort,
}

impl Question {
    const ALL: [Self; 4] = [Self::Connect, Self::Send, Self::SendTo, Self::SendShort];

    /// The question of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|question| question.name() == name)
    }

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Send => "send",
            Self::SendTo => "send-to",
            Self::SendShort => "send-short",
        }
    }

    /// Asks it of `peer`, on the host on which the caller runs: the kind of the error, or `fine`, or `silence`.
    pub async fn ask(self, peer: SocketAddr) -> String {
        let answered = match self {
            Self::Connect => TcpStream::connect(peer).await.map(|_| "fine"),
            Self::Send => send(peer, true, None).await,
            Self::SendTo => send(peer, false, None).await,
            Self::SendShort => send(peer, true, Some(1)).await,
        };
        answered.map_or_else(|error| format!("{:?}", error.kind()), str::to_owned)
    }
}

async fn send(peer: SocketAddr, connected: bool, ttl: Option<u32>) -> io::Result<&'static str> {
    let any = if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    ttl.map(|ttl| socket.set_ttl(ttl)).transpose()?;
    match connected {
        true => {
            socket.connect(peer).await?;
            socket.send(b"anyone?").await?;
        }
        false => {
            socket.send_to(b"anyone?", peer).await?;
        }
    }
    match rt::time::timeout(PATIENCE, socket.recv_from(&mut [0; 64])).await {
        Ok(received) => received.map(|_| "fine"),
        Err(_) => Ok("silence"),
    }
}
