//! The table of verbs: what can be done in a step, which parameters go with it, and what the manual says of it.
//!
//! A new verb is a variant of [`Verb`] and a row of [`ROWS`], in the same order; its keys stand in `block`.

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
    Chat,
    Page,
    Escort,
    Ssh,
    Announce,
    Withdraw,
    FailOver,
    Reset,
    Vpn,
    Push,
    Freeze,
    LiftFreeze,
}

/// What is known of a verb.
pub(crate) struct Row {
    pub(crate) verb: Verb,
    /// Its key.
    pub(crate) name: &'static str,
    /// Parameters that must be there.
    pub(crate) required: &'static [&'static str],
    /// Parameters that may be there.
    pub(crate) optional: &'static [&'static str],
    /// What stands between the braces of `do = { .. }`.
    pub(crate) example: &'static str,
    /// What people do, and when it does not work. Markdown, at most 120 columns.
    pub(crate) does: &'static str,
}

/// Every verb, in the order of [`Verb`].
pub(crate) const ROWS: [Row; 30] = [
    Row {
        verb: Verb::Observe,
        name: "observe",
        required: &[],
        optional: &[],
        example: "observe = [\"dns.facebook.com\", \"http.facebook\"]",
        does: "Somebody looks at signals. They must be able to see them from where they stand. Task: `notice`.",
    },
    Row {
        verb: Verb::Convene,
        name: "convene",
        required: &["by", "roles"],
        optional: &[],
        example: "convene = \"outside-bridge\", by = \"printed-list\", roles = [\"backbone-lead\", \"comms\"]",
        does: "Opens a voice bridge and calls everybody with these roles, one after the other. The caller must hold the item `by`.\n\
                 Those who were called join while the next is being called. Tasks: `call`, `join`.",
    },
    Row {
        verb: Verb::Decide,
        name: "decide",
        required: &["record"],
        optional: &["site"],
        example: "decide = \"emergency-site-access\", record = \"paper-log\", site = \"santa-clara\"",
        does: "Approvers make up their minds, are called back one by one, and one of them tells the guard of `site`.\n\
                 Whoever cannot be called back where `[call-back]` asks for it, or says no (`refuses`), does not approve; with fewer\n\
                 approvers than `of` what was asked for is refused.\n\
                 Tasks: `weigh`, `call-back`, `tell-guard`.",
    },
    Row {
        verb: Verb::Travel,
        name: "travel",
        required: &[],
        optional: &["carry", "alert"],
        example: "travel = \"santa-clara\", carry = [\"laptop\", \"console-cable\"], alert = \"far-site-technicians\"",
        does: "The crew goes to the site's gate. Tasks: `get-ready`, and `call` with `alert`; the way itself is a `[[travel]]`.",
    },
    Row {
        verb: Verb::Enter,
        name: "enter",
        required: &["try"],
        optional: &[],
        example: "enter = \"router-room\", try = [\"badge\", \"guard-key-with-escort\"]",
        does: "Goes through a door. `badge` is a read at the door's reader, over the simulated network. `guard-key-with-escort` needs\n\
                 a guard who stands there with the key and was told the names. When a later way works the step is `failed-over`.\n\
                 A badge lets the whole crew in, unless the door says who may take others along.\n\
                 Tasks: `tap-badge`, and for the guard `guard-check`, `escort`.",
    },
    Row {
        verb: Verb::Login,
        name: "login",
        required: &["on", "with"],
        optional: &["second-factor"],
        example: "login = \"serial\", on = \"backbone-routers\", with = \"break-glass\", second-factor = \"code-generator\"",
        does: "`remote` tries the consoles of `people.toml` that lead to routers of the group without a prompt, by name, then by address,\n\
                 from the actor's laptop (task `try-console`); one that answers is enough. `serial` fetches the sealed secret from the place where it lies, plugs in the cable, and\n\
                 logs in on the group's routers at this site; then technicians at the other sites do the same (tasks `open-safe`,\n\
                 `connect-serial`, `unlock-device`).",
    },
    Row {
        verb: Verb::Compare,
        name: "compare",
        required: &[],
        optional: &["with", "save"],
        example: "compare = \"running-config\", with = \"last-good\", save = \"laptop\"",
        does: "Reads on every router with a prompt what the last change did, and changes nothing. The value is `running-config`;\n\
                 `with` can only be `last-good`. Tasks: `read-config`, `agree-on-cause`.",
    },
    Row {
        verb: Verb::Apply,
        name: "apply",
        required: &[],
        optional: &["on", "first", "confirm-within", "isolate", "admit", "from"],
        example: "apply = \"last-good\", on = \"backbone-links\", first = 1, confirm-within = \"10m\", isolate = \"capacity-controller\"",
        does: "`last-good` opens the ports that the last change shut. In order: `admit` (one percentage) is ordered at the admission\n\
                 service; the port of the service `isolate` is shut; the `first` links are opened at both ends and must still be up after\n\
                 `confirm-within`; then the rest; then somebody looks from the console whether every data centre answers. `saved` shuts\n\
                 again what was opened by hand; it needs `from`. In `undo`, `on` may be left out. Tasks: `apply`, and `isolate`.",
    },
    Row {
        verb: Verb::Admit,
        name: "admit",
        required: &["hold"],
        optional: &["unit", "stop-if"],
        example: "admit = [5, 15, 40, 100], unit = \"percent\", hold = \"10m\", stop-if = { errors = \"50%\" }",
        does: "Orders rising shares of users, each after the task `judge-load`, each held for `hold`. An order that is not taken is given\n\
                 again, twice, half a minute later. `stop-if.errors`: when after the hold more than this share of requests fails at the\n\
                 backends, the action has not worked. `stop-if.site-power-rise` is a need without a model.",
    },
    Row {
        verb: Verb::Post,
        name: "post",
        required: &["text", "on"],
        optional: &[],
        example: "post = \"twitter.com\", on = \"twitter.com\", text = \"We are working on it.\"",
        does: "Says something in public, from the actor's laptop, on the service `on`. The value of `post` itself is not used. Task: `post`.",
    },
    Row {
        verb: Verb::Isolate,
        name: "isolate",
        required: &[],
        optional: &[],
        example: "isolate = \"capacity-controller\"",
        does: "Shuts the port of the service's machine, at the router that it is plugged into: by cable, so somebody must be logged in\n\
                 there. Task: `isolate`.",
    },
    Row {
        verb: Verb::Fetch,
        name: "fetch",
        required: &[],
        optional: &[],
        example: "fetch = \"cage-key\"",
        does: "Somebody of the crew gets an item: from the place where it lies (an `[[item]]`; a place behind a door must have been\n\
                 entered), or from whoever holds it, who is called and comes. Tasks: `fetch`, `call`.",
    },
    Row {
        verb: Verb::SignIn,
        name: "sign-in",
        required: &[],
        optional: &[],
        example: "sign-in = \"oncall\"",
        does: "Signs in with the sign-in service from the actor's laptop, over the simulated network. Task: `sign-in`.",
    },
    Row {
        verb: Verb::Open,
        name: "open",
        required: &[],
        optional: &[],
        example: "open = \"paper@noc@menlo-park\"",
        does: "Opens a document: `paper@PLACE` where one of the crew stands, or the front page of a site by its host name, from the\n\
                 actor's laptop. Where a tool asks who is there, a session from before is shown, or the actor signs in with their `account`.\n\
                 Task: `open-document`.",
    },
    Row {
        verb: Verb::PowerCycle,
        name: "power-cycle",
        required: &[],
        optional: &[],
        example: "power-cycle = \"scl-bb1\"",
        does: "Switches a machine off and on again. Whoever does it stands at its site, behind the door if there is one.\n\
                 Task: `power-cycle`.",
    },
    Row {
        verb: Verb::Restart,
        name: "restart",
        required: &[],
        optional: &[],
        example: "restart = \"scl-audit\"",
        does: "Starts a service again, at its machine. Whoever does it stands there as for `power-cycle`. Task: `restart`.",
    },
    Row {
        verb: Verb::Call,
        name: "call",
        required: &[],
        optional: &[],
        example: "call = [\"backbone-lead\", \"comms\"]",
        does: "Calls everybody with these roles, one after the other. When there is a bridge they join it; each is waited for.\n\
                 Tasks: `call`, `join`.",
    },
    Row {
        verb: Verb::HandOver,
        name: "hand-over",
        required: &["to"],
        optional: &[],
        example: "hand-over = \"incident-commander\", to = \"deputy-incident-commander\"",
        does: "Briefs the first who has the role `to` and can be reached; from then on that person acts where the role is named.\n\
                 Tasks: `call`, `brief`.",
    },
    Row {
        verb: Verb::Chat,
        name: "chat",
        required: &["on", "to", "text"],
        optional: &["with", "try"],
        example: "chat = \"#incident\", on = \"chat\", to = \"backbone-lead\", text = \"Are you there?\", try = [\"chat\", \"phone\"]",
        does: "Says something in a channel of the chat service `on`, from the actor's laptop, and waits until the first who has the role `to`\n\
         has read it on theirs and answers. With `with` both sign in first. Only the chat is tried unless `try` says `phone` too: a call\n\
         in which they are told. When a later way works the step is `failed-over`. Tasks: `write`, `acknowledge`, and `call` by phone.",
    },
    Row {
        verb: Verb::Page,
        name: "page",
        required: &["on", "hold"],
        optional: &["with"],
        example: "page = [\"backbone-lead\", \"engineer\"], on = \"chat\", hold = \"5m\"",
        does: "Pages the first who has each role, one after the other, through the chat service `on`, until one answers from their laptop;\n\
         each has `hold`. Whoever answers joins the bridge, if there is one. Tasks: `acknowledge`, `join`.",
    },
    Row {
        verb: Verb::Escort,
        name: "escort",
        required: &["by"],
        optional: &[],
        example: "escort = \"router-room\", by = \"guard\"",
        does: "Somebody with the role `by` comes to the door, opens it from inside, with their badge or with its key, and takes the crew\n\
         through, if the door's `escorts` let them. The crew stands before it. Tasks: `call`, `tap-badge`, `escort`.",
    },
    Row {
        verb: Verb::Ssh,
        name: "ssh",
        required: &["through", "with"],
        optional: &[],
        example: "ssh = \"backbone-routers\", through = \"jump-host\", with = \"oncall\"",
        does: "Logs in on a group of routers over the network: signs in with the account `with`, finds the jump host `through` by its name,\n\
         and goes on from there to each router, which asks the sign-in service too. All of it from the actor's laptop.\n\
         Tasks: `sign-in`, `try-console`.",
    },
    Row {
        verb: Verb::Announce,
        name: "announce",
        required: &["on"],
        optional: &[],
        example: "announce = \"203.0.113.0/24\", on = \"scl-bb1\"",
        does: "Has the router `on` originate a prefix, through its configuration session. It must be one of its own `[[originate]]`, and\n\
         somebody must be logged in there. Task: `apply`.",
    },
    Row {
        verb: Verb::Withdraw,
        name: "withdraw",
        required: &["on"],
        optional: &[],
        example: "withdraw = \"203.0.113.0/24\", on = \"scl-bb1\"",
        does: "As `announce`: the router originates the prefix no longer. Task: `apply`.",
    },
    Row {
        verb: Verb::FailOver,
        name: "fail-over",
        required: &["to"],
        optional: &["from", "on"],
        example: "fail-over = \"203.0.113.0/24\", from = \"scl-bb1\", to = \"frc-bb1\"",
        does: "Moves a prefix, and with it whatever answers in it, from one router to another: announced at `to`, then withdrawn at `from`.\n\
         Somebody must be logged in on both. Task: `apply`.\n\n\
         With `on`, a name server, it moves a name instead: `fail-over = \"www.shop.example\", from = \"203.0.113.20\",\n\
         to = \"198.51.100.80\", on = \"names\"`. Its address is changed in the server's zone, and the server starts again with it;\n\
         whoever remembers the old one asks again only when its TTL is over. Whoever does it stands there as for `power-cycle`.\n\
         A step for each name server. A role of people moves by `hand-over`.\n\n\
         Without `from` it is a service whose `standby` takes over: `fail-over = \"access-server\", to = \"access-standby\"`. Whoever\n\
         does it stands beside the standby's machine, as for `restart` (task `restart`). A standby whose copy is older than its\n\
         `copy-max-age` is not taken into service, and the step says how old it is. Who looks the service up by name finds it\n\
         there only once the name has moved, too.",
    },
    Row {
        verb: Verb::Reset,
        name: "reset",
        required: &["hold"],
        optional: &[],
        example: "reset = [\"data-centre\"], hold = \"10m\"",
        does: "Switches machines off, all of them, and on again one by one; each has `hold` to start its services before the next one. A site\n\
         or a rack stands for its hosts, in the order of their services' `boot-needs`; machines are taken in the order given. Whoever\n\
         does it stands there as for `power-cycle`. Task: `power-cycle`, for each.",
    },
    Row {
        verb: Verb::Vpn,
        name: "vpn",
        required: &["with"],
        optional: &[],
        example: "vpn = \"vpn-gateway\", with = \"oncall\"",
        does: "Opens a tunnel from the actor's laptop: signs in with the account `with`, finds the gateway by its name, and is let in if the\n\
         gateway's own sign-in service vouches for the session. From then on what this person does at their laptop (`sign-in`, `open`,\n\
         `ssh`, `chat`, `admit`, `post`) leaves from the gateway, inside, and asks its resolvers, for as long as the gateway answers\n\
         in the tunnel; after that from the laptop again. Task: `sign-in`.",
    },
    Row {
        verb: Verb::Push,
        name: "push",
        required: &["on", "with"],
        optional: &[],
        example: "push = \"drain-old-line\", on = \"configuration-store\", with = \"oncall\"",
        does: "Signs in with the account `with` and has the configuration store `on` push a change, from the actor's laptop: to the canary\n\
         first, then stage by stage. It has not worked when changes are frozen (the store names who holds the freeze) and when\n\
         something that the store watches does not answer after a stage: what was pushed is taken back then. Tasks: `sign-in`, `apply`.",
    },
    Row {
        verb: Verb::Freeze,
        name: "freeze",
        required: &["with"],
        optional: &[],
        example: "freeze = \"configuration-store\", with = \"oncall\"",
        does: "Signs in with the account `with` and has the store push nothing until the same account lifts the freeze. A push that is under way\n\
         goes on. Tasks: `sign-in`, `apply`.",
    },
    Row {
        verb: Verb::LiftFreeze,
        name: "lift-freeze",
        required: &["with"],
        optional: &[],
        example: "lift-freeze = \"configuration-store\", with = \"change-manager\"",
        does: "Signs in with the account `with` and lifts the freeze that it holds. Nobody else's freeze is lifted. Tasks: `sign-in`, `apply`.",
    },
];

impl Verb {
    pub(crate) fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }

    pub(super) fn takes(self) -> String {
        let all = [self.row().required, self.row().optional].concat();
        if all.is_empty() { "nothing else".to_owned() } else { all.join(", ") }
    }

    /// The verbs of an action. Beside `apply`, `admit` and `isolate` are parameters.
    pub(super) fn all_of(action: &ActionBlock) -> Vec<Self> {
        let present = action.present();
        let written = |row: &&Row| present.iter().any(|(key, _)| *key == row.name);
        let mut verbs: Vec<Self> = ROWS.iter().filter(written).map(|row| row.verb).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_verbs() {
        assert!(
            ROWS.iter().enumerate().all(|(n, row)| row.verb as usize == n && row.verb.row().name == row.name)
        );
    }
}
