//! What network management puts on the run's record.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A decision, refusal or failure of network management.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Somebody is logged in to this router.
    LoginOk {
        /// The account, as the sign-in or the router's own list names it.
        account: String,
        /// How they came.
        door: Door,
    },
    /// Somebody was not let in to this router.
    LoginRefused {
        /// The account they named; empty when only a session was shown.
        account: String,
        /// How they came.
        door: Door,
        /// Why.
        reason: Refusal,
    },
    /// The router runs another configuration from now on.
    Committed {
        /// Account, and the person where an account is shared: `break-glass/alice`.
        who: String,
        /// What brought it in.
        cause: Cause,
        /// Ports that the change shuts.
        ports_down: Vec<String>,
        /// Ports that the change opens.
        ports_up: Vec<String>,
    },
    /// A change waits for its time.
    CommitScheduled {
        /// As in [`Event::Committed`].
        who: String,
        /// Seconds since 1970 on the router's own clock.
        at_unix_s: u64,
        /// Ports that the change will shut.
        ports_down: Vec<String>,
        /// Ports that the change will open.
        ports_up: Vec<String>,
    },
    /// A change was not made.
    CommitRefused {
        /// As in [`Event::Committed`].
        who: String,
        /// Why.
        reason: Refusal,
    },
    /// The running configuration is now also the saved and the last good one.
    Saved {
        /// As in [`Event::Committed`].
        who: String,
    },
    /// Changes from the network are refused from now on (`true`) or allowed again.
    Locked {
        /// As in [`Event::Committed`].
        who: String,
        /// Whether the lock is on.
        on: bool,
    },
    /// A port did not do what the configuration says.
    PortFailed {
        /// The port.
        port: String,
        /// What the system said.
        error: String,
    },
    /// The saved configuration could not be read or written.
    DiskFailed {
        /// What the disk said.
        error: String,
    },
    /// The command audit has judged an intended command.
    Audited {
        /// The command's name.
        command: String,
        /// Ports that it would shut.
        ports: u32,
        /// Ports that there are.
        ports_total: u32,
        /// The judgement.
        allowed: bool,
        /// What it rests on.
        reason: String,
    },
    /// A step of the backbone-capacity controller.
    CapacityCommand(Capacity),
    /// The routing did not originate a prefix as the configuration says.
    OriginateFailed {
        /// The prefix.
        prefix: String,
        /// What the routing said.
        error: String,
    },
    /// A step of the configuration store.
    ConfigurationPush(Push),
    /// A step of an alert.
    Alert(Alert),
}

impl blackstart_rt::Event for Event {
    const KIND: &'static str = "manage";
}

/// A step of the backbone-capacity controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capacity {
    /// The time of the assessment had passed when the controller started; it leaves the network alone.
    Skipped,
    /// Sign-in gave no session; the command did not go on.
    SignInFailed {
        /// What the sign-in service or the network said.
        reason: String,
    },
    /// The audit gave no answer; without one the command does not run.
    AuditFailed {
        /// What the network said.
        reason: String,
    },
    /// The audit said no.
    Denied {
        /// The audit's words.
        reason: String,
    },
    /// Routers have been told to shut ports at one moment.
    Ordered {
        /// Routers that accepted the order.
        routers: u32,
        /// Ports that they will shut.
        ports: u32,
        /// When, in seconds since 1970.
        at_unix_s: u64,
    },
    /// Ports of the order were found open again and have been ordered shut.
    Repeated {
        /// Routers that accepted the order.
        routers: u32,
        /// Ports that they will shut.
        ports: u32,
        /// When, in seconds since 1970.
        at_unix_s: u64,
    },
    /// A router did not take the order.
    RouterFailed {
        /// The router.
        router: String,
        /// What it or the network said.
        reason: String,
    },
    /// Somebody told the controller to stop repeating its order (`true`) or to go on.
    Held {
        /// Whether it holds.
        on: bool,
        /// Who they said they are.
        who: String,
    },
}

/// A step of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alert {
    /// What it looks at has failed for long enough.
    Fired {
        /// The alert.
        alert: String,
    },
    /// People have been paged.
    Delivered {
        /// The alert.
        alert: String,
    },
    /// Nobody could be paged, or not for the same reason any more.
    Undelivered {
        /// The alert.
        alert: String,
        /// What stood in the way.
        why: String,
    },
    /// What it looks at has been well for long enough.
    Cleared {
        /// The alert.
        alert: String,
    },
    /// Somebody said that they have it, or picked up a phone.
    Acknowledged {
        /// The alert.
        alert: String,
        /// Their name in the chat, or the phone.
        by: String,
    },
    /// Nobody said anything, and no phone was picked up.
    Unanswered {
        /// The alert.
        alert: String,
    },
}

/// A step of the configuration store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Push {
    /// A change was not pushed.
    Refused {
        /// Who wanted to.
        who: String,
        /// The change.
        change: String,
        /// Why not.
        why: String,
    },
    /// The routers of a stage run a change, for now.
    Staged {
        /// The change.
        change: String,
        /// Which stage; 1 is the canary.
        stage: u32,
        /// Its routers.
        routers: Vec<String>,
    },
    /// A push goes no further; routers take back what they have of it.
    Stopped {
        /// The change.
        change: String,
        /// What was seen.
        why: String,
    },
    /// All routers have a change, and keep it.
    Done {
        /// The change.
        change: String,
    },
    /// Nothing is pushed from now on.
    Frozen {
        /// Who said so.
        who: String,
    },
    /// Changes are pushed again.
    Lifted {
        /// Who said so.
        who: String,
    },
}

/// How somebody comes to a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// Over the network; needs a session of the sign-in service.
    InBand,
    /// The serial console; takes the router's own accounts only.
    Console,
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InBand => "in-band",
            Self::Console => "console",
        })
    }
}

/// What brought a configuration in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A commit, at once.
    Commit,
    /// A commit whose time has come.
    Scheduled,
    /// A return to an earlier configuration.
    Rollback,
    /// A return to what ran before a commit that nobody confirmed in time.
    Unconfirmed,
}

/// Why a router refuses. The word goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The command needs a login first.
    #[error("not-logged-in")]
    NotLoggedIn,
    /// Nothing waits to be confirmed.
    #[error("nothing-to-confirm")]
    NothingToConfirm,
    /// This kind of login or command is not for this door.
    #[error("wrong-door")]
    WrongDoor,
    /// Unknown account or wrong secret.
    #[error("bad-credentials")]
    BadCredentials,
    /// The second factor is missing or wrong.
    #[error("bad-code")]
    BadCode,
    /// Too many failures in a row; for a while the right credentials do not help either.
    #[error("locked-out")]
    LockedOut,
    /// The account is known but may not log in to routers.
    #[error("not-allowed")]
    NotAllowed,
    /// The sign-in service does not vouch for the session.
    #[error("session-refused")]
    SessionRefused,
    /// The sign-in service did not answer, so nobody can log in over the network.
    #[error("sign-in-unreachable")]
    SignInUnreachable,
    /// Somebody at the console has locked the configuration against changes from the network.
    #[error("locked")]
    Locked,
    /// No such command.
    #[error("unknown-command")]
    UnknownCommand,
    /// No such port on this router.
    #[error("unknown-port")]
    UnknownPort,
    /// A key, value, address or time that cannot be.
    #[error("invalid")]
    Invalid,
    /// Nothing is staged.
    #[error("nothing-staged")]
    NothingStaged,
    /// A time that has passed.
    #[error("past")]
    Past,
    /// A limit of the router is reached.
    #[error("too-many")]
    TooMany,
    /// The router could not write its disk.
    #[error("disk")]
    Disk,
    /// The router's routing did not take the change.
    #[error("routing")]
    Routing,
}

impl Refusal {
    const ALL: [Self; 17] = [
        Self::NotLoggedIn,
        Self::WrongDoor,
        Self::BadCredentials,
        Self::BadCode,
        Self::LockedOut,
        Self::NotAllowed,
        Self::SessionRefused,
        Self::SignInUnreachable,
        Self::Locked,
        Self::UnknownCommand,
        Self::UnknownPort,
        Self::Invalid,
        Self::NothingStaged,
        Self::Past,
        Self::TooMany,
        Self::Disk,
        Self::Routing,
    ];

    /// The refusal behind its word on the wire.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.to_string() == word)
    }
}
