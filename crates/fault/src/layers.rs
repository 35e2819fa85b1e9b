//! What is broken now: for each thing, the faults that lie on it, and from them together what it is like.
//!
//! A fault that begins is one more layer, one that ends is one less; then the thing is set to what is left. So faults that
//! overlap compose, and the last to end leaves the thing as it was, in whatever order they do.

use crate::kind::Kind;
use blackstart_rt::Map;
use blackstart_sim::disk::Faults;
use blackstart_sim::fib::{Protocol, Target};
use blackstart_sim::{
    Bandwidth, Direction, Error, GilbertElliott, Latency, LinkId, Loss, NodeId, WaySpec, control,
};
use blackstart_world::World;
use ipnet::IpNet;
use std::time::Duration;

/// Bytes that wait before a link that was made narrow.
const QUEUE_BYTES: u64 = 64_000;

/// One thing whose state its layers say together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Link(String, String),
    Power(String),
    Pause(String),
    Cpu(String),
    Disk(String),
    Clock(String),
    Process(String),
    Route(String, String),
}

impl Place {
    fn of(kind: &Kind) -> Self {
        match kind {
            Kind::LinkDown { ends }
            | Kind::LinkOneWay { ends }
            | Kind::LinkFlap { ends, .. }
            | Kind::LinkLoss { ends, .. }
            | Kind::LinkBursts { ends, .. }
            | Kind::LinkDelay { ends, .. }
            | Kind::LinkReordering { ends, .. }
            | Kind::LinkDuplication { ends, .. }
            | Kind::LinkCorruption { ends, .. }
            | Kind::LinkNarrow { ends, .. }
            | Kind::LinkMtu { ends, .. } => {
                let [a, b] = ends.clone();
                if a <= b { Self::Link(a, b) } else { Self::Link(b, a) }
            }
            Kind::Pause { machine } => Self::Pause(machine.clone()),
            Kind::SlowCpu { machine, .. } => Self::Cpu(machine.clone()),
            Kind::PowerOff { machine } => Self::Power(machine.clone()),
            Kind::KillService { service } | Kind::CrashLoop { service, .. } => Self::Process(service.clone()),
            Kind::DiskErrors { machine, .. }
            | Kind::DiskFull { machine, .. }
            | Kind::TornWrites { machine }
            | Kind::BitRot { machine, .. } => Self::Disk(machine.clone()),
            Kind::ClockOffset { machine, .. } | Kind::ClockDrift { machine, .. } => {
                Self::Clock(machine.clone())
            }
            Kind::BlackHole { router, prefix } => Self::Route(router.clone(), prefix.clone()),
        }
    }
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no {0}")]
    Unknown(String),
    #[error("{0}")]
    Engine(#[from] Error),
}

/// All layers of a run.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    on: Map<Place, Map<u32, Kind>>,
    /// What links were like before the first fault.
    sound: Map<LinkId, [WaySpec; 2]>,
}

impl Layers {
    /// Puts a layer on.
    pub(crate) fn begin(&mut self, world: &World, fault: u32, kind: &Kind) -> Result<(), Refusal> {
        let place = Place::of(kind);
        let before = self.of(&place);
        self.on.entry(place.clone()).or_default().insert(fault, kind.clone());
        let done = self.settle(world, &place, &before);
        if done.is_err() {
            self.on.entry(place).or_default().remove(&fault);
        }
        done
    }

    /// Takes a layer off.
    pub(crate) fn end(&mut self, world: &World, fault: u32, kind: &Kind) -> Result<(), Refusal> {
        let place = Place::of(kind);
        let before = self.of(&place);
        self.on.entry(place.clone()).or_default().remove(&fault);
        self.settle(world, &place, &before)
    }

    fn of(&self, place: &Place) -> Vec<Kind> {
        self.on.get(place).into_iter().flat_map(Map::values).cloned().collect()
    }

    /// Sets a thing to what its layers say.
    fn settle(&mut self, world: &World, place: &Place, before: &[Kind]) -> Result<(), Refusal> {
        let now = self.of(place);
        match place {
            Place::Link(a, b) => self.link(world, [a, b], &now),
            Place::Power(machine) => self.power(world, machine, !now.is_empty()),
            Place::Pause(machine) => Ok(pause(node(world, machine)?, !now.is_empty())?),
            Place::Cpu(machine) => Ok(control::set_cpu_cost(node(world, machine)?, step(&now))?),
            Place::Disk(machine) => disk(node(world, machine)?, before, &now),
            Place::Clock(machine) => clock(node(world, machine)?, before, &now),
            Place::Process(service) => process(world, service, before, &now),
            Place::Route(router, prefix) => route(node(world, router)?, prefix, !now.is_empty()),
        }
    }

    fn link(&mut self, world: &World, ends: [&String; 2], layers: &[Kind]) -> Result<(), Refusal> {
        let [a, b] = ends;
        let unknown = || Refusal::Unknown(format!("link {a} - {b}"));
        let (link, first) = control::way_from(node(world, a)?, b).ok_or_else(unknown)?;
        let second = first.back();
        let sound = [first, second].map(|way| control::link_way(link, way).unwrap_or_default());
        let sound = *self.sound.entry(link).or_insert(sound);
        for (from, way, sound) in [(a, first, sound[0]), (b, second, sound[1])] {
            control::set_link_way(link, way, broken(sound, layers))?;
            control::set_link_blocked(link, way, layers.iter().any(|layer| blocks(layer, from)))?;
        }
        Ok(())
    }

    /// With the power everything else on the machine comes back as its own layers say.
    fn power(&mut self, world: &World, machine: &str, off: bool) -> Result<(), Refusal> {
        let at = node(world, machine)?;
        if off {
            return Ok(control::power_off(at)?);
        }
        control::power_on(at)?;
        if !self.of(&Place::Pause(machine.to_owned())).is_empty() {
            control::pause(at)?;
        }
        let services: Vec<Place> =
            self.on.keys().filter(|place| matches!(place, Place::Process(_))).cloned().collect();
        for place in services {
            let Place::Process(service) = &place else { continue };
            let (host, _) = program(world, service)?;
            if host == at {
                process(world, service, &[], &self.of(&place))?;
            }
        }
        Ok(())
    }
}

pub(crate) fn node(world: &World, name: &str) -> Result<NodeId, Refusal> {
    let machine = world.wiring.machine(name).map(|machine| machine.node);
    machine.ok_or_else(|| Refusal::Unknown(format!("machine {name}")))
}

/// Where a service runs, and what its program is called there.
fn program<'a>(world: &World, service: &'a str) -> Result<(NodeId, &'a str), Refusal> {
    let unknown = || Refusal::Unknown(format!("service {service}"));
    match (world.wiring.services.get(service), service.split_once('@')) {
        (Some(host), _) => Ok((node(world, host)?, service)),
        (None, Some((name, router))) => Ok((node(world, router)?, name)),
        (None, None) => Err(unknown()),
    }
}

// ---- links ----

fn blocks(layer: &Kind, from: &str) -> bool {
    match layer {
        Kind::LinkDown { .. } => true,
        Kind::LinkOneWay { ends: [first, _] } => first == from,
        _ => false,
    }
}

/// One direction of a sound link with all layers on it.
fn broken(sound: WaySpec, layers: &[Kind]) -> WaySpec {
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
fn either(a: f64, b: f64) -> f64 {
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

// ---- machines ----

fn pause(at: NodeId, still: bool) -> Result<(), Error> {
    match still {
        true => control::pause(at),
        false => control::resume(at),
    }
}

/// What a step takes: the slowest layer counts.
fn step(layers: &[Kind]) -> Duration {
    let us = |layer: &Kind| if let Kind::SlowCpu { step_us, .. } = layer { *step_us } else { 0 };
    Duration::from_micros(layers.iter().map(us).max().unwrap_or(0).into())
}

fn disk(at: NodeId, before: &[Kind], layers: &[Kind]) -> Result<(), Refusal> {
    let faults = layers.iter().fold(Faults::default(), |faults, layer| match layer {
        Kind::DiskErrors { reads_share, writes_share, fsyncs_share, .. } => Faults {
            read_error: either(faults.read_error, *reads_share),
            write_error: either(faults.write_error, *writes_share),
            fsync_error: either(faults.fsync_error, *fsyncs_share),
            ..faults
        },
        Kind::DiskFull { capacity_bytes, .. } => Faults {
            capacity: Some(faults.capacity.map_or(*capacity_bytes, |other| other.min(*capacity_bytes))),
            ..faults
        },
        Kind::TornWrites { .. } => Faults { torn_writes: true, ..faults },
        _ => faults,
    });
    control::set_disk_faults(at, faults)?;
    for _ in flips(before)..flips(layers) {
        control::rot_disk(at, None)?;
    }
    Ok(())
}

fn flips(layers: &[Kind]) -> u32 {
    layers.iter().map(|layer| if let Kind::BitRot { bits, .. } = layer { *bits } else { 0 }).sum()
}

/// The clock jumps by what the offsets changed, and gains what all drifts say.
fn clock(at: NodeId, before: &[Kind], layers: &[Kind]) -> Result<(), Refusal> {
    let offset = |layers: &[Kind]| -> i64 {
        layers.iter().map(|l| if let Kind::ClockOffset { offset_s, .. } = l { *offset_s } else { 0 }).sum()
    };
    let drift = |layers: &[Kind]| -> f64 {
        layers.iter().map(|l| if let Kind::ClockDrift { ppm, .. } = l { *ppm } else { 0.0 }).sum()
    };
    let jump = offset(layers) - offset(before);
    if jump != 0 {
        control::step_clock(at, jump.saturating_mul(1_000_000_000))?;
    }
    if drift(layers) != drift(before) {
        control::set_clock_drift(at, drift(layers).clamp(-100_000.0, 100_000.0))?;
    }
    Ok(())
}

/// Dead while a layer is on it.
fn process(world: &World, service: &str, before: &[Kind], layers: &[Kind]) -> Result<(), Refusal> {
    let (at, name) = program(world, service)?;
    match (before.is_empty(), layers.is_empty()) {
        (true, false) => drop(control::kill_service(at, name)),
        (false, true) if control::is_powered(at) => control::restart_service(at, name)?,
        _ => {}
    }
    Ok(())
}

fn route(at: NodeId, prefix: &str, broken: bool) -> Result<(), Refusal> {
    let prefix: IpNet = prefix.parse().map_err(|_| Refusal::Unknown(format!("prefix {prefix}")))?;
    match broken {
        true => control::install_route(at, Protocol::Stuck, prefix, Target::Discard, 0)?,
        false => control::remove_route(at, Protocol::Stuck, prefix)?,
    }
    Ok(())
}

impl Kind {
    /// What is on for a while and off for a while as long as the fault lasts: the layer, how long it is on, how long off.
    pub(crate) fn pulse(&self) -> Option<(Kind, Duration, Duration)> {
        let seconds = |s: u32| Duration::from_secs(s.into());
        match self {
            Self::LinkFlap { ends, period_s, down_s } => {
                let up = seconds(period_s.saturating_sub(*down_s).max(1));
                Some((Self::LinkDown { ends: ends.clone() }, seconds(*down_s), up))
            }
            Self::CrashLoop { service, every_s } => {
                let killed = Self::KillService { service: service.clone() };
                Some((killed, Duration::from_millis(1), seconds(*every_s)))
            }
            _ => None,
        }
    }
}

trait Back {
    fn back(self) -> Self;
}

impl Back for Direction {
    fn back(self) -> Self {
        match self {
            Self::AToB => Self::BToA,
            Self::BToA => Self::AToB,
        }
    }
}
