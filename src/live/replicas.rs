//! Several machines that serve the same: one builds, all serve.
//!
//! ```text
//! builder: holds the lease ─► builds ─► shelf.put ─► serves
//! others:  shelf.current ─► fetch ─► open ─► replay the stream ─► serve
//! ```
//!
//! Changes go through the stream and so reach all; snapshots lie on the shelf. Losing the lease, the
//! stream or the shelf harms nothing: what serves goes on, and says when it is behind.

use crate::ledger::{Held, Lease, LeaseConfig, LedgerError, StreamConfig};
use crate::snapshot::{Current, Look, Shelf, ShelfConfig, ShelfError, Store};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// Between two looks at the shelf.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Before a snapshot that was refused is fetched once more, unless the shelf points to another first.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

/// `[replicas]`: where the others are met.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicasConfig {
    /// The shared ledger of changes.
    #[serde(default)]
    pub stream: StreamConfig,
    /// Who builds.
    #[serde(default)]
    pub lease: LeaseConfig,
    /// Where snapshots lie.
    pub shelf: ShelfConfig,
}

/// Why the others cannot be met.
#[derive(Debug, thiserror::Error)]
pub enum ReplicasError {
    /// The lease.
    #[error("[replicas.lease]: {0}")]
    Lease(#[from] LedgerError),
    /// The shelf.
    #[error("[replicas.shelf]: {0}")]
    Shelf(#[from] ShelfError),
}

/// A snapshot of the shelf that could not be taken.
struct Missed {
    current: Current,
    why: String,
    /// When it is tried again.
    again: Instant,
}

/// The others, as one of them sees them. Calls block.
pub struct Replicas {
    shelf: Shelf,
    /// None where this machine cannot build: it must not keep the others from it.
    lease: Option<Lease>,
    /// The snapshot of the shelf that was taken last.
    known: Option<Current>,
    /// The one that could not be taken.
    missed: Option<Missed>,
    /// What the pointer says was set aside, by the last look; `None` before the first.
    set_aside: Option<BTreeMap<String, String>>,
    looked: Option<Instant>,
    is_reached: bool,
    was_builder: bool,
}

impl Replicas {
    /// Meet them, as one that builds or only serves. What is not reached now is tried again and again.
    pub fn open(config: &ReplicasConfig, builds: bool) -> Result<Replicas, ReplicasError> {
        let lease = builds.then(|| Lease::open(config.stream.clone(), &config.lease));
        Ok(Replicas {
            shelf: Shelf::open(&config.shelf)?,
            lease: lease.transpose()?,
            known: None,
            missed: None,
            set_aside: None,
            looked: None,
            is_reached: true,
            was_builder: false,
        })
    }

    /// The lease, while this machine builds: not before it has seen the shelf.
    pub fn held(&mut self) -> Option<Held> {
        let held = self.lease.as_ref().and_then(Lease::hold).filter(|_| self.set_aside.is_some());
        if held.is_some() != self.was_builder {
            self.was_builder = held.is_some();
            let is = self.was_builder;
            info!(builds = is, "构建权变化 / whether this machine builds has changed");
        }
        held
    }

    /// The snapshot that is to be served instead of the one taken last, in the local store, where
    /// nothing points to it yet; `None` when that is still the one, or nothing is known of another.
    /// Whoever got one says what became of it: [`Replicas::took`], [`Replicas::refuse`] or
    /// [`Replicas::postpone`].
    pub fn news(&mut self, store: &Store) -> Option<(Current, PathBuf)> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return None;
        }
        self.looked = Some(Instant::now());
        // What was signed elsewhere stays as it was signed.
        let store = store.clone().signing(None);
        let looked = self.shelf.current(self.known.as_ref());
        match &looked {
            Ok(Look::New(current)) => self.set_aside = Some(current.set_aside.clone()),
            Ok(Look::Empty) => self.set_aside = Some(BTreeMap::new()),
            Ok(Look::Unchanged) | Err(_) => {}
        }
        let looked = match looked {
            Ok(Look::New(current)) if self.is_missed(&current) => Ok(None),
            Ok(Look::New(current)) => {
                self.shelf.fetch(&current.id, &store).map(|path| Some((current, path)))
            }
            Ok(Look::Empty | Look::Unchanged) => Ok(None),
            Err(error) => Err(error),
        };
        match looked {
            Ok(news) => {
                self.is_reached = true;
                news
            }
            Err(error) => {
                if std::mem::replace(&mut self.is_reached, false) {
                    warn!("快照存储不可用 / the shelf is not available: {error}");
                }
                None
            }
        }
    }

    /// It could not be taken a moment ago, and is not yet tried again.
    fn is_missed(&self, current: &Current) -> bool {
        let missed = self.missed.as_ref().filter(|missed| missed.current == *current);
        missed.is_some_and(|missed| Instant::now() < missed.again)
    }

    /// This one serves now.
    pub fn took(&mut self, current: Current) {
        self.set_aside = Some(current.set_aside.clone());
        (self.known, self.missed) = (Some(current), None);
    }

    /// This one is not to be served.
    pub fn refuse(&mut self, current: Current, why: String) {
        self.miss(current, why, REFUSED_PAUSE);
    }

    /// This one cannot be served now.
    pub fn postpone(&mut self, current: Current, why: String) {
        self.miss(current, why, LOOK_EVERY);
    }

    fn miss(&mut self, current: Current, why: String, pause: Duration) {
        let before = self.missed.as_ref().filter(|missed| missed.current == current);
        if before.is_none_or(|missed| missed.why != why) {
            warn!(snapshot = current.id, "不能使用 / cannot be served: {why}");
        }
        self.missed = Some(Missed { current, why, again: Instant::now() + pause });
    }

    /// Publish for the others. Until [`Replicas::took`] says that it serves here too, it is news here.
    pub fn put(
        &mut self,
        file: &Path,
        id: &str,
        change: u64,
        token: u64,
        set_aside: BTreeMap<String, String>,
    ) -> Result<Current, ShelfError> {
        self.shelf.put_setting_aside(file, id, change, token, set_aside)
    }

    /// The deliveries, by source, that an operator went back from, on whatever machine.
    pub fn set_aside(&self) -> BTreeMap<String, String> {
        self.set_aside.clone().unwrap_or_default()
    }

    /// Remove old snapshots but so many.
    pub fn prune(&self, keep: usize) -> Result<(), ShelfError> {
        self.shelf.prune(keep)
    }

    /// Let another build at once.
    pub fn leave(self) {
        if let Some(lease) = self.lease {
            lease.release();
        }
    }
}
