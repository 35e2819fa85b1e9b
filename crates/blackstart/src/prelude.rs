//! `use blackstart::prelude::*;`

pub use crate::rt;
pub use crate::{Invariant, RunOutcome, Scenario, run};
pub use blackstart_scenario::Run;
pub use blackstart_sim::{Config, Sim, Time};
