//! Who is on which list on a day.

use crate::catalogue::ListNo;
use crate::index::{Listed, SubjectNo, SubjectSet};
use crate::record::{Day, ListKind};
use crate::screen::Ground;
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// The subjects of every list whose entries count on a day. Cost: one pass over all entries, about 20 ns
/// each; then everything else is a matter of sets.
pub struct InForce {
    day: Day,
    /// By [`ListNo`].
    lists: Vec<SubjectSet>,
    /// By the number of the kind.
    kinds: [SubjectSet; ListKind::ALL.len()],
    /// Row by row, a list against each.
    matrix: Vec<u64>,
    unidentified: SubjectSet,
}

type Lists = SmallVec<[ListNo; 8]>;

impl InForce {
    /// On this day.
    pub fn on(ground: &Ground, listed: Listed, day: Day) -> InForce {
        let lists = ground.catalogue.lists();
        let kinds = lists.iter().map(|list| list.kind as usize).collect::<Vec<_>>();
        let mut found = InForce {
            day,
            lists: vec![SubjectSet::default(); lists.len()],
            kinds: Default::default(),
            matrix: vec![0; lists.len() * lists.len()],
            unidentified: SubjectSet::default(),
        };
        // Entries come by subject, but for those that changes joined.
        let mut joined: BTreeMap<SubjectNo, Lists> = BTreeMap::new();
        let (mut subject, mut met) = (None, Lists::new());
        for entry in listed.entries().filter(|entry| entry.counts_on(day)) {
            let Some(list) = ground.list(entry.list()) else { continue };
            let of = entry.subject();
            if subject != Some(of) {
                if let Some(subject) = subject {
                    found.add(subject, &met, &kinds, listed);
                }
                (subject, met) = (Some(of), Lists::new());
            }
            let met = match listed.joined(of) {
                Some(whole) => joined.entry(whole).or_default(),
                None => &mut met,
            };
            if !met.contains(&list) {
                met.push(list);
            }
        }
        if let Some(subject) = subject {
            found.add(subject, &met, &kinds, listed);
        }
        for (subject, met) in joined {
            found.add(subject, &met, &kinds, listed);
        }
        found
    }

    fn add(&mut self, subject: SubjectNo, met: &[ListNo], kinds: &[usize], listed: Listed) {
        let all = self.lists.len();
        if !met.is_empty() && listed.identifiers_of(subject).next().is_none() {
            self.unidentified.insert(subject);
        }
        for &list in met {
            let at = usize::from(list.0);
            self.lists[at].insert(subject);
            self.kinds[kinds[at]].insert(subject);
            for other in met {
                self.matrix[at * all + usize::from(other.0)] += 1;
            }
        }
    }

    /// The day.
    pub fn day(&self) -> Day {
        self.day
    }

    /// Who is on a list.
    pub fn list(&self, list: ListNo) -> &SubjectSet {
        &self.lists[usize::from(list.0)]
    }

    /// Who is on any list of a kind.
    pub fn kind(&self, kind: ListKind) -> &SubjectSet {
        &self.kinds[kind as usize]
    }

    /// How many are on both lists; on one where both are the same.
    pub fn on_both(&self, a: ListNo, b: ListNo) -> u64 {
        self.matrix[usize::from(a.0) * self.lists.len() + usize::from(b.0)]
    }

    /// Subjects without any identifier, known by a name or hidden digits alone: nothing says whether one on
    /// a list is one on another.
    pub fn unidentified(&self) -> &SubjectSet {
        &self.unidentified
    }
}
