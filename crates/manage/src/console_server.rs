//! A console server: passes bytes between the network and the serial cables of the routers beside it.
//!
//! A caller says `connect ROUTER` or `connect ROUTER SESSION`; the answer is `ok` and from then on the router's own console
//! speaks, or `error REASON`. A server that has a certificate shows it first: `certificate FROM UNTIL`; a caller who does not believe it
//! by the own clock goes. Where a sign-in service must vouch for callers, a console server is only as reachable as that.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_identity::certificate::Certificate;
use blackstart_rt as rt;
use rt::Map;
use rt::net::{TcpListener, TcpStream};
use serde::Deserialize;
use tokio::io::{AsyncWriteExt, copy_bidirectional};

use crate::client::{Cli, Error, answer};
use crate::event::Refusal;
use crate::lines::Lines;
use crate::sign_in::{self, SignIn};

/// A caller who says nothing for so long is dropped.
const GREETING_PATIENCE: Duration = Duration::from_secs(60);
/// A cable answers at once or not at all.
const CABLE_PATIENCE: Duration = Duration::from_secs(10);

/// Configuration of a console server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Router -> its console at the other end of the cable.
    pub consoles: Map<String, SocketAddr>,
    /// Who must vouch for callers; without it the routers' own accounts are enough.
    #[serde(default)]
    pub sign_in: Option<sign_in::Config>,
    /// What it shows to callers.
    #[serde(default)]
    pub certificate: Option<Certificate>,
}

struct Server {
    consoles: Map<String, SocketAddr>,
    sign_in: Option<SignIn>,
    certificate: Option<Certificate>,
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let listener = TcpListener::bind(config.listen).await?;
    let sign_in = config.sign_in.map(SignIn::new);
    let server = Rc::new(Server { consoles: config.consoles, sign_in, certificate: config.certificate });
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(rt::task::spawn("console", call(server.clone(), stream))),
            // A caller who gave up is no reason to stop serving the others.
            Err(_) => rt::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Opens the console of `router` through the server at `server`; `session` is shown where one is asked for.
///
/// # Errors
/// See [`Error`].
pub async fn open(
    server: SocketAddr,
    router: &str,
    session: Option<&str>,
    timeout: Duration,
) -> Result<Cli, Error> {
    let asked = async {
        let mut lines = Lines::new(TcpStream::connect(server).await?);
        let session = session.map(|session| format!(" {session}")).unwrap_or_default();
        lines.send(&format!("connect {router}{session}\n")).await?;
        let answer = answer(&mut lines).await?;
        match answer.strip_prefix("error ") {
            Some(word) => {
                Err(Refusal::from_word(word).map_or(Error::Protocol(answer.clone()), Error::Refused))
            }
            None => Ok(lines),
        }
    };
    let lines = rt::time::timeout(timeout, asked).await.unwrap_or(Err(Error::Timeout))?;
    Cli::greeted(lines, timeout).await
}

async fn call(server: Rc<Server>, mut stream: TcpStream) {
    if let Some(certificate) = server.certificate
        && stream.write_all(format!("{certificate}\n").as_bytes()).await.is_err()
    {
        return;
    }
    match server.admit(&mut stream).await {
        Ok(mut cable) => {
            // Either side closing or breaking ends the call; there is nobody to tell.
            let _ = copy_bidirectional(&mut stream, &mut cable).await;
        }
        Err(refusal) => {
            let _ = stream.write_all(format!("error {refusal}\n").as_bytes()).await;
        }
    }
}

impl Server {
    /// Reads what the caller wants, lets the sign-in service judge, connects the cable.
    async fn admit(&self, stream: &mut TcpStream) -> Result<TcpStream, Refusal> {
        let wanted = rt::time::timeout(GREETING_PATIENCE, read_line(stream)).await;
        let wanted = wanted.ok().flatten().ok_or(Refusal::Invalid)?;
        let words: Vec<&str> = wanted.split_whitespace().collect();
        let (router, session) = match words.as_slice() {
            ["connect", router] => (*router, ""),
            ["connect", router, session] => (*router, *session),
            _ => return Err(Refusal::UnknownCommand),
        };
        if let Some(sign_in) = &self.sign_in {
            sign_in.verify(session).await?;
        }
        let console = self.consoles.get(router).ok_or(Refusal::UnknownPort)?;
        let cable = rt::time::timeout(CABLE_PATIENCE, TcpStream::connect(*console)).await;
        let cable = cable.ok().and_then(Result::ok).ok_or(Refusal::UnknownPort)?;
        stream.write_all(b"ok\n").await.map_err(|_| Refusal::Invalid)?;
        Ok(cable)
    }
}

/// One line, byte by byte: whatever follows it is not ours.
async fn read_line(stream: &mut TcpStream) -> Option<String> {
    use tokio::io::AsyncReadExt;
    const LINE_BYTES_MAX: usize = 1024;
    let mut line = Vec::new();
    while line.len() < LINE_BYTES_MAX {
        match stream.read_u8().await.ok()? {
            b'\n' => return String::from_utf8(line).ok(),
            byte => line.push(byte),
        }
    }
    None
}
