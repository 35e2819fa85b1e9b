//! How far one question has come, and what to do next about it.
//!
//! A task knows nothing of sockets, clients or other tasks: [`Task::step`] looks at the cache and says whom to
//! ask, what to find out first, or how it ends.

use std::net::IpAddr;

use blackstart_rt::time::Instant;
use blackstart_rt::{Map, Set};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};

use super::cache::{Cache, Hit, Negative};
use super::reply::alias_target;
use super::servers::Servers;
use super::{Config, Delegation};
use crate::labels::Labels;
use crate::message::Question;

/// Aliases followed for one question, across all zones.
const ALIASES_MAX: u32 = 16;
/// Server names resolved at once when a delegation came without glue.
const FETCHES_AT_ONCE: usize = 2;

/// What a step may look at.
pub(super) struct View<'a> {
    pub(super) config: &'a Config,
    pub(super) hints: &'a Delegation,
    pub(super) cache: &'a Cache,
    pub(super) servers: &'a Servers,
    pub(super) now: Instant,
    /// A fresh draw.
    pub(super) draw: u64,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Ask this server of `cut`; it has been tried `tries` times before.
    Ask { server: IpAddr, cut: Name, tries: u32 },
    /// Find these addresses first.
    Fetch(Vec<Question>),
    /// Something is under way already.
    Wait,
    /// Tell the clients.
    Finish(Negative),
}

/// Attempts at the servers of one cut.
#[derive(Debug, Default)]
struct Round {
    /// Passes over all servers that are complete.
    pass: u32,
    tries: Map<IpAddr, u32>,
    lame: Set<IpAddr>,
}

/// One question under way.
#[derive(Debug)]
pub(super) struct Task {
    /// As asked, the key under which others may join.
    pub(super) question: Question,
    /// What is being looked for now: the question, or where its aliases have led.
    pub(super) target: Question,
    /// The target's name.
    labels: Labels,
    /// The answer so far.
    pub(super) chain: Vec<Record>,
    /// When SERVFAIL is due.
    pub(super) deadline: Instant,
    /// Questions whose tasks this one waits for.
    pub(super) pending: Set<Question>,
    /// The query that is out, if any.
    pub(super) asking: Option<u16>,
    /// How many tasks deep: 0 for a client's question, 1 for an address that it needs, and so on.
    pub(super) depth: u32,
    aliases: u32,
    sent: u32,
    /// By the length of the cut's name, which tells the zones above one target apart.
    rounds: Map<usize, Round>,
    fetched: Set<Question>,
    /// While set, the servers above this cut are asked although the cut is known.
    above: Option<Name>,
    /// As in `rounds`.
    requeried: Set<usize>,
}

impl Task {
    pub(super) fn new(question: Question, deadline: Instant, depth: u32) -> Task {
        Task {
            target: question.clone(),
            labels: Labels::of(&question.name),
            question,
            chain: Vec::new(),
            deadline,
            pending: Set::new(),
            asking: None,
            depth,
            aliases: 0,
            sent: 0,
            rounds: Map::new(),
            fetched: Set::new(),
            above: None,
            requeried: Set::new(),
        }
    }

    /// What to do next, given that no query is out.
    pub(super) fn step(&mut self, view: &View<'_>) -> Step {
        if let Some(conclusion) = self.look_up(view) {
            return Step::Finish(conclusion);
        }
        if self.sent >= view.config.queries_max || view.now >= self.deadline {
            return Step::Finish(failure());
        }
        loop {
            let delegation = self.delegation(view);
            if let Some(step) = self.ask(view, delegation).or_else(|| self.fetch(view, delegation)) {
                return step;
            }
            if !self.try_elsewhere(view, &delegation.zone) {
                return Step::Finish(failure());
            }
        }
    }

    /// Follows what the cache knows, as far as it goes.
    fn look_up(&mut self, view: &View<'_>) -> Option<Negative> {
        loop {
            match view.cache.get(&self.labels, self.target.kind, view.now) {
                Some(Hit::Records(records)) => {
                    self.chain.extend(records);
                    return Some(success());
                }
                Some(Hit::Negative(negative)) => return Some(negative),
                None => {}
            }
            let alias = view.cache.get(&self.labels, RecordType::CNAME, view.now);
            let Some(Hit::Records(alias)) = alias else { return None };
            let target = alias_target(&alias)?;
            self.chain.extend(alias);
            if !self.follow(target) {
                return Some(failure());
            }
        }
    }

    /// Goes on at an alias's target; false when this has happened too often.
    pub(super) fn follow(&mut self, target: Name) -> bool {
        self.labels = Labels::of(&target);
        self.target.name = target;
        self.aliases += 1;
        self.above = None;
        self.rounds.clear();
        self.requeried.clear();
        self.aliases <= ALIASES_MAX
    }

    fn delegation<'v>(&self, view: &View<'v>) -> &'v Delegation {
        let known = match &self.above {
            Some(cut) => view.cache.delegation(Labels::of(cut).upwards().skip(1), view.now),
            None => view.cache.delegation(self.labels.upwards(), view.now),
        };
        known.unwrap_or(view.hints)
    }

    fn ask(&mut self, view: &View<'_>, delegation: &Delegation) -> Option<Step> {
        let addresses = addresses(view, delegation);
        let round = self.rounds.entry(delegation.zone.len()).or_default();
        let is_left_alone =
            |server| view.config.leave_silent_alone && view.servers.is_given_up(server, view.now);
        let is_open = |server: &IpAddr| round.is_open(*server) && !is_left_alone(*server);
        let open: Vec<IpAddr> = addresses.into_iter().filter(is_open).collect();
        let server = view.servers.choose(&open, view.now, view.draw)?;
        let tries = round.tries.entry(server).or_default();
        let step = Step::Ask { server, cut: delegation.zone.clone(), tries: *tries };
        *tries += 1;
        self.sent += 1;
        Some(step)
    }

    /// Server names without a known address, a few at a time.
    fn fetch(&mut self, view: &View<'_>, delegation: &Delegation) -> Option<Step> {
        if !self.pending.is_empty() {
            return Some(Step::Wait);
        }
        let kinds: &[RecordType] =
            if view.config.ipv6 { &[RecordType::A, RecordType::AAAA] } else { &[RecordType::A] };
        let unknown = delegation.servers.iter().filter(|(_, glue)| glue.is_empty());
        let questions =
            unknown.flat_map(|(name, _)| kinds.iter().map(|&kind| Question { name: name.clone(), kind }));
        let questions: Vec<Question> =
            questions.filter(|question| !self.fetched.contains(question)).take(FETCHES_AT_ONCE).collect();
        if questions.is_empty() {
            return None;
        }
        self.fetched.extend(questions.iter().cloned());
        self.pending.extend(questions.iter().cloned());
        Some(Step::Fetch(questions))
    }

    /// All servers of `zone` were tried: turns to its parent, or begins another pass. False when that was all.
    fn try_elsewhere(&mut self, view: &View<'_>, zone: &Name) -> bool {
        if self.above.take().is_some() {
            return true;
        }
        let round = self.rounds.entry(zone.len()).or_default();
        round.pass += 1;
        if view.config.requery_parent && !zone.is_root() && self.requeried.insert(zone.len()) {
            self.above = Some(zone.clone());
            return true;
        }
        round.pass < view.config.attempts
    }

    /// The server said something useful: it does not count as tried.
    pub(super) fn helped(&mut self, cut: &Name, server: IpAddr) {
        self.above = None;
        if let Some(round) = self.rounds.get_mut(&cut.len()) {
            round.tries.remove(&server);
        }
    }

    /// The server does not serve this zone: it is not asked again for this question.
    pub(super) fn lame(&mut self, cut: &Name, server: IpAddr) {
        self.rounds.entry(cut.len()).or_default().lame.insert(server);
    }
}

impl Round {
    fn is_open(&self, server: IpAddr) -> bool {
        !self.lame.contains(&server) && self.tries.get(&server).copied().unwrap_or(0) <= self.pass
    }
}

/// Glue, or what has been found out about servers that came without.
fn addresses(view: &View<'_>, delegation: &Delegation) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for (name, glue) in &delegation.servers {
        addresses.extend_from_slice(glue);
        if glue.is_empty() {
            addresses.extend(resolved(view, name));
        }
    }
    addresses.retain(|address| address.is_ipv4() || view.config.ipv6);
    addresses
}

fn resolved(view: &View<'_>, name: &Name) -> Vec<IpAddr> {
    let name = Labels::of(name);
    let of_kind = |kind| match view.cache.get(&name, kind, view.now) {
        Some(Hit::Records(records)) => records.iter().filter_map(|record| record.data.ip_addr()).collect(),
        _ => Vec::new(),
    };
    [of_kind(RecordType::A), of_kind(RecordType::AAAA)].concat()
}

/// NOERROR; the data is in the chain.
pub(super) fn success() -> Negative {
    Negative { rcode: ResponseCode::NoError, soa: None }
}

/// SERVFAIL.
pub(super) fn failure() -> Negative {
    Negative { rcode: ResponseCode::ServFail, soa: None }
}
