//! The programs of `bench/`, and how they are built.

use super::{Failure, SIM_SECS};
use crate::step::root;
use clap::ValueEnum;
use std::path::PathBuf;
use std::process::Command;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Engine {
    Blackstart,
    Madsim,
    TurmoilNet,
    Bach,
    Turmoil,
}

impl Engine {
    /// Ours first: ratios are to the first.
    pub(super) const ALL: [Self; 5] =
        [Self::Blackstart, Self::Madsim, Self::TurmoilNet, Self::Bach, Self::Turmoil];

    fn package(self) -> &'static str {
        match self {
            Self::Blackstart => "bench-ours",
            Self::Madsim => "bench-madsim",
            Self::TurmoilNet => "bench-turmoil-net",
            Self::Bach => "bench-bach",
            Self::Turmoil => "bench-turmoil",
        }
    }

    /// Where cargo is called, because the flags of the build depend on it; and the target folder that follows from it.
    fn folders(self) -> (PathBuf, PathBuf) {
        let root = root();
        match self {
            Self::Madsim => (root.join("bench/madsim"), root.join("target/bench-madsim")),
            _ => (root.join("bench"), root.join("target/bench")),
        }
    }

    pub(super) fn program(self) -> PathBuf {
        self.folders().1.join("release").join(self.package())
    }

    /// Builds the program by itself, so that it does not get the features that other engines want of tokio.
    pub(super) fn build(self) -> Result<(), Failure> {
        let arguments = ["build", "--release", "--quiet", "--package", self.package()];
        let (folder, _) = self.folders();
        eprintln!("building {}", self.package());
        // Flags from outside would take the place of those in the folder's configuration.
        let built =
            Command::new("cargo").args(arguments).current_dir(&folder).env_remove("RUSTFLAGS").status()?;
        if !built.success() {
            return Err(format!(
                "{} does not build: cd {} && cargo {}",
                self.package(),
                folder.display(),
                arguments.join(" ")
            )
            .into());
        }
        Ok(())
    }

    /// The part of `secs` that this engine is to simulate. An engine that ticks costs so much per simulated second,
    /// whatever happens in it, that a part is enough; the square is how its cost grows.
    pub(super) fn sim_secs(self, n: u16, secs: u64) -> u64 {
        match self {
            Self::Turmoil => secs.min(500_000 / u64::from(n).pow(2)).max(10),
            _ => secs,
        }
    }

    /// What a comparison must say.
    pub(super) fn remark(self, n: u16) -> String {
        match self {
            Self::Blackstart => "packets of real bytes, TCP, on the native driver".to_owned(),
            Self::Madsim => {
                "messages instead of packets, no TCP underneath; latency drawn for each message".to_owned()
            }
            Self::TurmoilNet => "event-driven by a driver of ours; never retransmits".to_owned(),
            Self::Bach => "UDP only: keepalives are datagrams, answered in the place of ACKs".to_owned(),
            Self::Turmoil => {
                format!("10 ms tick; {} s simulated, scaled to {SIM_SECS} s", self.sim_secs(n, SIM_SECS))
            }
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Blackstart => "Blackstart",
            Self::Madsim => "madsim 0.2.34",
            Self::TurmoilNet => "turmoil-net 0.1.0",
            Self::Bach => "bach 0.2",
            Self::Turmoil => "turmoil 0.7.2",
        }
    }
}
