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
    /// A speaker announces a prefix that is not its own: the same one, or a longer one. Undone: it withdraws it.
    Announce {
        /// The speaker's machine.
        router: String,
        /// The prefix.
        prefix: String,
    },
    /// A speaker withdraws a prefix of its own. Undone: it announces it again.
    Withdraw {
        /// The speaker's machine.
        router: String,
        /// The prefix.
        prefix: String,
    },
    /// A neighbour's AS number is mistyped, and the speaker is started anew: the session is refused.
    WrongAs {
        /// The router.
        router: String,
        /// The router at the other end of the session.
        neighbour: String,
    },
    /// Interior routing costs a link wrongly, and is started anew.
    LinkCost {
        /// The router.
        router: String,
        /// The router at the other end of the link.
        neighbour: String,
        /// What it costs.
        metric: u32,
    },
    /// A name is missing from what one authority serves.
    NameGone {
        /// The authority.
        service: String,
        /// The name.
        name: String,
    },
    /// A name has a wrong address in what one authority serves.
    NameWrong {
        /// The authority.
        service: String,
        /// The name.
        name: String,
    },
    /// The secret that people have of an account is not the one that opens it.
    StaleSecret {
        /// The account.
        account: String,
    },
    /// A sign-in service does not know an account.
    AccountGone {
        /// The sign-in service.
        service: String,
        /// The account.
        account: String,
    },
    /// A port is off, whatever the configuration says.
    PortShut {
        /// The machine.
        router: String,
        /// The port: who is at the other end.
        port: String,
    },
    /// Somebody shuts the wrong port at a router's console. Undone: they open it.
    WrongCommand {
        /// The router.
        router: String,
        /// The port: who is at the other end.
        port: String,
    },
    /// The saved configuration of a router has a port shut: it shows at its next boot.
    SavedShut {
        /// The router.
        router: String,
        /// The port: who is at the other end.
        port: String,
    },
    /// A person answers no phone and is on no bridge.
    PersonAway {
        /// Who.
        person: String,
    },
    /// A person takes longer for everything.
    PersonSlow {
        /// Who.
        person: String,
        /// How many times as long.
        factor: f64,
    },
    /// A person leaves out what their steps say, and believes it done.
    PersonSkips {
        /// Who.
        person: String,
    },
    /// A person sees what they wait for before it is there.
    PersonMisreads {
        /// Who.
        person: String,
    },
    /// A person types the right command at the next router.
    PersonWrongHost {
        /// Who.
        person: String,
    },
    /// An access server does not know a badge.
    BadgeRevoked {
        /// The access server.
        service: String,
        /// The badge's number.
        badge: String,
    },
    /// Nobody finds an item that somebody had. Undone: they have it again.
    ItemLost {
        /// The item.
        item: String,
    },
    /// A service answers later.
    ServiceSlow {
        /// The service.
        service: String,
        /// What is added for every answer.
        delay_ms: u32,
    },
    /// A share of a service's answers are errors.
    ServiceErrors {
        /// The service.
        service: String,
        /// Share of errors.
        share: f64,
    },
    /// A service says no to everything: NXDOMAIN, wrong password, too many requests.
    ServiceDenies {
        /// The service.
        service: String,
    },
    /// A service answers what is not so: wrong addresses, empty pages, "allowed", "saved".
    ServiceLies {
        /// The service.
        service: String,
    },
    /// A service takes requests and never answers.
    ServiceSilent {
        /// The service.
        service: String,
    },
    /// A service goes on with what was: a probe shows what it showed, a page is old.
    ServiceStale {
        /// The service.
        service: String,
    },
    /// A machine asks a service far too often.
    Load {
        /// Who asks.
        machine: String,
        /// What is asked.
        service: String,
        /// Requests.
        per_s: u32,
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
            Self::Announce { router, prefix } => write!(f, "{router} announces {prefix}"),
            Self::Withdraw { router, prefix } => write!(f, "{router} withdraws {prefix}"),
            Self::WrongAs { router, neighbour } => {
                write!(f, "{router} expects the wrong AS number of {neighbour}")
            }
            Self::LinkCost { router, neighbour, metric } => {
                write!(f, "{router} costs its link to {neighbour} {metric}")
            }
            Self::NameGone { service, name } => write!(f, "{service} does not know {name}"),
            Self::NameWrong { service, name } => write!(f, "{service} has a wrong address for {name}"),
            Self::StaleSecret { account } => write!(f, "the secret of {account} is an old one"),
            Self::AccountGone { service, account } => write!(f, "{service} does not know {account}"),
            Self::PortShut { router, port } => write!(f, "{router} port {port} off"),
            Self::WrongCommand { router, port } => write!(f, "somebody shuts {router} port {port}"),
            Self::SavedShut { router, port } => write!(f, "{router} has port {port} saved as shut"),
            Self::PersonAway { person } => write!(f, "{person} cannot be reached"),
            Self::PersonSlow { person, factor } => write!(f, "{person} takes {factor} times as long"),
            Self::PersonSkips { person } => write!(f, "{person} leaves steps out"),
            Self::PersonMisreads { person } => write!(f, "{person} sees it fixed too early"),
            Self::PersonWrongHost { person } => write!(f, "{person} types at the wrong router"),
            Self::BadgeRevoked { service, badge } => write!(f, "{service} does not know badge {badge}"),
            Self::ItemLost { item } => write!(f, "{item} lost"),
            Self::ServiceSlow { service, delay_ms } => write!(f, "service {service} slower by {delay_ms} ms"),
            Self::ServiceErrors { service, share } => {
                write!(f, "service {service} fails {} of requests", percent(share))
            }
            Self::ServiceDenies { service } => write!(f, "service {service} says no to everything"),
            Self::ServiceLies { service } => write!(f, "service {service} answers what is not so"),
            Self::ServiceSilent { service } => write!(f, "service {service} never answers"),
            Self::ServiceStale { service } => write!(f, "service {service} shows what was"),
            Self::Load { machine, service, per_s } => {
                write!(f, "{machine} asks {service} {per_s} times a second")
            }
        }
    }
}
