//! Programs that tests need and a Rust installation does not bring.

use std::process::{Command, Stdio};

/// A program and the Debian package that brings it.
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    pub(crate) package: &'static str,
    /// The argument that makes it say its version.
    pub(crate) version: &'static str,
}

impl Tool {
    /// Whether the program is there, in the end: a missing one is installed where apt may do that, as it may in
    /// continuous integration. Else says what is missing.
    pub(crate) fn is_there(&self) -> bool {
        let there = self.runs() || (self.install() && self.runs());
        if !there {
            eprintln!("tests need `{}`; install it with: apt-get install {}", self.program, self.package);
        }
        there
    }

    fn runs(&self) -> bool {
        succeeds(Command::new(self.program).arg(self.version))
    }

    fn install(&self) -> bool {
        eprintln!("=== {} is missing: apt-get install {}", self.program, self.package);
        let mut install = Command::new("apt-get");
        install.args(["install", "--yes", "--no-install-recommends", self.package]);
        succeeds(install.env("DEBIAN_FRONTEND", "noninteractive"))
    }
}

fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    silent.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_what_cannot_be_had_is_missing() {
        assert!(Tool { program: "cargo", package: "cargo", version: "--version" }.is_there());
        let missing = Tool { program: "no-such-program", package: "no-such-package", version: "--version" };
        assert!(!missing.is_there());
    }
}
