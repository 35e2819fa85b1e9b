//! Faults as data: what is broken, when, and for how long.
//!
//! - [`Fault`], [`Kind`]: one fault; serialisable, undone at its end. Start here; module `kind`.
//! - [`inject`]: lets a schedule happen to a running world.
//!
//! A fault acts on links, machines and services by name. What follows from it is never part of it: routes, names and doors
//! fail because what they stand on did.

mod inject;
mod kind;

pub use inject::inject;
pub use kind::{Fault, Kind};
