//! Planted bugs, each with the judge that catches it and the smallest schedule of faults in which it shows.
//!
//! They are planted in `tests/canaries`, a scenario of two hours that takes some ten milliseconds. [`planted`] is the list:
//! searches that claim to find bugs have to find these.

use blackstart_fault::{Fault, Kind};
#[cfg(feature = "canary")]
use blackstart_scenario::Scenario;
use blackstart_sim::canary::Canary;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The scenario in which all of them can show.
#[must_use]
pub fn scenario() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("canaries")
}

/// The runbook of the scenario without mistakes.
pub const RUNBOOK: &str = "reopen";

/// One planted bug.
#[derive(Clone, Debug)]
pub struct Planted {
    /// Its name.
    pub name: &'static str,
    /// The bug; `None` where the runbook is what is wrong.
    pub canary: Option<Canary>,
    /// The runbook that people try.
    pub runbook: &'static str,
    /// The sentence that it breaks.
    pub caught_by: &'static str,
    /// The smallest schedule in which it shows.
    pub faults: Vec<Fault>,
}

impl Planted {
    /// The scenario with this bug in every run, and nothing broken yet.
    #[cfg(feature = "canary")]
    #[must_use]
    pub fn plant(&self, scenario: &Scenario) -> Scenario {
        let mut sick = scenario.clone();
        sick.canary = self.canary;
        sick.default_runbook = Some(self.runbook.to_owned());
        sick
    }
}

/// A fault from one minute to another.
fn fault(from: u64, until: u64, kind: Kind) -> Fault {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    Fault::at(minutes(from), Some(minutes(until - from)), kind)
}

/// All of them.
#[must_use]
pub fn planted() -> Vec<Planted> {
    let text = str::to_owned;
    let line = || [text("shop-r1"), text("isp-r1")];
    let kill = |service: &str| Kind::KillService { service: text(service) };
    let bug = |name, canary, caught_by, fault: Fault| Planted {
        name,
        canary: Some(canary),
        runbook: RUNBOOK,
        caught_by,
        faults: vec![fault],
    };
    vec![
        bug(
            "chat acknowledges before fsync",
            Canary::ChatAcknowledgesBeforeSync,
            "no acknowledged chat message is lost",
            fault(30, 31, Kind::PowerOff { machine: text("chat1") }),
        ),
        bug(
            "resolver caches SERVFAIL for ever",
            Canary::ResolverKeepsServfail,
            "after healing, names resolve",
            fault(20, 40, Kind::LinkDown { ends: line() }),
        ),
        bug(
            "speaker keeps a route after hold-timer expiry",
            Canary::SpeakerKeepsSilentRoutes,
            "no route outlives the session that taught it",
            fault(20, 40, Kind::LinkLoss { ends: line(), share: 1.0 }),
        ),
        bug(
            "door fails open when the server is slow",
            Canary::DoorFailsOpen,
            "no door opens without a valid grant or a key",
            fault(0, 20, kill("access-server")),
        ),
        bug(
            "ramp ignores the limit of errors",
            Canary::RampIgnoresErrors,
            "no more users are let in while too many requests fail",
            fault(3, 60, kill("store")),
        ),
        bug(
            "a cut link carries on",
            Canary::CutLinkCarries,
            "nothing is delivered over a link that is down",
            fault(20, 40, Kind::PortShut { router: text("shop-r1"), port: text("isp-r1") }),
        ),
        Planted {
            name: "a step without verification",
            canary: None,
            runbook: "reopen-unverified",
            caught_by: "when people are done, names resolve and apps serve",
            faults: vec![fault(30, 60, Kind::LinkDown { ends: line() })],
        },
    ]
}
