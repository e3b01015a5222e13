//! What was answered to whom, chained so that no record can be altered, moved or cut out unseen.
//!
//! ```text
//! answer ─► Record ─► Lane (a chain a thread) ─► segment, mapped ─┐ every interval
//!             │ who, purpose, data, outcome, entries              ├─► sync ─► Seal (Merkle root, signed)
//!             │ subjects and texts as keyed digests               ┘
//!             └─► Receipt number, in the answer ─► Receipt: the record, its way to a seal
//! ```
//!
//! A record is in the log before its answer is sent. Segments are mapped: what was written is the system's,
//! so that it outlives the process however that ends. What the machine loses with its power is at most
//! what came after the last interval, or nothing where answers wait for the disk ([`Sync::Answer`]).
//!
//! What [alters](Act::alters) something (a change, a refresh, an approval, a rollback, a recall) has two records of
//! one id: `begun` before it is done, without which it is not done, and how it ended, which is what its receipt
//! proves. The first holds no more than a commitment to the request, which nobody has looked at yet. A `begun` that
//! nothing follows was cut off by the end of the process: what it altered, if anything, the ledger or the data say.
//!
//! Entries are cited as an answer names them, never as a request does: a client writes no text of its own there.
//! Of `/match` the texts begin with the path and the query ([`with_target`]), which are part of the question.
//!
//! ```text
//! folder/key                   32 bytes: opens what is digested, for whoever may search the log
//! folder/signing.pem           signs the seals
//! folder/lanes/00/<start>.xca  segments of the first lane, named by the position of their first frame
//! folder/lanes/00/….torn       what was no record after a loss of power, set aside
//! folder/seals/<day>.jsonl     seals, one a line, each with the hash of the line before it
//! ```
//!
//! With [`keep_days`](AuditConfig::keep_days) segments go when even their last record is too old, and the seals
//! that were of such alone. From where on each lane is kept is recorded and sealed before: [`verify`] misses all
//! else that is gone, but for the end of the log, which whoever deletes files can cut.
//!
//! # Files
//!
//! | file | noun |
//! |---|---|
//! | [`config`] | what the log is told |
//! | [`hashing`] | SHA-256 or SM3 |
//! | [`key`] | the key of the digests |
//! | [`record`] | one thing that was asked or done |
//! | `segment` | a file of frames, mapped, by `unsafe` |
//! | [`lane`] | a chain of records |
//! | [`merkle`] | a tree over the records of an interval |
//! | [`seal`] | what binds all lanes at a moment, signed |
//! | `lines` | files of lines: seals, recalls |
//! | [`log`] | all lanes, as the threads that answer use them |
//! | [`keeper`] | the thread that syncs, seals, and removes what is too old |
//! | [`reader`] | the log as it lies on disk |
//! | [`verify`] | the proof that nothing was altered, or the first record that was |
//! | [`find`] | records of a subject, an entry, a client, a case, a time |
//! | [`receipt`] | one record with what proves it, away from the log |
//! | [`recall`] | past answers that relied on an entry, and who is to be told |

pub mod config;
pub mod find;
pub mod hashing;
pub mod keeper;
pub mod key;
pub mod lane;
mod lines;
pub mod log;
pub mod merkle;
pub mod reader;
pub mod recall;
pub mod receipt;
pub mod record;
pub mod seal;
mod segment;
#[cfg(test)]
mod tests;
pub mod verify;

pub use config::{AuditConfig, Sync};
pub use hashing::{Algorithm, Hash, with_target};
pub use keeper::Keeping;
pub use key::{AuditKey, Digest};
pub use log::Log;
pub use receipt::{Receipt, ReceiptNo};
pub use record::{Act, Asked, Cited, Ground, Purpose, Record};
pub use seal::Seal;

use std::io;
use std::path::PathBuf;

/// Why the log is not written or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process writes the log.
    #[error(
        "{0}: 审计日志被占用，服务正在运行？/ the audit log is held by another process, is the service running?"
    )]
    Held(PathBuf),
    /// The signing key cannot be used.
    #[error(transparent)]
    Key(#[from] crate::snapshot::KeyError),
    /// Something in it is not as it was written.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// What is not as it was written, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{file}: 位置 / position {position}: {why}")]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// Of a segment the position of the frame in its lane; of seals the line.
    pub position: u64,
    /// What is wrong.
    pub why: String,
}

impl AuditError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> AuditError {
        let path = path.into();
        |source| AuditError::Io { path, source }
    }
}
