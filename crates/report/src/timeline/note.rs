//! One notable thing, and what it may share a line with.

use std::time::Duration;

/// One notable thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Part of the world; see [`Line`](super::Line).
    pub(super) part: &'static str,
    /// What it is: notes on one topic share a line.
    pub(super) topic: Topic,
    /// Longest silence after which a note on the same topic still joins the line.
    pub(super) gap: Duration,
    /// Who or what it happened to.
    pub(super) who: String,
    /// The rest: a port, a check, a count.
    pub(super) what: String,
    /// A topic and who on it: what was noted there just now is said better by this note.
    pub(super) instead_of: Option<(Topic, String)>,
}

/// What notes are about; how a line says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// A sentence that says everything.
    Said(String),
    /// `TEXT: WHO, WHO (WHAT, WHAT), WHO`.
    Listed(String),
    /// `16 ports shut at 8 routers: WHO, WHO`; who is the place, what is the thing.
    Counted {
        /// Singular: `port`.
        thing: &'static str,
        /// What was done: `shut`.
        done: &'static str,
        /// Singular: `router`.
        place: &'static str,
    },
    /// `SERVFAIL: WHAT, WHAT at WHO, WHO`; who is a vantage point, what is a check.
    Seen(String),
    /// Paths that collectors hold; who is a collector and a prefix, what is their number.
    Paths,
    /// What name servers make of the data centres, and whether they announce their prefixes for it; who is a name server,
    /// what is a count of answers or nothing.
    Steering {
        /// Whether the data centres count as up.
        up: bool,
    },
}

impl Note {
    /// A note on any topic.
    pub(super) fn on(
        part: &'static str,
        topic: Topic,
        who: impl Into<String>,
        what: impl Into<String>,
    ) -> Self {
        Self { part, topic, gap: minutes(1), who: who.into(), what: what.into(), instead_of: None }
    }

    /// A note that shares its line only with the same words in the same minute.
    pub(super) fn said(part: &'static str, text: impl Into<String>) -> Self {
        Self::on(part, Topic::Said(text.into()), "", "")
    }

    /// A note that lists who it happened to.
    pub(super) fn listed(part: &'static str, text: impl Into<String>, who: impl Into<String>) -> Self {
        Self::on(part, Topic::Listed(text.into()), who, "").within(2)
    }

    /// The same with more about whom it happened to, in brackets.
    pub(super) fn with(mut self, what: impl Into<String>) -> Self {
        self.what = what.into();
        self
    }

    /// The same with another gap.
    pub(super) fn within(mut self, minutes_max: u64) -> Self {
        self.gap = minutes(minutes_max);
        self
    }

    /// The same in place of what was noted on `topic` about `who` just now.
    pub(super) fn instead_of(mut self, topic: Topic, who: impl Into<String>) -> Self {
        self.instead_of = Some((topic, who.into()));
        self
    }
}

impl Topic {
    /// Ports of routers.
    pub(super) const fn ports(done: &'static str) -> Self {
        Self::Counted { thing: "port", done, place: "router" }
    }
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}
