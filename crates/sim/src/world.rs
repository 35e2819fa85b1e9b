//! The world of one simulation, and the only way into it.
//!
//! The world is thread-local so that services need no handle to it. One rule keeps that sound: no code of
//! others (polls and drops of futures, wakers, programs, hooks) runs inside [`try_with`]. What the engine wants
//! to wake or to drop is collected in the world and handed out by the run loop.

use crate::air::Air;
use crate::capture::Captures;
use crate::fabric::{Link, LinkId};
use crate::hash::fold;
use crate::node::{Node, NodeId};
use crate::pause::Happening;
use crate::queue::{Event, Moment, Queue};
use crate::record::{Log, SimEvent};
use crate::stack::Wire;
use crate::time::Timers;
use crate::{Config, Map, ailment, draw, drops, exec, time};
use std::cell::RefCell;
use std::io;
use std::task::Waker;
use std::time::Duration;

thread_local! {
    static WORLD: RefCell<Option<Box<World>>> = const { RefCell::new(None) };
}

/// Runs `f` inside this thread's world, if there is one.
pub(crate) fn try_with<R>(f: impl FnOnce(&mut World) -> R) -> Option<R> {
    WORLD.try_with(|cell| cell.borrow_mut().as_deref_mut().map(f)).ok().flatten()
}

/// [`try_with`] for operations that can report an error.
pub(crate) fn with_io<R>(f: impl FnOnce(&mut World) -> io::Result<R>) -> io::Result<R> {
    try_with(f).unwrap_or_else(|| Err(io::Error::new(io::ErrorKind::Unsupported, "not inside a simulation")))
}

/// Makes `world` this thread's world, unless there is one already.
pub(crate) fn install(world: World) -> bool {
    WORLD.with(|cell| {
        let mut slot = cell.borrow_mut();
        let free = slot.is_none();
        if free {
            *slot = Some(Box::new(world));
        }
        free
    })
}

/// Takes this thread's world away, so that it can be dropped outside the borrow.
pub(crate) fn uninstall() -> Option<Box<World>> {
    WORLD.try_with(|cell| cell.borrow_mut().take()).ok().flatten()
}

pub(crate) struct World {
    /// Tells handles of this run from those of earlier runs of the process; never part of a result.
    pub(crate) run: u64,
    pub(crate) config: Config,
    pub(crate) now: u64,
    /// Everything up to here has happened.
    pub(crate) moment: Moment,
    pub(crate) queue: Queue,
    pub(crate) timers: Timers,
    pub(crate) nodes: Vec<Node>,
    pub(crate) names: Map<String, NodeId>,
    pub(crate) links: Vec<Link>,
    /// The smallest MTU that any link ever had: what is smaller fits everywhere.
    pub(crate) least_mtu: usize,
    pub(crate) wire: Wire,
    /// TCP sockets that were written to or read from: (node, boot epoch, socket).
    pub(crate) dirty: Vec<(u32, u32, u32)>,
    /// Wakers to be called by the run loop.
    pub(crate) wakes: Vec<Waker>,
    pub(crate) log: Log,
    pub(crate) air: Air,
    pub(crate) captures: Captures,
    /// Packets that were dropped, while somebody wants to know.
    pub(crate) drops: Option<Box<drops::Watch>>,
    /// Services that do not answer as they should.
    pub(crate) ailing: Map<ailment::Key, ailment::Ailing>,
    /// How often tasks of no host opened a stream of draws, by name.
    streams: Map<String, u64>,
}

impl World {
    pub(crate) fn new(run: u64, config: Config) -> Self {
        World {
            run,
            log: Log::new(config.keep_records),
            config,
            now: 0,
            moment: Moment::START,
            queue: Queue::default(),
            timers: Timers::default(),
            nodes: Vec::new(),
            names: Map::new(),
            links: Vec::new(),
            least_mtu: usize::MAX,
            wire: Wire::default(),
            dirty: Vec::new(),
            wakes: Vec::new(),
            air: Air::default(),
            ailing: Map::new(),
            captures: Captures::default(),
            drops: None,
            streams: Map::new(),
        }
    }

    pub(crate) fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(node.0 as usize)
    }

    pub(crate) fn node_mut(&mut self, node: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(node.0 as usize)
    }

    pub(crate) fn link(&self, link: LinkId) -> Option<&Link> {
        self.links.get(link.0 as usize)
    }

    pub(crate) fn unix_now(&self, node: Option<NodeId>) -> Duration {
        let ahead = node.and_then(|id| self.node(id)).map_or(0, |node| node.clock.ahead(self.now));
        let since_1970 = self.config.epoch + Duration::from_nanos(self.now);
        let shift = Duration::from_nanos(u64::try_from(ahead.unsigned_abs()).unwrap_or(u64::MAX));
        if ahead < 0 { since_1970.saturating_sub(shift) } else { since_1970.saturating_add(shift) }
    }

    pub(crate) fn open_stream(&mut self, node: Option<NodeId>, name: &str) -> draw::Stream {
        let seed = self.config.seed;
        let (host, streams) = match node.and_then(|id| self.nodes.get_mut(id.0 as usize)) {
            Some(node) => (&*node.name, &mut node.streams),
            None => ("", &mut self.streams),
        };
        let opened = streams.entry(name.to_owned()).or_insert(0);
        *opened += 1;
        draw::Stream::of_host(seed, host, name, *opened - 1)
    }

    pub(crate) fn log_hash(&self) -> u64 {
        let crossings = self.crossings();
        fold(fold(self.log.digest(), crossings.digest), crossings.count)
    }

    pub(crate) fn emit_sim(&mut self, node: Option<NodeId>, event: &SimEvent) {
        let bytes = postcard::to_stdvec(event).unwrap_or_default();
        self.log.push(self.now, self.air.digest(), node, SimEvent::KIND, &bytes);
    }

    /// Lets things happen until tasks or hooks have something to do. False when all is done until `end` (inclusive).
    pub(crate) fn go_on(&mut self, end: u64) -> bool {
        loop {
            self.settle();
            if !self.wakes.is_empty() || self.log.has_unseen() {
                return true;
            }
            if !self.step(end) {
                return false;
            }
        }
    }

    /// Lets every socket that was touched send what it has.
    fn settle(&mut self) {
        while !self.dirty.is_empty() {
            let mut dirty = std::mem::take(&mut self.dirty);
            for &(node, epoch, socket) in &dirty {
                if self.nodes[node as usize].epoch == epoch {
                    self.happen(node as usize, Happening::Touched { socket });
                }
            }
            dirty.clear();
            if self.dirty.is_empty() {
                self.dirty = dirty;
            }
        }
    }

    /// Whether anything is to be done before `at`, sockets and wakers included.
    pub(crate) fn has_work(&self, at: u64) -> bool {
        !self.dirty.is_empty()
            || !self.wakes.is_empty()
            || self.log.has_unseen()
            || self.queue.next_at().is_some_and(|next| next < at)
    }

    /// Advances to the next event due by `end` (inclusive) and lets it happen. False when there is none.
    fn step(&mut self, end: u64) -> bool {
        let Some((moment, event)) = self.queue.pop_due(end) else { return false };
        self.moment = moment;
        self.advance(moment.at);
        match event {
            Event::Packet { slot, generation } => self.arrive(slot, generation),
            Event::Socket { node, socket, generation } => {
                self.happen(node as usize, Happening::Due { socket, generation });
            }
            Event::Turn { task } => self.wakes.push(exec::served(task)),
            Event::Timer { slot, generation } => self.wakes.extend(self.timers.fire(slot, generation)),
        }
        true
    }

    fn advance(&mut self, at: u64) {
        self.now = at;
        time::set_now(at);
    }

    /// Time comes to `at`, where nothing has happened yet.
    pub(crate) fn come_to(&mut self, at: u64) {
        if at > self.now {
            self.moment = Moment { at, sequence: 0 };
            self.advance(at);
        }
    }

    /// Everything until `end` has happened.
    pub(crate) fn rest_at(&mut self, end: u64) {
        let at = end.max(self.now);
        self.moment = Moment { at, sequence: u64::MAX };
        self.advance(at);
    }
}
