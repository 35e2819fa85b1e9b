//! `cargo xtask test`: the whole gate, cheapest answers first.
//!
//! The tests come last, so that the last line is the test runner's own summary. Tests that are too slow for every
//! day are ignored there (with a reason, see `tests/tidy.rs`) and run here.

use std::process::ExitCode;

use crate::step::{self, Need, Step};
use crate::tool::Tool;

const FORMAT: Step = Step {
    heading: "format",
    needs: Some(Need { probe: &["fmt", "--version"], install: "rustup component add rustfmt" }),
    cargo: &["fmt", "--all", "--", "--check"],
    environment: &[],
};

const CLIPPY: Step = Step {
    heading: "clippy",
    needs: Some(Need { probe: &["clippy", "--version"], install: "rustup component add clippy" }),
    cargo: &["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"],
    environment: &[],
};

const DOCUMENTATION: Step = Step {
    heading: "documentation",
    needs: None,
    cargo: &["doc", "--quiet", "--workspace", "--no-deps"],
    environment: &[("RUSTDOCFLAGS", "--deny warnings")],
};

const DOC_TESTS: Step = Step {
    heading: "doc tests",
    needs: None,
    cargo: &["test", "--quiet", "--workspace", "--doc"],
    environment: &[],
};

/// Planted bugs are a build of their own: the program refuses them.
const CANARIES: Step = Step {
    heading: "planted bugs",
    needs: None,
    cargo: &[
        "test",
        "--quiet",
        "--package",
        "blackstart-tests",
        "--features",
        "canary",
        "--test",
        "canaries",
    ],
    environment: &[],
};

const TESTS_NEXTEST: Step = Step {
    heading: "tests",
    needs: None,
    cargo: &["nextest", "run", "--workspace", "--no-fail-fast", "--run-ignored", "all"],
    environment: &[],
};

const TESTS_CARGO: Step = Step {
    heading: "tests (faster with cargo-nextest)",
    needs: None,
    cargo: &[
        "test",
        "--quiet",
        "--workspace",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
        "--",
        "--include-ignored",
    ],
    environment: &[],
};

/// Reads captures as people will.
const TSHARK: Tool = Tool { program: "tshark", packages: &["tshark"], version: "--version" };
/// Makes networks in the kernel, to compare with.
const IP: Tool = Tool { program: "ip", packages: &["iproute2"], version: "-Version" };
/// Chat clients that know nothing of ours. The plugins of the first hear what a test types.
const WEECHAT: Tool = Tool {
    program: "weechat-headless",
    packages: &["weechat-headless", "weechat-plugins"],
    version: "--version",
};
const II: Tool = Tool { program: "ii", packages: &["ii"], version: "-v" };

/// Runs everything; the exit code is that of the first step that failed.
pub(crate) fn run() -> ExitCode {
    if ![TSHARK, IP, WEECHAT, II].iter().all(Tool::is_there) {
        return ExitCode::from(step::CANNOT_BEGIN);
    }
    let tests = if step::works(&["nextest", "--version"]) { TESTS_NEXTEST } else { TESTS_CARGO };
    step::run_all(&[FORMAT, CLIPPY, DOCUMENTATION, DOC_TESTS, CANARIES, tests])
}
