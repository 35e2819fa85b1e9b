//! When a ready task may be polled: at once, unless its host is slow or stands still.
//!
//! A slow host has one CPU on which each poll of a task takes the same time. Ready tasks queue for it in the order in
//! which they became ready; a poll, and all that it does, happens when its time has been spent. What the kernel does
//! (acknowledging, forwarding, answering echo requests) costs nothing. Only hosts that are not as usual are known
//! here, so that others pay nothing.

use crate::Map;
use crate::exec::TaskId;
use crate::node::NodeId;

/// What is to be done with a ready task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Poll it.
    Now,
    /// Ask again at that time, when its CPU time is spent.
    At(u64),
    /// Nothing: it is handed out when its host resumes.
    Held,
}

#[derive(Default)]
struct Cpu {
    /// What a poll takes.
    poll_ns: u64,
    /// When all that was asked for so far is done.
    free_at: u64,
    paused: bool,
    /// Tasks that became ready while the host stood still, in that order.
    held: Vec<TaskId>,
}

/// The hosts that are slow or stand still.
#[derive(Default)]
pub(crate) struct Cpus(Map<NodeId, Cpu>);

impl Cpus {
    /// Whose turn it is. `served` tells whether the CPU time of this poll has been spent.
    pub(crate) fn turn(&mut self, node: NodeId, id: TaskId, now: u64, served: bool) -> Turn {
        let Some(cpu) = self.0.get_mut(&node) else { return Turn::Now };
        if cpu.paused {
            cpu.held.push(id);
            return Turn::Held;
        }
        if served || cpu.poll_ns == 0 {
            return Turn::Now;
        }
        cpu.free_at = cpu.free_at.max(now).saturating_add(cpu.poll_ns);
        Turn::At(cpu.free_at)
    }

    pub(crate) fn is_usual(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn set_poll_ns(&mut self, node: NodeId, poll_ns: u64) {
        self.0.entry(node).or_default().poll_ns = poll_ns;
        self.forget_usual(node);
    }

    pub(crate) fn pause(&mut self, node: NodeId) {
        self.0.entry(node).or_default().paused = true;
    }

    /// The tasks to be polled now, in order.
    pub(crate) fn resume(&mut self, node: NodeId) -> Vec<TaskId> {
        let Some(cpu) = self.0.get_mut(&node) else { return Vec::new() };
        cpu.paused = false;
        let held = std::mem::take(&mut cpu.held);
        self.forget_usual(node);
        held
    }

    /// The machine lost its power: nothing waits any more, and it does not stand still when it comes back.
    pub(crate) fn reset(&mut self, node: NodeId) {
        self.resume(node);
        if let Some(cpu) = self.0.get_mut(&node) {
            cpu.free_at = 0;
        }
    }

    fn forget_usual(&mut self, node: NodeId) {
        if self.0.get(&node).is_some_and(|cpu| cpu.poll_ns == 0 && !cpu.paused) {
            self.0.remove(&node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: NodeId = NodeId(1);

    fn task(slot: u32) -> TaskId {
        TaskId { slot, generation: 0 }
    }

    #[test]
    fn tasks_queue_for_a_slow_cpu() {
        let mut cpus = Cpus::default();
        cpus.set_poll_ns(SLOW, 10);
        assert_eq!(cpus.turn(NodeId(2), task(0), 100, false), Turn::Now);
        assert_eq!(cpus.turn(SLOW, task(1), 100, false), Turn::At(110));
        assert_eq!(cpus.turn(SLOW, task(2), 105, false), Turn::At(120));
        assert_eq!(cpus.turn(SLOW, task(1), 110, true), Turn::Now);
        assert_eq!(cpus.turn(SLOW, task(1), 500, false), Turn::At(510), "an idle CPU saves nothing up");
        cpus.set_poll_ns(SLOW, 0);
        assert!(cpus.is_usual());
    }

    #[test]
    fn a_paused_host_holds_its_tasks_in_order() {
        let mut cpus = Cpus::default();
        cpus.pause(SLOW);
        assert_eq!(cpus.turn(SLOW, task(3), 1, false), Turn::Held);
        assert_eq!(cpus.turn(SLOW, task(1), 2, true), Turn::Held);
        assert_eq!(cpus.resume(SLOW), [task(3), task(1)]);
        assert!(cpus.is_usual() && cpus.resume(SLOW).is_empty());
    }
}
