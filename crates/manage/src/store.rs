//! The configuration store: pushes changes to routers in stages, the first of them a canary, unless a freeze forbids it.
//!
//! A push commits for now at the routers of one stage, waits, and looks whether everything it watches answers its own machine. When
//! something does not, it goes no further and confirms nothing: each router takes back by itself what nobody confirmed, the store
//! cut off or not. After the last stage it confirms all of them.
//!
//! Whoever comes says one line, `push SESSION CHANGE`, `freeze SESSION` or `lift SESSION`; the sign-in service says who that is.
//! The answer is `ok`, or `error` and why. A freeze is lifted only by whoever ordered it, and its refusals name them.
//!
//! Absent: reviews of changes, several freezes at once, health that is more than an answer.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};

use crate::client::{self, Cli};
use crate::configuration::Settings;
use crate::event::{Event, Push};
use crate::lines::Lines;
use crate::sign_in::{self, Account, SignIn};

/// Whoever connects and says nothing for so long is dropped.
const SILENCE: Duration = Duration::from_secs(60);
/// How long the store waits for a router, and for an answer of what it watches.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much longer than its push a router waits for the confirmation.
const MARGIN: Duration = Duration::from_secs(120);

/// Configuration of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who vouches for those who come, and for the store at the routers.
    pub sign_in: sign_in::Config,
    /// As whom it logs in on routers.
    pub account: Account,
    /// What can be pushed.
    pub changes: Vec<Change>,
    /// What must answer when a stage has held.
    pub watch: Vec<SocketAddr>,
    /// How long a stage holds before it is judged.
    pub hold: Duration,
    /// The account that holds a freeze from the start.
    pub frozen_by: Option<String>,
}

/// A change that can be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// Routers that take it together, stage by stage; the first is the canary.
    pub stages: Vec<Vec<Target>>,
    /// When the store pushes it by itself, since 1970 on its own clock.
    pub at: Option<Duration>,
}

/// What a change sets on one router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The router.
    pub name: String,
    /// Its command line in band.
    pub address: SocketAddr,
    /// What is set.
    pub settings: Settings,
}

/// Whether changes may be pushed, and who says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Freeze {
    by: Option<String>,
}

impl Freeze {
    fn pass(&self) -> Result<(), String> {
        self.by.as_ref().map_or(Ok(()), |holder| Err(format!("frozen by {holder}")))
    }

    fn order(&mut self, who: &str) -> Result<(), String> {
        self.pass()?;
        self.by = Some(who.to_owned());
        Ok(())
    }

    fn lift(&mut self, who: &str) -> Result<(), String> {
        match self.by.as_deref() {
            None => Err("nothing is frozen".to_owned()),
            Some(holder) if holder == who => {
                self.by = None;
                Ok(())
            }
            Some(_) => self.pass(),
        }
    }
}

/// Serves, and pushes what has a time of its own, until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let listener = TcpListener::bind(config.listen).await?;
    let store = Rc::new(Store::new(config));
    for change in store.config.changes.iter().filter(|change| change.at.is_some()) {
        rt::task::spawn("store/push", store.clone().push_in_time(change.name.clone()));
    }
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(rt::task::spawn("store/order", store.clone().serve(Lines::new(stream)))),
            // A caller who gave up is no reason to stop serving the others.
            Err(_) => rt::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

struct Store {
    sign_in: SignIn,
    freeze: RefCell<Freeze>,
    is_pushing: Cell<bool>,
    config: Config,
}

impl Store {
    fn new(config: Config) -> Self {
        let freeze = RefCell::new(Freeze { by: config.frozen_by.clone() });
        Self { sign_in: SignIn::new(config.sign_in.clone()), freeze, is_pushing: Cell::new(false), config }
    }

    async fn push_in_time(self: Rc<Self>, change: String) {
        let at = self.config.changes.iter().find(|it| it.name == change).and_then(|it| it.at);
        let now = rt::time::unix_now();
        if let Some(wait) = at.and_then(|at| at.checked_sub(now)) {
            rt::time::sleep(wait).await;
            // Nobody waits for the answer; what came of it is on record.
            let _answer = self.push(&self.config.account.account, &change).await;
        }
    }

    async fn serve(self: Rc<Self>, mut caller: Lines<TcpStream>) {
        let Ok(Ok(Some(line))) = rt::time::timeout(SILENCE, caller.next()).await else { return };
        let answer = match self.obey(&line).await {
            Ok(()) => "ok\n".to_owned(),
            Err(why) => format!("error {why}\n"),
        };
        // Whoever has gone does not hear it.
        let _heard = caller.send(&answer).await;
    }

    async fn obey(&self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [order, session, rest @ ..] = words.as_slice() else { return Err("no such order".to_owned()) };
        let who = self.sign_in.verify(session).await.map_err(|refusal| refusal.to_string())?.account;
        match (*order, rest) {
            ("push", [change]) => self.push(&who, change).await,
            ("freeze", []) => {
                self.freeze.borrow_mut().order(&who)?;
                record(Push::Frozen { who });
                Ok(())
            }
            ("lift", []) => {
                self.freeze.borrow_mut().lift(&who)?;
                record(Push::Lifted { who });
                Ok(())
            }
            _ => Err("no such order".to_owned()),
        }
    }

    /// Pushes a change; one at a time.
    async fn push(&self, who: &str, name: &str) -> Result<(), String> {
        let refused = |why: String| {
            record(Push::Refused { who: who.to_owned(), change: name.to_owned(), why: why.clone() });
            Err(why)
        };
        let Some(change) = self.config.changes.iter().find(|change| change.name == name) else {
            return refused("no such change".to_owned());
        };
        if let Err(frozen) = self.freeze.borrow().pass() {
            return refused(frozen);
        }
        if self.is_pushing.replace(true) {
            return refused("another push is under way".to_owned());
        }
        let done = self.stages(change).await;
        self.is_pushing.set(false);
        match &done {
            Ok(()) => record(Push::Done { change: name.to_owned() }),
            Err(why) => record(Push::Stopped { change: name.to_owned(), why: why.clone() }),
        }
        done
    }

    async fn stages(&self, change: &Change) -> Result<(), String> {
        self.watched().await?;
        for (number, stage) in change.stages.iter().enumerate() {
            let left = u32::try_from(change.stages.len() - number).unwrap_or(u32::MAX);
            let within = self.config.hold.saturating_mul(left) + MARGIN;
            for target in stage {
                self.commit(target, within).await.map_err(|error| format!("{}: {error}", target.name))?;
            }
            let routers = stage.iter().map(|target| target.name.clone()).collect();
            let stage = u32::try_from(number + 1).unwrap_or(u32::MAX);
            record(Push::Staged { change: change.name.clone(), stage, routers });
            rt::time::sleep(self.config.hold).await;
            self.watched().await.map_err(|silent| format!("after stage {stage} {silent}"))?;
        }
        for target in change.stages.iter().flatten() {
            self.confirm(target).await.map_err(|error| format!("{}: {error}", target.name))?;
        }
        Ok(())
    }

    /// Everything that is watched answers.
    async fn watched(&self) -> Result<(), String> {
        for at in &self.config.watch {
            let answer = rt::time::timeout(PATIENCE, TcpStream::connect(*at)).await;
            if !answer.is_ok_and(|connected| connected.is_ok()) {
                return Err(format!("{at} does not answer"));
            }
        }
        Ok(())
    }

    async fn commit(&self, target: &Target, within: Duration) -> Result<(), client::Error> {
        let mut cli = self.log_in(target).await?;
        cli.stage_settings(&target.settings).await?;
        match cli.commit_for_now(&self.config.account.account, within.as_secs()).await {
            // A change that cuts the way to the router cuts the answer too. What is watched says how it went.
            Err(client::Error::Timeout | client::Error::Connect(_)) | Ok(()) => Ok(()),
            Err(refused) => Err(refused),
        }
    }

    async fn confirm(&self, target: &Target) -> Result<(), client::Error> {
        self.log_in(target).await?.confirm(&self.config.account.account).await
    }

    async fn log_in(&self, target: &Target) -> Result<Cli, client::Error> {
        let session = self.sign_in.sign_in(&self.config.account).await;
        let session = session.map_err(|error| client::Error::Protocol(error.to_string()))?;
        let mut cli = Cli::connect(target.address, PATIENCE).await?;
        cli.login_token(&session.token).await?;
        Ok(cli)
    }
}

fn record(step: Push) {
    rt::emit(&Event::ConfigurationPush(step));
}

/// Why the store did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store could not be reached, or the connection broke.
    #[error("no connection to the configuration store: {0}")]
    Connect(#[from] io::Error),
    /// It did not answer in time.
    #[error("the configuration store did not answer in time")]
    Timeout,
    /// It said no, or what it did went wrong.
    #[error("the configuration store says: {0}")]
    Refused(String),
}

/// What people tell the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Push this change.
    Push(String),
    /// Push nothing from now on.
    Freeze,
    /// Push again.
    Lift,
}

/// Tells the store at `address` something, as whoever has the session.
///
/// # Errors
/// See [`Error`].
pub async fn tell(
    address: SocketAddr,
    session: &str,
    order: &Order,
    patience: Duration,
) -> Result<(), Error> {
    let line = match order {
        Order::Push(change) => format!("push {session} {change}\n"),
        Order::Freeze => format!("freeze {session}\n"),
        Order::Lift => format!("lift {session}\n"),
    };
    let told = async {
        let mut lines = Lines::new(TcpStream::connect(address).await?);
        lines.send(&line).await?;
        match lines.next().await?.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))? {
            answer if answer == "ok" => Ok(()),
            answer => Err(Error::Refused(answer.trim_start_matches("error ").to_owned())),
        }
    };
    rt::time::timeout(patience, told).await.unwrap_or(Err(Error::Timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_is_lifted_by_its_holder_and_by_nobody_else() {
        let mut freeze = Freeze::default();
        assert_eq!(freeze.pass(), Ok(()));
        assert_eq!(freeze.lift("ada"), Err("nothing is frozen".to_owned()));
        assert_eq!(freeze.order("ada"), Ok(()));
        let held = Err("frozen by ada".to_owned());
        assert_eq!(
            (freeze.pass(), freeze.order("ben"), freeze.lift("ben")),
            (held.clone(), held.clone(), held)
        );
        assert_eq!(freeze.lift("ada"), Ok(()));
        assert_eq!(freeze, Freeze::default());
    }
}
