//! A minimal set of nodes that can never be met: each of them needs another of them, whichever way it is tried.

use super::graph::{Graph, Id, Met};
use blackstart_rt::Set;

/// Why a goal can never be met. No node can be left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    goal: Id,
    nodes: Set<Id>,
}

impl Witness {
    /// `reached` is the fixed point at best: what is outside of it can never be met.
    pub(super) fn new(graph: &Graph, goal: Id, reached: &Set<Id>) -> Self {
        let mut nodes: Set<Id> = (0..graph.len()).filter(|id| !reached.contains(id)).collect();
        // From the far end: what stays is near the goal, so chains are short.
        for id in far_first(graph, goal, &nodes) {
            let mut without = nodes.clone();
            without.remove(&id);
            let stuck = stuck(graph, without);
            if stuck.contains(&goal) {
                nodes = stuck;
            }
        }
        let nodes = near_first(graph, goal, &nodes).into_iter().collect();
        Self { goal, nodes }
    }

    /// What cannot be met.
    #[must_use]
    pub fn goal(&self) -> Id {
        self.goal
    }

    /// All nodes that stop each other, the goal among them.
    #[must_use]
    pub fn nodes(&self) -> &Set<Id> {
        &self.nodes
    }

    /// The witness in words, from the goal on: one line for each alternative, indented below what it is an alternative for.
    #[must_use]
    pub fn lines(&self, graph: &Graph) -> Vec<String> {
        let mut tale = Tale { graph, nodes: &self.nodes, told: Set::new(), lines: vec![String::new()] };
        tale.tell(self.goal, 0);
        tale.lines
    }
}

/// The largest part of `nodes` in which every node is stopped by others of it or by itself.
fn stuck(graph: &Graph, mut nodes: Set<Id>) -> Set<Id> {
    loop {
        let free: Vec<Id> = nodes.iter().copied().filter(|&id| !is_stopped(graph, id, &nodes)).collect();
        if free.is_empty() {
            return nodes;
        }
        nodes.retain(|id| !free.contains(id));
    }
}

fn is_stopped(graph: &Graph, id: Id, by: &Set<Id>) -> bool {
    match graph.met(id) {
        Met::Given | Met::Unmodelled => false,
        Met::Lost(_) => true,
        Met::All(parts) => parts.iter().any(|part| by.contains(part)),
        Met::Any(ways) => ways.iter().all(|way| by.contains(way)),
    }
}

/// The nodes that hang on the goal, in the order of their distance.
fn near_first(graph: &Graph, goal: Id, nodes: &Set<Id>) -> Vec<Id> {
    let (mut order, mut next) = (vec![goal], 0);
    while let Some(&id) = order.get(next) {
        next += 1;
        for needed in needs(graph, id) {
            if nodes.contains(needed) && !order.contains(needed) {
                order.push(*needed);
            }
        }
    }
    order
}

fn far_first(graph: &Graph, goal: Id, nodes: &Set<Id>) -> Vec<Id> {
    let mut order = near_first(graph, goal, nodes);
    order.remove(0);
    order.reverse();
    order
}

fn needs(graph: &Graph, id: Id) -> &[Id] {
    match graph.met(id) {
        Met::All(needs) | Met::Any(needs) => needs,
        _ => &[],
    }
}

/// A witness being told.
struct Tale<'a> {
    graph: &'a Graph,
    nodes: &'a Set<Id>,
    told: Set<Id>,
    lines: Vec<String>,
}

impl Tale<'_> {
    /// Goes on with the present line until there are several ways; each of them gets a line of its own.
    fn tell(&mut self, id: Id, depth: usize) {
        if let Some(before) = self.step_before(id) {
            return self.say(&format!(
                "{}, which comes after {}",
                self.graph.name(id),
                self.graph.name(before)
            ));
        }
        let again = !self.told.insert(id);
        self.say(self.graph.name(id));
        if again {
            return;
        }
        if let Met::Lost(why) = self.graph.met(id) {
            return self.say(why);
        }
        match self.inside(id)[..] {
            [only] => self.tell(only, depth),
            ref ways => {
                for way in ways {
                    self.lines.push("  ".repeat(depth + 1));
                    self.tell(*way, depth + 1);
                }
            }
        }
    }

    /// An earlier step already told of, when `id` is a step that could be done if only that one were.
    fn step_before(&self, id: Id) -> Option<Id> {
        let n = self.graph.step_of(id)?;
        let is_earlier = |before: &Id| self.graph.step_of(*before).is_some_and(|other| other < n);
        self.told.iter().copied().filter(is_earlier).find(|&before| {
            let mut assumed = self.graph.unmodelled();
            assumed.insert(before);
            self.graph.reached(&assumed).contains(&id)
        })
    }

    /// What of the witness a node needs.
    fn inside(&self, id: Id) -> Vec<Id> {
        needs(self.graph, id).iter().copied().filter(|need| self.nodes.contains(need)).collect()
    }

    fn say(&mut self, word: &str) {
        // The nodes of one step follow each other and have one name.
        let Some(line) = self.lines.last_mut().filter(|line| !line.ends_with(word)) else { return };
        if !line.trim().is_empty() {
            *line += " < ";
        }
        *line += word;
    }
}
