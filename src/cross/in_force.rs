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

/// The lists that a subject is on.
type Lists = SmallVec<[ListNo; 8]>;

/// What is gathered in the pass.
struct Gathered {
    lists: Vec<Vec<SubjectNo>>,
    unidentified: Vec<SubjectNo>,
    matrix: Vec<u64>,
}

impl Gathered {
    fn add(&mut self, subject: SubjectNo, met: &[ListNo], listed: Listed) {
        let all = self.lists.len();
        if !met.is_empty() && !listed.is_identified(subject) {
            self.unidentified.push(subject);
        }
        for &list in met {
            let at = usize::from(list.0);
            self.lists[at].push(subject);
            for other in met {
                self.matrix[at * all + usize::from(other.0)] += 1;
            }
        }
    }
}

impl InForce {
    /// On this day.
    pub fn on(ground: &Ground, listed: Listed, day: Day) -> InForce {
        let lists = ground.catalogue.lists();
        let mut gathered = Gathered {
            lists: vec![Vec::new(); lists.len()],
            unidentified: Vec::new(),
            matrix: vec![0; lists.len() * lists.len()],
        };
        // Entries come by subject, but for those that changes joined.
        let mut joined: BTreeMap<SubjectNo, Lists> = BTreeMap::new();
        let (mut subject, mut met) = (None, Lists::new());
        for entry in listed.entries().filter(|entry| entry.counts_on(day)) {
            let Some(list) = ground.list(entry.list()) else { continue };
            let of = entry.subject();
            if subject != Some(of) {
                if let Some(subject) = subject {
                    gathered.add(subject, &met, listed);
                }
                subject = Some(of);
                met.clear();
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
            gathered.add(subject, &met, listed);
        }
        for (subject, met) in joined {
            gathered.add(subject, &met, listed);
        }
        let sets: Vec<SubjectSet> = gathered.lists.into_iter().map(SubjectSet::from_iter).collect();
        let kind = |kind: ListKind| {
            let of_kind = lists.iter().zip(&sets).filter(|(list, _)| list.kind == kind);
            of_kind.fold(SubjectSet::default(), |all, (_, set)| &all | set)
        };
        InForce {
            day,
            kinds: ListKind::ALL.map(kind),
            lists: sets,
            matrix: gathered.matrix,
            unidentified: SubjectSet::from_iter(gathered.unidentified),
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
