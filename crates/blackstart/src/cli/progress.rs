//! The progress bar, on standard error, when somebody is watching: simulated time of one run, or runs done.

use blackstart::campaign::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::Duration;

/// A bar over `length` of simulated time, or one that shows nothing.
pub(super) fn bar(length: Duration) -> ProgressBar {
    if !stderr().is_terminal() || super::trace::wanted() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length.as_secs());
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg} simulated, {elapsed} elapsed");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A bar over runs: it grows with what is planned.
pub(super) struct Runs(ProgressBar);

impl Runs {
    /// A bar, or one that shows nothing.
    pub(super) fn bar() -> Self {
        if !stderr().is_terminal() || super::trace::wanted() {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {elapsed} elapsed, {eta} to go");
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }
}

impl Progress for Runs {
    fn planned(&self, runs: usize) {
        self.0.inc_length(runs as u64);
    }

    fn done(&self) {
        self.0.inc(1);
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Moves the bar.
pub(super) fn show(bar: &ProgressBar, reached: Duration) {
    let minutes = reached.as_secs() / 60;
    bar.set_position(reached.as_secs());
    bar.set_message(format!("{}h{:02}", minutes / 60, minutes % 60));
}
