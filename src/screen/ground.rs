//! An index and a catalogue that belong together, and how fresh each list is.

use crate::catalogue::{Catalogue, ListNo, MatterNo, WhenStale};
use crate::index::{Index, SnapshotListNo};
use crate::record::Instant;

/// What checks are decided on. Made once for a generation; every check of it sees the same.
#[derive(Clone)]
pub struct Ground {
    /// All lists.
    pub index: Index,
    /// What a hit means.
    pub catalogue: std::sync::Arc<Catalogue>,
    /// By snapshot list: its number in the catalogue, `None` for a list it does not know.
    lists: Vec<Option<ListNo>>,
    /// By catalogue list: when its data was true, `None` when no source delivered it.
    as_of: Vec<Option<Instant>>,
    /// By matter: the last instant at which every list it consults is fresh enough.
    fresh_until: Vec<Instant>,
}

/// Why nothing found on a list is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lag {
    /// No source delivered it.
    Unavailable,
    /// Its data is older than the catalogue allows.
    TooOld {
        /// When it was true.
        as_of: Instant,
    },
    /// Changes to it may be missing.
    Behind {
        /// Since when.
        since: Instant,
    },
}

/// A list that a matter must consult and whose data cannot be relied on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stale {
    /// The list.
    pub list: ListNo,
    /// Why.
    pub lag: Lag,
    /// What follows: an undetermined verdict or a warning.
    pub effect: WhenStale,
}

const DAY_SECONDS: i64 = 86_400;

impl Ground {
    /// Bind a catalogue to an index.
    pub fn new(index: Index, catalogue: std::sync::Arc<Catalogue>) -> Ground {
        let delivered = &index.meta().lists;
        let lists = delivered.iter().map(|list| catalogue.list_no(&list.code)).collect();
        let as_of: Vec<Option<Instant>> = catalogue
            .lists()
            .iter()
            .map(|list| {
                delivered.iter().find(|meta| meta.code == list.code).map(|meta| Instant(meta.as_of))
            })
            .collect();
        let mut ground = Ground { index, catalogue, lists, as_of, fresh_until: Vec::new() };
        let catalogue = &ground.catalogue;
        let fresh_until = |no: u16| {
            let matter = catalogue.matter(MatterNo(no));
            let ends = matter.consults.iter().map(|&list| ground.list_fresh_until(list));
            ends.min().unwrap_or(Instant(i64::MAX))
        };
        ground.fresh_until = (0..=catalogue.all_lists().0).map(fresh_until).collect();
        ground
    }

    /// The catalogue's number of an entry's list.
    #[inline]
    pub fn list(&self, list: SnapshotListNo) -> Option<ListNo> {
        let number = usize::from(list.0);
        match self.lists.get(number) {
            Some(list) => *list,
            None => Some(ListNo((number - self.lists.len()) as u16))
                .filter(|list| usize::from(list.0) < self.catalogue.lists().len()),
        }
    }

    /// The number under which an entry added by a change keeps its list: those of the catalogue,
    /// after those of the snapshot, which may not have had the list delivered.
    pub fn list_number(&self, code: &str) -> Option<u16> {
        let no = self.catalogue.list_no(code)?;
        u16::try_from(self.lists.len() + usize::from(no.0)).ok()
    }

    /// When a list's data was true; `None` when no source delivered it.
    pub fn as_of(&self, list: ListNo) -> Option<Instant> {
        self.as_of[usize::from(list.0)]
    }

    fn list_fresh_until(&self, list: ListNo) -> Instant {
        let age = i64::from(self.catalogue.list(list).max_age_days) * DAY_SECONDS;
        self.as_of(list).map_or(Instant(i64::MIN), |as_of| Instant(as_of.0.saturating_add(age)))
    }

    /// Every list the matter must consult can be relied on at the instant.
    #[inline]
    pub fn is_fresh(&self, matter: MatterNo, at: Instant) -> bool {
        at <= self.fresh_until[usize::from(matter.0)]
    }

    /// Why a list cannot be relied on at the instant; `None` when it can.
    pub fn lag(&self, list: ListNo, at: Instant) -> Option<Lag> {
        (at > self.list_fresh_until(list))
            .then(|| self.as_of(list).map_or(Lag::Unavailable, |as_of| Lag::TooOld { as_of }))
    }
}
