//! The line that a benchmark program prints on standard output: one JSON object.

use crate::count::Counts;
use crate::plan::Size;
use std::fmt;
use std::fs;
use std::process;
use std::time::Duration;

/// What one run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The engine, and its driver or tick where there is a choice.
    pub engine: String,
    /// Size of the workload: hosts.
    pub n: usize,
    /// Simulated time.
    pub sim: Duration,
    /// Real time, on the program's own stop watch.
    pub wall: Duration,
    /// Packets that crossed a link, each link counted; messages where the engine has no packets.
    pub packets: u64,
    /// A hash of the run, where the engine gives one.
    pub hash: Option<u64>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { engine, n, packets, .. } = self;
        let (sim_s, wall_s) = (self.sim.as_secs_f64(), self.wall.as_secs_f64());
        let ns_per_packet = self.wall.as_nanos() as f64 / (*packets).max(1) as f64;
        let rss_mb = peak_rss_kib() as f64 / 1024.0;
        let hash = self.hash.map_or("null".to_owned(), |hash| format!("\"{hash:016x}\""));
        write!(
            f,
            r#"{{"engine":"{engine}","n":{n},"sim_s":{sim_s},"wall_s":{wall_s:.6},"packets":{packets},"#
        )?;
        write!(f, r#""ns_per_packet":{ns_per_packet:.1},"rss_mb":{rss_mb:.1},"hash":{hash}}}"#)
    }
}

/// The most memory that this process ever held; 0 where the system does not tell.
fn peak_rss_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Ends the program of another engine: its line if W ran as it should, the reason if it did not. Nothing is dropped,
/// because most engines were not made for that to be cheap. Without `packets` the messages count.
pub fn finish(engine: &str, size: Size, wall: Duration, packets: Option<u64>, hash: Option<u64>) -> ! {
    let counts = Counts::now();
    eprintln!("{engine}: {counts}");
    if let Err(reason) = counts.check(size.ring(), size.secs) {
        eprintln!("{engine}: the workload did not run as it should: {reason}");
        process::exit(1);
    }
    let packets = packets.unwrap_or_else(|| counts.messages());
    let outcome =
        Outcome { engine: engine.to_owned(), n: size.n.into(), sim: size.simulated(), wall, packets, hash };
    println!("{outcome}");
    process::exit(0);
}
