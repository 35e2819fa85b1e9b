//! What a person does at a door, and the badge reader as a service.
//!
//! The functions take the address of a reader or, where readers are not simulated, of the controller itself:
//! both speak the same protocol.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use serde::Deserialize;
use tokio::io::BufReader;

use crate::directory::DenyReason;
use crate::serve::{self, Limits, Respond};
use crate::wire::{self, AtDoor, DoorAnswer, Verdict};

/// How long somebody waits in front of a dark reader.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Holds a badge to the reader of a door.
///
/// # Errors
/// When reader or controller are dead, cut off, or silent for [`PATIENCE`]. The door is shut then, whatever
/// its fail mode: nobody draws the bolt.
pub async fn tap(at: SocketAddr, door: &str, badge: &str) -> io::Result<Verdict> {
    match report(at, AtDoor::Tap { door: door.to_owned(), badge: badge.to_owned() }).await? {
        DoorAnswer::Verdict(verdict) => Ok(verdict),
        DoorAnswer::Noted => Err(io::Error::new(io::ErrorKind::InvalidData, "no verdict to a tap")),
    }
}

/// Opens a door with its mechanical key: the contact tells the controller.
///
/// # Errors
/// When nobody could be told. The door is open all the same; only the record is missing.
pub async fn open_with_key(at: SocketAddr, door: &str) -> io::Result<()> {
    report(at, AtDoor::Contact { door: door.to_owned() }).await.map(drop)
}

/// Leaves through a door by the handle inside.
///
/// # Errors
/// When nobody could be told. The door is open all the same: the way out is always free.
pub async fn leave(at: SocketAddr, door: &str) -> io::Result<()> {
    report(at, AtDoor::Exit { door: door.to_owned() }).await.map(drop)
}

/// Leaves through a door and holds a badge to the reader inside, so that the badge counts as out.
///
/// # Errors
/// When nobody could be told. The door is open all the same: the way out is always free.
pub async fn leave_with_badge(at: SocketAddr, door: &str, badge: &str) -> io::Result<()> {
    report(at, AtDoor::Leave { door: door.to_owned(), badge: badge.to_owned() }).await.map(drop)
}

async fn report(at: SocketAddr, what: AtDoor) -> io::Result<DoorAnswer> {
    rt::time::timeout(PATIENCE, relay(at, &what)).await?
}

async fn relay(at: SocketAddr, what: &AtDoor) -> io::Result<DoorAnswer> {
    wire::exchange(&mut BufReader::new(TcpStream::connect(at).await?), what).await
}

/// Configuration of a reader.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where people find it; on the reader's own host a loopback address.
    pub listen: SocketAddr,
    /// The controller that it is wired to.
    pub controller: SocketAddr,
    /// The door that it hangs beside.
    pub door: String,
    /// What people are granted.
    #[serde(default)]
    pub limits: Limits,
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    serve(TcpListener::bind(config.listen).await?, config).await
}

/// As [`run`], on a listener that is bound already; `config.listen` is ignored.
///
/// # Errors
/// None so far.
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    serve::serve("badge/reader", listener, config.limits, Rc::new(Reader { config })).await;
    Ok(())
}

struct Reader {
    config: Config,
}

impl Respond for Reader {
    type Request = AtDoor;
    type Answer = DoorAnswer;

    async fn respond(&self, _: SocketAddr, what: AtDoor) -> Option<DoorAnswer> {
        let is_tap = matches!(what, AtDoor::Tap { .. });
        if door_of(&what) != self.config.door {
            return is_tap.then_some(DoorAnswer::Verdict(Verdict::Denied(DenyReason::UnknownDoor)));
        }
        let answer = report(self.config.controller, what).await.ok();
        // A reader whose controller is silent shows a red light; for the rest, hanging up says it.
        answer.or_else(|| is_tap.then_some(DoorAnswer::Verdict(Verdict::NoAnswer)))
    }
}

fn door_of(what: &AtDoor) -> &str {
    match what {
        AtDoor::Tap { door, .. }
        | AtDoor::Contact { door }
        | AtDoor::Exit { door }
        | AtDoor::Leave { door, .. } => door,
    }
}
