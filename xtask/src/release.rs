//! `cargo xtask release`: the program for campaigns, compiled with what one founding night showed of it.
//!
//! The compiler lays code out, and unfolds calls, by how often that run came by. The program is compiled twice for it,
//! so this is not how it is built every day.

use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use crate::step::{CANNOT_BEGIN, root};

const TRAINING: [&str; 2] = ["run", "scenarios/facebook-2021-10-04"];

/// Prints the program's path.
pub(crate) fn run() -> ExitCode {
    match build() {
        Ok(program) => {
            println!("{}", program.display());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("cargo xtask release: {problem}");
            ExitCode::from(CANNOT_BEGIN)
        }
    }
}

fn build() -> Result<PathBuf, String> {
    let root = root();
    let rust = Rust::of(root)?;
    let counts = root.join("target/training");
    match fs::remove_dir_all(&counts) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", counts.display()))?
        }
        _ => {}
    }
    let counting =
        rust.compile(root, "target/counting", &format!("-Cprofile-generate={}", counts.display()))?;
    succeed(Command::new(counting).args(TRAINING).current_dir(root).stdout(Stdio::null()))?;
    let profile = counts.join("merged.profdata");
    succeed(Command::new(&rust.profdata).args(["merge", "-o"]).args([&profile, &counts]))?;
    rust.compile(root, "target/trained", &format!("-Cprofile-use={}", profile.display()))
}

/// The toolchain that cargo uses in this project.
struct Rust {
    /// Its target triple.
    host: String,
    /// LLVM's program that merges counts.
    profdata: PathBuf,
}

impl Rust {
    fn of(root: &Path) -> Result<Self, String> {
        let version = said(Command::new("rustc").arg("-vV").current_dir(root))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.ok_or("`rustc -vV` names no host")?.to_owned();
        let sysroot = said(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root))?;
        let tools = Path::new(sysroot.trim()).join("lib/rustlib").join(&host).join("bin");
        let profdata = tools.join(format!("llvm-profdata{EXE_SUFFIX}"));
        match profdata.exists() {
            true => Ok(Self { host, profdata }),
            false => {
                Err("it needs `llvm-profdata`; install it with: rustup component add llvm-tools".to_owned())
            }
        }
    }

    /// Compiles the program with a flag of rustc more, which build scripts and macros are spared: cargo is told the target.
    fn compile(&self, root: &Path, folder: &str, flag: &str) -> Result<PathBuf, String> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--package", "blackstart", "--release", "--target", &self.host]);
        // Such a variable replaces the flags of `.cargo/config.toml`.
        let flags = ["--cfg", "tokio_unstable", flag].join("\x1f");
        succeed(
            cargo.args(["--target-dir", folder]).env("CARGO_ENCODED_RUSTFLAGS", flags).current_dir(root),
        )?;
        Ok(root.join(folder).join(&self.host).join("release").join(format!("blackstart{EXE_SUFFIX}")))
    }
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = command.status();
    good(command, status)
}

/// What a command says on standard output.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.stderr(Stdio::inherit()).output();
    let (status, stdout) = match output {
        Ok(output) => (Ok(output.status), output.stdout),
        Err(error) => (Err(error), Vec::new()),
    };
    good(command, status)?;
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

fn good(command: &Command, status: io::Result<ExitStatus>) -> Result<(), String> {
    let program = command.get_program().display();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{program}` ended with {status}")),
        Err(error) => Err(format!("cannot start `{program}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_says_or_why_it_failed() {
        assert!(said(Command::new("rustc").arg("-vV")).is_ok_and(|version| version.contains("host: ")));
        let failed = said(Command::new("rustc").arg("--no-such-flag"));
        assert!(failed.is_err_and(|problem| problem.starts_with("`rustc` ended with")));
        let missing = succeed(&mut Command::new("no-such-program"));
        assert!(missing.is_err_and(|problem| problem.starts_with("cannot start `no-such-program`")));
    }
}
