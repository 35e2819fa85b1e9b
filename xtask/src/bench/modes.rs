//! `cargo xtask bench modes`: what the ways to choose schedules find on one budget, into `docs/src/fuzz.md`.
//!
//! Each search is one process of `blackstart fuzz`, on a copy of the scenarios, so that what it saves stays away from them.

use super::statistics::Spread;
use super::{Failure, page};
use crate::step::root;
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, process};

const MODES: [&str; 3] = ["random", "swarm", "guided"];

#[derive(Args)]
pub(super) struct Modes {
    /// Folder under scenarios/
    #[arg(long, default_value = "three-services")]
    scenario: String,
    /// Searches of each mode, each with seeds of its own
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    repetitions: u64,
    /// Runs of a search
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
}

/// What `blackstart fuzz --format json` says, as far as it is compared.
#[derive(Deserialize)]
struct Search {
    features: u64,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    id: String,
    run: u64,
}

impl Modes {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let root = root();
        let mut build = Command::new("cargo");
        build.args(["build", "--quiet", "--release", "--package", "blackstart"]).current_dir(root);
        finished(&mut build)?;
        let folder = env::temp_dir().join(format!("blackstart-modes-{}", process::id()));
        copy(&root.join("scenarios"), &folder)?;
        let table = self.table(&root.join("target/release/blackstart"), &folder);
        fs::remove_dir_all(&folder)?;
        let table = table?;
        println!("{table}");
        page::write("docs/src/fuzz.md", "cargo xtask bench modes", &table)
    }

    fn table(&self, program: &Path, folder: &Path) -> Result<String, Failure> {
        let Self { scenario, repetitions, runs } = self;
        let mut table = format!(
            "`scenarios/{scenario}`, {repetitions} searches of {runs} runs for each mode; the middle one, and the \
             least to the most:\n\n\
             | mode | ways to fail found by a search | by all of them together | run in which the first was found | \
             features seen |\n|---|---|---|---|---|\n"
        );
        for mode in MODES {
            let searches = (0..*repetitions).map(|number| {
                eprintln!("{mode}: search {} of {repetitions}", number + 1);
                self.search(program, folder, mode, 1 + number * runs)
            });
            let searches = searches.collect::<Result<Vec<Search>, Failure>>()?;
            table += &row(mode, &searches, *runs);
        }
        Ok(table)
    }

    fn search(&self, program: &Path, folder: &Path, mode: &str, seed: u64) -> Result<Search, Failure> {
        let (seed, runs) = (seed.to_string(), self.runs.to_string());
        let store = folder.join(format!("{mode}-{seed}.redb"));
        let mut command = Command::new(program);
        command.arg("fuzz").arg(folder.join(&self.scenario)).arg("--store").arg(&store);
        command.args(["--mode", mode, "--seed", &seed, "--runs", &runs, "--format", "json"]);
        let output = command.stderr(Stdio::inherit()).output()?;
        // 1 says that something was found.
        if !matches!(output.status.code(), Some(0 | 1)) {
            return Err(format!("blackstart fuzz: {}", output.status).into());
        }
        fs::remove_file(store)?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn row(mode: &str, searches: &[Search], runs: u64) -> String {
    let spread = |of: fn(&Search) -> u64| Spread::of(searches.iter().map(|search| of(search) as f64));
    let whole = |Spread { least, middle, most }: Spread| format!("{middle} ({least} to {most})");
    let all: BTreeSet<&str> =
        searches.iter().flat_map(|search| &search.findings).map(|finding| finding.id.as_str()).collect();
    // A search that found nothing would have had to go on.
    let first = Spread::of(searches.iter().map(|search| {
        let first = search.findings.iter().map(|finding| finding.run + 1).min();
        first.unwrap_or(runs + 1) as f64
    }));
    let (found, features) = (spread(|search| search.findings.len() as u64), spread(|search| search.features));
    format!("| {mode} | {} | {} | {} | {} |\n", whole(found), all.len(), whole(first), whole(features))
}

fn finished(command: &mut Command) -> Result<(), Failure> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// A folder and all below it.
fn copy(from: &Path, to: &PathBuf) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_counts_each_way_to_fail_once() {
        let search = |ids: &[(&str, u64)], features| {
            let findings = ids.iter().map(|&(id, run)| Finding { id: id.to_owned(), run });
            Search { features, findings: findings.collect() }
        };
        let searches = [search(&[("a", 4), ("b", 9)], 10), search(&[("b", 1)], 30), search(&[], 20)];
        assert_eq!(row("swarm", &searches, 50), "| swarm | 1 (0 to 2) | 2 | 5 (2 to 51) | 20 (10 to 30) |\n");
    }
}
