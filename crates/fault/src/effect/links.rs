//! What links are like with all faults that lie on them.

use crate::kind::Kind;
use blackstart_sim::{Bandwidth, GilbertElliott, Latency, Loss, WaySpec};
use std::time::Duration;

/// Bytes that wait before a link that was made narrow.
const QUEUE_BYTES: u64 = 64_000;

/// Whether nothing leaves from this end.
pub(crate) fn blocks(layer: &Kind, from: &str) -> bool {
    match layer {
        Kind::LinkDown { .. } => true,
        Kind::LinkOneWay { ends: [first, _] } => first == from,
        _ => false,
    }
}

/// One direction of a sound link with all layers on it.
pub(crate) fn broken(sound: WaySpec, layers: &[Kind]) -> WaySpec {
    layers.iter().fold(sound, |way, layer| match layer {
        Kind::LinkLoss { share, .. } => WaySpec { loss: lossier(way.loss, *share), ..way },
        Kind::LinkBursts { share, burst_packets, .. } => {
            WaySpec { loss: Loss::Bursty(bursts(*share, *burst_packets)), ..way }
        }
        Kind::LinkDelay { delay_ms, jitter_ms, .. } => {
            WaySpec { latency: later(way.latency, *delay_ms, *jitter_ms), ..way }
        }
        Kind::LinkReordering { jitter_ms, .. } => {
            WaySpec { latency: later(way.latency, 0, *jitter_ms), overtaking: true, ..way }
        }
        Kind::LinkDuplication { share, .. } => {
            WaySpec { duplication: either(way.duplication, *share), ..way }
        }
        Kind::LinkCorruption { share, .. } => WaySpec { corruption: either(way.corruption, *share), ..way },
        Kind::LinkNarrow { kbit_per_s, .. } => {
            WaySpec { bandwidth: narrower(way.bandwidth, *kbit_per_s), ..way }
        }
        Kind::LinkMtu { mtu_bytes, .. } => WaySpec { mtu: way.mtu.min(*mtu_bytes), black_hole: true, ..way },
        _ => way,
    })
}

/// The probability of one or the other.
pub(crate) fn either(a: f64, b: f64) -> f64 {
    1.0 - (1.0 - a) * (1.0 - b)
}

fn lossier(loss: Loss, share: f64) -> Loss {
    match loss {
        Loss::Independent(other) => Loss::Independent(either(other, share)),
        Loss::Bursty(chain) => Loss::Bursty(GilbertElliott {
            loss_in_good: either(chain.loss_in_good, share),
            loss_in_bad: either(chain.loss_in_bad, share),
            ..chain
        }),
    }
}

/// A chain that loses everything in its bad state, is there for `packets` on average, and for `share` in the long run.
fn bursts(share: f64, packets: u32) -> GilbertElliott {
    let bad_to_good = 1.0 / f64::from(packets.max(1));
    let good_to_bad = (bad_to_good * share / (1.0 - share).max(f64::EPSILON)).min(1.0);
    GilbertElliott { good_to_bad, bad_to_good, loss_in_good: 0.0, loss_in_bad: 1.0 }
}

fn later(latency: Latency, delay_ms: u32, jitter_ms: u32) -> Latency {
    let delay = Duration::from_millis(delay_ms.into());
    let jitter = Duration::from_millis(jitter_ms.into());
    match latency {
        Latency::Fixed(fixed) if jitter.is_zero() => Latency::Fixed(fixed + delay),
        Latency::Fixed(fixed) => Latency::Uniform { min: fixed + delay, max: fixed + delay + jitter },
        Latency::Uniform { min, max } => Latency::Uniform { min: min + delay, max: max + delay + jitter },
        Latency::Normal { mean, deviation } => {
            Latency::Normal { mean: mean + delay + jitter / 2, deviation: deviation + jitter / 4 }
        }
        Latency::Pareto { min, shape } => Latency::Pareto { min: min + delay + jitter / 2, shape },
    }
}

fn narrower(bandwidth: Option<Bandwidth>, kbit_per_s: u32) -> Option<Bandwidth> {
    let own = Bandwidth { bits_per_s: u64::from(kbit_per_s) * 1000, queue_bytes: QUEUE_BYTES };
    Some(bandwidth.filter(|other| other.bits_per_s <= own.bits_per_s).unwrap_or(own))
}
