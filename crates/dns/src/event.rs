//! What this crate puts on the record: decisions and changes, never single queries.

use blackstart_rt::{Map, Set};
use hickory_proto::rr::Name;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

use crate::message::Rcode;

/// Names whose last outcome is remembered, so that strange queries cannot fill the memory.
const OUTCOMES_MAX: usize = 10_000;

/// An entry of the record. Kind `dns`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A resolver's answer to clients about this name differs from its last one.
    Outcome {
        /// The name, absolute and in lower case.
        name: String,
        /// What clients get now.
        rcode: Rcode,
    },
    /// What a server did in a window in which it was asked something. Off unless configured.
    Load {
        /// Which server of the host.
        role: Role,
        /// Length of the window in seconds.
        window_s: u32,
        /// Queries of clients.
        queries: u32,
        /// Queries to other servers.
        upstream: u32,
        /// Clients that got SERVFAIL.
        servfail: u32,
        /// 95th percentile of the time to the answer, in milliseconds.
        p95_ms: u32,
    },
    /// The health check changed its mind about the data centres.
    Health {
        /// Whether they count as up now.
        up: bool,
        /// Targets that answered in the deciding round.
        answering: u32,
        /// Targets in all.
        targets: u32,
    },
    /// The speaker has been told to announce this prefix.
    Announced {
        /// The anycast prefix.
        prefix: IpNet,
    },
    /// The speaker has been told to withdraw this prefix.
    Withdrawn {
        /// The anycast prefix.
        prefix: IpNet,
    },
    /// The speaker could not be told; this is tried again every round and recorded once.
    SteerFailed {
        /// The anycast prefix.
        prefix: IpNet,
        /// Whether it was to be announced.
        announce: bool,
        /// Why, in words.
        reason: String,
    },
    /// A resolver's answers to clients gave addresses that it had not given before.
    Addresses {
        /// The name asked for, absolute and in lower case.
        name: String,
        /// The new ones, in ascending order.
        addresses: Vec<IpAddr>,
    },
    /// What a crowd asks of a server differs from the last record by a twentieth or more.
    Crowd {
        /// Which server of the host.
        role: Role,
        /// Queries a second.
        queries_per_s: u64,
        /// Of these and of all others, how many fail.
        failing_per_s: u64,
    },
    /// A resolver's operators open or close an incident.
    Incident {
        /// Whether it is open from now on.
        open: bool,
    },
    /// A server cannot hear its crowd.
    CrowdUnheard {
        /// Why, in words.
        reason: String,
    },
}

impl blackstart_rt::Event for Event {
    const KIND: &'static str = "dns";
}

/// Which server of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// It answers from zones.
    Authority,
    /// It answers by asking others.
    Resolver,
}

/// What clients were told last, by name.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    rcodes: Map<Name, Rcode>,
    addresses: Map<Name, Set<IpAddr>>,
}

impl Outcomes {
    /// The event of an answer that differs from the last one about this name.
    pub(crate) fn changed(&mut self, name: &Name, rcode: Rcode) -> Option<Event> {
        if self.rcodes.get(name) == Some(&rcode) {
            return None;
        }
        if self.rcodes.len() >= OUTCOMES_MAX {
            self.rcodes.clear();
        }
        self.rcodes.insert(name.clone(), rcode);
        Some(Event::Outcome { name: name.to_lowercase().to_ascii(), rcode })
    }

    /// The event of an answer with addresses that were not given for this name before.
    pub(crate) fn fresh(&mut self, name: &Name, addresses: &[IpAddr]) -> Option<Event> {
        let known = self.addresses.get(name);
        let is_new = |address: &&IpAddr| known.is_none_or(|known| !known.contains(address));
        let fresh: Set<IpAddr> = addresses.iter().filter(is_new).copied().collect();
        if fresh.is_empty() {
            return None;
        }
        if self.addresses.len() >= OUTCOMES_MAX {
            self.addresses.clear();
        }
        self.addresses.entry(name.clone()).or_default().extend(fresh.iter().copied());
        Some(Event::Addresses {
            name: name.to_lowercase().to_ascii(),
            addresses: fresh.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_told() {
        let mut outcomes = Outcomes::default();
        let name = Name::from_ascii("Facebook.com.").unwrap();
        let told =
            [Rcode::NoError, Rcode::NoError, Rcode::ServFail].map(|rcode| outcomes.changed(&name, rcode));
        let event = |rcode| Some(Event::Outcome { name: "facebook.com.".to_string(), rcode });
        assert_eq!(told, [event(Rcode::NoError), None, event(Rcode::ServFail)]);
    }

    #[test]
    fn only_new_addresses_are_told() {
        let mut outcomes = Outcomes::default();
        let name = Name::from_ascii("Facebook.com.").unwrap();
        let ip = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut told = |addresses: &[IpAddr]| outcomes.fresh(&name, addresses);
        let event = |addresses: &[u8]| {
            let addresses = addresses.iter().map(|last| ip(*last)).collect();
            Some(Event::Addresses { name: "facebook.com.".to_string(), addresses })
        };
        assert_eq!(told(&[ip(2), ip(1)]), event(&[1, 2]));
        assert_eq!(told(&[ip(1)]), None);
        assert_eq!(told(&[ip(1), ip(3)]), event(&[3]));
        assert_eq!(told(&[]), None);
    }
}
