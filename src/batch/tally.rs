//! What was met, counted.

use crate::catalogue::ListNo;
use crate::index::EntryNo;
use crate::screen::{Grade, SubjectDecision, Verdict};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Rows that are not blank.
    pub rows: u64,
    /// Rows that could not be read: only the rejects have them.
    pub rejected: u64,
    /// Rows whose subject cannot be asked about.
    pub unaskable: u64,
    /// Rows of a subject that meets an entry.
    pub hits: u64,
    /// Rows by verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [u64; Verdict::ALL.len()],
    /// Rows by how surely they meet an entry at the best, in the order of [`Grade::ALL`].
    pub grades: [u64; Grade::ALL.len()],
    /// Rows that meet an entry of a list.
    pub lists: BTreeMap<ListNo, u64>,
    /// Entries that are met or stand against such ones, some more than once.
    met: Vec<EntryNo>,
}

/// Entries of which those that are there twice are looked for again when they are twice as many.
const MET_MIN: usize = 1 << 16;

impl Tally {
    /// Count what was decided for a row.
    pub fn count(&mut self, decided: &SubjectDecision) {
        self.rows += 1;
        self.verdicts[decided.verdict as usize] += 1;
        let Some(best) = decided.hits.iter().map(|hit| hit.grade).min() else { return };
        self.hits += 1;
        self.meet(decided.hits.iter().map(|hit| hit.entry));
        self.meet(decided.conflicts.iter().flat_map(|conflict| [conflict.red, conflict.black]));
        self.grades[best as usize] += 1;
        let mut lists: SmallVec<[ListNo; 8]> = decided.hits.iter().map(|hit| hit.list).collect();
        lists.sort_unstable();
        lists.dedup();
        lists.into_iter().for_each(|list| *self.lists.entry(list).or_default() += 1);
    }

    /// The entries that are met, and those of other lists that stand against them, in order.
    pub fn met(&self) -> Vec<EntryNo> {
        let mut met = self.met.clone();
        met.sort_unstable();
        met.dedup();
        met
    }

    fn meet(&mut self, entries: impl Iterator<Item = EntryNo>) {
        self.met.extend(entries);
        if self.met.len() >= MET_MIN && self.met.len() == self.met.capacity() {
            self.met = self.met();
            self.met.reserve(self.met.len());
        }
    }

    /// Count a row of a subject that meets no entry.
    pub fn count_clear(&mut self, verdict: Verdict) {
        self.rows += 1;
        self.verdicts[verdict as usize] += 1;
    }

    /// Count a row whose subject cannot be asked about.
    pub fn count_unaskable(&mut self) {
        self.unaskable += 1;
        self.count_clear(Verdict::Undetermined);
    }

    /// Count a row that could not be read.
    pub fn count_rejected(&mut self) {
        self.rows += 1;
        self.rejected += 1;
    }

    /// Add another's counts.
    pub fn add(&mut self, other: &Tally) {
        self.rows += other.rows;
        self.rejected += other.rejected;
        self.unaskable += other.unaskable;
        self.hits += other.hits;
        self.meet(other.met.iter().copied());
        let add = |to: &mut [u64], from: &[u64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        add(&mut self.verdicts, &other.verdicts);
        add(&mut self.grades, &other.grades);
        for (&list, count) in &other.lists {
            *self.lists.entry(list).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::{Conflict, Hit};

    #[test]
    fn what_stands_against_an_entry_is_met_too() {
        let hit = Hit::plain(EntryNo(7), ListNo(0), Grade::Identifier, true);
        let conflicts = vec![Conflict { red: EntryNo(3), black: EntryNo(7) }];
        let decided = SubjectDecision { hits: vec![hit], conflicts, ..SubjectDecision::default() };
        let mut tally = Tally::default();
        tally.count(&decided);
        assert_eq!((tally.hits, tally.met()), (1, vec![EntryNo(3), EntryNo(7)]));
    }
}
