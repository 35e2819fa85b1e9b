//! What a responder's device calls: connect, join, say, receive.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use blackstart_dns::endpoint::{ConnectError, Endpoint};
use blackstart_dns::stub::{self, Resolver};
use blackstart_identity::certificate::{self, Invalid};
use blackstart_rt as rt;
use rt::net::TcpStream;
use rt::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::framing::{Frame, LineBuffer};
use crate::message::Message;
use crate::names::fold;
use crate::numeric::*;

/// How long the server may take to accept the connection, then to log in, then to join.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A server silent for so long is pinged, and given up after as long again.
pub const KEEPALIVE: Duration = Duration::from_secs(60);

/// Most bytes of text in one message: what 512 leaves beside a long prefix, the command and the target.
const TEXT_MAX: usize = 350;

/// Most messages that wait while a join is going on; older ones are dropped first.
const WAITING_MAX: usize = 1024;

/// Why there is no chat.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server's name did not resolve.
    #[error("chat: {0}")]
    Dns(#[source] stub::Error),
    /// The server could not be connected to.
    #[error("chat: cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The server said no.
    #[error("chat refused: {0}")]
    Refused(String),
    /// The connection broke.
    #[error("chat: connection lost: {0}")]
    Lost(#[source] io::Error),
    /// The server shows a certificate that is not believed.
    #[error("chat: {0}")]
    Certificate(#[from] Invalid),
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Dns(error) => Self::Dns(error),
            ConnectError::Connect(error) => Self::Connect(error),
        }
    }
}

/// What a client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Somebody said something.
    Said {
        /// Who.
        from: String,
        /// Where: a channel, or this client's nickname.
        target: String,
        /// What.
        text: String,
    },
    /// Somebody joined a channel.
    Joined {
        /// Who.
        nick: String,
        /// Which channel.
        channel: String,
    },
    /// Somebody left one channel, or the chat.
    Left {
        /// Who.
        nick: String,
        /// Which channel; `None` means all.
        channel: Option<String>,
        /// Why, in that person's or the server's words.
        why: String,
    },
    /// Anything else.
    Other(Message),
}

/// A connection that is logged in.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    lines: LineBuffer,
    /// Messages that are read but not asked for yet.
    waiting: VecDeque<Message>,
    /// Bytes that are owed to the server; kept here so that a cancelled call loses none.
    unsent: Vec<u8>,
    nick: String,
    /// It has asked to hear its own messages.
    hears_itself: bool,
    heard_at: Instant,
    pinged: bool,
}

/// Connects to `server`, a name or an address, and logs in; `token` is the session token where sign-in is
/// required. A certificate that the server shows must hold by the clock here.
///
/// # Errors
/// See [`Error`]; a server that accepts and then says nothing for [`TIMEOUT`] counts as [`Error::Lost`].
pub async fn connect(
    resolver: &Resolver,
    server: &str,
    port: u16,
    nick: &str,
    token: Option<&str>,
) -> Result<Client, Error> {
    let stream = Endpoint::new(server, port).connect(resolver, TIMEOUT).await?;
    let mut client = Client::new(stream, nick);
    let logged_in = rt::time::timeout(TIMEOUT, client.log_in(token)).await;
    logged_in.map_err(|late| Error::Lost(late.into()))??;
    Ok(client)
}

impl Client {
    fn new(stream: TcpStream, nick: &str) -> Self {
        stream.set_user_timeout(Some(KEEPALIVE));
        Self {
            stream,
            lines: LineBuffer::default(),
            waiting: VecDeque::new(),
            unsent: Vec::new(),
            nick: nick.to_owned(),
            hears_itself: false,
            heard_at: Instant::now(),
            pinged: false,
        }
    }

    /// This client's nickname.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    async fn log_in(&mut self, token: Option<&str>) -> Result<(), Error> {
        if let Some(token) = token {
            self.queue(&Message::new("PASS", &[token]));
        }
        let nick = self.nick.clone();
        self.queue(&Message::new("NICK", &[&nick]));
        self.queue(&Message::new("USER", &[&nick, "0", "*", &nick]));
        loop {
            let message = self.next_message().await?;
            match message.command.as_str() {
                RPL_WELCOME => return Ok(()),
                "NOTICE" => {
                    certificate::is_shown(message.param(1).unwrap_or_default(), rt::time::unix_now())?;
                }
                command if is_error(command) && command != ERR_NOMOTD => return Err(refused(&message)),
                _ => {}
            }
        }
    }

    /// Joins a channel and waits until the server says so. What arrives meanwhile is kept for [`Self::recv`].
    ///
    /// # Errors
    /// [`Error::Refused`] when the server says no, [`Error::Lost`] when it says nothing for [`TIMEOUT`].
    pub async fn join(&mut self, channel: &str) -> Result<(), Error> {
        self.queue(&Message::new("JOIN", &[channel]));
        self.await_answer(|client, message| client.join_answer(message, channel)).await
    }

    async fn await_answer(
        &mut self,
        answers: impl Fn(&Self, &Message) -> Option<Result<(), Error>>,
    ) -> Result<(), Error> {
        let answered = rt::time::timeout(TIMEOUT, self.pick(answers)).await;
        answered.unwrap_or_else(|late| Err(Error::Lost(late.into())))
    }

    /// Waits for the message that answers; what passes by meanwhile is kept.
    async fn pick(
        &mut self,
        answers: impl Fn(&Self, &Message) -> Option<Result<(), Error>>,
    ) -> Result<(), Error> {
        let mut passed = VecDeque::new();
        let answer = loop {
            match self.next_message().await {
                Ok(message) => match answers(self, &message) {
                    Some(answer) => break answer,
                    None => passed.push_back(message),
                },
                Err(error) => break Err(error),
            }
        };
        passed.append(&mut self.waiting);
        self.waiting = passed;
        self.waiting.drain(..self.waiting.len().saturating_sub(WAITING_MAX));
        answer
    }

    fn join_answer(&self, message: &Message, channel: &str) -> Option<Result<(), Error>> {
        let names = |n: usize| message.param(n).is_some_and(|name| fold(name) == fold(channel));
        match message.command.as_str() {
            "JOIN" if message.sender() == self.nick && names(0) => Some(Ok(())),
            command if is_error(command) && names(1) => Some(Err(refused(message))),
            _ => None,
        }
    }

    /// Says something in a channel or to somebody; long texts and several lines become several messages.
    /// Success says that it was sent, not that anybody heard.
    ///
    /// # Errors
    /// [`Error::Lost`] when the connection is broken.
    pub async fn say(&mut self, target: &str, text: &str) -> Result<(), Error> {
        for line in text.lines() {
            for piece in pieces(line) {
                self.queue(&Message::new("PRIVMSG", &[target, piece]));
            }
        }
        self.flush().await.map_err(Error::Lost)
    }

    /// Says something in a channel that it has joined, and waits until the server has put it on its disk and says so.
    /// What arrives meanwhile is kept for [`Self::recv`].
    ///
    /// # Errors
    /// [`Error::Refused`] when the server says no, [`Error::Lost`] when it says nothing for [`TIMEOUT`]: then nobody knows
    /// whether it is kept.
    pub async fn say_and_wait(&mut self, channel: &str, text: &str) -> Result<(), Error> {
        if !std::mem::replace(&mut self.hears_itself, true) {
            self.queue(&Message::new("CAP", &["REQ", "echo-message"]));
        }
        self.queue(&Message::new("PRIVMSG", &[channel, text]));
        self.await_answer(|client, message| client.said_answer(message, channel, text)).await
    }

    fn said_answer(&self, message: &Message, channel: &str, text: &str) -> Option<Result<(), Error>> {
        let names = |n: usize| message.param(n).is_some_and(|name| fold(name) == fold(channel));
        match message.command.as_str() {
            "PRIVMSG" if message.sender() == self.nick && names(0) && message.param(1) == Some(text) => {
                Some(Ok(()))
            }
            command if is_error(command) && names(1) => Some(Err(refused(message))),
            _ => None,
        }
    }

    /// The next thing to hear. Answers pings and notices a dead server on its own. Cancel safe.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's last words, [`Error::Lost`] when the connection broke.
    pub async fn recv(&mut self) -> Result<Incoming, Error> {
        self.next_message().await.map(Incoming::from)
    }

    /// Leaves with a last word.
    pub async fn quit(mut self, text: &str) {
        self.queue(&Message::new("QUIT", &[text]));
        // Who leaves does not care whether the server still listens.
        let _ = rt::time::timeout(TIMEOUT, self.flush()).await;
    }

    fn queue(&mut self, message: &Message) {
        self.unsent.extend_from_slice(message.to_line().as_bytes());
    }

    async fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let sent = self.stream.write(&self.unsent).await?;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.unsent.drain(..sent);
        }
        Ok(())
    }

    async fn next_message(&mut self) -> Result<Message, Error> {
        loop {
            while let Some(message) = self.waiting.pop_front() {
                match message.command.as_str() {
                    "PING" => self.pong(&message),
                    "PONG" => {}
                    "ERROR" => return Err(refused(&message)),
                    _ => return Ok(message),
                }
            }
            self.listen().await.map_err(Error::Lost)?;
        }
    }

    fn pong(&mut self, ping: &Message) {
        let params: Vec<&str> = ping.params.iter().map(String::as_str).collect();
        self.queue(&Message::new("PONG", &params));
    }

    /// Sends what is owed and waits until something was read or it is time to ping.
    async fn listen(&mut self) -> io::Result<()> {
        self.flush().await?;
        let mut bytes = [0; 1024];
        let patience = if self.pinged { KEEPALIVE * 2 } else { KEEPALIVE };
        let deadline = self.heard_at + patience;
        let read = rt::select! {
            read = self.stream.read(&mut bytes) => read?,
            () = rt::time::sleep_until(deadline) => return self.silence(),
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (self.heard_at, self.pinged) = (Instant::now(), false);
        let frames = self.lines.feed(&bytes[..read]).into_iter();
        self.waiting.extend(frames.filter_map(|frame| match frame {
            Frame::Line(line) => Message::parse(&line),
            Frame::TooLong => None,
        }));
        Ok(())
    }

    fn silence(&mut self) -> io::Result<()> {
        if self.pinged {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer pings"));
        }
        self.pinged = true;
        self.queue(&Message::new("PING", &["still there?"]));
        Ok(())
    }
}

impl From<Message> for Incoming {
    fn from(message: Message) -> Self {
        let sender = message.sender().to_owned();
        let param = |n: usize| message.param(n).unwrap_or_default().to_owned();
        match message.command.as_str() {
            "PRIVMSG" | "NOTICE" => Self::Said { from: sender, target: param(0), text: param(1) },
            "JOIN" => Self::Joined { nick: sender, channel: param(0) },
            "PART" => Self::Left { nick: sender, channel: Some(param(0)), why: param(1) },
            "QUIT" => Self::Left { nick: sender, channel: None, why: param(0) },
            _ => Self::Other(message),
        }
    }
}

/// Numbered replies from 400 on are errors (RFC 2812, section 5.2).
fn is_error(command: &str) -> bool {
    command.len() == 3 && command.starts_with(['4', '5'])
}

fn refused(message: &Message) -> Error {
    Error::Refused(message.params.last().cloned().unwrap_or_default())
}

/// The text in pieces that fit a message.
fn pieces(mut text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (piece, rest) = text.split_at(text.floor_char_boundary(TEXT_MAX));
        pieces.push(piece);
        text = rest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_long_texts_between_characters() {
        let text = "ä".repeat(400);
        let pieces = pieces(&text);
        assert_eq!(pieces.concat(), text);
        assert!(pieces.iter().all(|piece| piece.len() <= TEXT_MAX));
        assert!(super::pieces("").is_empty());
    }

    #[test]
    fn sorts_what_it_hears() {
        let heard = |line: &str| Incoming::from(Message::parse(line.as_bytes()).unwrap());
        let said = Incoming::Said { from: "ada".into(), target: "#war".into(), text: "all down".into() };
        assert_eq!(heard(":ada!a@h PRIVMSG #war :all down"), said);
        assert_eq!(
            heard(":ada!a@h JOIN #war"),
            Incoming::Joined { nick: "ada".into(), channel: "#war".into() }
        );
        let left = Incoming::Left { nick: "ada".into(), channel: None, why: "Ping timeout".into() };
        assert_eq!(heard(":ada!a@h QUIT :Ping timeout"), left);
        assert!(matches!(heard(":chat 353 ada = #war :ada"), Incoming::Other(_)));
    }
}
