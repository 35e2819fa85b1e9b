//! What one neighbour was told, what it should be told, and when (RFC 4271 9.2).

use std::net::IpAddr;
use std::time::Duration;

use blackstart_rt::{Map, Set};
use ipnet::IpNet;

use crate::wire::{Attributes, Reachable, Update};

/// A path as the neighbour hears it. Ordered, so that prefixes with equal paths share a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Advertised {
    pub(super) next_hop: IpAddr,
    pub(super) attributes: Attributes,
}

/// The Adj-RIB-Out of one session.
#[derive(Clone, Debug, Default)]
pub(super) struct AdjRibOut {
    told: Map<IpNet, Advertised>,
    changed: Set<IpNet>,
    /// MinRouteAdvertisementIntervalTimer: nothing is sent before.
    quiet_until: Duration,
}

impl AdjRibOut {
    /// The best path to `prefix` may have changed.
    pub(super) fn touch(&mut self, prefix: IpNet) {
        self.changed.insert(prefix);
    }

    /// How many prefixes the neighbour was told of.
    pub(super) fn len(&self) -> usize {
        self.told.len()
    }

    /// When there will be something to send; `None` when nothing waits.
    pub(super) fn deadline(&self) -> Option<Duration> {
        (!self.changed.is_empty()).then_some(self.quiet_until)
    }

    /// Everything that changed since the last flush, packed, if the interval allows. `interval` then starts anew.
    pub(super) fn flush(
        &mut self,
        now: Duration,
        interval: Duration,
        wanted: impl Fn(IpNet) -> Option<Advertised>,
    ) -> Vec<Update> {
        if now < self.quiet_until {
            return Vec::new();
        }
        let mut withdrawn = Vec::new();
        let mut announced: Map<Advertised, Vec<IpNet>> = Map::new();
        for prefix in std::mem::take(&mut self.changed) {
            match self.difference(prefix, wanted(prefix)) {
                Difference::None => {}
                Difference::Withdrawn => withdrawn.push(prefix),
                Difference::Announced(path) => announced.entry(path).or_default().push(prefix),
            }
        }
        let updates = packed(withdrawn, announced);
        if !updates.is_empty() {
            self.quiet_until = now + interval;
        }
        updates
    }

    fn difference(&mut self, prefix: IpNet, wanted: Option<Advertised>) -> Difference {
        match wanted {
            None if self.told.remove(&prefix).is_some() => Difference::Withdrawn,
            None => Difference::None,
            Some(path) if self.told.get(&prefix) == Some(&path) => Difference::None,
            Some(path) => {
                self.told.insert(prefix, path.clone());
                Difference::Announced(path)
            }
        }
    }
}

enum Difference {
    None,
    Withdrawn,
    Announced(Advertised),
}

/// One UPDATE for the withdrawals of each family and one for each path; [`crate::wire::encode_updates`] splits long ones.
fn packed(withdrawn: Vec<IpNet>, announced: Map<Advertised, Vec<IpNet>>) -> Vec<Update> {
    let (v4, v6): (Vec<_>, Vec<_>) = withdrawn.into_iter().partition(|prefix| prefix.addr().is_ipv4());
    let withdrawals = [v4, v6].into_iter().filter(|prefixes| !prefixes.is_empty());
    let mut updates: Vec<_> =
        withdrawals.map(|withdrawn| Update { withdrawn, ..Update::default() }).collect();
    updates.extend(announced.into_iter().map(|(path, prefixes)| Update {
        reachable: vec![Reachable { next_hop: path.next_hop, prefixes }],
        attributes: path.attributes,
        ..Update::default()
    }));
    updates
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    fn prefix(third: u8) -> IpNet {
        format!("10.0.{third}.0/24").parse().unwrap()
    }

    fn path(med: u32) -> Option<Advertised> {
        let attributes = Attributes { med: Some(med), ..Attributes::default() };
        Some(Advertised { next_hop: [10, 0, 0, 1].into(), attributes })
    }

    fn touched(out: &mut AdjRibOut, prefixes: &[u8]) {
        prefixes.iter().for_each(|third| out.touch(prefix(*third)));
    }

    #[test]
    fn equal_paths_share_a_message() {
        let mut out = AdjRibOut::default();
        touched(&mut out, &[1, 2, 3]);
        let updates = out.flush(Duration::ZERO, INTERVAL, |p| path(u32::from(p == prefix(3))));
        let counts: Vec<_> = updates.iter().map(|update| update.announced().count()).collect();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn the_first_change_goes_at_once_and_later_ones_wait() {
        let mut out = AdjRibOut::default();
        touched(&mut out, &[1]);
        assert_eq!(out.flush(Duration::ZERO, INTERVAL, |_| path(0)).len(), 1);
        touched(&mut out, &[1, 2]);
        assert_eq!(out.deadline(), Some(INTERVAL));
        assert_eq!(out.flush(INTERVAL / 2, INTERVAL, |_| None), []);
        assert_eq!(out.flush(INTERVAL, INTERVAL, |_| path(7)).len(), 1);
        assert_eq!(out.deadline(), None);
    }

    #[test]
    fn a_change_that_was_undone_in_time_is_never_told() {
        let mut out = AdjRibOut::default();
        touched(&mut out, &[1]);
        out.flush(Duration::ZERO, Duration::ZERO, |_| path(0));
        touched(&mut out, &[1, 2]);
        assert_eq!(out.flush(Duration::ZERO, INTERVAL, |p| path(0).filter(|_| p == prefix(1))), []);
        assert_eq!(out.deadline(), None);
        assert_eq!(out.quiet_until, Duration::ZERO, "nothing sent, nothing to wait for");
    }

    #[test]
    fn withdrawals_name_only_what_was_told() {
        let mut out = AdjRibOut::default();
        touched(&mut out, &[1]);
        out.flush(Duration::ZERO, Duration::ZERO, |_| path(0));
        touched(&mut out, &[1, 2]);
        let updates = out.flush(Duration::ZERO, INTERVAL, |_| None);
        assert_eq!(updates, [Update { withdrawn: vec![prefix(1)], ..Update::default() }]);
    }
}
