//! Faults as data: what is broken, when, and for how long.
//!
//! - [`Fault`], [`When`]: one fault of a schedule. Start here; module `schedule`.
//! - [`Kind`]: the primitives, one variant each; module `kind`
//! - [`PRIMITIVES`]: their table, with families, units and limits; [`Kind::check`] and [`Kind::weaker`] go by it; module `primitive`
//! - [`recipes`], [`Recipe`]: kinds that people recognise, made of primitives; the table is `kinds.toml`; module `catalogue`
//! - [`Order`], [`Selector`]: a kind, on what, when, how often, in words; a seed turns it into faults; modules `order`, `selector`
//! - [`Targets`]: what a world has that can be broken; module `target`
//! - [`Budget`], [`Arsenal`]: what a run may break; schedules drawn from it; module `draw`
//! - [`simpler`]: the steps by which a schedule shrinks; module `shrink`
//! - [`strategy()`]: schedules for proptest
//! - [`targets_of`], [`inject_into`]: the same for a simulation of your own, which no scenario describes; module `own`
//! - [`manual`]: the manual's page, from the tables
//! - [`inject`]: lets a schedule happen to a running world. Faults on one thing are `layers`, undone in any order; what the
//!   thing is like then is the business of `effect`
//! - [`Event`]: what was done, as records; [`executed`] reads the schedule back from them; module `event`
//!
//! A fault acts on machines, links, services, names and people by name. What follows from it is never part of it: pages, doors
//! and steps fail because what they stand on did.

mod catalogue;
mod draw;
mod effect;
mod event;
mod inject;
mod kind;
mod layers;
pub mod manual;
mod order;
mod own;
mod primitive;
mod schedule;
mod selector;
mod shrink;
mod strategy;
mod target;

pub use catalogue::{Part, Recipe, recipes};
pub use draw::{Arsenal, Budget};
pub use event::Event;
pub use inject::{executed, inject};
pub use kind::Kind;
pub use order::Order;
pub use own::{inject_into, targets_of};
pub use primitive::{Family, Milder, Mistake, PRIMITIVES, Parameter, Primitive};
pub use schedule::{Fault, When};
pub use selector::Selector;
pub use shrink::simpler;
pub use strategy::{Schedules, Shrinking, strategy};
pub use target::{On, Targets, Thing};
