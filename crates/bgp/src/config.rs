//! What a speaker is told: itself, its neighbours, its prefixes. Checked as a whole before anything runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use blackstart_rt::Set;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::wire::RoleCapability;

/// The port of BGP (RFC 4271 4).
pub const BGP_PORT: u16 = 179;

/// One speaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Our AS.
    pub asn: u32,
    /// Our BGP identifier, and our cluster id when we reflect (RFC 4456 7).
    pub router_id: Ipv4Addr,
    /// Whom we speak to.
    #[serde(default)]
    pub neighbours: Vec<Neighbour>,
    /// Prefixes that we bring into BGP.
    #[serde(default)]
    pub originate: Vec<Originate>,
    /// Our address as the next hop of IPv4 prefixes on sessions over IPv6; without it none go there.
    #[serde(default)]
    pub next_hop_ipv4: Option<Ipv4Addr>,
    /// Our address as the next hop of IPv6 prefixes on sessions over IPv4; without it none go there.
    #[serde(default)]
    pub next_hop_ipv6: Option<Ipv6Addr>,
    /// Port to listen on.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Port of the control socket on 127.0.0.1; none without it.
    #[serde(default)]
    pub control_port: Option<u16>,
    /// How long after a change of the forwarding table next hops are looked up again: interior routing gets that long to
    /// find another way before routes are dropped (next-hop trigger delay).
    #[serde(default = "default_next_hop_delay_ms")]
    pub next_hop_delay_ms: u64,
    /// A route collector: learns and counts, never exports, never forwards.
    #[serde(default)]
    pub collector: bool,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Neighbour {
    /// Where the neighbour is.
    pub address: IpAddr,
    /// Its AS.
    pub asn: u32,
    /// What it is to us.
    pub role: Role,
    /// Its port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Our end of the session; chosen by the route to the neighbour when absent.
    #[serde(default)]
    pub local_address: Option<IpAddr>,
    /// Wait for the neighbour to call. When neither end is passive, colliding connections are sorted out by address.
    #[serde(default)]
    pub passive: bool,
    /// Proposed hold time; the smaller of both proposals counts, and keepalives go at a third of it. 0 turns both off.
    #[serde(default = "default_hold_time_s")]
    pub hold_time_s: u16,
    /// How long to wait between attempts to connect; at least 1.
    #[serde(default = "default_connect_retry_s")]
    pub connect_retry_s: u16,
    /// Least time between two UPDATEs about the same prefix (RFC 4271 9.2.1.1). 30 to external neighbours and 0 to
    /// internal ones when absent, as most routers have it.
    #[serde(default)]
    pub advertisement_interval_s: Option<u16>,
    /// Internal neighbours: announce ourselves as next hop of what we learnt outside. Reflected routes keep theirs.
    #[serde(default = "default_true")]
    pub next_hop_self: bool,
    /// External neighbours on a direct link: drop the session as soon as the carrier goes, not at the hold time.
    #[serde(default = "default_true")]
    pub fast_fallover: bool,
    /// When present, only prefixes inside these are accepted.
    #[serde(default)]
    pub import: Option<Vec<IpNet>>,
    /// When present, only prefixes inside these are announced.
    #[serde(default)]
    pub export: Option<Vec<IpNet>>,
}

/// What the neighbour is to us. External roles decide preference and who hears of whom (valley-free, RFC 9234).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It carries us to the Internet.
    Provider,
    /// We carry it to the Internet.
    Customer,
    /// Each shows the other its own and its customers' prefixes.
    Peer,
    /// A router of our AS.
    Ibgp,
    /// A router of our AS for which we reflect (RFC 4456).
    ReflectorClient,
}

/// LOCAL_PREF of prefixes that we originate: better than any learnt.
pub const LOCAL_PREF_OWN: u32 = 250;
/// LOCAL_PREF of what customers announce: they pay.
pub const LOCAL_PREF_CUSTOMER: u32 = 200;
/// LOCAL_PREF of what peers announce: free.
pub const LOCAL_PREF_PEER: u32 = 150;
/// LOCAL_PREF of what providers announce: it costs.
pub const LOCAL_PREF_PROVIDER: u32 = 100;

impl Role {
    /// Is the neighbour outside our AS?
    pub fn is_external(self) -> bool {
        matches!(self, Self::Provider | Self::Customer | Self::Peer)
    }

    /// What we claim to be in our OPEN (RFC 9234 4.1); nothing inside an AS.
    pub fn capability(self) -> Option<RoleCapability> {
        match self {
            Self::Provider => Some(RoleCapability::Customer),
            Self::Customer => Some(RoleCapability::Provider),
            Self::Peer => Some(RoleCapability::Peer),
            Self::Ibgp | Self::ReflectorClient => None,
        }
    }
}

/// A prefix of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Originate {
    /// Without host bits.
    pub prefix: IpNet,
    /// Also install a local discard route, so that what no longer prefix covers is dropped here in silence.
    #[serde(default)]
    pub discard: bool,
    /// Announce only while a connected or interior route leads to this address.
    #[serde(default)]
    pub while_reachable: Option<IpAddr>,
    /// Announce from the start; otherwise only once the control socket asks.
    #[serde(default = "default_true")]
    pub at_start: bool,
}

fn default_port() -> u16 {
    BGP_PORT
}

fn default_next_hop_delay_ms() -> u64 {
    1000
}

fn default_hold_time_s() -> u16 {
    90
}

fn default_connect_retry_s() -> u16 {
    30
}

fn default_true() -> bool {
    true
}

impl Neighbour {
    /// A neighbour with every other setting at its default.
    pub fn new(address: IpAddr, asn: u32, role: Role) -> Self {
        Self {
            address,
            asn,
            role,
            port: default_port(),
            local_address: None,
            passive: false,
            hold_time_s: default_hold_time_s(),
            connect_retry_s: default_connect_retry_s(),
            advertisement_interval_s: None,
            next_hop_self: true,
            fast_fallover: true,
            import: None,
            export: None,
        }
    }

    /// The advertisement interval in force.
    pub fn interval_s(&self) -> u16 {
        self.advertisement_interval_s.unwrap_or(if self.role.is_external() { 30 } else { 0 })
    }
}

impl Config {
    /// A speaker without neighbours or prefixes.
    pub fn new(asn: u32, router_id: Ipv4Addr) -> Self {
        Self {
            asn,
            router_id,
            neighbours: Vec::new(),
            originate: Vec::new(),
            next_hop_ipv4: None,
            next_hop_ipv6: None,
            port: default_port(),
            control_port: None,
            next_hop_delay_ms: default_next_hop_delay_ms(),
            collector: false,
        }
    }

    /// Checks what types cannot.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.asn == 0 {
            return Err(ConfigError::ZeroAs);
        }
        if self.router_id.is_unspecified() {
            return Err(ConfigError::ZeroRouterId);
        }
        self.validate_neighbours()?;
        self.validate_prefixes()
    }

    fn validate_neighbours(&self) -> Result<(), ConfigError> {
        let mut seen = Set::new();
        for neighbour in &self.neighbours {
            let address = neighbour.address;
            if !seen.insert(address) {
                return Err(ConfigError::DuplicateNeighbour(address));
            }
            if neighbour.role.is_external() == (neighbour.asn == self.asn) {
                return Err(ConfigError::RoleOutsideAs { address, asn: neighbour.asn });
            }
            if matches!(neighbour.hold_time_s, 1 | 2) {
                return Err(ConfigError::HoldTime { address, seconds: neighbour.hold_time_s });
            }
            if neighbour.connect_retry_s == 0 {
                return Err(ConfigError::ConnectRetry(address));
            }
            if neighbour.local_address.is_some_and(|local| local.is_ipv4() != address.is_ipv4()) {
                return Err(ConfigError::LocalAddressFamily(address));
            }
        }
        Ok(())
    }

    fn validate_prefixes(&self) -> Result<(), ConfigError> {
        let mut seen = Set::new();
        for originate in &self.originate {
            if originate.prefix != originate.prefix.trunc() {
                return Err(ConfigError::HostBits(originate.prefix));
            }
            if !seen.insert(originate.prefix) {
                return Err(ConfigError::DuplicatePrefix(originate.prefix));
            }
        }
        Ok(())
    }
}

/// A configuration that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// RFC 7607.
    #[error("AS 0 is reserved")]
    ZeroAs,
    /// RFC 6286.
    #[error("the router id must not be 0.0.0.0")]
    ZeroRouterId,
    /// Sessions are told apart by the neighbour's address.
    #[error("neighbour {0} appears twice")]
    DuplicateNeighbour(IpAddr),
    /// An external role inside the AS, or an internal one outside.
    #[error("neighbour {address}: role does not fit AS {asn} (ibgp and reflector-client are for our own AS)")]
    RoleOutsideAs {
        /// The neighbour.
        address: IpAddr,
        /// Its AS.
        asn: u32,
    },
    /// RFC 4271 4.2.
    #[error("neighbour {address}: hold time {seconds} s; it must be 0 or at least 3 s")]
    HoldTime {
        /// The neighbour.
        address: IpAddr,
        /// What was configured.
        seconds: u16,
    },
    /// A call that fails at once would be repeated at once, for ever.
    #[error("neighbour {0}: the connect retry time must be at least 1 s")]
    ConnectRetry(IpAddr),
    /// A session has one address family.
    #[error("neighbour {0}: local address of the other family")]
    LocalAddressFamily(IpAddr),
    /// A prefix with bits after its length.
    #[error("prefix {0} has host bits set")]
    HostBits(IpNet),
    /// The same prefix twice under `originate`.
    #[error("prefix {0} is originated twice")]
    DuplicatePrefix(IpNet),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let mut config = Config::new(65001, [10, 0, 0, 1].into());
        config.neighbours = vec![Neighbour::new([10, 0, 0, 2].into(), 65002, Role::Provider)];
        config
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let address = IpAddr::from([10, 0, 0, 2]);
        let originate = |text: &str| Originate {
            prefix: text.parse().unwrap(),
            discard: false,
            while_reachable: None,
            at_start: true,
        };
        type Spoil = fn(&mut Config);
        let cases: [(Spoil, ConfigError); 7] = [
            (|config| config.asn = 0, ConfigError::ZeroAs),
            (|config| config.router_id = Ipv4Addr::UNSPECIFIED, ConfigError::ZeroRouterId),
            (|config| config.neighbours[0].hold_time_s = 2, ConfigError::HoldTime { address, seconds: 2 }),
            (|config| config.neighbours[0].connect_retry_s = 0, ConfigError::ConnectRetry(address)),
            (|config| config.neighbours[0].asn = 65001, ConfigError::RoleOutsideAs { address, asn: 65001 }),
            (
                |config| config.neighbours[0].local_address = Some(Ipv6Addr::LOCALHOST.into()),
                ConfigError::LocalAddressFamily(address),
            ),
            (
                |config| config.neighbours.push(config.neighbours[0].clone()),
                ConfigError::DuplicateNeighbour(address),
            ),
        ];
        assert_eq!(config().validate(), Ok(()));
        for (spoil, error) in cases {
            let mut config = config();
            spoil(&mut config);
            assert_eq!(config.validate(), Err(error));
        }
        let mut twice = config();
        twice.originate = vec![originate("10.0.0.0/8"), originate("10.0.0.0/8")];
        assert!(matches!(twice.validate(), Err(ConfigError::DuplicatePrefix(_))));
        twice.originate = vec![originate("10.0.0.1/8")];
        assert!(matches!(twice.validate(), Err(ConfigError::HostBits(_))));
    }

    #[test]
    fn files_say_little_and_nothing_unknown() {
        let text = r#"
            asn = 65001
            router-id = "10.0.0.1"
            neighbours = [{ address = "10.0.0.2", asn = 65001, role = "reflector-client", hold-time-s = 30 }]
            originate = [{ prefix = "129.134.0.0/17", discard = true, while-reachable = "10.0.0.9" }]
        "#;
        let read: Config = toml::from_str(text).unwrap();
        assert_eq!((read.validate(), read.port, read.collector), (Ok(()), BGP_PORT, false));
        let neighbour = &read.neighbours[0];
        assert_eq!(
            (neighbour.role, neighbour.hold_time_s, neighbour.interval_s()),
            (Role::ReflectorClient, 30, 0)
        );
        assert!(read.originate[0].at_start);
        let unknown = toml::from_str::<Config>(&text.replace("hold-time-s", "hold-time")).unwrap_err();
        assert!(unknown.message().contains("unknown field `hold-time`"), "{unknown}");
    }
}
