//! A tree in words: whole, in one line, and as a key.

use super::{Cause, End, Tree};
use crate::utc::clock;
use crate::words::{clipped, wrapped};
use blackstart_rt::{Map, Set};

/// Between a cause and the one behind it.
const BEHIND: &str = " < ";
/// Columns of a time and the space after it.
const TIME: usize = 10;

impl Tree {
    /// In one line of at most `max_columns`: each thing that failed with what lies behind it, the nearest first. Things of one
    /// kind that failed for the same reason are counted: `(+3)`. Where there is no room, what lies in the middle is left out.
    #[must_use]
    pub fn chain(&self, max_columns: usize) -> String {
        let mut told = Map::new();
        let mut groups: Vec<(&str, Vec<String>, usize)> = Vec::new();
        for cause in &self.causes {
            let (kind, chain) = (cause.key.split(' ').next().unwrap_or_default(), line(cause, &mut told));
            let alike =
                |group: &&mut (&str, Vec<String>, usize)| group.0 == kind && group.1.last() == chain.last();
            match groups.iter_mut().find(alike) {
                Some(group) => group.2 += 1,
                None => groups.push((kind, chain, 0)),
            }
        }
        let chains = groups.into_iter().map(|(_, mut chain, more)| {
            if more > 0 {
                chain[0].push_str(&format!(" (+{more})"));
            }
            chain
        });
        fitted(chains.collect(), max_columns)
    }

    /// Equal for equal causes, over seeds: what failed, and in what each line of causes ends. No times, no counts.
    #[must_use]
    pub fn key(&self) -> String {
        let mut ends = Map::new();
        for cause in &self.causes {
            learn(cause, &mut ends);
        }
        let one = |cause: &Cause| {
            let behind: Vec<&str> = ends[&cause.key].iter().map(String::as_str).collect();
            format!("{}{BEHIND}{}", cause.key, behind.join(", "))
        };
        let lines: Set<String> = self.causes.iter().map(one).collect();
        lines.into_iter().collect::<Vec<_>>().join("; ")
    }

    /// The whole tree, one cause a line, what lies behind it indented below.
    #[must_use]
    pub fn lines(&self, columns: usize) -> Vec<String> {
        let mut lines = Vec::new();
        self.causes.iter().for_each(|cause| tell(cause, 0, columns, &mut lines));
        lines
    }
}

/// Chains in one line, without as much of their middles as must go.
fn fitted(mut chains: Vec<Vec<String>>, columns: usize) -> String {
    loop {
        let lines: Vec<String> = chains.iter().map(|chain| chain.join(BEHIND)).collect();
        let line = lines.join("; ");
        let longest = chains.iter_mut().filter(|chain| chain.len() > 2).max_by_key(|chain| chain.len());
        match longest {
            Some(longest) if line.chars().count() > columns => drop(longest.remove(longest.len() / 2)),
            _ => return clipped(&line, columns),
        }
    }
}

/// A cause and the first of what lies behind it, to the end. Causes met again go on where they were told first.
fn line<'a>(cause: &'a Cause, told: &mut Map<&'a str, &'a Cause>) -> Vec<String> {
    note(cause, told);
    let mut chain = Vec::new();
    let mut passed = Set::new();
    let mut next = Some(cause);
    while let Some(cause) = next.map(|cause| told.get(cause.key.as_str()).copied().unwrap_or(cause))
        && passed.insert(&cause.key)
    {
        chain.push(cause.short.clone());
        // An end that is known says more than one that is not.
        let known = cause.causes.iter().find(|cause| !dead_end(cause));
        next = known.or(cause.causes.first());
    }
    chain.dedup();
    chain
}

fn note<'a>(cause: &'a Cause, told: &mut Map<&'a str, &'a Cause>) {
    if !cause.again {
        told.entry(&cause.key).or_insert(cause);
    }
    cause.causes.iter().for_each(|cause| note(cause, told));
}

/// Whether nothing known lies behind it.
fn dead_end(cause: &Cause) -> bool {
    match cause.end {
        Some(end) => end == End::NotRecorded,
        None => !cause.again && cause.causes.iter().all(dead_end),
    }
}

/// The ends behind each cause.
fn learn(cause: &Cause, ends: &mut Map<String, Set<String>>) -> Set<String> {
    if cause.again {
        return ends.get(&cause.key).cloned().unwrap_or_default();
    }
    let mut behind: Set<String> = cause.causes.iter().flat_map(|cause| learn(cause, ends)).collect();
    if let Some(end) = cause.end {
        behind.insert(match end {
            End::NotRecorded => end.words().to_owned(),
            _ => cause.key.clone(),
        });
    }
    ends.insert(cause.key.clone(), behind.clone());
    behind
}

fn tell(cause: &Cause, depth: usize, columns: usize, lines: &mut Vec<String>) {
    let at = cause.at.map(clock).unwrap_or_default();
    let indent = " ".repeat(2 * depth);
    let sign = if depth == 0 { "" } else { "< " };
    let end = cause.end.map(|end| format!(" [{}]", end.words())).unwrap_or_default();
    let again = if cause.again { " (told above)" } else { "" };
    let text = format!("{}{end}{again}", cause.text);
    let room = columns.saturating_sub(TIME + indent.len() + 2).max(20);
    for (n, part) in wrapped(&text, room).into_iter().enumerate() {
        let (at, sign) = if n == 0 { (at.as_str(), sign) } else { ("", if depth == 0 { "" } else { "  " }) };
        lines.push(format!("{at:<TIME$}{indent}{sign}{part}").trim_end().to_owned());
    }
    cause.causes.iter().for_each(|cause| tell(cause, depth + 1, columns, lines));
}
