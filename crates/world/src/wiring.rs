//! Which name is which machine: what the scenario layer wired together, for those who act on it by name.

use crate::settings::Settings;
use blackstart_dns::endpoint::Endpoint;
use blackstart_rt::{Map, Set};
use blackstart_sim::{LinkId, NodeId};
use std::net::{IpAddr, SocketAddr};

/// Where door controllers listen for readers.
pub const DOOR_PORT: u16 = 7300;

/// A host or router of the scenario.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its node in the engine.
    pub node: NodeId,
    /// Its primary address.
    pub address: IpAddr,
    /// Site where it stands.
    pub site: String,
    /// Router it is plugged into; `None` for routers.
    pub router: Option<String>,
    /// Resolvers that its programs ask.
    pub resolvers: Vec<SocketAddr>,
    /// Rack in which it stands.
    pub rack: Option<String>,
}

/// A serial cable that can be plugged between a machine and a router's console port.
#[derive(Clone, Debug)]
pub struct Serial {
    /// The cable; blocked while unplugged.
    pub link: LinkId,
    /// Where the console listens.
    pub console: SocketAddr,
}

/// Names of everything that was wired.
#[derive(Clone, Debug, Default)]
pub struct Wiring {
    /// Hosts and routers by name.
    pub machines: Map<String, Machine>,
    /// Groups of routers.
    pub router_groups: Map<String, Vec<String>>,
    /// Groups of links, each as the names of its two ends.
    pub link_groups: Map<String, Vec<(String, String)>>,
    /// Cables by (host, router).
    pub serial: Map<(String, String), Serial>,
    /// Service name -> host.
    pub services: Map<String, String>,
    /// Label -> hosts that watch under it.
    pub vantage: Map<String, Vec<String>>,
    /// Data centres and an address in each that answers when the site is reachable.
    pub data_centres: Vec<(String, IpAddr)>,
    /// What services are told at their start.
    pub settings: Settings,
    /// Where people sign in.
    pub sign_in: Option<Endpoint>,
    /// Chat service -> where people find it.
    pub chats: Map<String, Endpoint>,
    /// Jump host -> where people find it.
    pub jump_hosts: Map<String, Endpoint>,
    /// VPN gateway -> where people find it.
    pub vpns: Map<String, Endpoint>,
    /// Configuration store -> where people find it.
    pub stores: Map<String, Endpoint>,
    /// Sessions from before the run, by person and host name of the tool.
    pub sessions: Map<(String, String), String>,
    /// Machine -> service there -> services without which it does not start again.
    pub boot_needs: Map<String, Map<String, Vec<String>>>,
    /// Where the admission service listens and the secret that it asks for.
    pub admission: Option<(SocketAddr, String)>,
}

impl Wiring {
    /// The machine with this name.
    #[must_use]
    pub fn machine(&self, name: &str) -> Option<&Machine> {
        self.machines.get(name)
    }

    /// The machines on which services run that those of this machine need to start again.
    #[must_use]
    pub fn boots_after(&self, machine: &str) -> Set<&str> {
        let needs = self.boot_needs.get(machine).into_iter().flat_map(Map::values).flatten();
        needs.filter_map(|need| self.services.get(need)).map(String::as_str).collect()
    }

    /// Node id -> name, for those who read records.
    #[must_use]
    pub fn names(&self) -> Map<NodeId, String> {
        self.machines.iter().map(|(name, machine)| (machine.node, name.clone())).collect()
    }

    /// The machine at `site` that has a cable to `router`, and hangs on the site's own network.
    #[must_use]
    pub fn cable_at(&self, site: &str, router: &str) -> Option<(&str, &Serial)> {
        let mut cables = self.serial.iter();
        cables
            .find(|((host, to), _)| to == router && self.hangs_on(host, site))
            .map(|((host, _), cable)| (host.as_str(), cable))
    }

    /// A machine with cables at `site`, from which orders can be given: it hangs on the site's own network.
    #[must_use]
    pub fn cart_at(&self, site: &str) -> Option<&str> {
        self.serial.keys().map(|(host, _)| host.as_str()).find(|host| self.hangs_on(host, site))
    }

    /// A machine stands at a site, and so does the router that it is plugged into.
    fn hangs_on(&self, host: &str, site: &str) -> bool {
        let machine = self.machine(host).filter(|machine| machine.site == site);
        let router = machine.and_then(|machine| self.machine(machine.router.as_ref()?));
        router.is_some_and(|router| router.site == site)
    }
}
