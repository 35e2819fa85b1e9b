//! The resolver's state machine: what comes in, what goes out, and whom it concerns.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use blackstart_rt::canary::{self, Canary};
use blackstart_rt::time::Instant;
use blackstart_rt::{Map, Set};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use serde::{Deserialize, Serialize};

use super::cache::{Cache, Negative, negative_ttl_s};
use super::reply::{End, Verdict, verdict};
use super::servers::Servers;
use super::task::{Step, Task, View, failure, success};
use super::{Config, Delegation};
use crate::labels::Labels;
use crate::message::{self, Query, Question, Rcode, Reject, Transport};

/// Addresses of servers of servers of servers ...: deeper than this nothing sane goes.
const DEPTH_MAX: u32 = 6;
/// Queries out at once; below the number of message ids, so that a free one is found soon.
const OUTSTANDING_MAX: usize = 30_000;

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The client's address and port.
    pub peer: SocketAddr,
    /// Our address that it asked.
    pub local: IpAddr,
    /// How it asked.
    pub transport: Transport,
    /// The shell's number of the TCP connection; 0 over UDP.
    pub connection: u64,
}

/// Everything that can happen to a resolver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A message from a client.
    Client {
        /// Who sent it.
        client: Client,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A message from what may be a name server.
    Upstream {
        /// Who sent it.
        from: SocketAddr,
        /// How.
        transport: Transport,
        /// The message.
        bytes: Vec<u8>,
    },
    /// An [`Output::Ask`] could not be sent, or its connection broke.
    Unsent {
        /// The `id` of the output.
        id: u16,
        /// Its `to`.
        to: SocketAddr,
    },
    /// Time has passed; due at [`Core::next_deadline`].
    Tick,
}

/// Everything that a resolver can want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a query upstream.
    Ask {
        /// Its message id.
        id: u16,
        /// The server.
        to: SocketAddr,
        /// How.
        transport: Transport,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Answer a client.
    Answer {
        /// Whom.
        client: Client,
        /// The message.
        bytes: Vec<u8>,
        /// The name asked for; `None` when the message was not understood.
        name: Option<Name>,
        /// The outcome.
        rcode: Rcode,
        /// Addresses among the answers.
        addresses: Vec<IpAddr>,
        /// How long the client waited.
        waited: Duration,
    },
}

/// A configuration that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing to start from.
    #[error("no usable root server: give at least one address under `root-servers`")]
    NoRootServers,
    /// Not a domain name.
    #[error("root server `{0}` is not a domain name")]
    BadName(String),
}

type TaskId = u64;

/// What a task answers: a name and a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked(Labels, u16);

impl Asked {
    fn of(question: &Question) -> Asked {
        Asked(Labels::of(&question.name), question.kind.into())
    }
}

/// Who wants to know.
#[derive(Debug)]
enum Waiter {
    Client { client: Client, query: Query, arrived: Instant },
    Task(TaskId),
}

/// A query that is out.
#[derive(Debug)]
struct Outstanding {
    task: TaskId,
    server: IpAddr,
    cut: Name,
    question: Question,
    transport: Transport,
    sent: Instant,
    deadline: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Query(u16),
    Task(TaskId),
}

/// Counter-based draws: the n-th depends on the seed and n alone.
#[derive(Debug)]
struct Draws {
    seed: u64,
    n: u64,
}

impl Draws {
    /// SplitMix64's finaliser over the counter.
    fn next(&mut self) -> u64 {
        self.n += 1;
        let mut z = self.seed.wrapping_add(self.n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// A caching recursive resolver without sockets and clocks.
#[derive(Debug)]
pub struct Core {
    config: Config,
    hints: Delegation,
    cache: Cache,
    servers: Servers,
    draws: Draws,
    tasks: Map<TaskId, Task>,
    waiters: Map<TaskId, Vec<Waiter>>,
    by_question: Map<Asked, TaskId>,
    tasks_made: u64,
    clients: usize,
    outstanding: Map<u16, Outstanding>,
    timers: Set<(Instant, Timer)>,
    ready: VecDeque<TaskId>,
    outputs: Vec<Output>,
}

impl Core {
    /// A resolver with an empty cache. `seed` decides message ids and the choice among equal servers.
    ///
    /// # Errors
    /// [`Error`] about the root hints.
    pub fn new(config: Config, seed: u64) -> Result<Core, Error> {
        let hints = hints(&config)?;
        Ok(Core {
            cache: Cache::new(config.cache_entries_max, config.ttl_max_s),
            config,
            hints,
            servers: Servers::default(),
            draws: Draws { seed, n: 0 },
            tasks: Map::new(),
            waiters: Map::new(),
            by_question: Map::new(),
            tasks_made: 0,
            clients: 0,
            outstanding: Map::new(),
            timers: Set::new(),
            ready: VecDeque::new(),
            outputs: Vec::new(),
        })
    }

    /// Takes one input at `now`, which never goes backwards.
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        match input {
            Input::Client { client, bytes } => self.client(now, client, &bytes),
            Input::Upstream { from, transport, bytes } => self.upstream(now, from, transport, &bytes),
            Input::Unsent { id, to } => self.unsent(now, id, to),
            Input::Tick => self.expire(now),
        }
        while let Some(id) = self.ready.pop_front() {
            self.advance(now, id);
        }
        std::mem::take(&mut self.outputs)
    }

    /// When [`Input::Tick`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(due, _)| *due)
    }

    fn client(&mut self, now: Instant, client: Client, bytes: &[u8]) {
        let query = match message::decode_query(bytes) {
            Ok(query) => query,
            Err(Reject::Drop) => return,
            Err(Reject::Reply(rcode, bytes)) => {
                return self.outputs.push(Output::Answer {
                    client,
                    bytes,
                    name: None,
                    rcode,
                    addresses: Vec::new(),
                    waited: Duration::ZERO,
                });
            }
        };
        match self.refusal(&query) {
            Some(rcode) => {
                let conclusion = Negative { rcode, soa: None };
                let waiter = Waiter::Client { client, query, arrived: now };
                self.answer(now, waiter, &conclusion, &[]);
            }
            None => self.join_client(now, client, query),
        }
    }

    /// What is not even tried.
    fn refusal(&self, query: &Query) -> Option<ResponseCode> {
        match query.question.kind {
            _ if !query.recursion_desired => Some(ResponseCode::Refused),
            RecordType::ANY | RecordType::AXFR | RecordType::IXFR => Some(ResponseCode::NotImp),
            _ if self.clients >= self.config.clients_max => Some(ResponseCode::ServFail),
            _ => None,
        }
    }

    fn join_client(&mut self, now: Instant, client: Client, query: Query) {
        let deadline = now + self.config.budget();
        let id = self.task_for(&query.question, deadline, 0);
        let waiters = self.waiters.entry(id).or_default();
        let repeated = waiters.iter().any(|waiter| match waiter {
            Waiter::Client { client: known, query: asked, .. } => *known == client && asked.id == query.id,
            Waiter::Task(_) => false,
        });
        if !repeated {
            waiters.push(Waiter::Client { client, query, arrived: now });
            self.clients += 1;
        }
    }

    /// The task of a question; a new one is made ready to run.
    fn task_for(&mut self, question: &Question, deadline: Instant, depth: u32) -> TaskId {
        let asked = Asked::of(question);
        if let Some(&id) = self.by_question.get(&asked) {
            return id;
        }
        self.tasks_made += 1;
        let id = self.tasks_made;
        self.tasks.insert(id, Task::new(question.clone(), deadline, depth));
        self.by_question.insert(asked, id);
        self.timers.insert((deadline, Timer::Task(id)));
        self.ready.push_back(id);
        id
    }

    fn advance(&mut self, now: Instant, id: TaskId) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        if task.asking.is_some() {
            return;
        }
        let draw = self.draws.next();
        let view = View {
            config: &self.config,
            hints: &self.hints,
            cache: &self.cache,
            servers: &self.servers,
            now,
            draw,
        };
        match task.step(&view) {
            Step::Ask { server, cut, tries } => {
                let patience = self.config.timeout(tries);
                self.ask(now, id, server, cut, Transport::Udp, patience);
            }
            Step::Fetch(questions) => questions.into_iter().for_each(|question| self.fetch(id, question)),
            Step::Wait => {}
            Step::Finish(conclusion) => self.finish(now, id, &conclusion),
        }
    }

    fn ask(
        &mut self,
        now: Instant,
        id: TaskId,
        server: IpAddr,
        cut: Name,
        transport: Transport,
        patience: Duration,
    ) {
        if self.outstanding.len() >= OUTSTANDING_MAX {
            return self.finish(now, id, &failure());
        }
        let message_id = self.free_message_id();
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.asking = Some(message_id);
        let deadline = (now + patience).min(task.deadline);
        let question = task.target.clone();
        let bytes = message::encode_query(message_id, &question, false);
        let out = Outstanding { task: id, server, cut, question, transport, sent: now, deadline };
        self.outstanding.insert(message_id, out);
        self.timers.insert((deadline, Timer::Query(message_id)));
        self.outputs.push(Output::Ask {
            id: message_id,
            to: SocketAddr::new(server, self.config.server_port),
            transport,
            bytes,
        });
    }

    fn free_message_id(&mut self) -> u16 {
        loop {
            let id = (self.draws.next() >> 48) as u16;
            if !self.outstanding.contains_key(&id) {
                return id;
            }
        }
    }

    /// Has `question` answered for the task `id`, unless that would wait for itself.
    fn fetch(&mut self, id: TaskId, question: Question) {
        let Some((deadline, depth)) = self.tasks.get(&id).map(|task| (task.deadline, task.depth)) else {
            return;
        };
        let circular =
            self.by_question.get(&Asked::of(&question)).is_some_and(|&other| self.waits_for(other, id));
        if circular || depth >= DEPTH_MAX {
            return self.fetched(id, &question);
        }
        let fetch = self.task_for(&question, deadline, depth + 1);
        self.waiters.entry(fetch).or_default().push(Waiter::Task(id));
    }

    fn waits_for(&self, task: TaskId, goal: TaskId) -> bool {
        let mut seen = Set::from([task]);
        let mut open = vec![task];
        while let Some(id) = open.pop() {
            if id == goal {
                return true;
            }
            let pending = self.tasks.get(&id).into_iter().flat_map(|task| &task.pending);
            let next = pending.filter_map(|question| self.by_question.get(&Asked::of(question)).copied());
            open.extend(next.filter(|id| seen.insert(*id)));
        }
        false
    }

    fn fetched(&mut self, id: TaskId, question: &Question) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.pending.remove(question);
            self.ready.push_back(id);
        }
    }

    /// Takes a query off the books; its task is free to go on.
    fn settle(&mut self, message_id: u16) -> Option<Outstanding> {
        let out = self.outstanding.remove(&message_id)?;
        self.timers.remove(&(out.deadline, Timer::Query(message_id)));
        if let Some(task) = self.tasks.get_mut(&out.task) {
            task.asking = None;
        }
        self.ready.push_back(out.task);
        Some(out)
    }

    /// RFC 5452 9.1: an answer counts only from the address asked, with the id and the question sent.
    fn upstream(&mut self, now: Instant, from: SocketAddr, transport: Transport, bytes: &[u8]) {
        let Some(message_id) = bytes.first_chunk().map(|id| u16::from_be_bytes(*id)) else { return };
        let Some(out) = self.outstanding.get(&message_id) else { return };
        if from != SocketAddr::new(out.server, self.config.server_port) || transport != out.transport {
            return;
        }
        let answer = message::decode_response(bytes, message_id, &out.question);
        if answer.is_none() && !message::is_bare_error(bytes, message_id) {
            return;
        }
        let Some(out) = self.settle(message_id) else { return };
        self.servers.answered(out.server, now - out.sent, now);
        match answer {
            Some(answer) if answer.metadata.truncation && transport == Transport::Udp => {
                self.retry_over_tcp(now, out)
            }
            Some(answer) => self.read(now, &out, &answer),
            None => self.lame(&out),
        }
    }

    fn retry_over_tcp(&mut self, now: Instant, out: Outstanding) {
        let patience = self.config.timeout(1);
        self.ask(now, out.task, out.server, out.cut, Transport::Tcp, patience);
    }

    fn lame(&mut self, out: &Outstanding) {
        if let Some(task) = self.tasks.get_mut(&out.task) {
            task.lame(&out.cut, out.server);
        }
    }

    fn read(&mut self, now: Instant, out: &Outstanding, answer: &Message) {
        let verdict = verdict(answer, &out.cut, &out.question);
        if verdict == Verdict::Lame {
            return self.lame(out);
        }
        if let Some(task) = self.tasks.get_mut(&out.task) {
            task.helped(&out.cut, out.server);
        }
        match verdict {
            Verdict::Referral(delegation, ttl_s) => self.cache.put_delegation(delegation, ttl_s, now),
            Verdict::Answer(chain, end) => self.read_chain(now, out.task, chain, end),
            Verdict::Lame => {}
        }
    }

    fn read_chain(&mut self, now: Instant, id: TaskId, chain: Vec<Vec<Record>>, end: End) {
        for records in &chain {
            self.cache.put_records(records, now);
        }
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.chain.extend(chain.into_iter().flatten());
        match end {
            End::Found => self.finish(now, id, &success()),
            End::Open(target) => {
                if !task.follow(target) {
                    self.finish(now, id, &failure());
                }
            }
            End::Negative(question, negative) => {
                let ttl_s = negative_ttl_s(negative.soa.as_deref(), self.config.negative_ttl_max_s);
                self.cache.put_negative(&question, negative.clone(), ttl_s, now);
                self.finish(now, id, &negative);
            }
        }
    }

    fn unsent(&mut self, now: Instant, id: u16, to: SocketAddr) {
        if self
            .outstanding
            .get(&id)
            .is_some_and(|out| SocketAddr::new(out.server, self.config.server_port) == to)
        {
            self.give_up(now, id);
        }
    }

    fn give_up(&mut self, now: Instant, message_id: u16) {
        if let Some(out) = self.settle(message_id) {
            self.servers.silent(out.server, out.deadline - out.sent, now);
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some(&(due, timer)) = self.timers.first() {
            if due > now {
                return;
            }
            self.timers.pop_first();
            match timer {
                Timer::Query(id) => self.give_up(now, id),
                Timer::Task(id) => self.finish(now, id, &failure()),
            }
        }
    }

    /// Ends a task and tells everyone who waits for it.
    fn finish(&mut self, now: Instant, id: TaskId, conclusion: &Negative) {
        let Some(task) = self.tasks.remove(&id) else { return };
        self.by_question.remove(&Asked::of(&task.question));
        self.timers.remove(&(task.deadline, Timer::Task(id)));
        if let Some(asking) = task.asking {
            self.settle(asking);
        }
        if conclusion.rcode == ResponseCode::ServFail {
            let for_ever = canary::is_planted(Canary::ResolverKeepsServfail);
            let ttl_s = if for_ever { u64::MAX } else { self.config.cache_failures_s };
            let ttl_s = u32::try_from(ttl_s).unwrap_or(u32::MAX);
            self.cache.put_negative(&task.question, conclusion.clone(), ttl_s, now);
        }
        for waiter in self.waiters.remove(&id).unwrap_or_default() {
            match waiter {
                Waiter::Task(waiting) => self.fetched(waiting, &task.question),
                client => {
                    self.clients = self.clients.saturating_sub(1);
                    self.answer(now, client, conclusion, &task.chain);
                }
            }
        }
    }

    fn answer(&mut self, now: Instant, waiter: Waiter, conclusion: &Negative, chain: &[Record]) {
        let Waiter::Client { client, query, arrived } = waiter else { return };
        let found = if conclusion.rcode == ResponseCode::ServFail { &[] } else { chain };
        self.outputs.push(Output::Answer {
            client,
            bytes: response(&query, client.transport, conclusion, found),
            name: Some(query.question.name),
            rcode: Rcode::from(conclusion.rcode),
            addresses: found.iter().filter_map(|record| record.data.ip_addr()).collect(),
            waited: now - arrived,
        });
    }
}

fn response(query: &Query, transport: Transport, conclusion: &Negative, found: &[Record]) -> Vec<u8> {
    if conclusion.rcode == ResponseCode::ServFail {
        return message::encode_failure(query);
    }
    let mut response = message::response_to(query);
    response.metadata.recursion_available = true;
    response.metadata.response_code = conclusion.rcode;
    response.add_answers(found.iter().cloned());
    response.add_authorities(conclusion.soa.as_deref().cloned());
    message::encode_response(response, query.answer_len_max(transport))
}

fn hints(config: &Config) -> Result<Delegation, Error> {
    let mut servers = Vec::new();
    for (text, addresses) in &config.root_servers {
        let mut name = Name::from_ascii(text).map_err(|_| Error::BadName(text.clone()))?;
        name.set_fqdn(true);
        servers.push((name, addresses.clone()));
    }
    let usable = |address: &IpAddr| address.is_ipv4() || config.ipv6;
    if !servers.iter().flat_map(|(_, addresses)| addresses).any(usable) {
        return Err(Error::NoRootServers);
    }
    Ok(Delegation { zone: Name::root(), servers })
}
