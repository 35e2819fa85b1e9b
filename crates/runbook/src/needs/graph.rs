//! Nodes, how each is met, and the least fixed point over them.

use super::Witness;
use blackstart_rt::{Map, Set};

/// A node of a [`Graph`].
pub type Id = usize;

/// How a node is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// It is there.
    Given,
    /// It is gone for good, and why.
    Lost(String),
    /// Nothing models it, so nobody can say.
    Unmodelled,
    /// By all of these; by none of them, too, when there are none.
    All(Vec<Id>),
    /// By any of these.
    Any(Vec<Id>),
}

/// What may be needed and how it is met. A node that was named and never explained counts as [`Met::Unmodelled`].
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    by_name: Map<String, Id>,
}

#[derive(Clone, Debug)]
struct Node {
    /// `None` for a node that only joins others.
    name: Option<String>,
    /// Which step of the runbook it is, if it is one.
    step: Option<usize>,
    met: Met,
}

/// What came of a goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It can be had.
    Reached,
    /// It can be had if all of these can, of which nothing is known; without any one of them it cannot.
    Inconclusive(Vec<Id>),
    /// It can never be had.
    Deadlocked(Witness),
}

impl Graph {
    /// The node with this name, and whether it is new and still to be [explained](Self::explain).
    pub fn named(&mut self, name: impl Into<String>) -> (Id, bool) {
        let name = name.into();
        if let Some(&known) = self.by_name.get(&name) {
            return (known, false);
        }
        let id = self.add(Some(name.clone()), Met::Unmodelled);
        self.by_name.insert(name, id);
        (id, true)
    }

    /// The node of the n-th step, still to be explained. A step may have several, as for being begun and being done.
    pub fn step(&mut self, name: impl Into<String>, n: usize) -> Id {
        let id = self.add(Some(name.into()), Met::Unmodelled);
        self.nodes[id].step = Some(n);
        id
    }

    /// A node without a name.
    pub fn joint(&mut self, met: Met) -> Id {
        self.add(None, met)
    }

    /// A node with this name that is met like this. What was said of it first holds.
    pub fn fact(&mut self, name: impl Into<String>, met: Met) -> Id {
        let (id, fresh) = self.named(name);
        if fresh {
            self.explain(id, met);
        }
        id
    }

    /// Says how a node is met.
    pub fn explain(&mut self, id: Id, met: Met) {
        self.nodes[id].met = met;
    }

    /// A node's name; empty for one without.
    #[must_use]
    pub fn name(&self, id: Id) -> &str {
        self.nodes[id].name.as_deref().unwrap_or_default()
    }

    /// Which step a node is, if it is one.
    #[must_use]
    pub fn step_of(&self, id: Id) -> Option<usize> {
        self.nodes[id].step
    }

    /// How a node is met.
    #[must_use]
    pub fn met(&self, id: Id) -> &Met {
        &self.nodes[id].met
    }

    /// How many nodes there are; ids count from 0.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes of the least fixed point, when these are there whatever they need.
    #[must_use]
    pub fn reached(&self, assumed: &Set<Id>) -> Set<Id> {
        let mut reached = Set::new();
        loop {
            let before = reached.len();
            for id in 0..self.nodes.len() {
                if self.holds(id, &reached, assumed) {
                    reached.insert(id);
                }
            }
            if reached.len() == before {
                return reached;
            }
        }
    }

    /// Judges a goal: what nobody models is neither there nor gone.
    #[must_use]
    pub fn judge(&self, goal: Id) -> Judgement {
        if self.reached(&Set::new()).contains(&goal) {
            return Judgement::Reached;
        }
        let unmodelled = self.unmodelled();
        let at_best = self.reached(&unmodelled);
        if at_best.contains(&goal) {
            return Judgement::Inconclusive(self.needed(goal, unmodelled).into_iter().collect());
        }
        Judgement::Deadlocked(Witness::new(self, goal, &at_best))
    }

    /// What nobody models.
    #[must_use]
    pub fn unmodelled(&self) -> Set<Id> {
        (0..self.nodes.len()).filter(|&id| self.nodes[id].met == Met::Unmodelled).collect()
    }

    /// A smallest part of `assumed` with which the goal is still reached.
    fn needed(&self, goal: Id, mut assumed: Set<Id>) -> Set<Id> {
        for id in assumed.clone() {
            assumed.remove(&id);
            if !self.reached(&assumed).contains(&goal) {
                assumed.insert(id);
            }
        }
        assumed
    }

    fn holds(&self, id: Id, reached: &Set<Id>, assumed: &Set<Id>) -> bool {
        if assumed.contains(&id) {
            return true;
        }
        match &self.nodes[id].met {
            Met::Given => true,
            Met::Lost(_) | Met::Unmodelled => false,
            Met::All(parts) => parts.iter().all(|part| reached.contains(part)),
            Met::Any(ways) => ways.iter().any(|way| reached.contains(way)),
        }
    }

    fn add(&mut self, name: Option<String>, met: Met) -> Id {
        self.nodes.push(Node { name, step: None, met });
        self.nodes.len() - 1
    }
}
