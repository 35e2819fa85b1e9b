//! The state of one direction of a link, and what becomes of each packet on it.
//!
//! No bytes and no world here: a packet is a length at a time. What is drawn for the n-th packet is keyed by (the
//! direction's name, what is asked, n), so that one more fault on a link leaves the draws of the others as they are.
//! Packets that need no draw are not counted.

use super::spec::{Bandwidth, GilbertElliott, Latency, Loss, WaySpec};
use crate::draw::Stream;
use crate::hash::fold;
use crate::node::DropCause;
use crate::time::nanos;

const NS_PER_S: u128 = 1_000_000_000;

/// One direction of a link.
pub(crate) struct Way {
    spec: WaySpec,
    /// The latency, if that is all there is to it.
    only_latency: Option<u64>,
    blocked: bool,
    key: u64,
    /// Packets for which something was drawn.
    drawn: u64,
    /// The state of the chain of losses.
    bad: bool,
    /// When everything that waits will have been sent.
    idle_at: u64,
    latest_arrival: u64,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Dropped(DropCause),
    /// Over the MTU, and its sender is to be told.
    TooBig {
        mtu: u16,
    },
    /// It arrives; a second time if it was duplicated.
    Arrives(Arrival, Option<Arrival>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) at: u64,
    pub(crate) touch: Touch,
}

/// What the link did to a packet that arrives.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Touch {
    /// The bit that flips on the way.
    pub(crate) flip: Option<u32>,
    /// Whether it arrives before one that left earlier.
    pub(crate) overtakes: bool,
    /// Whether it is the second of two.
    pub(crate) copy: bool,
}

/// What is drawn for a packet; for a copy by a number of its own.
#[derive(Debug, Clone, Copy)]
enum Question {
    Loss,
    Duplication,
    Delay,
    Corruption,
}

impl Way {
    /// `key` stands for the direction's stable name.
    pub(crate) fn new(key: u64, spec: WaySpec) -> Self {
        let only_latency = spec.only_latency().map(nanos);
        Way { spec, only_latency, blocked: false, key, drawn: 0, bad: false, idle_at: 0, latest_arrival: 0 }
    }

    pub(crate) fn spec(&self) -> &WaySpec {
        &self.spec
    }

    /// Packets that left or wait keep their time.
    pub(crate) fn set_spec(&mut self, spec: WaySpec) {
        self.bad &= self.spec.loss == spec.loss;
        self.only_latency = spec.only_latency().map(nanos);
        self.spec = spec;
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    pub(crate) fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
    }

    /// The link was cut: nothing waits any more, nothing is on the wire.
    pub(crate) fn clear(&mut self) {
        self.idle_at = 0;
        self.latest_arrival = 0;
    }

    /// Notes a packet that is on the wire and arrives then: none that follows overtakes it where that is not allowed.
    pub(crate) fn occupy(&mut self, arrival: u64) {
        self.latest_arrival = self.latest_arrival.max(arrival);
    }

    /// How long a packet within the MTU that leaves at `at` takes, if it arrives once and whole, takes its latency and
    /// nothing else, and changes nothing here for others.
    pub(crate) fn plain(&self, at: u64) -> Option<u64> {
        let latency = self.only_latency.filter(|_| !self.blocked)?;
        (at.saturating_add(latency) >= self.latest_arrival).then_some(latency)
    }

    /// A packet of `length` bytes is to leave `now`.
    pub(crate) fn pass(&mut self, now: u64, length: usize) -> Fate {
        if self.blocked {
            return Fate::Dropped(DropCause::Blocked);
        }
        if length > usize::from(self.spec.mtu) {
            let mtu = self.spec.mtu;
            return if self.spec.black_hole {
                Fate::Dropped(DropCause::TooBig)
            } else {
                Fate::TooBig { mtu }
            };
        }
        match self.only_latency {
            Some(latency) => Fate::Arrives(self.arrive(now, latency, None), None),
            None => self.draw(now, length),
        }
    }

    fn draw(&mut self, now: u64, length: usize) -> Fate {
        let (original, copy) = (2 * self.drawn, 2 * self.drawn + 1);
        self.drawn += 1;
        let Some(sent) = self.send(now, length) else { return Fate::Dropped(DropCause::TailDrop) };
        if self.loses(original) {
            return Fate::Dropped(DropCause::Loss);
        }
        let doubled = happens(self.spec.duplication, &mut self.stream(Question::Duplication, original));
        let first = self.draw_arrival(sent, length, original);
        let second = doubled.then(|| self.draw_arrival(sent, length, copy));
        Fate::Arrives(first, second.map(|arrival| arrival.as_copy()))
    }

    /// When the last bit of the packet is on the wire; none if there is no room to wait.
    fn send(&mut self, now: u64, length: usize) -> Option<u64> {
        let Some(bandwidth) = self.spec.bandwidth else { return Some(now) };
        let begin = self.idle_at.max(now);
        let room = bandwidth.queue_bytes.saturating_sub(bandwidth.bytes_in(begin - now));
        if begin > now && (length as u64) > room {
            return None;
        }
        self.idle_at = begin.saturating_add(bandwidth.time_of(length));
        Some(self.idle_at)
    }

    fn loses(&mut self, number: u64) -> bool {
        let mut stream = self.stream(Question::Loss, number);
        match self.spec.loss {
            Loss::Independent(loss) => happens(loss, &mut stream),
            Loss::Bursty(chain) => chain.step(&mut self.bad, &mut stream),
        }
    }

    fn draw_arrival(&mut self, sent: u64, length: usize, number: u64) -> Arrival {
        let latency = self.spec.latency.draw(&mut self.stream(Question::Delay, number));
        let mut stream = self.stream(Question::Corruption, number);
        let flip = happens(self.spec.corruption, &mut stream).then(|| stream.below(length as u64 * 8) as u32);
        self.arrive(sent, latency, flip)
    }

    fn arrive(&mut self, sent: u64, latency: u64, flip: Option<u32>) -> Arrival {
        let earliest = sent.saturating_add(latency);
        let overtakes = earliest < self.latest_arrival && self.spec.overtaking;
        let at = if overtakes { earliest } else { earliest.max(self.latest_arrival) };
        self.occupy(at);
        Arrival { at, touch: Touch { flip, overtakes, copy: false } }
    }

    fn stream(&self, question: Question, number: u64) -> Stream {
        Stream::at(fold(self.key, question as u64), number)
    }
}

impl Arrival {
    fn as_copy(self) -> Self {
        Arrival { touch: Touch { copy: true, ..self.touch }, ..self }
    }
}

fn happens(probability: f64, stream: &mut Stream) -> bool {
    probability > 0.0 && stream.chance(probability)
}

impl GilbertElliott {
    /// Whether the next packet is lost; then one step of the chain.
    fn step(&self, bad: &mut bool, stream: &mut Stream) -> bool {
        let (loss, change) = match *bad {
            false => (self.loss_in_good, self.good_to_bad),
            true => (self.loss_in_bad, self.bad_to_good),
        };
        let lost = stream.chance(loss);
        *bad ^= stream.chance(change);
        lost
    }
}

impl Bandwidth {
    /// How long it takes to send so many bytes, in nanoseconds, rounded up.
    fn time_of(self, bytes: usize) -> u64 {
        let time = (bytes as u128 * 8 * NS_PER_S).div_ceil(u128::from(self.bits_per_s));
        u64::try_from(time).unwrap_or(u64::MAX)
    }

    /// How many bytes it sends in so many nanoseconds, rounded up.
    fn bytes_in(self, time: u64) -> u64 {
        let bytes = (u128::from(time) * u128::from(self.bits_per_s)).div_ceil(8 * NS_PER_S);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl Latency {
    /// A packet's latency in nanoseconds.
    fn draw(self, stream: &mut Stream) -> u64 {
        match self {
            Latency::Fixed(latency) => nanos(latency),
            Latency::Uniform { min, max } => nanos(stream.between(min, max)),
            Latency::Normal { mean, deviation } => {
                let mean = nanos(mean) as f64;
                stream.normal(mean, nanos(deviation) as f64).max(mean / 10.0) as u64
            }
            Latency::Pareto { min, shape } => {
                let min = nanos(min) as f64;
                stream.pareto(min, shape).min(min * 100.0) as u64
            }
        }
    }
}

#[cfg(test)]
mod tests;
