//! Adj-RIB-In, Loc-RIB and the machine around them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use blackstart_rt::{Map, Set};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::adj_rib_out::{AdjRibOut, Advertised};
use super::decision::{Candidate, Step, best};
use super::policy::{self, Origin, Own};
use crate::config::{Config, Neighbour, Role};
use crate::session::Established;
use crate::wire::{Attributes, Family, Update};

/// A neighbour, by its place in [`Config::neighbours`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PeerId(pub usize);

/// What can happen to the routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A session is up: the neighbour gets the whole table.
    PeerUp(PeerId, PeerUp),
    /// A session is down: what it taught us is forgotten.
    PeerDown(PeerId),
    /// Routes came.
    Update(PeerId, Update),
    /// Bring a prefix of ours into BGP.
    Originate(IpNet),
    /// Take it back.
    Retire(IpNet),
    /// Interior costs of next hops, `None` when no route leads there. Answers [`Output::Track`]. Costs that change
    /// together come together, so that no passing state is chosen.
    NextHops(Vec<(IpAddr, Option<u32>)>),
    /// Nothing else is at hand: tell the neighbours, as far as their intervals allow. See [`Rib::deadline`].
    Tick,
}

/// What the RIB needs to know of a session that is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerUp {
    /// What the OPENs agreed on.
    pub agreed: Established,
    /// Our end of the connection: our next hop for its family.
    pub local_address: IpAddr,
}

/// What to do about it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Tell a neighbour.
    Send(PeerId, Update),
    /// Forward by this path now. Replaces what was installed for the prefix.
    Install(IpNet, Forwarding),
    /// Forward by it no longer.
    Uninstall(IpNet, Forwarding),
    /// Report the cost of this next hop at once (the decision waits for it) and whenever it changes.
    Track(IpAddr),
    /// The Loc-RIB has another path, or none, for this prefix.
    Changed(IpNet),
    /// A collector has this many paths to the prefix now.
    Paths(IpNet, usize),
}

/// How the best path forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarding {
    /// Learnt from another AS.
    pub external: bool,
    /// Where to.
    pub next_hop: IpAddr,
}

/// Where a path came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    /// This router.
    Local,
    /// A neighbour.
    Peer(PeerId),
}

/// A path after import policy.
#[derive(Debug, PartialEq, Eq)]
struct Path {
    next_hop: IpAddr,
    attributes: Attributes,
}

/// An entry of the Loc-RIB.
#[derive(Clone, Debug)]
pub struct Best {
    /// Where it came from.
    pub source: Source,
    /// What settled the choice.
    pub step: Step,
    path: Arc<Path>,
}

impl Best {
    /// What is said of the path.
    pub fn attributes(&self) -> &Attributes {
        &self.path.attributes
    }

    /// Where it leads; unspecified for our own prefixes.
    pub fn next_hop(&self) -> IpAddr {
        self.path.next_hop
    }

    fn is_same_path(&self, other: &Self) -> bool {
        self.source == other.source && (Arc::ptr_eq(&self.path, &other.path) || self.path == other.path)
    }
}

/// The interior cost of a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    /// Asked for.
    Unknown,
    /// Resolved, or `None`: no route leads there.
    Known(Option<u32>),
}

struct Peer {
    neighbour: Neighbour,
    up: Option<PeerUp>,
    out: AdjRibOut,
}

/// The routes of one speaker.
pub struct Rib {
    config: Config,
    peers: Vec<Peer>,
    local: Set<IpNet>,
    local_path: Arc<Path>,
    adj_rib_in: Map<IpNet, Map<PeerId, Arc<Path>>>,
    loc_rib: Map<IpNet, Best>,
    next_hops: Map<IpAddr, Cost>,
    reported_paths: Map<IpNet, usize>,
}

impl Rib {
    /// Empty, with every session down. `config` was validated.
    pub fn new(config: &Config) -> Self {
        let peer = |neighbour: &Neighbour| Peer {
            neighbour: neighbour.clone(),
            up: None,
            out: AdjRibOut::default(),
        };
        let local_path =
            Path { next_hop: std::net::Ipv4Addr::UNSPECIFIED.into(), attributes: policy::originated() };
        Self {
            config: config.clone(),
            peers: config.neighbours.iter().map(peer).collect(),
            local: Set::new(),
            local_path: Arc::new(local_path),
            adj_rib_in: Map::new(),
            loc_rib: Map::new(),
            next_hops: Map::new(),
            reported_paths: Map::new(),
        }
    }

    /// The Loc-RIB.
    pub fn routes(&self) -> impl Iterator<Item = (IpNet, &Best)> {
        self.loc_rib.iter().map(|(prefix, best)| (*prefix, best))
    }

    /// The best path to exactly `prefix`.
    pub fn route(&self, prefix: IpNet) -> Option<&Best> {
        self.loc_rib.get(&prefix)
    }

    /// Each neighbour: its address, whether its session is up, and how many prefixes it was told.
    pub fn neighbours(&self) -> impl Iterator<Item = (&Neighbour, bool, usize)> {
        self.peers.iter().map(|peer| (&peer.neighbour, peer.up.is_some(), peer.out.len()))
    }

    /// The neighbour behind an id.
    pub fn neighbour(&self, peer: PeerId) -> Option<&Neighbour> {
        self.peers.get(peer.0).map(|peer| &peer.neighbour)
    }

    /// Next hops whose cost matters, as asked for by [`Output::Track`].
    pub fn next_hops(&self) -> impl Iterator<Item = IpAddr> {
        self.next_hops.keys().copied()
    }

    /// When to send the next [`Input::Tick`], in the time of [`Rib::step`]. A time that has passed means now, but after
    /// all other inputs at hand: what they undo of each other is then never told.
    pub fn deadline(&self) -> Option<Duration> {
        self.peers.iter().filter(|peer| peer.up.is_some()).filter_map(|peer| peer.out.deadline()).min()
    }

    /// Takes the machine one input further. `now` only grows; `draw` in [0, 1) is for the jitter of the advertisement
    /// intervals that start now (RFC 4271 10).
    pub fn step(&mut self, now: Duration, draw: f64, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::PeerUp(peer, up) => self.peer_up(peer, up),
            Input::PeerDown(peer) => self.peer_down(peer, &mut out),
            Input::Update(peer, update) => self.update(peer, update, &mut out),
            Input::Originate(prefix) => {
                self.local.insert(prefix);
                self.decide(prefix, &mut out);
            }
            Input::Retire(prefix) => {
                self.local.remove(&prefix);
                self.decide(prefix, &mut out);
            }
            Input::NextHops(costs) => self.next_hops_changed(costs, &mut out),
            Input::Tick => self.flush(now, 1.0 - 0.25 * draw, &mut out),
        }
        out
    }

    fn peer_up(&mut self, id: PeerId, up: PeerUp) {
        let Some(peer) = self.peers.get_mut(id.0) else { return };
        peer.up = Some(up);
        peer.out = AdjRibOut::default();
        self.loc_rib.keys().for_each(|prefix| peer.out.touch(*prefix));
    }

    fn peer_down(&mut self, id: PeerId, out: &mut Vec<Output>) {
        let Some(peer) = self.peers.get_mut(id.0) else { return };
        peer.up = None;
        peer.out = AdjRibOut::default();
        let taught = |paths: &Map<PeerId, Arc<Path>>| paths.contains_key(&id);
        let prefixes: Vec<_> =
            self.adj_rib_in.iter().filter(|(_, paths)| taught(paths)).map(|(p, _)| *p).collect();
        for prefix in prefixes {
            self.forget(prefix, id);
            self.decide(prefix, out);
        }
        self.forget_next_hops();
    }

    fn update(&mut self, id: PeerId, update: Update, out: &mut Vec<Output>) {
        let Some(up) = self.peers.get(id.0).and_then(|peer| peer.up.clone()) else { return };
        let mut touched = Set::new();
        for prefix in &update.withdrawn {
            self.forget(*prefix, id);
            touched.insert(*prefix);
        }
        for (prefix, next_hop) in update.announced() {
            self.learn(id, &up, prefix, next_hop, &update.attributes, out);
            touched.insert(prefix);
        }
        touched.retain(|prefix| !self.waits(*prefix));
        touched.into_iter().for_each(|prefix| self.decide(prefix, out));
    }

    /// Is there a path whose next hop's cost was asked for and not yet told?
    fn waits(&self, prefix: IpNet) -> bool {
        let mut paths = self.adj_rib_in.get(&prefix).into_iter().flat_map(Map::values);
        paths.any(|path| self.next_hops.get(&path.next_hop) == Some(&Cost::Unknown))
    }

    /// Into the Adj-RIB-In. A path that policy refuses still replaces the one before it.
    fn learn(
        &mut self,
        id: PeerId,
        up: &PeerUp,
        prefix: IpNet,
        next_hop: IpAddr,
        attributes: &Attributes,
        out: &mut Vec<Output>,
    ) {
        let Some(peer) = self.peers.get(id.0) else { return };
        let usable = policy::is_usable_next_hop(next_hop, up.local_address);
        match policy::import(self.own(), &peer.neighbour, prefix, attributes.clone()) {
            Ok(attributes) if usable => {
                let path = Arc::new(Path { next_hop, attributes });
                self.adj_rib_in.entry(prefix).or_default().insert(id, path);
                self.track(next_hop, out);
            }
            _ => self.forget(prefix, id),
        }
    }

    fn forget(&mut self, prefix: IpNet, id: PeerId) {
        let Some(paths) = self.adj_rib_in.get_mut(&prefix) else { return };
        paths.remove(&id);
        if paths.is_empty() {
            self.adj_rib_in.remove(&prefix);
        }
    }

    fn track(&mut self, next_hop: IpAddr, out: &mut Vec<Output>) {
        self.next_hops.entry(next_hop).or_insert_with(|| {
            out.push(Output::Track(next_hop));
            Cost::Unknown
        });
    }

    fn forget_next_hops(&mut self) {
        let used: Set<_> = self.adj_rib_in.values().flat_map(Map::values).map(|path| path.next_hop).collect();
        self.next_hops.retain(|next_hop, _| used.contains(next_hop));
    }

    fn next_hops_changed(&mut self, costs: Vec<(IpAddr, Option<u32>)>, out: &mut Vec<Output>) {
        let mut changed = Set::new();
        for (address, metric) in costs {
            if let Some(known) =
                self.next_hops.get_mut(&address).filter(|known| **known != Cost::Known(metric))
            {
                *known = Cost::Known(metric);
                changed.insert(address);
            }
        }
        if changed.is_empty() {
            return;
        }
        let leads_there =
            |paths: &Map<PeerId, Arc<Path>>| paths.values().any(|path| changed.contains(&path.next_hop));
        let affected = self.adj_rib_in.iter().filter(|(_, paths)| leads_there(paths));
        let prefixes: Vec<_> = affected.map(|(prefix, _)| *prefix).collect();
        prefixes.into_iter().for_each(|prefix| self.decide(prefix, out));
    }

    fn own(&self) -> Own {
        Own { asn: self.config.asn, router_id: self.config.router_id }
    }

    /// Runs the decision process for one prefix and spreads what came of it.
    fn decide(&mut self, prefix: IpNet, out: &mut Vec<Output>) {
        self.report_paths(prefix, out);
        let chosen = self.choose(prefix);
        let before = self.loc_rib.get(&prefix);
        let unchanged = match (&chosen, before) {
            (Some(new), Some(old)) => new.is_same_path(old),
            (None, None) => true,
            _ => false,
        };
        if unchanged {
            return;
        }
        self.forward(prefix, before.cloned().as_ref(), chosen.as_ref(), out);
        match chosen {
            Some(best) => self.loc_rib.insert(prefix, best),
            None => self.loc_rib.remove(&prefix),
        };
        out.push(Output::Changed(prefix));
        self.peers.iter_mut().filter(|peer| peer.up.is_some()).for_each(|peer| peer.out.touch(prefix));
    }

    fn report_paths(&mut self, prefix: IpNet, out: &mut Vec<Output>) {
        let paths = self.adj_rib_in.get(&prefix).map_or(0, Map::len);
        if self.config.collector && self.reported_paths.insert(prefix, paths).unwrap_or(0) != paths {
            out.push(Output::Paths(prefix, paths));
        }
    }

    fn choose(&self, prefix: IpNet) -> Option<Best> {
        let local = self.local.contains(&prefix).then_some((Source::Local, &self.local_path));
        let learnt = self.adj_rib_in.get(&prefix).into_iter().flatten();
        let paths = local.into_iter().chain(learnt.map(|(id, path)| (Source::Peer(*id), path)));
        let (known, candidates): (Vec<_>, Vec<_>) =
            paths.filter_map(|(source, path)| Some(((source, path), self.candidate(source, path)?))).unzip();
        let (index, step) = best(&candidates)?;
        let (source, path) = known.get(index)?;
        Some(Best { source: *source, step, path: Arc::clone(path) })
    }

    /// `None` when the next hop cannot be resolved (RFC 4271 9.1.2.1).
    fn candidate(&self, source: Source, path: &Path) -> Option<Candidate> {
        let attributes = &path.attributes;
        let Source::Peer(id) = source else { return Some(own_candidate(self.config.router_id, attributes)) };
        let Some(Cost::Known(Some(igp_metric))) = self.next_hops.get(&path.next_hop) else { return None };
        let peer = self.peers.get(id.0)?;
        let up = peer.up.as_ref()?;
        Some(Candidate {
            local: false,
            local_pref: attributes.local_pref.unwrap_or(0),
            as_hops: attributes.as_path.hops(),
            origin: attributes.origin,
            med: attributes.med.unwrap_or(0),
            neighbour_as: attributes.as_path.neighbour(),
            external: peer.neighbour.role.is_external(),
            igp_metric: *igp_metric,
            router_id: attributes.originator_id.unwrap_or(up.agreed.router_id),
            clusters: attributes.cluster_list.len(),
            peer_address: peer.neighbour.address,
        })
    }

    fn forward(&self, prefix: IpNet, before: Option<&Best>, after: Option<&Best>, out: &mut Vec<Output>) {
        if self.config.collector {
            return;
        }
        let before = before.and_then(|best| self.forwarding(best));
        let after = after.and_then(|best| self.forwarding(best));
        if before == after {
            return;
        }
        let replaced = |old: &Forwarding| after.is_some_and(|new| new.external == old.external);
        if let Some(old) = before.filter(|old| !replaced(old)) {
            out.push(Output::Uninstall(prefix, old));
        }
        out.extend(after.map(|new| Output::Install(prefix, new)));
    }

    /// Our own prefixes are forwarded by whatever made them ours.
    fn forwarding(&self, best: &Best) -> Option<Forwarding> {
        let Source::Peer(id) = best.source else { return None };
        let external = self.neighbour(id)?.role.is_external();
        Some(Forwarding { external, next_hop: best.next_hop() })
    }

    fn flush(&mut self, now: Duration, jitter: f64, out: &mut Vec<Output>) {
        for index in 0..self.peers.len() {
            let id = PeerId(index);
            let Some(peer) = self.peers.get_mut(index).filter(|peer| peer.up.is_some()) else { continue };
            if peer.out.deadline().is_none_or(|at| at > now) {
                continue;
            }
            let interval = Duration::from_secs(peer.neighbour.interval_s().into()).mul_f64(jitter);
            let mut adj_rib_out = std::mem::take(&mut peer.out);
            let updates = adj_rib_out.flush(now, interval, |prefix| self.advertised(id, prefix));
            if let Some(peer) = self.peers.get_mut(index) {
                peer.out = adj_rib_out;
            }
            out.extend(updates.into_iter().map(|update| Output::Send(id, update)));
        }
    }

    /// What the neighbour should hear of `prefix`.
    fn advertised(&self, id: PeerId, prefix: IpNet) -> Option<Advertised> {
        let to = self.peers.get(id.0)?;
        let up = to.up.as_ref()?;
        let best = self.loc_rib.get(&prefix).filter(|best| best.source != Source::Peer(id))?;
        if self.config.collector || !up.agreed.families.contains(&Family::of_prefix(prefix)) {
            return None;
        }
        let origin = self.origin(best.source)?;
        let to_id = up.agreed.router_id;
        let attributes = policy::export(self.own(), &to.neighbour, to_id, prefix, origin, best.attributes())?;
        let next_hop = match policy::is_next_hop_ours(&to.neighbour, origin) {
            true => self.own_next_hop(Family::of_prefix(prefix), up.local_address)?,
            false => best.next_hop(),
        };
        Some(Advertised { next_hop, attributes })
    }

    fn origin(&self, source: Source) -> Option<Origin> {
        let Source::Peer(id) = source else { return Some(Origin::Local) };
        let peer = self.peers.get(id.0)?;
        let router_id = peer.up.as_ref()?.agreed.router_id;
        Some(match peer.neighbour.role {
            Role::Ibgp => Origin::Internal { router_id, client: false },
            Role::ReflectorClient => Origin::Internal { router_id, client: true },
            Role::Provider | Role::Customer | Role::Peer => Origin::External,
        })
    }

    /// Our address in a family: the session's own when it fits, else the configured one.
    fn own_next_hop(&self, family: Family, session: IpAddr) -> Option<IpAddr> {
        match family {
            _ if family == Family::of(session) => Some(session),
            Family::Ipv4 => self.config.next_hop_ipv4.map(IpAddr::V4),
            Family::Ipv6 => self.config.next_hop_ipv6.map(IpAddr::V6),
        }
    }
}

fn own_candidate(router_id: std::net::Ipv4Addr, attributes: &Attributes) -> Candidate {
    Candidate {
        local: true,
        local_pref: attributes.local_pref.unwrap_or(0),
        as_hops: 0,
        origin: attributes.origin,
        med: 0,
        neighbour_as: None,
        external: false,
        igp_metric: 0,
        router_id,
        clusters: 0,
        peer_address: router_id.into(),
    }
}
