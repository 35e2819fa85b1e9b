//! Which of our prefixes are announced now: those asked for, at start or by control, whose condition holds.

use std::net::IpAddr;

use blackstart_rt::{Map, Set};
use ipnet::IpNet;

use crate::config::{Config, Originate};

/// A prefix to start or to stop announcing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    pub(super) prefix: IpNet,
    pub(super) on: bool,
    /// A local discard route goes with it.
    pub(super) discard: bool,
}

pub(super) struct Origination {
    configured: Vec<Originate>,
    wanted: Map<IpNet, Originate>,
    announced: Set<IpNet>,
}

impl Origination {
    pub(super) fn new(config: &Config) -> Self {
        let at_start = config.originate.iter().filter(|originate| originate.at_start);
        let wanted = at_start.map(|originate| (originate.prefix, originate.clone())).collect();
        Self { configured: config.originate.clone(), wanted, announced: Set::new() }
    }

    /// Control wants the prefix announced, as configured if it is.
    pub(super) fn announce(&mut self, prefix: IpNet, discard: bool) {
        let fresh = Originate { prefix, discard, while_reachable: None, at_start: false };
        let configured = self.configured.iter().find(|originate| originate.prefix == prefix);
        let mut originate = configured.cloned().unwrap_or(fresh);
        originate.discard |= discard;
        self.wanted.insert(prefix, originate);
    }

    /// Control wants it announced no longer.
    pub(super) fn withdraw(&mut self, prefix: IpNet) -> Option<Switch> {
        let discard = self.wanted.remove(&prefix)?.discard;
        self.announced.remove(&prefix).then_some(Switch { prefix, on: false, discard })
    }

    /// What must change, given which addresses can be reached.
    pub(super) fn review(&mut self, is_reachable: impl Fn(IpAddr) -> bool) -> Vec<Switch> {
        let mut switches = Vec::new();
        for (prefix, originate) in &self.wanted {
            let on = originate.while_reachable.is_none_or(&is_reachable);
            let changed = if on { self.announced.insert(*prefix) } else { self.announced.remove(prefix) };
            if changed {
                switches.push(Switch { prefix: *prefix, on, discard: originate.discard });
            }
        }
        switches
    }

    /// Does this prefix lead to our own discard route?
    pub(super) fn discards(&self, prefix: IpNet) -> bool {
        self.announced.contains(&prefix)
            && self.wanted.get(&prefix).is_some_and(|originate| originate.discard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

    fn prefix(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn origination() -> Origination {
        let mut config = Config::new(1, [10, 0, 0, 1].into());
        let entry = |text, while_reachable, at_start| Originate {
            prefix: prefix(text),
            discard: text == "10.1.0.0/16",
            while_reachable,
            at_start,
        };
        config.originate = vec![
            entry("10.1.0.0/16", None, true),
            entry("10.2.0.0/16", Some(TARGET), true),
            entry("10.3.0.0/16", Some(TARGET), false),
        ];
        Origination::new(&config)
    }

    fn on(switches: &[Switch]) -> Vec<(String, bool)> {
        switches.iter().map(|switch| (switch.prefix.to_string(), switch.on)).collect()
    }

    #[test]
    fn conditions_switch_prefixes_on_and_off() {
        let mut origination = origination();
        assert_eq!(on(&origination.review(|_| false)), [("10.1.0.0/16".to_owned(), true)]);
        assert_eq!(on(&origination.review(|_| true)), [("10.2.0.0/16".to_owned(), true)]);
        assert_eq!(on(&origination.review(|_| true)), []);
        assert_eq!(on(&origination.review(|_| false)), [("10.2.0.0/16".to_owned(), false)]);
    }

    #[test]
    fn control_uses_what_is_configured_and_can_be_repeated() {
        let mut origination = origination();
        origination.review(|_| false);
        origination.announce(prefix("10.3.0.0/16"), false);
        assert_eq!(on(&origination.review(|_| false)), [], "its condition still counts");
        assert_eq!(on(&origination.review(|address| address == TARGET)).len(), 2);
        origination.announce(prefix("10.3.0.0/16"), false);
        assert_eq!(origination.review(|_| true), []);
        assert!(origination.withdraw(prefix("10.3.0.0/16")).is_some());
        assert!(origination.withdraw(prefix("10.3.0.0/16")).is_none());
    }

    #[test]
    fn only_an_announced_prefix_discards() {
        let mut origination = origination();
        assert!(!origination.discards(prefix("10.1.0.0/16")));
        origination.review(|_| true);
        assert!(origination.discards(prefix("10.1.0.0/16")) && !origination.discards(prefix("10.2.0.0/16")));
    }
}
