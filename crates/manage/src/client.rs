//! The typed client of a router's command line: what people's laptops and automation use.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use blackstart_identity::certificate::{self, Invalid};
use blackstart_rt::net::TcpStream;
use blackstart_rt::time;

use crate::configuration::{Change, Settings, Which};
use crate::event::Refusal;
use crate::lines::Lines;
use crate::router::command::{parse_state, state_word};
use crate::router::core::{Port, parse_settings};

/// Lines of one answer, at most.
const ANSWER_LINES_MAX: usize = 10_000;

/// Why a command did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The router could not be reached, or the connection broke.
    #[error("no connection to the router: {0}")]
    Connect(#[from] io::Error),
    /// The router did not answer in time.
    #[error("the router did not answer in time")]
    Timeout,
    /// The router refused.
    #[error("the router refused: {0}")]
    Refused(Refusal),
    /// What answered shows a certificate that is not believed.
    #[error("{0}")]
    Certificate(#[from] Invalid),
    /// Something answered that does not speak like a router.
    #[error("not an answer of a router: {0:?}")]
    Protocol(String),
}

/// A server's answer. A certificate that it shows first must hold by the clock here.
pub(crate) async fn answer(lines: &mut Lines<TcpStream>) -> Result<String, Error> {
    let said = lines.said().await?;
    match certificate::is_shown(&said, time::unix_now())? {
        true => Ok(lines.said().await?),
        false => Ok(said),
    }
}

/// A conversation with one router, over the network or at its console.
#[derive(Debug)]
pub struct Cli {
    lines: Lines<TcpStream>,
    timeout: Duration,
}

impl Cli {
    /// Connects and waits for the router's greeting. `timeout` is for this and for every answer.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn connect(address: SocketAddr, timeout: Duration) -> Result<Self, Error> {
        let connected = time::timeout(timeout, TcpStream::connect(address)).await;
        Self::greeted(Lines::new(connected.map_err(|_| Error::Timeout)??), timeout).await
    }

    /// Waits for the router's greeting on a connection that leads to it.
    pub(crate) async fn greeted(mut lines: Lines<TcpStream>, timeout: Duration) -> Result<Self, Error> {
        let greeting = time::timeout(timeout, next_line(&mut lines)).await.map_err(|_| Error::Timeout)??;
        match greeting.starts_with("router ") {
            true => Ok(Self { lines, timeout }),
            false => Err(Error::Protocol(greeting)),
        }
    }

    /// Logs in at the console with one of the router's own accounts.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn login_local(&mut self, account: &str, secret: &str, code: &str) -> Result<(), Error> {
        self.order(&format!("login {account} {secret} {code}")).await
    }

    /// Logs in over the network with a session of the sign-in service. The router asks that service, which
    /// takes its own time on top of a plain answer's.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn login_token(&mut self, session: &str) -> Result<(), Error> {
        self.order(&format!("token {session}")).await
    }

    /// The router's ports.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn ports(&mut self) -> Result<Vec<Port>, Error> {
        parsed(self.ask("show ports").await?, parse_port)
    }

    /// One of the router's configurations; the laptop may keep it and stage it again later.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn config(&mut self, which: Which) -> Result<Settings, Error> {
        let text = self.ask(&format!("show config {}", which.word())).await?.join("\n");
        parse_settings(&text).ok_or(Error::Protocol(text))
    }

    /// What runs against the last good configuration: all changes that nobody has vouched for.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn diff_last_good(&mut self) -> Result<Vec<Change>, Error> {
        parsed(self.ask("diff last-good").await?, parse_change)
    }

    /// Stages the state of one port.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn stage(&mut self, port: &str, up: bool) -> Result<(), Error> {
        self.order(&format!("stage set port {port} {}", state_word(up))).await
    }

    /// Stages settings, for example a configuration that was kept on the laptop.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn stage_settings(&mut self, settings: &Settings) -> Result<(), Error> {
        for (key, value) in settings {
            self.order(&format!("stage set {key} {value}")).await?;
        }
        Ok(())
    }

    /// Runs what is staged. `who` is the person, recorded beside the account.
    ///
    /// # Errors
    /// See [`Error`]. A change that cuts the way to the router cuts the answer too.
    pub async fn commit(&mut self, who: &str) -> Result<(), Error> {
        self.order(&format!("commit as {}", word(who))).await
    }

    /// Runs what is staged, to be taken back after `within_s` seconds unless somebody confirms it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn commit_for_now(&mut self, who: &str, within_s: u64) -> Result<(), Error> {
        self.order(&format!("commit as {} confirm {within_s}", word(who))).await
    }

    /// Lets stand what was committed for now.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn confirm(&mut self, who: &str) -> Result<(), Error> {
        self.order(&format!("confirm as {}", word(who))).await
    }

    /// Has the router run what is staged when its own clock shows `at_unix_s`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn commit_at(&mut self, who: &str, at_unix_s: u64) -> Result<(), Error> {
        self.order(&format!("commit as {} at {at_unix_s}", word(who))).await
    }

    /// Runs the last good configuration.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn rollback_last_good(&mut self, who: &str) -> Result<(), Error> {
        self.order(&format!("rollback last-good as {}", word(who))).await
    }

    /// Vouches for what runs: it becomes last good and saved.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn save(&mut self, who: &str) -> Result<(), Error> {
        self.order(&format!("save as {}", word(who))).await
    }

    /// At the console: refuses changes from the network from now on (`true`), or allows them again. This is
    /// how somebody on site keeps automation off a router. A reboot ends it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn lock(&mut self, who: &str, on: bool) -> Result<(), Error> {
        self.order(&format!("{} as {}", if on { "lock" } else { "unlock" }, word(who))).await
    }

    /// Whether the router has a route to `address`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn reachable(&mut self, address: IpAddr) -> Result<bool, Error> {
        let lines = self.ask(&format!("show reach {address}")).await?;
        match lines.first().map(|line| line.split_whitespace().collect::<Vec<_>>()).as_deref() {
            Some(["reach", _, "yes", ..]) => Ok(true),
            Some(["reach", _, "no"]) => Ok(false),
            _ => Err(Error::Protocol(lines.join("\n"))),
        }
    }

    /// What `ping` at the router says about `address`, line by line. Takes some seconds, and more when nobody answers.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn ping(&mut self, address: IpAddr) -> Result<Vec<String>, Error> {
        self.ask(&format!("ping {address}")).await
    }

    /// What `traceroute` at the router says about `address`, line by line. Takes a second for each router that does not
    /// answer.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn traceroute(&mut self, address: IpAddr) -> Result<Vec<String>, Error> {
        self.ask(&format!("traceroute {address}")).await
    }

    async fn order(&mut self, command: &str) -> Result<(), Error> {
        self.ask(command).await.map(|_| ())
    }

    async fn ask(&mut self, command: &str) -> Result<Vec<String>, Error> {
        // A line break in a name would smuggle in a second command.
        let line = format!("{}\n", command.replace(['\r', '\n'], " "));
        let answered = async {
            self.lines.send(&line).await?;
            read_answer(&mut self.lines).await
        };
        time::timeout(self.timeout, answered).await.unwrap_or(Err(Error::Timeout))
    }
}

/// A person's name as one word of a command.
fn word(who: &str) -> String {
    who.split_whitespace().collect::<Vec<_>>().join("-")
}

async fn read_answer(lines: &mut Lines<TcpStream>) -> Result<Vec<String>, Error> {
    let mut answer = Vec::new();
    while answer.len() < ANSWER_LINES_MAX {
        let line = next_line(lines).await?;
        if line == "ok" {
            return Ok(answer);
        }
        if let Some(word) = line.strip_prefix("error ") {
            return Err(Refusal::from_word(word).map_or(Error::Protocol(line.clone()), Error::Refused));
        }
        answer.push(line);
    }
    Err(Error::Protocol("an answer without end".to_owned()))
}

async fn next_line(lines: &mut Lines<TcpStream>) -> Result<String, Error> {
    lines.next().await?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof).into())
}

fn parsed<T>(lines: Vec<String>, parse: fn(&[&str]) -> Option<T>) -> Result<Vec<T>, Error> {
    let one = |line: String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        parse(&words).ok_or_else(|| Error::Protocol(line.clone()))
    };
    lines.into_iter().map(one).collect()
}

fn parse_port(words: &[&str]) -> Option<Port> {
    let ["port", name, "admin", admin, "carrier", carrier, "neighbour", neighbour] = words else {
        return None;
    };
    Some(Port {
        name: (*name).to_owned(),
        neighbour: if *neighbour == "-" { String::new() } else { (*neighbour).to_owned() },
        admin_up: parse_state(admin)?,
        carrier: parse_state(carrier)?,
    })
}

fn parse_change(words: &[&str]) -> Option<Change> {
    let ["change", key, from, to] = words else { return None };
    let value = |word: &str| (word != "-").then(|| word.to_owned());
    Some(Change { key: (*key).to_owned(), from: value(from), to: value(to) })
}
