//! Round-trip times of upstream servers, and the choice among them.
//!
//! The rule is Unbound's: any server within [`BAND_MS`] of the fastest may be asked, each with the same chance; a
//! server that did not answer falls behind, and is forgotten, hence tried afresh, after [`MEMORY`].

use std::net::IpAddr;
use std::time::Duration;

use blackstart_rt::Map;
use blackstart_rt::time::Instant;

/// What a server is assumed to take before it was ever asked.
const UNKNOWN_MS: u64 = 376;
/// Servers this much slower than the fastest are still chosen.
const BAND_MS: u64 = 400;
/// Slower than this nobody gets, however often they stay silent.
const SILENT_MS_MAX: u64 = 120_000;
/// After this the past of a server no longer counts.
const MEMORY: Duration = Duration::from_secs(900);
/// Servers remembered; beyond, the one not heard of for longest goes.
const SERVERS_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Rtt {
    smoothed_ms: u64,
    since: Instant,
}

/// Smoothed round-trip times by address.
#[derive(Debug, Default)]
pub(super) struct Servers(Map<IpAddr, Rtt>);

impl Servers {
    /// The server to ask next; `draw` is a fresh 64-bit draw. `None` without candidates.
    pub(super) fn choose(&self, candidates: &[IpAddr], now: Instant, draw: u64) -> Option<IpAddr> {
        let fastest_ms = candidates.iter().map(|&server| self.expected_ms(server, now)).min()?;
        let in_band: Vec<IpAddr> = candidates
            .iter()
            .copied()
            .filter(|&server| self.expected_ms(server, now) <= fastest_ms + BAND_MS)
            .collect();
        let index = usize::try_from(draw % in_band.len().max(1) as u64).unwrap_or(0);
        in_band.get(index).copied()
    }

    /// The server answered after `rtt` (RFC 6298's smoothing).
    pub(super) fn answered(&mut self, server: IpAddr, rtt: Duration, now: Instant) {
        let sample_ms = u64::try_from(rtt.as_millis()).unwrap_or(u64::MAX);
        let smoothed_ms = match self.remembered(server, now) {
            Some(known) => (known.smoothed_ms.saturating_mul(7).saturating_add(sample_ms)) / 8,
            None => sample_ms,
        };
        self.remember(server, smoothed_ms, now);
    }

    /// The server did not answer within `waited`.
    pub(super) fn silent(&mut self, server: IpAddr, waited: Duration, now: Instant) {
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let smoothed_ms = self.expected_ms(server, now).saturating_mul(2).max(waited_ms).min(SILENT_MS_MAX);
        self.remember(server, smoothed_ms, now);
    }

    /// Whether the server was silent so often that nothing is expected of it.
    pub(super) fn is_given_up(&self, server: IpAddr, now: Instant) -> bool {
        self.expected_ms(server, now) >= SILENT_MS_MAX
    }

    fn expected_ms(&self, server: IpAddr, now: Instant) -> u64 {
        self.remembered(server, now).map_or(UNKNOWN_MS, |rtt| rtt.smoothed_ms)
    }

    fn remembered(&self, server: IpAddr, now: Instant) -> Option<Rtt> {
        self.0.get(&server).copied().filter(|rtt| now - rtt.since < MEMORY)
    }

    /// `since` stays that of the first observation, so that a silent server gets its fresh start.
    fn remember(&mut self, server: IpAddr, smoothed_ms: u64, now: Instant) {
        let since = self.remembered(server, now).map_or(now, |rtt| rtt.since);
        self.0.insert(server, Rtt { smoothed_ms, since });
        if self.0.len() > SERVERS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, rtt)| rtt.since).map(|(&server, _)| server);
            oldest.map(|server| self.0.remove(&server));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn at(s: u64) -> Instant {
        Instant::from_start(Duration::from_secs(s))
    }

    #[test]
    fn all_within_the_band_are_used_and_nobody_else() {
        let mut servers = Servers::default();
        servers.answered(ip(1), Duration::from_millis(10), at(0));
        servers.answered(ip(2), Duration::from_millis(300), at(0));
        servers.answered(ip(3), Duration::from_millis(900), at(0));
        let chosen = |draw| servers.choose(&[ip(1), ip(2), ip(3)], at(1), draw);
        assert_eq!([chosen(0), chosen(1), chosen(2)], [Some(ip(1)), Some(ip(2)), Some(ip(1))]);
        assert_eq!(servers.choose(&[], at(1), 0), None);
    }

    #[test]
    fn silence_costs_the_place_until_it_is_forgotten() {
        let mut servers = Servers::default();
        servers.answered(ip(1), Duration::from_millis(10), at(0));
        servers.silent(ip(2), Duration::from_millis(800), at(0));
        let chosen = |s| [0, 1].map(|draw| servers.choose(&[ip(1), ip(2)], at(s), draw));
        assert_eq!(chosen(1), [Some(ip(1)), Some(ip(1))]);
        assert_eq!(chosen(900), [Some(ip(1)), Some(ip(2))]);
    }

    #[test]
    fn whoever_is_silent_again_and_again_is_given_up_until_it_is_forgotten() {
        let mut servers = Servers::default();
        let mut silences = 0;
        while !servers.is_given_up(ip(1), at(1)) {
            servers.silent(ip(1), Duration::from_millis(800), at(1));
            silences += 1;
        }
        assert_eq!(silences, 9, "376 ms, doubled until two minutes");
        assert!(servers.is_given_up(ip(1), at(900)) && !servers.is_given_up(ip(1), at(901)));
    }
}
