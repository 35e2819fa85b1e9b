//! The numbers of the workload W(N). They are drawn from fixed hashes, so they are the same on every engine.

use clap::Args;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The length of W in simulated seconds: 6.5 h.
pub const SIM_SECS: u64 = 23_400;
/// The least that a run may last: every connection is open by then, and every host has asked.
const SIM_SECS_MIN: u64 = 10;
/// How often each end of a connection sends a keepalive.
pub const KEEPALIVE: Duration = Duration::from_secs(30);
/// How often a host asks a question.
pub const QUESTION: Duration = Duration::from_secs(5);
/// Bytes of a keepalive.
pub const KEEPALIVE_BYTES: usize = 19;
/// Bytes of a question's payload.
pub const QUESTION_BYTES: usize = 60;
/// Bytes of an answer's payload.
pub const ANSWER_BYTES: usize = 120;

const SEED: u64 = 1;

/// How much of W a program is to run.
#[derive(Debug, Clone, Copy, Args)]
pub struct Size {
    /// Hosts
    #[arg(value_parser = clap::value_parser!(u16).range(8..))]
    pub n: u16,
    /// Simulated seconds
    #[arg(default_value_t = SIM_SECS, value_parser = clap::value_parser!(u64).range(SIM_SECS_MIN..))]
    pub secs: u64,
}

impl Size {
    /// The workload between neighbours.
    pub fn ring(self) -> Workload {
        Workload { hosts: self.n.into(), hub: false }
    }

    /// The simulated time.
    pub fn simulated(self) -> Duration {
        Duration::from_secs(self.secs)
    }
}

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// How many hosts.
    pub hosts: usize,
    /// Whether every host connects twice to host 0, instead of once each to the next and the seventh next.
    pub hub: bool,
}

impl Workload {
    /// The hosts that host `i` opens connections to.
    pub fn peers(self, i: usize) -> Vec<usize> {
        match (self.hub, i) {
            (true, 0) => Vec::new(),
            (true, _) => vec![0, 0],
            (false, _) => vec![(i + 1) % self.hosts, (i + 7) % self.hosts],
        }
    }

    /// The host that host `i` asks.
    pub fn server(self, i: usize) -> usize {
        (i * 17 + 3) % self.hosts
    }

    /// How many connections are opened in all.
    pub fn connections(self) -> u64 {
        let hosts = self.hosts as u64;
        2 * if self.hub { hosts - 1 } else { hosts }
    }
}

/// The address of host `i`.
pub fn address(i: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, (i / 250) as u8 + 1, (i % 250) as u8 + 1)
}

/// A port of host `i`.
pub fn socket_address(i: usize, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(address(i)), port)
}

/// The same port on every address of the caller.
pub fn any(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
}

/// The host that owns an address.
pub fn host_of(address: Ipv4Addr) -> usize {
    let [_, _, high, low] = address.octets();
    (usize::from(high) - 1) * 250 + usize::from(low) - 1
}

/// How long a packet takes between two hosts: 10 to 50 ms, the same both ways.
pub fn latency(a: usize, b: usize) -> Duration {
    Duration::from_millis(10 + draw(1, a.min(b), a.max(b)) % 41)
}

/// When host `i` opens its `k`-th connection, from 0.
pub fn connects_after(i: usize, k: usize) -> Duration {
    Duration::from_millis(100 + draw(3, i, k) % 5_000)
}

/// When the first keepalive goes out on the `k`-th connection that host `i` accepted, from 1.
pub fn accepted_phase(i: usize, k: usize) -> Duration {
    Duration::from_millis(draw(2, i, k) % 30_000)
}

/// When the first keepalive goes out on the `k`-th connection that host `i` opened, from 0.
pub fn opened_phase(i: usize, k: usize) -> Duration {
    Duration::from_millis(draw(4, i, k) % 30_000)
}

/// When host `i` asks its first question.
pub fn question_phase(i: usize) -> Duration {
    Duration::from_millis(1 + draw(5, i, 0) % 5_000)
}

/// A number that depends on these three alone.
pub fn draw(purpose: u64, a: usize, b: usize) -> u64 {
    mix(mix(mix(mix(SEED) ^ purpose) ^ a as u64) ^ b as u64)
}

/// SplitMix64's step.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
