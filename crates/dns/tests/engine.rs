//! The whole chain in the engine: client, resolver, root, .com and an anycast authority around one router.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use blackstart_bgp as bgp;
use blackstart_bgp::config::{Neighbour, Role};
use blackstart_crowd::ear::Voice;
use blackstart_dns as dns;
use blackstart_dns::message::Rcode;
use blackstart_dns::stub::{Error, Resolver};
use blackstart_dns::zone::Zone;
use blackstart_dns::{Event, Name, authority, health, resolver};
use blackstart_rt as rt;
use blackstart_sim::{Config, LinkSpec, NodeId, NodeSpec, Sim, Time, control, fib};
use tokio::io::AsyncWriteExt;

const ROUTER: &str = "10.0.0.254";
const RESOLVER: &str = "1.1.1.1";
const ROOT: &str = "$TTL 518400\n@ SOA a.root-servers.net. nstld 1 2 3 4 86400\n NS a.root-servers.net.\n\
    a.root-servers.net. A 198.41.0.4\ncom 172800 NS a.gtld-servers.net.\na.gtld-servers.net. 172800 A 192.5.6.30\n";
const COM: &str = "$TTL 172800\n@ SOA a.gtld-servers.net. nstld 1 2 3 4 900\n NS a.gtld-servers.net.\n\
    facebook NS a.ns.facebook\na.ns.facebook A 129.134.30.12\n";
const FACEBOOK: &str = "$TTL 300\n@ SOA a.ns dns 1 2 3 4 60\n NS a.ns\n A 157.240.1.35\na.ns A 129.134.30.12\n\
    www CNAME star-mini.c10r\nstar-mini.c10r A 157.240.1.36\n";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Hosts in a star around one router, each with a default route to it.
struct Net {
    sim: Sim,
    router: NodeId,
}

impl Net {
    /// With the authority's anycast prefix routed by hand.
    fn new(seed: u64) -> Net {
        let net = Net::with_authority(seed, || authority("facebook.com.", FACEBOOK));
        net.route("129.134.30.0/24", "10.0.0.3");
        net
    }

    fn with_authority(seed: u64, program: impl Fn() + 'static) -> Net {
        let sim = Sim::new(Config { seed, ..Config::default() }).unwrap();
        let router = NodeSpec { name: "router".to_string(), addresses: vec![ip(ROUTER)], forwards: true };
        let net = Net { router: sim.add_node(router).unwrap(), sim };
        net.host("root", &["198.41.0.4"], || authority(".", ROOT));
        net.host("com", &["192.5.6.30"], || authority("com.", COM));
        net.host("authority", &["10.0.0.3", "129.134.30.12"], program);
        net.host("resolver", &[RESOLVER], resolver);
        net
    }

    fn host(&self, name: &str, addresses: &[&str], program: impl Fn() + 'static) -> NodeId {
        let addresses = addresses.iter().map(|text| ip(text)).collect();
        let node =
            self.sim.add_node(NodeSpec { name: name.to_string(), addresses, forwards: false }).unwrap();
        let link = LinkSpec::new(self.router, node);
        self.sim.add_link(link).unwrap();
        self.sim.set_program(node, program).unwrap();
        let to_router = fib::Target::Via(vec![ip(ROUTER)]);
        control::install_route(node, fib::Protocol::Static, "0.0.0.0/0".parse().unwrap(), to_router, 0)
            .unwrap();
        node
    }

    fn route(&self, prefix: &str, next_hop: &str) {
        let target = fib::Target::Via(vec![ip(next_hop)]);
        control::install_route(self.router, fib::Protocol::Static, prefix.parse().unwrap(), target, 0)
            .unwrap();
    }

    fn events(&self) -> Vec<Event> {
        let records = self.sim.records();
        let events = records.iter().filter_map(|record| rt::decode::<Event>(record.kind, &record.bytes));
        events.map(Result::unwrap).collect()
    }
}

fn authority(origin: &'static str, text: &'static str) {
    let zone = Zone::parse(text, &Name::from_ascii(origin).unwrap()).unwrap();
    let config = authority::Config { report_load: true, hears_crowd: true, ..authority::Config::default() };
    rt::task::spawn("dns", async { authority::run(config, [zone].into_iter().collect()).await.unwrap() });
}

fn resolver() {
    let roots = rt::Map::from([("a.root-servers.net".to_string(), vec![ip("198.41.0.4")])]);
    let incident = Some(resolver::Incident { times: 10.0, for_s: 60 });
    let crowd = resolver::CrowdConfig {
        caches: 1000.0,
        per_s: None,
        other_per_s: 1000.0,
        other_failing: 0.01,
        incident,
    };
    let config = resolver::Config { report_load: true, crowd: Some(crowd), ..resolver::Config::new(roots) };
    rt::task::spawn("dns", async { resolver::run(config).await.unwrap() });
}

type Answers = Rc<RefCell<Vec<Result<Vec<IpAddr>, Error>>>>;

/// A client that looks `name` up at each of these seconds.
fn client(net: &Net, name: &'static str, at_s: &'static [u64]) -> Answers {
    let answers = Answers::default();
    let ear = Rc::clone(&answers);
    net.host("client", &["10.0.0.9"], move || {
        let ear = Rc::clone(&ear);
        rt::task::spawn("browser", async move {
            let stub = Resolver::new(vec![SocketAddr::new(ip(RESOLVER), 53)]);
            for second in at_s {
                rt::time::sleep_until(rt::time::Instant::from_start(Duration::from_secs(*second))).await;
                let answer = stub.lookup_ip(name).await;
                ear.borrow_mut().push(answer);
            }
        });
    });
    answers
}

fn at(s: u64) -> Time {
    Time::from_secs(s)
}

#[test]
fn a_name_outlives_its_servers_by_its_ttl_and_comes_back_with_them() {
    let mut net = Net::new(1);
    let answers = client(&net, "www.facebook.com", &[1, 250, 310, 400]);
    net.sim.run_until(at(100));
    control::set_admin_up(net.router, "authority", false).unwrap();
    net.sim.run_until(at(360));
    control::set_admin_up(net.router, "authority", true).unwrap();
    net.sim.run_until(at(500));
    let found = Ok(vec![ip("157.240.1.36")]);
    let dark = Err(Error::ServFail("www.facebook.com".to_string()));
    assert_eq!(*answers.borrow(), [found.clone(), found.clone(), dark, found]);
    let outcomes: Vec<Rcode> = net
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Outcome { rcode, .. } = event { Some(rcode) } else { None })
        .collect();
    assert_eq!(outcomes, [Rcode::NoError, Rcode::ServFail, Rcode::NoError]);
}

#[test]
fn load_is_recorded_where_it_falls() {
    let mut net = Net::new(1);
    client(&net, "facebook.com", &[1, 2, 400, 401]);
    net.sim.run_until(at(100));
    control::power_off(control::node("authority").unwrap()).unwrap();
    net.sim.run_until(at(600));
    let loads: Vec<(dns::Role, u32, u32, u32)> = net
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Load { role, queries, upstream, servfail, .. } => {
                Some((role, queries, upstream, servfail))
            }
            _ => None,
        })
        .collect();
    let authority = |queries| (dns::Role::Authority, queries, 0, 0);
    assert_eq!(
        loads,
        [
            authority(1),
            authority(1),
            authority(1),
            (dns::Role::Resolver, 2, 3, 0),
            // In the dark a stub asks twice, and each time the resolver asks the silent server, .com, and the
            // silent server again.
            authority(4),
            (dns::Role::Resolver, 4, 12, 4),
        ]
    );
}

/// A speaker with one neighbour.
/// What a crowd asks of the resolver goes to the parent when the name is gone, and only then.
#[test]
fn a_crowd_whose_name_is_gone_storms_the_parent_and_alarms_the_operators() {
    let mut net = Net::new(1);
    let _answers = client(&net, "www.facebook.com", &[1, 400, 460, 520]);
    net.host("millions", &["10.0.0.10"], || {
        rt::task::spawn("crowd", async {
            let mut voice = Voice::new("crowd").await.unwrap();
            loop {
                voice.tell(ip(RESOLVER), &[("www.facebook.com", 5000.0)]).await;
                rt::time::sleep(Duration::from_secs(30)).await;
            }
        });
    });
    let asked = |net: &Net, role| {
        let rates = net.events().into_iter().filter_map(move |event| match event {
            Event::Crowd { role: at, queries_per_s, failing_per_s } if at == role => {
                Some((queries_per_s, failing_per_s))
            }
            _ => None,
        });
        rates.collect::<Vec<_>>()
    };
    let incidents = |net: &Net| net.events().iter().filter(|e| matches!(e, Event::Incident { .. })).count();
    net.sim.run_until(at(350));
    assert_eq!((asked(&net, dns::Role::Resolver), incidents(&net)), (vec![(5000, 10)], 0));
    assert_eq!(asked(&net, dns::Role::Authority), [], "a name that is found is asked for once a TTL");
    control::set_admin_up(net.router, "authority", false).unwrap();
    net.sim.run_until(at(600));
    assert_eq!(asked(&net, dns::Role::Resolver).last(), Some(&(5000, 5010)));
    let parents = asked(&net, dns::Role::Authority);
    // A thousand caches, each with one question on its way at a time: tens to hundreds a second.
    assert!(parents.iter().any(|(queries, _)| (50..5000).contains(queries)), "{parents:?}");
    assert_eq!(incidents(&net), 1);
}

fn speaker(asn: u32, id: [u8; 4], neighbour: Neighbour, control_port: Option<u16>) {
    let config =
        bgp::Config { neighbours: vec![neighbour], control_port, ..bgp::Config::new(asn, id.into()) };
    rt::task::spawn("bgp", async { bgp::run(config).await.unwrap() });
}

/// An authority that announces its prefix while the data centre at 10.0.0.4 answers.
fn steered_authority() {
    authority("facebook.com.", FACEBOOK);
    speaker(32_934, [10, 0, 0, 3], Neighbour::new(ip(ROUTER), 65_000, Role::Provider), Some(1790));
    let config = health::Config {
        targets: vec![SocketAddr::new(ip("10.0.0.4"), 80)],
        interval_s: 5,
        timeout_ms: 2_000,
        fall: 3,
        rise: 2,
        quorum: 1,
        start_jitter_ms: 5_000,
        prefixes: vec!["129.134.30.0/24".parse().unwrap()],
        control: SocketAddr::from(([127, 0, 0, 1], 1790)),
        initially_up: false,
    };
    rt::task::spawn("dns", health::run(config));
}

/// Answers every request with 200.
fn data_centre() {
    rt::task::spawn("backend", async {
        let listener = rt::net::TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], 80))).await.unwrap();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        }
    });
}

#[test]
fn an_authority_that_cannot_see_its_data_centre_leaves_the_internet_and_returns() {
    let mut net = Net::with_authority(1, steered_authority);
    let router =
        || speaker(65_000, [10, 0, 0, 254], Neighbour::new(ip("10.0.0.3"), 32_934, Role::Customer), None);
    net.sim.set_program(net.router, router).unwrap();
    let data_centre = net.host("data centre", &["10.0.0.4"], data_centre);
    let answers = client(&net, "facebook.com", &[200, 510, 900]);
    let routed = |net: &Net| control::lookup_route(net.router, ip("129.134.30.12")).is_some();

    net.sim.run_until(at(205));
    assert!(routed(&net));
    control::power_off(data_centre).unwrap();
    net.sim.run_until(at(300));
    assert!(!routed(&net), "withdrawn");
    net.sim.run_until(at(600));
    control::power_on(data_centre).unwrap();
    net.sim.run_until(at(1000));
    assert!(routed(&net), "announced again");

    let found = Ok(vec![ip("157.240.1.35")]);
    let dark = Err(Error::ServFail("facebook.com".to_string()));
    assert_eq!(*answers.borrow(), [found.clone(), dark, found]);
    let prefix = "129.134.30.0/24".parse().unwrap();
    let health = |up: bool| Event::Health { up, answering: up.into(), targets: 1 };
    let steered: Vec<Event> = net
        .events()
        .into_iter()
        .filter(|event| {
            use Event::{Addresses, Crowd, Load, Outcome};
            !matches!(event, Load { .. } | Outcome { .. } | Addresses { .. } | Crowd { .. })
        })
        .collect();
    let up = [health(true), Event::Announced { prefix }];
    assert_eq!(steered, [&up[..], &[health(false), Event::Withdrawn { prefix }], &up].concat());
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let run = |seed| {
        let mut net = Net::new(seed);
        client(&net, "www.facebook.com", &[1, 250, 310]);
        net.sim.run_until(at(400));
        net.sim.log_hash()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2), "message ids are drawn");
}
