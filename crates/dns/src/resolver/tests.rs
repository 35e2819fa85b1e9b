//! The resolver against a network of real authorities made up of function calls: 10 ms to each server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use blackstart_rt::time::Instant;
use blackstart_rt::{Map, Set};
use hickory_proto::rr::{Name, RecordType};
use proptest::prelude::*;

use super::{Client, Config, Core, Error, Input, Output};
use crate::authority::{Zones, answer};
use crate::message::{self, Question, Rcode, Transport};
use crate::zone::Zone;

const LATENCY: Duration = Duration::from_millis(10);
const ROOT: &str = "$TTL 518400\n@ SOA a.root-servers.net. nstld 1 2 3 4 86400\n NS a.root-servers.net.\n\
    a.root-servers.net. A 198.41.0.4\ncom 172800 NS a.gtld-servers.net.\nnet 172800 NS a.gtld-servers.net.\n\
    a.gtld-servers.net. 172800 A 192.5.6.30\n";
const COM: &str = "$TTL 172800\n@ SOA a.gtld-servers.net. nstld 1 2 3 4 900\n NS a.gtld-servers.net.\n\
    facebook NS a.ns.facebook\nfacebook NS b.ns.facebook\na.ns.facebook A 129.134.30.12\nb.ns.facebook A 129.134.31.12\n\
    instagram NS ns-384.awsdns-48.net.\nlonely NS ns1.lonely-b.net.\n";
const NET: &str = "$TTL 172800\n@ SOA a.gtld-servers nstld 1 2 3 4 900\n NS a.gtld-servers\na.gtld-servers A 192.5.6.30\n\
    awsdns-48 NS ns.awsdns-48\nns.awsdns-48 A 205.251.193.128\nlonely-b NS ns1.lonely.com.\n";
const FACEBOOK: &str = "$TTL 300\n@ SOA a.ns dns 1 2 3 4 60\n NS a.ns\n NS b.ns\n A 157.240.1.35\n\
    a.ns A 129.134.30.12\nb.ns A 129.134.31.12\nwww CNAME star-mini.c10r\nstar-mini.c10r A 157.240.1.36\n\
    pictures CNAME www.instagram.com.\n";
const AWSDNS: &str =
    "$TTL 300\n@ SOA ns h 1 2 3 4 60\n NS ns\nns A 205.251.193.128\nns-384 A 205.251.193.128\n";
const INSTAGRAM: &str = "$TTL 60\n@ SOA ns-384.awsdns-48.net. h 1 2 3 4 60\n NS ns-384.awsdns-48.net.\nwww A 157.240.1.174\n\
    loop CNAME pool\npool CNAME loop\n";

/// Servers by address, and what was asked of them.
struct Net {
    core: Core,
    servers: Map<IpAddr, Zones>,
    down: Set<IpAddr>,
    now: Instant,
    /// Answers on their way: when, from whom, how, what.
    flying: Vec<(Instant, SocketAddr, Transport, Vec<u8>)>,
    asked: Vec<(IpAddr, Transport, String)>,
    answers: Vec<(u64, Rcode, Vec<u8>, Duration)>,
    clients: u64,
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn zones(files: &[(&str, &str)]) -> Zones {
    files
        .iter()
        .map(|(origin, text)| Zone::parse(text, &name(origin)).unwrap_or_else(|e| panic!("{origin} {e}")))
        .collect()
}

fn config() -> Config {
    Config::new(Map::from([("a.root-servers.net".to_string(), vec![ip("198.41.0.4")])]))
}

impl Net {
    fn new(config: Config) -> Net {
        let many: String = (0..100).map(|i| format!("big A 192.0.2.{i}\n")).collect();
        let facebook = format!("{FACEBOOK}{many}");
        let servers = [
            ("198.41.0.4", zones(&[(".", ROOT)])),
            ("192.5.6.30", zones(&[("com.", COM), ("net.", NET)])),
            ("129.134.30.12", zones(&[("facebook.com.", &facebook)])),
            ("129.134.31.12", zones(&[("facebook.com.", &facebook)])),
            ("205.251.193.128", zones(&[("awsdns-48.net.", AWSDNS), ("instagram.com.", INSTAGRAM)])),
        ];
        Net {
            core: Core::new(config, 7).unwrap(),
            servers: servers.into_iter().map(|(address, zones)| (ip(address), zones)).collect(),
            down: Set::new(),
            now: Instant::from_start(Duration::ZERO),
            flying: Vec::new(),
            asked: Vec::new(),
            answers: Vec::new(),
            clients: 0,
        }
    }

    /// Takes down facebook.com's servers.
    fn facebook_down(&mut self, down: bool) {
        let servers = ["129.134.30.12", "129.134.31.12"].map(ip);
        self.down = if down { Set::from(servers) } else { Set::new() };
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.next_event().filter(|due| *due <= end) {
            self.now = due;
            self.turn();
        }
        self.now = end;
    }

    fn next_event(&self) -> Option<Instant> {
        let arrival = self.flying.iter().map(|(due, ..)| *due).min();
        [arrival, self.core.next_deadline()].into_iter().flatten().min()
    }

    fn turn(&mut self) {
        match self.flying.iter().position(|(due, ..)| *due <= self.now) {
            Some(index) => {
                let (_, from, transport, bytes) = self.flying.remove(index);
                self.feed(Input::Upstream { from, transport, bytes });
            }
            None => self.feed(Input::Tick),
        }
    }

    fn feed(&mut self, input: Input) {
        for output in self.core.handle(self.now, input) {
            match output {
                Output::Ask { to, transport, bytes, .. } => self.carry(to, transport, &bytes),
                Output::Answer { client, bytes, rcode, waited, .. } => {
                    self.answers.push((client.connection, rcode, bytes, waited));
                }
            }
        }
    }

    fn carry(&mut self, to: SocketAddr, transport: Transport, bytes: &[u8]) {
        let question = message::decode_query(bytes).unwrap().question;
        self.asked.push((to.ip(), transport, question.to_string()));
        let Some(zones) = self.servers.get(&to.ip()).filter(|_| !self.down.contains(&to.ip())) else {
            return;
        };
        if let Some(reply) = answer(zones, bytes, transport) {
            self.flying.push((self.now + LATENCY, to, transport, reply.bytes));
        }
    }

    fn send(&mut self, question: &Question) -> u64 {
        self.clients += 1;
        let peer = SocketAddr::from(([10, 0, 0, 1], 40_000));
        let client =
            Client { peer, local: ip("1.1.1.1"), transport: Transport::Tcp, connection: self.clients };
        self.feed(Input::Client { client, bytes: message::encode_query(3, question, true) });
        self.clients
    }

    /// Asks and waits: the code, the answer's data in order, the time it took.
    fn resolve(&mut self, asked: &str, kind: RecordType) -> (String, Vec<String>, Duration) {
        let question = Question { name: name(asked), kind };
        let client = self.send(&question);
        while !self.answers.iter().any(|(to, ..)| *to == client) {
            self.now = self.next_event().expect("the resolver forgot its client");
            self.turn();
        }
        let (_, rcode, bytes, waited) = self.answers.iter().find(|(to, ..)| *to == client).unwrap();
        let message = message::decode_response(bytes, 3, &question).unwrap();
        let data = message.answers.iter().map(|record| format!("{} {}", record.ttl, record.data)).collect();
        (rcode.to_string(), data, *waited)
    }

    fn asked_of(&self, server: &str) -> usize {
        self.asked.iter().filter(|(to, ..)| *to == ip(server)).count()
    }
}

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

#[test]
fn it_iterates_from_the_root_and_remembers() {
    let mut net = Net::new(config());
    let (rcode, data, waited) = net.resolve("www.facebook.com.", RecordType::A);
    assert_eq!((rcode.as_str(), waited), ("NOERROR", LATENCY * 3));
    assert_eq!(data, ["300 star-mini.c10r.facebook.com.", "300 157.240.1.36"]);
    net.pass(secs(100));
    let (_, data, waited) = net.resolve("WWW.facebook.com.", RecordType::A);
    assert_eq!((data[1].as_str(), waited), ("200 157.240.1.36", Duration::ZERO));
    net.pass(secs(250));
    assert_eq!(
        net.resolve("www.facebook.com.", RecordType::A).2,
        LATENCY,
        "the delegation outlives the answer"
    );
    assert_eq!((net.asked_of("198.41.0.4"), net.asked_of("192.5.6.30")), (1, 1));
}

#[test]
fn it_resolves_servers_without_glue_and_aliases_across_zones() {
    let mut net = Net::new(config());
    let (rcode, data, _) = net.resolve("pictures.facebook.com.", RecordType::A);
    assert_eq!((rcode.as_str(), data.len()), ("NOERROR", 2));
    assert_eq!(data[1], "60 157.240.1.174");
}

#[test]
fn negative_answers_are_remembered_for_the_soa_minimum() {
    let mut net = Net::new(config());
    for (asked, kind, rcode) in
        [("nowhere.facebook.com.", RecordType::A, "NXDOMAIN"), ("facebook.com.", RecordType::AAAA, "NOERROR")]
    {
        assert_eq!(net.resolve(asked, kind).0, rcode);
        let before = net.asked.len();
        net.pass(secs(59));
        assert_eq!((net.resolve(asked, kind).0.as_str(), net.asked.len()), (rcode, before));
        net.pass(secs(1));
        assert_eq!((net.resolve(asked, kind).0.as_str(), net.asked.len()), (rcode, before + 1));
    }
}

#[test]
fn a_missing_name_is_missing_with_every_type() {
    let mut net = Net::new(config());
    net.resolve("nowhere.facebook.com.", RecordType::A);
    let before = net.asked.len();
    assert_eq!(net.resolve("nowhere.facebook.com.", RecordType::MX).0, "NXDOMAIN");
    assert_eq!(net.asked.len(), before);
}

#[test]
fn when_the_servers_vanish_answers_last_for_their_ttl_and_then_it_is_servfail() {
    let mut net = Net::new(config());
    net.resolve("facebook.com.", RecordType::A);
    net.facebook_down(true);
    net.pass(secs(290));
    assert_eq!(net.resolve("facebook.com.", RecordType::A).0, "NOERROR");
    net.pass(secs(20));
    let parent_before = net.asked_of("192.5.6.30");
    let (rcode, data, waited) = net.resolve("facebook.com.", RecordType::A);
    assert_eq!((rcode.as_str(), data.len()), ("SERVFAIL", 0));
    assert!(waited > secs(2) && waited <= secs(10), "{waited:?}");
    assert_eq!(net.asked_of("192.5.6.30"), parent_before + 1, "the parent is asked again");
    assert_eq!(net.asked_of("198.41.0.4"), 1, "but its own delegation is not in doubt");
    assert_eq!(net.resolve("nowhere.facebook.com.", RecordType::A).0, "SERVFAIL", "never NXDOMAIN");
    assert!(net.resolve("facebook.com.", RecordType::A).2 > secs(2), "failures are not cached");
    net.facebook_down(false);
    assert_eq!(net.resolve("facebook.com.", RecordType::A).0, "NOERROR");
}

#[test]
fn options_change_what_an_outage_costs() {
    let outage = |config| {
        let mut net = Net::new(config);
        net.resolve("facebook.com.", RecordType::A);
        net.facebook_down(true);
        net.pass(secs(301));
        let before = net.asked_of("192.5.6.30");
        let waited = [(); 3].map(|()| net.resolve("facebook.com.", RecordType::A).2);
        (net.asked_of("192.5.6.30") - before, waited)
    };
    assert_eq!(outage(config()).0, 3);
    assert_eq!(outage(Config { requery_parent: false, ..config() }).0, 0);
    let (parent, waited) = outage(Config { cache_failures_s: 5, ..config() });
    assert_eq!((parent, waited[1], waited[2]), (1, Duration::ZERO, Duration::ZERO));
    let (_, waited) = outage(Config { budget_ms: 1_000, ..config() });
    assert_eq!(waited, [secs(1); 3]);
    let (_, waited) = outage(Config { queries_max: 3, ..config() });
    assert_eq!(waited[0], Duration::from_millis(800 + 800 + 10), "two servers and the parent");
}

#[test]
fn identical_questions_share_one_search() {
    let mut net = Net::new(config());
    let question = Question { name: name("facebook.com."), kind: RecordType::A };
    for _ in 0..5 {
        net.send(&question);
    }
    net.pass(secs(1));
    assert_eq!((net.answers.len(), net.asked.len()), (5, 3));
}

#[test]
fn too_many_clients_are_told_at_once() {
    let mut net = Net::new(Config { clients_max: 2, ..config() });
    let question = Question { name: name("facebook.com."), kind: RecordType::A };
    for _ in 0..3 {
        net.send(&question);
    }
    assert_eq!(
        net.answers.iter().map(|(to, code, ..)| (*to, *code)).collect::<Vec<_>>(),
        [(3, Rcode::ServFail)]
    );
    net.pass(secs(1));
    net.send(&Question { name: name("x.facebook.com."), kind: RecordType::A });
    assert_eq!(net.answers.len(), 3, "places are free again");
}

#[test]
fn truncated_answers_are_fetched_over_tcp() {
    let mut net = Net::new(config());
    assert_eq!(net.resolve("big.facebook.com.", RecordType::A).1.len(), 100);
    assert_eq!(net.asked.iter().filter(|(_, transport, _)| *transport == Transport::Tcp).count(), 1);
}

#[test]
fn loops_end() {
    let mut net = Net::new(config());
    assert_eq!(net.resolve("loop.instagram.com.", RecordType::A).0, "SERVFAIL");
    let (rcode, _, waited) = net.resolve("www.lonely.com.", RecordType::A);
    assert_eq!(rcode, "SERVFAIL", "two zones whose servers live in each other");
    assert!(waited < secs(1), "{waited:?}");
    assert!(net.asked.len() < 40, "{}", net.asked.len());
}

#[test]
fn what_it_does_not_do_it_says() {
    let mut net = Net::new(config());
    assert_eq!(net.resolve("facebook.com.", RecordType::ANY).0, "NOTIMP");
    let question = Question { name: name("facebook.com."), kind: RecordType::A };
    let peer = SocketAddr::from(([10, 0, 0, 1], 40_000));
    let client = Client { peer, local: ip("1.1.1.1"), transport: Transport::Udp, connection: 0 };
    net.feed(Input::Client { client, bytes: message::encode_query(3, &question, false) });
    assert_eq!(net.answers.last().map(|(_, rcode, ..)| *rcode), Some(Rcode::Refused), "RD is not set");
}

#[test]
fn forged_answers_change_nothing() {
    let mut net = Net::new(config());
    let question = Question { name: name("facebook.com."), kind: RecordType::A };
    let evil =
        zones(&[(".", ". 9 SOA . . 1 2 3 4 5\n. 9 NS ns.\nns. 9 A 6.6.6.6\nfacebook.com. 9 A 6.6.6.6\n")]);
    net.send(&question);
    net.flying.clear();
    let root = SocketAddr::from((ip("198.41.0.4"), 53));
    let elsewhere = SocketAddr::from((ip("6.6.6.6"), 53));
    for id in 0..=u16::MAX {
        let bytes =
            answer(&evil, &message::encode_query(id, &question, false), Transport::Udp).unwrap().bytes;
        net.feed(Input::Upstream { from: elsewhere, transport: Transport::Udp, bytes: bytes.clone() });
        net.feed(Input::Upstream { from: root, transport: Transport::Tcp, bytes });
    }
    assert!(net.answers.is_empty() && net.asked.len() == 1);
}

#[test]
fn a_failed_send_moves_on_at_once() {
    let mut net = Net::new(Config { requery_parent: false, attempts: 1, ..config() });
    let question = Question { name: name("facebook.com."), kind: RecordType::A };
    let client = Client {
        peer: SocketAddr::from(([10, 0, 0, 1], 9)),
        local: ip("1.1.1.1"),
        transport: Transport::Udp,
        connection: 0,
    };
    let asks =
        net.core.handle(net.now, Input::Client { client, bytes: message::encode_query(3, &question, true) });
    let [Output::Ask { id, to, .. }] = asks[..] else { panic!("{asks:?}") };
    let answers = net.core.handle(net.now, Input::Unsent { id, to });
    assert!(matches!(answers[..], [Output::Answer { rcode: Rcode::ServFail, .. }]), "{answers:?}");
    assert_eq!(net.core.next_deadline(), None, "nothing is left behind");
}

#[test]
fn hints_must_be_usable() {
    assert_eq!(Core::new(Config::new(Map::new()), 1).unwrap_err(), Error::NoRootServers);
    let only_v6 = Map::from([("a.root".to_string(), vec![ip("2001:503:ba3e::2:30")])]);
    assert_eq!(Core::new(Config::new(only_v6), 1).unwrap_err(), Error::NoRootServers);
    let bad = Map::from([("a..b".to_string(), vec![ip("198.41.0.4")])]);
    assert_eq!(Core::new(Config::new(bad), 1).unwrap_err(), Error::BadName("a..b".to_string()));
}

#[test]
fn the_same_seed_asks_the_same() {
    let run = || {
        let mut net = Net::new(config());
        net.resolve("pictures.facebook.com.", RecordType::A);
        net.facebook_down(true);
        net.pass(secs(400));
        net.resolve("facebook.com.", RecordType::A);
        (net.asked, net.answers)
    };
    assert_eq!(run(), run());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        from_client in proptest::collection::vec(any::<u8>(), 0..100),
        from_server in proptest::collection::vec(any::<u8>(), 0..300),
        damage in proptest::collection::vec((0usize..400, any::<u8>()), 0..8),
    ) {
        let mut net = Net::new(config());
        let client = Client {
            peer: SocketAddr::from(([10, 0, 0, 1], 9)), local: ip("1.1.1.1"), transport: Transport::Udp, connection: 0,
        };
        net.feed(Input::Client { client, bytes: from_client });
        net.send(&Question { name: name("www.facebook.com."), kind: RecordType::A });
        let root = SocketAddr::from((ip("198.41.0.4"), 53));
        net.feed(Input::Upstream { from: root, transport: Transport::Udp, bytes: from_server });
        for (at, value) in damage {
            if let Some((_, _, _, bytes)) = net.flying.last_mut() {
                // The id stays, so that the damaged answer is read.
                if let Some(byte) = bytes.get_mut(at + 2) {
                    *byte = value;
                }
            }
            net.pass(LATENCY);
        }
        net.pass(secs(11));
        prop_assert_eq!(net.core.next_deadline(), None);
        prop_assert!(!net.answers.is_empty());
    }
}
