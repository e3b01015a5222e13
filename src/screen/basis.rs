//! What a check is decided on.

use super::{Ground, Lag, Stale};
use crate::catalogue::{ListNo, MatterNo};
use crate::index::{Listed, Overlay};
use crate::record::Instant;

/// See the [module](self). A check has one from its first to its last byte.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// All lists as built, and what a hit means.
    pub ground: &'a Ground,
    /// The changes since, applied over that very index.
    pub overlay: &'a Overlay,
    /// Since when further changes may be missing; `None` while all of them are known.
    pub behind: Option<Instant>,
}

impl<'a> Basis<'a> {
    /// A ground and its changes, none of which is missing.
    pub fn new(ground: &'a Ground, overlay: &'a Overlay) -> Basis<'a> {
        Basis { ground, overlay, behind: None }
    }

    /// Why a list cannot be relied on at the instant; `None` when it can. Changes that may be missing count
    /// whatever the instant: a listing, a repair, a revocation say what was so before they came.
    pub fn lag(self, list: ListNo, at: Instant) -> Option<Lag> {
        let behind = self.behind.map(|since| Lag::Behind { since });
        self.ground.lag(list, at).or(behind)
    }

    /// The lists that the matter must consult and cannot rely on, in its order.
    pub fn stale(self, matter: MatterNo, at: Instant) -> impl Iterator<Item = Stale> {
        let consults = &self.ground.catalogue.matter(matter).consults;
        consults.iter().filter_map(move |&list| self.stale_list(list, at))
    }

    /// A list that cannot be relied on, and what follows.
    pub fn stale_list(self, list: ListNo, at: Instant) -> Option<Stale> {
        let effect = self.ground.catalogue.list(list).when_stale;
        self.lag(list, at).map(|lag| Stale { list, lag, effect })
    }

    /// The lists as they stand.
    pub fn listed(self) -> Listed<'a> {
        Listed::new(&self.ground.index, self.overlay)
    }
}
