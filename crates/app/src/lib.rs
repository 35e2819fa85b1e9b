//! HTTP applications: what users see of the company, and what outsiders say when it is gone.
//!
//! Start here: [`edge`], the reverse proxy between users and [`backend`]s.
//!
//! - [`http`]: HTTP/1.1 servers and clients on `rt`
//! - [`backend`]: a product in a data centre: bounded capacity, needs of its own
//! - [`edge`]: a proxy at a PoP: health checks, admission, `503` when no server is left
//! - [`admission`]: which percentage of clients may come in; [`Percent`], its unit
//! - [`site`]: fixed content (status page, third-party pages)
//! - [`reports`]: a counter of outage reports, as allestoringen.nl and Downdetector
//! - [`posts`]: short public messages, as Twitter
//! - [`messages`]: messages from user to user, kept until whoever they are for has them
//! - [`probe`]: checks of names, URLs and pages from a vantage point
//! - [`client`]: app users who retry, complain and come back
//! - [`Event`], [`MessageStep`], [`Outcome`]: what all of them record (module `event`)
//! - [`Seconds`]: durations in configurations (module `config`)
//!
//! Inside: `gate` bounds capacity, `outbox` is an app's side of messages, `pressure` is what a crowd does to it, `health` decides when a proxy believes in a
//! backend, `percent` says who belongs to a share of clients, `visit` is what every user does, and `scope` ends tasks with their service.
//!
//! Every service is `run(Config)`: it ends with an error when it cannot start and else runs until its host
//! dies. No service here knows whether "the network is up"; each only sees its own time-outs.

pub mod admission;
pub mod backend;
pub mod client;
mod config;
pub mod edge;
mod event;
mod gate;
mod health;
pub mod http;
pub mod messages;
mod outbox;
mod percent;
pub mod posts;
mod pressure;
pub mod probe;
pub mod reports;
mod scope;
pub mod site;
mod visit;

pub use config::Seconds;
pub use event::{ConnectFailure, DnsFailure, Event, MessageStep, Outcome};
pub use percent::{ParsePercentError, Percent};
pub use visit::visit;
