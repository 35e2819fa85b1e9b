//! Messages from user to user, stored and forwarded: what somebody writes lies on this server's disk until whoever it is for has it.
//!
//! One exchange does it all, over the connection that an app keeps anyway: `POST /messages` takes an [`Exchange`] and is
//! answered by an [`Answer`]. Whatever an app did not hear the answer to, it says again; nothing is taken twice.
//! `GET /health` answers 200, for edges.

use crate::config;
use crate::event::{Event, MessageStep};
use crate::http::{self, Request, Response, response};
use blackstart_rt as rt;
use hyper::{Method, StatusCode};
use rt::{Map, Set};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;

const SERVICE: &str = "messages";
/// Where apps exchange.
pub(crate) const PATH: &str = "/messages";
/// The messages' name on the server's disk.
const FILE: &str = "messages.log";
/// Most messages that one answer hands over; the app comes back for the others.
const HANDED_MAX: usize = 20;
const TEXT_CHARS_MAX: usize = 280;

/// A server for messages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Addresses to listen on.
    #[serde(default = "config::listen")]
    pub listen: Vec<SocketAddr>,
    /// Hosts served; none means all.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// A message among all others: who wrote it, and their number for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Id {
    /// The device on which it was written.
    pub from: String,
    /// No two messages of a device have the same.
    pub number: u64,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Which one.
    pub id: Id,
    /// The device that it is for.
    pub to: String,
    /// What it says; at most 280 characters.
    pub text: String,
}

/// What an app says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The device on which it runs.
    pub device: String,
    /// What it sends.
    pub sends: Vec<Message>,
    /// What it was handed and has.
    pub has: Vec<Id>,
    /// Numbers of its own messages of which it does not know yet that they were delivered.
    pub asks: Vec<u64>,
}

/// What the server says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Numbers of what the app sends and the server has on its disk.
    pub kept: Vec<u64>,
    /// Numbers of what the app asks about and whoever it is for has.
    pub delivered: Vec<u64>,
    /// What waits for the app, oldest first.
    pub handed: Vec<Message>,
}

/// Keeps and hands over messages until the host dies.
///
/// # Errors
/// When the disk cannot be read or an address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let Config { listen, hosts } = config;
    let store = RefCell::new(Store::open().await?);
    http::serve_at(SERVICE, &listen, async move |request, _| answer(&store, &hosts, &request).await).await
}

async fn answer(store: &RefCell<Store>, hosts: &[String], request: &Request) -> Response {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => response(StatusCode::OK, "ok\n"),
        _ if !http::serves(hosts, &http::host(request)) => {
            response(StatusCode::MISDIRECTED_REQUEST, "not served here\n")
        }
        (&Method::POST, PATH) => exchange(store, request.body()).await,
        _ => response(StatusCode::NOT_FOUND, "POST /messages\n"),
    }
}

/// Nobody hears what the disk did not take.
async fn exchange(store: &RefCell<Store>, body: &[u8]) -> Response {
    let Some(exchange) = parse(body) else {
        return response(StatusCode::BAD_REQUEST, "expected messages of the device's own\n");
    };
    let news = store.borrow().news(&exchange);
    if keep(&news).await.is_err() {
        return response(StatusCode::INSUFFICIENT_STORAGE, "not kept\n");
    }
    news.into_iter().filter_map(|entry| store.borrow_mut().take(entry)).for_each(|event| rt::emit(&event));
    match serde_json::to_vec(&store.borrow().answer(&exchange)) {
        Ok(json) => response(StatusCode::OK, json),
        Err(error) => response(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn parse(body: &[u8]) -> Option<Exchange> {
    let exchange: Exchange = serde_json::from_slice(body).ok()?;
    let own = |message: &Message| {
        message.id.from == exchange.device && message.text.chars().count() <= TEXT_CHARS_MAX
    };
    exchange.sends.iter().all(own).then_some(exchange)
}

/// Puts entries on the disk, where they survive a loss of power.
async fn keep(entries: &[Entry]) -> io::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::new();
    for entry in entries {
        // The line before may be a piece of one: this must not grow out of it.
        lines.push(b'\n');
        serde_json::to_writer(&mut lines, entry)?;
    }
    rt::disk::append(FILE, &lines).await?;
    rt::disk::fsync(FILE).await
}

/// A line of the server's disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Entry {
    Kept(Message),
    Delivered { to: String, id: Id },
}

/// What the server knows, all of it from its disk.
#[derive(Debug, Default)]
struct Store {
    /// All that were ever kept.
    kept: Set<Id>,
    /// Those that wait, by the device that they are for, oldest first.
    waiting: Map<String, Vec<Message>>,
    /// Those that were delivered.
    delivered: Set<Id>,
}

impl Store {
    /// What the disk holds; a line that a power cut tore was never acknowledged.
    async fn open() -> io::Result<Self> {
        let lines = match rt::disk::read(FILE).await {
            Ok(lines) => lines,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut store = Self::default();
        for entry in lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()) {
            let _known = store.take(entry);
        }
        Ok(store)
    }

    /// What an exchange says that is not on the disk yet.
    fn news(&self, exchange: &Exchange) -> Vec<Entry> {
        let sends = exchange.sends.iter().filter(|message| !self.kept.contains(&message.id));
        let has = exchange.has.iter().filter(|id| self.waits(&exchange.device, id));
        let delivered = has.map(|id| Entry::Delivered { to: exchange.device.clone(), id: id.clone() });
        sends.cloned().map(Entry::Kept).chain(delivered).collect()
    }

    fn waits(&self, device: &str, id: &Id) -> bool {
        self.waiting.get(device).is_some_and(|waiting| waiting.iter().any(|message| message.id == *id))
    }

    /// Takes in what is on the disk; `None` when it was known before.
    fn take(&mut self, entry: Entry) -> Option<Event> {
        let (id, step, new) = match entry {
            Entry::Kept(message) => {
                let (id, new) = (message.id.clone(), self.kept.insert(message.id.clone()));
                if new {
                    self.waiting.entry(message.to.clone()).or_default().push(message);
                }
                (id, MessageStep::Kept, new)
            }
            Entry::Delivered { to, id } => {
                if let Some(waiting) = self.waiting.get_mut(&to) {
                    waiting.retain(|message| message.id != id);
                }
                let new = self.delivered.insert(id.clone());
                (id, MessageStep::HandedOver, new)
            }
        };
        new.then_some(Event::Message { from: id.from, number: id.number, step })
    }

    fn answer(&self, exchange: &Exchange) -> Answer {
        let id = |number: &u64| Id { from: exchange.device.clone(), number: *number };
        let kept = exchange.sends.iter().filter(|message| self.kept.contains(&message.id));
        let delivered = exchange.asks.iter().filter(|number| self.delivered.contains(&id(number)));
        let waiting = self.waiting.get(&exchange.device).into_iter().flatten();
        Answer {
            kept: kept.map(|message| message.id.number).collect(),
            delivered: delivered.copied().collect(),
            handed: waiting.take(HANDED_MAX).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(from: &str, number: u64, to: &str) -> Message {
        Message { id: Id { from: from.to_owned(), number }, to: to.to_owned(), text: "hello".to_owned() }
    }

    fn from(device: &str) -> Exchange {
        Exchange { device: device.to_owned(), ..Exchange::default() }
    }

    /// An exchange with a server whose disk takes everything; how many lines it took, and the answer.
    fn told(store: &mut Store, exchange: &Exchange) -> (usize, Answer) {
        let news = store.news(exchange);
        let lines = news.len();
        news.into_iter().for_each(|entry| drop(store.take(entry)));
        (lines, store.answer(exchange))
    }

    #[test]
    fn sent_and_delivered_are_learned_apart_and_nothing_is_taken_twice() {
        let mut store = Store::default();
        let sends = Exchange { sends: vec![message("ann", 1, "ben")], asks: vec![1], ..from("ann") };
        let sent = Answer { kept: vec![1], ..Answer::default() };
        assert_eq!(told(&mut store, &sends), (1, sent.clone()));
        assert_eq!(told(&mut store, &sends), (0, sent), "said again");

        // Somebody else's acknowledgement is nobody's.
        let id = message("ann", 1, "ben").id;
        let has = |device| Exchange { has: vec![id.clone()], ..from(device) };
        assert_eq!(told(&mut store, &has("eve")), (0, Answer::default()));
        let handed = Answer { handed: vec![message("ann", 1, "ben")], ..Answer::default() };
        for _ in 0..2 {
            assert_eq!(told(&mut store, &from("ben")), (0, handed.clone()), "until ben says that he has it");
        }
        assert_eq!(told(&mut store, &has("ben")), (1, Answer::default()));
        assert_eq!(told(&mut store, &has("ben")), (0, Answer::default()), "said again");

        let asks = Exchange { asks: vec![1], ..from("ann") };
        assert_eq!(told(&mut store, &asks).1, Answer { delivered: vec![1], ..Answer::default() });
    }

    #[test]
    fn a_backlog_is_handed_over_in_parts_oldest_first() {
        let mut store = Store::default();
        let sends = (0..25).map(|number| message("ann", number, "ben")).collect();
        told(&mut store, &Exchange { sends, ..from("ann") });
        let numbers = |answer: Answer| answer.handed.into_iter().map(|m| m.id.number).collect::<Vec<_>>();
        let (_, first) = told(&mut store, &from("ben"));
        let has = first.handed.iter().map(|message| message.id.clone()).collect();
        assert_eq!(numbers(first), (0..20).collect::<Vec<_>>());
        let (_, rest) = told(&mut store, &Exchange { has, ..from("ben") });
        assert_eq!(numbers(rest), (20..25).collect::<Vec<_>>());
    }

    #[test]
    fn nobody_writes_in_anothers_name_or_without_end() {
        let body = |device: &str, message| {
            serde_json::to_vec(&Exchange { sends: vec![message], ..from(device) }).unwrap()
        };
        let long = Message { text: "é".repeat(281), ..message("ann", 1, "ben") };
        for (body, fits) in [
            (body("ann", message("ann", 1, "ben")), true),
            (body("eve", message("ann", 1, "ben")), false),
            (body("ann", long), false),
            (b"not json".to_vec(), false),
        ] {
            assert_eq!(parse(&body).is_some(), fits);
        }
    }
}
