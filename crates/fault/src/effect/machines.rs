//! What machines are like with all faults that lie on them: disks, clocks, forwarding tables.

use crate::kind::Kind;
use crate::layers::Refusal;
use blackstart_sim::disk::Faults;
use blackstart_sim::fib::{Protocol, Target};
use blackstart_sim::{Error, NodeId, control};
use ipnet::IpNet;
use std::time::Duration;

pub(crate) fn pause(at: NodeId, still: bool) -> Result<(), Error> {
    match still {
        // One that is dark stands still when it boots.
        true if !control::is_powered(at) => Ok(()),
        true => control::pause(at),
        false => control::resume(at),
    }
}

/// What a step takes: the slowest layer counts.
pub(crate) fn step(layers: &[Kind]) -> Duration {
    let us = |layer: &Kind| if let Kind::SlowCpu { step_us, .. } = layer { *step_us } else { 0 };
    Duration::from_micros(layers.iter().map(us).max().unwrap_or(0).into())
}

pub(crate) fn disk(at: NodeId, before: &[Kind], layers: &[Kind]) -> Result<(), Refusal> {
    let faults = layers.iter().fold(Faults::default(), |faults, layer| match layer {
        Kind::DiskErrors { reads_share, writes_share, fsyncs_share, .. } => Faults {
            read_error: super::links::either(faults.read_error, *reads_share),
            write_error: super::links::either(faults.write_error, *writes_share),
            fsync_error: super::links::either(faults.fsync_error, *fsyncs_share),
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
pub(crate) fn clock(at: NodeId, before: &[Kind], layers: &[Kind]) -> Result<(), Refusal> {
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

/// An entry of the forwarding table that no protocol put there.
pub(crate) fn route(at: NodeId, prefix: &str, broken: bool) -> Result<(), Refusal> {
    let prefix: IpNet = prefix.parse().map_err(|_| Refusal::Unknown(format!("prefix {prefix}")))?;
    match broken {
        true => control::install_route(at, Protocol::Stuck, prefix, Target::Discard, 0)?,
        false => control::remove_route(at, Protocol::Stuck, prefix)?,
    }
    Ok(())
}
