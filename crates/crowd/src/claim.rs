//! Rates on their way: who makes how much load of what.

use blackstart_rt::Map;
use blackstart_rt::time::Instant;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// The port at which servers hear claims: that of the discard protocol (RFC 863).
pub const PORT: u16 = 9;
/// A claim that is not repeated for so long has ended: its maker has died, or is cut off.
pub const LIFE: Duration = Duration::from_secs(600);
/// An unchanged claim is repeated so often.
const REPEAT: Duration = Duration::from_secs(240);
/// A rate that changed by less than this part is not told at once.
const MARKED: f64 = 0.1;
/// Things claimed in one datagram; a longer one is not understood.
const THINGS_MAX: usize = 64;
/// Makers remembered by one server.
const MAKERS_MAX: usize = 4096;

/// What somebody asks of a server, a second, by host name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Who makes the load.
    pub from: String,
    /// Rates by the host name asked for.
    pub per_s: Map<String, f64>,
}

impl Claim {
    /// The datagram of a claim of these rates, in the order of names; `None` when it does not fit.
    #[must_use]
    pub fn encode(from: &str, per_s: &[(&str, f64)]) -> Option<Vec<u8>> {
        let fits = per_s.len() <= THINGS_MAX;
        fits.then(|| postcard::to_stdvec(&(from, per_s)).ok()).flatten()
    }

    /// From a datagram; `None` for nonsense.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let claim: Self = postcard::from_bytes(bytes).ok()?;
        let sound = |rate: &f64| rate.is_finite() && *rate >= 0.0;
        (claim.per_s.len() <= THINGS_MAX && claim.per_s.values().all(sound)).then_some(claim)
    }
}

/// What is claimed of one server.
#[derive(Debug, Default)]
pub struct Claims {
    by_maker: Map<String, (Instant, Map<String, f64>)>,
}

impl Claims {
    /// Takes one in; it replaces the last of the same maker.
    pub fn take(&mut self, now: Instant, claim: Claim) {
        self.by_maker.retain(|_, (heard, _)| *heard + LIFE > now);
        if self.by_maker.len() < MAKERS_MAX || self.by_maker.contains_key(&claim.from) {
            self.by_maker.insert(claim.from, (now, claim.per_s));
        }
    }

    /// The sum of what is claimed now, by host name.
    #[must_use]
    pub fn per_s(&self, now: Instant) -> Map<String, f64> {
        let mut sum = Map::new();
        for (_, rates) in self.by_maker.values().filter(|(heard, _)| *heard + LIFE > now) {
            for (what, rate) in rates {
                *sum.entry(what.clone()).or_default() += rate;
            }
        }
        sum
    }

    /// The sum over all host names.
    #[must_use]
    pub fn total(&self, now: Instant) -> f64 {
        let live = self.by_maker.values().filter(|(heard, _)| *heard + LIFE > now);
        live.flat_map(|(_, rates)| rates.values()).sum()
    }
}

/// What was told to whom, so that only news is told.
#[derive(Debug, Default)]
pub struct Told {
    by_server: Map<SocketAddr, (Instant, Vec<(String, f64)>)>,
}

impl Told {
    /// Whether `rates`, in the order of names, is news to this server; then it counts as told.
    pub fn is_news(&mut self, now: Instant, server: SocketAddr, rates: &[(&str, f64)]) -> bool {
        let news = match self.by_server.get(&server) {
            None => rates.iter().any(|(_, rate)| *rate > 0.0),
            Some((when, last)) => {
                let idle =
                    rates.iter().all(|(_, rate)| *rate == 0.0) && last.iter().all(|(_, rate)| *rate == 0.0);
                !idle && (*when + REPEAT <= now || differ(rates, last))
            }
        };
        if news {
            let rates = rates.iter().map(|(what, rate)| ((*what).to_owned(), *rate)).collect();
            self.by_server.insert(server, (now, rates));
        }
        news
    }
}

fn differ(now: &[(&str, f64)], then: &[(String, f64)]) -> bool {
    let marked = |now: f64, then: f64| (now - then).abs() > MARKED * now.max(then);
    let pairs = || now.iter().zip(then);
    if now.len() == then.len() && pairs().all(|((what, _), (before, _))| what == before) {
        return pairs().any(|((_, now), (_, then))| marked(*now, *then));
    }
    let now: Map<&str, f64> = now.iter().copied().collect();
    let then: Map<&str, f64> = then.iter().map(|(what, rate)| (what.as_str(), *rate)).collect();
    let rate = |rates: &Map<&str, f64>, what: &str| rates.get(what).copied().unwrap_or(0.0);
    now.keys().chain(then.keys()).any(|what| marked(rate(&now, what), rate(&then, what)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(s: u64) -> Instant {
        Instant::from_start(Duration::from_secs(s))
    }

    fn rates(of: &[(&str, f64)]) -> Map<String, f64> {
        of.iter().map(|(what, rate)| ((*what).to_owned(), *rate)).collect()
    }

    fn claim(from: &str, of: &[(&str, f64)]) -> Claim {
        Claim { from: from.to_owned(), per_s: rates(of) }
    }

    #[test]
    fn claims_add_up_replace_their_makers_last_and_end() {
        let mut claims = Claims::default();
        claims.take(at(0), claim("kpn", &[("a", 1.0), ("b", 2.0)]));
        claims.take(at(100), claim("att", &[("a", 10.0)]));
        assert_eq!((claims.per_s(at(100)), claims.total(at(100))), (rates(&[("a", 11.0), ("b", 2.0)]), 13.0));
        claims.take(at(200), claim("att", &[("a", 5.0)]));
        assert_eq!(claims.total(at(200)), 8.0);
        assert_eq!(claims.per_s(at(600)), rates(&[("a", 5.0)]), "the one of kpn was not repeated");
        assert_eq!(claims.total(at(800)), 0.0);
    }

    #[test]
    fn only_news_is_told() {
        let (mut told, to) = (Told::default(), SocketAddr::from(([192, 0, 2, 1], PORT)));
        // (second, rate, news)
        for (s, rate, expected) in [
            (0, 0.0, false),
            (1, 100.0, true),
            (2, 105.0, false),
            (3, 112.0, true),
            (4, 0.0, true),
            (500, 0.0, false),
            (501, 1.0, true),
            (740, 1.0, false),
            (741, 1.0, true),
        ] {
            assert_eq!(told.is_news(at(s), to, &[("a", rate)]), expected, "{rate} at {s} s");
        }
        let told = &mut told;
        // Of several, one that comes, goes or changes is enough.
        for (s, rates, expected) in [
            (742, &[("a", 1.0), ("b", 5.0)][..], true),
            (743, &[("a", 1.0), ("b", 5.1)], false),
            (744, &[("a", 1.0)], true),
            (745, &[("a", 1.0), ("b", 0.0)], false),
            (746, &[("a", 2.0), ("b", 0.0)], true),
        ] {
            assert_eq!(told.is_news(at(s), to, rates), expected, "{rates:?} at {s} s");
        }
    }

    #[test]
    fn nonsense_is_no_claim() {
        let whole = claim("kpn", &[("a", 1.5)]);
        let encode = |rates: &[(&str, f64)]| Claim::encode("kpn", rates);
        assert_eq!(Claim::decode(&encode(&[("a", 1.5)]).unwrap()), Some(whole));
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(Claim::decode(&encode(&[("a", bad)]).unwrap()), None);
        }
        assert_eq!(encode(&[("a", 1.0); 65]), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Claim::decode(&bytes);
        }
    }
}
