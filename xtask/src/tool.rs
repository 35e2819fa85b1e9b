//! Programs that tests need and a Rust installation does not bring.

use std::process::{Command, ExitStatus, Stdio};

/// A program and the Debian packages that bring it.
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    pub(crate) packages: &'static [&'static str],
    /// The argument that makes it say its version. Whether it calls that a success is its own affair.
    pub(crate) version: &'static str,
}

impl Tool {
    /// Whether the program is there, in the end: a missing one is installed where apt may do that, as it may in
    /// continuous integration. Else says what is missing.
    pub(crate) fn is_there(&self) -> bool {
        let there = self.runs() || (self.install() && self.runs());
        if !there {
            eprintln!(
                "tests need `{}`; install it with: apt-get install {}",
                self.program,
                self.packages.join(" ")
            );
        }
        there
    }

    fn runs(&self) -> bool {
        ends(Command::new(self.program).arg(self.version)).is_some()
    }

    fn install(&self) -> bool {
        eprintln!("=== {} is missing: apt-get install {}", self.program, self.packages.join(" "));
        let mut install = Command::new("apt-get");
        install.args(["install", "--yes", "--no-install-recommends"]).args(self.packages);
        ends(install.env("DEBIAN_FRONTEND", "noninteractive")).is_some_and(|status| status.success())
    }
}

/// How a program ended that says nothing here; `None` when there is none.
fn ends(command: &mut Command) -> Option<ExitStatus> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_what_cannot_be_had_is_missing() {
        assert!(Tool { program: "cargo", packages: &["cargo"], version: "--version" }.is_there());
        let missing =
            Tool { program: "no-such-program", packages: &["no-such-package"], version: "--version" };
        assert!(!missing.is_there());
    }
}
