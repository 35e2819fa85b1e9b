//! One table of behaviours, each run by the same function on every backend. Loopback only.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod backends;
mod sockets;

use blackstart_rt as rt;
use rt::task::{JoinError, spawn};
use rt::time::{Instant, interval, sleep, timeout};
use std::cell::Cell;
use std::future::pending;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

/// Behaviours of a host, and behaviours of sockets, which are told for each family of addresses.
macro_rules! behaviours {
    (
        host { $($name:ident $(except in turmoil: $why:literal)?,)* }
        $($module:ident { $($socket:ident $(except in turmoil: $reason:literal)?,)* })*
    ) => {
        mod on_the_operating_system {
            $(#[test] fn $name() { super::backends::on_os(super::$name()); })*
            $(mod $module {
                mod over_ipv4 {
                    use crate::*;
                    $(#[test] fn $socket() { backends::on_os(sockets::$module::$socket(IPV4)); })*
                }
                mod over_ipv6 {
                    use crate::*;
                    $(#[test] fn $socket() { needs_ipv6(); backends::on_os(sockets::$module::$socket(IPV6)); })*
                }
            })*
        }
        mod in_the_engine {
            $(#[test] fn $name() { super::backends::on_engine(super::$name()); })*
            $(mod $module {
                mod over_ipv4 {
                    use crate::*;
                    $(#[test] fn $socket() { backends::on_engine(sockets::$module::$socket(IPV4)); })*
                }
                mod over_ipv6 {
                    use crate::*;
                    $(#[test] fn $socket() { backends::on_engine(sockets::$module::$socket(IPV6)); })*
                }
            })*
        }
        mod in_turmoil {
            $(in_turmoil! { $name: IPV4, crate::$name() $(; $why)? })*
            $(mod $module {
                mod over_ipv4 {
                    $(in_turmoil! { $socket: IPV4, sockets::$module::$socket(IPV4) $(; $reason)? })*
                }
                mod over_ipv6 {
                    $(in_turmoil! { $socket: IPV6, sockets::$module::$socket(IPV6) $(; $reason)? })*
                }
            })*
        }
    };
}

/// An exception has to fail, over IPv4 at least: the day turmoil can do it, the exception goes.
macro_rules! in_turmoil {
    ($name:ident: IPV6, $behaviour:expr; $reason:literal) => {};
    ($name:ident: $family:ident, $behaviour:expr) => {
        #[test]
        fn $name() {
            use crate::*;
            backends::on_turmoil($family, $behaviour);
        }
    };
    ($name:ident: $family:ident, $behaviour:expr; $reason:literal) => {
        #[test]
        #[should_panic]
        #[doc = $reason]
        fn $name() {
            use crate::*;
            backends::on_turmoil($family, $behaviour);
        }
    };
}

behaviours! {
    host {
        a_timeout_elapses,
        a_ready_future_beats_its_timeout,
        timers_keep_to_the_grid,
        a_passed_deadline_ends_at_once,
        an_interval_keeps_its_rate,
        an_interval_can_start_later,
        an_interval_survives_a_dropped_tick,
        a_file_is_read_back,
        a_disk_lists_what_it_holds,
        a_rename_replaces,
    a_missing_file_is_not_found,
        a_bad_file_name_is_refused,
        a_task_gives_its_result,
        an_aborted_task_is_cancelled,
        a_dropped_handle_detaches,
        a_panic_is_the_tasks_own,
        yielding_lets_others_go_first,
        draws_keep_to_their_range,
        the_unix_clock_is_past_2020,
    }
    tcp {
        a_connection_echoes,
        half_closed_still_answers,
        a_dropped_stream_ends_the_reader,
        what_was_written_arrives_though_the_writer_has_gone,
        dropping_with_unread_data_resets,
        a_writer_is_told_of_a_reset except in turmoil: "it resets only where data was left unread",
        data_is_read_before_the_reset_that_followed_it except in turmoil: "it resets only where data was left unread",
        writing_to_one_who_has_gone_works_once,
        a_reset_wakes_reader_and_writer except in turmoil: "a reset wakes readers alone",
        who_is_gone_has_no_address except in turmoil: "addresses outlive the connection",
        a_peek_leaves_what_it_saw except in turmoil: "it resets only where data was left unread",
        much_data_arrives_whole,
        a_writer_waits_for_its_reader,
        what_would_wait_says_so,
        writing_nothing_is_not_the_end,
        owned_halves_go_their_own_ways,
        halves_are_reunited_with_their_own,
        a_forgotten_half_closes_nothing,
        lent_halves_work_at_the_same_time,
        options_are_kept,
        a_closed_port_refuses,
        a_closed_listener_resets_who_waited except in turmoil: "connecting ends with the accept",
        a_burst_of_500_is_never_refused except in turmoil: "64 connections may wait",
    }
    udp {
        a_datagram_goes_and_comes_back,
        a_datagram_may_be_empty,
        a_connected_socket_hears_its_peer_only,
        connecting_picks_the_address_to_talk_from,
        an_unconnected_socket_cannot_send,
        a_refusal_is_told_to_the_connected_once except in turmoil: "there is no ICMP",
        a_refusal_is_not_told_to_others,
        a_reply_leaves_from_where_it_was_asked,
        a_long_datagram_is_cut,
        a_datagram_has_a_largest_size,
        a_peek_leaves_the_datagram,
        what_would_wait_says_so,
        polls_are_the_same_as_calls,
        options_are_kept,
    }
    address {
        a_bound_tcp_port_is_in_use,
        a_bound_udp_port_is_in_use,
        port_0_is_one_of_its_own,
        a_port_is_free_again_while_connections_last except in turmoil: "connecting ends with the accept",
        an_address_of_others_is_not_available,
        connecting_from_an_address_shows_it except in turmoil: "it picks the local address by the peer's alone",
        the_unspecified_address_is_this_host except in turmoil: "connecting ends with the accept",
        text_spells_an_address_but_no_name except in turmoil: "connecting ends with the accept",
        of_several_addresses_the_first_that_works except in turmoil: "connecting ends with the accept",
    }
}

const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A machine without IPv6 proves nothing about it, and says so.
fn needs_ipv6() {
    let bound = std::net::UdpSocket::bind((IPV6, 0));
    assert!(bound.is_ok(), "this machine has no IPv6 loopback address (::1): {bound:?}");
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn a_timeout_elapses() {
    let started = Instant::now();
    assert!(timeout(ms(20), pending::<()>()).await.is_err());
    assert!(started.elapsed() >= ms(20));
}

async fn a_ready_future_beats_its_timeout() {
    assert_eq!(timeout(Duration::ZERO, async { 7 }).await, Ok(7));
    assert_eq!(timeout(Duration::MAX, async { 7 }).await, Ok(7));
}

async fn timers_keep_to_the_grid() {
    let started = Instant::now();
    sleep(Duration::from_micros(1_200)).await;
    assert!(started.elapsed() >= ms(1), "never early by a whole step");
    sleep(Duration::ZERO).await;
}

async fn a_passed_deadline_ends_at_once() {
    sleep(ms(3)).await;
    rt::time::sleep_until(Instant::default()).await;
    let mut wait = sleep(Duration::from_secs(3_600));
    wait.reset(Instant::default());
    wait.await;
}

async fn an_interval_keeps_its_rate() {
    let mut ticks = interval(ms(10));
    let first = ticks.tick().await;
    sleep(ms(4)).await;
    for n in 1..4 {
        assert_eq!(ticks.tick().await - first, ms(10) * n);
    }
    assert!(first.elapsed() >= ms(30));
}

async fn an_interval_can_start_later() {
    let start = Instant::now() + ms(25);
    let mut ticks = rt::time::interval_at(start, ms(10));
    assert_eq!(ticks.tick().await, start);
    assert!(Instant::now() >= start, "never early");
    assert_eq!(ticks.tick().await, start + ms(10));
}

async fn an_interval_survives_a_dropped_tick() {
    let mut ticks = interval(ms(100));
    let first = ticks.tick().await;
    assert!(timeout(ms(2), ticks.tick()).await.is_err());
    assert_eq!(ticks.tick().await - first, ms(100));
}

async fn a_file_is_read_back() {
    rt::disk::write("journal", b"one").await.unwrap();
    rt::disk::append("journal", b" two").await.unwrap();
    rt::disk::fsync("journal").await.unwrap();
    assert_eq!(rt::disk::read("/journal").await.unwrap(), b"one two");
    rt::disk::write("journal", b"three").await.unwrap();
    rt::disk::rename("journal", "old/journal").await.unwrap();
    assert_eq!(rt::disk::read("old/journal").await.unwrap(), b"three");
    rt::disk::remove("old/journal").await.unwrap();
    assert_eq!(rt::disk::read("old/journal").await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_disk_lists_what_it_holds() {
    assert!(rt::disk::list().await.unwrap().is_empty());
    for name in ["b", "zones/com", "a", "zones/arpa"] {
        rt::disk::write(name, b"").await.unwrap();
    }
    assert_eq!(rt::disk::list().await.unwrap(), ["a", "b", "zones/arpa", "zones/com"]);
}

async fn a_rename_replaces() {
    rt::disk::write("state", b"the old and longer one").await.unwrap();
    rt::disk::write("state.tmp", b"new").await.unwrap();
    rt::disk::fsync("state.tmp").await.unwrap();
    rt::disk::rename("state.tmp", "state").await.unwrap();
    assert_eq!(rt::disk::read("state").await.unwrap(), b"new");
    assert_eq!(rt::disk::list().await.unwrap(), ["state"]);
    rt::disk::rename("state", "state").await.unwrap();
    rt::disk::write("state", b"").await.unwrap();
    assert_eq!(rt::disk::read("state").await.unwrap(), b"");
}

async fn a_missing_file_is_not_found() {
    assert_eq!(rt::disk::read("none").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(rt::disk::fsync("none").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(rt::disk::remove("none").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(rt::disk::rename("none", "some").await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_bad_file_name_is_refused() {
    assert_eq!(rt::disk::write("../out", b"").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

async fn a_task_gives_its_result() {
    let task = spawn("answer", async {
        sleep(ms(1)).await;
        Rc::new(42)
    });
    assert!(!task.is_finished());
    assert_eq!(*task.await.unwrap(), 42);
}

async fn an_aborted_task_is_cancelled() {
    let held = Rc::new(());
    let kept = held.clone();
    let task = spawn("wait", async move {
        let _kept = kept;
        pending::<()>().await;
    });
    rt::task::yield_now().await;
    task.abort();
    assert_eq!(task.await, Err(JoinError::Cancelled));
    assert_eq!(Rc::strong_count(&held), 1, "what the task held is dropped");
    let done = spawn("done", async {});
    sleep(ms(1)).await;
    done.abort();
    assert!(done.is_finished());
    assert_eq!(done.await, Ok(()));
}

async fn a_dropped_handle_detaches() {
    let done = Rc::new(Cell::new(false));
    let seen = done.clone();
    drop(spawn("detached", async move {
        sleep(ms(1)).await;
        seen.set(true);
    }));
    sleep(ms(20)).await;
    assert!(done.get());
}

async fn a_panic_is_the_tasks_own() {
    let crashed = spawn("crash", async {
        sleep(ms(1)).await;
        panic!("out of {}", "cheese");
    });
    let fine = spawn("fine", async {
        sleep(ms(5)).await;
        7
    });
    let error = crashed.await.unwrap_err();
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(error.to_string(), "the task panicked: out of cheese");
    assert_eq!(fine.await, Ok(7));
}

async fn yielding_lets_others_go_first() {
    let ran = Rc::new(Cell::new(false));
    let seen = ran.clone();
    let task = spawn("other", async move { seen.set(true) });
    assert!(!ran.get());
    rt::task::yield_now().await;
    assert!(ran.get());
    task.await.unwrap();
}

async fn draws_keep_to_their_range() {
    let mut stream = rt::rand::stream("test");
    for n in 1..200 {
        assert!(stream.below(n) < n);
        assert!((0.0..1.0).contains(&stream.unit()));
        assert!((ms(5)..ms(9)).contains(&stream.between(ms(5), ms(9))));
        assert!(stream.chance(1.0) && !stream.chance(0.0));
    }
    assert_eq!(stream.below(0), 0);
    assert_eq!(stream.between(ms(9), ms(5)), ms(9));
    assert_ne!(stream.next_u64(), stream.next_u64());
}

async fn the_unix_clock_is_past_2020() {
    assert!(rt::time::unix_now() > Duration::from_secs(1_577_836_800));
}
