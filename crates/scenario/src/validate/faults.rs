//! When faults begin.

use crate::files::faults::Faults;
use crate::files::units::When;
use crate::load::Read;
use blackstart_source::{Diagnostic, Diagnostics, Spanned};
use jiff::civil::Time;
use std::time::Duration;

/// Faults that are to begin when the run is over; this stops nothing, and breaks nothing either.
pub(crate) fn faults_that_never_begin(faults: &Read<Faults>, duration: Duration, clock: Time) -> Diagnostics {
    let begins = faults.it.fault.iter().filter_map(|fault| fault.at.as_ref());
    let never = begins.filter(|at| at.get_ref().since(clock) >= duration);
    let warning = |at: &Spanned<When>| match at.get_ref() {
        When::Clock(time) if *time < clock => {
            let message = format!(
                "{time} is before the run's start at {clock}: this begins on the next day, after its end"
            );
            let help = "write a time of day from the start on, or an offset such as `+10m`";
            Diagnostic::new(&faults.file, at.span(), message).helped(help)
        }
        _ => {
            let help = "let it begin before, or give scenario.toml a longer `duration`";
            Diagnostic::new(&faults.file, at.span(), "this begins after the run's end").helped(help)
        }
    };
    never.map(warning).collect()
}
