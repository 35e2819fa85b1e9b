//! `people.toml`: places, ways, doors, people, credentials, consoles, durations of tasks.

use super::units::{Length, Stretch};
use blackstart_source::Spanned;
use serde::Deserialize;
use std::net::IpAddr;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct People {
    /// Places.
    pub place: Vec<Place>,
    /// Ways between places.
    pub travel: Vec<Travel>,
    /// Doors.
    pub door: Vec<Door>,
    /// Voice bridges.
    pub bridge: Vec<Bridge>,
    /// Items that lie somewhere.
    pub item: Vec<Item>,
    /// People, in the order in which they are called.
    pub person: Vec<Person>,
    /// Badges that the access server knows.
    pub badge: Vec<Badge>,
    /// Accounts.
    pub account: Vec<Account>,
    /// Remote consoles, in the order in which people try them.
    pub console: Vec<Console>,
    /// What people believe, the most familiar cause first.
    pub belief: Vec<Belief>,
    /// What being long on duty does.
    pub fatigue: Option<Fatigue>,
    /// What the end of a shift means.
    pub shift_change: Option<ShiftChange>,
    /// What calling back means.
    pub call_back: Option<CallBack>,
    /// Who calls in the middle of it.
    pub interruption: Vec<Interruption>,
    /// How long tasks take.
    pub task: Vec<Task>,
}

/// What being long on duty does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fatigue {
    /// Nothing until somebody has been on duty for so long.
    pub after: Length,
    /// How much longer things take with each further hour.
    pub slower_per_hour: Spanned<f64>,
    /// How much likelier, with each further hour, something has to be done twice.
    pub slips_per_hour: Spanned<f64>,
}

/// What the end of a shift means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShiftChange {
    /// People go home so long after the end of their shift.
    pub stays: Spanned<Length>,
}

/// What calling back means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CallBack {
    /// How often it is tried before what was asked for is refused.
    pub tries: Spanned<u32>,
}

/// Calls that whoever has a role must take in an incident.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Interruption {
    /// Who calls.
    pub by: Spanned<String>,
    /// Whose time it takes.
    pub role: Spanned<String>,
    /// Role that takes the calls instead, when somebody has it.
    #[serde(default)]
    pub taken_by: Option<Spanned<String>>,
    /// From one call to the next.
    pub every: Estimate,
    /// How long one takes.
    pub takes: Estimate,
}

/// When somebody says no.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Refuses {
    /// How likely, each time that they are asked.
    pub chance: Spanned<f64>,
    /// Role that they give way to, once somebody with it is on a bridge.
    #[serde(default)]
    pub gives_way_to: Option<Spanned<String>>,
}

/// A cause that people think of before they know better.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Belief {
    /// The cause, as the end of a sentence: "… believes that".
    pub name: Spanned<String>,
    /// What makes them think of it.
    pub suggested_by: Look,
    /// What speaks against it.
    pub refuted_by: Look,
    /// What whoever believes it does at once: lets in this share of users, in percent.
    #[serde(default)]
    pub admits: Option<Spanned<u32>>,
}

/// What is seen from any vantage point that people have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Look {
    /// The signal's stem: the name of a probe's check.
    pub signal: Spanned<String>,
    /// Its value: a word, a number, `ok`, `failing`.
    pub is: String,
}

/// A duration that is not known exactly.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Estimate {
    /// Shortest.
    pub low: Length,
    /// Most likely.
    pub likely: Spanned<Length>,
    /// Longest.
    pub high: Length,
    /// Source, or `assumption: …`.
    pub basis: String,
}

/// A place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Place {
    /// Unique name.
    pub name: Spanned<String>,
    /// Site it belongs to.
    #[serde(default)]
    pub site: Option<Spanned<String>>,
}

/// A way between two places, both directions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Travel {
    /// From.
    pub from: Spanned<String>,
    /// To.
    pub to: Spanned<String>,
    /// Door to door.
    pub takes: Estimate,
}

/// A door.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Door {
    /// Unique name.
    pub name: Spanned<String>,
    /// Where one stands before it.
    pub from: Spanned<String>,
    /// Where it leads.
    pub to: Spanned<String>,
    /// Host of the badge reader.
    pub reader: Spanned<String>,
    /// Host of the door controller.
    pub controller: Spanned<String>,
    /// Item that opens it by hand.
    #[serde(default)]
    pub key: Option<String>,
    /// What it does when nobody can decide.
    #[serde(default)]
    pub fail: blackstart_badge::door::Fail,
    /// Zone behind it: a badge that came in through one of the zone's doors comes in through none before it left.
    #[serde(default)]
    pub anti_passback: Option<String>,
    /// It opens for two people: the second within this time after the first.
    #[serde(default)]
    pub two_within: Option<Stretch>,
    /// Who may take others along.
    #[serde(default)]
    pub escorts: Option<Escorts>,
    /// What becomes of these rules while the access server is silent.
    #[serde(default)]
    pub when_silent: Option<Spanned<blackstart_badge::rules::WhenSilent>>,
}

/// Who may take others along through a door.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Escorts {
    /// Their roles.
    pub roles: Vec<Spanned<String>>,
    /// How long after a badge of one of them the door opens for others.
    pub within: Stretch,
}

/// A voice bridge.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bridge {
    /// Unique name.
    pub name: Spanned<String>,
    /// What it stands on, without a model.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Host name of the tool in which it is held: whoever joins opens it on their own machine.
    #[serde(default)]
    pub at: Option<Spanned<String>>,
}

/// An item that lies somewhere and that nobody holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Item {
    /// Unique name.
    pub name: Spanned<String>,
    /// Place where it lies.
    pub at: Spanned<String>,
}

/// A person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Person {
    /// Unique name.
    pub name: Spanned<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// Place at the start.
    pub at: Spanned<String>,
    /// Host of the machine they carry.
    #[serde(default)]
    pub laptop: Option<Spanned<String>>,
    /// Skills and entitlements.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Badge number.
    #[serde(default)]
    pub badge: Option<Spanned<String>>,
    /// What they hold.
    #[serde(default)]
    pub items: Vec<String>,
    /// When they work, each day; always unless given.
    #[serde(default)]
    pub shift: Option<Shift>,
    /// Place where they are when they do not work, and are called; without it nobody reaches them then.
    #[serde(default)]
    pub home: Option<Spanned<String>>,
    /// Chat service through which their phone rings: a phone of the company. One of their own unless given.
    #[serde(default)]
    pub phone: Option<Spanned<String>>,
    /// Whose numbers are in their phone, for the night when the list is missing.
    #[serde(default)]
    pub numbers: Option<Vec<Spanned<String>>>,
    /// How long they have been on duty when the run begins, without a shift.
    #[serde(default)]
    pub on_duty_for: Option<Length>,
    /// When they say no to what they are asked to decide.
    #[serde(default)]
    pub refuses: Option<Refuses>,
    /// How likely, from 0 to 1, a call rings and they do not pick up.
    #[serde(default)]
    pub no_answer: Option<Spanned<f64>>,
    /// Account with which they sign in where a tool asks them to.
    #[serde(default)]
    pub account: Option<Spanned<String>>,
}

/// When somebody works, each day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Shift {
    /// From this time of day.
    pub from: super::units::When,
    /// Until this one; before `from` when it ends on the next day.
    pub until: super::units::When,
}

/// A badge in a directory of an access server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Badge {
    /// Number.
    pub id: Spanned<String>,
    /// Holder.
    pub person: Spanned<String>,
    /// Doors that it opens.
    pub doors: Vec<Spanned<String>>,
    /// Access servers in whose directory it is; all of them unless given.
    #[serde(default)]
    pub enrolled_at: Option<Vec<Spanned<String>>>,
}

/// An account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    /// Unique name.
    pub name: Spanned<String>,
    /// Who checks it.
    pub kind: AccountKind,
    /// Its secret.
    pub secret: String,
    /// Seed of the code generator.
    #[serde(default)]
    pub code_seed: Option<String>,
    /// Host of the phone that is asked instead of a code, through the push service.
    #[serde(default)]
    pub phone: Option<Spanned<String>>,
    /// Place where the sealed secret lies.
    #[serde(default)]
    pub kept_at: Option<Spanned<String>>,
    /// The only person who can sign in with it; anybody unless given.
    #[serde(default)]
    pub person: Option<Spanned<String>>,
    /// People who must all be there when it is opened; anybody entitled may unless given.
    #[serde(default)]
    pub holders: Vec<Spanned<String>>,
    /// What the sealed envelope says, where the secret was changed and the envelope was not.
    #[serde(default)]
    pub sealed: Option<String>,
    /// Day on which it was last tried.
    #[serde(default)]
    pub last_test: Option<Spanned<String>>,
    /// It is to be tried so often.
    #[serde(default)]
    pub test_every_days: Option<u32>,
}

/// Who checks an account.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    /// The device itself.
    Local,
    /// The sign-in service.
    SignIn,
}

/// A remote console.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Console {
    /// Name in DNS.
    pub name: String,
    /// Address on a card.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// Routers behind it.
    pub routers: Vec<Spanned<String>>,
    /// Account with which people must sign in before the console lets them through.
    #[serde(default)]
    pub sign_in: Option<Spanned<String>>,
}

/// How long a task takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Task {
    /// Name of the task.
    pub name: Spanned<String>,
    /// Its duration.
    pub takes: Estimate,
}
