//! What every user does: find a name's addresses, connect to one that answers, ask.

use crate::event::{DnsFailure, Outcome};
use crate::http::{self, Connection, Request};
use blackstart_dns::stub::Resolver;
use blackstart_rt::time::Instant;
use std::net::IpAddr;
use std::time::Duration;

/// Looks up the host that `request` names and sends it there, to `port`. The resolver has time-outs of its own;
/// `limit` covers what comes after it.
///
/// # Errors
/// The outcome, when there is no response. Any status is a success here; see [`Outcome::of`].
pub async fn visit(
    resolver: &Resolver,
    port: u16,
    request: Request,
    limit: Duration,
) -> Result<http::Response, Outcome> {
    let addresses = resolve(resolver, &http::host(&request)).await?;
    let until = Instant::now() + limit;
    let mut connection = connect(&addresses, port, limit).await?;
    let answer = connection.send(request, until.duration_since(Instant::now())).await;
    answer.map_err(|error| Outcome::of(&Err(error)))
}

/// The addresses of `host`, at least one.
pub(crate) async fn resolve(resolver: &Resolver, host: &str) -> Result<Vec<IpAddr>, Outcome> {
    resolver.lookup_ip(host).await.map_err(|error| Outcome::Dns(DnsFailure::from(&error)))
}

/// Connects to the first of `addresses` that answers; they share the time evenly, so that a dead one does not
/// take it all.
pub(crate) async fn connect(addresses: &[IpAddr], port: u16, limit: Duration) -> Result<Connection, Outcome> {
    let until = Instant::now() + limit;
    let mut last = Outcome::Dns(DnsFailure::NoData);
    for (tried, address) in addresses.iter().enumerate() {
        let untried = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = until.duration_since(Instant::now()) / untried;
        match Connection::open((*address, port).into(), share).await {
            Ok(connection) => return Ok(connection),
            Err(error) => last = Outcome::of(&Err(error)),
        }
    }
    Err(last)
}
