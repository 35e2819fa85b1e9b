//! What turmoil's own API does to the services: hold and release, latency, crash and bounce, one way alone. The
//! partition is among the cases that the engine runs too.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use blackstart_chat::client::Incoming;
use blackstart_dns::stub;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::bgp::{DNS, LEFT, Pair, RIGHT};
use crate::chat::{PEOPLE, SERVER};
use crate::dns::{AUTHORITY, PROGRAM, RESOLVER, WWW};
use crate::in_turmoil::{TICK, Turmoil};
use crate::net::{Net, tell};
use crate::{chat, dns};

const OTHER: &str = "185.89.218.0/24";

/// Nothing is lost while messages are held for less than the hold time: the session never notices.
#[test]
fn held_routes_arrive_after_the_release() {
    let net = &mut Turmoil::new(7);
    let pair = Pair::start(net);
    pair.expect_learnt(net, &[DNS]);
    net.sim.hold(LEFT, RIGHT);
    pair.announce(net, OTHER);
    net.pause(Duration::from_secs(4));
    pair.expect_learnt(net, &[DNS]);
    net.sim.release(LEFT, RIGHT);
    pair.expect_learnt(net, &[DNS, OTHER]);
}

/// Held for longer, the session is given up; what is released then belongs to nobody.
#[test]
fn messages_held_beyond_the_hold_time_cost_the_session() {
    let net = &mut Turmoil::new(7);
    let pair = Pair::start(net);
    pair.expect_learnt(net, &[DNS]);
    net.sim.hold(LEFT, RIGHT);
    net.pause(Duration::from_secs(10));
    pair.expect_learnt(net, &[]);
    net.sim.release(LEFT, RIGHT);
    pair.expect_learnt(net, &[DNS]);
}

/// turmoil lets the right one connect over the way that is left, and what the left one answers is lost for good: only
/// once the wait for its OPEN is over (four minutes) there is a new connection.
#[test]
fn a_partition_of_one_way_ends_a_session_too() {
    let net = &mut Turmoil::new(7);
    let pair = Pair::start(net);
    pair.expect_learnt(net, &[DNS]);
    net.sim.partition_oneway(LEFT, RIGHT);
    net.pause(Duration::from_secs(10));
    pair.expect_learnt(net, &[]);
    net.sim.repair_oneway(LEFT, RIGHT);
    net.pause(Duration::from_secs(240));
    pair.expect_learnt(net, &[DNS]);
}

/// There and back over two links: program, resolver, authority.
#[test]
fn latency_adds_up_along_the_way_of_a_question() {
    let net = &mut Turmoil::new(7);
    let resolver = dns::start_tree(net);
    net.pause(TICK);
    let far = Duration::from_millis(40);
    net.sim.set_link_latency(RESOLVER, AUTHORITY, far);
    net.sim.set_link_latency(PROGRAM, RESOLVER, far);
    let before = net.sim.elapsed();
    assert_eq!(dns::ask(net, resolver, WWW), dns::www());
    let uncached = net.sim.elapsed() - before;
    let before = net.sim.elapsed();
    assert_eq!(dns::ask(net, resolver, WWW), dns::www());
    let cached = net.sim.elapsed() - before;
    assert!((far * 2..far * 3).contains(&cached), "{cached:?}");
    assert!((far * 4..far * 6).contains(&uncached), "{uncached:?}");
}

/// The resolver's patience is 100 ms for each server, its client's longer: SERVFAIL, and no timeout.
#[test]
fn a_held_authority_is_a_servfail() {
    let net = &mut Turmoil::new(7);
    let resolver = dns::start_tree(net);
    net.pause(TICK);
    net.sim.hold(RESOLVER, AUTHORITY);
    assert_eq!(dns::ask(net, resolver, WWW), Err(stub::Error::ServFail(WWW.to_owned())));
    net.sim.release(RESOLVER, AUTHORITY);
    assert_eq!(dns::ask(net, resolver, WWW), dns::www());
}

/// A line that was heard stays heard; who is in the channel sees the crash at once and comes in again.
#[test]
fn a_crashed_chat_server_is_noticed_at_once() {
    let net = &mut Turmoil::new(7);
    let server = chat::start_server(net);
    let (mut ada, bob) = tell(net, PEOPLE, async move {
        let (mut ada, mut bob) = (chat::join(server, "ada").await, chat::join(server, "bob").await);
        bob.say("#war", "before the crash").await.unwrap();
        assert_eq!(chat::heard(&mut ada).await, "before the crash");
        (ada, bob)
    });
    net.sim.crash(SERVER);
    let before = net.sim.elapsed();
    tell(net, PEOPLE, async move {
        while let Ok(heard) = ada.recv().await {
            assert!(matches!(heard, Incoming::Other(_)), "{heard:?}");
        }
        drop(bob);
    });
    assert!(net.sim.elapsed() - before < TICK * 10);
    net.sim.bounce(SERVER);
    net.pause(TICK);
    tell(net, PEOPLE, async move {
        let mut ada = chat::join(server, "ada").await;
        ada.say("ada", "back").await.unwrap();
        assert_eq!(chat::heard(&mut ada).await, "back");
    });
}

/// Lines that were on their way arrive after the release, in their order.
#[test]
fn held_lines_arrive_after_the_release() {
    let net = &mut Turmoil::new(7);
    let server = chat::start_server(net);
    let (mut ada, mut bob) =
        tell(net, PEOPLE, async move { (chat::join(server, "ada").await, chat::join(server, "bob").await) });
    net.sim.hold(PEOPLE, SERVER);
    let bob = tell(net, PEOPLE, async move {
        bob.say("#war", "one\ntwo").await.unwrap();
        bob
    });
    net.pause(Duration::from_secs(5));
    net.sim.release(PEOPLE, SERVER);
    tell(net, PEOPLE, async move {
        assert_eq!(chat::heard(&mut ada).await, "one");
        assert_eq!(chat::heard(&mut ada).await, "two");
        drop(bob);
    });
}

/// Every message that turmoil carries and every event that a service emits, with the time.
fn evening(seed: u64) -> String {
    let page = Page::default();
    let writer = page.clone();
    let listener = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_timer(SimulatedTime);
    let listener = listener.with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(listener, || {
        let net = &mut Turmoil::with(seed, turmoil::Builder::new().max_message_latency(TICK * 5));
        let (pair, resolver) = (Pair::start(net), dns::start_tree(net));
        pair.expect_learnt(net, &[DNS]);
        assert_eq!(dns::ask(net, resolver, WWW), dns::www());
        net.sim.partition(LEFT, RIGHT);
        net.sim.crash(AUTHORITY);
        pair.expect_learnt(net, &[]);
        dns::ask(net, resolver, "ns.example.test").unwrap_err();
        net.sim.repair(LEFT, RIGHT);
        pair.expect_learnt(net, &[DNS]);
    });
    page.text()
}

#[test]
fn the_same_seed_gives_the_same_evening() {
    let first = evening(7);
    for part in ["SessionUp", "HoldTimerExpired", "BestPathChanged", "UDP", "TCP SYN"] {
        assert!(first.contains(part), "{part} is missing: too little was seen to prove anything");
    }
    // Lines, so that a difference can be read.
    let again = evening(7);
    let differing = first.lines().zip(again.lines()).find(|(first, again)| first != again);
    assert_eq!(differing, None);
    assert_eq!(first.len(), again.len());
    assert!(evening(8) != first, "latencies are drawn");
}

struct SimulatedTime;

impl FormatTime for SimulatedTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{:?}", turmoil::sim_elapsed())
    }
}

/// Where a listener writes to.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
