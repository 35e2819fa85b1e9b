//! Two speakers on real sockets: the same code as in the simulation, over the operating system's loopback.
#![allow(clippy::unwrap_used, reason = "a test's way to fail")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use blackstart_bgp::config::{Config, Neighbour, Originate, Role};
use blackstart_bgp::control::{self, Client};
use blackstart_bgp::run;
use blackstart_rt as rt;

const A: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 17, 1));
const B: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 17, 2));

fn speaker(own: IpAddr, asn: u32, port: u16, neighbour: Neighbour) -> Config {
    let IpAddr::V4(router_id) = own else { panic!("IPv4 only") };
    let mut config = Config::new(asn, router_id);
    config.port = port;
    config.control_port = Some(port + u16::from(own == B) + 1);
    config.neighbours = vec![Neighbour { port, local_address: Some(own), connect_retry_s: 1, ..neighbour }];
    config
}

/// A is B's customer and originates 129.134.30.0/24.
fn pair(port: u16) -> (Config, Config) {
    let mut a = speaker(A, 65001, port, Neighbour::new(B, 65002, Role::Provider));
    let b = speaker(B, 65002, port, Neighbour::new(A, 65001, Role::Customer));
    let prefix = "129.134.30.0/24".parse().unwrap();
    a.originate = vec![Originate { prefix, discard: true, while_reachable: None, at_start: true }];
    a.neighbours[0].advertisement_interval_s = Some(0);
    (a, b)
}

fn control_of(config: &Config) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, config.control_port.unwrap()).into()
}

fn on_sockets(test: impl Future<Output = ()>) {
    let disk_root = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let _guard = rt::os::enter(rt::os::Options { host_name: "loopback".to_owned(), disk_root }).unwrap();
    rt::os::block_on(test);
}

/// Asks until the routes are as expected; panics with the last answer after ten seconds.
async fn expect_routes(config: &Config, expected: &[&str]) {
    let mut last = Vec::new();
    for _ in 0..400 {
        if let Ok(mut client) = Client::connect(control_of(config)).await {
            last = client.command("show routes").await.unwrap();
            if last == expected {
                return;
            }
        }
        rt::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("expected {expected:?}, last saw {last:?}");
}

fn start(config: &Config) -> rt::task::JoinHandle<()> {
    let config = config.clone();
    rt::task::spawn("bgp", async move { run(config).await.unwrap() })
}

#[test]
fn routes_come_and_go_with_control_and_with_the_session() {
    on_sockets(async {
        let (a, b) = pair(17_900);
        let (task, _b) = (start(&a), start(&b));
        let dns = "129.134.30.0/24 via 127.0.17.1 path 65001";
        expect_routes(&b, &[dns]).await;
        control::announce(control_of(&a), "185.89.218.0/24".parse().unwrap()).await.unwrap();
        expect_routes(&b, &[dns, "185.89.218.0/24 via 127.0.17.1 path 65001"]).await;
        control::withdraw(control_of(&a), "129.134.30.0/24".parse().unwrap()).await.unwrap();
        expect_routes(&b, &["185.89.218.0/24 via 127.0.17.1 path 65001"]).await;
        task.abort();
        expect_routes(&b, &[]).await;
        let _a = start(&a);
        expect_routes(&b, &[dns]).await;
    });
}

/// Both ends call at once; the session must come up all the same.
#[test]
fn a_session_of_two_active_ends_comes_up() {
    on_sockets(async {
        let (a, b) = pair(17_910);
        let _tasks = (start(&a), start(&b));
        expect_routes(&b, &["129.134.30.0/24 via 127.0.17.1 path 65001"]).await;
    });
}

#[test]
fn control_says_what_is_wrong_and_goes_on() {
    on_sockets(async {
        let (a, _) = pair(17_920);
        let _a = start(&a);
        expect_routes(&a, &["129.134.30.0/24 local"]).await;
        let mut client = Client::connect(control_of(&a)).await.unwrap();
        let error = client.command("announce 10.0.0.1/8").await.unwrap_err();
        assert_eq!(error.to_string(), "10.0.0.1/8 has host bits; 10.0.0.0/8 has none");
        assert_eq!(client.command("show neighbours").await.unwrap(), ["127.0.17.2 as 65002 down told 0"]);
    });
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    on_sockets(async {
        let (mut a, _) = pair(17_930);
        a.neighbours[0].asn = 65001;
        let error = run(a).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("role does not fit AS 65001"), "{error}");
    });
}
