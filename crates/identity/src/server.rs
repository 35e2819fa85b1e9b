//! The sign-in service on TCP.
//!
//! A session is on the disk before its token leaves the host, so a client never holds a token that a power
//! cut undid. The tokens are draws of the run, keyed by the time of the boot: a reboot does not hand out
//! yesterday's tokens again. On real sockets they start from 64 random bits of the operating system, which is
//! fine for trying things out, not for keeping secrets.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use rt::task::Instead;
use serde::Deserialize;
use tokio::io::BufReader;

use crate::account::{Account, Accounts, Attempts, Credentials, Denial};
use crate::event::Event;
use crate::push;
use crate::session::{Refusal, Session, Sessions};
use crate::wire::{self, Answer, Identity, Request};

/// The file of sessions on the host's disk.
pub const SESSIONS_FILE: &str = "sessions";

/// Configuration of the sign-in service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who may sign in.
    pub accounts: Vec<Account>,
    /// Limit of failures in a row.
    #[serde(default)]
    pub attempts: Attempts,
    /// How long a session holds, seconds.
    #[serde(default = "session_s")]
    pub session_s: u64,
    /// A connection silent for so long is closed, seconds.
    #[serde(default = "idle_s")]
    pub idle_s: u64,
    /// More connections at once than this are closed unheard.
    #[serde(default = "connections_max")]
    pub connections_max: usize,
}

impl Config {
    /// A service with the usual limits.
    pub fn new(listen: SocketAddr, accounts: Vec<Account>) -> Self {
        Self {
            listen,
            accounts,
            attempts: Attempts::default(),
            session_s: session_s(),
            idle_s: idle_s(),
            connections_max: connections_max(),
        }
    }
}

fn session_s() -> u64 {
    12 * 3600
}

fn idle_s() -> u64 {
    30
}

fn connections_max() -> usize {
    1024
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound or the file of sessions cannot be read or rewritten.
pub async fn run(config: Config) -> io::Result<()> {
    serve(TcpListener::bind(config.listen).await?, config).await
}

/// As [`run`], on a listener that is bound already; `config.listen` is ignored.
///
/// # Errors
/// When the file of sessions cannot be read or rewritten.
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    let service = Rc::new(Service::open(config).await?);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // A peer that gave up, or no descriptor left: neither is a reason to stop serving the others.
            rt::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // Each connection's task holds one count, `service` here the last.
        if Rc::strong_count(&service) <= service.config.connections_max {
            rt::task::spawn("identity/connection", converse(Rc::clone(&service), stream));
        }
    }
}

async fn converse(service: Rc<Service>, stream: TcpStream) {
    let idle = Duration::from_secs(service.config.idle_s);
    let mut stream = BufReader::new(stream);
    // Silence, rubbish and a broken connection end it alike: the client sees it closed.
    while let Ok(Ok(Some(request))) = rt::time::timeout(idle, wire::read(&mut stream)).await {
        let answer = match rt::task::instead().await {
            None | Some(Instead::Stale) => service.answer(request).await,
            Some(Instead::Silence) => continue,
            Some(Instead::Deny) => Answer::Denied { reason: Denial::Credentials },
            Some(Instead::Fail | Instead::Lie) => Answer::Error { text: "out of order".to_owned() },
        };
        if wire::write(&mut stream, &answer).await.is_err() {
            return;
        }
    }
}

struct Service {
    config: Config,
    state: RefCell<State>,
}

/// Never borrowed across an await.
struct State {
    accounts: Accounts,
    sessions: Sessions,
    tokens: rt::rand::Stream,
}

impl Service {
    async fn open(config: Config) -> io::Result<Self> {
        let now = rt::time::unix_now();
        let sessions = Sessions::load(SESSIONS_FILE, now).await?;
        let state = State {
            accounts: Accounts::new(config.accounts.clone(), config.attempts),
            sessions,
            tokens: rt::rand::stream(&format!("identity/tokens@{}", now.as_nanos())),
        };
        Ok(Self { config, state: RefCell::new(state) })
    }

    async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::SignIn(typed) => self.sign_in(typed).await,
            Request::Verify { token } => self.verify(&token),
        }
    }

    async fn sign_in(&self, typed: Credentials) -> Answer {
        let now = rt::time::unix_now();
        let judged = self.state.borrow_mut().accounts.sign_in(&typed, now).map(|account| account.push);
        let judged = match judged {
            Ok(Some(push)) if !push::approved(push, &typed.account).await => Err(Denial::Push),
            judged => judged,
        };
        if let Err(reason) = judged {
            rt::emit(&Event::Denied { account: typed.account, reason });
            return Answer::Denied { reason };
        }
        let session = self.draw_session(typed.account, now);
        if let Err(error) = session.persist(SESSIONS_FILE).await {
            rt::emit(&Event::StorageFailed { error: error.to_string() });
            return Answer::Error { text: format!("cannot store the session: {error}") };
        }
        self.state.borrow_mut().sessions.insert(session.clone());
        rt::emit(&Event::SignedIn { account: session.account.clone() });
        Answer::SignedIn(session)
    }

    fn draw_session(&self, account: String, now: Duration) -> Session {
        let tokens = &mut self.state.borrow_mut().tokens;
        let token = format!("{:016x}{:016x}", tokens.next_u64(), tokens.next_u64());
        Session { token, account, expires_unix_s: now.as_secs().saturating_add(self.config.session_s) }
    }

    fn verify(&self, token: &str) -> Answer {
        match self.state.borrow().identity(token, rt::time::unix_now()) {
            Ok(identity) => Answer::Verified(identity),
            Err(reason) => {
                rt::emit(&Event::TokenRefused { reason });
                Answer::Refused { reason }
            }
        }
    }
}

impl State {
    fn identity(&self, token: &str, now: Duration) -> Result<Identity, Refusal> {
        let session = self.sessions.verify(token, now)?;
        let account = self.accounts.get(&session.account).ok_or(Refusal::NoAccount)?;
        Ok(Identity {
            account: account.account.clone(),
            groups: account.groups.clone(),
            expires_unix_s: session.expires_unix_s,
        })
    }
}
