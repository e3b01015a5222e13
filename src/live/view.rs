//! A generation and the changes since: what a check is decided on.

use super::Generation;
use crate::audit;
use crate::index::{EntryNo, Listed, Overlay, Unfit, keys};
use crate::ledger::{Ledger, LedgerError};
use crate::record::{Change, Instant};
use crate::screen::Basis;
use std::sync::Arc;

/// A ledger that is lost for so long leaves lists unreliable: shorter losses are a reconnection, and
/// a check says of them only that it is behind.
pub const BEHIND_SECONDS_MAX: i64 = 30;

/// Everything a check sees from its first to its last byte. Cloning shares.
#[derive(Clone)]
pub struct View {
    /// A snapshot, its index, the catalogue.
    pub generation: Arc<Generation>,
    /// The changes since the snapshot was built.
    pub overlay: Overlay,
    /// Since when further changes may be missing, where they may: the ledger cannot be reached.
    pub behind: Option<Instant>,
}

impl View {
    /// A generation with the changes that its snapshot holds, and none since.
    pub fn of(generation: Arc<Generation>) -> View {
        let overlay = Overlay::of(&generation.ground.index);
        View { generation, overlay, behind: None }
    }

    /// The lists as they stand.
    pub fn listed(&self) -> Listed<'_> {
        Listed::new(&self.generation.ground.index, &self.overlay)
    }

    /// The keys of the latest changes: what the next build has to take along.
    pub fn keys(&self) -> Vec<keys::Row> {
        self.overlay.keys(&self.generation.ground.index)
    }

    /// What a check at this moment is decided on.
    pub fn basis(&self, now: Instant) -> Basis<'_> {
        let behind = self.behind.filter(|since| now.0 - since.0 > BEHIND_SECONDS_MAX);
        Basis { ground: &self.generation.ground, overlay: &self.overlay, behind }
    }

    /// What a record of the audit log says of it.
    pub fn recorded(&self) -> audit::Ground<'_> {
        let ground = &self.generation.ground;
        audit::Ground {
            snapshot: &ground.index.meta().id,
            change: self.overlay.change(),
            catalogue: *ground.catalogue.hash(),
            behind: self.behind.map(|since| since.0),
        }
    }

    /// An entry as a record of the audit log cites it.
    pub fn cited(&self, no: EntryNo) -> Option<audit::Cited<'_>> {
        let ground = &self.generation.ground;
        let entry = self.listed().entry(no)?;
        let list = &ground.catalogue.list(ground.list(entry.list())?).code;
        Some(audit::Cited { list, entry: entry.text().id })
    }

    /// Take the next change if it fits the state that it meets.
    pub fn apply(&mut self, change: &Change) -> Result<u64, Unfit> {
        let ground = &self.generation.ground;
        let numbers = |code: &str| ground.list_number(code).unwrap_or(u16::MAX);
        self.overlay.apply(&ground.index, change, &numbers)
    }

    /// Take the next change, which was recorded and so fitted once. Where the feeds of this
    /// generation know of it already it changes nothing, and counts all the same.
    pub fn replay(&mut self, change: &Change) {
        if self.apply(change).is_err() {
            self.overlay.pass(change);
        }
    }

    /// Read on to the ledger's end. Cost: microseconds a change.
    pub fn catch_up(&mut self, ledger: &dyn Ledger) -> Result<(), LedgerError> {
        self.catch_up_to(ledger, u64::MAX)
    }

    /// Read on to a change of the ledger, or to its end.
    pub fn catch_up_to(&mut self, ledger: &dyn Ledger, change: u64) -> Result<(), LedgerError> {
        loop {
            let commits = ledger.read(self.overlay.change())?;
            if commits.is_empty() {
                return Ok(());
            }
            for commit in &commits {
                for next in commit.after(self.overlay.change()) {
                    if self.overlay.change() >= change {
                        return Ok(());
                    }
                    self.replay(next);
                }
            }
        }
    }
}
