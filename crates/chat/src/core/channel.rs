//! Channels: join, part, topic, names (RFC 2812, section 3.2). All are open and without modes.

use super::{Channel, ClientId, Core, Output};
use crate::history::Said;
use crate::message::Message;
use crate::names::{fold, is_channel};
use crate::numeric::*;
use jiff::Timestamp;
use std::time::Duration;

/// Room for nicknames in one names reply, bytes: what 512 leaves beside server, nickname and channel names.
const NAMES_PER_REPLY_BYTES: usize = 350;

impl Core {
    pub(super) fn join(&mut self, id: ClientId, message: &Message) {
        let Some(names) = message.param(0) else { return self.need_more_params(id, message) };
        if names == "0" {
            return self.part_all(id);
        }
        for name in names.split(',') {
            self.join_one(id, name);
        }
    }

    fn join_one(&mut self, id: ClientId, name: &str) {
        if !is_channel(name) {
            return self.no_such_channel(id, name);
        }
        let (folded, channels_max) = (fold(name), self.settings.channels_max);
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.channels.contains(&folded) {
            return;
        }
        if client.channels.len() >= channels_max {
            return self.reply(id, ERR_TOOMANYCHANNELS, &[name, "You have joined too many channels"]);
        }
        client.channels.insert(folded.clone());
        let empty = || Channel { name: name.to_owned(), topic: String::new(), members: Default::default() };
        let channel = self.channels.entry(folded.clone()).or_insert_with(empty);
        channel.members.insert(id);
        let (shown, topic, members) = (channel.name.clone(), channel.topic.clone(), channel.members.clone());
        let joined = Message::new("JOIN", &[&shown]).from(&self.prefix_of(id));
        self.send_all(&members, &joined);
        if !topic.is_empty() {
            self.reply(id, RPL_TOPIC, &[&shown, &topic]);
        }
        self.send_names(id, &folded, &shown);
        self.send_past(id, &folded, &shown);
    }

    /// What was said before, as notices of the server: nobody takes them for something said now, and no robot answers them.
    fn send_past(&mut self, to: ClientId, folded: &str, shown: &str) {
        let times = self.client(to).is_some_and(|client| client.times);
        for Said { at, words, .. } in self.past.get(folded).cloned().unwrap_or_default() {
            let notice = Message::new("NOTICE", &[shown, &words]).from(&self.settings.name).to_line();
            let line = if times { format!("{}{notice}", time_tag(at)) } else { notice };
            self.out.push(Output::Send(to, line));
        }
    }

    pub(super) fn part(&mut self, id: ClientId, message: &Message) {
        let Some(names) = message.param(0) else { return self.need_more_params(id, message) };
        for name in names.split(',') {
            self.part_one(id, name, message.param(1));
        }
    }

    fn part_all(&mut self, id: ClientId) {
        let all = self.client(id).map(|client| client.channels.clone()).unwrap_or_default();
        for name in all {
            self.part_one(id, &name, None);
        }
    }

    fn part_one(&mut self, id: ClientId, name: &str, text: Option<&str>) {
        let folded = fold(name);
        let Some(channel) = self.joined_channel(id, name) else { return };
        let (shown, members) = (channel.name.clone(), channel.members.clone());
        let mut parted = Message::new("PART", &[&shown]).from(&self.prefix_of(id));
        parted.params.extend(text.map(str::to_owned));
        self.send_all(&members, &parted);
        self.client_mut(id, |client| client.channels.remove(&folded));
        self.forget_member(&folded, id);
    }

    pub(super) fn topic(&mut self, id: ClientId, message: &Message) {
        let Some(name) = message.param(0) else { return self.need_more_params(id, message) };
        let Some(channel) = self.joined_channel(id, name) else { return };
        let (shown, topic, members) = (channel.name.clone(), channel.topic.clone(), channel.members.clone());
        match message.param(1) {
            None if topic.is_empty() => self.reply(id, RPL_NOTOPIC, &[&shown, "No topic is set"]),
            None => self.reply(id, RPL_TOPIC, &[&shown, &topic]),
            Some(fresh) => {
                self.channels.entry(fold(name)).and_modify(|channel| channel.topic = fresh.to_owned());
                let told = Message::new("TOPIC", &[&shown, fresh]).from(&self.prefix_of(id));
                self.send_all(&members, &told);
            }
        }
    }

    pub(super) fn names(&mut self, id: ClientId, message: &Message) {
        // Without a parameter the RFC lists everything; everyday servers answer with the end alone.
        let asked = message.param(0).unwrap_or("*");
        for name in asked.split(',') {
            let folded = fold(name);
            let shown = self.channels.get(&folded).map_or(name, |channel| &channel.name).to_owned();
            self.send_names(id, &folded, &shown);
        }
    }

    fn send_names(&mut self, to: ClientId, folded: &str, shown: &str) {
        for names in self.name_lines(folded) {
            self.reply(to, RPL_NAMREPLY, &["=", shown, &names]);
        }
        self.reply(to, RPL_ENDOFNAMES, &[shown, "End of NAMES list"]);
    }

    fn name_lines(&self, folded: &str) -> Vec<String> {
        let members = self.channels.get(folded).into_iter().flat_map(|channel| &channel.members);
        let mut lines: Vec<String> = Vec::new();
        for nick in members.map(|member| self.nick_of(*member)) {
            match lines.last_mut() {
                Some(line) if line.len() + nick.len() < NAMES_PER_REPLY_BYTES => {
                    line.push(' ');
                    line.push_str(nick);
                }
                _ => lines.push(nick.to_owned()),
            }
        }
        lines
    }

    /// The channel if the client is in it; tells the client if not.
    fn joined_channel(&mut self, id: ClientId, name: &str) -> Option<&Channel> {
        let folded = fold(name);
        match self.channels.get(&folded).map(|channel| channel.members.contains(&id)) {
            None => self.no_such_channel(id, name),
            Some(false) => self.reply(id, ERR_NOTONCHANNEL, &[name, "You are not on that channel"]),
            Some(true) => {}
        }
        self.channels.get(&folded).filter(|channel| channel.members.contains(&id))
    }
}

/// The tag before a line that was said at `at` since 1970 (IRCv3 `server-time`).
fn time_tag(at: Duration) -> String {
    let moment = i64::try_from(at.as_millis()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(String::new, |moment| format!("@time={moment:.3} "))
}
