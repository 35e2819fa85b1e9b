//! What a router is told. Checked as a whole before anything runs.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use blackstart_rt::Set;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::message::{LSP_LEN_MAX, Message};
use crate::router::Router;

/// UDP port between routers, from the dynamic range: the protocol is private.
pub const IGP_PORT: u16 = 49_521;

/// One router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The router's primary address: its name in the database, advertised with metric 0.
    pub router: IpAddr,
    /// Its primary IPv6 address, advertised likewise: the next hop of IPv6 routes through it.
    #[serde(default)]
    pub router_ipv6: Option<Ipv6Addr>,
    /// Links to other routers of the AS.
    #[serde(default)]
    pub interfaces: Vec<Interface>,
    /// Prefixes besides its own addresses: service addresses, attached hosts.
    #[serde(default)]
    pub prefixes: Vec<Advertise>,
    /// The overload bit: others still reach this router and its prefixes, but not through it.
    #[serde(default)]
    pub overload: bool,
    /// How long a carrier must be up or down before that is acted on.
    #[serde(default = "default_detection_ms")]
    pub detection_ms: u64,
    /// How long after the first change of the database shortest paths are computed, so that one run answers many changes.
    #[serde(default = "default_spf_delay_ms")]
    pub spf_delay_ms: u64,
    /// How often neighbours greet each other; after three silent intervals the adjacency is down. 0: the carrier alone decides.
    #[serde(default = "default_hello_interval_s")]
    pub hello_interval_s: u64,
    /// UDP port, the same on every router of the AS.
    #[serde(default = "default_port")]
    pub port: u16,
}

/// A link to a neighbouring router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Interface {
    /// The port's name: the neighbour's host name unless the port was given another.
    pub neighbour: String,
    /// Cost of sending this way; at least 1.
    #[serde(default = "default_metric")]
    pub metric: u32,
}

/// A prefix that this router brings into the IGP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Advertise {
    /// Without host bits.
    pub prefix: IpNet,
    /// Cost from this router to the prefix.
    #[serde(default)]
    pub metric: u32,
    /// The port behind which it is: without a carrier there, this router does not bring it in. Absent: it always does.
    #[serde(default)]
    pub behind: Option<String>,
}

fn default_detection_ms() -> u64 {
    100
}

fn default_spf_delay_ms() -> u64 {
    100
}

fn default_hello_interval_s() -> u64 {
    30
}

fn default_port() -> u16 {
    IGP_PORT
}

fn default_metric() -> u32 {
    10
}

impl Config {
    /// A router without links, everything else at its default.
    pub fn new(router: IpAddr) -> Self {
        Self {
            router,
            router_ipv6: None,
            interfaces: Vec::new(),
            prefixes: Vec::new(),
            overload: false,
            detection_ms: default_detection_ms(),
            spf_delay_ms: default_spf_delay_ms(),
            hello_interval_s: default_hello_interval_s(),
            port: default_port(),
        }
    }

    pub(crate) fn detection(&self) -> Duration {
        Duration::from_millis(self.detection_ms)
    }

    pub(crate) fn spf_delay(&self) -> Duration {
        Duration::from_millis(self.spf_delay_ms)
    }

    pub(crate) fn hello_interval(&self) -> Option<Duration> {
        (self.hello_interval_s > 0).then(|| Duration::from_secs(self.hello_interval_s))
    }

    /// The router's own addresses, one per family.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let ipv6 = self.router_ipv6.map(IpAddr::V6).filter(|address| *address != self.router);
        [self.router].into_iter().chain(ipv6).collect()
    }

    /// Checks what types cannot.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut names = Set::new();
        for interface in &self.interfaces {
            if interface.metric == 0 {
                return Err(ConfigError::ZeroMetric(interface.neighbour.clone()));
            }
            if !names.insert(&interface.neighbour) {
                return Err(ConfigError::DuplicateInterface(interface.neighbour.clone()));
            }
        }
        self.validate_prefixes()?;
        let lsp = Router::new(self, 0).largest_lsp();
        match Message::Flood(lsp).encode() {
            Ok(bytes) if bytes.len() <= LSP_LEN_MAX => Ok(()),
            _ => Err(ConfigError::TooMuch),
        }
    }

    fn validate_prefixes(&self) -> Result<(), ConfigError> {
        let mut seen = Set::new();
        for advertise in &self.prefixes {
            if advertise.prefix != advertise.prefix.trunc() {
                return Err(ConfigError::HostBits(advertise.prefix));
            }
            if !seen.insert(advertise.prefix) {
                return Err(ConfigError::DuplicatePrefix(advertise.prefix));
            }
        }
        Ok(())
    }
}

/// A configuration that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Equal-cost paths need every hop to cost something.
    #[error("interface {0}: the metric must be at least 1")]
    ZeroMetric(String),
    /// One interface per neighbour.
    #[error("interface {0} appears twice")]
    DuplicateInterface(String),
    /// A prefix with bits after its length.
    #[error("prefix {0} has host bits set")]
    HostBits(IpNet),
    /// The same prefix twice.
    #[error("prefix {0} is advertised twice")]
    DuplicatePrefix(IpNet),
    /// The router's LSP must fit one datagram.
    #[error("links and prefixes do not fit one LSP of {LSP_LEN_MAX} octets")]
    TooMuch,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn files_say_little_and_nothing_unknown() {
        let text = r#"
            router = "10.0.0.1"
            interfaces = [{ neighbour = "bb-2" }, { neighbour = "bb-3", metric = 30 }]
            prefixes = [{ prefix = "157.240.0.0/16" }]
        "#;
        let config = read(text);
        assert_eq!((config.validate(), config.interfaces[0].metric), (Ok(()), 10));
        let unknown = toml::from_str::<Config>(&text.replace("metric", "cost")).unwrap_err();
        assert!(unknown.message().contains("unknown field `cost`"), "{unknown}");
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let with = |rest: &str| read(&format!("router = \"10.0.0.1\"\n{rest}")).validate().unwrap_err();
        let zero = with(r#"interfaces = [{ neighbour = "b", metric = 0 }]"#);
        assert_eq!(zero, ConfigError::ZeroMetric("b".to_owned()));
        let twice = with(r#"interfaces = [{ neighbour = "b" }, { neighbour = "b" }]"#);
        assert_eq!(twice, ConfigError::DuplicateInterface("b".to_owned()));
        assert!(matches!(with(r#"prefixes = [{ prefix = "10.0.0.1/8" }]"#), ConfigError::HostBits(_)));
        let same = with(r#"prefixes = [{ prefix = "10.0.0.0/8" }, { prefix = "10.0.0.0/8", metric = 1 }]"#);
        assert!(matches!(same, ConfigError::DuplicatePrefix(_)));
        let mut huge = Config::new([10, 0, 0, 1].into());
        let prefix = |n: u16| IpNet::from(IpAddr::from(Ipv6Addr::new(0x2001, n, 0, 0, 0, 0, 0, 0)));
        huge.prefixes = (0..100).map(|n| Advertise { prefix: prefix(n), metric: 0, behind: None }).collect();
        assert_eq!(huge.validate(), Err(ConfigError::TooMuch));
    }
}
