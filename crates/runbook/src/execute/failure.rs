//! Why something did not work: the words of those who tried, and the attempts behind the words.

use blackstart_identity::certificate::Invalid;
use blackstart_sim::Time;
use std::error::Error;
use std::fmt;

/// What somebody tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Looking a name up.
    NameLookup,
    /// A conversation over TCP.
    Connect,
    /// Believing what somebody shows who answers.
    Certificate,
    /// Signing in with an account.
    SignIn,
    /// Talking to a router at its console.
    Console,
    /// Putting a badge on a door's reader.
    BadgeTap,
    /// Having a guard open a door with a key.
    GuardKey,
    /// Reaching somebody who can do it.
    Person,
    /// Having an item at hand.
    Item,
    /// Going somewhere.
    Travel,
    /// Waiting until a signal is seen.
    Wait,
    /// Doing it within the time that the step has.
    Limit,
    /// Keeping a router's port open.
    Port,
    /// Reaching every data centre from a router.
    Reach,
    /// Anything else that people do.
    Task,
}

impl Kind {
    /// What went wrong in a conversation over TCP that ended like this.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let showed = error.source().is_some_and(|behind| behind.is::<Invalid>());
        if showed { Self::Certificate } else { Self::Connect }
    }

    /// The word used in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NameLookup => "name-lookup",
            Self::Connect => "connect",
            Self::Certificate => "certificate",
            Self::SignIn => "sign-in",
            Self::Console => "console",
            Self::BadgeTap => "badge",
            Self::GuardKey => "guard-key",
            Self::Person => "person",
            Self::Item => "item",
            Self::Travel => "travel",
            Self::Wait => "wait",
            Self::Limit => "limit",
            Self::Port => "port",
            Self::Reach => "reach",
            Self::Task => "task",
        }
    }
}

/// One thing that was tried and did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What was tried.
    pub kind: Kind,
    /// By whom.
    pub by: Option<String>,
    /// From which machine.
    pub from: Option<String>,
    /// What it was to reach: a name, an address, a door, a router, a role, a signal.
    pub to: String,
    /// When it began.
    pub began: Time,
    /// When it was given up.
    pub ended: Time,
    /// What was seen.
    pub saw: String,
}

impl Attempt {
    /// An attempt that ends now.
    pub(super) fn new(kind: Kind, to: impl Into<String>, began: Time, saw: impl fmt::Display) -> Self {
        let (by, from) = (None, None);
        Self { kind, by, from, to: to.into(), began, ended: Time::now(), saw: saw.to_string() }
    }

    pub(super) fn by(mut self, person: &str) -> Self {
        self.by = Some(person.to_owned());
        self
    }

    pub(super) fn from(mut self, machine: &str) -> Self {
        self.from = Some(machine.to_owned());
        self
    }
}

/// Why an action did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In the words of those who tried.
    pub text: String,
    /// What they tried; at least one.
    pub attempts: Vec<Attempt>,
}

impl Failure {
    /// What came of one attempt, in other words than what was seen.
    pub(super) fn of(text: impl Into<String>, attempt: Attempt) -> Self {
        Self { text: text.into(), attempts: vec![attempt] }
    }

    /// Something that could not even be begun.
    pub(super) fn at_once(kind: Kind, to: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::of(text.clone(), Attempt::new(kind, to, Time::now(), text))
    }

    /// Several ways that failed, one after the other; `None` when there are none.
    pub(super) fn all(failures: Vec<Self>, between: &str) -> Option<Self> {
        let texts: Vec<&str> = failures.iter().map(|failure| failure.text.as_str()).collect();
        let text = texts.join(between);
        let attempts: Vec<Attempt> = failures.into_iter().flat_map(|failure| failure.attempts).collect();
        (!attempts.is_empty()).then_some(Self { text, attempts })
    }

    /// This one, and another after it.
    pub(super) fn then(mut self, other: Self, between: &str) -> Self {
        self.text = format!("{}{between}{}", self.text, other.text);
        self.attempts.extend(other.attempts);
        self
    }

    /// The same with other words.
    pub(super) fn in_words(self, text: impl FnOnce(&str) -> String) -> Self {
        Self { text: text(&self.text), ..self }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::at_once(Kind::Task, "", text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
