//! The stub resolver: what every program on a host uses to turn a name into addresses.
//!
//! It behaves like a C library with its `resolv.conf`: addresses as names first, then the host's own table,
//! then the servers in turn, each with the same patience, the whole list as often as `attempts` says.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blackstart_rt as rt;
use blackstart_rt::Map;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use serde::Deserialize;

use crate::message::{self, Question, UDP_LEN_MAX};
use crate::shell;

/// Which addresses a program wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// IPv4 only: one question.
    #[default]
    V4,
    /// IPv6 only: one question.
    V6,
    /// Both, IPv6 first (RFC 6724): two questions.
    Both,
}

impl Family {
    fn kinds(self) -> &'static [RecordType] {
        match self {
            Family::V4 => &[RecordType::A],
            Family::V6 => &[RecordType::AAAA],
            Family::Both => &[RecordType::AAAA, RecordType::A],
        }
    }
}

/// A host's `resolv.conf` and `hosts` file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Recursive resolvers, in order of preference, with their ports.
    pub servers: Vec<SocketAddr>,
    /// Patience with each server at each attempt.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Times that the whole list is tried.
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// Names that this host knows by itself.
    #[serde(default)]
    pub hosts: Map<String, Vec<IpAddr>>,
    /// Which addresses are looked up.
    #[serde(default)]
    pub family: Family,
}

fn timeout_ms() -> u64 {
    5_000
}
fn attempts() -> u32 {
    2
}

impl Config {
    /// The defaults of a `resolv.conf` with these servers.
    pub fn new(servers: Vec<SocketAddr>) -> Config {
        Config {
            servers,
            timeout_ms: timeout_ms(),
            attempts: attempts(),
            hosts: Map::new(),
            family: Family::default(),
        }
    }
}

/// Why a name gave no address. `Display` is a whole sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// NXDOMAIN: somebody who knows says that there is no such name.
    #[error("{0} does not exist")]
    NxDomain(String),
    /// The name exists without addresses of the family asked for.
    #[error("{0} has no address")]
    NoData(String),
    /// SERVFAIL: the resolver could not find out.
    #[error("the resolver could not resolve {0} (SERVFAIL)")]
    ServFail(String),
    /// The resolver does not want to answer.
    #[error("the resolver refuses to answer about {0}")]
    Refused(String),
    /// No resolver answered in time.
    #[error("no resolver answered about {0} in time")]
    Timeout(String),
    /// The resolvers could not even be asked.
    #[error("no resolver can be reached to ask about {name}: {reason}")]
    Unreachable {
        /// The name.
        name: String,
        /// The last socket error.
        reason: String,
    },
    /// Not a domain name.
    #[error("{0} is not a name that can be looked up")]
    BadName(String),
}

impl Error {
    /// Whether asking again may help: everything but what an authority has said for good.
    pub fn is_temporary(&self) -> bool {
        !matches!(self, Error::NxDomain(_) | Error::NoData(_) | Error::BadName(_))
    }
}

/// Asks `servers` with the defaults; addresses of `kind` only, A or AAAA.
///
/// # Errors
/// [`Error`], as [`Resolver::lookup_ip`].
pub async fn resolve(servers: &[SocketAddr], name: &str, kind: RecordType) -> Result<Vec<IpAddr>, Error> {
    let family = if kind == RecordType::AAAA { Family::V6 } else { Family::V4 };
    Resolver::with_config(Config { family, ..Config::new(servers.to_vec()) }).lookup_ip(name).await
}

/// A host's way to names. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Resolver {
    config: Arc<Config>,
    /// Draws message ids; made at the first question, when the host is known.
    ids: Arc<Mutex<Option<rt::rand::Stream>>>,
}

impl Resolver {
    /// With the defaults of a `resolv.conf` that lists `servers`.
    pub fn new(servers: Vec<SocketAddr>) -> Resolver {
        Resolver::with_config(Config::new(servers))
    }

    /// With everything configured.
    pub fn with_config(config: Config) -> Resolver {
        Resolver { config: Arc::new(config), ids: Arc::default() }
    }

    /// The addresses of `name`, never empty. A name without a final dot counts as absolute all the same.
    ///
    /// # Errors
    /// [`Error`], from the last server that said anything.
    pub async fn lookup_ip(&self, name: &str) -> Result<Vec<IpAddr>, Error> {
        if let Some(addresses) = self.known(name) {
            return Ok(addresses);
        }
        let absolute = absolute(name).ok_or_else(|| Error::BadName(name.to_string()))?;
        let mut addresses = Vec::new();
        let mut failure = None;
        for &kind in self.config.family.kinds() {
            match self.ask_all(&Question { name: absolute.clone(), kind }).await {
                Ok(found) => addresses.extend(found),
                Err(Failure::NxDomain) => return Err(Failure::NxDomain.about(name)),
                Err(other) => failure = Some(other),
            }
        }
        match failure {
            _ if !addresses.is_empty() => Ok(addresses),
            Some(failure) => Err(failure.about(name)),
            None => Err(Error::NoData(name.to_string())),
        }
    }

    /// Addresses written as such, and the host's own table.
    fn known(&self, name: &str) -> Option<Vec<IpAddr>> {
        if let Ok(address) = name.parse() {
            return Some(vec![address]);
        }
        let bare = name.trim_end_matches('.');
        let entry =
            self.config.hosts.iter().find(|(host, _)| host.trim_end_matches('.').eq_ignore_ascii_case(bare));
        entry.map(|(_, addresses)| addresses.clone()).filter(|addresses| !addresses.is_empty())
    }

    /// The whole list of servers, as often as configured, until one of them knows.
    async fn ask_all(&self, question: &Question) -> Result<Vec<IpAddr>, Failure> {
        let mut last = Failure::NoServer;
        for _ in 0..self.config.attempts {
            for &server in &self.config.servers {
                match self.ask(server, question).await {
                    Err(failure) if failure.is_last_word() => return Err(failure),
                    Err(failure) => last = last.or_better(failure),
                    found => return found,
                }
            }
        }
        Err(last)
    }

    async fn ask(&self, server: SocketAddr, question: &Question) -> Result<Vec<IpAddr>, Failure> {
        let patience = Duration::from_millis(self.config.timeout_ms);
        let answer = match rt::time::timeout(patience, self.exchange(server, question)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Failure::Unreachable(error.kind())),
            Err(_) => return Err(Failure::Timeout),
        };
        read(&answer, question)
    }

    /// Over UDP; over TCP when the answer did not fit.
    async fn exchange(&self, server: SocketAddr, question: &Question) -> io::Result<Message> {
        let id = self.next_id();
        let query = message::encode_query(id, question, true);
        let answer = exchange_udp(server, &query, id, question).await?;
        if answer.metadata.truncation {
            return exchange_tcp(server, &query, id, question).await;
        }
        Ok(answer)
    }

    fn next_id(&self) -> u16 {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = ids.get_or_insert_with(|| rt::rand::stream("dns-stub"));
        (stream.next_u64() >> 48) as u16
    }
}

async fn exchange_udp(server: SocketAddr, query: &[u8], id: u16, question: &Question) -> io::Result<Message> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let socket = rt::net::UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    // Connected, so that an unreachable server is an error at once instead of a timeout.
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; UDP_LEN_MAX.into()];
    loop {
        let len = socket.recv(&mut buffer).await?;
        if let Some(answer) = message::decode_response(buffer.get(..len).unwrap_or_default(), id, question) {
            return Ok(answer);
        }
    }
}

async fn exchange_tcp(server: SocketAddr, query: &[u8], id: u16, question: &Question) -> io::Result<Message> {
    let mut stream = rt::net::TcpStream::connect(server).await?;
    shell::write_message(&mut stream, query).await?;
    let bytes = shell::read_message(&mut stream).await?;
    message::decode_response(&bytes, id, question).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Takes the addresses out of an answer; aliases have been followed by the resolver.
fn read(answer: &Message, question: &Question) -> Result<Vec<IpAddr>, Failure> {
    match answer.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Err(Failure::NxDomain),
        ResponseCode::Refused => return Err(Failure::Refused),
        _ => return Err(Failure::ServFail),
    }
    let asked_for = answer.answers.iter().filter(|record| record.record_type() == question.kind);
    let addresses: Vec<IpAddr> = asked_for.filter_map(|record| record.data.ip_addr()).collect();
    if addresses.is_empty() { Err(Failure::NoData) } else { Ok(addresses) }
}

fn absolute(name: &str) -> Option<Name> {
    let mut absolute = Name::from_ascii(name).ok()?;
    absolute.set_fqdn(true);
    (!absolute.is_root()).then_some(absolute)
}

/// Why one exchange brought nothing. Later variants say more than earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Failure {
    NoServer,
    Unreachable(io::ErrorKind),
    Timeout,
    Refused,
    ServFail,
    NoData,
    NxDomain,
}

impl Failure {
    /// Another server would say the same.
    fn is_last_word(self) -> bool {
        matches!(self, Failure::NoData | Failure::NxDomain)
    }

    /// Of two failures the one that tells the user more.
    fn or_better(self, other: Failure) -> Failure {
        self.max(other)
    }

    fn about(self, name: &str) -> Error {
        let name = name.to_string();
        match self {
            Failure::NoServer => Error::Unreachable { name, reason: "none is configured".to_string() },
            Failure::Unreachable(kind) => Error::Unreachable { name, reason: kind.to_string() },
            Failure::Timeout => Error::Timeout(name),
            Failure::Refused => Error::Refused(name),
            Failure::ServFail => Error::ServFail(name),
            Failure::NoData => Error::NoData(name),
            Failure::NxDomain => Error::NxDomain(name),
        }
    }
}
