//! What each thing is like with all faults that lie on it. Nothing here remembers anything.
//!
//! - `links`, `machines`, `services`, `people`: things whose state follows from their layers
//! - `deeds`: what somebody does over the simulated systems, at the beginning and back at the end

pub(crate) mod deeds;
pub(crate) mod links;
pub(crate) mod machines;
pub(crate) mod people;
pub(crate) mod services;
