//! The authority's health check of the data centres, which steers the announcement of its anycast prefixes.
//!
//! Facebook's name servers "disable those BGP advertisements if they themselves can not speak to our data
//! centers". [`Core`] decides with hysteresis from rounds of probes; `run` probes and tells the BGP speaker. The
//! name server itself keeps running: only nobody finds the way to it.

mod run;

use std::net::SocketAddr;

use blackstart_rt::Map;
use ipnet::IpNet;
use serde::Deserialize;

pub use run::run;

/// What is checked, how patiently, and what depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Health endpoints in the data centres, asked for `GET /health`: as many as the quorum needs, and the others only
    /// when those do not answer.
    pub targets: Vec<SocketAddr>,
    /// From the start of one round to the start of the next.
    #[serde(default = "interval_s")]
    pub interval_s: u64,
    /// Patience with one target, from connecting to the status line.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Bad rounds in a row that bring it down.
    #[serde(default = "fall")]
    pub fall: u32,
    /// Good rounds in a row that bring it up.
    #[serde(default = "rise")]
    pub rise: u32,
    /// Targets that must answer for a round to be good.
    #[serde(default = "quorum")]
    pub quorum: usize,
    /// The first round starts at a moment that the host draws from this span, so that hosts do not move as one.
    #[serde(default)]
    pub start_jitter_ms: u64,
    /// What is announced while the data centres are up.
    pub prefixes: Vec<IpNet>,
    /// The local control socket of the BGP speaker.
    pub control: SocketAddr,
    /// Announce at once, before any round, as after a planned restart.
    #[serde(default)]
    pub initially_up: bool,
}

fn interval_s() -> u64 {
    5
}
fn timeout_ms() -> u64 {
    2_000
}
fn fall() -> u32 {
    3
}
fn rise() -> u32 {
    2
}
fn quorum() -> usize {
    1
}

/// What the speaker is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The prefix.
    pub prefix: IpNet,
    /// Announce, or else withdraw.
    pub announce: bool,
}

/// Up or down with hysteresis, and what the speaker has yet to be told.
#[derive(Clone, Debug)]
pub struct Core {
    fall: u32,
    rise: u32,
    quorum: usize,
    up: bool,
    /// Rounds in a row that speak against the current state.
    against: u32,
    /// What the speaker was last told, by prefix; `None` when it may not know.
    announced: Map<IpNet, Option<bool>>,
}

impl Core {
    /// Before the first round, with nothing announced.
    pub fn new(config: &Config) -> Core {
        Core {
            fall: config.fall.max(1),
            rise: config.rise.max(1),
            quorum: config.quorum,
            up: config.initially_up,
            against: 0,
            announced: config.prefixes.iter().map(|prefix| (*prefix, Some(false))).collect(),
        }
    }

    /// Whether the data centres count as up.
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Takes the number of targets that answered in a round; true when that changed the state.
    pub fn observe(&mut self, answering: usize) -> bool {
        let good = answering >= self.quorum;
        if good == self.up {
            self.against = 0;
            return false;
        }
        self.against += 1;
        let patience = if self.up { self.fall } else { self.rise };
        if self.against < patience {
            return false;
        }
        self.up = good;
        self.against = 0;
        true
    }

    /// What the speaker has to be told, prefix by prefix; repeated until [`Core::done`].
    pub fn orders(&self) -> Vec<Order> {
        let stale = self.announced.iter().filter(|(_, announced)| **announced != Some(self.up));
        stale.map(|(prefix, _)| Order { prefix: *prefix, announce: self.up }).collect()
    }

    /// The speaker has taken the order.
    pub fn done(&mut self, order: Order) {
        self.announced.insert(order.prefix, Some(order.announce));
    }

    /// There is another speaker: it has to be told everything.
    pub fn forget(&mut self) {
        self.announced.values_mut().for_each(|announced| *announced = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(fall: u32, rise: u32, quorum: usize, initially_up: bool) -> Config {
        Config {
            targets: vec![],
            interval_s: 5,
            timeout_ms: 2_000,
            fall,
            rise,
            quorum,
            start_jitter_ms: 0,
            prefixes: vec!["129.134.30.0/24".parse().unwrap()],
            control: SocketAddr::from(([127, 0, 0, 1], 179)),
            initially_up,
        }
    }

    #[test]
    fn rounds_make_states() {
        // Targets that answered in each round, and the state after each: + up, - down.
        let rows: [(&str, Config, &[usize], &str); 6] = [
            ("rises after two good rounds", config(3, 2, 1, false), &[1, 1, 1], "-++"),
            ("one good round is not enough", config(3, 2, 1, false), &[1, 0, 1, 0], "----"),
            ("falls after three bad rounds", config(3, 2, 1, true), &[0, 0, 0, 0], "++--"),
            ("a good round clears the count", config(3, 2, 1, true), &[0, 0, 1, 0, 0, 0], "+++++-"),
            ("the quorum counts", config(1, 1, 2, true), &[2, 1, 2, 3], "+-++"),
            ("zero means one", config(0, 0, 1, false), &[1, 0], "+-"),
        ];
        for (what, config, rounds, expected) in rows {
            let mut core = Core::new(&config);
            let states: String = rounds
                .iter()
                .map(|answering| {
                    core.observe(*answering);
                    if core.is_up() { '+' } else { '-' }
                })
                .collect();
            assert_eq!(states, expected, "{what}");
        }
    }

    #[test]
    fn orders_repeat_until_taken_and_follow_the_latest_state() {
        let mut core = Core::new(&config(1, 1, 1, false));
        assert_eq!(core.orders(), [], "nothing to withdraw at the start");
        assert!(core.observe(1));
        let announce = Order { prefix: "129.134.30.0/24".parse().unwrap(), announce: true };
        assert_eq!((core.orders(), core.orders()), (vec![announce], vec![announce]));
        assert!(core.observe(0));
        assert_eq!(core.orders(), [], "never announced, so nothing to withdraw");
        core.observe(1);
        core.done(announce);
        assert_eq!(core.orders(), []);
        core.observe(0);
        let withdraw = Order { announce: false, ..announce };
        assert_eq!(core.orders(), [withdraw]);
        core.done(withdraw);
        core.forget();
        assert_eq!(core.orders(), [withdraw], "another speaker announces what its own settings say");
    }
}
