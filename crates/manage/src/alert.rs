//! Alerting: looks at a page again and again, and pages people through the chat when it fails.
//!
//! All of it runs on one machine and has needs of its own: a path and a name to what it looks at, and for the page the chat by
//! name and path, and a session where the chat asks for one. An alert that finds no way is on record as undelivered and tried
//! again until it gets out or there is nothing to tell any more. A page counts as delivered when the chat has it on its disk.
//!
//! Absent: several rules in one, silences, a phone call as a second way.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_app::http;
use blackstart_chat::client as chat;
use blackstart_dns::endpoint::{Endpoint, Host};
use blackstart_dns::stub::Resolver;
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

/// Pages once for each time that the alert fires, as often as it takes.
async fn page(config: Rc<Config>, says: Rc<Says>) {
    loop {
        says.changed.notified().await;
        let mut told = None;
        while says.fires.get() {
            let alert = config.name.clone();
            match deliver(&config).await {
                Ok(()) => {
                    record(Alert::Delivered { alert });
                    break;
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
}

async fn deliver(config: &Config) -> Result<(), String> {
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
        let mut client = chat::connect(&resolver, &server, port, "alerts", session.as_deref()).await?;
        client.join(&config.channel).await?;
        client.say_and_wait(&config.channel, &format!("alert: {}", config.name)).await?;
        client.quit("told").await;
        Ok(())
    };
    said.await.map_err(|error: chat::Error| error.to_string())
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
