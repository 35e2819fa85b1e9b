//! Fault schedules for proptest: drawn from a world and a budget, and shrunk as faults shrink.

use crate::draw::{Arsenal, Budget};
use crate::schedule::Fault;
use crate::shrink::simpler;
use crate::target::Targets;
use blackstart_sim::draw::Stream;
use proptest::prelude::{Rng, Strategy};
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;
use std::time::Duration;

/// Schedules of faults in this world, within this budget.
///
/// ```
/// use blackstart_fault::{Budget, On, Targets, Thing, strategy};
/// use proptest::prelude::*;
/// use proptest::test_runner::TestRunner;
/// use std::time::Duration;
///
/// let mut targets = Targets::default();
/// targets.add(Thing::new(On::Machine, &["ns1"]));
/// let budget = Budget { faults_max: 3, length: Duration::from_secs(3600), spared: Default::default() };
/// let schedules = strategy(&targets, budget);
/// TestRunner::default().run(&schedules, |schedule| {
///     prop_assert!((1..=3).contains(&schedule.len()));
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<Vec<blackstart_fault::Fault>>>(())
/// ```
#[must_use]
pub fn strategy(targets: &Targets, budget: Budget) -> Schedules {
    Schedules { arsenal: Arsenal::new(targets), budget }
}

/// See [`strategy`].
#[derive(Clone, Debug)]
pub struct Schedules {
    arsenal: Arsenal,
    budget: Budget,
}

impl Strategy for Schedules {
    type Tree = Shrinking;
    type Value = Vec<Fault>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut stream = Stream::new(runner.rng().next_u64(), "schedule");
        let schedule = self.arsenal.draw(&self.budget, &mut stream);
        Ok(Shrinking {
            length: self.budget.length,
            current: schedule.clone(),
            simplest: schedule,
            untried: None,
        })
    }
}

/// A schedule that proptest makes simpler.
#[derive(Clone, Debug)]
pub struct Shrinking {
    length: Duration,
    /// What is tried now.
    current: Vec<Fault>,
    /// The simplest that is known to fail.
    simplest: Vec<Fault>,
    /// What is left to be tried in its place.
    untried: Option<std::vec::IntoIter<Vec<Fault>>>,
}

impl Shrinking {
    fn next(&mut self) -> bool {
        let next = self.untried.as_mut().and_then(Iterator::next);
        let is_one = next.is_some();
        self.current = next.unwrap_or_else(|| self.simplest.clone());
        is_one
    }
}

impl ValueTree for Shrinking {
    type Value = Vec<Fault>;

    fn current(&self) -> Vec<Fault> {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        self.simplest = self.current.clone();
        self.untried = Some(simpler(&self.simplest, self.length).into_iter());
        self.next()
    }

    fn complicate(&mut self) -> bool {
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use crate::target::{On, Thing};
    use blackstart_rt::Set;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestError};

    fn targets() -> Targets {
        let mut targets = Targets::default();
        for machine in ["a", "b", "c"] {
            targets.add(Thing::new(On::Machine, &[machine]));
        }
        targets.add(Thing::new(On::Link, &["a", "b"]));
        targets
    }

    fn budget() -> Budget {
        Budget { faults_max: 5, length: Duration::from_secs(8 * 3600), spared: Set::new() }
    }

    fn loses_power(schedule: &[Fault], machine: &str) -> bool {
        schedule.iter().any(|fault| matches!(&fault.kind, Kind::PowerOff { machine: it } if it == machine))
    }

    proptest! {
        #[test]
        fn drawn_schedules_are_valid_and_in_order(schedule in strategy(&targets(), budget())) {
            prop_assert!((1..=5).contains(&schedule.len()));
            for fault in &schedule {
                prop_assert!(fault.kind.check(&targets()).is_ok());
                prop_assert!(fault.begins_at().unwrap() < budget().length);
            }
            prop_assert!(schedule.is_sorted_by_key(Fault::begins_at));
        }

        #[test]
        fn simpler_schedules_are_valid_and_come_to_an_end(
            mut schedule in strategy(&targets(), budget()),
            mut choices in any::<u64>(),
        ) {
            for _ in 0..1000 {
                let simpler = simpler(&schedule, budget().length);
                for fault in simpler.iter().flatten() {
                    prop_assert!(fault.kind.check(&targets()).is_ok());
                }
                if simpler.is_empty() {
                    return Ok(());
                }
                schedule = simpler[choices as usize % simpler.len()].clone();
                choices = choices.rotate_left(7) ^ 0x9e37_79b9;
            }
            prop_assert!(false, "still {} faults", schedule.len());
        }
    }

    #[test]
    fn a_failure_shrinks_to_what_it_takes() {
        let config = Config { cases: 20_000, failure_persistence: None, ..Config::default() };
        let found = TestRunner::new(config).run(&strategy(&targets(), budget()), |schedule| {
            prop_assert!(!(loses_power(&schedule, "a") && loses_power(&schedule, "b")));
            Ok(())
        });
        let Err(TestError::Fail(_, schedule)) = found else { panic!("not found") };
        assert_eq!(schedule.len(), 2, "{schedule:?}");
        assert!(schedule.iter().all(|fault| fault.lasts.is_some_and(|lasts| lasts.as_secs() < 120)));
    }
}
