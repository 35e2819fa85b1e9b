//! The shapes of a scenario folder's files, as serde reads them. Names are looked up later, in `validate`.

pub mod faults;
pub mod milestones;
pub mod network;
pub mod people;
pub mod regression;
pub mod scenario;
pub mod services;
pub mod units;
pub mod variant;
