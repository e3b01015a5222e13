//! Which entries are of one subject.
//!
//! ```text
//! subjects     = row*       row i and row i+1 bound the entries and identifiers of subject i
//! row          = first entry(u32) first place in subject.ids(u32)
//! subject.ids  = number(u32)*
//! ```
//!
//! Entries with an equal or derivable identifier are of one subject, unless that would join two
//! different sound numbers of a kind of which a subject holds one (DESIGN: the veto). Then the
//! identifier stays with all who carry it, joins none of them, and a question by it finds all. An entry whose own identifiers
//! contradict one another is joined with nobody, or it would carry one company's record to another.

use crate::record::{Agreement, Identifier, IdentifierKind, SubjectKind};
use smallvec::SmallVec;
use std::collections::HashSet;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// See the [module](self).
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Clone, Copy, Default, PartialEq, Debug)]
#[repr(C)]
pub struct Row {
    pub(super) first_entry: u32,
    pub(super) first_id: u32,
}

const NONE: u32 = u32::MAX;

/// Identifiers of which a subject holds one: a body's, a resident's, a permit holder's, a vehicle's.
const CLASSES: usize = 4;

fn class(identifier: &Identifier) -> Option<usize> {
    identifier.decides().then(|| match identifier.kind() {
        IdentifierKind::Uscc | IdentifierKind::OrgCode => 0,
        IdentifierKind::ResidencePermit => 2,
        IdentifierKind::VehiclePlate => 3,
        _ => 1,
    })
}

/// Of which classes a subject has an identifier that decides, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Decided(u8);

impl Decided {
    /// By one identifier.
    pub fn by(identifier: &Identifier) -> Decided {
        Decided(class(identifier).map_or(0, |class| 1 << class))
    }

    /// By any of both.
    pub fn or(self, other: Decided) -> Decided {
        Decided(self.0 | other.0)
    }

    /// A subject of this kind is told from others of it. Of an individual business its owner's number may be all
    /// that is known, and a vehicle's plate says neither who its holder is nor who is not.
    pub fn tells(self, kind: SubjectKind) -> bool {
        let classes = match kind {
            SubjectKind::Organisation | SubjectKind::IndividualBusiness => 0b0001,
            SubjectKind::NaturalPerson => 0b0110,
            SubjectKind::Vehicle => 0b1000,
        };
        self.0 & classes != 0
    }
}

/// A distinct identifier with the entries that carry it.
pub(super) struct Carried<'a> {
    pub number: u32,
    pub identifier: Identifier,
    pub entries: &'a [u32],
}

/// A forest of entries whose trees are the subjects, each root knowing its decisive identifiers.
pub(super) struct Grouping<'a, Get> {
    parent: Vec<u32>,
    decisive: [Vec<u32>; CLASSES],
    /// Entries whose own identifiers contradict one another: they are joined with nobody.
    torn: HashSet<u32>,
    get: &'a Get,
    /// Identifiers that would have joined two subjects and did not.
    pub shared: u64,
}

impl<'a, Get: Fn(u32) -> Identifier> Grouping<'a, Get> {
    /// Every entry by itself. `get` answers the identifier of a number.
    pub fn new(entries: usize, get: &'a Get) -> Grouping<'a, Get> {
        Grouping {
            parent: (0..entries as u32).collect(),
            decisive: [(); CLASSES].map(|()| vec![NONE; entries]),
            torn: HashSet::new(),
            get,
            shared: 0,
        }
    }

    /// First every decisive identifier is noted with its entries, so that the veto sees it.
    pub fn note(&mut self, carried: &Carried) {
        let Some(class) = class(&carried.identifier) else { return };
        for &entry in carried.entries {
            let noted = &mut self.decisive[class][entry as usize];
            if *noted == NONE {
                *noted = carried.number;
                continue;
            }
            let before = (self.get)(*noted);
            if before.contradicts(&carried.identifier) {
                self.torn.insert(entry);
            }
            if before.text().len() < carried.identifier.text().len() {
                *noted = carried.number;
            }
        }
    }

    /// Then the entries of one identifier are joined; none of them where two cannot be of one subject: whose
    /// the identifier is cannot be told.
    pub fn join(&mut self, carried: &Carried) {
        let whole = carried.entries.iter().copied().filter(|entry| !self.torn.contains(entry));
        let entries: SmallVec<[u32; 8]> = whole.collect();
        if self.is_contested(&entries) {
            self.shared += 1;
            return;
        }
        for pair in entries.windows(2) {
            self.union(pair[0], pair[1]);
        }
    }

    /// The decisive identifiers of the subjects of some entries contradict one another.
    fn is_contested(&mut self, entries: &[u32]) -> bool {
        let mut roots: SmallVec<[u32; 8]> = entries.iter().map(|&entry| self.root(entry)).collect();
        roots.sort_unstable();
        roots.dedup();
        self.decisive.iter().any(|class| {
            let numbers = roots.iter().map(|&root| class[root as usize]).filter(|&no| no != NONE);
            let mut distinct: SmallVec<[u32; 8]> = numbers.collect();
            distinct.sort_unstable();
            distinct.dedup();
            let [first, others @ ..] = &distinct[..] else { return false };
            // Of three that agree in pairs with one of them, two may contradict each other.
            let mut all = vec![(self.get)(*first)];
            others.iter().any(|&number| {
                all.push((self.get)(number));
                let (last, before) = all.split_last().expect("just pushed");
                before.iter().any(|one| one.contradicts(last))
            })
        })
    }

    /// And those of identifiers that are derived from one another, where that is unambiguous:
    /// `family` holds the distinct identifiers of one family.
    pub fn join_family(&mut self, family: &[Carried]) {
        for short in family {
            let mut longer = family.iter().filter(|long| {
                long.identifier.text().len() > short.identifier.text().len()
                    && short.identifier.agrees(&long.identifier) == Some(Agreement::Derived)
                    && !long.entries.is_empty()
            });
            let Some(only) = longer.next() else { continue };
            let whole = |carried: &Carried| {
                carried.entries.iter().copied().find(|entry| !self.torn.contains(entry))
            };
            let joined = match (whole(short), whole(only)) {
                _ if longer.next().is_some() => false,
                (Some(a), Some(b)) => self.union(a, b),
                _ => true,
            };
            self.shared += u64::from(!joined);
        }
    }

    fn union(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return true;
        }
        let numbers =
            |class: usize| (self.decisive[class][a as usize], self.decisive[class][b as usize]);
        let vetoed = (0..CLASSES).map(numbers).any(|(of_a, of_b)| {
            of_a != NONE
                && of_b != NONE
                && of_a != of_b
                && (self.get)(of_a).contradicts(&(self.get)(of_b))
        });
        if vetoed {
            return false;
        }
        let (root, child) = (a.min(b), a.max(b));
        for class in 0..CLASSES {
            let joined = self.decisive[class][child as usize];
            let kept = &mut self.decisive[class][root as usize];
            let length = |number: u32| (self.get)(number).text().len();
            if joined != NONE && (*kept == NONE || length(*kept) < length(joined)) {
                *kept = joined;
            }
        }
        self.parent[child as usize] = root;
        true
    }

    /// The root of an entry's tree: the same for all entries of a subject, and the smallest of them.
    pub fn root(&mut self, mut entry: u32) -> u32 {
        while self.parent[entry as usize] != entry {
            let above = self.parent[self.parent[entry as usize] as usize];
            self.parent[entry as usize] = above;
            entry = above;
        }
        entry
    }

    /// What the identifiers of the subject of this root decide.
    pub fn decided(&self, root: u32) -> Decided {
        let bit = |class: usize| u8::from(self.decisive[class][root as usize] != NONE) << class;
        Decided((0..CLASSES).map(bit).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of (identifier, entries that carry it) and the groups expected.
    fn check(rows: &[(&str, &[u32])], entries: usize, expected: &[&[u32]], shared: u64) {
        let ids: Vec<Identifier> =
            rows.iter().map(|(raw, _)| Identifier::recognise(raw).unwrap()).collect();
        let get = |number: u32| ids[number as usize].clone();
        let carried: Vec<Carried> = rows
            .iter()
            .enumerate()
            .map(|(number, (_, entries))| Carried {
                number: number as u32,
                identifier: ids[number].clone(),
                entries,
            })
            .collect();
        let mut grouping = Grouping::new(entries, &get);
        carried.iter().for_each(|c| grouping.note(c));
        carried.iter().filter(|c| c.identifier.kind().is_decisive()).for_each(|c| grouping.join(c));
        grouping.join_family(&carried);
        carried
            .iter()
            .filter(|c| !c.identifier.kind().is_decisive())
            .for_each(|c| grouping.join(c));
        for group in expected {
            let roots: Vec<u32> = group.iter().map(|&entry| grouping.root(entry)).collect();
            assert!(
                roots.iter().all(|&root| root == roots[0]),
                "{group:?} is one subject: {roots:?}"
            );
        }
        let firsts: Vec<u32> = expected.iter().map(|group| grouping.root(group[0])).collect();
        for (at, root) in firsts.iter().enumerate() {
            assert!(!firsts[..at].contains(root), "{expected:?} are different subjects");
        }
        assert_eq!(grouping.shared, shared);
    }

    #[test]
    fn entries_are_joined_by_any_derivable_identifier_and_the_veto_keeps_apart() {
        let a = "91320500MA0000015D";
        let b = "91320505MA0000023G";
        check(&[(a, &[0, 1]), ("MA0000015", &[2])], 3, &[&[0, 1, 2]], 0);
        check(&[(a, &[0]), ("320500000000001", &[0, 1])], 2, &[&[0, 1]], 0);
        check(&[(a, &[0]), (b, &[1]), ("320500000000001", &[0, 1])], 2, &[&[0], &[1]], 1);
        check(&[("110101000101001", &[0]), ("110101190001010014", &[1])], 2, &[&[0, 1]], 0);
        // a row that names two companies is neither's
        check(&[(a, &[0]), (b, &[1]), ("MA0000015", &[1])], 2, &[&[0], &[1]], 0);
        // one organisation code in two sound USCCs: the row with the code alone stays by itself
        check(&[(a, &[0]), ("92320500MA0000015B", &[1]), ("MA0000015", &[2])], 3, &[&[2]], 1);
        // a number that two companies carry: a row with that number alone is neither's, whatever its place
        for [x, y, alone] in [[0, 1, 2], [0, 2, 1], [1, 2, 0]] {
            let (all, x, y) = ([0, 1, 2], [x], [y]);
            let rows: [(&str, &[u32]); 3] = [(a, &x), (b, &y), ("320500000000001", &all)];
            check(&rows, 3, &[&x, &y, &[alone]], 1);
        }
        check(&[("E12345678", &[0, 1]), ("E12345679", &[1, 2])], 3, &[&[0, 1, 2]], 0);
    }
}
