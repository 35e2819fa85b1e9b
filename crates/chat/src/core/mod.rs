//! The server without I/O: what connections bring goes in, what must be sent, closed or asked comes out.
//!
//! | module | what lives there |
//! |---|---|
//! | `registration` | from the first byte to the welcome, sign-in included; nicknames |
//! | `channel` | join, part, topic, names |
//! | `talk` | messages and notices |
//! | `query` | who, whois, list, mode, message of the day |

mod channel;
mod query;
mod registration;
mod talk;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::mem;

use blackstart_identity::certificate::Certificate;
use blackstart_rt::{Map, Set};
use serde::Deserialize;

use crate::event::{Event, LoginRefusal};
use crate::history::{self, Said};
use crate::message::Message;
use crate::names::fold;
use crate::numeric::*;

/// Names a connection; never used twice.
pub type ClientId = u64;

/// What the server is called and how it greets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The server's name in prefixes.
    pub name: String,
    /// Message of the day, line by line.
    pub motd: Vec<String>,
    /// Most channels that one client may be in.
    pub channels_max: usize,
    /// How many of a channel's last messages whoever joins is shown.
    pub history_shown: usize,
    /// What it shows to whoever connects, in a notice before anything else.
    pub certificate: Option<Certificate>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "chat".to_owned(),
            motd: Vec::new(),
            channels_max: 50,
            history_shown: 0,
            certificate: None,
        }
    }
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// It was accepted.
    Connected {
        /// The peer's address as shown to others.
        host: String,
    },
    /// A line arrived, without its end.
    Line(Vec<u8>),
    /// A line over the limit arrived and was dropped.
    TooLong,
    /// Nothing arrived for the ping interval.
    Idle,
    /// The sign-in service judged the token: whose it is, or why not.
    Verified(Result<String, LoginRefusal>),
    /// It ended, or its queue is full.
    Gone {
        /// What the others are told.
        why: String,
    },
}

/// What the shell is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a line, its end included.
    Send(ClientId, String),
    /// Put a channel's message on the disk, then send it on.
    Keep(Kept),
    /// Send what is queued, then close. The client is forgotten already.
    Close(ClientId),
    /// Ask the sign-in service whose token this is and bring the answer as [`Input::Verified`].
    Verify(ClientId, String),
    /// Record a refusal.
    Record(Event),
}

/// A channel's message that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its line of the history.
    pub line: String,
    /// Who hears it once it is on the disk, and what.
    pub sends: Vec<(ClientId, String)>,
    /// Who is told, and what, when the disk does not take it.
    pub refusal: (ClientId, String),
}

/// The server's whole state.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    /// Whether a login needs a token.
    sign_in: bool,
    clients: Map<ClientId, Client>,
    /// Folded nickname to client.
    nicks: Map<String, ClientId>,
    /// Folded name to channel; a channel lives while it has members.
    channels: Map<String, Channel>,
    /// Folded name to the last messages there.
    past: Map<String, VecDeque<Said>>,
    out: Vec<Output>,
}

#[derive(Debug, Default)]
struct Client {
    host: String,
    nick: Option<String>,
    user: Option<String>,
    real_name: String,
    token: Option<String>,
    stage: Stage,
    /// Capability negotiation is open: the welcome waits for `CAP END`.
    negotiating: bool,
    /// It wants to hear its own messages (IRCv3 `echo-message`): the sign that they are kept.
    echo: bool,
    /// It wants to know when something was said (IRCv3 `server-time`).
    times: bool,
    pinged: bool,
    /// Folded names of the channels that it is in.
    channels: Set<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Greeting,
    Verifying,
    Registered,
}

#[derive(Debug)]
struct Channel {
    name: String,
    topic: String,
    members: Set<ClientId>,
}

impl Client {
    /// The nickname as numbered replies address it: `*` until there is one.
    fn nick(&self) -> &str {
        self.nick.as_deref().unwrap_or("*")
    }

    fn user(&self) -> &str {
        self.user.as_deref().unwrap_or("*")
    }

    fn prefix(&self) -> String {
        format!("{}!{}@{}", self.nick(), self.user(), self.host)
    }
}

impl Core {
    /// A server without clients. With `sign_in` a login needs a token.
    pub fn new(settings: Settings, sign_in: bool) -> Self {
        let (clients, nicks, channels, past) = (Map::new(), Map::new(), Map::new(), Map::new());
        Self { settings, sign_in, clients, nicks, channels, past, out: Vec::new() }
    }

    /// Takes in a line of the history that is on the disk: whoever joins from now on is shown it.
    pub fn kept(&mut self, line: &str) {
        let most = self.settings.history_shown;
        let Some(said) = history::said(line).filter(|_| most > 0) else { return };
        let past = self.past.entry(fold(&said.channel)).or_default();
        if past.len() == most {
            past.pop_front();
        }
        past.push_back(said);
    }

    /// Takes one input; answers what to do, in order. Input of a client that is gone is ignored.
    pub fn handle(&mut self, id: ClientId, input: Input) -> Vec<Output> {
        match input {
            Input::Connected { host } => {
                self.clients.insert(id, Client { host: shown(host), ..Client::default() });
                if let Some(certificate) = self.settings.certificate {
                    self.send_from_server(id, Message::new("NOTICE", &["*", &certificate.to_string()]));
                }
            }
            _ if !self.clients.contains_key(&id) => {}
            Input::Line(line) => self.line(id, &line),
            Input::TooLong => self.reply(id, ERR_INPUTTOOLONG, &["Input line was too long"]),
            Input::Idle => self.idle(id),
            Input::Verified(verdict) => self.verified(id, verdict),
            Input::Gone { why } => self.remove(id, &why),
        }
        mem::take(&mut self.out)
    }

    fn line(&mut self, id: ClientId, line: &[u8]) {
        let Some(message) = Message::parse(line) else { return };
        self.client_mut(id, |client| client.pinged = false);
        match message.command.as_str() {
            "CAP" => self.cap(id, &message),
            "PASS" => self.pass(id, &message),
            "NICK" => self.nick(id, &message),
            "USER" => self.user(id, &message),
            "PING" => self.ping(id, &message),
            "PONG" => {}
            "QUIT" => self.quit(id, &message),
            _ if !self.is_registered(id) => self.reply(id, ERR_NOTREGISTERED, &["You have not registered"]),
            _ => self.command(id, &message),
        }
    }

    /// The commands that only a registered client may give.
    fn command(&mut self, id: ClientId, message: &Message) {
        match message.command.as_str() {
            "JOIN" => self.join(id, message),
            "PART" => self.part(id, message),
            "TOPIC" => self.topic(id, message),
            "NAMES" => self.names(id, message),
            "PRIVMSG" => self.privmsg(id, message),
            "NOTICE" => self.notice(id, message),
            "LIST" => self.list(id, message),
            "WHO" => self.who(id, message),
            "WHOIS" => self.whois(id, message),
            "MODE" => self.mode(id, message),
            "MOTD" => self.motd(id),
            other => self.reply(id, ERR_UNKNOWNCOMMAND, &[other, "Unknown command"]),
        }
    }

    fn ping(&mut self, id: ClientId, message: &Message) {
        match message.param(0) {
            Some(token) => {
                let pong = Message::new("PONG", &[&self.settings.name, token]);
                self.send_from_server(id, pong);
            }
            None => self.reply(id, ERR_NOORIGIN, &["No origin specified"]),
        }
    }

    /// A ping for a quiet client; the end for one that did not answer the last, or never registered.
    fn idle(&mut self, id: ClientId) {
        let registered = self.is_registered(id);
        let pinged = self.client_mut(id, |client| mem::replace(&mut client.pinged, true)).unwrap_or(true);
        if pinged || !registered {
            return self.close(id, "Ping timeout");
        }
        let ping = Message::new("PING", &[&self.settings.name]);
        self.send(id, &ping);
    }

    fn quit(&mut self, id: ClientId, message: &Message) {
        let why = message.param(0).map_or("Client quit".to_owned(), |text| format!("Quit: {text}"));
        self.close(id, &why);
    }

    /// Tells the client why, then the others, then closes.
    fn close(&mut self, id: ClientId, why: &str) {
        let host = self.client(id).map_or_else(String::new, |client| client.host.clone());
        self.send(id, &Message::new("ERROR", &[&format!("Closing link: {host} ({why})")]));
        self.remove(id, why);
    }

    /// Forgets the client and tells whoever shared a channel with it.
    fn remove(&mut self, id: ClientId, why: &str) {
        let peers = self.peers(id);
        let Some(client) = self.clients.remove(&id) else { return };
        if let Some(nick) = &client.nick {
            self.nicks.remove(&fold(nick));
        }
        for name in &client.channels {
            self.forget_member(name, id);
        }
        let quit = Message::new("QUIT", &[why]).from(&client.prefix());
        self.send_all(&peers, &quit);
        self.out.push(Output::Close(id));
    }

    fn forget_member(&mut self, folded: &str, id: ClientId) {
        let Some(channel) = self.channels.get_mut(folded) else { return };
        channel.members.remove(&id);
        if channel.members.is_empty() {
            self.channels.remove(folded);
        }
    }

    /// Everybody who shares a channel with the client, without itself.
    fn peers(&self, id: ClientId) -> Set<ClientId> {
        let names = self.client(id).into_iter().flat_map(|client| &client.channels);
        let channels = names.filter_map(|name| self.channels.get(name));
        channels.flat_map(|channel| channel.members.iter().copied()).filter(|peer| *peer != id).collect()
    }

    fn client(&self, id: ClientId) -> Option<&Client> {
        self.clients.get(&id)
    }

    fn client_mut<T>(&mut self, id: ClientId, change: impl FnOnce(&mut Client) -> T) -> Option<T> {
        self.clients.get_mut(&id).map(change)
    }

    fn is_registered(&self, id: ClientId) -> bool {
        self.client(id).is_some_and(|client| client.stage == Stage::Registered)
    }

    fn nick_of(&self, id: ClientId) -> &str {
        self.client(id).map_or("*", Client::nick)
    }

    fn prefix_of(&self, id: ClientId) -> String {
        self.client(id).map_or_else(String::new, Client::prefix)
    }

    fn by_nick(&self, nick: &str) -> Option<(ClientId, &Client)> {
        let id = *self.nicks.get(&fold(nick))?;
        Some((id, self.client(id)?))
    }

    fn send(&mut self, to: ClientId, message: &Message) {
        self.out.push(Output::Send(to, message.to_line()));
    }

    fn send_from_server(&mut self, to: ClientId, message: Message) {
        let message = message.from(&self.settings.name);
        self.send(to, &message);
    }

    fn send_all<'a>(&mut self, to: impl IntoIterator<Item = &'a ClientId>, message: &Message) {
        let line = message.to_line();
        self.out.extend(to.into_iter().map(|id| Output::Send(*id, line.clone())));
    }

    fn reply(&mut self, to: ClientId, number: &str, params: &[&str]) {
        let message = self.numbered(to, number, params);
        self.send(to, &message);
    }

    /// A numbered reply: the server's prefix, the client's nickname, the parameters.
    fn numbered(&self, to: ClientId, number: &str, params: &[&str]) -> Message {
        let mut message = Message::new(number, &[self.nick_of(to)]);
        message.params.extend(params.iter().map(|param| (*param).to_owned()));
        message.from(&self.settings.name)
    }

    fn need_more_params(&mut self, to: ClientId, message: &Message) {
        self.reply(to, ERR_NEEDMOREPARAMS, &[&message.command, "Not enough parameters"]);
    }

    fn no_such_channel(&mut self, to: ClientId, name: &str) {
        self.reply(to, ERR_NOSUCHCHANNEL, &[name, "No such channel"]);
    }
}

/// An IPv6 address may start with a colon, which would end the parameters of a message.
fn shown(host: String) -> String {
    if host.starts_with(':') { format!("0{host}") } else { host }
}
