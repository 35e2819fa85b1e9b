//! Alerting: looks at a page again and again, and pages people through the chat when it fails.
//!
//! All of it runs on one machine and has needs of its own: a path and a name to what it looks at, and for the page the chat by
//! name and path, and a session where the chat asks for one. An alert that finds no way is on record as undelivered and tried
//! again until it gets out or there is nothing to tell any more. A page counts as delivered when the chat has it on its disk.
//!
//! With `calls` that is not enough: somebody has to say in the channel that they have it (`NICK: ...`, to the alert). If nobody
//! has after some time, delivered or not, a paging provider calls phones, one after the other, until one is picked up. That way
//! has needs of its own as well: a path to the provider, and one from there to a phone.
//!
//! Absent: several rules in one, silences, a phone that rings and is not picked up.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_app::http;
use blackstart_chat::client::{self as chat, Incoming};
use blackstart_chat::names::NICK_MAX;
use blackstart_dns::endpoint::{Endpoint, Host};
use blackstart_dns::stub::Resolver;
use blackstart_identity::push::{self, Push};
use blackstart_rt as rt;
use rt::task::Instead;
use rt::time::Instant;
use tokio::sync::Notify;

use crate::event::{Alert, Event};
use crate::sign_in::{self, Account, SignIn};

/// Configuration of one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its name.
    pub name: String,
    /// Host name of the page that it looks at, at port 80.
    pub host: String,
    /// Who resolves names.
    pub resolvers: Vec<SocketAddr>,
    /// From one look to the next.
    pub every: Duration,
    /// How long a page may take.
    pub timeout: Duration,
    /// Failures in a row until it fires; as many successes end it.
    pub fall: u32,
    /// The chat through which it pages.
    pub chat: Endpoint,
    /// The channel that the page goes to.
    pub channel: String,
    /// Where it signs in and as whom, when the chat asks.
    pub sign_in: Option<(sign_in::Config, Account)>,
    /// From one attempt to deliver a page to the next.
    pub retry: Duration,
    /// Whom a provider calls when nobody says that they have it.
    pub calls: Option<Calls>,
}

/// The second way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// The provider.
    pub through: SocketAddr,
    /// Phones by name, in the order in which they are called.
    pub phones: Vec<(String, SocketAddr)>,
    /// How long the first way has.
    pub after: Duration,
}

/// Decides when an alert fires and when it is over. Knows no clock.
#[derive(Debug)]
struct Rule {
    fall: u32,
    /// Looks in a row that speak against what it says now.
    against: u32,
    fires: bool,
}

impl Rule {
    fn new(fall: u32) -> Self {
        Self { fall: fall.max(1), against: 0, fires: false }
    }

    /// Takes in a look; answers what it says from now on, when that is new.
    fn take(&mut self, is_well: bool) -> Option<bool> {
        self.against = if is_well == self.fires { self.against + 1 } else { 0 };
        if self.against < self.fall {
            return None;
        }
        self.against = 0;
        self.fires = !self.fires;
        Some(self.fires)
    }
}

/// What the rule says now, for whoever pages.
#[derive(Default)]
struct Says {
    fires: Cell<bool>,
    changed: Notify,
}

/// Looks and pages until the host or the task dies.
///
/// # Errors
/// None at present.
pub async fn run(config: Config) -> io::Result<()> {
    let config = Rc::new(config);
    let says = Rc::new(Says::default());
    rt::task::spawn("alert/page", page(config.clone(), says.clone()));
    let resolver = Resolver::new(config.resolvers.clone());
    let mut rule = Rule::new(config.fall);
    loop {
        let began = Instant::now();
        let is_well = look(&config, &resolver).await;
        // What has frozen goes on saying what it said.
        if rt::task::instead().await != Some(Instead::Stale)
            && let Some(fires) = rule.take(is_well)
        {
            let alert = config.name.clone();
            record(if fires { Alert::Fired { alert } } else { Alert::Cleared { alert } });
            says.fires.set(fires);
            says.changed.notify_one();
        }
        rt::time::sleep_until(began + config.every).await;
    }
}

async fn look(config: &Config, resolver: &Resolver) -> bool {
    let looked = async {
        let found = resolver.lookup_ip(&config.host).await.ok()?;
        let at = SocketAddr::new(*found.first()?, 80);
        http::get(at, &config.host, "/", config.timeout).await.ok()
    };
    let page = rt::time::timeout(config.timeout, looked).await;
    page.ok().flatten().is_some_and(|page| page.status().is_success())
}

/// Pages once for each time that the alert fires, until somebody knows or it is over.
async fn page(config: Rc<Config>, says: Rc<Says>) {
    loop {
        says.changed.notified().await;
        if says.fires.get() {
            rt::select! {
                () = tell(&config) => {}
                () = says.changed.notified() => {}
            }
        }
    }
}

async fn tell(config: &Config) {
    let Some(calls) = &config.calls else {
        return deliver(config).await.quit("told").await;
    };
    let by = rt::select! {
        by = acknowledged(config) => by,
        by = picked_up(config, calls) => by,
    };
    record(Alert::Acknowledged { alert: config.name.clone(), by });
}

/// Says it in the channel, as often as it takes; still there afterwards.
async fn deliver(config: &Config) -> chat::Client {
    let mut told = None;
    loop {
        let alert = config.name.clone();
        match say(config).await {
            Ok(client) => {
                record(Alert::Delivered { alert });
                return client;
            }
            Err(why) if told.as_ref() != Some(&why) => {
                record(Alert::Undelivered { alert, why: why.clone() });
                told = Some(why);
            }
            Err(_) => {}
        }
        rt::time::sleep(config.retry).await;
    }
}

async fn say(config: &Config) -> Result<chat::Client, String> {
    let resolver = Resolver::new(config.resolvers.clone());
    let session = match &config.sign_in {
        Some((at, account)) => {
            let session = SignIn::new(at.clone()).sign_in(account).await;
            Some(session.map_err(|error| format!("sign-in: {error}"))?.token)
        }
        None => None,
    };
    let server = match &config.chat.host {
        Host::Name(name) => name.clone(),
        Host::Address(address) => address.to_string(),
    };
    let port = config.chat.port;
    let said = async {
        let mut client =
            chat::connect(&resolver, &server, port, &nick(&config.name), session.as_deref()).await?;
        client.join(&config.channel).await?;
        client.say_and_wait(&config.channel, &format!("alert: {}", config.name)).await?;
        Ok(client)
    };
    said.await.map_err(|error: chat::Error| error.to_string())
}

/// Says it in the channel until somebody answers there; who.
async fn acknowledged(config: &Config) -> String {
    loop {
        let client = deliver(config).await;
        match answer(client, &config.channel).await {
            Ok(by) => return by,
            // Nobody knows what was said while it was away.
            Err(_) => rt::time::sleep(config.retry).await,
        }
    }
}

async fn answer(mut client: chat::Client, channel: &str) -> Result<String, chat::Error> {
    let to_us = format!("{}:", client.nick());
    loop {
        match client.recv().await? {
            Incoming::Said { from, target, text } if target == channel && text.starts_with(&to_us) => {
                client.quit("told").await;
                return Ok(from);
            }
            _ => {}
        }
    }
}

/// Has phones called once the first way had its time, until one is picked up; which.
async fn picked_up(config: &Config, calls: &Calls) -> String {
    rt::time::sleep(calls.after).await;
    let mut told = false;
    loop {
        for (name, phone) in &calls.phones {
            let call = Push { via: calls.through, phone: *phone };
            if push::approved(call, &config.name).await {
                return name.clone();
            }
        }
        if !std::mem::replace(&mut told, true) {
            record(Alert::Unanswered { alert: config.name.clone() });
        }
        rt::time::sleep(config.retry).await;
    }
}

/// An alert's name in the chat: each has its own, so that several can be there at once.
fn nick(alert: &str) -> String {
    let word = alert.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-');
    "alert-".chars().chain(word).take(NICK_MAX).collect()
}

fn record(step: Alert) {
    rt::emit(&Event::Alert(step));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_several_looks_to_fire_and_as_many_to_be_over() {
        let mut rule = Rule::new(2);
        let looks = [true, false, true, false, false, false, true, false, true, true, true];
        let says = looks.map(|is_well| rule.take(is_well));
        let mut expected = [None; 11];
        (expected[4], expected[9]) = (Some(true), Some(false));
        assert_eq!(says, expected);
    }
}
