//! Services that run and answer, but not as they should.
//!
//! A fault gives a service an ailment; the service's shell asks for it at the one place where it answers. What an ailing
//! service says is its own affair: here is only how it ails.

use crate::draw::{self, Stream};
use crate::exec;
use crate::node::NodeId;
use crate::world;
use std::time::Duration;

/// How a service ails; the default is a sound one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ailment {
    /// How much later than it could it answers.
    pub slow: Duration,
    /// The share of its answers that are errors, from 0 to 1.
    pub fails: f64,
    /// What all its other answers are instead of right.
    pub instead: Option<Instead>,
}

/// What comes instead of the right answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// An error, in the service's own words.
    Fail,
    /// No, to everybody.
    Deny,
    /// Something that is not so.
    Lie,
    /// Nothing, while the connection stays.
    Silence,
    /// What was right some time ago.
    Stale,
}

/// An ailing service of a node, and how many of its answers were drawn.
#[derive(Debug)]
pub(crate) struct Ailing {
    pub(crate) ailment: Ailment,
    key: u64,
    drawn: u64,
}

impl Ailing {
    pub(crate) fn new(seed: u64, node: &str, service: &str, ailment: Ailment) -> Self {
        Self { ailment, key: draw::key(seed, &format!("ailing/{service}@{node}")), drawn: 0 }
    }

    /// How late the next answer comes, and what it is instead of right.
    fn next(&mut self) -> (Duration, Option<Instead>) {
        let Ailment { slow, fails, instead } = self.ailment;
        self.drawn += u64::from(fails > 0.0);
        let fail = fails > 0.0 && Stream::at(self.key, self.drawn - 1).chance(fails);
        (slow, if fail { Some(Instead::Fail) } else { instead })
    }
}

/// For the service whose task asks: how late it is to answer, and what instead of right. None when it is sound.
pub fn next_answer() -> Option<(Duration, Option<Instead>)> {
    let owner = exec::current_owner()?;
    let (node, service) = (owner.node?, owner.service?);
    let is_ailing = |world: &mut world::World| !world.ailing.is_empty();
    if !world::try_with(is_ailing)? {
        return None;
    }
    let service = exec::service_name(service)?.to_string();
    world::try_with(|world| world.ailing.get_mut(&(node, service)).map(Ailing::next)).flatten()
}

/// Whether a fault lies on the service whose task asks.
pub fn is_ailing() -> bool {
    let ailing = |owner: exec::Owner| {
        let service = exec::service_name(owner.service?)?.to_string();
        world::try_with(|world| world.ailing.contains_key(&(owner.node?, service)).then_some(())).flatten()
    };
    let any = world::try_with(|world| !world.ailing.is_empty()).unwrap_or(false);
    any && exec::current_owner().and_then(ailing).is_some()
}

pub(crate) type Key = (NodeId, String);
