//! The table of verbs: what can be done in a step, and which parameters go with it.

use crate::block::ActionBlock;

/// What can be done in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
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
    Restart,
    Call,
    HandOver,
}

impl Verb {
    pub(crate) const ALL: [Self; 18] = [
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
        Self::Restart,
        Self::Call,
        Self::HandOver,
    ];

    pub(crate) fn name(self) -> &'static str {
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
            Self::Restart => "restart",
            Self::Call => "call",
            Self::HandOver => "hand-over",
        }
    }

    /// Parameters that must be there, and those that may.
    pub(crate) fn parameters(self) -> (&'static [&'static str], &'static [&'static str]) {
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
            Self::Isolate | Self::Fetch | Self::SignIn | Self::Open => (&[], &[]),
            Self::PowerCycle | Self::Restart | Self::Call => (&[], &[]),
            Self::HandOver => (&["to"], &[]),
        }
    }

    /// One that the reader takes.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Observe => "observe = [\"dns.facebook.com\", \"http.facebook\"]",
            Self::Convene => {
                "convene = \"outside-bridge\", by = \"printed-list\", roles = [\"backbone-lead\", \"comms\"]"
            }
            Self::Decide => {
                "decide = \"emergency-site-access\", record = \"paper-log\", site = \"santa-clara\""
            }
            Self::Travel => {
                "travel = \"santa-clara\", carry = [\"laptop\", \"console-cable\"], alert = \"far-site-technicians\""
            }
            Self::Enter => "enter = \"router-room\", try = [\"badge\", \"guard-key-with-escort\"]",
            Self::Login => {
                "login = \"serial\", on = \"backbone-routers\", with = \"break-glass\", second-factor = \"code-generator\""
            }
            Self::Compare => "compare = \"running-config\", with = \"last-good\", save = \"laptop\"",
            Self::Apply => {
                "apply = \"last-good\", on = \"backbone-links\", first = 1, confirm-within = \"10m\", isolate = \"capacity-controller\""
            }
            Self::Admit => {
                "admit = [5, 15, 40, 100], unit = \"percent\", hold = \"10m\", stop-if = { errors = \"50%\" }"
            }
            Self::Post => "post = \"twitter.com\", on = \"twitter.com\", text = \"We are working on it.\"",
            Self::Isolate => "isolate = \"capacity-controller\"",
            Self::Fetch => "fetch = \"cage-key\"",
            Self::SignIn => "sign-in = \"oncall\"",
            Self::Open => "open = \"paper@noc@menlo-park\"",
            Self::PowerCycle => "power-cycle = \"scl-bb1\"",
            Self::Restart => "restart = \"scl-audit\"",
            Self::Call => "call = [\"backbone-lead\", \"comms\"]",
            Self::HandOver => "hand-over = \"incident-commander\", to = \"deputy-incident-commander\"",
        }
    }

    /// What people do, and when it does not work. Markdown, at most 120 columns.
    pub(crate) fn does(self) -> &'static str {
        match self {
            Self::Observe => {
                "Somebody looks at signals. They must be able to see them from where they stand. Task: `notice`."
            }
            Self::Convene => {
                "Opens a voice bridge and calls everybody with these roles, one after the other. The caller must hold the item `by`.\n\
                 Those who were called join while the next is being called. Tasks: `call`, `join`."
            }
            Self::Decide => {
                "Approvers make up their minds, are called back one by one, and one of them tells the guard of `site`.\n\
                 Tasks: `weigh`, `call-back`, `tell-guard`."
            }
            Self::Travel => {
                "The crew goes to the site's gate. Tasks: `get-ready`, and `call` with `alert`; the way itself is a `[[travel]]`."
            }
            Self::Enter => {
                "Goes through a door. `badge` is a read at the door's reader, over the simulated network. `guard-key-with-escort` needs\n\
                 a guard who stands there with the key and was told the names. When a later way works the step is `failed-over`.\n\
                 Tasks: `tap-badge`, and for the guard `guard-check`, `escort`."
            }
            Self::Login => {
                "`remote` tries every console of `people.toml` that leads to the group, by name, then by address, from the actor's\n\
                 laptop (task `try-console`). `serial` fetches the sealed secret from the place where it lies, plugs in the cable, and\n\
                 logs in on the group's routers at this site; then technicians at the other sites do the same (tasks `open-safe`,\n\
                 `connect-serial`, `unlock-device`)."
            }
            Self::Compare => {
                "Reads on every router with a prompt what the last change did, and changes nothing. The value is `running-config`;\n\
                 `with` can only be `last-good`. Tasks: `read-config`, `agree-on-cause`."
            }
            Self::Apply => {
                "`last-good` opens the ports that the last change shut. In order: `admit` (one percentage) is ordered at the admission\n\
                 service; the port of the service `isolate` is shut; the `first` links are opened at both ends and must still be up after\n\
                 `confirm-within`; then the rest; then somebody looks from the console whether every data centre answers. `saved` shuts\n\
                 again what was opened by hand; it needs `from`. In `undo`, `on` may be left out. Tasks: `apply`, and `isolate`."
            }
            Self::Admit => {
                "Orders rising shares of users, each after the task `judge-load`, each held for `hold`. `stop-if.errors`: when after the\n\
                 hold more than this share of requests fails at the backends, the action has not worked. `stop-if.site-power-rise` is a\n\
                 need without a model."
            }
            Self::Post => {
                "Says something in public, from the actor's laptop, on the service `on`. The value of `post` itself is not used. Task: `post`."
            }
            Self::Isolate => {
                "Shuts the port of the service's machine, at the router that it is plugged into: by cable, so somebody must be logged in\n\
                 there. Task: `isolate`."
            }
            Self::Fetch => {
                "Somebody of the crew gets an item: from the place where it lies (an `[[item]]`; a place behind a door must have been\n\
                 entered), or from whoever holds it, who is called and comes. Tasks: `fetch`, `call`."
            }
            Self::SignIn => {
                "Signs in with the sign-in service from the actor's laptop, over the simulated network. Task: `sign-in`."
            }
            Self::Open => {
                "Opens a document: `paper@PLACE` where one of the crew stands, or the front page of a site by its host name, from the\n\
                 actor's laptop. Task: `open-document`."
            }
            Self::PowerCycle => {
                "Switches a machine off and on again. Whoever does it stands at its site, behind the door if there is one.\n\
                 Task: `power-cycle`."
            }
            Self::Restart => {
                "Starts a service again, at its machine. Whoever does it stands there as for `power-cycle`. Task: `restart`."
            }
            Self::Call => {
                "Calls everybody with these roles, one after the other. When there is a bridge they join it; each is waited for.\n\
                 Tasks: `call`, `join`."
            }
            Self::HandOver => {
                "Briefs the first who has the role `to` and can be reached; from then on that person acts where the role is named.\n\
                 Tasks: `call`, `brief`."
            }
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
