//! The whole chain in the engine: client, resolver, root, .com and an anycast authority around one router.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use blackstart_dns::message::Rcode;
use blackstart_dns::stub::{Error, Resolver};
use blackstart_dns::zone::Zone;
use blackstart_dns::{Event, Name, Role, authority, resolver};
use blackstart_rt as rt;
use blackstart_sim::{Config, LinkSpec, NodeId, NodeSpec, Sim, Time, control, fib};

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
    fn new(seed: u64) -> Net {
        let sim = Sim::new(Config { seed, ..Config::default() }).unwrap();
        let router = NodeSpec { name: "router".to_string(), addresses: vec![ip(ROUTER)], forwards: true };
        let net = Net { router: sim.add_node(router).unwrap(), sim };
        net.host("root", &["198.41.0.4"], || authority(".", ROOT));
        net.host("com", &["192.5.6.30"], || authority("com.", COM));
        net.host("authority", &["10.0.0.3", "129.134.30.12"], || authority("facebook.com.", FACEBOOK));
        net.host("resolver", &[RESOLVER], resolver);
        net.route("129.134.30.0/24", "10.0.0.3");
        net
    }

    fn host(&self, name: &str, addresses: &[&str], program: impl Fn() + 'static) -> NodeId {
        let addresses = addresses.iter().map(|text| ip(text)).collect();
        let node =
            self.sim.add_node(NodeSpec { name: name.to_string(), addresses, forwards: false }).unwrap();
        let link = LinkSpec {
            a: self.router,
            b: node,
            port_a: None,
            port_b: None,
            latency: Default::default(),
            loss: 0.0,
        };
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
    let config = authority::Config { report_load: true, ..authority::Config::default() };
    rt::task::spawn("dns", async { authority::run(config, [zone].into_iter().collect()).await.unwrap() });
}

fn resolver() {
    let roots = rt::Map::from([("a.root-servers.net".to_string(), vec![ip("198.41.0.4")])]);
    let config = resolver::Config { report_load: true, ..resolver::Config::new(roots) };
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
    let loads: Vec<(Role, u32, u32, u32)> = net
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Load { role, queries, upstream, servfail, .. } => {
                Some((role, queries, upstream, servfail))
            }
            _ => None,
        })
        .collect();
    let authority = |queries| (Role::Authority, queries, 0, 0);
    assert_eq!(
        loads,
        [
            authority(1),
            authority(1),
            authority(1),
            (Role::Resolver, 2, 3, 0),
            // In the dark a stub asks twice, and each time the resolver asks the silent server, .com, and the
            // silent server again.
            authority(4),
            (Role::Resolver, 4, 12, 4),
        ]
    );
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
