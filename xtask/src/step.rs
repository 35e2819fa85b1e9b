//! One cargo command of a task.

use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

/// Exit code when a step cannot even begin.
pub(crate) const CANNOT_BEGIN: u8 = 2;

/// A cargo command under a heading.
pub(crate) struct Step {
    pub(crate) heading: &'static str,
    /// What is not part of every Rust installation.
    pub(crate) needs: Option<Need>,
    /// Arguments of cargo.
    pub(crate) cargo: &'static [&'static str],
    /// Variables set for this command only.
    pub(crate) environment: &'static [(&'static str, &'static str)],
}

/// A cargo subcommand that may be missing.
pub(crate) struct Need {
    /// Arguments of cargo that succeed exactly when it is there.
    pub(crate) probe: &'static [&'static str],
    /// The command that installs it.
    pub(crate) install: &'static str,
}

/// Runs the steps in order and stops at the first that fails.
pub(crate) fn run_all(steps: &[Step]) -> ExitCode {
    let failed = steps.iter().find_map(|step| step.run().err());
    failed.map_or(ExitCode::SUCCESS, ExitCode::from)
}

/// Whether `cargo` succeeds with these arguments.
pub(crate) fn works(arguments: &[&str]) -> bool {
    let silent = cargo(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    silent.is_ok_and(|status| status.success())
}

impl Step {
    /// The exit code when it failed.
    fn run(&self) -> Result<(), u8> {
        eprintln!("\n=== {}: cargo {}", self.heading, self.cargo.join(" "));
        if let Some(need) = self.needs.as_ref().filter(|need| !works(need.probe)) {
            eprintln!(
                "`cargo {}` does not work here; install it with: {}",
                need.probe.join(" "),
                need.install
            );
            return Err(CANNOT_BEGIN);
        }
        let status = cargo(self.cargo).envs(self.environment.iter().copied()).status();
        let code = match status {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => failure(status),
            Err(error) => {
                eprintln!("cannot start cargo: {error}");
                CANNOT_BEGIN
            }
        };
        eprintln!("=== {} failed", self.heading);
        Err(code)
    }
}

/// A command ended by a signal has no code of its own.
fn failure(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(cargo: &'static [&'static str], needs: Option<Need>) -> Step {
        Step { heading: "test", needs, cargo, environment: &[] }
    }

    #[test]
    fn the_first_failure_gives_the_exit_code() {
        assert_eq!(step(&["--version"], None).run(), Ok(()));
        // Cargo's own code for a command that does not exist.
        assert_eq!(step(&["no-such-command"], None).run(), Err(101));
    }

    #[test]
    fn what_is_missing_is_said_before_the_command_runs() {
        let need = Need { probe: &["no-such-command"], install: "rustup component add it" };
        assert_eq!(step(&["--version"], Some(need)).run(), Err(CANNOT_BEGIN));
    }
}
