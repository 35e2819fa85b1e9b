//! What a stranger should read of a run: its notable moments, one line each, in order.
//!
//! Records are far too many to show. `read` picks the notable ones, `note` says what belongs together, `group` joins what
//! happens together into one line, and `words` makes lists that fit. All of it is a pure function of the records and the names
//! of the machines.

mod group;
mod note;
mod read;

use blackstart_rt::Map;
use blackstart_sim::{NodeId, Record, Time};

/// Columns that a line's text may have, so that a page can still say until when.
pub const TEXT_COLUMNS: usize = 76;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it begins.
    pub at: Time,
    /// When the last thing of it happened.
    pub until: Time,
    /// Part of the world: `network`, `names`, `users`, `staff`, `doors`, `control`, `people`, `step`.
    pub part: &'static str,
    /// What happened, in at most [`TEXT_COLUMNS`] columns unless somebody is quoted.
    pub text: String,
}

/// The notable moments of a run, in order.
#[must_use]
pub fn lines<'a>(records: impl IntoIterator<Item = &'a Record>, names: &Map<NodeId, String>) -> Vec<Line> {
    let mut reader = read::Reader::new(names);
    let mut groups = group::Groups::default();
    let mut end = Time::ZERO;
    for record in records {
        end = record.time;
        for (at, note) in reader.notes(record) {
            groups.add(at, note);
        }
    }
    for note in reader.never_came_up() {
        groups.add(end.min(read::SETTLED), note);
    }
    groups.lines()
}

#[cfg(test)]
mod tests;
