//! The primitives: what can be broken, one variant each, with its target and its parameters.
//!
//! The limits of every parameter, and what is milder, stand in the table of [`primitive`](crate::primitive): the variants here
//! say what the words mean. Names are those of the scenario. Fields end with their unit.

use crate::primitive::{Family, Primitive};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// A link carries nothing, either way; both ends see the carrier go.
    LinkDown {
        /// Its ends.
        ends: [String; 2],
    },
    /// Nothing gets from the first end to the second; the other way works, and both see light.
    LinkOneWay {
        /// Its ends.
        ends: [String; 2],
    },
    /// A link goes down and comes up again and again.
    LinkFlap {
        /// Its ends.
        ends: [String; 2],
        /// From one loss of light to the next.
        period_s: u32,
        /// How long it is down each time.
        down_s: u32,
    },
    /// A link loses a share of packets, each way, each by itself.
    LinkLoss {
        /// Its ends.
        ends: [String; 2],
        /// Share lost.
        share: f64,
    },
    /// A link loses a share of packets, each way, in bursts.
    LinkBursts {
        /// Its ends.
        ends: [String; 2],
        /// Share lost in the long run.
        share: f64,
        /// Packets of a burst, on average.
        burst_packets: u32,
    },
    /// Packets take longer, each way.
    LinkDelay {
        /// Its ends.
        ends: [String; 2],
        /// What is added for every packet.
        delay_ms: u32,
        /// What is added at most besides, drawn for each packet; order is kept.
        jitter_ms: u32,
    },
    /// Packets overtake each other, each way.
    LinkReordering {
        /// Its ends.
        ends: [String; 2],
        /// What is added at most, drawn for each packet.
        jitter_ms: u32,
    },
    /// A share of packets arrives twice, each way.
    LinkDuplication {
        /// Its ends.
        ends: [String; 2],
        /// Share doubled.
        share: f64,
    },
    /// One bit flips in a share of packets, each way.
    LinkCorruption {
        /// Its ends.
        ends: [String; 2],
        /// Share spoilt.
        share: f64,
    },
    /// A link carries no more than this, each way.
    LinkNarrow {
        /// Its ends.
        ends: [String; 2],
        /// What it carries.
        kbit_per_s: u32,
    },
    /// Packets over this size vanish without a word, each way.
    LinkMtu {
        /// Its ends.
        ends: [String; 2],
        /// The largest packet.
        mtu_bytes: u16,
    },
    /// A machine stands still: it answers nothing, its links keep their light. Undone: it goes on.
    Pause {
        /// The machine.
        machine: String,
    },
    /// A machine is slow: each step of a program takes so much of its one CPU.
    SlowCpu {
        /// The machine.
        machine: String,
        /// What a step takes.
        step_us: u32,
    },
    /// A machine loses power. Undone: power returns and it boots.
    PowerOff {
        /// The machine.
        machine: String,
    },
    /// A service dies on its machine. Undone: it is started again.
    KillService {
        /// The service.
        service: String,
    },
    /// A service dies and is started again at once, over and over. Undone: it is started once more, and stays.
    CrashLoop {
        /// The service.
        service: String,
        /// From one death to the next.
        every_s: u32,
    },
    /// A share of a disk's operations fails with an input/output error.
    DiskErrors {
        /// The machine.
        machine: String,
        /// Share of reads that fail.
        reads_share: f64,
        /// Share of writes that fail.
        writes_share: f64,
        /// Share of fsyncs that fail; what was to be synced goes with the power.
        fsyncs_share: f64,
    },
    /// A disk holds no more than this.
    DiskFull {
        /// The machine.
        machine: String,
        /// What all files may hold together.
        capacity_bytes: u64,
    },
    /// A loss of power leaves a part of what was being written.
    TornWrites {
        /// The machine.
        machine: String,
    },
    /// Bits flip on a disk. Nothing undoes it.
    BitRot {
        /// The machine.
        machine: String,
        /// How many.
        bits: u32,
    },
    /// A clock is off by so much. Undone: it jumps back by as much.
    ClockOffset {
        /// The machine.
        machine: String,
        /// How far it is ahead; negative: behind.
        offset_s: i64,
    },
    /// A clock gains so much. Undone: it runs at the right pace; what it gained stays.
    ClockDrift {
        /// The machine.
        machine: String,
        /// Microseconds gained each second; negative: lost.
        ppm: f64,
    },
    /// A router's forwarding table discards a prefix, whatever its protocols selected.
    BlackHole {
        /// The router.
        router: String,
        /// The prefix.
        prefix: String,
    },
}

impl Kind {
    /// The row of the table of primitives.
    #[must_use]
    pub fn primitive(&self) -> &'static Primitive {
        Primitive::of(self)
    }

    /// The family that it belongs to.
    #[must_use]
    pub fn family(&self) -> Family {
        self.primitive().family
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: &f64| format!("{} %", (share * 1000.0).round() / 10.0);
        match self {
            Self::LinkDown { ends: [a, b] } => write!(f, "link {a} - {b} down"),
            Self::LinkOneWay { ends: [a, b] } => write!(f, "link {a} - {b} dead from {a} to {b}"),
            Self::LinkFlap { ends: [a, b], period_s, down_s } => {
                write!(f, "link {a} - {b} down for {down_s} s every {period_s} s")
            }
            Self::LinkLoss { ends: [a, b], share } => write!(f, "link {a} - {b} loses {}", percent(share)),
            Self::LinkBursts { ends: [a, b], share, burst_packets } => {
                write!(f, "link {a} - {b} loses {} in bursts of {burst_packets}", percent(share))
            }
            Self::LinkDelay { ends: [a, b], delay_ms, jitter_ms: 0 } => {
                write!(f, "link {a} - {b} slower by {delay_ms} ms")
            }
            Self::LinkDelay { ends: [a, b], delay_ms, jitter_ms } => {
                write!(f, "link {a} - {b} slower by {delay_ms} to {} ms", delay_ms + jitter_ms)
            }
            Self::LinkReordering { ends: [a, b], jitter_ms } => {
                write!(f, "link {a} - {b} reorders within {jitter_ms} ms")
            }
            Self::LinkDuplication { ends: [a, b], share } => {
                write!(f, "link {a} - {b} doubles {}", percent(share))
            }
            Self::LinkCorruption { ends: [a, b], share } => {
                write!(f, "link {a} - {b} spoils {}", percent(share))
            }
            Self::LinkNarrow { ends: [a, b], kbit_per_s } => {
                write!(f, "link {a} - {b} carries {kbit_per_s} kbit/s")
            }
            Self::LinkMtu { ends: [a, b], mtu_bytes } => {
                write!(f, "link {a} - {b} swallows packets over {mtu_bytes} bytes")
            }
            Self::Pause { machine } => write!(f, "{machine} stands still"),
            Self::SlowCpu { machine, step_us } => write!(f, "{machine} takes {step_us} us a step"),
            Self::PowerOff { machine } => write!(f, "{machine} without power"),
            Self::KillService { service } => write!(f, "service {service} killed"),
            Self::CrashLoop { service, every_s } => write!(f, "service {service} crashes every {every_s} s"),
            Self::DiskErrors { machine, reads_share, writes_share, fsyncs_share } => {
                let [reads, writes, fsyncs] = [reads_share, writes_share, fsyncs_share].map(percent);
                write!(f, "disk of {machine} fails {reads} of reads, {writes} of writes, {fsyncs} of fsyncs")
            }
            Self::DiskFull { machine, capacity_bytes } => {
                write!(f, "disk of {machine} holds {capacity_bytes} bytes")
            }
            Self::TornWrites { machine } => write!(f, "disk of {machine} tears writes"),
            Self::BitRot { machine, bits } => write!(f, "{bits} bits flipped on the disk of {machine}"),
            Self::ClockOffset { machine, offset_s } => write!(f, "clock of {machine} off by {offset_s} s"),
            Self::ClockDrift { machine, ppm } => write!(f, "clock of {machine} gains {ppm} ppm"),
            Self::BlackHole { router, prefix } => write!(f, "{router} discards {prefix}"),
        }
    }
}
