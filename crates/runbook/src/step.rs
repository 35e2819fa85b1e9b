//! What a runbook says, once read: clean types without TOML shapes, each name with the place where it stands.
//!
//! Reading Markdown lives in `markdown`, `block` and `convert`; judging names in `check`; doing the steps in
//! `execute`.

use blackstart_source::{SourceFile, Span};
use std::net::IpAddr;
use std::time::Duration;

/// A word of the runbook and where it stands, so that an error can point at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The word itself.
    pub text: String,
    /// Its place in the runbook's file.
    pub span: Span,
}

impl Name {
    /// The place of `paper@PLACE`.
    #[must_use]
    pub fn paper(&self) -> Option<Self> {
        let place = self.text.strip_prefix("paper@")?;
        Some(Self { text: place.to_owned(), span: self.span.clone() })
    }
}

/// An address, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Its place in the runbook's file.
    pub span: Span,
}

/// Name of the step in which a runbook is chosen; no heading may have it.
pub const CHOICE: &str = "choose-runbook";

/// Way to reach somebody: the chat.
pub const CHAT: &str = "chat";
/// Way to reach somebody: a call.
pub const PHONE: &str = "phone";

/// A recovery runbook: one Markdown file.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// The file that it was read from; every [`Span`] points into it.
    pub file: SourceFile,
    /// File name without `.md`.
    pub name: String,
    /// First heading.
    pub title: String,
    /// What must be seen, all of it, before anybody takes this runbook up; with none it is begun at once.
    pub use_when: Vec<Condition>,
    /// Services that the runbook brings back.
    pub restores: Vec<Name>,
    /// Where copies lie: `paper@PLACE` or the name of a service.
    pub copies: Vec<Name>,
    /// Needs without a model that the author takes for granted; every verdict prints them.
    pub assumes_up: Vec<Name>,
    /// Roles that `else = "escalate"` calls, in order.
    pub escalate_to: Vec<Name>,
    /// Steps in the order of the file.
    pub steps: Vec<Step>,
}

impl Runbook {
    /// Who begins it, and so decides that it is the one to use.
    #[must_use]
    pub fn beginner(&self) -> Option<&Who> {
        self.steps.iter().find_map(|step| step.body.as_ref()).map(|body| &body.who)
    }

    /// The tasks whose durations its steps draw.
    pub fn tasks(&self) -> impl Iterator<Item = &'static str> {
        let bodies = self.steps.iter().filter_map(|step| step.body.as_ref());
        let actions = bodies.flat_map(|body| std::iter::once(&body.action).chain(&body.undo));
        let escalation: &[&str] = if self.escalate_to.is_empty() { &[] } else { &["call", "join"] };
        let choice: &[&str] = if self.use_when.is_empty() { &[] } else { &["notice"] };
        actions.flat_map(Action::tasks).chain(escalation).chain(choice).copied()
    }
}

/// One heading with its prose and, unless it is unchecked, one block.
#[derive(Clone, Debug)]
pub struct Step {
    /// Slug of the heading.
    pub id: String,
    /// The heading.
    pub title: String,
    /// The text that people read.
    pub prose: String,
    /// Line of the heading, from 1.
    pub line: usize,
    /// The heading's place in the file.
    pub span: Span,
    /// What is to be done; `None` is an *unchecked* step: prose only.
    pub body: Option<Body>,
}

/// The checked part of a step.
#[derive(Clone, Debug)]
pub struct Body {
    /// Who does it; inherited from the step before when absent.
    pub who: Who,
    /// Whether it begins together with the step before it.
    pub with_previous: bool,
    /// What must be seen before the step begins.
    pub after: Option<Wait>,
    /// What is done.
    pub action: Action,
    /// How often it is done at most.
    pub tries: Tries,
    /// What must be seen before the step counts as done.
    pub until: Option<Wait>,
    /// Where the runbook goes on when it is done; with the next step unless given.
    pub then: Option<Then>,
    /// How to take it back.
    pub undo: Option<Action>,
    /// Needs beyond those that the action has by itself; stop conditions without a model are among them.
    pub needs: Vec<Name>,
}

/// How often an action is done before it counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// At most so often; 1 unless given.
    pub most: u32,
    /// Time between two; zero unless given.
    pub pause: Duration,
}

/// Who performs a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The first person on the bridge, else on call, with this role.
    Role(Name),
    /// At least `of` of these roles must agree; `deputies` may stand in.
    Approvers {
        /// Roles asked, in order.
        roles: Vec<Name>,
        /// How many must agree.
        of: usize,
        /// Whether a deputy counts for the role.
        deputies: bool,
    },
    /// Together these people have every skill.
    Team {
        /// What the team is called in later signals (`team-at-gate@…`).
        name: Name,
        /// Skills that the team must have between them.
        skills: Vec<Name>,
    },
}

/// Something that can be seen.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Signal stem or `stem@vantage`.
    pub signal: Name,
    /// When it counts as seen.
    pub test: Test,
    /// `2 of 3 outside vantage points`: how many points of a group must agree.
    pub quorum: Option<Quorum>,
}

/// A wait for something that the actor can see.
#[derive(Clone, Debug)]
pub struct Wait {
    /// What must be seen.
    pub seen: Condition,
    /// Longest time to wait.
    pub within: Duration,
    /// What to do when it was not seen in time.
    pub otherwise: Otherwise,
}

/// When a signal's value counts as seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Equal to this text (`NOERROR`, `true`, `all`, `4`).
    Is(String),
    /// A number at or above this; `95%` is 95.
    AtLeast(f64),
}

/// How many vantage points of a group must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Points that must agree.
    pub count: usize,
    /// Points asked.
    pub of: usize,
    /// Label that the vantage points share: `outside`.
    pub group: Name,
}

/// Where a runbook goes on after a step that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// With this step.
    Step(Name),
    /// Nowhere: the runbook is finished.
    End,
}

/// Where a step goes when its wait ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// Go on with this step; the present one counts as failed over.
    Step(Name),
    /// Nobody in the room may go on: the step is blocked.
    Stop,
    /// Those whom the runbook names are called and join in; the step is tried once more, and blocked if that fails too.
    Escalate,
    /// Take the action back, then block.
    Undo,
    /// For a ramp: go back one percentage; the step is blocked.
    PreviousPercent,
}

impl Otherwise {
    /// The words for what is not a step.
    pub(crate) const ORDERS: &[&str] = &["stop", "escalate", "undo", "previous-percent"];

    /// What `word` orders; `None` means that it names a step.
    pub(crate) fn order(word: &str) -> Option<Self> {
        match word {
            "stop" => Some(Self::Stop),
            "escalate" => Some(Self::Escalate),
            "undo" => Some(Self::Undo),
            "previous-percent" => Some(Self::PreviousPercent),
            _ => None,
        }
    }
}

/// What a step does. Every action acts through the simulated systems; `execute` says how.
#[derive(Clone, Debug)]
pub enum Action {
    /// Look at signals from one's own instruments (a phone that is not on the company's network).
    Observe {
        /// Signals looked at.
        signals: Vec<Name>,
    },
    /// Call people and gather them on a bridge.
    Convene {
        /// Bridge to meet on.
        bridge: Name,
        /// List of numbers that is used (an item that the caller must hold).
        by: Name,
        /// Roles to call.
        roles: Vec<Name>,
    },
    /// Approvers decide by voice, with call-back, and the decision reaches the site's guard.
    Decide {
        /// What is decided.
        what: Name,
        /// Where it is recorded.
        record: Name,
        /// Site whose guard desk is told the names; unless given, the vantage of the step's `until` signal.
        site: Name,
    },
    /// The team goes to a site.
    Travel {
        /// Site.
        to: Name,
        /// Items to bring.
        carry: Vec<Name>,
        /// Role at every other site that goes to its routers and waits, hands off.
        alert: Option<Name>,
    },
    /// The team goes through a door.
    Enter {
        /// Door.
        door: Name,
        /// Ways to open it, tried in order.
        ways: Vec<Name>,
    },
    /// Log in on routers.
    Login {
        /// `serial` or `remote`.
        by: Name,
        /// Group of routers.
        on: Name,
        /// Account or credential that is used (`break-glass`, `sign-in`).
        with: Name,
        /// Second factor item, when the account has one.
        second_factor: Option<Name>,
    },
    /// Compare running configuration with the last good one, changing nothing.
    Compare {
        /// Item on which the running configuration is saved.
        save: Option<Name>,
    },
    /// Bring configuration back on a group of links, the first `first` alone and held.
    Apply {
        /// `last-good` or `saved`.
        what: Name,
        /// Group of links; an `undo` without one means the group of the action that it takes back.
        on: Name,
        /// Links brought back before the hold; 1 unless given.
        first: usize,
        /// How long the first must hold; zero unless given.
        hold: Duration,
        /// Item on which the saved configuration lies; present exactly when `what` is `saved`.
        from: Option<Name>,
        /// Automation that is cut off first.
        isolate: Option<Name>,
        /// Share of users, in percent, that the edges admit before names return.
        admit: Option<u32>,
    },
    /// Admit users in steps.
    Admit {
        /// Percentages, rising.
        percents: Vec<u32>,
        /// How long each must hold.
        hold: Duration,
        /// Share of errors, in percent, at which the ramp steps back.
        stop_errors_percent: Option<u32>,
    },
    /// Cut automation off, at the router that its machine is plugged into.
    Isolate {
        /// The service.
        service: Name,
    },
    /// Fetch an item from the place where it lies, or from the person who holds it.
    Fetch {
        /// The item.
        item: Name,
    },
    /// Sign in from the actor's own machine.
    SignIn {
        /// Account that the sign-in service knows.
        account: Name,
    },
    /// Open a document: on a site of this name, or on paper where one stands.
    Open {
        /// `paper@PLACE`, or the host name of a site.
        document: Name,
    },
    /// Switch a machine off and on again, by hand.
    PowerCycle {
        /// The machine.
        machine: Name,
    },
    /// Start a service again, at its machine.
    Restart {
        /// The service.
        service: Name,
    },
    /// Call people; on the bridge, if there is one, they stay.
    Call {
        /// Roles to call, in order.
        roles: Vec<Name>,
    },
    /// Brief somebody, who has the role from then on.
    HandOver {
        /// The role that is handed over.
        role: Name,
        /// Role of the person who takes it.
        to: Name,
    },
    /// Say something in the chat and have it read.
    Chat {
        /// Channel.
        channel: Name,
        /// Chat service.
        on: Name,
        /// Role of whoever reads it.
        to: Name,
        /// Words.
        text: Name,
        /// Account that both sign in with, where the service asks for one.
        with: Option<Name>,
        /// Ways to reach them, in order: the chat alone when there are none.
        ways: Vec<Name>,
    },
    /// Page people through the chat, one after the other, until one answers.
    Page {
        /// Roles, in order.
        roles: Vec<Name>,
        /// Chat service.
        on: Name,
        /// How long each has.
        patience: Duration,
        /// Account that they sign in with, where the service asks for one.
        with: Option<Name>,
    },
    /// Be let through a door by somebody else.
    Escort {
        /// Door.
        door: Name,
        /// Role of whoever comes.
        by: Name,
    },
    /// Log in on routers over the network, through a jump host.
    Ssh {
        /// Group of routers.
        on: Name,
        /// Service that is the jump host.
        through: Name,
        /// Account of the sign-in service.
        with: Name,
    },
    /// Have a router originate a prefix, or no longer.
    Originate {
        /// Prefix.
        prefix: Name,
        /// Router.
        on: Name,
        /// Whether it is announced from then on.
        announced: bool,
    },
    /// Move a prefix from one router to another.
    FailOver {
        /// Prefix.
        prefix: Name,
        /// Router that has it.
        from: Name,
        /// Router that takes it.
        to: Name,
    },
    /// Tell the configuration store something, signed in.
    Configure {
        /// What.
        order: Configure,
        /// Configuration store.
        on: Name,
        /// Account that one signs in with.
        with: Name,
    },
    /// Have a standby take over from the service that it stands by for.
    TakeOver {
        /// The service.
        service: Name,
        /// The standby.
        to: Name,
    },
    /// Move a name from one address to another.
    Repoint {
        /// The name.
        name: Name,
        /// Name server that is changed.
        on: Name,
        /// Address that it has.
        from: Address,
        /// Address that it gets.
        to: Address,
    },
    /// Come into the company's network through a VPN gateway.
    Vpn {
        /// The gateway's service.
        on: Name,
        /// Account of the sign-in service.
        with: Name,
    },
    /// Switch machines off and on again, one after the other.
    Reset {
        /// Machines in this order; a site or a rack stands for its hosts.
        machines: Vec<Name>,
        /// How long each may take to start its services.
        patience: Duration,
    },
    /// Say something in public.
    Post {
        /// Service that carries it.
        on: Name,
        /// Words.
        text: Name,
    },
}

/// What a configuration store is told.
#[derive(Clone, Debug)]
pub enum Configure {
    /// Push this change.
    Push(Name),
    /// Push nothing from now on.
    Freeze,
    /// Push again.
    LiftFreeze,
}

impl Action {
    /// Whether it changes what users depend on, so that there should be a way back.
    #[must_use]
    pub fn is_risky(&self) -> bool {
        match self {
            Self::Apply { what, .. } => what.text == "last-good",
            Self::Admit { .. } | Self::Originate { .. } | Self::FailOver { .. } | Self::Repoint { .. } => {
                true
            }
            _ => false,
        }
    }

    /// Whether `undo` is this action the other way round; `None` when nobody can tell.
    #[must_use]
    pub fn is_taken_back_by(&self, undo: &Self) -> Option<bool> {
        match (self, undo) {
            (
                Self::Originate { prefix, on, announced },
                Self::Originate { prefix: other, on: there, announced: then },
            ) => Some((&prefix.text, &on.text, *announced) == (&other.text, &there.text, !*then)),
            (
                Self::FailOver { prefix, from, to },
                Self::FailOver { prefix: other, from: back_from, to: back_to },
            ) => Some((&prefix.text, &from.text, &to.text) == (&other.text, &back_to.text, &back_from.text)),
            (
                Self::Repoint { name, on, from, to },
                Self::Repoint { name: other, on: there, from: back_from, to: back_to },
            ) => Some(
                (&name.text, &on.text, from.ip, to.ip)
                    == (&other.text, &there.text, back_to.ip, back_from.ip),
            ),
            (Self::Apply { on, .. }, Self::Apply { what, on: there, .. }) => {
                Some(what.text == "saved" && on.text == there.text)
            }
            (
                Self::Originate { .. } | Self::FailOver { .. } | Self::Repoint { .. } | Self::Apply { .. },
                _,
            ) => Some(false),
            _ => None,
        }
    }

    /// The tasks whose durations it draws: see [`TASKS`](blackstart_world::people::TASKS).
    #[must_use]
    pub fn tasks(&self) -> &'static [&'static str] {
        match self {
            Self::Observe { .. } => &["notice"],
            Self::Convene { .. } => &["call", "join"],
            Self::Decide { .. } => &["weigh", "call-back", "tell-guard"],
            Self::Travel { alert: None, .. } => &["get-ready"],
            Self::Travel { .. } => &["get-ready", "call"],
            Self::Enter { ways, .. } if ways.iter().all(|way| way.text == "badge") => &["tap-badge"],
            Self::Enter { .. } => &["tap-badge", "guard-check", "escort"],
            Self::Login { by, .. } if by.text == "remote" => &["try-console"],
            Self::Login { .. } => &["open-safe", "connect-serial", "unlock-device"],
            Self::Compare { .. } => &["read-config", "agree-on-cause"],
            Self::Apply { isolate: None, .. } => &["apply"],
            Self::Apply { .. } => &["apply", "isolate"],
            Self::Admit { .. } => &["judge-load"],
            Self::Isolate { .. } => &["isolate"],
            Self::Fetch { .. } => &["call", "fetch"],
            Self::SignIn { .. } | Self::Vpn { .. } => &["sign-in"],
            Self::Configure { .. } => &["sign-in", "apply"],
            Self::Open { .. } => &["open-document"],
            Self::PowerCycle { .. } => &["power-cycle"],
            Self::Restart { .. } | Self::TakeOver { .. } => &["restart"],
            Self::Call { .. } => &["call", "join"],
            Self::HandOver { .. } => &["call", "brief"],
            Self::Chat { ways, .. } if ways.iter().any(|way| way.text == PHONE) => {
                &["write", "acknowledge", "call"]
            }
            Self::Chat { .. } => &["write", "acknowledge"],
            Self::Page { .. } => &["acknowledge", "join"],
            Self::Escort { .. } => &["call", "tap-badge", "escort"],
            Self::Ssh { .. } => &["sign-in", "try-console"],
            Self::Originate { .. } | Self::FailOver { .. } | Self::Repoint { .. } => &["apply"],
            Self::Reset { .. } => &["power-cycle"],
            Self::Post { .. } => &["post"],
        }
    }
}
