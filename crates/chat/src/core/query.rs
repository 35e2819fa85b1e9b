//! Questions: who, whois, list, mode, message of the day (RFC 2812, sections 3.2.6, 3.2.3, 3.1.5, 3.4.1,
//! 3.6).

use super::{Client, ClientId, Core};
use crate::message::Message;
use crate::names::{fold, looks_like_channel};
use crate::numeric::*;

impl Core {
    pub(super) fn list(&mut self, id: ClientId, message: &Message) {
        let wanted: Option<Vec<String>> = message.param(0).map(|names| names.split(',').map(fold).collect());
        let rows: Vec<_> = self
            .channels
            .iter()
            .filter(|(folded, _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(*folded)))
            .map(|(_, channel)| {
                (channel.name.clone(), channel.members.len().to_string(), channel.topic.clone())
            })
            .collect();
        for (name, members, topic) in rows {
            self.reply(id, RPL_LIST, &[&name, &members, &topic]);
        }
        self.reply(id, RPL_LISTEND, &["End of LIST"]);
    }

    pub(super) fn who(&mut self, id: ClientId, message: &Message) {
        let mask = message.param(0).unwrap_or("*").to_owned();
        for member in self.who_matches(&mask) {
            let Some(row) = self.client(member).map(|client| self.who_row(&mask, client)) else { continue };
            let row: Vec<&str> = row.iter().map(String::as_str).collect();
            self.reply(id, RPL_WHOREPLY, &row);
        }
        self.reply(id, RPL_ENDOFWHO, &[&mask, "End of WHO list"]);
    }

    fn who_matches(&self, mask: &str) -> Vec<ClientId> {
        if let Some(channel) = self.channels.get(&fold(mask)) {
            return channel.members.iter().copied().collect();
        }
        self.by_nick(mask).map(|(id, _)| id).into_iter().collect()
    }

    fn who_row(&self, mask: &str, client: &Client) -> [String; 7] {
        let channel = if looks_like_channel(mask) { mask } else { "*" };
        let real_name = format!("0 {}", client.real_name);
        [channel, client.user(), &client.host, &self.settings.name, client.nick(), "H", &real_name]
            .map(str::to_owned)
    }

    pub(super) fn whois(&mut self, id: ClientId, message: &Message) {
        // With two parameters the first names a server.
        let Some(nick) = message.params.last().cloned() else {
            return self.reply(id, ERR_NONICKNAMEGIVEN, &["No nickname given"]);
        };
        match self.by_nick(&nick).map(|(found, client)| (found, client.nick().to_owned())) {
            Some((found, shown)) => self.whois_rows(id, found, &shown),
            None => self.reply(id, ERR_NOSUCHNICK, &[&nick, "No such nick"]),
        }
        self.reply(id, RPL_ENDOFWHOIS, &[&nick, "End of WHOIS list"]);
    }

    fn whois_rows(&mut self, to: ClientId, of: ClientId, nick: &str) {
        let Some(client) = self.client(of) else { return };
        let (user, host, real_name) =
            (client.user().to_owned(), client.host.clone(), client.real_name.clone());
        let names = client.channels.iter().filter_map(|name| self.channels.get(name));
        let channels: Vec<&str> = names.map(|channel| channel.name.as_str()).collect();
        let channels = channels.join(" ");
        let server = self.settings.name.clone();
        self.reply(to, RPL_WHOISUSER, &[nick, &user, &host, "*", &real_name]);
        if !channels.is_empty() {
            self.reply(to, RPL_WHOISCHANNELS, &[nick, &channels]);
        }
        self.reply(to, RPL_WHOISSERVER, &[nick, &server, "chat"]);
    }

    /// There are no modes to set; clients ask for them all the same after joining.
    pub(super) fn mode(&mut self, id: ClientId, message: &Message) {
        let Some(target) = message.param(0) else { return self.need_more_params(id, message) };
        if looks_like_channel(target) {
            return self.channel_mode(id, target, message.param(1));
        }
        if fold(target) != fold(self.nick_of(id)) {
            return self.reply(id, ERR_USERSDONTMATCH, &["Cannot change mode for other users"]);
        }
        self.reply(id, RPL_UMODEIS, &["+"]);
    }

    fn channel_mode(&mut self, id: ClientId, name: &str, change: Option<&str>) {
        if !self.channels.contains_key(&fold(name)) {
            return self.no_such_channel(id, name);
        }
        match change {
            // Nobody outside may send: "n" in every client's words.
            None => self.reply(id, RPL_CHANNELMODEIS, &[name, "+n"]),
            Some("b" | "+b") => self.reply(id, RPL_ENDOFBANLIST, &[name, "End of channel ban list"]),
            Some(_) => self.reply(id, ERR_NOCHANMODES, &[name, "Channel doesn't support modes"]),
        }
    }

    pub(super) fn motd(&mut self, id: ClientId) {
        let lines = self.settings.motd.clone();
        if lines.is_empty() {
            return self.reply(id, ERR_NOMOTD, &["No message of the day"]);
        }
        let title = format!("- {} message of the day -", self.settings.name);
        self.reply(id, RPL_MOTDSTART, &[&title]);
        for line in &lines {
            self.reply(id, RPL_MOTD, &[&format!("- {line}")]);
        }
        self.reply(id, RPL_ENDOFMOTD, &["End of MOTD command"]);
    }
}
