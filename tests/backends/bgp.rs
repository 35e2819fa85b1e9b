//! Two speakers: the left one is the right one's customer and originates a prefix.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use blackstart_bgp::config::{Config, Neighbour, Originate, Role};
use blackstart_bgp::control::{self, Client};
use blackstart_bgp::run;

use crate::net::{Cuttable, Net, start, tell, until};

pub(crate) const DNS: &str = "129.134.30.0/24";
const OTHER: &str = "185.89.218.0/24";
const HOLD_TIME: Duration = Duration::from_secs(9);

/// Both speakers' hosts are called by these names.
pub(crate) const LEFT: &str = "left";
pub(crate) const RIGHT: &str = "right";

/// Where to reach both, and how a route of the left one reads at the right one.
pub(crate) struct Pair {
    left: IpAddr,
    left_control: SocketAddr,
    right_control: SocketAddr,
}

impl Pair {
    pub(crate) fn start(net: &mut dyn Net) -> Self {
        let (left, right) = (net.host(LEFT), net.host(RIGHT));
        let (port, left_control, right_control) = (net.port(179), net.port(1790), net.port(1791));
        let mut a = speaker(left, 65001, port, Neighbour::new(right, 65002, Role::Provider));
        let mut b = speaker(right, 65002, port, Neighbour::new(left, 65001, Role::Customer));
        a.control_port = Some(left_control);
        b.control_port = Some(right_control);
        let prefix = DNS.parse().unwrap();
        a.originate = vec![Originate { prefix, discard: true, while_reachable: None, at_start: true }];
        start(net, LEFT, move || run(a.clone()));
        start(net, RIGHT, move || run(b.clone()));
        let control = |port| (Ipv4Addr::LOCALHOST, port).into();
        Self { left, left_control: control(left_control), right_control: control(right_control) }
    }

    fn via_left(&self, prefix: &str) -> String {
        format!("{prefix} via {} path 65001", self.left)
    }

    /// Waits until the right speaker knows exactly these prefixes of the left one.
    pub(crate) fn expect_learnt(&self, net: &mut dyn Net, prefixes: &[&str]) {
        let expected = prefixes.iter().map(|prefix| self.via_left(prefix)).collect();
        let control = self.right_control;
        tell(net, RIGHT, async move { until(expected, async || routes(control).await).await });
    }

    pub(crate) fn announce(&self, net: &mut dyn Net, prefix: &str) {
        let (control, prefix) = (self.left_control, prefix.parse().unwrap());
        tell(net, LEFT, control::announce(control, prefix)).unwrap();
    }
}

fn speaker(own: IpAddr, asn: u32, port: u16, neighbour: Neighbour) -> Config {
    let IpAddr::V4(router_id) = own else { panic!("IPv4 only") };
    let mut config = Config::new(asn, router_id);
    config.port = port;
    config.neighbours = vec![Neighbour {
        port,
        local_address: Some(own),
        connect_retry_s: 1,
        hold_time_s: HOLD_TIME.as_secs() as u16,
        advertisement_interval_s: Some(0),
        ..neighbour
    }];
    config
}

/// The routes of a speaker, asked on its own host; none while it is not there.
async fn routes(control: SocketAddr) -> Vec<String> {
    let Ok(mut client) = Client::connect(control).await else { return Vec::new() };
    client.command("show routes").await.unwrap_or_default()
}

pub(crate) fn a_route_is_learnt_and_withdrawn(net: &mut dyn Net) {
    let pair = Pair::start(net);
    pair.expect_learnt(net, &[DNS]);
    pair.announce(net, OTHER);
    pair.expect_learnt(net, &[DNS, OTHER]);
    tell(net, LEFT, control::withdraw(pair.left_control, DNS.parse().unwrap())).unwrap();
    pair.expect_learnt(net, &[OTHER]);
}

/// What it was told over the control socket is gone with it.
pub(crate) fn a_rebooted_speaker_tells_its_routes_again(net: &mut dyn Net) {
    let pair = Pair::start(net);
    pair.announce(net, OTHER);
    pair.expect_learnt(net, &[DNS, OTHER]);
    net.stop(LEFT);
    pair.expect_learnt(net, &[]);
    net.boot(LEFT);
    pair.expect_learnt(net, &[DNS]);
}

pub(crate) fn silence_ends_a_session_at_the_hold_time(net: &mut dyn Cuttable) {
    let pair = Pair::start(net);
    pair.expect_learnt(net, &[DNS]);
    net.cut(LEFT, RIGHT, true);
    // The last keepalive came up to a third of the hold time before the cut.
    net.pause(HOLD_TIME * 2 / 3 - Duration::from_secs(1));
    pair.expect_learnt(net, &[DNS]);
    net.pause(HOLD_TIME / 3 + Duration::from_secs(2));
    pair.expect_learnt(net, &[]);
    net.cut(LEFT, RIGHT, false);
    pair.expect_learnt(net, &[DNS]);
}
