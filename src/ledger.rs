//! Ordered changes since a snapshot: append, read, follow.
//!
//! ```text
//! commit  = first(number of its first change) at changes+      changes are numbered one by one
//! ledger  = commit*                                            no gap, no overlap, from the first kept
//! ```
//!
//! A snapshot names the last change that it contains; whoever opens it reads on from there. A commit is
//! whole or not there, and durable before anybody is told of it.
//!
//! | file | noun |
//! |---|---|
//! | [`commit`] | changes that became durable together |
//! | [`mod@file`] | the embedded ledger: one file of one process |
//! | [`config`] | what the shared ledger and the lease are told |
//! | `link` | a connection to NATS servers that knows when it is lost |
//! | `place` | where a commit stands in a stream, and which changes it holds |
//! | [`stream`] | the shared ledger: a stream of NATS JetStream, followed by every replica |
//! | [`lease`] | which of the replicas builds |

pub mod commit;
pub mod config;
pub mod file;
pub mod lease;
mod link;
mod place;
pub mod stream;

pub use commit::Commit;
pub use config::{LeaseConfig, StreamConfig};
pub use file::FileLedger;
pub use lease::{Held, Lease};
pub use stream::StreamLedger;

use crate::secret::SecretError;
use std::time::Duration;

/// Where changes are kept in order. Every call blocks; none is made on a worker that answers checks.
pub trait Ledger: Send + Sync {
    /// The number of the last change, 0 when there is none yet.
    fn last(&self) -> Result<u64, LedgerError>;

    /// Append the next commit; it is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Behind`] when its first change is not the next one: another commit came before.
    /// After any other error it is not known whether the commit was kept: read on before the next.
    fn append(&self, commit: &Commit) -> Result<(), LedgerError>;

    /// Commits that hold changes after this number, in order, the first perhaps with some before it;
    /// none when there is nothing yet. Answers at most some thousand changes at once.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Gap`] when changes after this number are no longer kept.
    fn read(&self, after: u64) -> Result<Vec<Commit>, LedgerError>;

    /// Wait until there are changes after this number, at most so long; `false` when there are none.
    fn wait(&self, after: u64, most: Duration) -> Result<bool, LedgerError>;

    /// Begin after a snapshot's last change, where the ledger knows less: it was lost, or never there.
    /// Answers whether it did.
    fn begin_after(&self, change: u64) -> Result<bool, LedgerError>;

    /// Others append too, so whoever serves has to follow.
    fn is_shared(&self) -> bool;

    /// Forget changes up to and with this number. Some of them may be kept all the same.
    fn truncate(&self, through: u64) -> Result<(), LedgerError>;
}

/// Why the ledger did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another commit came before.
    #[error("the ledger's last change is {last}, the commit begins at {first}")]
    Behind {
        /// The ledger's last change.
        last: u64,
        /// The first of the commit.
        first: u64,
    },
    /// Changes are no longer kept.
    #[error(
        "变更台账只保留 {kept} 及以后的变更，缺少 {after} 之后的 / the ledger keeps changes from {kept} on, those after {after} are gone"
    )]
    Gap {
        /// The last change that the reader has.
        after: u64,
        /// The first that is kept.
        kept: u64,
    },
    /// Another process holds the file.
    #[error(
        "变更台账被占用，服务正在运行？/ the ledger is held by another process, is the service running? ({0})"
    )]
    Held(String),
    /// The commit was refused and not kept: it must be sent as several.
    #[error(
        "提交 {bytes} 字节，上限 {most} / the commit has {bytes} bytes, the servers take {most}"
    )]
    TooLarge {
        /// Bytes of the commit.
        bytes: usize,
        /// Bytes of a message at most, its headers among them.
        most: usize,
    },
    /// The settings do not suffice to reach it.
    #[error("变更台账配置 / the settings of the ledger: {0}")]
    Config(String),
    /// It cannot be reached, read or written now.
    #[error("变更台账不可用 / the ledger is not available: {0}")]
    Unavailable(String),
    /// It holds what no program of ours wrote.
    #[error("变更台账已损坏 / the ledger is damaged: {0}")]
    Damaged(String),
}

impl LedgerError {
    fn config(what: impl Into<String>) -> LedgerError {
        LedgerError::Config(what.into())
    }
}

impl From<SecretError> for LedgerError {
    fn from(error: SecretError) -> LedgerError {
        LedgerError::Config(error.to_string())
    }
}
