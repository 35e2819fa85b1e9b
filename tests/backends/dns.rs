//! A root, an authority below it, a resolver, and a program that asks.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use blackstart_dns::Name;
use blackstart_dns::authority::{self, Zones};
use blackstart_dns::resolver;
use blackstart_dns::stub::{Config, Error, Resolver};
use blackstart_dns::zone::Zone;
use blackstart_rt as rt;
use rt::Map;

use crate::net::{Cuttable, Net, start, tell};

pub(crate) const AUTHORITY: &str = "authority";
pub(crate) const RESOLVER: &str = "resolver";
pub(crate) const PROGRAM: &str = "program";
pub(crate) const WWW: &str = "www.example.test";

/// Longer than the resolver's budget: it is the resolver that gives up first.
const PATIENCE: Duration = Duration::from_secs(5);

fn zone(origin: &str, text: &str) -> Zones {
    [Zone::parse(text, &Name::from_ascii(origin).unwrap()).unwrap()].into_iter().collect()
}

/// More addresses than fit a datagram, beside the usual.
fn example() -> Zones {
    let many: String = (0..200).map(|i| format!("big A 192.0.2.{i}\n")).collect();
    let text = format!("$TTL 300\n@ SOA ns h 1 2 3 4 60\n NS ns\nns A 192.0.2.1\nwww A 192.0.2.80\n{many}");
    zone("example.test.", &text)
}

/// The authority of example.test on its own; answers where it is.
fn start_authority(net: &mut dyn Net) -> SocketAddr {
    let place = SocketAddr::new(net.host(AUTHORITY), net.port(53));
    let config = authority::Config { listen: vec![place], ..Default::default() };
    start(net, AUTHORITY, move || authority::run(config.clone(), example()));
    place
}

/// The whole tree; answers where its resolver is.
pub(crate) fn start_tree(net: &mut dyn Net) -> SocketAddr {
    let authority = start_authority(net);
    let at = |host| SocketAddr::new(host, authority.port());
    let (root, resolver) = (at(net.host("root")), at(net.host(RESOLVER)));
    let text = format!(
        "$TTL 86400\n@ SOA a.root. h. 1 2 3 4 60\n NS a.root.\na.root. A {}\n\
         example.test. NS ns.example.test.\nns.example.test. A {}\n",
        root.ip(),
        authority.ip()
    );
    let config = authority::Config { listen: vec![root], ..Default::default() };
    start(net, "root", move || authority::run(config.clone(), zone(".", &text)));
    let hints = Map::from([("a.root.".to_owned(), vec![root.ip()])]);
    let config = resolver::Config {
        listen: vec![resolver],
        server_port: root.port(),
        timeout_ms: 100,
        attempts: 1,
        budget_ms: 1_000,
        ..resolver::Config::new(hints)
    };
    start(net, RESOLVER, move || resolver::run(config.clone()));
    net.host(PROGRAM);
    resolver
}

/// What a program gets that asks `server`.
pub(crate) fn ask(net: &mut dyn Net, server: SocketAddr, name: &'static str) -> Result<Vec<IpAddr>, Error> {
    tell(net, PROGRAM, async move {
        let timeout_ms = PATIENCE.as_millis() as u64;
        let config = Config { timeout_ms, attempts: 1, ..Config::new(vec![server]) };
        Resolver::with_config(config).lookup_ip(name).await
    })
}

pub(crate) fn www() -> Result<Vec<IpAddr>, Error> {
    Ok(vec![IpAddr::from([192, 0, 2, 80])])
}

pub(crate) fn an_authority_answers_over_udp_and_tcp(net: &mut dyn Net) {
    let authority = start_authority(net);
    net.host(PROGRAM);
    // The host boots before it is asked.
    net.pause(Duration::from_millis(10));
    assert_eq!(ask(net, authority, WWW), www());
    assert_eq!(ask(net, authority, "big.example.test").map(|addresses| addresses.len()), Ok(200), "over TCP");
    let nowhere = "nowhere.example.test";
    assert_eq!(ask(net, authority, nowhere), Err(Error::NxDomain(nowhere.to_owned())));
    let foreign = "example.org";
    assert_eq!(ask(net, authority, foreign), Err(Error::Refused(foreign.to_owned())));
}

pub(crate) fn a_resolver_asks_down_the_tree_and_caches(net: &mut dyn Net) {
    let resolver = start_tree(net);
    net.pause(Duration::from_millis(10));
    assert_eq!(ask(net, resolver, WWW), www());
    net.stop(AUTHORITY);
    assert_eq!(ask(net, resolver, WWW), www(), "from the cache");
    let fresh = "ns.example.test";
    assert_eq!(ask(net, resolver, fresh), Err(Error::ServFail(fresh.to_owned())));
    net.boot(AUTHORITY);
    net.pause(Duration::from_millis(100));
    assert_eq!(ask(net, resolver, fresh), Ok(vec![IpAddr::from([192, 0, 2, 1])]));
}

pub(crate) fn a_cut_off_authority_is_a_servfail_until_it_is_back(net: &mut dyn Cuttable) {
    let resolver = start_tree(net);
    net.pause(Duration::from_millis(10));
    net.cut(AUTHORITY, RESOLVER, true);
    assert_eq!(ask(net, resolver, WWW), Err(Error::ServFail(WWW.to_owned())));
    net.cut(AUTHORITY, RESOLVER, false);
    assert_eq!(ask(net, resolver, WWW), www());
}
