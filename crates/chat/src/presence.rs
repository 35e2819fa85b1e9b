//! A laptop's background connection: stays in a channel, comes back when it can, and records what it notices.

use std::mem;
use std::time::Duration;

use blackstart_dns::stub::{self, Resolver};
use blackstart_rt as rt;
use rt::time::{Alarm, Instant};
use serde::Deserialize;

use crate::client::{self, Client, Error, Incoming};
use crate::event::{Event, Why};

/// Configuration of a background connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The chat server, a name or an address.
    pub server: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// Who resolves its name; not needed for an address.
    #[serde(default = "nobody")]
    pub resolver: stub::Config,
    /// The nickname to log in with.
    pub nick: String,
    /// The channel to be in.
    pub channel: String,
    /// The session token, where sign-in is required.
    #[serde(default)]
    pub token: Option<String>,
    /// The first wait before another attempt, seconds; each failure doubles it.
    #[serde(default = "retry_min_s")]
    pub retry_min_s: u64,
    /// The longest wait before another attempt, seconds.
    #[serde(default = "retry_max_s")]
    pub retry_max_s: u64,
    /// Keeps a log in the channel: a line so often, seconds. Without it nothing is said.
    #[serde(default)]
    pub log_every_s: Option<u64>,
    /// Somebody sits there and answers what one other says in the channel.
    #[serde(default)]
    pub answers: Option<Answers>,
}

/// Whom somebody at the laptop answers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answers {
    /// The nickname.
    pub nick: String,
    /// How long it takes them, seconds.
    pub after_s: u64,
}

fn nobody() -> stub::Config {
    stub::Config::new(Vec::new())
}

fn port() -> u16 {
    6667
}

fn retry_min_s() -> u64 {
    1
}

fn retry_max_s() -> u64 {
    60
}

/// Keeps the connection until the host or the task dies.
pub async fn run(config: Config) {
    let resolver = Resolver::with_config(config.resolver.clone());
    let mut waits = rt::rand::stream("chat/presence");
    let mut backoff = Backoff::new(&config);
    let mut seen = Seen::default();
    let mut lines = 0;
    loop {
        let error = match come_online(&config, &resolver).await {
            Ok(client) => {
                backoff = Backoff::new(&config);
                seen.online(&config.nick);
                stay(client, &config, &mut lines).await
            }
            Err(error) => error,
        };
        seen.offline(&config.nick, Why::from(&error));
        let (low, high) = backoff.next();
        rt::time::sleep(waits.between(low, high)).await;
    }
}

async fn come_online(config: &Config, resolver: &Resolver) -> Result<Client, Error> {
    let token = config.token.as_deref();
    let mut client = client::connect(resolver, &config.server, config.port, &config.nick, token).await?;
    client.join(&config.channel).await?;
    Ok(client)
}

/// Listens, answers, and writes the log where one is to be kept; `lines` counts what was said since the boot.
async fn stay(mut client: Client, config: &Config, lines: &mut u64) -> Error {
    let every = config.log_every_s.map(|seconds| Duration::from_secs(seconds.max(1)));
    let mut next = every.map(|every| Instant::now() + every);
    let mut alarm = Alarm::default();
    let (mut reading, mut read) = (Alarm::default(), None);
    loop {
        let done = rt::select! {
            heard = client.recv() => heard.map(|heard| read = read.or(read_at(config, &heard))),
            () = reading.at(read) => {
                read = None;
                answer(&mut client, config).await
            }
            () = alarm.at(next) => {
                next = every.map(|every| Instant::now() + every);
                *lines += 1;
                log(&mut client, &config.channel, *lines).await
            }
        };
        if let Err(error) = done {
            return error;
        }
    }
}

/// When somebody has read what was just heard, if it is for them.
fn read_at(config: &Config, heard: &Incoming) -> Option<Instant> {
    let answers = config.answers.as_ref()?;
    let Incoming::Said { from, target, .. } = heard else { return None };
    let asked = *from == answers.nick && *target == config.channel;
    asked.then(|| Instant::now() + Duration::from_secs(answers.after_s))
}

async fn answer(client: &mut Client, config: &Config) -> Result<(), Error> {
    let Some(answers) = &config.answers else { return Ok(()) };
    client.say(&config.channel, &format!("{}: I have it", answers.nick)).await
}

/// One line; what the server has kept is recorded.
async fn log(client: &mut Client, channel: &str, line: u64) -> Result<(), Error> {
    let text = format!("{} line {line}", rt::time::unix_now().as_secs());
    client.say_and_wait(channel, &text).await?;
    let (nick, channel) = (client.nick().to_owned(), channel.to_owned());
    rt::emit(&Event::Acknowledged { nick, channel, text });
    Ok(())
}

/// Doubling waits. Each is drawn from its upper half, so that a thousand laptops do not come back in one
/// instant.
#[derive(Clone, Copy, Debug)]
struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    fn new(config: &Config) -> Self {
        // At least a second: zero would retry without end in no time.
        let max = Duration::from_secs(config.retry_max_s.max(1));
        Self { next: Duration::from_secs(config.retry_min_s.max(1)).min(max), max }
    }

    fn next(&mut self) -> (Duration, Duration) {
        let high = self.next;
        self.next = (high * 2).min(self.max);
        (high / 2, high)
    }
}

/// What was recorded last, so that only changes are.
#[derive(Debug, Default)]
enum Seen {
    #[default]
    Nothing,
    Online,
    Offline(Why),
}

impl Seen {
    fn online(&mut self, nick: &str) {
        *self = Self::Online;
        rt::emit(&Event::Online { nick: nick.to_owned() });
    }

    fn offline(&mut self, nick: &str, why: Why) {
        let same =
            matches!(self, Self::Offline(before) if mem::discriminant(before) == mem::discriminant(&why));
        if !same {
            rt::emit(&Event::Offline { nick: nick.to_owned(), why: why.clone() });
        }
        *self = Self::Offline(why);
    }
}

impl From<&Error> for Why {
    fn from(error: &Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Dns(_) => Self::Dns(text),
            Error::Connect(_) => Self::Connect(text),
            Error::Refused(_) => Self::Refused(text),
            Error::Lost(_) => Self::Lost(text),
            Error::Certificate(_) => Self::Certificate(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let s = Duration::from_secs;
        let mut backoff = Backoff { next: s(1), max: s(5) };
        let waits: Vec<_> = (0..5).map(|_| backoff.next().1).collect();
        assert_eq!(waits, [s(1), s(2), s(4), s(5), s(5)]);
    }
}
