//! Which machine is next to which over which link, and the shortest way between two. What is up is for others to say.

use blackstart_rt::Map;
use std::collections::VecDeque;

/// A link by its ends.
pub(super) type Ends<'a> = (&'a str, &'a str);

/// A link's place among all.
pub(super) type Link = usize;

/// Machines and links, as they are wired.
#[derive(Debug)]
pub(super) struct Wires<'a> {
    links: Vec<Ends<'a>>,
    machines: Vec<Machine<'a>>,
    by_name: Map<&'a str, usize>,
}

#[derive(Debug)]
struct Machine<'a> {
    name: &'a str,
    is_router: bool,
    /// Links and what is at their other end, in the order of the links.
    next: Vec<(Link, usize)>,
}

impl<'a> Wires<'a> {
    pub(super) fn new(links: Vec<Ends<'a>>, is_router: impl Fn(&str) -> bool) -> Self {
        let mut wires = Self { links: Vec::new(), machines: Vec::new(), by_name: Map::new() };
        for (link, (a, b)) in links.iter().enumerate() {
            let [a, b] = [a, b].map(|end| wires.number(end, &is_router));
            wires.machines[a].next.push((link, b));
            wires.machines[b].next.push((link, a));
        }
        wires.links = links;
        wires
    }

    fn number(&mut self, name: &'a str, is_router: impl Fn(&str) -> bool) -> usize {
        *self.by_name.entry(name).or_insert_with(|| {
            self.machines.push(Machine { name, is_router: is_router(name), next: Vec::new() });
            self.machines.len() - 1
        })
    }

    pub(super) fn links(&self) -> impl Iterator<Item = (Link, Ends<'a>)> {
        self.links.iter().copied().enumerate()
    }

    pub(super) fn ends(&self, link: Link) -> Ends<'a> {
        self.links[link]
    }

    /// The links of a shortest way over open links and lit machines; routers forward, hosts do not.
    pub(super) fn way(
        &self,
        from: &str,
        to: &str,
        open: &dyn Fn(Link) -> bool,
        lit: &dyn Fn(&str) -> bool,
    ) -> Option<Vec<Link>> {
        if !lit(from) || !lit(to) {
            return None;
        }
        if from == to {
            return Some(Vec::new());
        }
        let (from, to) = (*self.by_name.get(from)?, *self.by_name.get(to)?);
        let mut came: Vec<Option<(Link, usize)>> = vec![None; self.machines.len()];
        let mut next = VecDeque::from([from]);
        while let Some(at) = next.pop_front() {
            if at == to {
                return Some(self.back(from, to, &came));
            }
            if at != from && !self.machines[at].is_router {
                continue;
            }
            for (link, other) in &self.machines[at].next {
                let is_new = *other != from && came[*other].is_none();
                if is_new && open(*link) && lit(self.machines[*other].name) {
                    came[*other] = Some((*link, at));
                    next.push_back(*other);
                }
            }
        }
        None
    }

    /// The way there, from where each machine was first come to.
    fn back(&self, from: usize, to: usize, came: &[Option<(Link, usize)>]) -> Vec<Link> {
        let mut way = Vec::new();
        let mut at = to;
        while let (true, Some((link, before))) = (at != from, came[at]) {
            way.push(link);
            at = before;
        }
        way.reverse();
        way
    }
}
