//! The command audit: automation asks before it runs a command that may hurt.
//!
//! One JSON object per line over TCP, a [`Request`] and its [`Judgement`]:
//!
//! ```text
//! > {"command":"assess-global-capacity","shuts":[{"router":"bb1","ports":["bb2"]}],"ports-total":40}
//! < {"allow":false,"reason":"the command shuts 40 of 40 ports, more than 250 in 1000"}
//! ```
//!
//! The rule: one command may shut at most a given share of the backbone's ports. With [`Config::buggy`] the
//! audit has a bug of a common kind: it picks its rules by what a command is *called* instead of by what it
//! does, so that an "assess" counts as reading and its ports are never looked at. That a bug of the audit let
//! the command of 4 October 2021 through is Facebook's statement; which bug is our assumption.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use rt::task::Instead;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::lines::Lines;

/// A conversation silent for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// Commands that begin so only look, says the buggy audit.
const READING_VERBS: [&str; 5] = ["assess", "check", "list", "read", "show"];

/// Configuration of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Largest share of the backbone's ports that one command may shut, in thousandths.
    #[serde(default = "shut_permille_max")]
    pub shut_permille_max: u32,
    /// Whether the audit goes by a command's name; see the module's text.
    #[serde(default)]
    pub buggy: bool,
}

fn shut_permille_max() -> u32 {
    250
}

/// A command that somebody intends to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Request {
    /// Its name, the verb first: `assess-global-capacity`.
    pub command: String,
    /// The ports that it shuts.
    pub shuts: Vec<Shut>,
    /// Ports that the backbone has.
    pub ports_total: u32,
}

/// Ports of one router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Shut {
    /// The router.
    pub router: String,
    /// Its ports.
    pub ports: Vec<String>,
}

/// What the audit says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Judgement {
    /// Whether the command may run.
    pub allow: bool,
    /// What that rests on.
    pub reason: String,
}

/// Judges one command.
pub fn judge(config: &Config, request: &Request) -> Judgement {
    if only_reads(config.buggy, request) {
        return Judgement { allow: true, reason: format!("`{}` only reads", request.command) };
    }
    let shut = ports_shut(request);
    let (total, limit) = (request.ports_total, config.shut_permille_max);
    let allow = u64::from(shut) * 1000 <= u64::from(total) * u64::from(limit);
    let compared = if allow { "at most" } else { "more than" };
    let reason = format!("the command shuts {shut} of {total} ports, {compared} {limit} in 1000");
    Judgement { allow, reason }
}

fn only_reads(buggy: bool, request: &Request) -> bool {
    let verb = request.command.split('-').next().unwrap_or_default();
    if buggy { READING_VERBS.contains(&verb) } else { ports_shut(request) == 0 }
}

/// Each port once, however often the command names it.
fn ports_shut(request: &Request) -> u32 {
    let of =
        |shut: &Shut| shut.ports.iter().map(|port| (shut.router.clone(), port.clone())).collect::<Vec<_>>();
    let ports: rt::Set<(String, String)> = request.shuts.iter().flat_map(of).collect();
    u32::try_from(ports.len()).unwrap_or(u32::MAX)
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let listener = TcpListener::bind(config.listen).await?;
    serve(listener, config).await
}

/// Serves on a socket that listens already.
///
/// # Errors
/// None at present; the signature fits [`run`].
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    let config = Rc::new(config);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                rt::task::spawn("audit/connection", converse(config.clone(), stream));
            }
            // A peer that gave up is no reason to stop serving the others.
            Err(_) => rt::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn converse(config: Rc<Config>, stream: TcpStream) {
    let mut lines = Lines::new(stream);
    while let Ok(Ok(Some(line))) = rt::time::timeout(IDLE, lines.next()).await {
        let judgement = match rt::task::instead().await {
            None | Some(Instead::Stale) => answer(&config, &line),
            Some(Instead::Deny) => {
                Judgement { allow: false, reason: "the audit refuses everything".to_owned() }
            }
            Some(Instead::Lie) => Judgement { allow: true, reason: "the audit allows everything".to_owned() },
            Some(Instead::Fail) => return,
            Some(Instead::Silence) => continue,
        };
        let Ok(answer) = serde_json::to_string(&judgement) else { return };
        if lines.send(&format!("{answer}\n")).await.is_err() {
            return;
        }
    }
}

fn answer(config: &Config, line: &str) -> Judgement {
    let request: Request = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return Judgement { allow: false, reason: format!("not understood: {error}") },
    };
    let judgement = judge(config, &request);
    rt::emit(&Event::Audited {
        ports: ports_shut(&request),
        ports_total: request.ports_total,
        command: request.command,
        allowed: judgement.allow,
        reason: judgement.reason.clone(),
    });
    judgement
}

/// Asks the audit at `address`.
///
/// # Errors
/// When it cannot be reached, breaks off, does not answer within `timeout` or answers something else.
pub async fn ask(address: SocketAddr, request: &Request, timeout: Duration) -> io::Result<Judgement> {
    let asked = async {
        let mut lines = Lines::new(TcpStream::connect(address).await?);
        lines.send(&format!("{}\n", serde_json::to_string(request)?)).await?;
        let line = lines.next().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(serde_json::from_str(&line)?)
    };
    rt::time::timeout(timeout, asked).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(command: &str, shuts: &[(&str, &[&str])], ports_total: u32) -> Request {
        let shut = |(router, ports): &(&str, &[&str])| Shut {
            router: (*router).to_owned(),
            ports: ports.iter().map(|port| (*port).to_owned()).collect(),
        };
        Request { command: command.to_owned(), shuts: shuts.iter().map(shut).collect(), ports_total }
    }

    #[test]
    fn the_rule_and_the_bug() {
        let all: &[(&str, &[&str])] = &[("bb1", &["bb2", "bb3"]), ("bb2", &["bb1", "bb3"])];
        let one: &[(&str, &[&str])] = &[("bb1", &["bb2"])];
        let twice: &[(&str, &[&str])] = &[("bb1", &["bb2", "bb2"]), ("bb1", &["bb2"])];
        // (request, allowed by a sound audit, allowed by the buggy one)
        let cases = [
            (request("assess-global-capacity", all, 4), false, true),
            (request("assess-global-capacity", &[], 4), true, true),
            (request("drain-site", all, 4), false, false),
            (request("drain-link", one, 4), true, true),
            (request("drain-link", twice, 4), true, true),
            (request("drain-link", one, 3), false, false),
            (request("assessment", all, 4), false, false),
            (request("", all, 0), false, false),
        ];
        for (request, sound, buggy) in cases {
            let listen = ([127, 0, 0, 1], 0).into();
            let judged = |buggy| judge(&Config { listen, shut_permille_max: 250, buggy }, &request).allow;
            assert_eq!((judged(false), judged(true)), (sound, buggy), "{request:?}");
        }
    }
}
