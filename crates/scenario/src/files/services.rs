//! `services.toml`: hosts and what runs on them.
//!
//! Most services take the configuration of their own crate. Where it would repeat what the scenario already says (zones,
//! badges, accounts, the ports of a group of links), a shorter shape stands here and `build` fills it in.

use super::units::{Length, Stretch};
use blackstart_identity::certificate::Certificate;
use blackstart_identity::moment::Moment;
use blackstart_source::Spanned;
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Services {
    /// Hosts.
    pub host: Vec<Host>,
    /// Services.
    pub service: Vec<Service>,
    /// Electricity of sites.
    pub power: Vec<Power>,
}

/// Electricity of one site: what its racks draw, and what feeds them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Power {
    /// Site.
    pub site: Spanned<String>,
    /// Machines that share a breaker, rack by rack.
    pub racks: Vec<Vec<Spanned<String>>>,
    /// Megawatts drawn by all racks together when nobody uses them.
    pub idle_mw: f64,
    /// Megawatts on top when all are fully busy.
    pub busy_mw: f64,
    /// More than this trips a breaker.
    pub limit_mw: f64,
    /// A rise by more than this within `rise-over` trips a breaker.
    pub rise_mw: f64,
    /// See `rise-mw`.
    pub rise_over: Stretch,
    /// Until somebody has looked at a tripped breaker and closed it.
    pub reset: Length,
    /// Machine that stands for the utility's feed.
    pub feed: Spanned<String>,
    /// For the batteries.
    pub ups: Spanned<String>,
    /// How long the batteries carry the site.
    pub battery: Length,
    /// For the generator.
    pub generator: Spanned<String>,
    /// How long the generator takes to start.
    pub starts: Length,
    /// For the cooling.
    pub cooling: Spanned<String>,
    /// Without cooling, until machines switch themselves off.
    pub heats: Length,
}

/// A host, plugged into one router.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Host {
    /// Unique name.
    pub name: Spanned<String>,
    /// Site where it stands.
    pub site: Spanned<String>,
    /// Router it is plugged into.
    pub router: Spanned<String>,
    /// Its own address, inside one of the router's networks.
    pub address: Spanned<IpAddr>,
    /// Further addresses that the router sends to it.
    #[serde(default)]
    pub routed: Vec<IpAddr>,
    /// Further addresses that only its own BGP speaker makes reachable.
    #[serde(default)]
    pub anycast: Vec<IpAddr>,
    /// Resolvers that people's programs on it ask.
    #[serde(default)]
    pub resolvers: Vec<SocketAddr>,
    /// Routers to whose console port a cable leads.
    #[serde(default)]
    pub serial: Vec<Spanned<String>>,
    /// Groups of vantage points that it belongs to.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Rack in which it stands.
    #[serde(default)]
    pub rack: Option<Spanned<String>>,
}

/// A service on a host.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Service {
    /// Unique name.
    pub name: Spanned<String>,
    /// Host it runs on.
    pub host: Spanned<String>,
    /// Services that it needs while it runs.
    #[serde(default)]
    pub run_needs: Vec<Spanned<String>>,
    /// Services that it needs to start.
    #[serde(default)]
    pub boot_needs: Vec<Spanned<String>>,
    /// Holders of key shares, so many of whom it needs to start.
    #[serde(default)]
    pub boot_quorum: Option<Quorum>,
    /// Recovery time objective.
    #[serde(default)]
    pub rto: Option<Stretch>,
    /// The service for which it stands by until somebody has it take over.
    #[serde(default)]
    pub standby: Option<Standby>,
    /// What it is.
    pub run: Run,
}

/// How a service stands by for another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Standby {
    /// The service that it copies and may take over from.
    pub of: Spanned<String>,
    /// How often it copies what that one is told.
    pub copies_every: Stretch,
    /// How old the copy may be when it takes over.
    pub copy_max_age: Stretch,
}

/// Some out of several: the shares of a key that is in nobody's hands alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quorum {
    /// Services that each hold a share.
    pub of: Vec<Spanned<String>>,
    /// So many shares are enough.
    pub at_least: Spanned<usize>,
}

/// What a service is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// A BGP speaker on a host, for its anycast addresses.
    Speaker(Speaker),
    /// An authoritative name server.
    Authority(Authority),
    /// A caching recursive resolver.
    Resolver(blackstart_dns::resolver::Config),
    /// The health check that steers a speaker's announcement.
    Health(blackstart_dns::health::Config),
    /// An edge proxy.
    Edge(blackstart_app::edge::Config),
    /// A product's backend.
    Backend(blackstart_app::backend::Config),
    /// The admission service.
    Admission(blackstart_app::admission::Config),
    /// Fixed content.
    Site(blackstart_app::site::Config),
    /// A counter of outage reports.
    Reports(blackstart_app::reports::Config),
    /// Short public messages.
    Posts(blackstart_app::posts::Config),
    /// Messages from user to user, stored and forwarded.
    Messages(blackstart_app::messages::Config),
    /// A probe at a vantage point.
    Probe(blackstart_app::probe::Config),
    /// Sampled users of an app.
    Users(blackstart_app::client::Config),
    /// A door controller; its doors are those of `people.toml`.
    DoorController(DoorController),
    /// The access server; its badges are those of `people.toml`.
    AccessServer(AccessServer),
    /// The sign-in service; its accounts are those of `people.toml`.
    Identity(Identity),
    /// The service that asks phones whether it is their owner who signs in.
    Push(Push),
    /// The internal chat.
    Chat(blackstart_chat::server::Config),
    /// A chat client that stays connected.
    ChatPresence(blackstart_chat::presence::Config),
    /// The command audit.
    Audit(blackstart_manage::audit::Config),
    /// The backbone-capacity controller.
    Capacity(Capacity),
    /// A console server in front of serial cables.
    ConsoleServer(ConsoleServer),
    /// A host from which the routers' command lines are reached over the network.
    JumpHost(JumpHost),
    /// A gateway through which people come into the company's network.
    Vpn(Vpn),
    /// The configuration store.
    ConfigurationStore(ConfigurationStore),
    /// An alert.
    Alert(Alert),
    /// Documents, calls, a wiki behind sign-in, with sessions of their own.
    Tool(Tool),
}

/// A speaker that announces prefixes to its router when told over its control socket.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Speaker {
    /// Prefixes that it announces from the start.
    pub prefixes: Vec<IpNet>,
}

/// An authoritative name server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Authority {
    /// Files in `zones/`; the file's name without `.zone` is the zone's.
    pub zones: Vec<Spanned<String>>,
    /// Whether it counts what crowds ask.
    #[serde(default)]
    pub hears_crowd: bool,
}

/// A door controller.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DoorController {
    /// Name of the access server.
    pub server: String,
    /// Resolvers that know the name.
    pub resolvers: Vec<SocketAddr>,
    /// List that it falls back to when the server is silent.
    #[serde(default)]
    pub offline_list: Option<blackstart_badge::offline::Policy>,
}

/// An access server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccessServer {
    /// Certificate that it shows to door controllers.
    #[serde(default)]
    pub certificate: Option<Certificate>,
}

/// The sign-in service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// Name under which people look it up; by its address unless given.
    #[serde(default)]
    pub name: Option<String>,
    /// Push service that asks the phones of accounts that have one.
    #[serde(default)]
    pub push: Option<SocketAddr>,
}

/// The push service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Push {}

/// The backbone-capacity controller.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capacity {
    /// Group of routers that it commands.
    pub routers: Spanned<String>,
    /// Group of links whose ports on those routers it shuts.
    pub links: Spanned<String>,
    /// Where the audit listens.
    pub audit: SocketAddr,
    /// Where it signs in.
    pub sign_in: SocketAddr,
    /// As whom.
    pub account: Spanned<String>,
    /// When the command is given.
    pub assess_at: super::units::When,
    /// Time from the order to the moment at which all routers apply it.
    pub commit_delay: Length,
    /// How often the order is repeated.
    pub reassess_every: Stretch,
}

/// A host from which routers are reached over the network.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JumpHost {
    /// Name under which people look it up; by its address unless given.
    #[serde(default)]
    pub name: Option<String>,
    /// Group of routers to which it leads.
    pub routers: Spanned<String>,
    /// Sign-in service that must vouch for whoever connects.
    #[serde(default)]
    pub sign_in: Option<SocketAddr>,
    /// Certificate that it shows to whoever connects.
    #[serde(default)]
    pub certificate: Option<Certificate>,
}

/// A gateway through which people come into the company's network.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Vpn {
    /// Name under which people look it up; by its address unless given.
    #[serde(default)]
    pub name: Option<String>,
    /// Sign-in service that must vouch for whoever comes.
    pub sign_in: SocketAddr,
    /// Certificate that it shows to whoever comes.
    #[serde(default)]
    pub certificate: Option<Certificate>,
}

/// A tool behind the company's sign-in, with sessions of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tool {
    /// Host names served.
    pub hosts: Vec<String>,
    /// What its pages say.
    pub content: String,
    /// Sign-in service that it asks before it gives a session.
    pub sign_in: SocketAddr,
    /// How long its sessions hold.
    pub session: Stretch,
    /// Who had signed in before the run.
    #[serde(default)]
    pub signed_in: Vec<SignedIn>,
    /// Certificate that it shows to whoever asks for a page.
    #[serde(default)]
    pub certificate: Option<Certificate>,
}

/// Somebody who has a session from before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignedIn {
    /// Who.
    pub person: Spanned<String>,
    /// When they signed in.
    pub at: Moment,
}

/// An alert; its name is the service's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Alert {
    /// Host name of the page that it looks at.
    pub host: String,
    /// Who resolves names for it.
    pub resolvers: Vec<SocketAddr>,
    /// From one look to the next.
    pub every: Stretch,
    /// How long a page may take.
    pub timeout: Stretch,
    /// Failures in a row until it fires; as many successes end it.
    pub fall: u32,
    /// Chat service through which it pages.
    pub chat: Spanned<String>,
    /// Channel that the page goes to.
    pub channel: String,
    /// Where it signs in and as whom, when the chat asks.
    #[serde(default)]
    pub signs_in: Option<SignsIn>,
    /// From one attempt to deliver a page to the next.
    pub retry: Stretch,
    /// Phones that a provider calls when nobody says that they have it.
    #[serde(default)]
    pub calls: Option<Calls>,
}

/// Phone calls as the second way of an alert.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Calls {
    /// Push service that calls.
    pub through: SocketAddr,
    /// Machines that are the phones, in the order in which they are called.
    pub phones: Vec<Spanned<String>>,
    /// How long the first way has.
    pub after: Length,
}

/// Where a program signs in, and as whom.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignsIn {
    /// The sign-in service.
    pub at: SocketAddr,
    /// The account.
    pub account: Spanned<String>,
}

/// The configuration store, which pushes changes to routers in stages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConfigurationStore {
    /// Name under which people look it up; by its address unless given.
    #[serde(default)]
    pub name: Option<String>,
    /// Sign-in service that vouches for people, and for the store at the routers.
    pub sign_in: SocketAddr,
    /// As whom it logs in on routers.
    pub account: Spanned<String>,
    /// What must answer its machine when a stage has held.
    pub watch: Vec<SocketAddr>,
    /// How long a stage holds before it is judged.
    pub hold: Length,
    /// Account that holds a freeze from the start.
    #[serde(default)]
    pub frozen_by: Option<Spanned<String>>,
    /// What can be pushed.
    pub changes: Vec<StoredChange>,
}

/// A change that can be pushed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StoredChange {
    /// Its name.
    pub name: String,
    /// Routers that take it together, stage by stage; the first is the canary.
    pub stages: Vec<Vec<Spanned<String>>>,
    /// Router -> what is set there: `port.NAME = "up"` or `"down"`, or any other key.
    pub set: BTreeMap<String, BTreeMap<String, String>>,
    /// When the store pushes it by itself.
    #[serde(default)]
    pub at: Option<super::units::When>,
}

/// A console server in front of the host's serial cables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConsoleServer {
    /// Sign-in service that must vouch for whoever connects; without it the routers' own accounts are enough.
    #[serde(default)]
    pub sign_in: Option<SocketAddr>,
    /// Certificate that it shows to whoever connects.
    #[serde(default)]
    pub certificate: Option<Certificate>,
}
