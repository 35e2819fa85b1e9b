//! Messages and notices (RFC 2812, section 3.3). A notice is never answered, not even with an error.
//!
//! A message to a channel is kept before anybody hears it; who asked for `echo-message` hears it too.

use super::{ClientId, Core, Kept, Output};
use crate::history;
use crate::message::Message;
use crate::names::{fold, looks_like_channel};
use crate::numeric::*;

/// Most targets of one message.
const TARGETS_MAX: usize = 8;

/// Why a message went nowhere: the reply's number and text.
type Undelivered = (&'static str, &'static str);

impl Core {
    pub(super) fn privmsg(&mut self, id: ClientId, message: &Message) {
        let (Some(targets), text) = (message.param(0), message.param(1).unwrap_or_default()) else {
            return self.reply(id, ERR_NORECIPIENT, &["No recipient given (PRIVMSG)"]);
        };
        if text.is_empty() {
            return self.reply(id, ERR_NOTEXTTOSEND, &["No text to send"]);
        }
        for (n, target) in targets.split(',').enumerate() {
            if n == TARGETS_MAX {
                return self.reply(id, ERR_TOOMANYTARGETS, &[target, "Too many recipients"]);
            }
            if let Err((number, why)) = self.deliver(id, "PRIVMSG", target, text) {
                self.reply(id, number, &[target, why]);
            }
        }
    }

    pub(super) fn notice(&mut self, id: ClientId, message: &Message) {
        let (Some(targets), Some(text)) = (message.param(0), message.param(1)) else { return };
        for target in targets.split(',').take(TARGETS_MAX) {
            // Errors are dropped on purpose: two robots must not answer each other for ever.
            let _ = self.deliver(id, "NOTICE", target, text);
        }
    }

    fn deliver(
        &mut self,
        from: ClientId,
        command: &str,
        target: &str,
        text: &str,
    ) -> Result<(), Undelivered> {
        let (shown, to) = self.audience(from, target)?;
        let message = Message::new(command, &[&shown, text]).from(&self.prefix_of(from));
        match command == "PRIVMSG" && looks_like_channel(&shown) {
            true => self.keep(from, &shown, text, &to, &message),
            false => self.send_all(&to, &message),
        }
        Ok(())
    }

    fn keep(&mut self, from: ClientId, channel: &str, text: &str, to: &[ClientId], message: &Message) {
        let echo = self.client(from).filter(|client| client.echo).map(|_| from);
        let line = message.to_line();
        let sends = to.iter().copied().chain(echo).map(|id| (id, line.clone())).collect();
        let refusal = self.numbered(from, ERR_CANNOTKEEP, &[channel, "The message cannot be kept"]);
        self.out.push(Output::Keep(Kept {
            line: history::line(self.nick_of(from), channel, text),
            sends,
            refusal: (from, refusal.to_line()),
        }));
    }

    /// The target as spelt by its owner, and who listens there.
    fn audience(&self, from: ClientId, target: &str) -> Result<(String, Vec<ClientId>), Undelivered> {
        if !looks_like_channel(target) {
            let (to, client) = self.by_nick(target).ok_or((ERR_NOSUCHNICK, "No such nick"))?;
            return Ok((client.nick().to_owned(), vec![to]));
        }
        let channel = self.channels.get(&fold(target)).ok_or((ERR_NOSUCHCHANNEL, "No such channel"))?;
        if !channel.members.contains(&from) {
            return Err((ERR_CANNOTSENDTOCHAN, "Cannot send to channel"));
        }
        let to = channel.members.iter().copied().filter(|member| *member != from).collect();
        Ok((channel.name.clone(), to))
    }
}
