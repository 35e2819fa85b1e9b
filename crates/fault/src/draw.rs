//! Schedules drawn from what a world has and a budget: random numbers in, faults out.
//!
//! - [`Budget`]: what a run may break
//! - [`Arsenal`]: what may be broken in a world, by family; draws and changes schedules

use crate::kind::Kind;
use crate::primitive::Family;
use crate::schedule::Fault;
use crate::target::Targets;
use blackstart_rt::{Map, Set};
use blackstart_sim::draw::Stream;
use std::time::Duration;

/// The shortest that a drawn fault lasts.
const SHORTEST: Duration = Duration::from_secs(10);
/// Share of drawn faults that are there before the run begins, and that nobody has noticed yet.
const LATENT: f64 = 0.25;
/// Share of drawn faults that nothing undoes.
const FOR_GOOD: f64 = 0.25;
/// Most times that a drawn fault is made milder than usual.
const MILDER_MAX: u64 = 2;
/// Share of families that a run of a swarm has.
const SWARM: f64 = 0.5;

/// What a run may break.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// The most faults of one run; at least one is drawn.
    pub faults_max: usize,
    /// The length of a run: faults begin within it.
    pub length: Duration,
    /// Families that are left alone.
    pub spared: Set<Family>,
}

/// What may be broken in a world.
#[derive(Clone, Debug)]
pub struct Arsenal {
    by_family: Map<Family, Map<&'static str, Vec<Kind>>>,
}

impl Arsenal {
    /// Everything that can be broken.
    #[must_use]
    pub fn new(targets: &Targets) -> Self {
        let mut by_family: Map<Family, Map<&'static str, Vec<Kind>>> = Map::new();
        for kind in targets.breakable() {
            let primitive = kind.primitive();
            by_family.entry(primitive.family).or_default().entry(primitive.name).or_default().push(kind);
        }
        Self { by_family }
    }

    /// Families that something can be drawn from.
    pub fn families(&self) -> impl Iterator<Item = Family> {
        self.by_family.keys().copied()
    }

    /// Families that a run of a swarm leaves alone: a random half; never all.
    #[must_use]
    pub fn spared(&self, stream: &mut Stream) -> Set<Family> {
        let mut spared: Set<Family> = self.families().filter(|_| stream.chance(SWARM)).collect();
        if spared.len() == self.by_family.len() {
            let kept = self.families().nth(stream.below(spared.len() as u64) as usize);
            kept.map(|kept| spared.remove(&kept));
        }
        spared
    }

    /// A schedule within the budget, in the order of its beginnings. Each family is as likely as another, however many things
    /// it has; nothing is drawn when every family is spared.
    #[must_use]
    pub fn draw(&self, budget: &Budget, stream: &mut Stream) -> Vec<Fault> {
        let count = 1 + stream.below(budget.faults_max.max(1) as u64);
        let drawn = (0..count).filter_map(|_| self.fault(budget, stream));
        in_order(drawn.collect())
    }

    /// The schedule with one thing changed: a fault more, a fault less, another fault in the place of one, or another time.
    #[must_use]
    pub fn change(&self, schedule: &[Fault], budget: &Budget, stream: &mut Stream) -> Vec<Fault> {
        let mut changed = schedule.to_vec();
        let place = stream.below(changed.len() as u64) as usize;
        let fresh = self.fault(budget, stream);
        match stream.below(4) {
            0 if changed.len() > 1 => drop(changed.remove(place)),
            1 if !changed.is_empty() => changed.splice(place..=place, fresh).for_each(drop),
            2 if !changed.is_empty() => {
                let (begins, lasts) = moment(budget, stream);
                changed[place] = Fault::at(begins, lasts, changed[place].kind.clone());
            }
            _ if changed.len() < budget.faults_max => changed.extend(fresh),
            _ => changed.splice(place..=place, fresh).for_each(drop),
        }
        in_order(changed)
    }

    fn fault(&self, budget: &Budget, stream: &mut Stream) -> Option<Fault> {
        let families: Vec<&Family> =
            self.by_family.keys().filter(|family| !budget.spared.contains(family)).collect();
        let family = *one_of(&families, stream)?;
        let primitives: Vec<&Vec<Kind>> = self.by_family.get(family)?.values().collect();
        let mut kind = one_of(one_of(&primitives, stream)?, stream)?.clone();
        for _ in 0..stream.below(MILDER_MAX + 1) {
            kind = kind.weaker().unwrap_or(kind);
        }
        let (begins, lasts) = moment(budget, stream);
        Some(Fault::at(begins, lasts, kind))
    }
}

fn one_of<'a, T>(items: &'a [T], stream: &mut Stream) -> Option<&'a T> {
    items.get(stream.below(items.len() as u64) as usize)
}

/// When a fault begins, at the start or anywhere in the run, and how long it lasts: each order of magnitude is as likely.
fn moment(budget: &Budget, stream: &mut Stream) -> (Duration, Option<Duration>) {
    let latest = if stream.chance(LATENT) { 1 } else { budget.length.as_secs().max(1) };
    let begins = Duration::from_secs(stream.below(latest));
    let lasts = if stream.chance(FOR_GOOD) { None } else { Some(length(budget.length, stream)) };
    (begins, lasts)
}

fn length(longest: Duration, stream: &mut Stream) -> Duration {
    let orders = libm::log2(longest.as_secs_f64() / SHORTEST.as_secs_f64()).max(0.0);
    let length = SHORTEST.as_secs_f64() * libm::exp2(orders * stream.unit());
    Duration::from_secs(length as u64)
}

fn in_order(mut schedule: Vec<Fault>) -> Vec<Fault> {
    schedule.sort_by_key(Fault::begins_at);
    schedule
}
