//! The door controller of a site: holds the bolts, asks the access server, decides alone when it must.
//!
//! It asks anew for each tap, name included: when the name no longer resolves, the next badge already
//! notices.

use std::cell::RefCell;
use std::future;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_dns::endpoint::{ConnectError, Endpoint};
use blackstart_dns::stub::{self, Resolver};
use blackstart_identity::certificate;
use blackstart_rt as rt;
use rt::canary::Canary;
use rt::net::{TcpListener, TcpStream};
use rt::time::Instant;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::door::{Door, Doors, Fail, Heard};
use crate::event::{By, Event, Why};
use crate::offline::{self, List, Policy, Stored};
use crate::serve::{self, Limits, Respond};
use crate::wire::{self, Answer, Ask, AtDoor, DoorAnswer, Verdict};

/// The longest line in which a server shows its certificate.
const CERTIFICATE_BYTES_MAX: u64 = 100;

/// Configuration of a door controller.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen for readers.
    pub listen: SocketAddr,
    /// The access server, `name:port` or `address:port`.
    pub server: Endpoint,
    /// Whether the server shows a certificate, which must hold by the clock here before it is asked anything.
    #[serde(default)]
    pub certificate: bool,
    /// Who resolves the server's name; not needed for an address.
    #[serde(default = "nobody")]
    pub resolver: stub::Config,
    /// How long the server may take to accept the connection, and again to answer, milliseconds. Looking its
    /// name up comes on top.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// The doors.
    pub doors: Vec<Door>,
    /// Whether to keep an offline list for a silent server.
    #[serde(default)]
    pub offline_list: Option<Policy>,
    /// What readers are granted.
    #[serde(default)]
    pub limits: Limits,
}

fn nobody() -> stub::Config {
    stub::Config::new(Vec::new())
}

impl Config {
    /// A controller with the usual limits and no offline list.
    pub fn new(listen: SocketAddr, server: Endpoint, doors: Vec<Door>) -> Self {
        Self {
            listen,
            server,
            certificate: false,
            resolver: nobody(),
            timeout_ms: timeout_ms(),
            doors,
            offline_list: None,
            limits: Limits::default(),
        }
    }
}

fn timeout_ms() -> u64 {
    3_000
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
/// None so far: a controller goes on without its disk and without its server.
pub async fn serve(listener: TcpListener, config: Config) -> io::Result<()> {
    let limits = config.limits;
    let controller = Rc::new(Controller::new(config));
    controller.recall_list().await;
    let refreshing = Rc::clone(&controller);
    rt::select! {
        () = serve::serve("badge/door", listener, limits, controller) => Ok(()),
        () = refreshing.keep_list_fresh() => Ok(()),
    }
}

struct Controller {
    config: Config,
    resolver: Resolver,
    /// Never borrowed across an await.
    doors: RefCell<Doors>,
    /// Why the server was out of reach when last asked.
    unreachable: RefCell<Option<Why>>,
}

impl Respond for Controller {
    type Request = AtDoor;
    type Answer = DoorAnswer;

    async fn respond(&self, _: SocketAddr, request: AtDoor) -> Option<DoorAnswer> {
        Some(match request {
            AtDoor::Tap { door, badge } => DoorAnswer::Verdict(self.tap(door, badge).await),
            AtDoor::Contact { door } => {
                let by = self.doors.borrow().contact(&door, Instant::now());
                noted(door, by)
            }
            AtDoor::Exit { door } => {
                let by = self.doors.borrow_mut().exit(&door, Instant::now());
                noted(door, by)
            }
            AtDoor::Leave { door, badge } => {
                let by = self.doors.borrow_mut().exit(&door, Instant::now());
                if by.is_some() {
                    self.doors.borrow_mut().left(&door, &badge, rt::time::unix_now());
                    // The door is open already. A server that does not hear of it takes the badge for inside.
                    let _ = self.ask(&Ask::Left { door: door.clone(), badge }).await;
                }
                noted(door, by)
            }
        })
    }
}

fn noted(door: String, by: Option<By>) -> DoorAnswer {
    if let Some(by) = by {
        rt::emit(&Event::DoorOpened { door, by });
    }
    DoorAnswer::Noted
}

impl Controller {
    fn new(config: Config) -> Self {
        let resolver = Resolver::with_config(config.resolver.clone());
        let mut doors = config.doors.clone();
        if rt::canary::is_planted(Canary::DoorFailsOpen) {
            doors.iter_mut().for_each(|door| door.fail = Fail::Safe);
        }
        let doors = RefCell::new(Doors::new(doors, config.offline_list));
        Self { config, resolver, doors, unreachable: RefCell::new(None) }
    }

    async fn tap(&self, door: String, badge: String) -> Verdict {
        let heard = self.hear(&door, &badge).await;
        let decision =
            self.doors.borrow_mut().tapped(&door, &badge, heard, rt::time::unix_now(), Instant::now());
        let verdict = decision.verdict;
        rt::emit(&Event::Decision { door: door.clone(), badge, verdict, path: decision.path });
        if verdict == Verdict::Opened {
            rt::emit(&Event::DoorOpened { door, by: By::Badge });
        }
        verdict
    }

    async fn hear(&self, door: &str, badge: &str) -> Heard {
        if !self.doors.borrow().has(door) {
            return Heard::Silence;
        }
        match self.ask(&Ask::Decide { door: door.to_owned(), badge: badge.to_owned() }).await {
            Some(Answer::Grant { .. }) => Heard::Grant,
            Some(Answer::Deny { reason }) => Heard::Deny(reason),
            Some(Answer::Badges(_) | Answer::Noted | Answer::Error { .. }) | None => Heard::Silence,
        }
    }

    /// The server's answer, `None` when there is none of use; either way remembers whether it is there.
    async fn ask(&self, ask: &Ask) -> Option<Answer> {
        match self.exchange(ask).await {
            Ok(answer) => {
                self.note_reachable();
                Some(answer)
            }
            Err(why) => {
                self.note_unreachable(why);
                None
            }
        }
    }

    async fn exchange(&self, ask: &Ask) -> Result<Answer, Why> {
        let patience = Duration::from_millis(self.config.timeout_ms);
        let stream = self.config.server.connect(&self.resolver, patience).await?;
        let mut stream = BufReader::new(stream);
        let asked = async {
            if self.config.certificate {
                believe(&mut stream).await?;
            }
            wire::exchange(&mut stream, ask).await.map_err(|error| Why::Connect(error.to_string()))
        };
        match rt::time::timeout(patience, asked).await.map_err(|_late| Why::Timeout)?? {
            Answer::Error { text } => Err(Why::Failed(text)),
            answer => Ok(answer),
        }
    }

    fn note_reachable(&self) {
        if self.unreachable.take().is_some() {
            rt::emit(&Event::ServerReachable);
        }
    }

    fn note_unreachable(&self, why: Why) {
        let before = self.unreachable.replace(Some(why.clone()));
        // The kind of failure counts, not its wording: one record per change, not one per tap.
        if before.as_ref().map(mem::discriminant) != Some(mem::discriminant(&why)) {
            rt::emit(&Event::ServerUnreachable { why });
        }
    }

    /// Takes the list that an earlier boot stored. A missing or spoilt one is as good as none.
    async fn recall_list(&self) {
        let Ok(bytes) = rt::disk::read(offline::FILE).await else { return };
        if let Ok(stored) = serde_json::from_slice::<Stored>(&bytes) {
            self.doors.borrow_mut().remember(List::from(stored));
        }
    }

    async fn keep_list_fresh(&self) {
        let Some(policy) = self.config.offline_list else { return future::pending().await };
        loop {
            self.refresh_list().await;
            rt::time::sleep(Duration::from_secs(policy.refresh_s.max(1))).await;
        }
    }

    async fn refresh_list(&self) {
        let doors = self.doors.borrow().names();
        let Some(Answer::Badges(badges)) = self.ask(&Ask::List { doors }).await else { return };
        let stored = Stored { fetched_unix_s: rt::time::unix_now().as_secs(), badges };
        // A full disk costs the list only at the next boot.
        let _ = store(&stored).await;
        self.doors.borrow_mut().remember(List::from(stored));
    }
}

/// Reads the certificate that a server shows first.
async fn believe(stream: &mut BufReader<TcpStream>) -> Result<(), Why> {
    let mut shown = String::new();
    let read = stream.take(CERTIFICATE_BYTES_MAX).read_line(&mut shown).await;
    read.map_err(|error| Why::Connect(error.to_string()))?;
    match certificate::is_shown(shown.trim_end(), rt::time::unix_now()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Why::Certificate("it shows no certificate".to_owned())),
        Err(invalid) => Err(Why::Certificate(invalid.to_string())),
    }
}

impl From<ConnectError> for Why {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Dns(error) => Self::Dns(error.to_string()),
            ConnectError::Connect(error) => Self::Connect(error.to_string()),
        }
    }
}

async fn store(stored: &Stored) -> io::Result<()> {
    let fresh = format!("{}.new", offline::FILE);
    rt::disk::write(&fresh, &serde_json::to_vec(stored)?).await?;
    rt::disk::fsync(&fresh).await?;
    rt::disk::rename(&fresh, offline::FILE).await
}
