//! The router's management plane on `rt`: two listeners, the clock that waiting changes wait for, the disk that
//! keeps the saved configuration, and the ports.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use blackstart_bgp::control;
use blackstart_identity::account::{Credentials, Denial};
use blackstart_identity::local;
use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use rt::task::Instead;
use serde::Deserialize;
use tokio::sync::Notify;

use super::command::Command;
use super::core::{Answer, Core, Effect, Port, Session, View, parse_settings, setting_lines};
use super::tools;
use crate::configuration::{Settings, Which};
use crate::event::{Door, Event, Refusal};
use crate::lines::Lines;
use crate::sign_in::{self, SignIn};

/// The file of the saved configuration on the router's disk.
pub const SAVED_FILE: &str = "saved.conf";

/// How often a routing that is not there yet is told, and the time between.
const ROUTING_TRIES: u32 = 10;
const ROUTING_PAUSE: Duration = Duration::from_secs(1);

const SAVED_FILE_NEW: &str = "saved.conf.new";

/// A wait never spins on a clock that runs behind the timer's.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// Configuration of a router's management plane.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen for the network (port 22 by custom; it stands for SSH).
    pub in_band: Option<SocketAddr>,
    /// Where to listen for the serial console (port 23 by custom).
    pub console: Option<SocketAddr>,
    /// Who judges the sessions shown in-band. Without it nobody logs in over the network.
    pub sign_in: Option<sign_in::Config>,
    /// Groups of which an account needs one to log in over the network; empty lets every account in.
    pub groups: Vec<String>,
    /// The accounts of the console.
    pub local: local::Config,
    /// A conversation silent for so long is closed, seconds; long, because people read and confer.
    pub idle_s: u64,
    /// More conversations at once than this are closed unheard, as on real routers.
    pub sessions_max: usize,
    /// Port of the control socket of the router's own BGP speaker, for what is originated.
    pub routing: Option<u16>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            in_band: None,
            console: None,
            sign_in: None,
            groups: Vec::new(),
            local: local::Config::default(),
            idle_s: 3600,
            sessions_max: 16,
            routing: None,
        }
    }
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    Router::bind(config).await?.run().await;
    Ok(())
}

/// A router whose sockets listen.
pub struct Router {
    in_band: Option<TcpListener>,
    console: Option<TcpListener>,
    shared: Rc<Shared>,
}

/// What all conversations share. The cells are never borrowed across an await.
struct Shared {
    config: Config,
    sign_in: Option<SignIn>,
    local: RefCell<local::Accounts>,
    core: RefCell<Core>,
    rescheduled: Notify,
}

impl Router {
    /// Applies the saved configuration and listens.
    ///
    /// # Errors
    /// As for [`run`].
    pub async fn bind(config: Config) -> io::Result<Self> {
        let shared = Rc::new(Shared::boot(config).await);
        let in_band = listen(shared.config.in_band).await?;
        let console = listen(shared.config.console).await?;
        Ok(Self { in_band, console, shared })
    }

    /// Where the network's door listens, with the port that was picked.
    pub fn in_band_addr(&self) -> Option<SocketAddr> {
        self.in_band.as_ref()?.local_addr().ok()
    }

    /// Where the console listens, with the port that was picked.
    pub fn console_addr(&self) -> Option<SocketAddr> {
        self.console.as_ref()?.local_addr().ok()
    }

    /// Serves until the host or the task dies.
    pub async fn run(self) {
        rt::select! {
            () = make_due(&self.shared) => {}
            () = accept(&self.shared, self.console.as_ref(), Door::Console) => {}
            () = accept(&self.shared, self.in_band.as_ref(), Door::InBand) => {}
        }
    }
}

async fn listen(address: Option<SocketAddr>) -> io::Result<Option<TcpListener>> {
    match address {
        Some(address) => TcpListener::bind(address).await.map(Some),
        None => Ok(None),
    }
}

async fn accept(shared: &Rc<Shared>, listener: Option<&TcpListener>, door: Door) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) if shared.has_room() => {
                rt::task::spawn("router/session", converse(shared.clone(), stream, door));
            }
            Ok(_) => {}
            // A peer that gave up is no reason to stop serving the others.
            Err(_) => rt::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Waits for the time of each waiting change, on the router's own clock, and makes it.
async fn make_due(shared: &Shared) {
    loop {
        let next_due = shared.core.borrow().next_due();
        match next_due {
            None => shared.rescheduled.notified().await,
            Some(at) => {
                let wait = at.saturating_sub(rt::time::unix_now()).max(WAIT_MIN);
                rt::select! {
                    () = rt::time::sleep(wait) => shared.make_all_due().await,
                    () = shared.rescheduled.notified() => {}
                }
            }
        }
    }
}

async fn converse(shared: Rc<Shared>, stream: TcpStream, door: Door) {
    let idle = Duration::from_secs(shared.config.idle_s);
    let mut session = Session::new(door);
    let mut lines = Lines::new(stream);
    let greeting = format!("router {} {door}\n", rt::host_name());
    if lines.send(&greeting).await.is_err() {
        return;
    }
    // Silence, rubbish and a broken connection end it alike: the client sees it closed.
    while let Ok(Ok(Some(line))) = rt::time::timeout(idle, lines.next()).await {
        let answer = shared.answer(&mut session, &line).await;
        let closing = answer.effects.contains(&Effect::Close);
        if lines.send(&answer.text()).await.is_err() || closing {
            return;
        }
    }
}

impl Shared {
    async fn boot(config: Config) -> Self {
        let saved = saved().await;
        let core = Core::boot(&ports(), &saved.clone().unwrap_or_default());
        let sign_in = config.sign_in.clone().map(SignIn::new);
        let shared = Self {
            sign_in,
            local: RefCell::new(local::Accounts::new(config.local.clone())),
            core: RefCell::new(core),
            rescheduled: Notify::new(),
            config,
        };
        let mut effects = shared.core.borrow().settle(&ports());
        if saved.is_none() {
            // Delivered as it stands: later boots return to this, whatever was changed meanwhile without saving.
            let delivered = shared.core.borrow().configuration().get(Which::Saved).clone();
            effects.push(Effect::Persist(delivered));
        }
        // What went wrong is on record; a router that is up is better than one that is not.
        let _ = shared.carry_out(&effects).await;
        shared
    }

    /// Each conversation holds one count, the router itself one.
    fn has_room(self: &Rc<Self>) -> bool {
        Rc::strong_count(self) <= self.config.sessions_max
    }

    async fn answer(&self, session: &mut Session, line: &str) -> Answer {
        match Command::parse(line) {
            Err(refusal) => Answer::refusal(refusal),
            Ok(Command::Login { account, secret, code }) => {
                let judged = self.judge_local(session.door(), &account, secret, code);
                logged_in(session, account, judged)
            }
            Ok(Command::Token(token)) => {
                let judged = self.judge_token(session.door(), &token).await;
                logged_in(session, String::new(), judged)
            }
            Ok(Command::Ping(to)) if session.is_logged_in() => Answer::saying(tools::ping(to).await),
            Ok(Command::Traceroute(to)) if session.is_logged_in() => {
                Answer::saying(tools::traceroute(to).await)
            }
            Ok(command) => self.execute(session, command).await,
        }
    }

    async fn execute(&self, session: &mut Session, command: Command) -> Answer {
        match (rt::task::instead().await, &command) {
            (Some(Instead::Fail | Instead::Deny), _) => return Answer::refusal(Refusal::NotAllowed),
            // Says that it is done; the disk and the last good configuration stay as they are.
            (Some(Instead::Lie), Command::Save { .. }) => return Answer::default(),
            // Its last good configuration is from before these ports: going back to it changes none of them.
            (Some(Instead::Stale), Command::Rollback { to: Which::LastGood, .. }) => {
                return Answer::default();
            }
            (Some(Instead::Silence), _) => std::future::pending().await,
            _ => {}
        }
        let answer = with_view(|view| self.core.borrow_mut().execute(session, command, view));
        match self.carry_out(&answer.effects).await {
            Ok(()) => answer,
            Err(refused) => Answer { refused: Some(refused), ..answer },
        }
    }

    fn judge_local(
        &self,
        door: Door,
        account: &str,
        secret: String,
        code: String,
    ) -> Result<String, Refusal> {
        if door != Door::Console {
            return Err(Refusal::WrongDoor);
        }
        let typed = Credentials { account: account.to_owned(), password: secret, code };
        let mut accounts = self.local.borrow_mut();
        let judged = accounts.check(&typed, rt::time::unix_now());
        judged.map(|account| account.account.clone()).map_err(|denial| match denial {
            Denial::Credentials => Refusal::BadCredentials,
            // No console pushes anything.
            Denial::Code | Denial::Push => Refusal::BadCode,
            Denial::LockedOut => Refusal::LockedOut,
        })
    }

    async fn judge_token(&self, door: Door, token: &str) -> Result<String, Refusal> {
        if door != Door::InBand {
            return Err(Refusal::WrongDoor);
        }
        let sign_in = self.sign_in.as_ref().ok_or(Refusal::SignInUnreachable)?;
        let identity = sign_in.verify(token).await?;
        let allowed = &self.config.groups;
        if allowed.is_empty() || identity.groups.iter().any(|group| allowed.contains(group)) {
            Ok(identity.account)
        } else {
            Err(Refusal::NotAllowed)
        }
    }

    async fn make_all_due(&self) {
        while let Some(effects) = with_view(|view| self.core.borrow_mut().make_due(view)) {
            // Nobody waits for an answer; what went wrong is on record.
            let _ = self.carry_out(&effects).await;
        }
    }

    /// Answers whether disk and routing did their part.
    async fn carry_out(&self, effects: &[Effect]) -> Result<(), Refusal> {
        let mut done = Ok(());
        for effect in effects {
            match effect {
                Effect::Record(event) => rt::emit(event),
                Effect::SetPort { name, up } => set_port(name, *up),
                Effect::Originate { prefix, on } => {
                    done = done.and(originate(self.config.routing, prefix, *on).await);
                }
                Effect::Persist(settings) => {
                    done = done.and(persist(settings).await.then_some(()).ok_or(Refusal::Disk));
                }
                Effect::Reschedule => self.rescheduled.notify_one(),
                Effect::Close => {}
            }
        }
        done
    }
}

fn logged_in(session: &mut Session, account: String, judged: Result<String, Refusal>) -> Answer {
    let door = session.door();
    match judged {
        Ok(account) => {
            session.log_in(&account);
            rt::emit(&Event::LoginOk { account, door });
            Answer::default()
        }
        Err(reason) => {
            rt::emit(&Event::LoginRefused { account, door, reason });
            Answer::refusal(reason)
        }
    }
}

fn with_view<T>(with: impl FnOnce(&View<'_>) -> T) -> T {
    let ports = ports();
    with(&View { now: rt::time::unix_now(), ports: &ports, route: &route })
}

fn ports() -> Vec<Port> {
    let port = |interface: rt::link::Interface| Port {
        name: interface.name,
        neighbour: interface.neighbour,
        admin_up: interface.admin_up,
        carrier: interface.carrier,
    };
    rt::link::interfaces().into_iter().map(port).collect()
}

fn route(address: IpAddr) -> Option<String> {
    let found = rt::fib::lookup(address)?;
    Some(format!("via {} {:?} metric {}", found.prefix, found.protocol, found.metric))
}

fn set_port(name: &str, up: bool) {
    if let Err(error) = rt::link::set_admin_up(name, up) {
        rt::emit(&Event::PortFailed { port: name.to_owned(), error: error.to_string() });
    }
}

/// Tells the routing. It may still be starting.
async fn originate(routing: Option<u16>, prefix: &str, on: bool) -> Result<(), Refusal> {
    let mut told = tell_routing(routing, prefix, on).await;
    for _ in 1..ROUTING_TRIES {
        if !told.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            break;
        }
        rt::time::sleep(ROUTING_PAUSE).await;
        told = tell_routing(routing, prefix, on).await;
    }
    told.map_err(|error| {
        rt::emit(&Event::OriginateFailed { prefix: prefix.to_owned(), error: error.to_string() });
        Refusal::Routing
    })
}

async fn tell_routing(routing: Option<u16>, prefix: &str, on: bool) -> io::Result<()> {
    let unable = |error: &str| io::Error::new(io::ErrorKind::Unsupported, error.to_owned());
    let port = routing.ok_or_else(|| unable("this router does not tell its routing"))?;
    let prefix = prefix.parse().map_err(|_| unable("no prefix"))?;
    let speaker = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    match on {
        true => control::announce(speaker, prefix).await,
        false => control::withdraw(speaker, prefix).await,
    }
}

/// `None` on a router's first boot. One whose saved configuration is unreadable boots with its ports as they are.
async fn saved() -> Option<Settings> {
    let failed = |error: String| {
        rt::emit(&Event::DiskFailed { error });
        Some(Settings::new())
    };
    match rt::disk::read(SAVED_FILE).await {
        Ok(bytes) => {
            let settings = std::str::from_utf8(&bytes).ok().and_then(parse_settings);
            settings.or_else(|| failed(format!("{SAVED_FILE} is damaged")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => failed(error.to_string()),
    }
}

async fn persist(settings: &Settings) -> bool {
    let written = write_saved(setting_lines(settings).as_bytes()).await;
    if let Err(error) = &written {
        rt::emit(&Event::DiskFailed { error: error.to_string() });
    }
    written.is_ok()
}

/// Under another name first: a power cut leaves the old file or the new one, never half of it.
async fn write_saved(bytes: &[u8]) -> io::Result<()> {
    rt::disk::write(SAVED_FILE_NEW, bytes).await?;
    rt::disk::fsync(SAVED_FILE_NEW).await?;
    rt::disk::rename(SAVED_FILE_NEW, SAVED_FILE).await
}
