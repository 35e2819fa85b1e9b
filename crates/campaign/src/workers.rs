//! Many runs on all cores. A run is built, carried out and dropped on one thread, and is what it would be alone.

use crate::{Error, Trial, trial};
use blackstart_runbook::step::Runbook;
use blackstart_scenario::Scenario;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Arc;

/// Stack of each worker: what a main thread has.
const STACK_BYTES: usize = 8 << 20;

/// Threads that carry out runs.
#[derive(Debug)]
pub struct Workers {
    threads: ThreadPool,
}

/// Somebody who is told how far it has come, from any thread.
pub trait Progress: Sync {
    /// So many more runs will be needed.
    fn planned(&self, runs: usize);
    /// A run is over.
    fn done(&self);
}

/// Nobody watches.
impl Progress for () {
    fn planned(&self, _runs: usize) {}
    fn done(&self) {}
}

impl Workers {
    /// `jobs` threads, or one for each core.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(jobs: Option<usize>) -> Result<Self, Error> {
        let threads = ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0)).stack_size(STACK_BYTES);
        Ok(Self { threads: threads.build()? })
    }

    /// Carries `work` out for each item, on all threads; results are in the order of the items.
    ///
    /// # Errors
    /// The first item's, in their order.
    pub fn each<T, R, E>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> Result<R, E> + Send + Sync,
    ) -> Result<Vec<R>, Error>
    where
        T: Sync,
        R: Send,
        E: Send,
        Error: From<E>,
    {
        // A run takes long: each is handed out by itself.
        let runs = items.par_iter().with_max_len(1).map(work);
        let results: Vec<_> = self.threads.install(|| runs.collect());
        results.into_iter().collect::<Result<_, _>>().map_err(Error::from)
    }

    /// One run for each seed.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn trials(
        &self,
        scenario: &Scenario,
        runbook: &Arc<Runbook>,
        seeds: &[u64],
        progress: &dyn Progress,
    ) -> Result<Vec<Trial>, Error> {
        progress.planned(seeds.len());
        self.each(seeds, |seed| {
            let trial = trial(scenario, runbook, *seed);
            progress.done();
            trial
        })
    }
}
