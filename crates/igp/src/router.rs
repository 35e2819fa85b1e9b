//! One router as a machine: carriers, datagrams and time in; datagrams and routes out.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::Duration;

use blackstart_rt::{Map, Set};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::event::{DownReason, Event};
use crate::link::{Due, LinkState, RETRANSMIT};
use crate::message::{Hello, Link, Lsp, Message};
use crate::spf;

/// What can happen to a router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The carrier of an interface (by its place in [`Config::interfaces`]), and who is at the other end.
    Carrier {
        /// Which interface.
        interface: usize,
        /// The neighbour's primary address.
        address: Option<IpAddr>,
        /// Is there a signal?
        up: bool,
    },
    /// The carrier of the port behind which a prefix is (by its place in [`Config::prefixes`]).
    Behind {
        /// Which prefix.
        prefix: usize,
        /// Is there a signal?
        up: bool,
    },
    /// A datagram came from this address.
    Received(IpAddr, Message),
    /// Time passed; see [`Router::deadline`].
    Tick,
}

/// What to do about it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send to a neighbour's address.
    Send(IpAddr, Message),
    /// Forward by this route now. Replaces the one before.
    Install(IpNet, Route),
    /// There is no route any more.
    Remove(IpNet),
    /// Report.
    Event(Event),
}

/// The way to a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Sum of the metrics.
    pub metric: u32,
    /// Addresses of neighbouring routers, in order; all are equally good.
    pub next_hops: Vec<IpAddr>,
}

/// One router.
pub struct Router {
    config: Config,
    instance: u64,
    links: Vec<LinkState>,
    /// Prefixes behind ports without a carrier.
    withheld: Set<usize>,
    database: Map<IpAddr, Lsp>,
    routes: Map<IpNet, Route>,
    spf_at: Option<Duration>,
}

impl Router {
    /// A router that has just started; `instance` must differ from that of its last start.
    pub fn new(config: &Config, instance: u64) -> Self {
        let links = config.interfaces.iter().map(|interface| LinkState::new(interface.metric)).collect();
        let mut router = Self {
            config: config.clone(),
            instance,
            links,
            withheld: Set::new(),
            database: Map::new(),
            routes: Map::new(),
            spf_at: None,
        };
        router.database.insert(config.router, router.describe(1));
        router
    }

    /// The routes as last computed.
    pub fn routes(&self) -> &Map<IpNet, Route> {
        &self.routes
    }

    /// Everybody's LSP.
    pub fn database(&self) -> &Map<IpAddr, Lsp> {
        &self.database
    }

    /// When to send the next [`Input::Tick`], in the time of [`Router::step`].
    pub fn deadline(&self) -> Option<Duration> {
        self.links.iter().filter_map(LinkState::deadline).chain(self.spf_at).min()
    }

    /// What the router would say of itself with every adjacency up.
    pub(crate) fn largest_lsp(&self) -> Lsp {
        let links = self.links.iter().map(|link| Link { neighbour: self.config.router, metric: link.metric });
        Lsp { links: links.collect(), ..self.describe(u64::MAX) }
    }

    /// Takes the machine one input further. `now` only grows.
    pub fn step(&mut self, now: Duration, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Carrier { interface, address, up } => self.carrier(now, interface, address, up),
            Input::Behind { prefix, up } => self.behind(now, prefix, up),
            Input::Received(from, message) => self.received(now, from, message, &mut out),
            Input::Tick => {}
        }
        self.tick(now, &mut out);
        self.flood(now, &mut out);
        out
    }

    fn carrier(&mut self, now: Duration, interface: usize, address: Option<IpAddr>, up: bool) {
        let detection = self.config.detection();
        let Some(link) = self.links.get_mut(interface) else { return };
        link.address = address.or(link.address);
        link.set_carrier(now, up, detection);
    }

    fn behind(&mut self, now: Duration, prefix: usize, up: bool) {
        let changed = if up { self.withheld.remove(&prefix) } else { self.withheld.insert(prefix) };
        if changed {
            self.originate(now);
        }
    }

    fn tick(&mut self, now: Duration, out: &mut Vec<Output>) {
        for index in 0..self.links.len() {
            while let Some(due) = self.links.get_mut(index).and_then(|link| link.due(now)) {
                self.due(now, index, due, out);
            }
        }
        if self.spf_at.take_if(|at| *at <= now).is_some() {
            self.compute(out);
        }
    }

    fn due(&mut self, now: Duration, index: usize, due: Due, out: &mut Vec<Output>) {
        match due {
            Due::CarrierUp => self.ask(now, index),
            Due::CarrierDown => self.adjacency_down(now, index, DownReason::Carrier, out),
            Due::Silence => {
                self.adjacency_down(now, index, DownReason::Silence, out);
                self.ask(now, index);
            }
            Due::Hello => self.send_hello(now, index, out),
            Due::Resend => {
                let Some(link) = self.links.get_mut(index) else { return };
                link.fresh.append(&mut link.unacknowledged);
            }
        }
    }

    fn ask(&mut self, now: Duration, index: usize) {
        if let Some(link) = self.links.get_mut(index) {
            link.ask(now);
        }
    }

    fn send_hello(&mut self, now: Duration, index: usize, out: &mut Vec<Output>) {
        let interval = self.config.hello_interval();
        let Some(link) = self.links.get_mut(index) else { return };
        let Some(address) = link.address else { return };
        let hello = Hello {
            router: self.config.router,
            addresses: self.config.addresses(),
            instance: self.instance,
            heard: link.heard.as_ref().map(|heard| heard.instance),
            asks: !link.is_up,
        };
        link.hello_sent(now, interval);
        out.push(Output::Send(address, Message::Hello(hello)));
    }

    fn received(&mut self, now: Duration, from: IpAddr, message: Message, out: &mut Vec<Output>) {
        let is_sender = |link: &LinkState| link.address == Some(from) && link.is_usable();
        let Some(index) = self.links.iter().position(is_sender) else { return };
        match message {
            Message::Hello(hello) => self.hello(now, index, hello, out),
            Message::Flood(lsp) => self.flooded(now, index, lsp, out),
            Message::Ack(origin, sequence) => self.acknowledged(index, origin, sequence),
        }
    }

    fn hello(&mut self, now: Duration, index: usize, hello: Hello, out: &mut Vec<Output>) {
        let interval = self.config.hello_interval();
        let hears_us = hello.heard == Some(self.instance);
        let asks = hello.asks;
        let is_new = |heard: &Hello| heard.instance != hello.instance || !hears_us;
        let is_stale = |link: &LinkState| link.is_up && link.heard.as_ref().is_none_or(is_new);
        if self.links.get(index).is_some_and(is_stale) {
            self.adjacency_down(now, index, DownReason::NeighbourRestarted, out);
            self.ask(now, index);
        }
        let Some(link) = self.links.get_mut(index) else { return };
        link.hello_received(now, hello, interval);
        if hears_us && !link.is_up {
            self.adjacency_up(now, index, out);
        }
        if asks {
            self.send_hello(now, index, out);
        }
    }

    fn adjacency_up(&mut self, now: Duration, index: usize, out: &mut Vec<Output>) {
        let database = self.database.keys().copied().collect();
        let interval = self.config.hello_interval();
        let Some(link) = self.links.get_mut(index) else { return };
        link.up(now, interval, database);
        let neighbour = link.heard.as_ref().map(|heard| heard.router);
        out.extend(neighbour.map(|neighbour| Output::Event(Event::AdjacencyUp { neighbour })));
        self.originate(now);
    }

    fn adjacency_down(&mut self, now: Duration, index: usize, reason: DownReason, out: &mut Vec<Output>) {
        let Some(link) = self.links.get_mut(index) else { return };
        let neighbour = link.heard.as_ref().filter(|_| link.is_up).map(|heard| heard.router);
        link.down();
        if let Some(neighbour) = neighbour {
            out.push(Output::Event(Event::AdjacencyDown { neighbour, reason }));
            self.originate(now);
        }
    }

    fn describe(&self, sequence: u64) -> Lsp {
        let adjacent = |link: &LinkState| {
            let heard = link.heard.as_ref().filter(|_| link.is_up)?;
            Some(Link { neighbour: heard.router, metric: link.metric })
        };
        let own = self.config.addresses().into_iter().map(|address| (IpNet::from(address), 0));
        let others =
            self.config.prefixes.iter().enumerate().filter(|(place, _)| !self.withheld.contains(place));
        let others = others.map(|(_, advertise)| (advertise.prefix, advertise.metric));
        Lsp {
            origin: self.config.router,
            sequence,
            overload: self.config.overload,
            links: self.links.iter().filter_map(adjacent).collect(),
            prefixes: own.chain(others).collect(),
        }
    }

    /// Says anew what this router is.
    fn originate(&mut self, now: Duration) {
        let sequence = self.database.get(&self.config.router).map_or(0, |lsp| lsp.sequence);
        self.store(now, self.describe(sequence.saturating_add(1)), None);
    }

    /// Into the database, and on to every neighbour but the one that it came from.
    fn store(&mut self, now: Duration, lsp: Lsp, from: Option<usize>) {
        let origin = lsp.origin;
        self.database.insert(origin, lsp);
        for (index, link) in self.links.iter_mut().enumerate().filter(|(_, link)| link.is_up) {
            if Some(index) == from {
                link.unacknowledged.remove(&origin);
            } else {
                link.fresh.insert(origin);
            }
        }
        self.spf_at = self.spf_at.or(Some(now + self.config.spf_delay()));
    }

    fn flooded(&mut self, now: Duration, index: usize, lsp: Lsp, out: &mut Vec<Output>) {
        let Some(link) = self.links.get_mut(index).filter(|link| link.is_up) else { return };
        let (origin, sequence) = (lsp.origin, lsp.sequence);
        let known = self.database.get(&origin);
        match known.map_or(Ordering::Less, |known| known.sequence.cmp(&sequence)) {
            Ordering::Greater => {
                link.fresh.insert(origin);
                return;
            }
            Ordering::Equal if known == Some(&lsp) => {
                link.unacknowledged.remove(&origin);
            }
            _ if origin == self.config.router => self.outlive(now, sequence),
            Ordering::Equal => {} // two lives of a router; it will settle this itself
            Ordering::Less => self.store(now, lsp, Some(index)),
        }
        self.acknowledge(index, origin, sequence, out);
    }

    /// A trace of our life before a restart is still about: say something newer (ISO 10589 7.3.16.1).
    fn outlive(&mut self, now: Duration, sequence: u64) {
        if let Some(own) = self.database.get_mut(&self.config.router) {
            own.sequence = sequence;
        }
        self.originate(now);
    }

    fn acknowledge(&self, index: usize, origin: IpAddr, sequence: u64, out: &mut Vec<Output>) {
        let address = self.links.get(index).and_then(|link| link.address);
        out.extend(address.map(|address| Output::Send(address, Message::Ack(origin, sequence))));
    }

    fn acknowledged(&mut self, index: usize, origin: IpAddr, sequence: u64) {
        let is_current = self.database.get(&origin).is_some_and(|lsp| lsp.sequence == sequence);
        if let Some(link) = self.links.get_mut(index).filter(|_| is_current) {
            link.unacknowledged.remove(&origin);
            link.resend_at = link.resend_at.filter(|_| !link.unacknowledged.is_empty());
        }
    }

    /// Sends what is fresh; it is sent again until acknowledged.
    fn flood(&mut self, now: Duration, out: &mut Vec<Output>) {
        for link in &mut self.links {
            let Some(address) = link.address.filter(|_| !link.fresh.is_empty()) else { continue };
            let lsps = link.fresh.iter().filter_map(|origin| self.database.get(origin));
            out.extend(lsps.map(|lsp| Output::Send(address, Message::Flood(lsp.clone()))));
            link.unacknowledged.append(&mut link.fresh);
            link.resend_at = link.resend_at.or(Some(now + RETRANSMIT));
        }
    }

    fn compute(&mut self, out: &mut Vec<Output>) {
        let ways = spf::prefixes(&self.database, self.config.router);
        let routes: Map<_, _> =
            ways.into_iter().filter_map(|(prefix, way)| Some((prefix, self.route(prefix, &way)?))).collect();
        if routes == self.routes {
            return;
        }
        let gone = self.routes.keys().filter(|prefix| !routes.contains_key(prefix));
        out.extend(gone.map(|prefix| Output::Remove(*prefix)));
        let changed = routes.iter().filter(|(prefix, route)| self.routes.get(prefix) != Some(route));
        out.extend(changed.map(|(prefix, route)| Output::Install(*prefix, route.clone())));
        let count = u32::try_from(routes.len()).unwrap_or(u32::MAX);
        out.push(Output::Event(Event::SpfRun { routes: count }));
        self.routes = routes;
    }

    /// A neighbour's own address needs no route through itself: the link's connected route leads there.
    fn route(&self, prefix: IpNet, way: &spf::Reach) -> Option<Route> {
        let first_hops = way.first_hops.iter().filter_map(|router| self.next_hop(*router, prefix));
        let next_hops: Vec<_> = first_hops.filter(|address| IpNet::from(*address) != prefix).collect();
        let metric = u32::try_from(way.metric).unwrap_or(u32::MAX);
        (!next_hops.is_empty()).then_some(Route { metric, next_hops })
    }

    fn next_hop(&self, router: IpAddr, prefix: IpNet) -> Option<IpAddr> {
        let mut heard = self.links.iter().filter(|link| link.is_up).filter_map(|link| link.heard.as_ref());
        let hello = heard.find(|hello| hello.router == router)?;
        hello.addresses.iter().copied().find(|address| address.is_ipv4() == prefix.addr().is_ipv4())
    }
}
