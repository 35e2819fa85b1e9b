//! What the benchmark programs of all engines share. The workload itself stands beside this crate in `w.rs`, because
//! every engine compiles it against its own sockets.
//!
//! - [`plan`]: who talks to whom, when, and how far apart they are
//! - [`count`]: what the workload saw, and whether it really ran
//! - [`outcome`]: the line that a program prints

pub mod count;
pub mod outcome;
pub mod plan;
