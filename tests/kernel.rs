//! Sockets in the engine against sockets of the Linux kernel, in one network built twice: five machines in a row, of
//! which the last has no power. The kernel's machines are network namespaces joined by virtual cables.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use blackstart_sim::fib::{Protocol, Target};
use blackstart_sim::{Config, LinkSpec, NodeId, NodeSpec, Sim, Time, control};
use blackstart_tests::probe::Question::{self, Connect, Send, SendShort, SendTo};
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Output};
use std::rc::Rc;
use std::time::Duration;

/// The machines; the last is dark.
const MACHINES: u8 = 5;

/// Who is asked by the first machine, how, and what its socket says.
const CASES: [(&str, Question, &str, &str); 31] = [
    ("nobody listens there", Connect, "10.0.0.4:9", "ConnectionRefused"),
    ("nobody listens there", Connect, "[2001:db8::4]:9", "ConnectionRefused"),
    ("nobody listens there", Send, "10.0.0.4:9", "ConnectionRefused"),
    ("nobody listens there", Send, "[2001:db8::4]:9", "ConnectionRefused"),
    ("nobody listens there", SendTo, "10.0.0.4:9", "silence"),
    ("nobody listens there", SendTo, "[2001:db8::4]:9", "silence"),
    ("no route of its own", Connect, "172.16.0.1:9", "NetworkUnreachable"),
    ("no route of its own", Connect, "[2001:db9::1]:9", "NetworkUnreachable"),
    ("no route of its own", Send, "172.16.0.1:9", "NetworkUnreachable"),
    ("no route of its own", Send, "[2001:db9::1]:9", "NetworkUnreachable"),
    ("no route of its own", SendTo, "172.16.0.1:9", "NetworkUnreachable"),
    ("no route of a router", Connect, "10.9.0.1:9", "NetworkUnreachable"),
    ("no route of a router", Connect, "[2001:db8:9::1]:9", "NetworkUnreachable"),
    ("no route of a router", Send, "10.9.0.1:9", "silence"),
    ("no route of a router", Send, "[2001:db8:9::1]:9", "silence"),
    ("a dark neighbour of a router", Connect, "10.0.0.5:9", "HostUnreachable"),
    ("a dark neighbour of a router", Connect, "[2001:db8::5]:9", "HostUnreachable"),
    ("a dark neighbour of a router", Send, "10.0.0.5:9", "silence"),
    ("a dark neighbour of a router", Send, "[2001:db8::5]:9", "silence"),
    ("a router discards", Connect, "10.8.0.1:9", "TimedOut"),
    ("a router discards", Connect, "[2001:db8:8::1]:9", "TimedOut"),
    ("a router discards", Send, "10.8.0.1:9", "silence"),
    ("it discards itself", Connect, "10.6.0.1:9", "InvalidInput"),
    ("it discards itself", Connect, "[2001:db8:6::1]:9", "InvalidInput"),
    ("it discards itself", Send, "10.6.0.1:9", "InvalidInput"),
    ("it discards itself", SendTo, "10.6.0.1:9", "InvalidInput"),
    ("a forwarding loop", Connect, "10.7.0.1:9", "HostUnreachable"),
    ("a forwarding loop", Connect, "[2001:db8:7::1]:9", "HostUnreachable"),
    ("a forwarding loop", Send, "10.7.0.1:9", "silence"),
    ("too short a life", SendShort, "10.0.0.4:9", "silence"),
    ("a life just long enough", SendShort, "10.0.0.2:9", "ConnectionRefused"),
];

/// Machine, prefix, next hop; none where packets are discarded.
fn routes() -> Vec<(u8, String, Option<u8>)> {
    let mut routes = Vec::new();
    for at in 1..=MACHINES {
        for to in (1..=MACHINES).filter(|to| to.abs_diff(at) > 1) {
            let next = if to > at { at + 1 } else { at - 1 };
            routes.push((at, format!("10.0.0.{to}/32"), Some(next)));
            routes.push((at, format!("2001:db8::{to}/128"), Some(next)));
        }
    }
    let special = [
        (1, 7, Some(2)),
        (2, 7, Some(3)),
        (3, 7, Some(2)), // a loop
        (1, 8, Some(2)),
        (2, 8, None),
        (1, 9, Some(2)),
        (1, 6, None),
    ];
    for (at, net, next) in special {
        routes.push((at, format!("10.{net}.0.0/16"), next));
        routes.push((at, format!("2001:db8:{net}::/48"), next));
    }
    routes
}

fn address(n: u8, v6: bool) -> IpAddr {
    let text = if v6 { format!("2001:db8::{n}") } else { format!("10.0.0.{n}") };
    text.parse().unwrap()
}

/// The network in the engine.
fn simulated() -> Sim {
    let epoch = Duration::from_secs(1_633_360_000);
    let sim = Sim::new(Config { seed: 1, epoch, ..Config::default() }).unwrap();
    let node = |n: u8| NodeSpec {
        name: format!("n{n}"),
        addresses: vec![address(n, false), address(n, true)],
        forwards: n != 1,
    };
    let nodes: Vec<NodeId> = (1..=MACHINES).map(|n| sim.add_node(node(n)).unwrap()).collect();
    for pair in nodes.windows(2) {
        sim.add_link(LinkSpec::new(pair[0], pair[1])).unwrap();
    }
    for (at, prefix, next) in routes() {
        let prefix: ipnet::IpNet = prefix.parse().unwrap();
        let v6 = matches!(prefix, ipnet::IpNet::V6(_));
        let target = next.map_or(Target::Discard, |next| Target::Via(vec![address(next, v6)]));
        let node = nodes[usize::from(at) - 1];
        control::install_route(node, Protocol::Static, prefix, target, 0).unwrap();
    }
    control::power_off(nodes[usize::from(MACHINES) - 1]).unwrap();
    sim
}

fn ask_simulated(question: Question, peer: SocketAddr) -> String {
    let mut sim = simulated();
    let said = Rc::new(RefCell::new(String::new()));
    let heard = said.clone();
    let asking = async move {
        let answer = question.ask(peer).await;
        *heard.borrow_mut() = answer;
    };
    drop(control::spawn_on(control::node("n1").unwrap(), "probe", asking));
    sim.run_until(Time::from_secs(200));
    said.take()
}

#[test]
fn the_engine_says_what_the_list_says() {
    for (why, question, peer, expected) in CASES {
        assert_eq!(ask_simulated(question, peer.parse().unwrap()), expected, "{why}: {question:?} {peer}");
    }
}

/// What stands against it: no root, a kernel or a container without namespaces.
fn may_make_namespaces() -> Result<(), String> {
    let name = format!("blackstart-{}", std::process::id());
    let made = run(&["netns", "add", &name]);
    run(&["netns", "delete", &name]);
    if made.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&made.stderr).into_owned()) }
}

/// The network in the kernel. Its namespaces go with it.
struct Real {
    names: Vec<String>,
}

impl Real {
    fn build() -> Real {
        let id = std::process::id();
        let real = Real { names: (1..=MACHINES).map(|n| format!("blackstart-{id}-{n}")).collect() };
        for name in &real.names {
            ip(&["netns", "add", name]);
            ip(&["-n", name, "link", "set", "lo", "up"]);
            for (setting, value) in SETTINGS {
                real.write(name, setting, value);
            }
        }
        (1..MACHINES).for_each(|n| real.join(n, n + 1));
        for (at, prefix, next) in routes() {
            real.route(at, &prefix, next);
        }
        real
    }

    fn name(&self, n: u8) -> &str {
        &self.names[usize::from(n) - 1]
    }

    /// A cable between neighbours. The dark machine has no address, so nobody finds it.
    fn join(&self, a: u8, b: u8) {
        let (port_a, port_b) = (format!("to{b}"), format!("to{a}"));
        ip(&[
            "link",
            "add",
            &port_a,
            "netns",
            self.name(a),
            "type",
            "veth",
            "peer",
            "name",
            &port_b,
            "netns",
            self.name(b),
        ]);
        for (at, port, to) in [(a, &port_a, b), (b, &port_b, a)] {
            let on = |words: &[&str]| ip(&[&["-n", self.name(at)], words].concat());
            if at == MACHINES {
                on(&["link", "set", port, "up"]);
                continue;
            }
            on(&["address", "add", &format!("10.0.0.{at}/32"), "dev", port]);
            on(&["address", "add", &format!("2001:db8::{at}/128"), "dev", port, "nodad"]);
            on(&["link", "set", port, "up"]);
            on(&["route", "add", &format!("10.0.0.{to}/32"), "dev", port]);
            on(&["route", "add", &format!("2001:db8::{to}/128"), "dev", port]);
        }
    }

    fn route(&self, at: u8, prefix: &str, next: Option<u8>) {
        if at == MACHINES {
            return;
        }
        let via = next.map(|next| address(next, prefix.contains(':')).to_string());
        match &via {
            Some(via) => ip(&["-n", self.name(at), "route", "add", prefix, "via", via]),
            None => ip(&["-n", self.name(at), "route", "add", "blackhole", prefix]),
        }
    }

    fn write(&self, name: &str, setting: &str, value: &str) {
        let write = format!("echo {value} > /proc/sys/net/{setting}");
        ip(&["netns", "exec", name, "sh", "-c", &write]);
    }

    fn ask(&self, question: Question, peer: &str) -> String {
        let probe = env!("CARGO_BIN_EXE_probe");
        let output = run(&["netns", "exec", self.name(1), probe, question.name(), peer]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// Routers forward and complain as often as they like; the kernel gives up connecting after 7 s instead of two minutes.
const SETTINGS: [(&str, &str); 5] = [
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv6/icmp/ratelimit", "0"),
    ("ipv4/tcp_syn_retries", "2"),
];

impl Drop for Real {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = run(&["netns", "delete", name]);
        }
    }
}

fn run(arguments: &[&str]) -> Output {
    let output = Command::new("ip").args(arguments).output();
    output.unwrap_or_else(|error| panic!("this test needs iproute2's `ip`: {error}"))
}

fn ip(arguments: &[&str]) {
    let output = run(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`ip {}`: {complaint}", arguments.join(" "));
}

#[test]
#[ignore = "needs Linux, root and iproute2: it makes network namespaces"]
fn the_kernel_says_what_the_list_says() {
    if let Err(reason) = may_make_namespaces() {
        return eprintln!("NOT COMPARED with the kernel: this machine makes no network namespaces: {reason}");
    }
    let real = Real::build();
    let asked: Vec<String> = std::thread::scope(|scope| {
        let ask = |(_, question, peer, _): (_, Question, &'static str, _)| {
            let real = &real;
            scope.spawn(move || real.ask(question, peer))
        };
        let asking: Vec<_> = CASES.map(ask).into();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let differences: Vec<String> = CASES
        .iter()
        .zip(asked)
        .filter(|((.., expected), said)| said != expected)
        .map(|((why, question, peer, expected), said)| {
            format!("{why}: {question:?} {peer}: {said}, not {expected}")
        })
        .collect();
    assert!(differences.is_empty(), "{differences:#?}");
}
