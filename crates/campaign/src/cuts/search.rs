//! The search itself, over any question that can be answered by losing elements: every minimal set up to a size whose loss
//! stops everything.
//!
//! Two kinds of sets prune each other: what suffices must be hit by every cut, and what contains a cut needs no question. It is
//! exact where losing more never helps; where a loss helps, what it hides is missed.

use super::candidates::{Elements, Known, propose};

/// What came of losing a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// No run got through.
    Stops,
    /// This run got through, and these elements are known to have been used in it.
    Goes { seed: u64, used: Elements },
    /// Nothing had to be brought back.
    NoOutage,
}

/// Who answers.
pub(super) trait Oracle: Sync {
    /// Why there is no answer.
    type Error: Send;
    /// What comes of losing these, on every seed.
    fn lose(&self, lost: &Elements) -> Result<Answer, Self::Error>;
    /// Whether this seed's run gets through with these lost.
    fn goes(&self, lost: &Elements, seed: u64) -> Result<bool, Self::Error>;
    /// All at once, each by itself.
    fn at_once<R: Send>(
        &self,
        sets: &[Elements],
        ask: impl Fn(&Elements) -> Result<R, Self::Error> + Send + Sync,
    ) -> Result<Vec<R>, Self::Error>;
    /// Whether there is time for more questions.
    fn goes_on(&self) -> bool;
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Minimal sets that stop everything, smaller ones first.
    pub(super) cuts: Vec<Elements>,
    /// Minimal sets without which there is no outage.
    pub(super) no_outage: Vec<Elements>,
    /// Whether every set up to the size has been decided.
    pub(super) exhausted: bool,
}

/// A set that was asked for, decided.
enum Decided {
    Cut,
    NoOutage,
    /// It is no cut, for this set suffices.
    Sufficient(Elements),
}

/// Cuts of at most `max` of `all` elements; `width` questions at once.
pub(super) fn search<O: Oracle>(oracle: &O, all: usize, max: usize, width: usize) -> Result<Found, O::Error> {
    let mut known = Known::default();
    let mut found = Found::default();
    for size in 0..=max.min(all) {
        loop {
            let sets = propose(all, size, &known, width);
            if sets.is_empty() {
                break;
            }
            if !oracle.goes_on() {
                return Ok(found);
            }
            for (set, decided) in sets.iter().zip(oracle.at_once(&sets, |set| decide(oracle, all, set))?) {
                match decided {
                    Decided::Sufficient(set) => known.sufficient.push(set),
                    Decided::Cut => {
                        known.settled.push(set.clone());
                        found.cuts.push(set.clone());
                    }
                    Decided::NoOutage => {
                        known.settled.push(set.clone());
                        found.no_outage.push(set.clone());
                    }
                }
            }
        }
    }
    found.exhausted = true;
    Ok(found)
}

fn decide<O: Oracle>(oracle: &O, all: usize, set: &Elements) -> Result<Decided, O::Error> {
    Ok(match oracle.lose(set)? {
        Answer::Stops => Decided::Cut,
        Answer::NoOutage => Decided::NoOutage,
        Answer::Goes { seed, used } => {
            let kept: Elements = (0..all).filter(|element| !set.contains(element)).collect();
            Decided::Sufficient(sufficient(oracle, all, &kept, &used, seed)?)
        }
    })
}

/// A small part of `kept` that suffices on this seed: what is known to have been used, and what else turns out to be needed.
fn sufficient<O: Oracle>(
    oracle: &O,
    all: usize,
    kept: &Elements,
    used: &Elements,
    seed: u64,
) -> Result<Elements, O::Error> {
    let suffices = |kept: &Elements| {
        let lost = (0..all).filter(|element| !kept.contains(element)).collect();
        oracle.goes(&lost, seed)
    };
    let base: Elements = used.intersection(kept).copied().collect();
    let rest: Vec<usize> = kept.difference(&base).copied().collect();
    let needed = needed(&suffices, &base, false, &rest)?;
    Ok(base.into_iter().chain(needed).collect())
}

/// A minimal part of `rest` that suffices together with `base` (Junker's QuickXplain); all of it does. `is_tried` when
/// `base` alone is known not to.
fn needed<E>(
    suffices: &impl Fn(&Elements) -> Result<bool, E>,
    base: &Elements,
    is_tried: bool,
    rest: &[usize],
) -> Result<Vec<usize>, E> {
    if rest.is_empty() || !is_tried && suffices(base)? {
        return Ok(Vec::new());
    }
    if rest.len() == 1 {
        return Ok(rest.to_vec());
    }
    let (first, second) = rest.split_at(rest.len() / 2);
    let with = |more: &[usize]| base.iter().chain(more).copied().collect();
    let of_second = needed(suffices, &with(first), false, second)?;
    let of_first = needed(suffices, &with(&of_second), of_second.is_empty(), first)?;
    Ok([of_first, of_second].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::convert::Infallible;

    /// Gets through by any of its ways that is whole; shows a part of it as used. Without the last element there is no outage.
    struct Ways {
        ways: Vec<Elements>,
        outage_needs: Option<usize>,
    }

    impl Oracle for Ways {
        type Error = Infallible;

        fn lose(&self, lost: &Elements) -> Result<Answer, Infallible> {
            if self.outage_needs.is_some_and(|element| lost.contains(&element)) {
                return Ok(Answer::NoOutage);
            }
            let way = self.ways.iter().find(|way| way.is_disjoint(lost));
            Ok(way.map_or(Answer::Stops, |way| Answer::Goes {
                seed: 1,
                used: way.iter().copied().filter(|element| element % 2 == 0).collect(),
            }))
        }

        fn goes(&self, lost: &Elements, _seed: u64) -> Result<bool, Infallible> {
            Ok(matches!(self.lose(lost)?, Answer::Goes { .. }))
        }

        fn at_once<R: Send>(
            &self,
            sets: &[Elements],
            ask: impl Fn(&Elements) -> Result<R, Infallible> + Send + Sync,
        ) -> Result<Vec<R>, Infallible> {
            sets.iter().map(ask).collect()
        }

        fn goes_on(&self) -> bool {
            true
        }
    }

    /// Every set that stops and of which no smaller part does or prevents the outage.
    fn by_brute_force(ways: &Ways, all: usize, max: usize) -> Vec<Elements> {
        let mut sets: Vec<Elements> =
            (0_u32..1 << all).map(|bits| (0..all).filter(|i| bits >> i & 1 == 1).collect()).collect();
        sets.retain(|set: &Elements| set.len() <= max);
        sets.sort_by_key(Elements::len);
        let mut settled: Vec<Elements> = Vec::new();
        let mut cuts = Vec::new();
        for set in sets {
            if settled.iter().any(|settled| settled.is_subset(&set)) {
                continue;
            }
            match ways.lose(&set).unwrap() {
                Answer::Goes { .. } => continue,
                Answer::Stops => cuts.push(set.clone()),
                Answer::NoOutage => {}
            }
            settled.push(set);
        }
        cuts.sort();
        cuts
    }

    proptest! {
        #[test]
        fn cuts_are_those_that_trying_every_set_finds(
            ways in vec(btree_set(0_usize..8, 0..5), 0..6),
            outage_needs in proptest::option::of(0_usize..8),
            max in 0_usize..4,
            width in 1_usize..4,
        ) {
            let ways = Ways { ways: ways.into_iter().map(|way| way.into_iter().collect()).collect(), outage_needs };
            let found = search(&ways, 8, max, width).unwrap();
            prop_assert!(found.exhausted);
            let mut cuts = found.cuts;
            cuts.sort();
            prop_assert_eq!(cuts, by_brute_force(&ways, 8, max));
        }
    }
}
