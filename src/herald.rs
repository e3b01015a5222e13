//! Recalls are sent to the clients whom they concern: to the `recall_url` of each, one after the other.
//!
//! ```text
//! recalls.jsonl ─► Herald (a thread) ─► after its cursor, what concerns the client ─► POST, signed
//!                    ▲ every second        │                                            │
//!                    └─ again, later ◄─────┼───────────────── refused, silent ──────────┤
//!                                      Cursors ◄────────────── 2xx ─────────────────────┘
//! ```
//!
//! What is sent is what the feed `GET /v1/recalls?after=N` answers, in the same order. It is sent at least once: a
//! receiver that answers 2xx and is not heard gets the same numbers again. A cursor is on the disk before the next
//! is sent, so that an end of the process repeats the last delivery at most. One receiver holds up no other.
//!
//! | header | what |
//! |---|---|
//! | `xincha-client` | the name of the client |
//! | `xincha-time` | when it was sent, RFC 3339 |
//! | `xincha-key` | the id of the key |
//! | `xincha-signature` | base64 of an Ed25519 signature by the key that signs the seals of the log |
//!
//! Signed are `xincha-recalls`, the time, the client, each with a line break behind it, and the body. Redirects are
//! not followed: nobody else is told.
//!
//! | file | noun |
//! |---|---|
//! | [`config`] | how long a receiver is waited for, and when it is tried again |
//! | [`delivery`] | one POST, signed |
//! | [`cursors`] | how far each client was told |
//! | [`rounds`] | the thread that looks for what is to be sent |

pub mod config;
pub mod cursors;
pub mod delivery;
pub mod rounds;

pub use config::HeraldConfig;
pub use rounds::{Crying, Herald, Standing};

use crate::audit::AuditError;
use std::io;

/// Why nothing is sent.
#[derive(Debug, thiserror::Error)]
pub enum HeraldError {
    /// The recalls or the cursors cannot be used.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A thread cannot be started, or a cursor not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The authorities cannot be read.
    #[error("herald.ca_file: 无法使用 / cannot be used: {0}")]
    Authorities(String),
}
