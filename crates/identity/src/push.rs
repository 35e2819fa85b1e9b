//! A question pushed to a phone: a second factor that needs a network, or a call about an alert.
//!
//! The sign-in service asks the push service, which asks the phone, each hop real TCP. Whoever holds the phone is signing in
//! just now and says yes. When any of the three is out of reach, nobody says anything and the sign-in is denied. Alerting asks
//! in the same way, and yes means that somebody picked up.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use serde::{Deserialize, Serialize};
use tokio::io::BufReader;

use crate::wire;

/// How long the phone may take; the client who waits for the sign-in is more patient.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// A connection that says nothing for so long is closed.
const SILENCE: Duration = Duration::from_secs(30);

/// How a phone is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Push {
    /// The push service.
    pub via: SocketAddr,
    /// The phone, on whatever network it is.
    pub phone: SocketAddr,
}

/// What is asked on the way; the answer is `true`, or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ask {
    /// To the push service: ask this phone.
    Push { phone: SocketAddr, about: String },
    /// To the phone: is this you, do you have it?
    Approve { about: String },
}

/// Whether the phone said yes in time, about an account that somebody signs in with or an alert.
pub async fn approved(push: Push, about: &str) -> bool {
    let asked = Ask::Push { phone: push.phone, about: about.to_owned() };
    let answer = rt::time::timeout(PATIENCE, exchange(push.via, &asked)).await;
    matches!(answer, Ok(Ok(true)))
}

/// The push service: passes questions on to phones, until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound.
pub async fn relay(listen: SocketAddr) -> io::Result<()> {
    serve(listen, Side::Relay).await
}

/// A phone whose owner says yes, until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound.
pub async fn phone(listen: SocketAddr) -> io::Result<()> {
    serve(listen, Side::Phone).await
}

/// Who answers.
#[derive(Clone, Copy)]
enum Side {
    Relay,
    Phone,
}

async fn serve(listen: SocketAddr, side: Side) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(rt::task::spawn("push", answer(stream, side))),
            // A peer that gave up is no reason to stop serving the others.
            Err(_) => rt::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One question and its answer; without one the connection is closed.
async fn answer(stream: TcpStream, side: Side) {
    let mut stream = BufReader::new(stream);
    let Ok(Ok(Some(asked))) = rt::time::timeout(SILENCE, wire::read::<Ask>(&mut stream)).await else {
        return;
    };
    let ails = rt::task::instead().await.is_some();
    let yes = match (side, asked) {
        _ if ails => false,
        (Side::Relay, Ask::Push { phone, about }) => {
            let asked = rt::time::timeout(PATIENCE, exchange(phone, &Ask::Approve { about })).await;
            matches!(asked, Ok(Ok(true)))
        }
        (Side::Phone, Ask::Approve { .. }) => true,
        _ => false,
    };
    if yes {
        // Whoever asked may have given up.
        let _ = wire::write(&mut stream, &true).await;
    }
}

async fn exchange(at: SocketAddr, asked: &Ask) -> io::Result<bool> {
    let mut stream = BufReader::new(TcpStream::connect(at).await?);
    wire::write(&mut stream, asked).await?;
    wire::read(&mut stream).await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
