//! What a scenario offers to a runbook, as plain data that the scenario layer fills.

use blackstart_rt::{Map, Set};
use std::time::Duration;

/// Every word that a runbook may use, and what must be known about it to judge the runbook.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// Roles that people may have.
    pub roles: Set<String>,
    /// Skills that people may have.
    pub skills: Set<String>,
    /// The people, by name.
    pub persons: Map<String, Person>,
    /// Sites of the company: where people can travel to, and from where its own network can be used.
    pub sites: Set<String>,
    /// Places and the site that each is part of, if any.
    pub places: Map<String, Option<String>>,
    /// Doors.
    pub doors: Map<String, Door>,
    /// Things that people hold, carry, call from or write on.
    pub items: Set<String>,
    /// Machines that somebody can switch off and on.
    pub machines: Set<String>,
    /// Host names of sites that show documents.
    pub documents: Set<String>,
    /// Accounts and credentials that a `login` can use.
    pub accounts: Set<String>,
    /// Conference bridges.
    pub bridges: Set<String>,
    /// Groups of routers and how many are in each.
    pub router_groups: Map<String, usize>,
    /// Groups of links and how many are in each.
    pub link_groups: Map<String, usize>,
    /// Chat services.
    pub chats: Set<String>,
    /// Services through which routers are reached.
    pub jump_hosts: Set<String>,
    /// VPN gateways.
    pub vpns: Set<String>,
    /// Configuration stores, and the changes that each can push.
    pub stores: Map<String, Set<String>>,
    /// Standbys, and the services that they stand by for.
    pub standbys: Map<String, String>,
    /// Racks in which machines stand.
    pub racks: Set<String>,
    /// Name servers and the names with an address that each has, with those addresses.
    pub named: Map<String, Map<String, Set<String>>>,
    /// Routers and the prefixes that each may originate.
    pub originates: Map<String, Set<String>>,
    /// Automation that can be cut off.
    pub controllers: Set<String>,
    /// Services, inside and outside.
    pub services: Set<String>,
    /// Signals, as `stem@vantage` or `stem`, and from where each can be seen. A bare stem is seen by everyone
    /// who asks, whatever group of vantage points answers.
    pub signals: Map<String, Observability>,
    /// What a wait may ask of a signal, by stem: its values, and `ok`, `failing`, `all` where they apply. A stem
    /// that is not here can take any value.
    pub values: Map<String, Set<String>>,
    /// Groups of vantage points by label (`outside`) and how many are in each.
    pub vantage_groups: Map<String, usize>,
    /// Needs that have a model behind them.
    pub needs: Set<String>,
    /// A run ends by then, whatever people are still waiting for.
    pub longest_run: Duration,
}

/// What a person brings along.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Roles that the person has.
    pub roles: Set<String>,
    /// Roles in which the person may stand in for another.
    pub deputy_for: Set<String>,
    /// What the person can do.
    pub skills: Set<String>,
    /// Place where the person is when the scenario begins.
    pub at: String,
    /// Whether the person can be called.
    pub presence: Presence,
}

/// Whether a person can be called in the course of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// At work when it begins.
    #[default]
    AtWork,
    /// At home, or comes to work later.
    Elsewhere,
    /// Not at all.
    Never,
}

/// A door and the ways through it.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// Place behind the door.
    pub place: String,
    /// What can open it (`badge`, `guard-key-with-escort`).
    pub ways: Set<String>,
}

/// Who can see a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observability {
    /// Anyone with a phone that is not on the company's network.
    Public,
    /// Those inside a place.
    Place(String),
    /// Those at a site, and those whom its guard calls back.
    Site(String),
    /// Those logged in on a router.
    Console,
    /// Those on a bridge.
    Bridge(String),
    /// Those at any site of the company, through its network.
    Company,
}
