//! The access server: asks the directory, writes the audit log, then answers.
//!
//! A decision is on the disk before it is told: whoever saw a door open can find the line, power cut or not.
//! When the log cannot be written the server does not decide, and the controllers treat it as silent.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use blackstart_identity::certificate::Certificate;
use blackstart_rt as rt;
use rt::net::TcpListener;
use rt::{Map, Set};
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};

use crate::audit::{self, Entry, Outcome, unix_ms};
use crate::directory::{Badge, Directory};
use crate::event::Event;
use crate::rules::{Rule, Rules, WhenSilent};
use crate::serve::{self, Limits, Respond};
use crate::wire::{Answer, Ask};

/// Configuration of an access server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen for controllers.
    pub listen: SocketAddr,
    /// The directory.
    pub badges: Vec<Badge>,
    /// What single doors ask for beyond a badge.
    #[serde(default)]
    pub rules: Map<String, Rule>,
    /// What it shows to whoever connects.
    #[serde(default)]
    pub certificate: Option<Certificate>,
    /// What controllers are granted.
    #[serde(default)]
    pub limits: Limits,
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound or the audit log cannot be opened.
pub async fn run(config: Config) -> io::Result<()> {
    serve(TcpListener::bind(config.listen).await?, config).await
}

/// As [`run`], on a listener that is bound already; `config.listen` is ignored.
///
/// # Errors
/// When the audit log cannot be opened.
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    let log = mend_audit_log().await?;
    let (directory, ruled) = (Directory::new(config.badges), config.rules.keys().cloned().collect());
    let shut = config.rules.iter().filter(|(_, rule)| rule.when_silent == WhenSilent::Shut);
    let unlisted = shut.map(|(door, _)| door.clone()).collect();
    let mut rules = Rules::new(config.rules);
    audit::entries(&log).for_each(|entry| rules.note(&entry));
    let (certificate, rules) = (config.certificate, Mutex::new(rules));
    let server = Server { certificate, directory, ruled, unlisted, rules, torn: Cell::new(false) };
    serve::serve("badge/connection", listener, config.limits, Rc::new(server)).await;
    Ok(())
}

/// The log so far. Ends a line that a power cut tore, so that the next entry does not grow out of it.
async fn mend_audit_log() -> io::Result<Vec<u8>> {
    let log = match rt::disk::read(audit::FILE).await {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    if !log.is_empty() && !log.ends_with(b"\n") {
        rt::disk::append(audit::FILE, b"\n").await?;
        rt::disk::fsync(audit::FILE).await?;
    }
    Ok(log)
}

struct Server {
    certificate: Option<Certificate>,
    directory: Directory,
    /// The doors that have rules.
    ruled: Set<String>,
    /// Those among them that no list may open.
    unlisted: Set<String>,
    /// Held from a decision at such a door until it is in the log: the next one goes by it.
    rules: Mutex<Rules>,
    /// The disk took a piece of the last line: the next must not grow out of it.
    torn: Cell<bool>,
}

impl Respond for Server {
    type Request = Ask;
    type Answer = Answer;

    fn greeting(&self) -> Option<String> {
        self.certificate.map(|certificate| certificate.to_string())
    }

    async fn respond(&self, peer: SocketAddr, request: Ask) -> Option<Answer> {
        Some(match request {
            Ask::Decide { door, badge } => self.decide(peer, door, badge).await,
            Ask::Left { door, badge } => self.note_left(peer, door, badge).await,
            // No list knows who is in or who waits; some doors are opened by it all the same.
            Ask::List { doors } => Answer::Badges(self.directory.extract(&(&doors - &self.unlisted))),
        })
    }
}

impl Server {
    async fn decide(&self, controller: SocketAddr, door: String, badge: String) -> Answer {
        let rules = self.rules_of(&door).await;
        let now = rt::time::unix_now();
        let decided = match &rules {
            Some(rules) => rules.decide(&self.directory, &door, &badge, now),
            None => self.directory.decide(&door, &badge, now),
        };
        let (answer, outcome) = match decided {
            Ok(person) => (Answer::Grant { person: person.to_owned() }, Outcome::Grant(person.to_owned())),
            Err(reason) => (Answer::Deny { reason }, Outcome::Deny(reason)),
        };
        let entry = Entry { unix_ms: unix_ms(now), controller: controller.to_string(), door, badge, outcome };
        self.told(rules, entry, answer).await
    }

    async fn note_left(&self, controller: SocketAddr, door: String, badge: String) -> Answer {
        let rules = self.rules_of(&door).await;
        let (unix_ms, controller) = (unix_ms(rt::time::unix_now()), controller.to_string());
        let entry = Entry { unix_ms, controller, door, badge, outcome: Outcome::Left };
        self.told(rules, entry, Answer::Noted).await
    }

    /// The rules, for whoever asks about a door that has some.
    async fn rules_of(&self, door: &str) -> Option<MutexGuard<'_, Rules>> {
        match self.ruled.contains(door) {
            true => Some(self.rules.lock().await),
            false => None,
        }
    }

    /// The answer, once the entry is in the log.
    async fn told(&self, rules: Option<MutexGuard<'_, Rules>>, entry: Entry, answer: Answer) -> Answer {
        match self.record(&entry).await {
            Ok(()) => {
                rules.into_iter().for_each(|mut rules| rules.note(&entry));
                answer
            }
            Err(error) => refuse_unrecorded(&error),
        }
    }

    async fn record(&self, entry: &Entry) -> io::Result<()> {
        let mut line = entry.to_line()?;
        if self.torn.replace(true) {
            line.insert(0, b'\n');
        }
        rt::disk::append(audit::FILE, &line).await?;
        self.torn.set(false);
        rt::disk::fsync(audit::FILE).await
    }
}

fn refuse_unrecorded(error: &io::Error) -> Answer {
    rt::emit(&Event::AuditFailed { error: error.to_string() });
    Answer::Error { text: format!("cannot write the audit log: {error}") }
}
