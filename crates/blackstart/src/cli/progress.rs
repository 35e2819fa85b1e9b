//! The progress bar: simulated time, on standard error, when somebody is watching.

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

/// Moves the bar.
pub(super) fn show(bar: &ProgressBar, reached: Duration) {
    let minutes = reached.as_secs() / 60;
    bar.set_position(reached.as_secs());
    bar.set_message(format!("{}h{:02}", minutes / 60, minutes % 60));
}
