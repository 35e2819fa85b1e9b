//! One run of a program, its line, and runs in turns.

use super::Failure;
use super::engine::Engine;
use serde::{Deserialize, Serialize};
use std::process::{Command, Output, Stdio};
use std::thread;

/// The line that a program prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    pub(super) engine: String,
    /// Hosts.
    pub(super) n: u32,
    pub(super) sim_s: f64,
    pub(super) wall_s: f64,
    /// Packets that crossed a link, or messages.
    pub(super) packets: u64,
    pub(super) ns_per_packet: f64,
    /// The most memory that the process held.
    pub(super) rss_mb: f64,
    /// Of the whole run, in hexadecimal, where the engine gives one.
    pub(super) hash: Option<String>,
}

impl Outcome {
    /// The real time that so many simulated seconds would take.
    pub(super) fn scaled_wall_s(&self, secs: u64) -> f64 {
        self.wall_s * secs as f64 / self.sim_s
    }
}

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    engine: Engine,
    arguments: Vec<String>,
}

impl Job {
    /// The workload W(N), or the part of it that this engine is to run.
    pub(super) fn w(engine: Engine, n: u16, secs: u64) -> Self {
        Self { engine, arguments: [n.to_string(), engine.sim_secs(n, secs).to_string()].into() }.of_ours("w")
    }

    /// One of our own programs, with its arguments in one line.
    pub(super) fn ours(arguments: &str) -> Self {
        let arguments = arguments.split_whitespace().map(str::to_owned).collect();
        Self { engine: Engine::Blackstart, arguments }
    }

    /// Our binary holds several programs; those of others are W.
    fn of_ours(mut self, program: &str) -> Self {
        if self.engine == Engine::Blackstart {
            self.arguments.insert(0, program.to_owned());
        }
        self
    }
}

/// Where programs run.
pub(super) struct Bench {
    core: usize,
}

impl Bench {
    /// On this core, or on the last one.
    pub(super) fn on_core(core: Option<usize>) -> Result<Self, Failure> {
        let last = || thread::available_parallelism().map(|cores| cores.get() - 1);
        Ok(Self { core: core.map_or_else(last, Ok)? })
    }

    pub(super) fn core(&self) -> usize {
        self.core
    }

    /// The runs of each job, in the order of the rounds: first, second, …, first, second, …
    pub(super) fn in_turns(&self, jobs: &[Job], rounds: usize) -> Result<Vec<Vec<Outcome>>, Failure> {
        let mut measured = vec![Vec::with_capacity(rounds); jobs.len()];
        for round in 0..rounds {
            for (job, runs) in jobs.iter().zip(&mut measured) {
                eprintln!("round {} of {rounds}: {:?} {}", round + 1, job.engine, job.arguments.join(" "));
                runs.push(self.run(job)?);
            }
        }
        measured.iter().try_for_each(|runs| same_hash(runs))?;
        Ok(measured)
    }

    fn run(&self, job: &Job) -> Result<Outcome, Failure> {
        let mut command = Command::new("taskset");
        command.arg("--cpu-list").arg(self.core.to_string());
        command.arg(job.engine.program()).args(&job.arguments).stdin(Stdio::null());
        let output =
            command.output().map_err(|error| format!("taskset (of util-linux) does not start: {error}"))?;
        read(&output).map_err(|reason| format!("{command:?}: {reason}").into())
    }
}

fn read(output: &Output) -> Result<Outcome, String> {
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()));
    }
    let line = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&line).map_err(|error| format!("{error} in {line:?}"))
}

/// The same program with the same arguments is the same run.
fn same_hash(runs: &[Outcome]) -> Result<(), Failure> {
    match runs.windows(2).find(|pair| pair[0].hash != pair[1].hash) {
        None => Ok(()),
        Some(pair) => Err(format!("two runs differ: {:?} and {:?}", pair[0], pair[1]).into()),
    }
}

/// The run in the middle by real time; of an even number the faster of the two.
pub(super) fn middle(runs: &[Outcome]) -> &Outcome {
    let mut sorted: Vec<&Outcome> = runs.iter().collect();
    sorted.sort_by(|a, b| a.wall_s.total_cmp(&b.wall_s));
    sorted[(sorted.len() - 1) / 2]
}

/// The real time of each run, for so many simulated seconds.
pub(super) fn scaled(runs: &[Outcome], secs: u64) -> Vec<f64> {
    runs.iter().map(|run| run.scaled_wall_s(secs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    const LINE: &str = r#"{"engine":"blackstart","n":40,"sim_s":23400.0,"wall_s":0.25,"packets":623430,"ns_per_packet":401.0,"rss_mb":6.0,"hash":"9536a7a216a96cee"}"#;

    fn printed(code: i32, stdout: &str, stderr: &str) -> Output {
        // The code stands in the second byte of what `wait` answers.
        Output { status: ExitStatus::from_raw(code << 8), stdout: stdout.into(), stderr: stderr.into() }
    }

    fn outcome(wall_s: f64) -> Outcome {
        Outcome { wall_s, ..serde_json::from_str(LINE).unwrap() }
    }

    #[test]
    fn a_line_is_read_and_written_with_the_same_fields_in_the_same_order() {
        let outcome = read(&printed(0, &format!("{LINE}\n"), "")).unwrap();
        assert_eq!(serde_json::to_string(&outcome).unwrap(), LINE);
        let without_hash = LINE.replace("\"9536a7a216a96cee\"", "null");
        assert_eq!(read(&printed(0, &without_hash, "")).unwrap().hash, None);
    }

    #[test]
    fn whatever_is_not_one_whole_line_is_a_failure() {
        let more = LINE.replace("\"n\":40", "\"n\":40,\"m\":1");
        let less = LINE.replace("\"n\":40,", "");
        for text in ["", "killed", &more, &less, &format!("{LINE}\n{LINE}")] {
            assert!(read(&printed(0, text, "")).is_err(), "{text}");
        }
        let failed = read(&printed(1, LINE, "TCP errors: 3, expected 0\n")).unwrap_err();
        assert!(failed.ends_with(": TCP errors: 3, expected 0"), "{failed}");
    }

    #[test]
    fn runs_that_differ_are_a_failure() {
        let other = Outcome { hash: None, ..outcome(1.0) };
        assert!(same_hash(&[outcome(1.0), outcome(2.0)]).is_ok());
        assert!(same_hash(&[outcome(1.0), outcome(1.0), other]).is_err());
    }

    #[test]
    fn the_middle_run_is_one_of_the_runs() {
        let runs = [outcome(3.0), outcome(1.0), outcome(2.0), outcome(9.0)];
        assert_eq!(middle(&runs).wall_s, 2.0);
        assert_eq!(middle(&runs[..1]).wall_s, 3.0);
    }

    #[test]
    fn a_part_is_scaled_to_the_whole() {
        let part = Outcome { sim_s: 234.0, ..outcome(3.5) };
        assert_eq!(part.scaled_wall_s(23_400), 350.0);
    }

    #[test]
    fn only_our_binary_is_told_which_program() {
        assert_eq!(Job::w(Engine::Madsim, 40, 100).arguments, ["40", "100"]);
        assert_eq!(Job::w(Engine::Blackstart, 40, 100), Job::ours("w 40 100"));
        assert_eq!(Job::w(Engine::Turmoil, 160, 23_400).arguments, ["160", "19"]);
    }
}
