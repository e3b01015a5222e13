//! The embedded ledger: one file of one process, in the copy-on-write trees of `redb`.
//!
//! ```text
//! commits  first change → commit
//! bounds   "last" → number of the last change, kept when everything before it was truncated
//! ```
//!
//! A commit is one transaction, synced before it is acknowledged. A process that dies at any point
//! leaves the last whole one; a disk that is full refuses the next and keeps what is there.

use super::{Commit, Ledger, LedgerError};
use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition,
    WriteTransaction,
};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const COMMITS: TableDefinition<u64, &[u8]> = TableDefinition::new("commits");
const BOUNDS: TableDefinition<&str, u64> = TableDefinition::new("bounds");
const LAST: &str = "last";

/// Changes that are read at once.
const READ_CHANGES: usize = 4_096;

/// See the [module](self).
pub struct FileLedger {
    path: Option<PathBuf>,
    /// `None` after a failure of the disk, until it is opened again.
    database: Mutex<Option<Database>>,
}

impl FileLedger {
    /// The ledger of a file, which is made when absent, readable by its owner alone. One process at a
    /// time may hold it.
    pub fn open(path: &Path) -> Result<FileLedger, LedgerError> {
        let database = Mutex::new(Some(open(path)?));
        let ledger = FileLedger { path: Some(path.to_owned()), database };
        ledger.prepare()?;
        Ok(ledger)
    }

    /// A ledger over any storage: for tests that let it fail.
    pub fn over(storage: impl StorageBackend) -> Result<FileLedger, LedgerError> {
        let database = Database::builder().create_with_backend(storage).map_err(unavailable)?;
        let ledger = FileLedger { path: None, database: Mutex::new(Some(database)) };
        ledger.prepare()?;
        Ok(ledger)
    }

    /// Reading finds its tables from the first time on.
    fn prepare(&self) -> Result<(), LedgerError> {
        self.write(|transaction| {
            transaction.open_table(COMMITS).map_err(unavailable)?;
            transaction.open_table(BOUNDS).map_err(unavailable)?;
            Ok(())
        })
    }

    /// Do something with the database; one that failed is opened anew before the next.
    fn with<T>(
        &self,
        act: impl FnOnce(&Database) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let mut held = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let database = match (held.take(), &self.path) {
            (Some(database), _) => database,
            (None, Some(path)) => open(path)?,
            (None, None) => return Err(LedgerError::Unavailable("closed".to_owned())),
        };
        let done = act(&database);
        let failed = matches!(done, Err(LedgerError::Unavailable(_)));
        // A failed database answers nothing more: it is dropped and repaired when opened.
        *held = (!failed || self.path.is_none()).then_some(database);
        done
    }

    fn write(
        &self,
        act: impl FnOnce(&WriteTransaction) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        self.with(|database| {
            let transaction = database.begin_write().map_err(unavailable)?;
            act(&transaction)?;
            transaction.commit().map_err(unavailable)
        })
    }
}

fn open(path: &Path) -> Result<Database, LedgerError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::File::options();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(|error| at(path, error))?;
    let backend = FileBackend::new(file).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => LedgerError::Held(path.display().to_string()),
        error => at(path, error),
    })?;
    Database::builder().create_with_backend(backend).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => LedgerError::Held(path.display().to_string()),
        error => at(path, error),
    })
}

fn at(path: &Path, error: impl std::fmt::Display) -> LedgerError {
    LedgerError::Unavailable(format!("{}: {error}", path.display()))
}

fn unavailable(error: impl std::fmt::Display) -> LedgerError {
    LedgerError::Unavailable(error.to_string())
}

fn last_in(bounds: &impl ReadableTable<&'static str, u64>) -> Result<u64, LedgerError> {
    Ok(bounds.get(LAST).map_err(unavailable)?.map_or(0, |last| last.value()))
}

impl Ledger for FileLedger {
    fn last(&self) -> Result<u64, LedgerError> {
        self.with(|database| {
            let transaction = database.begin_read().map_err(unavailable)?;
            last_in(&transaction.open_table(BOUNDS).map_err(unavailable)?)
        })
    }

    fn append(&self, commit: &Commit) -> Result<(), LedgerError> {
        self.write(|transaction| {
            let mut bounds = transaction.open_table(BOUNDS).map_err(unavailable)?;
            let last = last_in(&bounds)?;
            if last + 1 != commit.first {
                return Err(LedgerError::Behind { last, first: commit.first });
            }
            let mut commits = transaction.open_table(COMMITS).map_err(unavailable)?;
            commits.insert(commit.first, &*commit.to_bytes()).map_err(unavailable)?;
            bounds.insert(LAST, commit.last()).map_err(unavailable)?;
            Ok(())
        })
    }

    fn read(&self, after: u64) -> Result<Vec<Commit>, LedgerError> {
        self.with(|database| {
            let transaction = database.begin_read().map_err(unavailable)?;
            let commits = transaction.open_table(COMMITS).map_err(unavailable)?;
            let last = last_in(&transaction.open_table(BOUNDS).map_err(unavailable)?)?;
            if last <= after {
                return Ok(Vec::new());
            }
            // The commit that holds the next change begins with it or before it.
            let mut before = commits.range(..=after + 1).map_err(unavailable)?;
            let Some(start) = before.next_back().transpose().map_err(unavailable)? else {
                let first = commits.first().map_err(unavailable)?;
                let kept = first.map_or(last + 1, |(first, _)| first.value());
                return Err(LedgerError::Gap { after, kept });
            };
            let (mut read, mut changes) = (Vec::new(), 0);
            for row in commits.range(start.0.value()..).map_err(unavailable)? {
                let (number, bytes) = row.map_err(unavailable)?;
                let commit = Commit::from_bytes(bytes.value())
                    .map_err(|why| LedgerError::Damaged(format!("{}: {why}", number.value())))?;
                changes += commit.changes.len();
                read.push(commit);
                if changes >= READ_CHANGES {
                    break;
                }
            }
            match read.first() {
                Some(commit) if commit.last() > after => Ok(read),
                _ => Err(LedgerError::Gap { after, kept: read.get(1).map_or(last, |c| c.first) }),
            }
        })
    }

    fn wait(&self, after: u64, _most: Duration) -> Result<bool, LedgerError> {
        Ok(self.last()? > after)
    }

    fn begin_after(&self, change: u64) -> Result<bool, LedgerError> {
        if self.last()? >= change {
            return Ok(false);
        }
        self.write(|transaction| {
            let mut commits = transaction.open_table(COMMITS).map_err(unavailable)?;
            commits.retain(|_, _| false).map_err(unavailable)?;
            let mut bounds = transaction.open_table(BOUNDS).map_err(unavailable)?;
            bounds.insert(LAST, change).map_err(unavailable)?;
            Ok(())
        })?;
        Ok(true)
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn truncate(&self, through: u64) -> Result<(), LedgerError> {
        self.write(|transaction| {
            let mut commits = transaction.open_table(COMMITS).map_err(unavailable)?;
            // A commit goes when the next one begins at or before the first that is kept.
            let firsts = commits
                .range(..=through + 1)
                .map_err(unavailable)?
                .map(|row| row.map(|(first, _)| first.value()))
                .collect::<Result<Vec<u64>, _>>()
                .map_err(unavailable)?;
            let bounds = transaction.open_table(BOUNDS).map_err(unavailable)?;
            let end = if last_in(&bounds)? <= through {
                through + 1
            } else {
                *firsts.last().unwrap_or(&0)
            };
            for first in firsts.into_iter().filter(|&first| first < end) {
                commits.remove(first).map_err(unavailable)?;
            }
            Ok(())
        })
    }
}
