//! Where a source's files come from: a folder, HTTP, object storage or a table; and bringing them.
//!
//! ```text
//! origin ─► what is there ─► is it complete? ─► is it new? ─► arrival (streamed, hashed, synced) ─► Delivery
//!                               └► Incomplete      └► Unchanged        └► same content: Unchanged
//! ```
//!
//! A fetch brings one *delivery*: a folder with all files of the source as they are now, complete and
//! synced. What is left of one that fails is removed. Nothing is kept open between two fetches; what
//! one learned for the next (marks of files, a watermark) is its [`Memory`], which the caller stores
//! beside the delivery that it accepted.
//!
//! An error of the moment (a connection, a busy server, a file overwritten meanwhile) is tried again
//! within [`Limits`]; one that needs a person ends the fetch at once. See [`FetchError::is_retryable`].
//!
//! No error, log line or `Debug` form shows a password, a token, the query of a URL or a row.
//!
//! | file | noun |
//! |---|---|
//! | [`limits`] | how long, how much, how often |
//! | `address` | a URL, and what of it may be shown |
//! | [`error`] | why nothing was brought |
//! | [`memory`] | what one fetch remembers for the next |
//! | `watch` | the clock of a fetch: deadline, stall, cancellation, further attempts |
//! | `arrival` | a delivery while it is written |
//! | `manifest` | a department's own list of what it delivers |
//! | [`complete`] | when files count as a delivery |
//! | `shelf` | what folders and buckets have in common |
//! | [`folder`], [`mod@http`], [`s3`], [`postgres`] | the origins |

mod address;
mod arrival;
pub mod complete;
pub mod error;
pub mod folder;
pub mod http;
pub mod limits;
mod manifest;
pub mod memory;
pub mod postgres;
pub mod s3;
mod shelf;
mod watch;

pub use complete::Complete;
pub use error::FetchError;
pub use folder::FolderConfig;
pub use http::HttpConfig;
pub use limits::Limits;
pub use memory::Memory;
pub use postgres::{PostgresConfig, Wake};
pub use s3::S3Config;

use arrival::Arrival;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use watch::Watch;

/// Where a source's files come from, as configured: `kind` and the settings of that kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OriginConfig {
    /// A folder of this machine, or one that is mounted.
    Folder(FolderConfig),
    /// One or several URLs.
    Http(HttpConfig),
    /// A prefix of a bucket of S3-compatible storage.
    S3(S3Config),
    /// An exchange table.
    Postgres(PostgresConfig),
}

impl OriginConfig {
    /// The paths in it, which follow the folder of the configuration.
    pub fn paths(&mut self) -> Vec<&mut PathBuf> {
        match self {
            OriginConfig::Folder(config) => vec![&mut config.path],
            OriginConfig::Http(config) => config.ca_file.as_mut().into_iter().collect(),
            OriginConfig::S3(config) => config.ca_file.as_mut().into_iter().collect(),
            OriginConfig::Postgres(config) => config.ca_file.as_mut().into_iter().collect(),
        }
    }

    /// What tells this origin from another, without credentials: a memory of another is not used.
    fn fingerprint(&self) -> Result<u64, FetchError> {
        let identity = match self {
            OriginConfig::Folder(config) => config.identity(),
            OriginConfig::Http(config) => config.identity()?,
            OriginConfig::S3(config) => config.identity()?,
            OriginConfig::Postgres(config) => config.identity()?,
        };
        Ok(xxhash_rust::xxh3::xxh3_64(identity.as_bytes()))
    }
}

/// What a fetch is given.
#[derive(Clone, Copy)]
pub struct Fetch<'a> {
    /// Where from.
    pub origin: &'a OriginConfig,
    /// How long, how much, how often.
    pub limits: &'a Limits,
    /// What the last accepted fetch remembered; the default at first.
    pub memory: &'a Memory,
    /// The folder of the last accepted delivery, as it was brought. Files that did not change are
    /// copied from it; without it, or where it was damaged, everything is brought anew.
    pub previous: Option<&'a Path>,
    /// An existing, empty folder on the disk where the delivery shall stay. Its files and itself are
    /// synced, not the folder that it lies in.
    pub into: &'a Path,
    /// Which file names the source's mapping claims.
    pub matches: &'a dyn Fn(&str) -> bool,
    /// Told the bytes of the delivery so far, after every piece; less than before after a failed attempt.
    pub progress: &'a dyn Fn(u64),
    /// Asked several times a second whether to give up.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// What a fetch brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fetched {
    /// Nothing is new. The folder is empty.
    Unchanged {
        /// To be stored in place of the old one: it saves the next fetch a copy. Forgetting it costs
        /// no more than that.
        memory: Memory,
    },
    /// A delivery is on its way, not all of it there yet. The folder is empty; the last one stands.
    Incomplete {
        /// The files that are awaited, by name.
        awaited: Vec<String>,
    },
    /// Something is new.
    Delivery {
        /// All files of the source, in the order of their names, synced.
        files: Vec<PathBuf>,
        /// Their bytes.
        bytes: u64,
        /// XXH3-64 over their names, lengths and contents in the order of names.
        hash: u64,
        /// To be stored when the delivery is accepted.
        memory: Memory,
    },
}

/// What an origin works with.
struct Visit<'a> {
    memory: &'a Memory,
    previous: Option<&'a Path>,
    matches: &'a dyn Fn(&str) -> bool,
    watch: Watch<'a>,
}

impl Visit<'_> {
    /// A name that is configured, not found, must be one that the mapping claims.
    fn claimed(&self, name: &str) -> Result<(), FetchError> {
        if (self.matches)(name) {
            return Ok(());
        }
        Err(FetchError::Unclaimed { name: name.to_owned() })
    }
}

/// Bring a delivery, or say that nothing is new.
///
/// Blocks, for [`Limits::timeout_seconds`] at most, and must not be called on a thread of an
/// asynchronous runtime. Costs one pass over the bytes, and none where the origin's marks tell that
/// nothing changed.
pub fn fetch(request: &Fetch) -> Result<Fetched, FetchError> {
    check_empty(request.into)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| FetchError::io(request.into, source))?;
    let fetched = runtime.block_on(bring(request));
    // A look-up of a host's name may hang in a thread of its own: it is not waited for.
    runtime.shutdown_background();
    if !matches!(fetched, Ok(Fetched::Delivery { .. })) {
        clear(request.into)?;
    }
    fetched
}

async fn bring(request: &Fetch<'_>) -> Result<Fetched, FetchError> {
    let origin = request.origin.fingerprint()?;
    let none = Memory::default();
    let visit = Visit {
        memory: if request.memory.is_of(origin) { request.memory } else { &none },
        previous: request.previous,
        matches: request.matches,
        watch: Watch::start(request.limits, request.progress, request.cancelled),
    };
    let arrival = Arrival::new(request.into, &visit.watch, origin);
    match request.origin {
        OriginConfig::Folder(config) => folder::bring(config, &visit, arrival).await,
        OriginConfig::Http(config) => http::bring(config, &visit, arrival).await,
        OriginConfig::S3(config) => s3::bring(config, &visit, arrival).await,
        OriginConfig::Postgres(config) => postgres::bring(config, &visit, arrival).await,
    }
}

fn check_empty(folder: &Path) -> Result<(), FetchError> {
    let mut entries = std::fs::read_dir(folder).map_err(|source| FetchError::io(folder, source))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(FetchError::NotEmpty { folder: folder.to_owned() }),
    }
}

/// The folder was empty: what is in it was brought.
fn clear(folder: &Path) -> Result<(), FetchError> {
    let failed = |source| FetchError::io(folder, source);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        std::fs::remove_file(entry.map_err(failed)?.path()).map_err(failed)?;
    }
    Ok(())
}
