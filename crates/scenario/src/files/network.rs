//! `network.toml`: autonomous systems, sites, routers, links, sessions, originated prefixes.

use super::units::{Length, Rate};
use blackstart_sim::{Bandwidth, GilbertElliott, Latency, Loss, WaySpec};
use blackstart_source::Spanned;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;
use std::time::Duration;

/// Hold time of sessions that state none: the default of routers of the time.
pub const HOLD_TIME: Duration = Duration::from_secs(180);

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Network {
    /// Autonomous systems.
    pub r#as: Vec<As>,
    /// Sites.
    pub site: Vec<Site>,
    /// Routers.
    pub router: Vec<Router>,
    /// Links between routers.
    pub link: Vec<Link>,
    /// BGP sessions.
    pub session: Vec<Session>,
    /// Prefixes that a router announces by itself.
    pub originate: Vec<Originate>,
}

/// An autonomous system.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct As {
    /// Its number.
    pub number: Spanned<u32>,
    /// Its name in reports.
    pub name: String,
}

/// A site: a building, or "somewhere outside".
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Site {
    /// Unique name.
    pub name: Spanned<String>,
    /// What it is.
    pub kind: SiteKind,
}

/// What a site is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SiteKind {
    /// Full of servers.
    DataCentre,
    /// A small site near users.
    Pop,
    /// Where staff work.
    Office,
    /// Not the company's.
    Outside,
}

/// A router.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Router {
    /// Unique name.
    pub name: Spanned<String>,
    /// AS it belongs to.
    pub r#as: Spanned<u32>,
    /// Site where it stands.
    pub site: Spanned<String>,
    /// Its own address; also its BGP identifier.
    pub address: IpAddr,
    /// Prefixes of the hosts plugged into it.
    #[serde(default)]
    pub networks: Vec<Spanned<IpNet>>,
    /// Whether it takes part in its AS's interior routing.
    #[serde(default)]
    pub igp: bool,
    /// Whether it only listens and counts (a route collector).
    #[serde(default)]
    pub collector: bool,
    /// Names under which runbooks speak of it.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A link between two routers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Link {
    /// The routers at its ends.
    pub ends: [Spanned<String>; 2],
    /// One-way latency.
    pub latency: Length,
    /// Interior metric, for links inside an AS.
    #[serde(default)]
    pub metric: Option<u32>,
    /// Share of packets lost, from 0 to 1, each by itself.
    #[serde(default)]
    pub loss: f64,
    /// Losses in bursts, instead.
    #[serde(default)]
    pub bursts: Option<Bursts>,
    /// Share of packets that arrive twice, from 0 to 1.
    #[serde(default)]
    pub duplication: f64,
    /// Share of packets of which a bit flips, from 0 to 1.
    #[serde(default)]
    pub corruption: f64,
    /// What each direction carries; none for as much as comes.
    #[serde(default)]
    pub bandwidth: Option<Rate>,
    /// Bytes that may wait before a direction with a bandwidth.
    #[serde(default = "queue_bytes")]
    pub queue_bytes: u64,
    /// The largest packet.
    #[serde(default = "mtu")]
    pub mtu: u16,
    /// Names under which runbooks speak of it.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// Losses in bursts: the chain of Gilbert and Elliott, packet by packet.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bursts {
    /// Probability of a step from the good state to the bad one.
    pub good_to_bad: f64,
    /// Probability of a step back.
    pub bad_to_good: f64,
    /// Share lost in the good state.
    #[serde(default)]
    pub loss_in_good: f64,
    /// Share lost in the bad state.
    pub loss_in_bad: f64,
}

/// A queue of some forty full packets.
fn queue_bytes() -> u64 {
    64_000
}

fn mtu() -> u16 {
    WaySpec::default().mtu
}

impl Link {
    /// What each direction is like.
    #[must_use]
    pub fn way(&self) -> WaySpec {
        let chain = |bursts: Bursts| {
            let Bursts { good_to_bad, bad_to_good, loss_in_good, loss_in_bad } = bursts;
            Loss::Bursty(GilbertElliott { good_to_bad, bad_to_good, loss_in_good, loss_in_bad })
        };
        let queue_bytes = self.queue_bytes;
        WaySpec {
            loss: self.bursts.map_or(Loss::Independent(self.loss), chain),
            duplication: self.duplication,
            corruption: self.corruption,
            bandwidth: self.bandwidth.map(|Rate(bits_per_s)| Bandwidth { bits_per_s, queue_bytes }),
            mtu: self.mtu,
            ..WaySpec::with_latency(Latency::Fixed(self.latency.0))
        }
    }
}

/// A BGP session; the first end stands in `relation` to the second.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Session {
    /// The routers at its ends.
    pub ends: [Spanned<String>; 2],
    /// What the first is to the second.
    pub relation: Relation,
    /// After how much silence it ends; keepalives go at a third of it.
    #[serde(default = "hold_time")]
    pub hold_time: Spanned<Length>,
}

fn hold_time() -> Spanned<Length> {
    Spanned::new(0..0, Length(HOLD_TIME))
}

/// What one speaker is to another: RFC 9234 roles, and the two kinds of session inside an AS.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Buys transit from it.
    Customer,
    /// Exchanges own and customers' routes with it.
    Peer,
    /// Plain iBGP.
    Ibgp,
    /// iBGP client of a route reflector (RFC 4456).
    ReflectorClient,
}

/// A prefix announced by the router itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Originate {
    /// Router.
    pub router: Spanned<String>,
    /// Prefix.
    pub prefix: IpNet,
    /// Whether packets that match nothing longer are discarded at the router.
    #[serde(default)]
    pub discard: bool,
    /// Whether it is announced only once somebody orders it.
    #[serde(default)]
    pub standby: bool,
}
