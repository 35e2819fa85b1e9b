//! What people do and what happens to them, as records of kind `world`.

use blackstart_rt as rt;
use serde::{Deserialize, Serialize};

/// One thing that happened in the physical world or in a runbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A step of the runbook began.
    StepStarted {
        /// Step id.
        step: String,
    },
    /// A step of the runbook ended.
    StepEnded {
        /// Step id.
        step: String,
        /// Verdict word: `done`, `failed-over`, `blocked`, `unchecked`.
        verdict: String,
        /// Why, when it is not plainly done.
        why: Option<String>,
    },
    /// Somebody was called.
    Called {
        /// Caller.
        by: String,
        /// Who was called.
        person: String,
    },
    /// Somebody came onto a bridge.
    Joined {
        /// Who.
        person: String,
        /// In which role they were called.
        role: String,
        /// Where.
        bridge: String,
    },
    /// A decision was taken.
    Decided {
        /// What.
        what: String,
        /// By whom.
        by: Vec<String>,
        /// Where it was written down.
        record: String,
    },
    /// A site's guard wrote down who may enter.
    GuardTold {
        /// Site.
        site: String,
    },
    /// A team was put together.
    TeamFormed {
        /// Team.
        team: String,
        /// Who is in it.
        members: Vec<String>,
    },
    /// Somebody is now in another place.
    Moved {
        /// Who.
        person: String,
        /// Where they are now.
        to: String,
    },
    /// Somebody tried something and was turned away.
    TurnedAway {
        /// Who tried.
        person: String,
        /// What they tried: a door, a console, a service.
        tried: String,
        /// What they saw.
        saw: String,
    },
    /// Somebody has a privileged prompt on a router.
    Prompt {
        /// Who.
        person: String,
        /// Router.
        router: String,
        /// `serial` or `remote`.
        by: String,
    },
    /// Running configuration was compared with the last good one.
    Compared {
        /// Router.
        router: String,
        /// Ports that the last change shut.
        shut: Vec<String>,
    },
    /// Automation was cut off.
    Isolated {
        /// Which service.
        service: String,
        /// Port that was shut for it.
        port: String,
    },
    /// Ports of a router were brought up by hand.
    Restored {
        /// Router.
        router: String,
        /// Ports.
        ports: Vec<String>,
        /// By whom.
        person: String,
    },
    /// What a console sees of the data centres.
    Reach {
        /// Data centres that it reaches.
        reached: u32,
        /// Data centres that there are.
        total: u32,
    },
    /// The share of users that may come in was set.
    Admitted {
        /// Percent.
        percent: u32,
    },
    /// Somebody has an item now.
    Took {
        /// Who.
        person: String,
        /// What.
        item: String,
        /// Who held it until then; `None` when it lay somewhere.
        from: Option<String>,
    },
    /// Somebody signed in.
    SignedIn {
        /// Who.
        person: String,
        /// As whom.
        account: String,
    },
    /// Somebody has a document before them.
    Opened {
        /// Who.
        person: String,
        /// Which.
        document: String,
    },
    /// Somebody switched a machine off and on.
    PowerCycled {
        /// Who.
        person: String,
        /// Which.
        machine: String,
    },
    /// Somebody took a role over.
    HandedOver {
        /// The role.
        role: String,
        /// Who has it now.
        to: String,
    },
    /// A service begins to start again, and looks for what it needs for that.
    Booting {
        /// The service.
        service: String,
    },
    /// A service cannot start yet.
    BootWaits {
        /// The service.
        service: String,
        /// The service that it waits for.
        on: String,
    },
    /// A service has started again.
    Booted {
        /// The service.
        service: String,
    },
    /// Somebody had a router originate a prefix, or no longer.
    Originated {
        /// Who.
        person: String,
        /// Router.
        router: String,
        /// Prefix.
        prefix: String,
        /// Whether it is announced now.
        announced: bool,
    },
    /// Somebody believes that they know the cause.
    Believed {
        /// Who.
        person: String,
        /// The cause.
        cause: String,
    },
    /// Somebody saw what speaks against a cause.
    Doubted {
        /// Who.
        person: String,
        /// The cause.
        cause: String,
        /// What they saw.
        saw: String,
    },
    /// Somebody gave a name another address.
    Repointed {
        /// Who.
        person: String,
        /// Name server.
        on: String,
        /// The name.
        name: String,
        /// Its address now.
        to: String,
    },
    /// Somebody has a tunnel into the company's network.
    Tunnelled {
        /// Who.
        person: String,
        /// Through which gateway.
        gateway: String,
    },
    /// Somebody saw that a runbook is the one to use.
    TookUp {
        /// Who.
        person: String,
        /// Which.
        runbook: String,
    },
    /// Somebody did something wrong, noticed, and does it again.
    Slipped {
        /// Who.
        person: String,
        /// The task.
        task: String,
    },
    /// Somebody learned how things stand.
    Learned {
        /// Who.
        person: String,
        /// Who told them; `None` when nobody was left who knew.
        from: Option<String>,
    },
    /// Somebody was called in the middle of it.
    Interrupted {
        /// Who took the call.
        person: String,
        /// Who called.
        by: String,
        /// How long it kept them from what they were doing, seconds.
        lost_s: u64,
    },
    /// Somebody who was asked said no.
    Refused {
        /// Who.
        person: String,
        /// To what.
        what: String,
        /// Why.
        why: String,
    },
    /// Somebody acted on a cause before anybody had confirmed it.
    ActedOn {
        /// Who.
        person: String,
        /// The cause.
        cause: String,
        /// The share of users that may come in from then on, percent.
        percent: u32,
    },
    /// A standby does not reach the service that it copies.
    CopyMissed {
        /// The standby.
        service: String,
        /// The service that it stands by for.
        of: String,
    },
    /// It reaches it again.
    CopyResumed {
        /// The standby.
        service: String,
        /// The service that it stands by for.
        of: String,
    },
    /// Somebody had a standby take over.
    TookOver {
        /// Who.
        person: String,
        /// The standby.
        service: String,
        /// The service that it stands by for.
        of: String,
        /// How old its copy is, seconds.
        copy_age_s: u64,
    },
}

impl rt::Event for Event {
    const KIND: &'static str = "world";
}
