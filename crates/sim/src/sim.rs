//! The simulation: building it, running it, reading what it recorded.

use crate::driver::{Driver, Tokio};
use crate::fabric::{LinkId, LinkSpec};
use crate::node::{NodeId, NodeSpec};
use crate::record::{Record, show_to_hooks};
use crate::task::JoinHandle;
use crate::time::{self, Time};
use crate::world::{self, World};
use crate::{Error, exec, task};
use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

/// What fixes a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Same seed, same run, to the byte.
    pub seed: u64,
    /// The time since 1970 at which the run starts.
    pub epoch: Duration,
    /// Bytes of each of a TCP connection's two buffers. They do not grow: a connection moves at most this much per
    /// round trip.
    pub tcp_buffer: usize,
    /// How TCP shares links with others.
    pub congestion: Congestion,
    /// Whether to keep the records after the hooks have seen them. The hash covers them in any case.
    pub keep_records: bool,
    /// What moves the run on.
    pub driver: Driver,
    /// The bug that is planted in this run.
    #[cfg(feature = "canary")]
    pub canary: Option<crate::canary::Canary>,
}

/// How a TCP sender finds out how much it may have under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Congestion {
    /// As much as the peer's window takes: for links that carry everything.
    None,
    /// RFC 5681.
    Reno,
    /// RFC 9438; Linux's default.
    Cubic,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 0,
            epoch: Duration::ZERO,
            tcp_buffer: 16 * 1024,
            congestion: Congestion::Cubic,
            keep_records: true,
            driver: Driver::Native,
            #[cfg(feature = "canary")]
            canary: None,
        }
    }
}

/// A simulation. There is one per thread at a time; dropping it drops its tasks, sockets and everything else.
#[derive(Debug)]
pub struct Sim {
    /// Bound to its thread, where its world lives.
    thread: PhantomData<*const ()>,
    /// None when the engine drives itself.
    tokio: Option<Tokio>,
}

/// Numbers the runs of the process, so that handles of one do not act on another. Never part of a result.
static RUNS: AtomicU64 = AtomicU64::new(1);

impl Sim {
    /// An empty simulation at its start.
    ///
    /// # Errors
    /// [`Error::Busy`] when this thread has one. With [`Driver::Tokio`] also [`Error::TokioUnstable`],
    /// [`Error::InsideTokio`], [`Error::TokioRuntime`].
    pub fn new(config: Config) -> Result<Sim, Error> {
        let tokio = match config.driver {
            Driver::Native => None,
            Driver::Tokio if world::try_with(|_| ()).is_some() => return Err(Error::Busy),
            Driver::Tokio => Some(Tokio::new(config.seed)?),
        };
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        if !world::install(World::new(run, config)) {
            return Err(Error::Busy);
        }
        exec::open(run);
        time::set_now(0);
        Ok(Sim { thread: PhantomData, tokio })
    }

    fn with<R>(&self, f: impl FnOnce(&mut World) -> Result<R, Error>) -> Result<R, Error> {
        world::try_with(f).unwrap_or(Err(Error::NoSimulation))
    }

    /// Adds a machine, powered. It boots when the simulation next runs.
    ///
    /// # Errors
    /// [`Error::EmptyName`], [`Error::DuplicateNode`], [`Error::BadAddress`].
    pub fn add_node(&self, spec: NodeSpec) -> Result<NodeId, Error> {
        self.with(|world| world.add_node(spec))
    }

    /// Joins two nodes. Where both have power there is light at once, without a record.
    ///
    /// # Errors
    /// [`Error::UnknownNode`], [`Error::SelfLink`], [`Error::DuplicatePort`]; [`Error::BadLatency`],
    /// [`Error::BadProbability`], [`Error::BadMtu`], [`Error::NoBandwidth`].
    pub fn add_link(&self, spec: LinkSpec) -> Result<LinkId, Error> {
        self.with(|world| world.add_link(spec))
    }

    /// Sets what a node does at each boot: it runs on the node and spawns the services.
    ///
    /// # Errors
    /// [`Error::UnknownNode`].
    pub fn set_program(&self, node: NodeId, program: impl Fn() + 'static) -> Result<(), Error> {
        let mut program: Option<Rc<dyn Fn()>> = Some(Rc::new(program));
        let old = self.with(|world| {
            let entry = world.node_mut(node).ok_or(Error::UnknownNode(node.0))?;
            Ok(std::mem::replace(&mut entry.program, program.take()))
        });
        old.map(drop)
    }

    /// Calls `hook` with each record, soon after it was made and in order. It runs on no node, and may use the
    /// whole API.
    pub fn on_record(&self, hook: impl FnMut(&Record) + 'static) {
        world::try_with(|world| world.log.add_hook(Box::new(hook)));
    }

    /// Starts a task of no host: the world's own.
    pub fn spawn<F>(&self, name: &str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        task::spawn_on(None, name, future)
    }

    /// Runs until `end`, inclusive. Time stands at `end` afterwards.
    ///
    /// # Panics
    /// With [`Driver::Tokio`], when called inside a tokio runtime, and when a task moves tokio's clock.
    pub fn run_until(&mut self, end: Time) {
        if let Some(tokio) = &mut self.tokio {
            return tokio.run_until(end.as_nanos());
        }
        boot();
        exec::run_ready();
        while world::try_with(|world| world.go_on(end.as_nanos())).unwrap_or(false) {
            hand_out();
            exec::run_ready();
        }
        world::try_with(|world| world.rest_at(end.as_nanos()));
    }

    /// All nodes, in the order in which they were added.
    pub fn nodes(&self) -> Vec<NodeId> {
        let count = world::try_with(|world| world.nodes.len()).unwrap_or(0);
        (0..count as u32).map(NodeId).collect()
    }

    /// The time of the engine's next event, if anything is to come. It knows nothing of tokio's timers.
    pub fn next_event_at(&self) -> Option<Time> {
        world::try_with(|world| world.queue.next_at()).flatten().map(Time::from_nanos)
    }

    /// What moves the run on.
    pub fn driver(&self) -> Driver {
        if self.tokio.is_some() { Driver::Tokio } else { Driver::Native }
    }

    /// The present.
    pub fn now(&self) -> Time {
        Time::now()
    }

    /// A hash of all records and of every packet that crossed a link. Equal for equal runs.
    pub fn log_hash(&self) -> u64 {
        world::try_with(|world| world.log_hash()).unwrap_or(0)
    }

    /// How many packets crossed a link, each link counted.
    pub fn packets(&self) -> u64 {
        world::try_with(|world| world.crossings().count).unwrap_or(0)
    }

    /// How many records were made.
    pub fn record_count(&self) -> u64 {
        world::try_with(|world| world.log.count()).unwrap_or(0)
    }

    /// The records kept so far, in order.
    pub fn records(&self) -> Vec<Record> {
        world::try_with(|world| world.log.records().collect()).unwrap_or_default()
    }

    /// For each record of [`Sim::records`], a digest of all packets that had crossed a link by then: where it differs
    /// between two runs and the records before do not, a packet did.
    pub fn packet_digests(&self) -> Vec<u64> {
        world::try_with(|world| world.log.packet_digests().collect()).unwrap_or_default()
    }

    /// How many tasks have not ended.
    pub fn task_count(&self) -> usize {
        exec::task_count()
    }
}

/// Starts the programs of the nodes that have not booted yet.
pub(crate) fn boot() {
    while let Some((node, program)) = world::try_with(World::next_boot).flatten() {
        exec::run_program(node, &*program);
    }
}

/// Hands out what the world collected: wakers, and records for the hooks.
pub(crate) fn hand_out() {
    let mut wakes = world::try_with(|world| std::mem::take(&mut world.wakes)).unwrap_or_default();
    wakes.drain(..).for_each(Waker::wake);
    let unseen = world::try_with(|world| {
        // The room is kept.
        if world.wakes.is_empty() {
            std::mem::swap(&mut world.wakes, &mut wakes);
        }
        world.log.has_unseen()
    });
    if unseen == Some(true) {
        show_to_hooks();
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        exec::close();
        drop(self.tokio.take());
        drop(world::uninstall());
        time::set_now(0);
    }
}
