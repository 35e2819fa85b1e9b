//! Tests that cross crates live in the files beside this folder; what they share lives here.
//!
//! - [`canaries`]: planted bugs, and what catches them
//! - [`folder`]: copies of scenarios to break
//! - [`night`]: a scenario played to its end, with everything that a test may ask about it
//! - [`tried`]: blocks of steps, played in the smallest scenario
//! - [`probe`]: what a socket says about an address, simulated or real; binary `probe` asks on real ones
//! - binary `log-hash`: runs a scenario again and again and prints what must not change
//!
//! The tests:
//! - `founding_night`: the outage of 4 October 2021, its variants, and what changes when one thing is missing
//! - `variants`: each variant changes what it says that it changes
//! - `messaging`: messages between users, one of them cut off
//! - `doors`: who gets through a door, by which system, by whom
//! - `steps`: what single steps of a runbook do; `certificates`, `configuration`: those that meet one
//! - `on_call`: who hears, who is called, what a long night does to people
//! - `planted`: deadlocks planted in a small world, each with its repaired twin
//! - `judges`: what must hold, in whole runs; invariants of users' own
//! - `canaries`: planted bugs are caught (with `--features canary`)
//! - `determinism`: same seed, same run, whatever the process, the thread, the environment and the build
//! - `kernel`: what sockets say in the engine and in the Linux kernel, in one network built twice
//! - `user_service`: a service written for tokio, in a run, in turmoil and on real sockets
//! - `floors`: an import between crates only points down
//! - `tidy`: style that no reviewer should have to mention twice

pub mod canaries;
pub mod folder;
pub mod night;
pub mod probe;
pub mod tried;
