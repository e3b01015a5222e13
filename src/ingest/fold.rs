//! Changes that feeds do not know of yet, folded into what they deliver.

use crate::index::{encoder::id_hash, id_of};
use crate::record::{Entry, Standing, Stood};
use std::collections::BTreeMap;

/// What stood when a build began, and what still stands at its end (see [`crate::record::standing`]).
pub struct Fold {
    before: BTreeMap<u128, Stood>,
    after: BTreeMap<u128, Stood>,
}

/// An entry that changes speak of: as it stands, and what still stands beside it.
pub struct Folded {
    hash: u128,
    /// As it stands.
    pub entry: Entry,
    standing: Standing,
}

impl Fold {
    /// Begin with what stands.
    pub fn new(standing: &[Stood]) -> Fold {
        let by_id = |stood: &Stood| (id_hash(&stood.list, &stood.entry), stood.clone());
        let before: BTreeMap<u128, Stood> = standing.iter().map(by_id).collect();
        Fold { after: before.clone(), before }
    }

    /// An entry as a feed delivers it; `None` where no change speaks of it. Pure.
    pub fn entry(&self, entry: &Entry) -> Option<Folded> {
        if self.before.is_empty() {
            return None;
        }
        let id = id_of(entry);
        let hash = id_hash(&entry.list, &id);
        let standing = &self.before.get(&hash)?.standing;
        // The id stays what it is, whatever it was derived from.
        let effective = Entry { id, ..standing.effective(Some(entry))? };
        Some(Folded { hash, standing: standing.clone().folded(entry), entry: effective })
    }

    /// Note what a feed delivered; of one id the last counts.
    pub fn note(&mut self, folded: Folded) {
        if let Some(stood) = self.after.get_mut(&folded.hash) {
            stood.standing = folded.standing;
        }
    }

    /// Entries that a change listed and no feed delivered, as they stand.
    pub fn undelivered(&self) -> impl Iterator<Item = Entry> {
        self.after.values().filter(|stood| stood.standing.listed.is_some()).filter_map(|stood| {
            let entry = stood.standing.effective(None)?;
            Some(Entry { id: stood.entry.clone(), ..entry })
        })
    }

    /// What still stands, in the order of lists and ids.
    pub fn standing(self) -> Vec<Stood> {
        let standing = self.after.into_values().filter(|stood| !stood.standing.is_empty());
        let mut standing: Vec<Stood> = standing.collect();
        standing.sort_unstable_by(|a, b| (&a.list, &a.entry).cmp(&(&b.list, &b.entry)));
        standing
    }
}
