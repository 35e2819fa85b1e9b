//! What one direction of a link is: how long it takes, what it loses, doubles and spoils, how much it carries.

use crate::Error;
use std::fmt;
use std::time::Duration;

/// The smallest MTU that IPv4 allows (RFC 791 section 3.2).
const MTU_MIN: u16 = 68;
/// A latency beyond a day is a mistake. (Light needs six hours to Pluto.)
const LATENCY_MAX: Duration = Duration::from_secs(86_400);

/// One direction of a link. By default a clean wire: 1 ms, an MTU of 1,500 bytes, no bound on what it carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaySpec {
    /// How long a packet takes, once it is on the wire.
    pub latency: Latency,
    /// Whether a packet may arrive before one that left earlier. Without it a late packet holds up those behind it.
    pub overtaking: bool,
    /// How packets are lost.
    pub loss: Loss,
    /// The probability that a packet arrives twice. The copy takes no bandwidth, and a time of its own.
    pub duplication: f64,
    /// The probability that one bit of a packet flips. Checksums find it where they cover it.
    pub corruption: f64,
    /// How much it carries; none for as much as comes.
    pub bandwidth: Option<Bandwidth>,
    /// The largest packet in bytes. Those from 68 to 1,279 carry no IPv6 to speak of: its hosts never send less than
    /// 1,280 (RFC 8201 section 4).
    pub mtu: u16,
    /// Whether larger packets vanish without a word: an MTU black hole (RFC 2923 section 2.1). Else their sender is
    /// told (RFC 1191, RFC 4443 section 3.2). No packet is ever fragmented.
    pub black_hole: bool,
}

impl Default for WaySpec {
    fn default() -> Self {
        WaySpec {
            latency: Latency::default(),
            overtaking: false,
            loss: Loss::default(),
            duplication: 0.0,
            corruption: 0.0,
            bandwidth: None,
            mtu: 1500,
            black_hole: false,
        }
    }
}

/// How long a packet takes over a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Anything from `min` to below `max`.
    Uniform {
        /// The least.
        min: Duration,
        /// The bound.
        max: Duration,
    },
    /// Around a mean; never less than a tenth of it.
    Normal {
        /// The mean.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// At least `min`, with a heavy tail that ends at a hundred times that.
    Pareto {
        /// The least.
        min: Duration,
        /// The index of the tail, above 0; the smaller, the heavier.
        shape: f64,
    },
}

impl Default for Latency {
    /// 1 ms.
    fn default() -> Self {
        Latency::Fixed(Duration::from_millis(1))
    }
}

/// How packets are lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// Each by itself, with this probability.
    Independent(f64),
    /// In bursts.
    Bursty(GilbertElliott),
}

impl Default for Loss {
    /// None.
    fn default() -> Self {
        Loss::Independent(0.0)
    }
}

/// A chain of two states, a good one and a bad one, that makes a step after each packet (E. N. Gilbert, "Capacity of a
/// burst-noise channel", 1960; E. O. Elliott, "Estimates of error rates for codes on burst-noise channels", 1963).
/// It starts in the good state. In brackets the names of G. Hasslinger and O. Hohlfeld, "The Gilbert-Elliott model for
/// packet loss in real time services on the Internet", 2008, which tc-netem(8) uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GilbertElliott {
    /// The probability of a step from good to bad (p).
    pub good_to_bad: f64,
    /// The probability of a step from bad to good (r): a bad spell lasts 1/r packets on average.
    pub bad_to_good: f64,
    /// The probability of a loss in the good state (1 − k).
    pub loss_in_good: f64,
    /// The probability of a loss in the bad state (1 − h).
    pub loss_in_bad: f64,
}

/// How much a direction carries, and how many bytes may wait for their turn; what does not fit is dropped (tail drop).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth {
    /// Bits of IP packets each second; there is no framing. At least 1.
    pub bits_per_s: u64,
    /// Bytes that may wait, with what is left of the packet that is being sent.
    pub queue_bytes: u64,
}

impl WaySpec {
    /// A clean wire of this latency.
    pub fn with_latency(latency: Latency) -> Self {
        WaySpec { latency, ..WaySpec::default() }
    }

    /// Whether such a direction can be.
    ///
    /// # Errors
    /// [`Error::BadLatency`], [`Error::BadProbability`], [`Error::BadMtu`], [`Error::NoBandwidth`].
    pub fn check(&self) -> Result<(), Error> {
        self.latency.check()?;
        for (what, value) in self.probabilities() {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::BadProbability { what, value });
            }
        }
        if self.mtu < MTU_MIN {
            return Err(Error::BadMtu(self.mtu));
        }
        match self.bandwidth {
            Some(Bandwidth { bits_per_s: 0, .. }) => Err(Error::NoBandwidth),
            _ => Ok(()),
        }
    }

    fn probabilities(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let loss = match self.loss {
            Loss::Independent(loss) => vec![("loss", loss)],
            Loss::Bursty(chain) => vec![
                ("step from good to bad", chain.good_to_bad),
                ("step from bad to good", chain.bad_to_good),
                ("loss in the good state", chain.loss_in_good),
                ("loss in the bad state", chain.loss_in_bad),
            ],
        };
        loss.into_iter().chain([("duplication", self.duplication), ("corruption", self.corruption)])
    }

    /// The latency, if nothing else ever happens to a packet of at most the MTU.
    pub(super) fn only_latency(&self) -> Option<Duration> {
        let clean = self.loss == Loss::Independent(0.0) && self.duplication == 0.0 && self.corruption == 0.0;
        match self.latency {
            Latency::Fixed(latency) if clean && self.bandwidth.is_none() => Some(latency),
            _ => None,
        }
    }
}

impl Latency {
    fn check(&self) -> Result<(), Error> {
        let sound = match *self {
            Latency::Fixed(latency) => latency <= LATENCY_MAX,
            Latency::Uniform { min, max } => min <= max && max <= LATENCY_MAX,
            Latency::Normal { mean, deviation } => mean.max(deviation) <= LATENCY_MAX,
            Latency::Pareto { min, shape } => min <= LATENCY_MAX && shape.is_finite() && shape > 0.0,
        };
        if sound { Ok(()) } else { Err(Error::BadLatency(self.to_string())) }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Latency::Fixed(latency) => write!(f, "{latency:?}"),
            Latency::Uniform { min, max } => write!(f, "uniform from {min:?} to {max:?}"),
            Latency::Normal { mean, deviation } => {
                write!(f, "normal around {mean:?}, deviation {deviation:?}")
            }
            Latency::Pareto { min, shape } => write!(f, "Pareto from {min:?}, shape {shape}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        let good = WaySpec::default();
        assert_eq!(good.check(), Ok(()));
        let ms = Duration::from_millis;
        let bad_latencies = [
            Latency::Fixed(Duration::MAX),
            Latency::Normal { mean: ms(1), deviation: Duration::MAX },
            Latency::Uniform { min: ms(2), max: ms(1) },
            Latency::Pareto { min: ms(1), shape: 0.0 },
            Latency::Pareto { min: ms(1), shape: f64::NAN },
        ];
        for latency in bad_latencies {
            assert!(matches!(WaySpec { latency, ..good }.check(), Err(Error::BadLatency(_))), "{latency}");
        }
        for p in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let chain =
                GilbertElliott { good_to_bad: p, bad_to_good: 0.5, loss_in_good: 0.0, loss_in_bad: 1.0 };
            for spec in [
                WaySpec { loss: Loss::Independent(p), ..good },
                WaySpec { loss: Loss::Bursty(chain), ..good },
                WaySpec { duplication: p, ..good },
                WaySpec { corruption: p, ..good },
            ] {
                assert!(matches!(spec.check(), Err(Error::BadProbability { .. })), "{spec:?}");
            }
        }
        let still = Bandwidth { bits_per_s: 0, queue_bytes: 1 };
        assert_eq!(WaySpec { bandwidth: Some(still), ..good }.check(), Err(Error::NoBandwidth));
        assert_eq!(WaySpec { mtu: 67, ..good }.check(), Err(Error::BadMtu(67)));
    }
}
