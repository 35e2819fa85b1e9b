//! What faults, people and scenarios do to the machinery: power, ports, links, routes, services.
//!
//! Usable from any task of the simulation, from hooks, and between runs.

use crate::ailment::{Ailing, Ailment};
use crate::air::Change;
use crate::capture::{Capture, CaptureAt};
use crate::clock::Clock;
use crate::fabric::{Direction, Latency, Link, LinkId, Loss, WaySpec};
use crate::fib::{Protocol, Resolution, Target};
use crate::link::{self, Interface};
use crate::node::{DropCause, NodeId};
use crate::record::{SimEvent, show_to_hooks};
use crate::task::JoinHandle;
use crate::time::{self, Time};
use crate::world::{self, World};
use crate::{Error, disk, exec, task};
use ipnet::IpNet;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

fn with<R>(f: impl FnOnce(&mut World) -> Result<R, Error>) -> Result<R, Error> {
    let result = world::try_with(f).unwrap_or(Err(Error::NoSimulation));
    show_to_hooks();
    result
}

fn check_node(world: &World, node: NodeId) -> Result<(), Error> {
    world.node(node).map(drop).ok_or(Error::UnknownNode(node.0))
}

/// Cuts a node's power: its tasks are dropped, its sockets, dynamic routes and unsynced bytes are gone, and nothing
/// leaves on the wire. Harmless when it is off.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn power_off(node: NodeId) -> Result<(), Error> {
    let rubble = with(|world| world.power_off(node))?;
    exec::kill_node(node);
    drop(rubble);
    show_to_hooks();
    Ok(())
}

/// Gives a node power and starts its program. Harmless when it is on.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn power_on(node: NodeId) -> Result<(), Error> {
    let program = with(|world| world.power_on(node))?;
    if let Some(program) = program {
        exec::run_program(node, &*program);
    }
    show_to_hooks();
    Ok(())
}

/// Makes a node stand still, as a hypervisor pauses a virtual machine: no task runs, no timer fires, nothing is
/// acknowledged, answered or forwarded. Links keep their carrier. Up to 256 packets wait, as in a network card's
/// ring; more are dropped ([`DropCause::QueueFull`]). Time passes: see [`resume`]. Harmless when it stands still.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoPower`], [`Error::NoSimulation`].
pub fn pause(node: NodeId) -> Result<(), Error> {
    with(|world| world.pause(node))?;
    exec::pause(node);
    Ok(())
}

/// Lets a paused node go on. All that is overdue happens at once: first, in the order in which it came, what the kernel
/// does (packets, TCP's timers), then the tasks, in the order in which they became ready. Its clocks have gone on.
/// Harmless when it does not stand still.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn resume(node: NodeId) -> Result<(), Error> {
    with(|world| world.resume(node))?;
    exec::resume(node);
    Ok(())
}

/// Whether a node stands still. False for unknown nodes.
pub fn is_paused(node: NodeId) -> bool {
    world::try_with(|world| world.node(node).is_some_and(|node| node.paused.is_some())).unwrap_or(false)
}

/// Makes a node slow: each poll of one of its tasks takes so much of its one CPU, and what the poll does happens when
/// that time is over. Ready tasks queue for it, first come, first served. Zero, the default: polls take no time.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn set_cpu_cost(node: NodeId, per_poll: Duration) -> Result<(), Error> {
    with(|world| check_node(world, node))?;
    exec::set_poll_ns(node, time::nanos(per_poll));
    Ok(())
}

/// Whether a node has power. False for unknown nodes.
pub fn is_powered(node: NodeId) -> bool {
    world::try_with(|world| world.node(node).is_some_and(|node| node.powered)).unwrap_or(false)
}

/// The node of this name.
pub fn node(name: &str) -> Option<NodeId> {
    world::try_with(|world| world.names.get(name).copied()).flatten()
}

/// A node's name.
pub fn node_name(node: NodeId) -> Option<String> {
    world::try_with(|world| world.node(node).map(|node| node.name.to_string())).flatten()
}

/// A node's addresses, the primary ones first of their family.
pub fn addresses(node: NodeId) -> Vec<IpAddr> {
    world::try_with(|world| world.node(node).map(|node| node.addresses.clone())).flatten().unwrap_or_default()
}

/// A node's ports.
pub fn interfaces(node: NodeId) -> Vec<Interface> {
    world::try_with(|world| link::interfaces_of(world, node)).unwrap_or_default()
}

/// The link at a node's port.
pub fn link_at(node: NodeId, port: &str) -> Option<LinkId> {
    let find = |world: &mut World| {
        let ports = &world.node(node)?.ports;
        ports.iter().find(|other| other.name == port).map(|port| port.link)
    };
    world::try_with(find).flatten()
}

/// The link at a node's port, and the direction that leaves through it.
pub fn way_from(node: NodeId, port: &str) -> Option<(LinkId, Direction)> {
    let link = link_at(node, port)?;
    let first = world::try_with(|world| Some(world.link(link)?.ends[0].node)).flatten()?;
    Some((link, if first == node { Direction::AToB } else { Direction::BToA }))
}

/// Switches a port on or off. Carrier follows at both ends.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::UnknownPort`], [`Error::NoSimulation`].
pub fn set_admin_up(node: NodeId, port: &str, up: bool) -> Result<(), Error> {
    with(|world| {
        check_node(world, node)?;
        let entry = &mut world.nodes[node.0 as usize];
        let unknown = Error::UnknownPort { node: entry.name.to_string(), port: port.to_owned() };
        let found = entry.ports.iter_mut().find(|other| other.name == port).ok_or(unknown)?;
        if found.admin_up == up {
            return Ok(());
        }
        found.admin_up = up;
        let link = found.link;
        world.emit_sim(Some(node), &SimEvent::PortAdmin { port: port.to_owned(), up });
        world.nodes[node.0 as usize].link_changes.bump(&mut world.wakes);
        world.refresh_carrier(link);
        Ok(())
    })
}

fn side_of(direction: Direction) -> usize {
    usize::from(direction == Direction::BToA)
}

fn link_mut(world: &mut World, link: LinkId) -> Result<&mut Link, Error> {
    world.links.get_mut(link.0 as usize).ok_or(Error::UnknownLink(link.0))
}

/// Cuts or mends one direction of a link. Cut in one direction it loses packets silently; in both, carrier goes.
///
/// # Errors
/// [`Error::UnknownLink`], [`Error::NoSimulation`].
pub fn set_link_blocked(link: LinkId, direction: Direction, blocked: bool) -> Result<(), Error> {
    with(|world| {
        let side = side_of(direction);
        if link_mut(world, link)?.ways[side].is_blocked() == blocked {
            return Ok(());
        }
        world.interrupt_flights(Change::Link(link));
        let entry = link_mut(world, link)?;
        entry.ways[side].set_blocked(blocked);
        let end = entry.ends[side];
        let port = world.nodes[end.node.0 as usize].ports[usize::from(end.port)].name.clone();
        world.emit_sim(Some(end.node), &SimEvent::LinkBlocked { port, blocked });
        world.refresh_carrier(link);
        Ok(())
    })
}

/// Cuts or mends a link as a whole: both directions, so that carrier goes or comes.
///
/// # Errors
/// [`Error::UnknownLink`], [`Error::NoSimulation`].
pub fn set_link_cut(link: LinkId, cut: bool) -> Result<(), Error> {
    set_link_blocked(link, Direction::AToB, cut)?;
    set_link_blocked(link, Direction::BToA, cut)
}

/// What one direction of a link is like now; none for unknown links.
pub fn link_way(link: LinkId, direction: Direction) -> Option<WaySpec> {
    world::try_with(|world| Some(*world.link(link)?.ways[side_of(direction)].spec())).flatten()
}

/// Makes one direction of a link like this from now on. Packets under way keep their time.
///
/// # Errors
/// [`Error::UnknownLink`], [`Error::NoSimulation`], and those of nonsense: [`Error::BadLatency`],
/// [`Error::BadProbability`], [`Error::BadMtu`], [`Error::NoBandwidth`].
pub fn set_link_way(link: LinkId, direction: Direction, spec: WaySpec) -> Result<(), Error> {
    with(|world| world.set_way(link, side_of(direction), spec))
}

/// Sets the probability that a packet is lost, each by itself, in both directions.
///
/// # Errors
/// As [`set_link_way`].
pub fn set_link_loss(link: LinkId, loss: f64) -> Result<(), Error> {
    change_link(link, |way| way.loss = Loss::Independent(loss))
}

/// Sets how long packets take, in both directions.
///
/// # Errors
/// As [`set_link_way`].
pub fn set_link_latency(link: LinkId, latency: Latency) -> Result<(), Error> {
    change_link(link, |way| way.latency = latency)
}

fn change_link(link: LinkId, change: impl Fn(&mut WaySpec)) -> Result<(), Error> {
    for direction in [Direction::AToB, Direction::BToA] {
        let mut way = link_way(link, direction).ok_or(Error::UnknownLink(link.0))?;
        change(&mut way);
        set_link_way(link, direction, way)?;
    }
    Ok(())
}

/// How a link flaps; see [`flap_link`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flap {
    /// From one loss of light to the next.
    pub period: Duration,
    /// How long it is down each time: less than the period.
    pub down: Duration,
    /// No loss of light at or after this moment.
    pub until: Time,
}

/// Lets a link go down at once, come up again, and so on; in the end it is up. A task of the world does it, on the
/// millisecond grid; aborting it leaves the link as it is.
///
/// # Errors
/// [`Error::UnknownLink`], [`Error::NoSimulation`]; [`Error::BadFlap`] when it would never be up or never be down.
pub fn flap_link(link: LinkId, flap: Flap) -> Result<JoinHandle<()>, Error> {
    const GRID: Duration = Duration::from_millis(1);
    with(|world| link_mut(world, link).map(drop))?;
    if flap.down < GRID || flap.period < flap.down + GRID {
        return Err(Error::BadFlap { down: flap.down, period: flap.period });
    }
    Ok(task::spawn_on(None, "flap", async move {
        let mut next = Time::now();
        while next < flap.until {
            // The link was there before, and links do not go away.
            let _known = set_link_cut(link, true);
            time::sleep_until(next + flap.down).await;
            let _known = set_link_cut(link, false);
            next += flap.period;
            time::sleep_until(next).await;
        }
    }))
}

/// Watches a node or a link from now on: a pcapng file of at most `bytes_max` bytes and the little that describes its
/// interfaces. When it is full it takes no more packets and only counts them.
///
/// ```no_run
/// # use blackstart_sim::{capture::CaptureAt, control, NodeId};
/// let capture = control::capture(CaptureAt::Node(NodeId(0)), 1 << 20)?;
/// // ... run ...
/// std::fs::write("host.pcapng", capture.finish()?.pcapng)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::UnknownLink`], [`Error::NoSimulation`].
pub fn capture(at: CaptureAt, bytes_max: usize) -> Result<Capture, Error> {
    with(|world| Ok(Capture { run: world.run, number: world.begin_capture(at, bytes_max)? }))
}

/// Whether there is light on a link. False for unknown links.
pub fn has_carrier(link: LinkId) -> bool {
    world::try_with(|world| world.link(link).is_some_and(|link| link.carrier)).unwrap_or(false)
}

/// Installs a route on any node; see [`fib::install`](crate::fib::install).
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn install_route(
    node: NodeId,
    protocol: Protocol,
    prefix: IpNet,
    target: Target,
    metric: u32,
) -> Result<(), Error> {
    with(|world| {
        check_node(world, node)?;
        world.install_route(node, protocol, prefix, target, metric);
        Ok(())
    })
}

/// Removes a route from any node; see [`fib::remove`](crate::fib::remove).
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn remove_route(node: NodeId, protocol: Protocol, prefix: IpNet) -> Result<(), Error> {
    with(|world| {
        check_node(world, node)?;
        world.remove_route(node, protocol, prefix);
        Ok(())
    })
}

/// The route of a node to an address; see [`fib::lookup`](crate::fib::lookup).
pub fn lookup_route(node: NodeId, address: IpAddr) -> Option<Resolution> {
    world::try_with(|world| world.node(node)?.fib.lookup(address)).flatten()
}

fn with_clock<R>(node: NodeId, f: impl FnOnce(&mut Clock, u64) -> Result<R, Error>) -> Result<R, Error> {
    with(|world| {
        let now = world.now;
        f(&mut world.node_mut(node).ok_or(Error::UnknownNode(node.0))?.clock, now)
    })
}

/// The nodes to which a node sends packets for an address, in the order of its ports: none when it keeps or drops them.
pub fn next_nodes(node: NodeId, to: IpAddr) -> Vec<NodeId> {
    let find = |world: &mut World| {
        let entry = world.node_mut(node)?;
        let exit = entry.exit(to);
        let ports = entry.fib.ports(&exit).iter();
        Some(ports.map(|port| entry.ports[usize::from(*port)].neighbour).collect())
    };
    world::try_with(find).flatten().unwrap_or_default()
}

/// All that these protocols have installed on a node.
pub fn routes(node: NodeId, protocols: &[Protocol]) -> Vec<(Protocol, IpNet, Target)> {
    let find = |world: &mut World| Some(world.node(node)?.fib.installed(protocols));
    world::try_with(find).flatten().unwrap_or_default()
}

/// What would be read from a file on a node's disk: what was not synced yet is in it.
pub fn file(node: NodeId, path: &str) -> Option<Vec<u8>> {
    world::try_with(|world| world.node(node)?.disk.content(path).map(<[u8]>::to_vec)).flatten()
}

/// Packets that reached the far end of a link without light. Always 0, unless the engine errs.
pub fn deliveries_in_the_dark() -> u64 {
    world::try_with(|world| world.air.in_the_dark()).unwrap_or_default()
}

/// Sets a node's wall clock to true time plus so many nanoseconds, at once. Timers, and the times of records, are
/// true on every node.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn set_clock_offset(node: NodeId, offset_ns: i64) -> Result<(), Error> {
    with_clock(node, |clock, now| {
        clock.set(now, offset_ns);
        Ok(())
    })
}

/// Makes a node's wall clock jump by so many nanoseconds from what it shows (a step, as `settimeofday` does).
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn step_clock(node: NodeId, by_ns: i64) -> Result<(), Error> {
    with_clock(node, |clock, now| {
        clock.step(now, by_ns);
        Ok(())
    })
}

/// Moves a node's wall clock by so many nanoseconds without a jump: it runs 500 ppm faster or slower until that is
/// done, as adjtime(3) has it on Linux. Takes the place of a slew that is not over.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn slew_clock(node: NodeId, by_ns: i64) -> Result<(), Error> {
    with_clock(node, |clock, now| {
        clock.slew(now, by_ns);
        Ok(())
    })
}

/// Makes a node's wall clock gain so many microseconds a second from now on; negative: lose. It does not jump.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::BadDrift`], [`Error::NoSimulation`].
pub fn set_clock_drift(node: NodeId, ppm: f64) -> Result<(), Error> {
    with_clock(node, |clock, now| clock.set_drift(now, ppm).then_some(()).ok_or(Error::BadDrift(ppm)))
}

/// Makes a node's disk fail from now on, or be sound again (the default); see [`disk::Faults`].
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::BadProbability`], [`Error::NoSimulation`].
pub fn set_disk_faults(node: NodeId, faults: disk::Faults) -> Result<(), Error> {
    with(|world| {
        faults.check()?;
        world.node_mut(node).ok_or(Error::UnknownNode(node.0))?.disk.faults = faults;
        Ok(())
    })
}

/// Flips one bit on a node's disk, drawn from all that is on it, or from one file. Gives the file and the byte; none
/// when there is nothing to rot. Bytes that were not synced are in memory, and do not.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoSimulation`].
pub fn rot_disk(node: NodeId, path: Option<&str>) -> Result<Option<(String, usize)>, Error> {
    with(|world| Ok(world.node_mut(node).ok_or(Error::UnknownNode(node.0))?.disk.rot(path)))
}

/// What a node's clock shows, as time since 1970.
pub fn unix_now(node: NodeId) -> Duration {
    world::try_with(|world| world.unix_now(Some(node))).unwrap_or_default()
}

/// Crashes a service, as `kill -9` does: drops its tasks. Its sockets close as those of a killed process do: the
/// peers see FIN, or RST where data was left unread, and the ports are free again. What it wrote to the disk is
/// there, synced or not. False when it did not run.
pub fn kill_service(node: NodeId, service: &str) -> bool {
    let killed = exec::is_running(node, service);
    if killed {
        exec::kill_service(node, service);
        let event = SimEvent::ServiceKilled { service: service.to_owned() };
        world::try_with(|world| world.emit_sim(Some(node), &event));
    }
    show_to_hooks();
    killed
}

/// Starts a service afresh, whether it runs or was killed: runs the node's program once more, where every
/// [`task::spawn`] of another name is refused (the future is dropped, its handle says cancelled). So a program
/// should do nothing but spawn: what else it does is done again.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::NoPower`], [`Error::UnknownService`], [`Error::NoSimulation`].
pub fn restart_service(node: NodeId, service: &str) -> Result<(), Error> {
    let program = with(|world| world.program(node))?;
    if !program.is_some_and(|program| exec::restart_service(node, service, &*program)) {
        let node = node_name(node).unwrap_or_default();
        return Err(Error::UnknownService { node, service: service.to_owned() });
    }
    with(|world| {
        world.emit_sim(Some(node), &SimEvent::ServiceRestarted { service: service.to_owned() });
        Ok(())
    })
}

/// Makes a service ail from now on, or be sound again (the default); see [`ailment`](crate::ailment). It outlives restarts of the
/// service and of the node.
///
/// # Errors
/// [`Error::UnknownNode`], [`Error::BadProbability`], [`Error::NoSimulation`].
pub fn set_ailment(node: NodeId, service: &str, ailment: Ailment) -> Result<(), Error> {
    with(|world| {
        let seed = world.config.seed;
        let name = world.node(node).ok_or(Error::UnknownNode(node.0))?.name.to_string();
        if !(0.0..=1.0).contains(&ailment.fails) {
            return Err(Error::BadProbability { what: "a failing answer", value: ailment.fails });
        }
        let key = (node, service.to_owned());
        match ailment == Ailment::default() {
            true => drop(world.ailing.remove(&key)),
            false => {
                let fresh = || Ailing::new(seed, &name, service, ailment);
                world.ailing.entry(key).or_insert_with(fresh).ailment = ailment;
            }
        }
        Ok(())
    })
}

/// Whether a service has a task on a node.
pub fn is_running(node: NodeId, service: &str) -> bool {
    exec::is_running(node, service)
}

/// Starts a service on a node from outside, as its program would.
pub fn spawn_on<F>(node: NodeId, service: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    task::spawn_on(Some(node), service, future)
}

/// How many packets a node dropped for this reason.
pub fn drops_at(node: NodeId, cause: DropCause) -> u64 {
    world::try_with(|world| world.node(node).map_or(0, |node| node.drops(cause))).unwrap_or(0)
}

/// How many packets were dropped for this reason anywhere.
pub fn drops(cause: DropCause) -> u64 {
    world::try_with(|world| world.nodes.iter().map(|node| node.drops(cause)).sum()).unwrap_or(0)
}

/// How many sockets a node has: listening, connected (also those whose owner has gone), and for datagrams.
pub fn socket_count(node: NodeId) -> usize {
    let count = |world: &mut World| {
        let stack = &world.node(node)?.stack;
        Some(stack.tcp.count() + stack.listeners.count() + stack.udp.count())
    };
    world::try_with(count).flatten().unwrap_or(0)
}
