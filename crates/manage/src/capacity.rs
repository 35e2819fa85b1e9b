//! The backbone-capacity controller: automation with one order, which it repeats.
//!
//! At its hour it means to *assess* the backbone's global capacity. The command that it runs for that shuts every
//! backbone port, at both ends, at one moment by the routers' own clocks: each router has its order before the
//! network goes. It asks the audit first; only a bug there lets such a command through.
//!
//! It is a reconciling controller: the shut ports are from then on its desired state, and whenever it finds one
//! open on a router that it can reach, it orders it shut again. Somebody who repairs the backbone has to cut it
//! off first: by `hold` on its control port, by unplugging it, or by locking the routers at their consoles. That
//! a controller would repeat the order is an assumption of ours about 4 October 2021.
//!
//! Control port, one line each: `hold <who>`, `release <who>`, `status`; answered `ok held`, `ok running`, or
//! `error unknown-command`. It asks for no login, so bind it where only its operators come.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use serde::Deserialize;

use crate::audit::{self, Request, Shut};
use crate::client::{self, Cli};
use crate::event::{Capacity, Event, Refusal};
use crate::lines::Lines;
use crate::sign_in::{self, Account, SignIn};

/// The command's name, as the audit hears it.
pub const COMMAND: &str = "assess-global-capacity";

/// Configuration of the controller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The routers with their backbone ports.
    pub routers: Vec<Target>,
    /// Ports that the backbone has, for the audit; those of `routers` together unless set.
    #[serde(default)]
    pub ports_total: Option<u32>,
    /// The command audit.
    pub audit: SocketAddr,
    /// Where to sign in.
    pub sign_in: sign_in::Config,
    /// As whom.
    pub account: Account,
    /// When to assess, seconds since 1970 on the controller's own clock. A controller that starts later leaves
    /// the network alone.
    pub assess_at_unix_s: u64,
    /// How often the order is enforced again, seconds.
    #[serde(default = "reassess_every_s")]
    pub reassess_every_s: u64,
    /// Time between giving an order and its moment, seconds: enough to reach every router.
    #[serde(default = "delay_commit_s")]
    pub delay_commit_s: u64,
    /// Patience for each answer of a router or of the audit, seconds.
    #[serde(default = "timeout_s")]
    pub timeout_s: u64,
    /// Where to listen for `hold` and `release`.
    #[serde(default)]
    pub control: Option<SocketAddr>,
}

fn reassess_every_s() -> u64 {
    300
}

fn delay_commit_s() -> u64 {
    10
}

fn timeout_s() -> u64 {
    15
}

/// A router under the controller's order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Target {
    /// Its name, for the audit and the record.
    pub name: String,
    /// Its in-band command line.
    pub address: SocketAddr,
    /// Its backbone ports.
    pub ports: Vec<String>,
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When the control port cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let held = Rc::new(Cell::new(false));
    let control = match config.control {
        Some(address) => Some(TcpListener::bind(address).await?),
        None => None,
    };
    let controller = Controller { sign_in: SignIn::new(config.sign_in.clone()), config, held: held.clone() };
    rt::select! {
        () = controller.run() => {}
        () = accept(control, &held) => {}
    }
    Ok(())
}

struct Controller {
    config: Config,
    sign_in: SignIn,
    held: Rc<Cell<bool>>,
}

enum Assessed {
    NotYet,
    Ordered,
    Denied,
}

/// A router that has its change staged and waits for the moment.
struct Staged<'a> {
    target: &'a Target,
    ports: u32,
    cli: Cli,
}

impl Controller {
    async fn run(&self) {
        if !self.hour_has_come().await {
            return std::future::pending().await;
        }
        let mut assessed = Assessed::NotYet;
        loop {
            match assessed {
                _ if self.held.get() => {}
                Assessed::NotYet => assessed = self.assess().await,
                Assessed::Ordered => self.reassess().await,
                Assessed::Denied => return std::future::pending().await,
            }
            rt::time::sleep(Duration::from_secs(self.config.reassess_every_s)).await;
        }
    }

    /// Answers `false` when the hour had passed before the controller started.
    async fn hour_has_come(&self) -> bool {
        let assess_at = Duration::from_secs(self.config.assess_at_unix_s);
        let now = rt::time::unix_now();
        if assess_at < now {
            record(Capacity::Skipped);
            return false;
        }
        rt::time::sleep(assess_at - now).await;
        true
    }

    /// A sign-in or an audit that does not answer is asked again in the next period.
    async fn assess(&self) -> Assessed {
        let Some(session) = self.session().await else { return Assessed::NotYet };
        match audit::ask(self.config.audit, &self.intention(), self.timeout()).await {
            Ok(judgement) if judgement.allow => {
                let Ordered { routers, ports, at_unix_s } = self.order(&session).await;
                record(Capacity::Ordered { routers, ports, at_unix_s });
                Assessed::Ordered
            }
            Ok(judgement) => {
                record(Capacity::Denied { reason: judgement.reason });
                Assessed::Denied
            }
            Err(error) => {
                record(Capacity::AuditFailed { reason: error.to_string() });
                Assessed::NotYet
            }
        }
    }

    async fn reassess(&self) {
        let Some(session) = self.session().await else { return };
        let Ordered { routers, ports, at_unix_s } = self.order(&session).await;
        if ports > 0 {
            record(Capacity::Repeated { routers, ports, at_unix_s });
        }
    }

    fn intention(&self) -> Request {
        let shut = |target: &Target| Shut { router: target.name.clone(), ports: target.ports.clone() };
        let all_ports = self.config.routers.iter().map(|target| target.ports.len()).sum::<usize>();
        Request {
            command: COMMAND.to_owned(),
            shuts: self.config.routers.iter().map(shut).collect(),
            ports_total: self.config.ports_total.unwrap_or(u32::try_from(all_ports).unwrap_or(u32::MAX)),
        }
    }

    async fn session(&self) -> Option<String> {
        match self.sign_in.sign_in(&self.config.account).await {
            Ok(session) => Some(session.token),
            Err(error) => {
                record(Capacity::SignInFailed { reason: error.to_string() });
                None
            }
        }
    }

    /// Stages on every router first, so that the moment can be one for all and none is cut off before it has
    /// its order.
    async fn order(&self, session: &str) -> Ordered {
        let mut all_staged = Vec::new();
        for target in &self.config.routers {
            match self.stage(target, session).await {
                Ok(staged) => all_staged.extend(staged),
                Err(error) => failed(target, &error),
            }
        }
        let at_unix_s = rt::time::unix_now().as_secs() + self.config.delay_commit_s;
        let mut ordered = Ordered { routers: 0, ports: 0, at_unix_s };
        for mut staged in all_staged {
            match staged.cli.commit_at(&self.config.account.account, at_unix_s).await {
                Ok(()) => ordered.add(staged.ports),
                Err(error) => failed(staged.target, &error),
            }
        }
        ordered
    }

    /// `None` when all the router's ports are shut as they should be.
    async fn stage<'a>(
        &self,
        target: &'a Target,
        session: &str,
    ) -> Result<Option<Staged<'a>>, client::Error> {
        let mut cli = Cli::connect(target.address, self.timeout()).await?;
        cli.login_token(session).await?;
        let ports = cli.ports().await?;
        let open = ports.iter().filter(|port| port.admin_up && target.ports.contains(&port.name));
        let mut staged = 0;
        for port in open {
            cli.stage(&port.name, false).await?;
            staged += 1;
        }
        Ok((staged > 0).then_some(Staged { target, ports: staged, cli }))
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.config.timeout_s)
    }
}

struct Ordered {
    routers: u32,
    ports: u32,
    at_unix_s: u64,
}

impl Ordered {
    fn add(&mut self, ports: u32) {
        self.routers += 1;
        self.ports += ports;
    }
}

fn failed(target: &Target, error: &client::Error) {
    record(Capacity::RouterFailed { router: target.name.clone(), reason: error.to_string() });
}

fn record(step: Capacity) {
    rt::emit(&Event::CapacityCommand(step));
}

async fn accept(listener: Option<TcpListener>, held: &Rc<Cell<bool>>) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                rt::task::spawn("capacity/control", control(stream, held.clone()));
            }
            // A peer that gave up is no reason to stop serving the others.
            Err(_) => rt::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn control(stream: TcpStream, held: Rc<Cell<bool>>) {
    let idle = Duration::from_secs(600);
    let mut lines = Lines::new(stream);
    while let Ok(Ok(Some(line))) = rt::time::timeout(idle, lines.next()).await {
        if lines.send(&obey(&line, &held)).await.is_err() {
            return;
        }
    }
}

fn obey(line: &str, held: &Cell<bool>) -> String {
    let hold = |on: bool, who: &str| {
        held.set(on);
        record(Capacity::Held { on, who: who.to_owned() });
    };
    match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["hold", who] => hold(true, who),
        ["release", who] => hold(false, who),
        ["status"] => {}
        _ => return format!("error {}\n", Refusal::UnknownCommand),
    }
    format!("ok {}\n", if held.get() { "held" } else { "running" })
}

/// Tells the controller at `address` to hold (`true`) or to go on; `who` is recorded.
///
/// # Errors
/// As the client of a router.
pub async fn hold(address: SocketAddr, who: &str, on: bool, timeout: Duration) -> Result<(), client::Error> {
    let told = async {
        let mut lines = Lines::new(TcpStream::connect(address).await?);
        lines
            .send(&format!(
                "{} {}\n",
                if on { "hold" } else { "release" },
                who.replace(char::is_whitespace, "-")
            ))
            .await?;
        match lines.next().await?.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))? {
            answer if answer.starts_with("ok ") => Ok(()),
            other => Err(client::Error::Protocol(other)),
        }
    };
    rt::time::timeout(timeout, told).await.unwrap_or(Err(client::Error::Timeout))
}
