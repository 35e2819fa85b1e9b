//! From the first byte to the welcome: CAP, PASS, NICK, USER, sign-in (RFC 2812, section 3.1).

use super::{Client, ClientId, Core, Output, Stage};
use crate::event::{Event, LoginRefusal};
use crate::message::Message;
use crate::names::{CHANNEL_MAX, NICK_MAX, fold, is_nick};
use crate::numeric::*;

/// What a client may ask for.
const CAPABILITIES: [&str; 2] = ["echo-message", "server-time"];

impl Client {
    fn capability(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "echo-message" => Some(&mut self.echo),
            "server-time" => Some(&mut self.times),
            _ => None,
        }
    }

    /// Takes on all of what is asked for, or nothing; a `-` before a name takes it off.
    fn request(&mut self, wanted: &str) -> bool {
        let names = wanted
            .split_whitespace()
            .map(|word| word.strip_prefix('-').map_or((word, true), |name| (name, false)));
        let known = names.clone().all(|(name, _)| self.capability(name).is_some());
        for (name, on) in names.filter(|_| known) {
            self.capability(name).into_iter().for_each(|has| *has = on);
        }
        known
    }
}

impl Core {
    /// Capability negotiation (IRCv3).
    pub(super) fn cap(&mut self, id: ClientId, message: &Message) {
        let subcommand = message.param(0).unwrap_or_default().to_ascii_uppercase();
        let nick = self.nick_of(id).to_owned();
        match subcommand.as_str() {
            "LS" | "LIST" => {
                let shown = self.client_mut(id, |client| {
                    client.negotiating |= subcommand == "LS";
                    let shown = CAPABILITIES.iter().copied();
                    let on = shown
                        .filter(|name| subcommand == "LS" || client.capability(name).is_some_and(|on| *on));
                    on.collect::<Vec<_>>().join(" ")
                });
                self.send_from_server(
                    id,
                    Message::new("CAP", &[&nick, &subcommand, &shown.unwrap_or_default()]),
                );
            }
            "REQ" => {
                let wanted = message.param(1).unwrap_or_default();
                let known = self.client_mut(id, |client| client.request(wanted)).unwrap_or(false);
                let answer = if known { "ACK" } else { "NAK" };
                self.send_from_server(id, Message::new("CAP", &[&nick, answer, wanted]));
            }
            "END" => {
                self.client_mut(id, |client| client.negotiating = false);
                self.advance(id);
            }
            _ => {}
        }
    }

    pub(super) fn pass(&mut self, id: ClientId, message: &Message) {
        match message.param(0) {
            None => self.need_more_params(id, message),
            Some(_) if !self.is_greeting(id) => self.already_registered(id),
            Some(token) => {
                self.client_mut(id, |client| client.token = Some(token.to_owned()));
            }
        }
    }

    pub(super) fn user(&mut self, id: ClientId, message: &Message) {
        let (Some(user), Some(real_name)) = (message.param(0), message.param(3)) else {
            return self.need_more_params(id, message);
        };
        if !self.is_greeting(id) {
            return self.already_registered(id);
        }
        self.client_mut(id, |client| {
            client.user = Some(user_name(user));
            client.real_name = real_name.to_owned();
        });
        self.advance(id);
    }

    pub(super) fn nick(&mut self, id: ClientId, message: &Message) {
        let Some(nick) = message.param(0).filter(|nick| !nick.is_empty()) else {
            return self.reply(id, ERR_NONICKNAMEGIVEN, &["No nickname given"]);
        };
        if !is_nick(nick) {
            return self.reply(id, ERR_ERRONEUSNICKNAME, &[nick, "Erroneous nickname"]);
        }
        if self.nicks.get(&fold(nick)).is_some_and(|owner| *owner != id) {
            return self.reply(id, ERR_NICKNAMEINUSE, &[nick, "Nickname is already in use"]);
        }
        self.rename(id, nick);
        self.advance(id);
    }

    fn rename(&mut self, id: ClientId, nick: &str) {
        let told = Message::new("NICK", &[nick]).from(&self.prefix_of(id));
        let before = self.client_mut(id, |client| client.nick.replace(nick.to_owned())).flatten();
        if let Some(before) = before {
            self.nicks.remove(&fold(&before));
        }
        self.nicks.insert(fold(nick), id);
        if self.is_registered(id) {
            self.send(id, &told);
            let peers = self.peers(id);
            self.send_all(&peers, &told);
        }
    }

    /// Goes on once nickname and user are there and negotiation is over.
    fn advance(&mut self, id: ClientId) {
        let complete =
            |client: &Client| client.nick.is_some() && client.user.is_some() && !client.negotiating;
        if !self.is_greeting(id) || !self.client(id).is_some_and(complete) {
            return;
        }
        if !self.sign_in {
            return self.welcome(id);
        }
        match self.client_mut(id, |client| client.token.take()).flatten() {
            Some(token) => {
                self.client_mut(id, |client| client.stage = Stage::Verifying);
                self.out.push(Output::Verify(id, token));
            }
            None => self.refuse(id, LoginRefusal::NoToken),
        }
    }

    pub(super) fn verified(&mut self, id: ClientId, verdict: Result<String, LoginRefusal>) {
        if self.client(id).is_none_or(|client| client.stage != Stage::Verifying) {
            return;
        }
        match verdict {
            Ok(account) => {
                // What others see behind the nickname is who it really is.
                self.client_mut(id, |client| client.user = Some(user_name(&account)));
                self.welcome(id);
            }
            Err(why) => self.refuse(id, why),
        }
    }

    fn refuse(&mut self, id: ClientId, why: LoginRefusal) {
        let (nick, text) = (self.nick_of(id).to_owned(), why.to_string());
        self.out.push(Output::Record(Event::LoginRefused { nick, why }));
        self.reply(id, ERR_PASSWDMISMATCH, &[&text]);
        self.close(id, &text);
    }

    fn welcome(&mut self, id: ClientId) {
        self.client_mut(id, |client| client.stage = Stage::Registered);
        let (prefix, name) = (self.prefix_of(id), self.settings.name.clone());
        let version = concat!("blackstart-", env!("CARGO_PKG_VERSION"));
        self.reply(id, RPL_WELCOME, &[&format!("Welcome, {prefix}")]);
        self.reply(id, RPL_YOURHOST, &[&format!("Your host is {name}, running {version}")]);
        self.reply(id, RPL_CREATED, &["This server keeps no memory of its creation"]);
        self.reply(id, RPL_MYINFO, &[&name, version, "i", "n"]);
        let (nick_max, channel_max) = (format!("NICKLEN={NICK_MAX}"), format!("CHANNELLEN={CHANNEL_MAX}"));
        let supported =
            ["CASEMAPPING=ascii", "CHANTYPES=#&", &nick_max, &channel_max, "are supported by this server"];
        self.reply(id, RPL_ISUPPORT, &supported);
        self.motd(id);
    }

    fn is_greeting(&self, id: ClientId) -> bool {
        self.client(id).is_some_and(|client| client.stage == Stage::Greeting)
    }

    fn already_registered(&mut self, id: ClientId) {
        self.reply(id, ERR_ALREADYREGISTRED, &["You may not reregister"]);
    }
}

/// A user name that cannot break a prefix apart.
fn user_name(given: &str) -> String {
    let kept: String = given.chars().filter(|c| !c.is_whitespace() && !"!@:".contains(*c)).take(32).collect();
    if kept.is_empty() { "unknown".to_owned() } else { kept }
}
