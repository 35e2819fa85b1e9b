//! The same unmodified services on every backend: one list of cases, each stated once.
//!
//! - `net`: what a case is written against; `engine`, `in_turmoil`, `os`: the backends behind it
//! - `bgp`, `dns`, `chat`, `badge`: the cases, and how each service is configured for them
//! - `faults`: what turmoil's own API does to the services
//! - `differences`: where the backends differ, each a line of `docs/src/backends.md`
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

#[path = "backends/badge.rs"]
mod badge;
#[path = "backends/bgp.rs"]
mod bgp;
#[path = "backends/chat.rs"]
mod chat;
#[path = "backends/differences.rs"]
mod differences;
#[path = "backends/dns.rs"]
mod dns;
#[path = "backends/engine.rs"]
mod engine;
#[path = "backends/faults.rs"]
mod faults;
#[path = "backends/in_turmoil.rs"]
mod in_turmoil;
#[path = "backends/net.rs"]
mod net;
#[path = "backends/os.rs"]
mod os;

use blackstart_sim::{Config, Driver};

use engine::Engine;
use in_turmoil::Turmoil;
use os::Os;

/// Every case as a test on every backend: those before the semicolon everywhere, those behind it where links can
/// be cut.
macro_rules! cases {
    ($($service:ident { $($case:ident),*; $($cut:ident),* })*) => {
        on! { on_the_engine: Engine::new(driver(Driver::Native)); $($service { $($case)* $($cut)* })* }
        on! { on_the_engine_with_tokio: Engine::new(driver(Driver::Tokio)); $($service { $($case)* $($cut)* })* }
        on! { inside_turmoil: Turmoil::new(7); $($service { $($case)* $($cut)* })* }
        on! { on_real_sockets: Os::new(); $($service { $($case)* })* }
    };
}

macro_rules! on {
    ($backend:ident: $net:expr; $($service:ident { $($case:ident)* })*) => {
        mod $backend {
            $(mod $service {
                use crate::*;
                $(#[test] fn $case() { $service::$case(&mut $net); })*
            })*
        }
    };
}

fn driver(driver: Driver) -> Config {
    Config { seed: 7, driver, ..Config::default() }
}

cases! {
    bgp {
        a_route_is_learnt_and_withdrawn,
        a_rebooted_speaker_tells_its_routes_again;
        silence_ends_a_session_at_the_hold_time
    }
    dns {
        an_authority_answers_over_udp_and_tcp,
        a_resolver_asks_down_the_tree_and_caches;
        a_cut_off_authority_is_a_servfail_until_it_is_back
    }
    chat {
        clients_hear_each_other,
        a_rebooted_server_lets_everybody_in_again;
    }
    badge {
        a_badge_opens_its_door_and_the_log_knows,
        what_was_told_is_in_the_log_after_a_reboot;
        a_cut_off_door_decides_alone
    }
}
