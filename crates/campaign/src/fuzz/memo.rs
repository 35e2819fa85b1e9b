//! Runs that were done are not done again: what came of them is kept, in memory or in a file that outlives the process.

use super::attempt::Attempt;
use crate::Error;
use blackstart_fault::Fault;
use redb::{Database, Durability, ReadableDatabase, TableDefinition};
use std::path::Path;
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

/// What came of runs, by the hash of what was asked.
const RUNS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("runs");

/// What a run is a function of, within one scenario and one build.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Name of the runbook.
    pub runbook: &'a str,
    /// Seed of the run.
    pub seed: u64,
    /// Faults beside the scenario's own.
    pub schedule: &'a [Fault],
}

/// Something that remembers runs.
pub trait Memory: Sync {
    /// What came of this run, if it is known.
    ///
    /// # Errors
    /// When what is kept cannot be read.
    fn recall(&self, asked: &Asked<'_>) -> Result<Option<Attempt>, Error>;
    /// Keeps what came of this run: once it returns, nothing loses it.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn keep(&self, asked: &Asked<'_>, attempt: &Attempt) -> Result<(), Error>;
}

/// Remembers nothing.
impl Memory for () {
    fn recall(&self, _asked: &Asked<'_>) -> Result<Option<Attempt>, Error> {
        Ok(None)
    }

    fn keep(&self, _asked: &Asked<'_>, _attempt: &Attempt) -> Result<(), Error> {
        Ok(())
    }
}

/// Runs in a file.
#[derive(Debug)]
pub struct Store {
    database: Database,
    /// What all runs have in common: the build and the scenario's files.
    common: u128,
}

impl Store {
    /// Opens the file, or makes it. Runs of another build, or of a scenario that has changed since, are not found in it:
    /// `common` is everything that they depend on besides what is asked.
    ///
    /// # Errors
    /// When it is no such file, or another process has it open.
    pub fn open(path: &Path, common: &[&[u8]]) -> Result<Self, Error> {
        let kept = |error: redb::Error| Error::Store { path: path.to_owned(), why: error.to_string() };
        let database = Database::create(path).map_err(|error| kept(error.into()))?;
        let mut hasher = Xxh3::new();
        common.iter().for_each(|part| hasher.update(part));
        let store = Self { database, common: hasher.digest128() };
        // The table is there from now on, so that reading never finds it missing.
        store.write(|_| Ok(())).map_err(kept)?;
        Ok(store)
    }

    fn key(&self, asked: &Asked<'_>) -> Result<u128, Error> {
        let Asked { runbook, seed, schedule } = asked;
        let bytes = serde_json::to_vec(&(self.common, runbook, seed, schedule)).map_err(Error::Unreadable)?;
        Ok(xxh3_128(&bytes))
    }

    fn write(
        &self,
        change: impl FnOnce(&mut redb::Table<'_, u128, &'static [u8]>) -> Result<(), redb::Error>,
    ) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        change(&mut transaction.open_table(RUNS)?)?;
        Ok(transaction.commit()?)
    }

    fn read(&self, key: u128) -> Result<Option<Vec<u8>>, redb::Error> {
        let table = self.database.begin_read()?.open_table(RUNS)?;
        Ok(table.get(key)?.map(|bytes| bytes.value().to_vec()))
    }
}

impl Memory for Store {
    fn recall(&self, asked: &Asked<'_>) -> Result<Option<Attempt>, Error> {
        let bytes = self.read(self.key(asked)?)?;
        bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(Error::Unreadable)).transpose()
    }

    fn keep(&self, asked: &Asked<'_>, attempt: &Attempt) -> Result<(), Error> {
        let key = self.key(asked)?;
        let bytes = serde_json::to_vec(attempt).map_err(Error::Unreadable)?;
        Ok(self.write(|table| table.insert(key, bytes.as_slice()).map(drop).map_err(redb::Error::from))?)
    }
}

/// A short name for a failure, the same whenever it is found.
pub(crate) fn id(key: &str) -> String {
    format!("{:08x}", xxh3_64(key.as_bytes()) as u32)
}
