//! Where a service is found: a name or an address, and a port.
//!
//! A name is looked up at each connection, never kept: whoever reaches a service by name stops reaching it
//! when the name stops resolving, which is what the services above must show.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::TcpStream;
use serde::{Deserialize, Serialize};

use crate::stub;

/// A service's place. Written `name:port`, `address:port` or `[v6 address]:port`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    /// Which host.
    pub host: Host,
    /// Which port.
    pub port: u16,
}

/// A host by name or by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// To be looked up.
    Name(String),
    /// Needs nobody.
    Address(IpAddr),
}

/// The text names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `name:port` or `address:port`, found `{0}`")]
pub struct NotAnEndpoint(String);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name did not resolve.
    #[error(transparent)]
    Dns(#[from] stub::Error),
    /// No address of it could be connected to; this is the last one's error.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
}

impl Endpoint {
    /// `host` is an address if it reads as one, else a name.
    pub fn new(host: &str, port: u16) -> Self {
        let host = host.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Address);
        Self { host, port }
    }

    /// The addresses to try, in order.
    ///
    /// # Errors
    /// When the name does not resolve.
    pub async fn addresses(&self, resolver: &stub::Resolver) -> Result<Vec<SocketAddr>, stub::Error> {
        let hosts = match &self.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => resolver.lookup_ip(name).await?,
        };
        Ok(hosts.into_iter().map(|host| SocketAddr::new(host, self.port)).collect())
    }

    /// Connects to the first address that accepts within `patience`. Looking the name up comes on top: it
    /// takes as long as the resolver is patient with its servers.
    ///
    /// # Errors
    /// See [`ConnectError`]; an address that swallows packets counts as `TimedOut`.
    pub async fn connect(
        &self,
        resolver: &stub::Resolver,
        patience: Duration,
    ) -> Result<TcpStream, ConnectError> {
        let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
        for address in self.addresses(resolver).await? {
            match rt::time::timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(late) => last = late.into(),
            }
        }
        Err(ConnectError::Connect(last))
    }
}

impl FromStr for Endpoint {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { host: Host::Address(address.ip()), port: address.port() });
        }
        let not = || NotAnEndpoint(text.to_owned());
        let (name, port) = text.rsplit_once(':').ok_or_else(not)?;
        if name.is_empty() || name.contains([':', '[', ']', '/', ' ']) {
            return Err(not());
        }
        Ok(Self { host: Host::Name(name.to_owned()), port: port.parse().map_err(|_| not())? })
    }
}

impl TryFrom<String> for Endpoint {
    type Error = NotAnEndpoint;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{}", self.port),
            Host::Address(address) => SocketAddr::new(*address, self.port).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["chat.corp.example:6667", "192.0.2.1:53", "[2001:db8::1]:7000", "localhost.:1"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for text in ["", "chat", "chat:", ":53", "chat:65536", "2001:db8::1:7000", "http://chat:80", "a b:1"]
        {
            assert_eq!(text.parse::<Endpoint>(), Err(NotAnEndpoint(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn tells_addresses_from_names() {
        assert_eq!(Endpoint::new("192.0.2.1", 1).host, Host::Address([192, 0, 2, 1].into()));
        assert_eq!(Endpoint::new("chat.corp", 1).host, Host::Name("chat.corp".to_owned()));
    }
}
