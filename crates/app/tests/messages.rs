//! Messages in the engine: Ann and Ben behind an edge, a server that loses its power, phones that are off.
//!
//! ```text
//! ann ─┐
//! ben ─┴─ internet ── edge, server
//! ```
#![expect(clippy::unwrap_used, reason = "in a test that is the assertion")]

use blackstart_app::{Event, MessageStep, client, edge, messages};
use blackstart_rt as rt;
use blackstart_sim::{Config, Latency, LinkSpec, NodeId, NodeSpec, Sim, Time, control, disk, fib};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::time::Duration;

const HOSTS: [(&str, &str); 4] =
    [("ann", "10.0.0.1"), ("ben", "10.0.0.2"), ("edge", "10.0.0.3"), ("server", "10.0.0.4")];
const MINUTE: Duration = Duration::from_secs(60);

fn node(name: &str) -> NodeId {
    control::node(name).unwrap()
}

fn start(name: &str, service: impl Future<Output = io::Result<()>> + 'static) {
    rt::task::spawn(name, async move { service.await.unwrap() });
}

fn users(to: &str) -> client::Config {
    let text = format!(
        "product = 'talk'\nhost = '10.0.0.3'\nresolvers = ['10.0.0.9:53']\nusers = 1\nperiod-s = 60\n\
         retry-s = [20]\nkeep-alive = true\nmessages = {{ to = '{to}' }}"
    );
    toml::from_str(&text).unwrap()
}

fn world(seed: u64) -> Sim {
    let sim = Sim::new(Config { seed, ..Config::default() }).unwrap();
    let add = |name: &str, address: &str, forwards| {
        let addresses = vec![address.parse().unwrap()];
        sim.add_node(NodeSpec { name: name.to_owned(), addresses, forwards }).unwrap();
    };
    add("internet", "10.0.0.9", true);
    for (name, address) in HOSTS {
        add(name, address, false);
        let latency = Latency::Fixed(Duration::from_millis(20));
        sim.add_link(LinkSpec::new(node(name), node("internet")).latency(latency)).unwrap();
        let gateway = fib::Target::Via(vec!["10.0.0.9".parse().unwrap()]);
        control::install_route(node(name), fib::Protocol::Static, "0.0.0.0/0".parse().unwrap(), gateway, 0)
            .unwrap();
    }
    sim.set_program(node("ann"), || start("users", client::run(users("ben")))).unwrap();
    sim.set_program(node("ben"), || start("users", client::run(users("ann")))).unwrap();
    let behind = "pools = [{ backends = ['10.0.0.4:80'] }]\nhealth = { interval-s = 10 }";
    sim.set_program(node("edge"), || start("edge", edge::run(toml::from_str(behind).unwrap()))).unwrap();
    sim.set_program(node("server"), || start("messages", messages::run(toml::from_str("").unwrap())))
        .unwrap();
    sim
}

fn run_for(sim: &mut Sim, length: Duration) {
    sim.run_until(sim.now() + length);
}

/// When each of Ann's messages came to a step, each time that it did.
fn anns(sim: &Sim, wanted: MessageStep) -> BTreeMap<u64, Vec<Time>> {
    let mut times: BTreeMap<u64, Vec<Time>> = BTreeMap::new();
    for record in sim.records() {
        if let Some(Ok(Event::Message { from, number, step })) = rt::decode(record.kind, &record.bytes)
            && step == wanted
            && from.starts_with("ann")
        {
            times.entry(number).or_default().push(record.time);
        }
    }
    times
}

#[test]
fn what_was_acknowledged_waits_for_whoever_is_away_through_power_cuts() {
    for seed in 0..6 {
        let mut sim = world(seed);
        run_for(&mut sim, 5 * MINUTE);
        control::power_off(node("ben")).unwrap();
        let away = sim.now();
        // Cuts at moments that differ from seed to seed, some of them in the middle of an exchange.
        for cut in 0..5 {
            run_for(&mut sim, MINUTE + Duration::from_millis(seed * 3_607 + cut * 41));
            control::power_off(node("server")).unwrap();
            run_for(&mut sim, Duration::from_millis(500));
            control::power_on(node("server")).unwrap();
        }
        run_for(&mut sim, 3 * MINUTE);
        let waiting = anns(&sim, MessageStep::Sent).into_values().filter(|times| times[0] > away).count();
        assert!(waiting >= 3, "seed {seed}: {waiting} were sent while Ben was away");
        assert!(anns(&sim, MessageStep::Arrived).into_values().all(|times| times[0] <= away));
        let back = sim.now();
        control::power_on(node("ben")).unwrap();
        run_for(&mut sim, 10 * MINUTE);

        let [sent, arrived, delivered] =
            [MessageStep::Sent, MessageStep::Arrived, MessageStep::Delivered].map(|step| anns(&sim, step));
        for (number, sent) in sent.iter().filter(|(_, sent)| sent[0] < back) {
            let (arrived, delivered) = (&arrived[number], &delivered[number]);
            assert_eq!((sent.len(), arrived.len(), delivered.len()), (1, 1, 1), "seed {seed}: {number}");
            assert!(sent[0] < delivered[0] && arrived[0] < delivered[0], "seed {seed}: {number}");
            assert!(sent[0] <= away || arrived[0] > back, "seed {seed}: {number}");
        }
    }
}

/// Nothing is called sent that the disk did not take; it is once there is room.
#[test]
fn a_full_disk_acknowledges_nothing() {
    let mut sim = world(7);
    run_for(&mut sim, 5 * MINUTE);
    let before = anns(&sim, MessageStep::Sent).len();
    assert!(before >= 3);
    let full = disk::Faults { capacity: Some(0), ..disk::Faults::default() };
    control::set_disk_faults(node("server"), full).unwrap();
    run_for(&mut sim, 5 * MINUTE);
    assert_eq!(anns(&sim, MessageStep::Sent).len(), before);
    assert_eq!(anns(&sim, MessageStep::Written).len(), before + 1, "she waits with the next");
    control::set_disk_faults(node("server"), disk::Faults::default()).unwrap();
    run_for(&mut sim, 5 * MINUTE);
    assert!(anns(&sim, MessageStep::Sent).len() > before);
}
