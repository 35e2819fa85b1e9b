//! Judges of routing: what speakers say that they chose, against what machines do with packets.
//!
//! [`Ledger`] folds the records; the functions below it compare. They look at moments between events, so that no speaker
//! is in the middle of anything. What takes time to come true is asked only when nothing has happened to the network
//! for [`CONVERGENCE`].

use crate::fixpoint::{Held, Moment, Network, Relation, Terms, pair, routes};
use blackstart_bgp::Event;
use blackstart_rt::{self as rt, Map, Set};
use blackstart_sim::fib::{Protocol, Target};
use blackstart_sim::record::SimEvent;
use blackstart_sim::{NodeId, Record, Time, control};
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Nothing may take longer than this to be known everywhere: a hold time (240 s at most) for silence to be noticed, as
/// long again for a session to come back, and the advertisement intervals along the longest path.
pub const CONVERGENCE: Duration = Duration::from_secs(600);

/// The path that a speaker says it chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Best {
    /// From whom; `None` for a prefix of its own.
    pub(crate) peer: Option<IpAddr>,
    /// ASes on the path.
    pub(crate) length: usize,
}

/// One speaker, as its records tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The service that speaks.
    service: Option<Arc<str>>,
    pub(crate) up: Set<IpAddr>,
    pub(crate) best: Map<IpNet, Best>,
    pub(crate) own: Set<IpNet>,
}

/// All speakers, and when something last happened to the network itself.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) speakers: Map<NodeId, Told>,
    /// Speakers with something new since the last look.
    fresh: Set<NodeId>,
    /// Faults that began and are not undone.
    broken: Set<u32>,
    /// When one last began or ended.
    meddled: Time,
    changed: Time,
}

impl Ledger {
    pub(crate) fn step(&mut self, record: &Record) {
        match (record.kind, record.node) {
            (SimEvent::KIND, Some(node)) => self.engine(record, node),
            (<Event as rt::Event>::KIND, Some(node)) => self.bgp(record, node),
            (<blackstart_fault::Event as rt::Event>::KIND, _) => self.fault(record),
            _ => {}
        }
    }

    /// Since when nothing is broken; `None` while something is.
    pub(crate) fn mended(&self) -> Option<Time> {
        self.broken.is_empty().then_some(self.meddled)
    }

    fn fault(&mut self, record: &Record) {
        use blackstart_fault::Event;
        (self.changed, self.meddled) = (record.time, record.time);
        match crate::decode::<Event>(record) {
            Some(Event::Began { fault, .. }) => self.broken.insert(fault),
            Some(Event::Ended { fault }) => self.broken.remove(&fault),
            _ => false,
        };
    }

    /// When something last happened: a fault, light, power, a session, a service, an announcement.
    pub(crate) fn changed(&self) -> Time {
        self.changed
    }

    fn engine(&mut self, record: &Record, node: NodeId) {
        self.changed = record.time;
        let gone = match SimEvent::decode(record) {
            Some(SimEvent::PowerOff) => true,
            Some(
                SimEvent::ServiceKilled { service }
                | SimEvent::ServiceRestarted { service }
                | SimEvent::TaskCrash { service, .. },
            ) => {
                let speaks = self.speakers.get(&node).and_then(|told| told.service.clone());
                speaks.is_some_and(|own| *own == *service)
            }
            _ => false,
        };
        if gone {
            self.speakers.remove(&node);
        }
    }

    fn bgp(&mut self, record: &Record, node: NodeId) {
        let Some(event) = crate::decode::<Event>(record) else { return };
        let told = self.speakers.entry(node).or_default();
        if told.service.is_none() {
            told.service = record.emitter.as_ref().map(|emitter| emitter.service.clone());
        }
        let is_change = match event {
            Event::SessionUp { peer } => told.up.insert(peer),
            Event::SessionDown { peer, .. } => told.up.remove(&peer),
            Event::Announced { prefix } => told.own.insert(prefix),
            Event::WithdrawnLocal { prefix, .. } => told.own.remove(&prefix),
            Event::BestPathChanged { prefix, peer, as_path } => {
                told.best.insert(prefix, Best { peer, length: as_path.len() });
                false
            }
            Event::Withdrawn { prefix } => {
                told.best.remove(&prefix);
                false
            }
            _ => return,
        };
        self.fresh.insert(node);
        if is_change {
            self.changed = record.time;
        }
    }

    /// Speakers with something new since this was last asked.
    pub(crate) fn take_fresh(&mut self) -> Vec<NodeId> {
        std::mem::take(&mut self.fresh).into_iter().collect()
    }
}

/// What a machine's forwarding table has from BGP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) external: Map<IpNet, Target>,
    pub(crate) internal: Map<IpNet, Target>,
}

impl Installed {
    pub(crate) fn on(node: NodeId) -> Self {
        let mut installed = Self::default();
        for (protocol, prefix, target) in control::routes(node, &[Protocol::Ebgp, Protocol::Ibgp]) {
            let table = match protocol {
                Protocol::Ebgp => &mut installed.external,
                _ => &mut installed.internal,
            };
            table.insert(prefix, target);
        }
        installed
    }
}

/// The first prefix for which the forwarding table is not what the speaker chose.
pub(crate) fn unlike_the_choice(
    network: &Network,
    node: NodeId,
    told: &Told,
    installed: &Installed,
) -> Option<String> {
    let us = network.speakers.get(&node).filter(|us| !us.collector)?;
    let colleagues = network.speakers.values().filter(|speaker| speaker.asn == us.asn);
    let colleagues: Set<IpAddr> = colleagues.map(|speaker| speaker.address).collect();
    let wrong = |(prefix, best): (&IpNet, &Best)| {
        let (external, internal) = (installed.external.get(prefix), installed.internal.get(prefix));
        let is_right = match &best.peer {
            None => external.is_none() && internal.is_none(),
            Some(peer) if !colleagues.contains(peer) => {
                external == Some(&Target::Via(vec![*peer])) && internal.is_none()
            }
            Some(_) => external.is_none() && internal.is_some(),
        };
        (!is_right).then(|| match &best.peer {
            Some(peer) => format!("chose {prefix} from {peer} and forwards otherwise"),
            None => format!("has {prefix} itself and forwards it elsewhere"),
        })
    };
    let left = installed.external.keys().chain(installed.internal.keys());
    let left = || left.clone().find(|prefix| !told.best.contains_key(prefix));
    told.best
        .iter()
        .find_map(wrong)
        .or_else(|| Some(format!("still forwards {}, which it has given up", left()?)))
}

/// The first path that a speaker holds from a neighbour to whom it has no session.
pub(crate) fn without_a_session(told: &Told) -> Option<String> {
    told.best.iter().find_map(|(prefix, best)| {
        let peer = best.peer.filter(|peer| !told.up.contains(peer))?;
        Some(format!("holds {prefix} from {peer}, to whom it has no session"))
    })
}

/// The first path that leads, neighbour by neighbour, to nobody who announces the prefix.
pub(crate) fn without_an_origin(network: &Network, speakers: &Map<NodeId, Told>) -> Option<(NodeId, String)> {
    let by_address: Map<IpAddr, NodeId> =
        network.speakers.iter().map(|(node, speaker)| (speaker.address, *node)).collect();
    let leads_home = |node: NodeId, prefix: &IpNet| {
        let mut at = node;
        // A path that goes on for longer than there are speakers goes round.
        for _ in 0..=speakers.len() {
            let Some(told) = speakers.get(&at) else { return false };
            match told.best.get(prefix) {
                None => return false,
                Some(Best { peer: None, .. }) => return told.own.contains(prefix),
                Some(Best { peer: Some(peer), .. }) => match by_address.get(peer) {
                    Some(next) => at = *next,
                    None => return true, // somebody whom the scenario does not name
                },
            }
        }
        false
    };
    speakers.iter().find_map(|(node, told)| {
        let prefix = told.best.keys().find(|prefix| !leads_home(*node, prefix))?;
        Some((*node, format!("still holds {prefix}, which nobody announces any more")))
    })
}

/// The first destination whose packets go in a circle, by what each machine does with them. `next` is asked once for each.
pub(crate) fn circle(
    nodes: &[NodeId],
    destinations: &[IpAddr],
    next: impl Fn(NodeId, IpAddr) -> Vec<NodeId>,
) -> Option<(NodeId, IpAddr)> {
    destinations.iter().find_map(|&to| {
        let mut done: Set<NodeId> = Set::new();
        nodes.iter().find_map(|&start| from(start, to, &next, &mut done, &mut Vec::new()))
    })
}

fn from(
    at: NodeId,
    to: IpAddr,
    next: &impl Fn(NodeId, IpAddr) -> Vec<NodeId>,
    done: &mut Set<NodeId>,
    way: &mut Vec<NodeId>,
) -> Option<(NodeId, IpAddr)> {
    if way.contains(&at) {
        return Some((at, to));
    }
    if done.contains(&at) {
        return None;
    }
    way.push(at);
    let found = next(at, to).into_iter().find_map(|node| from(node, to, next, done, way));
    way.pop();
    done.insert(at);
    found
}

/// What holds now, from the engine and the records.
pub(crate) fn moment(network: &Network, speakers: &Map<NodeId, Told>) -> Moment {
    let works = |node: &NodeId| control::is_powered(*node) && !control::is_paused(*node);
    let is_lit = |[a, b]: [NodeId; 2]| {
        let name = control::node_name(b);
        let ports = control::interfaces(a);
        ports
            .iter()
            .any(|port| Some(&port.neighbour) == name.as_ref() && port.name == port.neighbour && port.carrier)
    };
    let knows = |a: NodeId, b: NodeId| {
        let address = network.speakers.get(&b).map(|speaker| speaker.address);
        speakers.get(&a).zip(address).is_some_and(|(told, address)| told.up.contains(&address))
    };
    let ends = network.sessions.iter().map(|session| session.ends);
    Moment {
        alive: network.speakers.keys().copied().filter(works).collect(),
        lit: network
            .cables
            .iter()
            .map(|cable| cable.ends)
            .filter(|ends| is_lit(*ends))
            .map(|[a, b]| pair(a, b))
            .collect(),
        up: ends.filter(|&[a, b]| knows(a, b) && knows(b, a)).map(|[a, b]| pair(a, b)).collect(),
        originated: speakers.iter().map(|(node, told)| (*node, told.own.clone())).collect(),
    }
}

/// The first path that is not what topology and policies come to. Nothing when they come to no rest.
pub(crate) fn off_the_fixpoint(
    network: &Network,
    moment: &Moment,
    speakers: &Map<NodeId, Told>,
) -> Option<(NodeId, String)> {
    let expected = routes(network, moment)?;
    let nobody = Told::default();
    moment.alive.iter().find_map(|node| {
        let told = speakers.get(node).unwrap_or(&nobody);
        let expected: Map<IpNet, Held> = expected
            .iter()
            .filter(|((at, _), _)| at == node)
            .map(|((_, prefix), held)| (*prefix, *held))
            .collect();
        let prefixes: Set<&IpNet> = expected.keys().chain(told.best.keys()).collect();
        let wrong = prefixes.into_iter().find_map(|prefix| {
            let held = told.best.get(prefix).map(|best| held(network, *node, best));
            let (wanted, held) = (expected.get(prefix).copied(), held);
            let same = match (wanted, held) {
                (None, None) => true,
                (Some(wanted), Some((terms, length))) => {
                    wanted.length == length && terms.is_none_or(|terms| terms == wanted.terms)
                }
                _ => false,
            };
            (!same).then(|| unlike(prefix, wanted, held))
        });
        Some((*node, wrong?))
    })
}

fn unlike(prefix: &IpNet, wanted: Option<Held>, held: Option<(Option<Terms>, usize)>) -> String {
    let ases = |length: usize| format!("a path of {length} ASes");
    match (wanted, held) {
        (Some(wanted), Some((_, length))) => {
            format!("holds {} to {prefix} instead of {}", ases(length), ases(wanted.length))
        }
        (Some(wanted), None) => format!("has no path to {prefix}, and should have {}", ases(wanted.length)),
        (None, _) => format!("has a path to {prefix}, and should have none"),
    }
}

/// On whose terms a speaker holds a path, as far as its neighbour tells, and how long it is.
fn held(network: &Network, node: NodeId, best: &Best) -> (Option<Terms>, usize) {
    let Some(peer) = best.peer else { return (Some(Terms::Own), best.length) };
    let session = network.sessions.iter().find_map(|session| {
        let [a, b] = session.ends;
        let address = |node: NodeId| network.speakers.get(&node).map(|speaker| speaker.address);
        match () {
            () if b == node && address(a) == Some(peer) => Some((session.relation, false)),
            () if a == node && address(b) == Some(peer) => Some((session.relation, true)),
            () => None,
        }
    });
    let terms = match session {
        Some((Relation::Customer, false)) => Some(Terms::Customer),
        Some((Relation::Customer, true)) => Some(Terms::Provider),
        Some((Relation::Peer, _)) => Some(Terms::Peer),
        _ => None,
    };
    (terms, best.length)
}

/// The first session of the scenario that is not up although both its ends work.
pub(crate) fn session_that_is_down(network: &Network, moment: &Moment) -> Option<(NodeId, NodeId)> {
    let works = |[a, b]: &[NodeId; 2]| moment.alive.contains(a) && moment.alive.contains(b);
    let ends = network.sessions.iter().map(|session| session.ends);
    ends.filter(works).find(|[a, b]| !moment.up.contains(&pair(*a, *b))).map(|[a, b]| (a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixpoint::{Cable, Session, Speaker};

    fn ip(n: u8) -> IpAddr {
        [10, 0, 0, n].into()
    }

    fn prefix() -> IpNet {
        "192.0.2.0/24".parse().expect("a prefix")
    }

    /// Two speakers: 0 has the prefix and is the customer of 1.
    fn network() -> Network {
        let speaker = |asn: u32| Speaker { asn, address: ip(asn as u8), collector: false, is_host: false };
        Network {
            speakers: (0..2).map(|n| (NodeId(n), speaker(n))).collect(),
            cables: vec![Cable { ends: [NodeId(0), NodeId(1)], metric: None }],
            sessions: vec![Session { ends: [NodeId(0), NodeId(1)], relation: Relation::Customer }],
        }
    }

    fn told(best: Option<IpAddr>, length: usize, up: &[u8], own: bool) -> Told {
        Told {
            service: None,
            up: up.iter().map(|n| ip(*n)).collect(),
            best: Map::from([(prefix(), Best { peer: best, length })]),
            own: if own { Set::from([prefix()]) } else { Set::new() },
        }
    }

    fn healthy() -> Map<NodeId, Told> {
        Map::from([(NodeId(0), told(None, 0, &[1], true)), (NodeId(1), told(Some(ip(0)), 1, &[0], false))])
    }

    fn via(n: u8) -> Map<IpNet, Target> {
        Map::from([(prefix(), Target::Via(vec![ip(n)]))])
    }

    #[test]
    fn the_forwarding_table_must_be_what_was_chosen() {
        let (network, speakers) = (network(), healthy());
        let unlike =
            |node, installed| unlike_the_choice(&network, NodeId(node), &speakers[&NodeId(node)], &installed);
        let installed = |external, internal| Installed { external, internal };
        assert_eq!(unlike(1, installed(via(0), Map::new())), None);
        assert_eq!(unlike(0, Installed::default()), None);
        let wrong = [
            (1, Installed::default(), "chose 192.0.2.0/24 from 10.0.0.0 and forwards otherwise"),
            (1, installed(via(9), Map::new()), "chose 192.0.2.0/24 from 10.0.0.0 and forwards otherwise"),
            (1, installed(Map::new(), via(0)), "chose 192.0.2.0/24 from 10.0.0.0 and forwards otherwise"),
            (0, installed(via(1), Map::new()), "has 192.0.2.0/24 itself and forwards it elsewhere"),
        ];
        for (node, installed, saw) in wrong {
            assert_eq!(unlike(node, installed).as_deref(), Some(saw));
        }
        let given_up = Told { best: Map::new(), ..speakers[&NodeId(1)].clone() };
        let left = unlike_the_choice(&network, NodeId(1), &given_up, &installed(via(0), Map::new()));
        assert_eq!(left.as_deref(), Some("still forwards 192.0.2.0/24, which it has given up"));
    }

    #[test]
    fn a_path_needs_a_session_and_an_origin() {
        let network = network();
        let mut speakers = healthy();
        assert_eq!(speakers.values().find_map(without_a_session), None);
        assert_eq!(without_an_origin(&network, &speakers), None);
        speakers.insert(NodeId(1), told(Some(ip(0)), 1, &[], false));
        let saw = without_a_session(&speakers[&NodeId(1)]);
        assert_eq!(saw.as_deref(), Some("holds 192.0.2.0/24 from 10.0.0.0, to whom it has no session"));
        speakers.remove(&NodeId(0));
        assert_eq!(without_an_origin(&network, &speakers).map(|(node, _)| node), Some(NodeId(1)));
    }

    #[test]
    fn two_who_believe_each_other_have_no_origin() {
        let speakers = Map::from([
            (NodeId(0), told(Some(ip(1)), 2, &[1], false)),
            (NodeId(1), told(Some(ip(0)), 2, &[0], false)),
        ]);
        assert!(without_an_origin(&network(), &speakers).is_some());
    }

    #[test]
    fn a_circle_is_found_wherever_it_begins() {
        let nodes: Vec<NodeId> = (0..4).map(NodeId).collect();
        let line = |at: NodeId, _| if at.0 < 3 { vec![NodeId(at.0 + 1)] } else { Vec::new() };
        assert_eq!(circle(&nodes, &[ip(9)], line), None);
        // A spread may meet again: that is no circle.
        let spread = |at: NodeId, _| match at.0 {
            0 => vec![NodeId(1), NodeId(2)],
            1 | 2 => vec![NodeId(3)],
            _ => Vec::new(),
        };
        assert_eq!(circle(&nodes, &[ip(9)], spread), None);
        let back = |at: NodeId, _| if at.0 < 3 { vec![NodeId(at.0 + 1)] } else { vec![NodeId(1)] };
        assert_eq!(circle(&nodes, &[ip(9)], back), Some((NodeId(1), ip(9))));
    }

    #[test]
    fn speakers_must_hold_what_the_policies_come_to() {
        let network = network();
        let moment = Moment {
            alive: Set::from([NodeId(0), NodeId(1)]),
            lit: Set::from([[NodeId(0), NodeId(1)]]),
            up: Set::from([[NodeId(0), NodeId(1)]]),
            originated: Map::from([(NodeId(0), Set::from([prefix()]))]),
        };
        let off =
            |speakers: &Map<NodeId, Told>| off_the_fixpoint(&network, &moment, speakers).map(|(_, saw)| saw);
        assert_eq!(off(&healthy()), None);
        let mut deaf = healthy();
        deaf.remove(&NodeId(1));
        assert_eq!(
            off(&deaf).as_deref(),
            Some("has no path to 192.0.2.0/24, and should have a path of 1 ASes")
        );
        let mut long = healthy();
        long.insert(NodeId(1), told(Some(ip(0)), 3, &[0], false));
        assert!(off(&long).is_some_and(|saw| saw.contains("a path of 3 ASes")));
        assert_eq!(session_that_is_down(&network, &moment), None);
        let cut = Moment { up: Set::new(), ..moment };
        assert_eq!(session_that_is_down(&network, &cut), Some((NodeId(0), NodeId(1))));
    }

    #[test]
    fn the_ledger_forgets_a_speaker_that_is_gone() {
        let mut ledger = Ledger::default();
        let record = |time, kind, bytes| Record {
            time: Time::from_secs(time),
            node: Some(NodeId(0)),
            kind,
            bytes,
            emitter: None,
        };
        let up = postcard::to_stdvec(&Event::SessionUp { peer: ip(1) }).expect("bytes");
        ledger.step(&record(5, <Event as rt::Event>::KIND, up));
        assert_eq!((ledger.speakers.len(), ledger.changed()), (1, Time::from_secs(5)));
        assert_eq!(ledger.take_fresh(), [NodeId(0)]);
        ledger.step(&record(7, SimEvent::KIND, postcard::to_stdvec(&SimEvent::PowerOff).expect("bytes")));
        assert_eq!((ledger.speakers.len(), ledger.changed()), (0, Time::from_secs(7)));
    }

    #[test]
    fn the_ledger_knows_what_is_still_broken() {
        use blackstart_fault::{Event, Kind};
        let mut ledger = Ledger::default();
        let mut step = |time, event: &Event| {
            let bytes = postcard::to_stdvec(event).expect("bytes");
            let kind = <Event as rt::Event>::KIND;
            ledger.step(&Record { time: Time::from_secs(time), node: None, kind, bytes, emitter: None });
            (ledger.mended(), ledger.changed())
        };
        let kind = || Kind::PowerOff { machine: "ns1".into() };
        assert_eq!(step(5, &Event::Began { fault: 0, kind: kind() }), (None, Time::from_secs(5)));
        assert_eq!(step(6, &Event::Began { fault: 1, kind: kind() }), (None, Time::from_secs(6)));
        assert_eq!(step(7, &Event::Ended { fault: 0 }), (None, Time::from_secs(7)));
        assert_eq!(step(8, &Event::Ended { fault: 1 }), (Some(Time::from_secs(8)), Time::from_secs(8)));
    }
}
