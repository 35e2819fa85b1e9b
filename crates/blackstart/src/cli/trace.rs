//! Diagnostics for developers: `tracing` to standard error, when `RUST_LOG` asks for it. Nothing is derived from it.
//!
//! `RUST_LOG` takes a level or a list of `target=level`. Lines carry virtual time and host inside a run.

use blackstart::sim::{Time, task};
use std::fmt;
use std::io::stderr;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Virtual time in seconds since the run began, and the host whose code speaks.
struct Virtual;

impl FormatTime for Virtual {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        let host = task::host_name();
        write!(to, "{:>14.6} {}", Time::now().since_start().as_secs_f64(), host.as_deref().unwrap_or("-"))
    }
}

/// Whether `RUST_LOG` asks for anything.
pub(super) fn wanted() -> bool {
    asked().is_some()
}

#[expect(clippy::disallowed_methods, reason = "diagnostics of the command itself, outside every run")]
fn asked() -> Option<String> {
    std::env::var("RUST_LOG").ok().filter(|asked| !asked.is_empty())
}

/// Sends diagnostics to standard error from now on, if asked to.
pub(super) fn to_stderr() {
    let Some(asked) = asked() else { return };
    let targets: Targets = match asked.parse() {
        Ok(targets) => targets,
        Err(error) => return eprintln!("RUST_LOG is not understood and ignored: {error}"),
    };
    let lines = tracing_subscriber::fmt::layer().with_timer(Virtual).with_writer(stderr);
    // Somebody else's subscriber, if there is one, is as good.
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
}
