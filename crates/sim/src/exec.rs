//! The executor: one thread, tasks owned by (node, service), polled in the order in which they were woken.
//!
//! Start at [`spawn`] for the inside view and at [`run_ready`] for the run loop's. Futures are polled and
//! dropped outside every borrow; a waker touches nothing but the ready queue, so waking is safe anywhere.

use crate::cpu::{Cpus, Turn};
use crate::node::NodeId;
use crate::queue::Event;
use crate::record::SimEvent;
use crate::time::Time;
use crate::{Map, driver, world};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls of one task without any time passing, after which it is taken to spin and its service crashes.
const POLLS_PER_INSTANT_MAX: u32 = 1_000_000;

pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Whose code runs. `service` is none in a node's program, which names the services that it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) node: Option<NodeId>,
    pub(crate) service: Option<u32>,
}

/// Why a future is being dropped before its end; read by the guard inside each task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doom {
    /// Aborted, killed, or the power went.
    Cancelled,
    /// It panicked.
    Panicked,
}

thread_local! {
    static EXEC: RefCell<Option<Exec>> = const { RefCell::new(None) };
    static READY: RefCell<VecDeque<TaskId>> = const { RefCell::new(VecDeque::new()) };
    static RUN: Cell<u64> = const { Cell::new(0) };
    static CURRENT: Cell<Option<Owner>> = const { Cell::new(None) };
    static DOOM: Cell<Doom> = const { Cell::new(Doom::Cancelled) };
}

/// A slot of the executor and how often it was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

struct Signal {
    run: u64,
    id: TaskId,
    queued: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Only the thread of the run gets past the first test, so no other can come between load and store.
        if self.run == RUN.get() && !self.queued.load(Ordering::Relaxed) {
            self.queued.store(true, Ordering::Relaxed);
            READY.with_borrow_mut(|ready| ready.push_back(self.id));
        }
    }
}

#[derive(Default)]
struct Exec {
    slots: Vec<Slot>,
    free: Vec<u32>,
    spawned: u64,
    services: Vec<Arc<str>>,
    service_ids: Map<Arc<str>, u32>,
    closing: bool,
    cpus: Cpus,
    /// The one service of the node that may start: set while a program runs for that service alone.
    only: Option<(NodeId, Arc<str>)>,
}

struct Slot {
    generation: u32,
    /// Counts spawns, so that tasks can be dropped in the order of their birth.
    number: u64,
    owner: Owner,
    /// Taken out while it is polled.
    task: Option<Task>,
    polling: bool,
    signal: Option<(Arc<Signal>, Waker)>,
    /// Whether the CPU time of its next poll has been spent, on a slow host.
    served: bool,
    /// When it was last polled, and how often at that time.
    polled_at: Time,
    polls: u32,
}

/// What came of a ready task's turn.
enum Begun {
    Poll(Ready),
    /// It is to ask again at that time.
    Waits(u64),
}

/// The task's future and what it needs to be polled.
struct Ready {
    task: Task,
    owner: Owner,
    signal: (Arc<Signal>, Waker),
    spins: bool,
}

impl Exec {
    fn insert(&mut self, run: u64, owner: Owner, task: Task) -> TaskId {
        self.spawned += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::vacant());
            self.slots.len() as u32 - 1
        });
        let entry = &mut self.slots[slot as usize];
        let id = TaskId { slot, generation: entry.generation };
        entry.number = self.spawned;
        entry.owner = owner;
        entry.polls = 0;
        entry.served = false;
        entry.task = Some(task);
        let signal = Arc::new(Signal { run, id, queued: AtomicBool::new(true) });
        entry.signal = Some((Arc::clone(&signal), Waker::from(signal)));
        READY.with_borrow_mut(|ready| ready.push_back(id));
        id
    }

    fn begin(&mut self, id: TaskId) -> Option<Begun> {
        let slot = self.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation)?;
        if !self.cpus.is_usual()
            && let Some(node) = slot.owner.node
        {
            match self.cpus.turn(node, id, Time::now().as_nanos(), slot.served) {
                Turn::Now => {}
                Turn::At(at) => return Some(Begun::Waits(at)),
                Turn::Held => return None,
            }
        }
        let task = slot.task.take()?;
        let signal = slot.signal.take()?;
        slot.polling = true;
        slot.served = false;
        Some(Begun::Poll(Ready { task, owner: slot.owner, signal, spins: slot.count_poll() }))
    }

    /// Puts a pending task back. Hands it out again, to be dropped, if it was killed while it was polled.
    fn suspend(&mut self, id: TaskId, task: Task, signal: (Arc<Signal>, Waker)) -> Option<Task> {
        let slot = &mut self.slots[id.slot as usize];
        slot.polling = false;
        if slot.generation != id.generation {
            self.free.push(id.slot);
            return Some(task);
        }
        slot.task = Some(task);
        slot.signal = Some(signal);
        None
    }

    fn finish(&mut self, id: TaskId) {
        let slot = &mut self.slots[id.slot as usize];
        slot.polling = false;
        if slot.generation == id.generation {
            slot.generation = slot.generation.wrapping_add(1);
        }
        self.free.push(id.slot);
    }

    /// Ends the task of a slot: its future, unless it is being polled and will be dropped after that.
    fn kill(&mut self, slot: usize) -> Option<Doomed> {
        let entry = &mut self.slots[slot];
        entry.generation = entry.generation.wrapping_add(1);
        entry.signal = None;
        if entry.polling {
            return None;
        }
        self.free.push(slot as u32);
        let task = entry.task.take()?;
        Some(Doomed { number: entry.number, owner: entry.owner, task })
    }

    /// Takes the tasks that `doomed` picks, in the order of their birth.
    fn kill_where(&mut self, doomed: impl Fn(&Slot) -> bool) -> Vec<Doomed> {
        let picked = |slot: &Slot| slot.is_alive() && doomed(slot);
        let picked: Vec<usize> = (0..self.slots.len()).filter(|&slot| picked(&self.slots[slot])).collect();
        let mut tasks: Vec<Doomed> = picked.into_iter().filter_map(|slot| self.kill(slot)).collect();
        tasks.sort_by_key(|doomed| doomed.number);
        tasks
    }

    fn service_id(&mut self, name: &str) -> u32 {
        if let Some(&id) = self.service_ids.get(name) {
            return id;
        }
        let name: Arc<str> = Arc::from(name);
        self.services.push(Arc::clone(&name));
        let id = self.services.len() as u32 - 1;
        self.service_ids.insert(name, id);
        id
    }
}

impl Slot {
    fn vacant() -> Self {
        let owner = Owner { node: None, service: None };
        Slot {
            generation: 0,
            number: 0,
            owner,
            task: None,
            polling: false,
            signal: None,
            served: false,
            polled_at: Time::ZERO,
            polls: 0,
        }
    }

    fn is_alive(&self) -> bool {
        self.task.is_some() || self.polling
    }

    /// True when it was polled too often for one instant.
    fn count_poll(&mut self) -> bool {
        let now = Time::now();
        self.polls = if self.polled_at == now { self.polls + 1 } else { 1 };
        self.polled_at = now;
        self.polls > POLLS_PER_INSTANT_MAX
    }
}

struct Doomed {
    number: u64,
    owner: Owner,
    task: Task,
}

fn with<R>(f: impl FnOnce(&mut Exec) -> R) -> Option<R> {
    EXEC.try_with(|cell| cell.borrow_mut().as_mut().map(f)).ok().flatten()
}

/// Opens the executor of a run on this thread.
pub(crate) fn open(run: u64) {
    EXEC.set(Some(Exec::default()));
    READY.with_borrow_mut(VecDeque::clear);
    RUN.set(run);
    CURRENT.set(None);
}

/// Drops all tasks in the order of their birth and closes the executor.
pub(crate) fn close() {
    with(|exec| exec.closing = true);
    drop_tasks(with(|exec| exec.kill_where(|_| true)).unwrap_or_default());
    RUN.set(0);
    READY.with_borrow_mut(VecDeque::clear);
    drop(EXEC.take());
}

/// The node whose code runs: none outside tasks and in the world's own tasks.
pub fn current_node() -> Option<NodeId> {
    CURRENT.get().and_then(|owner| owner.node)
}

/// Whose code runs: none outside tasks, programs and hooks.
pub(crate) fn current_owner() -> Option<Owner> {
    CURRENT.get()
}

/// The name behind a number of a service.
pub(crate) fn service_name(id: u32) -> Option<Arc<str>> {
    with(|exec| exec.services.get(id as usize).cloned()).flatten()
}

/// Whether the caller is a task of a simulation or a node's program.
pub fn in_simulation() -> bool {
    CURRENT.get().is_some()
}

pub(crate) fn doom() -> Doom {
    DOOM.get()
}

/// Runs `f` as the world's own: in the simulation, but on no node.
pub(crate) fn as_world<R>(f: impl FnOnce() -> R) -> R {
    scope(Owner { node: None, service: None }, f)
}

/// Runs `f` as `owner`. The caller's own place is restored whatever `f` does.
pub(crate) fn scope<R>(owner: Owner, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Owner>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(Some(owner)));
    f()
}

/// Starts a task of the current node and service; a node's program names the service.
pub(crate) fn spawn(name: &str, task: Task) -> Option<TaskId> {
    let owner = CURRENT.get().unwrap_or(Owner { node: None, service: None });
    match owner.service {
        Some(_) => spawn_for(owner, task),
        None if is_refused(owner.node, name) => None,
        None => spawn_on(owner.node, name, task),
    }
}

/// Whether the node's program runs for the sake of another service.
fn is_refused(node: Option<NodeId>, service: &str) -> bool {
    let refused = |exec: &mut Exec| {
        exec.only.as_ref().is_some_and(|(at, only)| node == Some(*at) && **only != *service)
    };
    with(refused).unwrap_or(false)
}

/// Starts a task of `service` on `node`.
pub(crate) fn spawn_on(node: Option<NodeId>, service: &str, task: Task) -> Option<TaskId> {
    let service = with(|exec| exec.service_id(service));
    spawn_for(Owner { node, service }, task)
}

/// None when refused: no simulation, a node without power, or the run is over. The task is dropped then.
fn spawn_for(owner: Owner, task: Task) -> Option<TaskId> {
    let (run, powered) = world::try_with(|world| {
        (world.run, owner.node.is_none_or(|id| world.node(id).is_some_and(|node| node.powered)))
    })?;
    let mut refused = Some(task);
    let id = with(|exec| match powered && !exec.closing {
        true => refused.take().map(|task| exec.insert(run, owner, task)),
        false => None,
    });
    drop(refused);
    id.flatten()
}

/// Ends one task; it is dropped now, or after its poll if it is being polled.
pub(crate) fn abort(run: u64, id: TaskId) {
    if run != RUN.get() {
        return;
    }
    let doomed = with(|exec| {
        let slot = exec.slots.get(id.slot as usize)?;
        (slot.generation == id.generation).then(|| exec.kill(id.slot as usize)).flatten()
    });
    drop_tasks(doomed.flatten().into_iter().collect());
}

/// Makes each poll of a task of `node` take so long.
pub(crate) fn set_poll_ns(node: NodeId, poll_ns: u64) {
    with(|exec| exec.cpus.set_poll_ns(node, poll_ns));
}

/// From now on no task of `node` is polled.
pub(crate) fn pause(node: NodeId) {
    with(|exec| exec.cpus.pause(node));
}

/// Lets the tasks of `node` run again, first those that became ready meanwhile.
pub(crate) fn resume(node: NodeId) {
    let held = with(|exec| exec.cpus.resume(node)).unwrap_or_default();
    READY.with_borrow_mut(|ready| ready.extend(held));
}

/// Makes a task ready that waited for its CPU time: that is spent now.
struct Served(TaskId);

impl Wake for Served {
    fn wake(self: Arc<Self>) {
        let id = self.0;
        with(|exec| {
            let slot = exec.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation);
            slot.map(|slot| slot.served = true)
        });
        READY.with_borrow_mut(|ready| ready.push_back(id));
    }
}

/// To be woken when the CPU time that a task waited for is spent.
pub(crate) fn served(id: TaskId) -> Waker {
    Waker::from(Arc::new(Served(id)))
}

/// Drops all tasks of `node`, in the order of their birth.
pub(crate) fn kill_node(node: NodeId) {
    with(|exec| exec.cpus.reset(node));
    drop_tasks(with(|exec| exec.kill_where(|slot| slot.owner.node == Some(node))).unwrap_or_default());
}

/// Drops all tasks of a service of `node`.
pub(crate) fn kill_service(node: NodeId, service: &str) {
    kill_elders(node, service, u64::MAX);
}

/// Drops those tasks of a service of `node` that are not younger than the task number `youngest`.
fn kill_elders(node: NodeId, service: &str, youngest: u64) {
    let doomed = with(|exec| {
        let owner = Owner { node: Some(node), service: exec.service_ids.get(service).copied() };
        exec.kill_where(|slot| slot.owner == owner && slot.number <= youngest)
    });
    drop_tasks(doomed.unwrap_or_default());
}

/// Runs a node's program for one of its services alone, and drops the tasks that the service had. False, and
/// nothing has changed, when the program does not start it.
pub(crate) fn restart_service(node: NodeId, service: &str, program: &dyn Fn()) -> bool {
    let Some(youngest) = with(|exec| exec.spawned) else { return false };
    let outer = with(|exec| exec.only.replace((node, Arc::from(service))));
    run_program(node, program);
    with(|exec| exec.only = outer.flatten());
    let started = has_task(node, service, |slot| slot.number > youngest);
    if started {
        kill_elders(node, service, youngest);
    }
    started
}

/// Whether a service of `node` has a task.
pub(crate) fn is_running(node: NodeId, service: &str) -> bool {
    has_task(node, service, |_| true)
}

fn has_task(node: NodeId, service: &str, wanted: impl Fn(&Slot) -> bool) -> bool {
    let has = with(|exec| {
        let owner = Owner { node: Some(node), service: Some(*exec.service_ids.get(service)?) };
        Some(exec.slots.iter().any(|slot| slot.is_alive() && slot.owner == owner && wanted(slot)))
    });
    has.flatten().unwrap_or(false)
}

/// The number of tasks that have not ended.
pub(crate) fn task_count() -> usize {
    with(|exec| exec.slots.len() - exec.free.len()).unwrap_or(0)
}

/// A destructor may panic; that must not take the other tasks along.
fn drop_tasks(doomed: Vec<Doomed>) {
    DOOM.set(Doom::Cancelled);
    for Doomed { owner, task, .. } in doomed {
        let drop_it = || driver::entered(|| drop(task));
        if let Err(panic) = scope(owner, || catch_unwind(AssertUnwindSafe(drop_it))) {
            record_crash(owner, &*panic);
        }
    }
}

/// Whether a task waits to be polled.
pub(crate) fn any_ready() -> bool {
    READY.with_borrow(|ready| !ready.is_empty())
}

/// Polls tasks until none is ready.
pub(crate) fn run_ready() {
    while let Some(id) = READY.with_borrow_mut(VecDeque::pop_front) {
        match with(|exec| exec.begin(id)).flatten() {
            Some(Begun::Poll(ready)) => poll_task(id, ready),
            Some(Begun::Waits(at)) => {
                world::try_with(|world| world.queue.push(at, Event::Turn { task: id }));
            }
            None => {}
        }
    }
}

fn poll_task(id: TaskId, ready: Ready) {
    let Ready { mut task, owner, signal, spins } = ready;
    if spins {
        return crash(id, owner, task, &"spins: polled a million times without any time passing");
    }
    signal.0.queued.store(false, Ordering::Relaxed);
    let outcome = scope(owner, || {
        catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut Context::from_waker(&signal.1))))
    });
    match outcome {
        Ok(Poll::Pending) => {
            if let Some(task) = with(|exec| exec.suspend(id, task, signal)).flatten() {
                drop_tasks(vec![Doomed { number: 0, owner, task }]);
            }
        }
        Ok(Poll::Ready(())) => {
            with(|exec| exec.finish(id));
            drop_tasks(vec![Doomed { number: 0, owner, task }]);
        }
        Err(panic) => crash(id, owner, task, &*panic),
    }
}

/// A panic is the crash of its service, and of nothing else.
fn crash(id: TaskId, owner: Owner, task: Task, panic: &(dyn std::any::Any + Send)) {
    with(|exec| exec.finish(id));
    record_crash(owner, panic);
    DOOM.set(Doom::Panicked);
    if let Err(again) = scope(owner, || catch_unwind(AssertUnwindSafe(|| drop(task)))) {
        record_crash(owner, &*again);
    }
    drop_tasks(with(|exec| exec.kill_where(|other| other.owner == owner)).unwrap_or_default());
}

/// Runs a node's program; a panic in it is recorded as the crash of the service "boot".
pub(crate) fn run_program(node: NodeId, program: &dyn Fn()) {
    let owner = Owner { node: Some(node), service: None };
    if let Err(panic) = scope(owner, || catch_unwind(AssertUnwindSafe(|| driver::entered(program)))) {
        record_crash(owner, &*panic);
    }
}

fn record_crash(owner: Owner, panic: &(dyn std::any::Any + Send)) {
    let service =
        owner.service.and_then(service_name).map_or_else(|| "boot".to_owned(), |name| name.to_string());
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    world::try_with(|world| world.emit_sim(owner.node, &SimEvent::TaskCrash { service, message }));
}
