//! The table of verbs: what can be done in a step, and which parameters go with it.

use crate::block::ActionBlock;

/// What can be done in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Observe,
    Convene,
    Decide,
    Travel,
    Enter,
    Login,
    Compare,
    Apply,
    Admit,
    Post,
    Isolate,
    Fetch,
    SignIn,
    Open,
    PowerCycle,
    HandOver,
}

impl Verb {
    pub(super) const ALL: [Self; 16] = [
        Self::Observe,
        Self::Convene,
        Self::Decide,
        Self::Travel,
        Self::Enter,
        Self::Login,
        Self::Compare,
        Self::Apply,
        Self::Admit,
        Self::Post,
        Self::Isolate,
        Self::Fetch,
        Self::SignIn,
        Self::Open,
        Self::PowerCycle,
        Self::HandOver,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Convene => "convene",
            Self::Decide => "decide",
            Self::Travel => "travel",
            Self::Enter => "enter",
            Self::Login => "login",
            Self::Compare => "compare",
            Self::Apply => "apply",
            Self::Admit => "admit",
            Self::Post => "post",
            Self::Isolate => "isolate",
            Self::Fetch => "fetch",
            Self::SignIn => "sign-in",
            Self::Open => "open",
            Self::PowerCycle => "power-cycle",
            Self::HandOver => "hand-over",
        }
    }

    /// Parameters that must be there, and those that may.
    pub(super) fn parameters(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Observe => (&[], &[]),
            Self::Convene => (&["by", "roles"], &[]),
            Self::Decide => (&["record"], &["site"]),
            Self::Travel => (&[], &["carry", "alert"]),
            Self::Enter => (&["try"], &[]),
            Self::Login => (&["on", "with"], &["second-factor"]),
            Self::Compare => (&[], &["with", "save"]),
            Self::Apply => (&[], &["on", "first", "confirm-within", "isolate", "admit", "from"]),
            Self::Admit => (&["hold"], &["unit", "stop-if"]),
            Self::Post => (&["text", "on"], &[]),
            Self::Isolate | Self::Fetch | Self::SignIn | Self::Open | Self::PowerCycle => (&[], &[]),
            Self::HandOver => (&["to"], &[]),
        }
    }

    pub(super) fn takes(self) -> String {
        let (required, optional) = self.parameters();
        let all = [required, optional].concat();
        if all.is_empty() { "nothing else".to_owned() } else { all.join(", ") }
    }

    /// The verbs of an action. Beside `apply`, `admit` and `isolate` are parameters.
    pub(super) fn all_of(action: &ActionBlock) -> Vec<Self> {
        let present = action.present();
        let written = |verb: &Self| present.iter().any(|(key, _)| *key == verb.name());
        let mut verbs: Vec<Self> = Self::ALL.into_iter().filter(written).collect();
        if verbs.contains(&Self::Apply) {
            verbs.retain(|verb| !matches!(verb, Self::Admit | Self::Isolate));
        }
        verbs
    }

    /// The verb of an action that has exactly one.
    pub(super) fn of(action: &ActionBlock) -> Option<Self> {
        match Self::all_of(action).as_slice() {
            [verb] => Some(*verb),
            _ => None,
        }
    }
}
