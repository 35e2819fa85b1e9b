//! The two tables of `docs/src/speed.md`: our rows with what each is to reach, and other engines beside ours.

use super::engine::Engine;
use super::run::{self, Bench, Job, Outcome};
use super::statistics::Spread;
use super::{Failure, SIM_SECS};
use std::fmt;
use std::fs;
use std::process::Command;

/// Each of a connection's two buffers, where a keepalive is all that is ever in them.
const W_BUFFER: u32 = 4 * 1024;
/// 10 Gbit/s and a round trip of 2 ms are 2.5 MB.
const BULK_BUFFER: u32 = 4 * 1024 * 1024;
const BULK_MB: f64 = 2_000.0;
/// Sizes of which each is the double of the one before.
const DOUBLINGS: [u16; 5] = [80, 160, 320, 640, 1_280];
/// Sizes at which engines are compared, and how often.
const COMPARISONS: [(u16, usize); 2] = [(40, 5), (160, 3)];

/// Packets of the bulk transfer: Ethernet's, and the large ones of data centres.
const BULK_MTU: u16 = 1_500;
const BULK_MTU_JUMBO: u16 = 9_000;
const ROUNDS_SHORT: usize = 9;
const ROUNDS_LONG: usize = 3;

/// Measures everything; the programs are built.
pub(super) fn measure(bench: &Bench) -> Result<String, Failure> {
    let mut rows = short_rows(bench)?;
    rows.extend(long_rows(bench)?);
    let mut text = format!("{}\n\n{}", machine(bench), rows_table(&rows));
    for (n, rounds) in COMPARISONS {
        text += &compare(bench, n, rounds)?;
    }
    Ok(text)
}

fn w(n: u16) -> String {
    format!("w {n} --tcp-buffer {W_BUFFER}")
}

/// What takes a second or less.
fn short_rows(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let programs = [
        w(40),
        w(40) + " --records",
        w(40) + " --routed",
        w(40) + " --tokio",
        w(160),
        format!("w 501 2340 --hub --tcp-buffer {W_BUFFER}"),
        "quiet 24".to_owned(),
        bulk(BULK_MTU_JUMBO),
        bulk(BULK_MTU),
    ];
    let jobs = programs.map(|arguments| Job::ours(&arguments));
    let measured = bench.in_turns(&jobs, ROUNDS_SHORT)?;
    let [w40, records, routed, tokio, w160, hub, quiet, jumbo, bulk] = &measured[..] else {
        return Err("a list of measurements for each job".into());
    };
    if run::middle(tokio).hash != run::middle(w40).hash {
        return Err("W(40) is another run on the tokio driver than on the native one".into());
    }
    let buffers = format!("TCP buffers 2 × {W_BUFFER} bytes");
    Ok(vec![
        Row::new("W(40), 6.5 h", &buffers, w40).at_most(0.22, Unit::Seconds, wall(w40)).at_most(
            350.0,
            Unit::NsPerPacket,
            run::middle(w40).ns_per_packet,
        ),
        Row::new("W(160), 6.5 h", &buffers, w160).at_most(1.1, Unit::Seconds, wall(w160)),
        Row::new("W-routed(40), 6.5 h: five routers, one route in use changes each minute", &buffers, routed)
            .at_most(1.3, Unit::Times("W(40)"), ratio(routed, w40)),
        Row::new("3 hosts, 24 h, each sends one datagram a minute", "UDP only", quiet).at_most(
            2.0,
            Unit::Milliseconds,
            wall(quiet) * 1e3,
        ),
        Row::new("501 hosts, all TCP to one, 2,340 s", &buffers, hub).at_most(0.6, Unit::Seconds, wall(hub)),
        bulk_row(jumbo, BULK_MTU_JUMBO).at_least(1_000.0, Unit::MbPerWallSecond, mb_per_wall_s(jumbo)),
        bulk_row(bulk, BULK_MTU),
        Row::new("W(40), 6.5 h, on the tokio driver", &buffers, tokio).at_most(
            0.8,
            Unit::Seconds,
            wall(tokio),
        ),
        Row::new("W(40) where each message received makes a record that is kept", &buffers, records).at_most(
            10.0,
            Unit::PercentOver("W(40) without"),
            (ratio(records, w40) - 1.0) * 100.0,
        ),
    ])
}

fn bulk(mtu: u16) -> String {
    format!("bulk {BULK_MB} --tcp-buffer {BULK_BUFFER} --mtu {mtu}")
}

fn bulk_row(runs: &[Outcome], mtu: u16) -> Row {
    let queue = 2 * BULK_BUFFER;
    let title = format!("One TCP connection over a link of 10 Gbit/s and 1 ms, MTU {mtu}");
    let how = format!(
        "{BULK_MB} MB, {:.0} MB per second of real time; TCP buffers 2 × {BULK_BUFFER} bytes, the link's queue {queue} bytes",
        mb_per_wall_s(runs)
    );
    let simulated = BULK_MB * 8.0 / 1e3 / run::middle(runs).sim_s;
    Row::new(&title, &how, runs).at_least(9.0, Unit::SimulatedGbit, simulated)
}

fn mb_per_wall_s(runs: &[Outcome]) -> f64 {
    BULK_MB / run::middle(runs).wall_s
}

/// What takes many seconds.
fn long_rows(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let jobs: Vec<Job> = [1_000].iter().chain(&DOUBLINGS).map(|n| Job::ours(&w(*n))).collect();
    let measured = bench.in_turns(&jobs, ROUNDS_LONG)?;
    let (w1000, doublings) = (&measured[0], &measured[1..]);
    let memory = Spread::of(w1000.iter().map(|run| run.rss_mb)).most;
    let buffers = format!("TCP buffers 2 × {W_BUFFER} bytes");
    let w1000 = Row::new("W(1000), 6.5 h", &buffers, w1000)
        .at_most(12.0, Unit::Seconds, wall(w1000))
        .at_most(80.0, Unit::Megabytes, memory);
    let steps = DOUBLINGS.windows(2).zip(doublings.windows(2));
    let steps = steps.map(|(n, runs)| {
        let title = format!("W({}) after W({}), 6.5 h", n[1], n[0]);
        Row::new(&title, &buffers, &runs[1]).at_most(2.4, Unit::Times("the half"), ratio(&runs[1], &runs[0]))
    });
    Ok([w1000].into_iter().chain(steps).collect())
}

/// The middle of the real times, in seconds.
fn wall(runs: &[Outcome]) -> f64 {
    wall_spread(runs).middle
}

fn wall_spread(runs: &[Outcome]) -> Spread {
    Spread::of(runs.iter().map(|run| run.wall_s))
}

/// The middle of the ratios of real times, round by round.
fn ratio(runs: &[Outcome], base: &[Outcome]) -> f64 {
    let walls = |runs: &[Outcome]| -> Vec<f64> { runs.iter().map(|run| run.wall_s).collect() };
    Spread::of_ratios(&walls(runs), &walls(base)).middle
}

/// One line of the first table.
struct Row {
    title: String,
    how: String,
    checks: Vec<Check>,
}

/// A measurement and its bound.
struct Check {
    measured: f64,
    bound: Bound,
    unit: Unit,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    Milliseconds,
    NsPerPacket,
    Megabytes,
    MbPerWallSecond,
    SimulatedGbit,
    /// So many times something else.
    Times(&'static str),
    /// Percent more than something else.
    PercentOver(&'static str),
}

impl Row {
    fn new(title: &str, how: &str, runs: &[Outcome]) -> Self {
        let spread = wall_spread(runs);
        let how = format!("{how}; {} runs of {:.4} to {:.4} s", runs.len(), spread.least, spread.most);
        Self { title: title.to_owned(), how, checks: Vec::new() }
    }

    fn at_most(self, bound: f64, unit: Unit, measured: f64) -> Self {
        self.with(Check { measured, bound: Bound::AtMost(bound), unit })
    }

    fn at_least(self, bound: f64, unit: Unit, measured: f64) -> Self {
        self.with(Check { measured, bound: Bound::AtLeast(bound), unit })
    }

    fn with(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }
}

impl Check {
    fn reached(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.measured <= bound,
            Bound::AtLeast(bound) => self.measured >= bound,
        }
    }

    fn to_reach(&self) -> String {
        match self.bound {
            Bound::AtMost(bound) => format!("≤ {bound} {}", self.unit),
            Bound::AtLeast(bound) => format!("≥ {bound} {}", self.unit),
        }
    }

    fn measured(&self) -> String {
        let digits = match self.unit {
            Unit::Seconds => 3,
            Unit::Milliseconds | Unit::Times(_) | Unit::SimulatedGbit => 2,
            Unit::Megabytes | Unit::PercentOver(_) => 1,
            Unit::NsPerPacket | Unit::MbPerWallSecond => 0,
        };
        format!("{:.digits$} {}", self.measured, self.unit)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Seconds => f.write_str("s"),
            Unit::Milliseconds => f.write_str("ms"),
            Unit::NsPerPacket => f.write_str("ns/packet"),
            Unit::Megabytes => f.write_str("MB of memory"),
            Unit::MbPerWallSecond => f.write_str("MB per real second"),
            Unit::SimulatedGbit => f.write_str("Gbit/s simulated"),
            Unit::Times(what) => write!(f, "× {what}"),
            Unit::PercentOver(what) => write!(f, "% more than {what}"),
        }
    }
}

fn rows_table(rows: &[Row]) -> String {
    let mut text = "| | measured | to reach | reached | how |\n|---|---|---|---|---|\n".to_owned();
    for Row { title, how, checks } in rows {
        let reached = if checks.iter().all(Check::reached) { "yes" } else { "**no**" };
        let (measured, to_reach) = (each(checks, Check::measured), each(checks, Check::to_reach));
        text += &format!("| {title} | {measured} | {to_reach} | {reached} | {how} |\n");
    }
    text
}

fn each(checks: &[Check], describe: fn(&Check) -> String) -> String {
    checks.iter().map(describe).collect::<Vec<_>>().join(", ")
}

/// W(N) on every engine, in turns, and the ratios to the first.
fn compare(bench: &Bench, n: u16, rounds: usize) -> Result<String, Failure> {
    let jobs = Engine::ALL.map(|engine| Job::w(engine, n, SIM_SECS));
    let measured = bench.in_turns(&jobs, rounds)?;
    Ok(comparison(n, &measured))
}

fn comparison(n: u16, measured: &[Vec<Outcome>]) -> String {
    let rounds = measured[0].len();
    let mut text = format!("\n### W({n}) beside other engines, {rounds} rounds\n\n");
    text +=
        "| | seconds for 6.5 h: middle (least to most) | times ours: middle (least to most) | memory | |\n";
    text += "|---|---|---|---|---|\n";
    let ours = run::scaled(&measured[0], SIM_SECS);
    for (engine, runs) in Engine::ALL.into_iter().zip(measured) {
        let walls = run::scaled(runs, SIM_SECS);
        let (wall, ratio) = (Spread::of(walls.iter().copied()), Spread::of_ratios(&walls, &ours));
        let memory = Spread::of(runs.iter().map(|run| run.rss_mb)).most;
        let (title, remark) = (engine.title(), engine.remark(n));
        text += &format!("| {title} | {wall} | {ratio} | {memory:.0} MB | {remark} |\n");
    }
    text
}

/// Where and how all of it was measured.
fn machine(bench: &Bench) -> String {
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!(
        "Processor: {}. Compiler: {}. All programs have the release profile of `bench/Cargo.toml`, were pinned to \
         core {} with `taskset`, and took turns. Figures are the middle of the runs; ratios are taken round by round.",
        processor(),
        compiler.unwrap_or_else(|_| "unknown".to_owned()),
        bench.core(),
    )
}

fn processor() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find(|line| line.starts_with("model name"));
    let name = model.and_then(|line| line.split_once(": ")).map(|(_, name)| name.trim());
    name.unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(wall_s: &[f64]) -> Vec<Outcome> {
        let run = |wall_s: &f64| Outcome {
            engine: "blackstart".to_owned(),
            n: 40,
            sim_s: 23_400.0,
            wall_s: *wall_s,
            packets: 1_000,
            ns_per_packet: wall_s * 1e6,
            rss_mb: 6.4,
            hash: None,
        };
        wall_s.iter().map(run).collect()
    }

    #[test]
    fn a_row_says_whether_every_bound_holds() {
        let measured = runs(&[0.2, 0.3, 0.1]);
        let row = || Row::new("W(40)", "buffers", &measured).at_most(0.22, Unit::Seconds, wall(&measured));
        let table = rows_table(&[row(), row().at_least(9.0, Unit::SimulatedGbit, 8.5)]);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        let how = "buffers; 3 runs of 0.1000 to 0.3000 s";
        assert_eq!(lines[0], format!("| W(40) | 0.200 s | ≤ 0.22 s | yes | {how} |"));
        assert_eq!(
            lines[1],
            format!(
                "| W(40) | 0.200 s, 8.50 Gbit/s simulated | ≤ 0.22 s, ≥ 9 Gbit/s simulated | **no** | {how} |"
            )
        );
    }

    #[test]
    fn ratios_are_to_ours_and_parts_are_scaled() {
        let mut measured: Vec<_> = Engine::ALL.iter().map(|_| runs(&[0.2, 0.2])).collect();
        measured[1] = runs(&[0.6, 0.8]);
        measured[4].iter_mut().for_each(|run| run.sim_s = 234.0);
        let table = comparison(40, &measured);
        let line =
            |title: &str| table.lines().find(|line| line.contains(title)).unwrap_or_default().to_owned();
        assert!(
            line("madsim").contains("| 0.700 (0.600 to 0.800) | 3.500 (3.000 to 4.000) | 6 MB |"),
            "{table}"
        );
        assert!(line("turmoil 0.7.2").contains("| 20.0 (20.0 to 20.0) | 100 "), "{table}");
    }
}
