//! What this crate puts on the record: decisions and changes, never single queries.

use blackstart_rt::{Map, Set};
use hickory_proto::rr::Name;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

use crate::labels::Labels;
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
        /// Targets that were asked in it.
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
pub(crate) struct Outcomes(Map<Labels, Told>);

#[derive(Debug, Default)]
struct Told {
    rcode: Option<Rcode>,
    addresses: Set<IpAddr>,
}

impl Outcomes {
    /// The events of an answer: one if it ends otherwise than the last one about this name, one if it has addresses
    /// that were not given before.
    pub(crate) fn news(&mut self, name: &Name, rcode: Rcode, addresses: &[IpAddr]) -> [Option<Event>; 2] {
        let labels = Labels::of(name);
        if self.0.len() >= OUTCOMES_MAX && !self.0.contains_key(&labels) {
            self.0.clear();
        }
        let told = self.0.entry(labels).or_default();
        let changed = told.rcode.replace(rcode) != Some(rcode);
        let mut fresh: Set<IpAddr> = addresses.iter().copied().collect();
        fresh.retain(|address| told.addresses.insert(*address));
        let addresses: Vec<IpAddr> = fresh.into_iter().collect();
        let text = || name.to_lowercase().to_ascii();
        [
            changed.then(|| Event::Outcome { name: text(), rcode }),
            (!addresses.is_empty()).then(|| Event::Addresses { name: text(), addresses }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn only_news_is_told() {
        let mut outcomes = Outcomes::default();
        let name = Name::from_ascii("Facebook.com.").unwrap();
        // (outcome, last octets of addresses, whether the outcome is news, the addresses that are)
        for (rcode, addresses, changed, fresh) in [
            (Rcode::NoError, &[2, 1][..], true, &[1, 2][..]),
            (Rcode::NoError, &[1], false, &[]),
            (Rcode::NoError, &[1, 3], false, &[3]),
            (Rcode::ServFail, &[], true, &[]),
        ] {
            let addresses: Vec<IpAddr> = addresses.iter().copied().map(ip).collect();
            let name_told = "facebook.com.".to_owned();
            let expected = [
                changed.then(|| Event::Outcome { name: name_told.clone(), rcode }),
                (!fresh.is_empty()).then(|| Event::Addresses {
                    name: name_told.clone(),
                    addresses: fresh.iter().copied().map(ip).collect(),
                }),
            ];
            assert_eq!(outcomes.news(&name, rcode, &addresses), expected);
        }
    }
}
