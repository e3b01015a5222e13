//! What is found, and what has changed since an earlier snapshot.

use super::crossing::{Crossing, Finding};
use super::expression::Expression;
use crate::index::{Listed, SubjectNo, SubjectSet};
use crate::record::Identifier;
use crate::screen::Ground;
use std::collections::{HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

/// Subjects of a view.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// What the view's lists are.
    pub ground: &'a Ground,
    /// The view.
    pub listed: Listed<'a>,
    /// The subjects.
    pub subjects: &'a SubjectSet,
}

/// What has changed of a subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It is among the subjects now and was not.
    New,
    /// It was among them and is not any more.
    Gone,
}

impl Change {
    /// The word used in the API and in tables.
    pub fn code(self) -> &'static str {
        match self {
            Change::New => "new",
            Change::Gone => "gone",
        }
    }
}

/// Who is among the subjects now and was not, and who was and is not any more. Numbers of subjects belong to
/// one snapshot, so subjects are compared by what they carry: identifiers that agree, or any entry in common.
pub struct Since {
    /// Of the present view.
    pub new: SubjectSet,
    /// Of the earlier one.
    pub gone: SubjectSet,
}

impl Since {
    /// Compare. Cost: a microsecond for each subject, and a hundred bytes.
    pub fn of(earlier: Side, now: Side) -> Since {
        Since { new: now.without(earlier), gone: earlier.without(now) }
    }
}

/// What an expression asks for, now and, where that is wanted, earlier.
pub struct Findings<'a> {
    expression: &'a Expression,
    now: (Crossing<'a>, &'a SubjectSet),
    earlier: Option<(Crossing<'a>, Since)>,
}

impl<'a> Findings<'a> {
    /// The subjects of an expression, and those that it had earlier.
    pub fn of(
        expression: &'a Expression,
        now: (Crossing<'a>, &'a SubjectSet),
        earlier: Option<(Crossing<'a>, &SubjectSet)>,
    ) -> Findings<'a> {
        let earlier = earlier.map(|(crossing, subjects)| {
            let since = Since::of(crossing.side(subjects), now.0.side(now.1));
            (crossing, since)
        });
        Findings { expression, now, earlier }
    }

    /// What has changed, where an earlier view was given.
    pub fn since(&self) -> Option<&Since> {
        self.earlier.as_ref().map(|(_, since)| since)
    }

    /// Those found, then those who are gone, each with what has changed; so many left out before the first.
    pub fn skip(&self, offset: usize) -> impl Iterator<Item = (Option<Change>, Finding<'a>)> {
        let since = self.since();
        let is_new = move |subject| since.is_some_and(|since| since.new.contains(subject));
        let change = move |subject| (is_new(subject).then_some(Change::New), subject);
        let gone = since.into_iter().flat_map(|since| since.gone.iter());
        let gone = gone.map(|subject| (Some(Change::Gone), subject));
        let all = self.now.1.iter().map(change).chain(gone).skip(offset);
        all.filter_map(|(change, subject)| {
            let crossing = match (&self.earlier, change) {
                (Some((earlier, _)), Some(Change::Gone)) => earlier,
                _ => &self.now.0,
            };
            Some((change, crossing.finding(self.expression, subject)?))
        })
    }
}

impl Side<'_> {
    /// Those who are not among the others.
    fn without(self, others: Side) -> SubjectSet {
        let (mut carried, mut listed) = (HashMap::<u64, Vec<Identifier>>::new(), HashSet::new());
        for subject in others.subjects.iter() {
            for id in others.listed.identifiers_of(subject) {
                carried.entry(id.family().0).or_default().push(id);
            }
            others.each_entry(subject, |entry| {
                listed.insert(entry);
            });
        }
        let is_carried = |id: Identifier| {
            let alike = carried.get(&id.family().0).map_or(&[][..], |alike| alike);
            alike.iter().any(|other| id.agrees(other).is_some())
        };
        let is_unknown = |&subject: &SubjectNo| {
            let mut is_listed = false;
            self.each_entry(subject, |entry| is_listed |= listed.contains(&entry));
            !is_listed && !self.listed.identifiers_of(subject).any(is_carried)
        };
        self.subjects.iter().filter(is_unknown).collect()
    }

    /// Hashes of a subject's entries.
    fn each_entry(self, subject: SubjectNo, mut each: impl FnMut(u64)) {
        for entry in self.listed.entries_of(subject) {
            let list = self.ground.list(entry.list()).map(|no| self.ground.catalogue.list(no));
            let list = list.map_or("", |list| &list.code);
            each(xxh3_64(format!("{list} {}", entry.id()).as_bytes()));
        }
    }
}
