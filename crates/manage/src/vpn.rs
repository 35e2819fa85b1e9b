//! A VPN gateway: lets those into the company's network for whom the sign-in service vouches.
//!
//! A gateway that has a certificate shows it first: `certificate FROM UNTIL`, and a caller who does not believe it by the own
//! clock goes. A caller says `open SESSION`; the answer is `ok`, or `error REASON`. From then on each `ping` is answered with `pong`: a tunnel
//! stands for as long as that happens. What is done through it leaves from the gateway's own machine, as behind a gateway
//! that translates addresses: it has the gateway's address and asks the gateway's resolvers. Absent: keys, and packets inside packets.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_identity::certificate::Certificate;
use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use serde::Deserialize;

use crate::client::{Error, answer};
use crate::event::Refusal;
use crate::lines::Lines;
use crate::sign_in::{self, SignIn};

/// A caller who says nothing for so long is dropped.
const SILENCE: Duration = Duration::from_secs(60);
/// How often the caller asks whether the tunnel stands, and for how long.
const PING: Duration = Duration::from_secs(10);
const PING_PATIENCE: Duration = Duration::from_secs(20);

/// Configuration of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who must vouch for callers.
    pub sign_in: sign_in::Config,
    /// What it shows to callers.
    #[serde(default)]
    pub certificate: Option<Certificate>,
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let listener = TcpListener::bind(config.listen).await?;
    let sign_in = Rc::new(SignIn::new(config.sign_in));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(rt::task::spawn(
                "tunnel",
                serve(sign_in.clone(), config.certificate, Lines::new(stream)),
            )),
            // A caller who gave up is no reason to stop serving the others.
            Err(_) => rt::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve(sign_in: Rc<SignIn>, certificate: Option<Certificate>, mut caller: Lines<TcpStream>) {
    if let Some(certificate) = certificate
        && caller.send(&format!("{certificate}\n")).await.is_err()
    {
        return;
    }
    let answer = match admit(&sign_in, &mut caller).await {
        Ok(()) => "ok\n".to_owned(),
        Err(refusal) => format!("error {refusal}\n"),
    };
    let mut is_there = caller.send(&answer).await.is_ok() && answer == "ok\n";
    while is_there {
        let asked = rt::time::timeout(SILENCE, caller.next()).await;
        is_there =
            matches!(asked, Ok(Ok(Some(word))) if word == "ping") && caller.send("pong\n").await.is_ok();
    }
}

async fn admit(sign_in: &SignIn, caller: &mut Lines<TcpStream>) -> Result<(), Refusal> {
    let wanted = rt::time::timeout(SILENCE, caller.next()).await;
    let wanted = wanted.ok().and_then(Result::ok).flatten().ok_or(Refusal::Invalid)?;
    let session = wanted.strip_prefix("open ").ok_or(Refusal::UnknownCommand)?;
    sign_in.verify(session).await.map(drop)
}

/// The caller's end of a tunnel. It is closed when this is dropped.
#[derive(Debug)]
pub struct Tunnel {
    stands: Rc<Cell<bool>>,
    keeper: rt::task::JoinHandle<()>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Falls with whoever keeps the tunnel, a machine that goes dark included.
struct Stands(Rc<Cell<bool>>);

impl Drop for Stands {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Tunnel {
    /// Opens a tunnel to the gateway at `server`, and keeps it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn open(server: SocketAddr, session: &str, timeout: Duration) -> Result<Self, Error> {
        let asked = async {
            let mut lines = Lines::new(TcpStream::connect(server).await?);
            lines.send(&format!("open {session}\n")).await?;
            let answer = answer(&mut lines).await?;
            match answer.strip_prefix("error ").map(Refusal::from_word) {
                None if answer == "ok" => Ok(lines),
                Some(Some(refusal)) => Err(Error::Refused(refusal)),
                _ => Err(Error::Protocol(answer)),
            }
        };
        let lines = rt::time::timeout(timeout, asked).await.unwrap_or(Err(Error::Timeout))?;
        let stands = Rc::new(Cell::new(true));
        let keeper = rt::task::spawn("tunnel", keep(lines, Stands(stands.clone())));
        Ok(Self { stands, keeper })
    }

    /// Whether the gateway still answers.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.stands.get()
    }
}

/// Asks until there is no answer.
async fn keep(mut lines: Lines<TcpStream>, stands: Stands) {
    let mut answers = true;
    while answers {
        rt::time::sleep(PING).await;
        let answer = async {
            lines.send("ping\n").await?;
            lines.next().await
        };
        let answer = rt::time::timeout(PING_PATIENCE, answer).await;
        answers = matches!(answer, Ok(Ok(Some(word))) if word == "pong");
    }
    drop(stands);
}
