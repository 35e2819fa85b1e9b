//! What may still be a cut, by what is known: a set that shares an element with every set that once sufficed, and contains
//! nothing that is settled. A SAT solver proposes it.

use batsat::{BasicSolver, Lit, SolverInterface, lbool};
use blackstart_rt::Set;

/// Elements, by their place in the list that is searched.
pub(super) type Elements = Set<usize>;

/// What runs have shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Sets that suffice: with everything else lost, a run got through.
    pub(super) sufficient: Vec<Elements>,
    /// Sets of which nothing more is asked, nor of any set that contains one.
    pub(super) settled: Vec<Elements>,
}

/// Up to `count` different sets of at most `size` of `all` elements about which nothing is known yet. About
/// every smaller set something must be known: a proposal speaks for all that contain it.
pub(super) fn propose(all: usize, size: usize, known: &Known, count: usize) -> Vec<Elements> {
    let mut solver = BasicSolver::default();
    let lost: Vec<Lit> = (0..all).map(|_| variable(&mut solver)).collect();
    at_most(&mut solver, &lost, size);
    for set in &known.sufficient {
        clause(&mut solver, set.iter().map(|element| lost[*element]));
    }
    for set in &known.settled {
        clause(&mut solver, set.iter().map(|element| !lost[*element]));
    }
    let mut proposed: Vec<Elements> = Vec::new();
    while proposed.len() < count && solver.solve_limited(&[]) == lbool::TRUE {
        let set: Elements =
            (0..all).filter(|element| solver.value_lit(lost[*element]) == lbool::TRUE).collect();
        clause(&mut solver, set.iter().map(|element| !lost[*element]));
        proposed.push(set);
    }
    proposed
}

/// No more than `size` of these hold: a sequential counter (Sinz, 2005). `counted[j]` holds once more than `j` did.
fn at_most(solver: &mut BasicSolver, lits: &[Lit], size: usize) {
    let mut counted: Vec<Lit> = (0..size).map(|_| variable(solver)).collect();
    counted.iter().for_each(|none| clause(solver, [!*none]));
    for lit in lits {
        match counted.last() {
            None => clause(solver, [!*lit]),
            Some(full) => clause(solver, [!*lit, !*full]),
        }
        let next: Vec<Lit> = counted.iter().map(|_| variable(solver)).collect();
        for (j, more) in next.iter().enumerate() {
            clause(solver, [!counted[j], *more]);
            match j.checked_sub(1) {
                None => clause(solver, [!*lit, *more]),
                Some(less) => clause(solver, [!*lit, !counted[less], *more]),
            }
        }
        counted = next;
    }
}

fn variable(solver: &mut BasicSolver) -> Lit {
    Lit::new(solver.new_var_default(), true)
}

fn clause(solver: &mut BasicSolver, lits: impl IntoIterator<Item = Lit>) {
    // False when nothing satisfies all clauses any more: the next question to the solver says so too.
    let _satisfiable = solver.add_clause_reuse(&mut lits.into_iter().collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(sets: &[&[usize]]) -> Vec<Elements> {
        sets.iter().map(|set| set.iter().copied().collect()).collect()
    }

    #[test]
    fn proposals_hit_what_suffices_and_contain_nothing_settled() {
        let known = |sufficient: &[&[usize]], settled: &[&[usize]]| Known {
            sufficient: sets(sufficient),
            settled: sets(settled),
        };
        let all = |size, known: &Known| {
            let mut proposed = propose(4, size, known, 100);
            proposed.sort();
            proposed
        };
        assert_eq!(all(0, &Known::default()), sets(&[&[]]));
        assert_eq!(all(1, &known(&[&[0, 2]], &[])), sets(&[&[0], &[2]]));
        assert_eq!(all(1, &known(&[&[0, 2]], &[&[0]])), sets(&[&[2]]));
        assert_eq!(all(2, &known(&[&[0], &[1, 2]], &[])), sets(&[&[0, 1], &[0, 2]]));
        assert_eq!(all(2, &known(&[&[]], &[])), sets(&[]));
        assert_eq!(all(4, &known(&[], &[&[]])), sets(&[]));
        let one_is_needed = known(&[&[0, 1, 2, 3]], &[]);
        assert_eq!(all(1, &one_is_needed), sets(&[&[0], &[1], &[2], &[3]]));
        assert_eq!(propose(4, 1, &one_is_needed, 3).len(), 3);
    }
}
