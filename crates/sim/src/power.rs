//! Losing power and booting, as the world sees it. Dropping the tasks and running the program is up to the caller.

use crate::air::Change;
use crate::fib::Protocol;
use crate::node::NodeId;
use crate::record::SimEvent;
use crate::stack::Stack;
use crate::watch::Changes;
use crate::world::World;
use crate::{Error, fabric::LinkId};
use std::rc::Rc;

/// What a loss of power leaves to be dropped outside the world.
pub(crate) struct Rubble {
    _stack: Stack,
    _watchers: [Changes; 2],
}

type Program = Rc<dyn Fn()>;

impl World {
    /// Nothing when the node was off.
    pub(crate) fn power_off(&mut self, id: NodeId) -> Result<Option<Rubble>, Error> {
        let node = self.node(id).ok_or(Error::UnknownNode(id.0))?;
        if !node.powered {
            return Ok(None);
        }
        let epoch = node.epoch.wrapping_add(1);
        let fresh = self.new_stack(node.salt, epoch);
        let node = &mut self.nodes[id.0 as usize];
        node.powered = false;
        node.paused = None;
        node.booted = false;
        node.epoch = epoch;
        node.disk.lose_power();
        node.fib.clear(|protocol| !matches!(protocol, Protocol::Connected | Protocol::Static));
        node.fib.flush();
        let watchers = [std::mem::take(&mut node.fib_changes), std::mem::take(&mut node.link_changes)];
        let stack = std::mem::replace(&mut node.stack, fresh);
        self.interrupt_flights(Change::Forwarding(id));
        self.emit_sim(Some(id), &SimEvent::PowerOff);
        self.refresh_carriers(id);
        Ok(Some(Rubble { _stack: stack, _watchers: watchers }))
    }

    /// The program to run, if the node was off and has one.
    pub(crate) fn power_on(&mut self, id: NodeId) -> Result<Option<Program>, Error> {
        let node = self.node_mut(id).ok_or(Error::UnknownNode(id.0))?;
        if node.powered {
            return Ok(None);
        }
        node.powered = true;
        node.booted = true;
        let program = node.program.clone();
        self.emit_sim(Some(id), &SimEvent::PowerOn);
        self.refresh_carriers(id);
        Ok(program)
    }

    /// What the node ran when it booted, if it has and there is anything.
    pub(crate) fn program(&self, id: NodeId) -> Result<Option<Program>, Error> {
        let node = self.node(id).ok_or(Error::UnknownNode(id.0))?;
        match node.powered {
            true => Ok(node.program.clone().filter(|_| node.booted)),
            false => Err(Error::NoPower(node.name.to_string())),
        }
    }

    /// The next powered node that has not run its program yet.
    pub(crate) fn next_boot(&mut self) -> Option<(NodeId, Program)> {
        let waiting =
            self.nodes.iter().position(|node| node.powered && !node.booted && node.program.is_some())?;
        let node = &mut self.nodes[waiting];
        node.booted = true;
        Some((NodeId(waiting as u32), node.program.clone()?))
    }

    fn refresh_carriers(&mut self, id: NodeId) {
        let links: Vec<LinkId> = self.nodes[id.0 as usize].ports.iter().map(|port| port.link).collect();
        for link in links {
            self.refresh_carrier(link);
        }
    }
}
