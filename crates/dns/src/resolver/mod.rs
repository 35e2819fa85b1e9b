//! The caching recursive resolver (RFC 1034 5.3.3), as the large public ones behaved in 2021.
//!
//! Start with [`Core`]: client queries, upstream answers and the time go in; queries to servers and answers to
//! clients come out.
//!
//! - `core`: clients, outstanding queries, timers, and the join between tasks
//! - `task`: how far one question has come: its aliases, its cut, which servers were tried
//! - `reply`: what an upstream answer means, a pure function
//! - `cache`: answers, negative answers and delegations, with their TTLs
//! - `servers`: round-trip times, and which server to ask next
//! - `crowd`: what millions more ask, and what that means for the servers behind
//! - `run`: the shell on real or simulated sockets
//!
//! Deliberate limits. Delegations are those of the parent: the NS set that a child states about itself does
//! not replace the parent's, so the parent's 48 h hold as they did for facebook.com. There is no DNSSEC, no QNAME
//! minimisation, no prefetching, no serving of stale answers. Failures are not cached unless
//! `cache-failures-s` says so: RFC 9520 came two years after the outage.

mod cache;
mod core;
mod crowd;
mod reply;
mod run;
#[cfg(test)]
mod tests;

mod servers;
mod task;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use blackstart_rt::Map;
use hickory_proto::rr::Name;
use serde::Deserialize;

pub use core::{Client, Core, Error, Input, Output};
pub use crowd::{Config as CrowdConfig, Incident};
pub use run::run;

/// How a resolver behaves. Every key but `root-servers` has a default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The root hints: addresses by server name.
    pub root_servers: Map<String, Vec<IpAddr>>,
    /// Where clients are heard, over UDP and TCP.
    #[serde(default = "listen")]
    pub listen: Vec<SocketAddr>,
    /// The port of every server; another than 53 where that is not to be had, as in a test on one machine.
    #[serde(default = "server_port")]
    pub server_port: u16,
    /// Patience with one server at the first attempt; it doubles with each further attempt of the same question.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// How often each server of a cut is tried for one question.
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// Time for one question, everything included; then SERVFAIL.
    #[serde(default = "budget_ms")]
    pub budget_ms: u64,
    /// Queries sent upstream for one question; then SERVFAIL.
    #[serde(default = "queries_max")]
    pub queries_max: u32,
    /// When no server of a delegation answers, ask the parent for it again before the next round of attempts.
    /// Resolvers of 2021 did: it sent .com and .net a hundred times their usual load for these names.
    #[serde(default = "yes")]
    pub requery_parent: bool,
    /// Ask nothing of a server that stayed silent again and again until its past no longer counts, as Unbound does
    /// (`infra-host-ttl`: 15 minutes).
    #[serde(default)]
    pub leave_silent_alone: bool,
    /// Seconds for which a failure is remembered (RFC 9520); 0 as in 2021.
    #[serde(default)]
    pub cache_failures_s: u64,
    /// Entries that the cache holds at most.
    #[serde(default = "cache_entries_max")]
    pub cache_entries_max: usize,
    /// Upper limit on the TTL of what is cached, in seconds.
    #[serde(default = "ttl_max_s")]
    pub ttl_max_s: u32,
    /// Upper limit on the TTL of negative answers, in seconds (RFC 2308 5).
    #[serde(default = "negative_ttl_max_s")]
    pub negative_ttl_max_s: u32,
    /// Clients that may wait at once; one more gets SERVFAIL at once.
    #[serde(default = "clients_max")]
    pub clients_max: usize,
    /// Ask servers over IPv6 as well. Leave it off on a host without IPv6.
    #[serde(default)]
    pub ipv6: bool,
    /// Emit a [`crate::Event::Load`] every minute in which something was asked.
    #[serde(default)]
    pub report_load: bool,
    /// The crowd behind the clients; without it, what a crowd claims is not heard.
    #[serde(default)]
    pub crowd: Option<CrowdConfig>,
}

fn listen() -> Vec<SocketAddr> {
    vec![SocketAddr::from(([0, 0, 0, 0], 53))]
}
fn server_port() -> u16 {
    53
}
fn timeout_ms() -> u64 {
    800
}
fn attempts() -> u32 {
    2
}
fn budget_ms() -> u64 {
    10_000
}
fn queries_max() -> u32 {
    64
}
fn yes() -> bool {
    true
}
fn cache_entries_max() -> usize {
    100_000
}
fn ttl_max_s() -> u32 {
    604_800
}
fn negative_ttl_max_s() -> u32 {
    3_600
}
fn clients_max() -> usize {
    10_000
}

impl Config {
    /// The defaults with these root hints.
    pub fn new(root_servers: Map<String, Vec<IpAddr>>) -> Config {
        Config {
            root_servers,
            listen: listen(),
            server_port: server_port(),
            timeout_ms: timeout_ms(),
            attempts: attempts(),
            budget_ms: budget_ms(),
            queries_max: queries_max(),
            requery_parent: yes(),
            leave_silent_alone: false,
            cache_failures_s: 0,
            cache_entries_max: cache_entries_max(),
            ttl_max_s: ttl_max_s(),
            negative_ttl_max_s: negative_ttl_max_s(),
            clients_max: clients_max(),
            ipv6: false,
            report_load: false,
            crowd: None,
        }
    }

    /// Patience with a server that has been tried `tries` times for this question.
    fn timeout(&self, tries: u32) -> Duration {
        Duration::from_millis(self.timeout_ms.saturating_mul(1 << tries.min(4)))
    }

    fn budget(&self) -> Duration {
        Duration::from_millis(self.budget_ms)
    }
}

/// The servers of one zone, as its parent (or the root hints) names them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Delegation {
    /// The cut.
    zone: Name,
    /// Server names with the addresses that came along as glue; without any, the name must be resolved.
    servers: Vec<(Name, Vec<IpAddr>)>,
}
