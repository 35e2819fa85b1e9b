//! What a runbook says, once read: clean types without TOML shapes, each name with the place where it stands.
//!
//! Reading Markdown lives in `markdown`, `block` and `convert`; judging names in `check`; doing the steps in
//! `execute`.

use blackstart_source::{SourceFile, Span};
use std::time::Duration;

/// A word of the runbook and where it stands, so that an error can point at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The word itself.
    pub text: String,
    /// Its place in the runbook's file.
    pub span: Span,
}

/// A recovery runbook: one Markdown file.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// The file that it was read from; every [`Span`] points into it.
    pub file: SourceFile,
    /// File name without `.md`.
    pub name: String,
    /// First heading.
    pub title: String,
    /// Services that the runbook brings back.
    pub restores: Vec<Name>,
    /// Where copies lie: `paper@PLACE` or the name of a service.
    pub copies: Vec<Name>,
    /// Needs without a model that the author takes for granted; every verdict prints them.
    pub assumes_up: Vec<Name>,
    /// Steps in the order of the file.
    pub steps: Vec<Step>,
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
    /// What must be seen before the step begins.
    pub after: Option<Wait>,
    /// What is done.
    pub action: Action,
    /// What must be seen before the step counts as done.
    pub until: Option<Wait>,
    /// How to take it back.
    pub undo: Option<Action>,
    /// Needs beyond those that the action has by itself; stop conditions without a model are among them.
    pub needs: Vec<Name>,
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

/// A wait for something that the actor can see.
#[derive(Clone, Debug)]
pub struct Wait {
    /// Signal stem or `stem@vantage`.
    pub signal: Name,
    /// When it counts as seen.
    pub test: Test,
    /// `2 of 3 outside vantage points`: how many points of a group must agree.
    pub quorum: Option<Quorum>,
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

/// Where a step goes when its wait ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// Go on with this step; the present one counts as failed over.
    Step(Name),
    /// Nobody in the room may go on: the step is blocked.
    Stop,
    /// The incident commander has to find another way, which this runbook does not know: the step is blocked.
    Escalate,
    /// Take the action back, then block.
    Undo,
    /// For a ramp: go back one percentage; the step is blocked.
    PreviousPercent,
}

impl Otherwise {
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
    /// Say something in public.
    Post {
        /// Service that carries it.
        on: Name,
        /// Words.
        text: Name,
    },
}
