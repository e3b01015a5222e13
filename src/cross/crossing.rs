//! An expression on a day.

use super::expression::{Expression, Filter};
use super::in_force::InForce;
use super::since::Side;
use crate::catalogue::List;
use crate::index::{EntryView, Listed, SubjectNo, SubjectSet};
use crate::record::{Identifier, ListKind, SubjectKind};
use crate::screen::Ground;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A view on a day, of which expressions are asked.
#[derive(Clone, Copy)]
pub struct Crossing<'a> {
    ground: &'a Ground,
    listed: Listed<'a>,
    in_force: &'a InForce,
    only: Option<&'a BTreeSet<String>>,
}

/// What an expression asks for, and all that it speaks of.
struct Sets<'a> {
    asked: Cow<'a, SubjectSet>,
    spoken_of: Cow<'a, SubjectSet>,
}

/// Who decided, or keeps the list where that is not recorded.
pub fn authority<'a>(entry: &EntryView<'a>, list: &'a List) -> &'a str {
    if entry.authority().is_empty() { &list.authority } else { entry.authority() }
}

/// An entry in force and its list.
pub type Met<'a> = (EntryView<'a>, &'a List);

/// A subject that an expression asks for.
pub struct Finding<'a> {
    /// Its number.
    pub subject: SubjectNo,
    /// What it is.
    pub kind: SubjectKind,
    /// Its name, as the first of its entries on lists that are told of has it.
    pub name: &'a str,
    /// Its identifiers; none where it is known by a name alone.
    pub identifiers: Vec<Identifier>,
    /// What meets the first side of the expression.
    pub left: Vec<Met<'a>>,
    /// What meets the others; none where the expression has one side.
    pub right: Vec<Met<'a>>,
    /// Its places on red lists that stand against a black list or a ban, each with the first such entry. A
    /// subject that is both is favoured by nothing; to withdraw the place is for whoever gave it.
    pub withdrawn: Vec<(Met<'a>, Met<'a>)>,
}

impl<'a> Crossing<'a> {
    /// Of a view, for the day of `in_force`, which must be of the same view.
    pub fn new(ground: &'a Ground, listed: Listed<'a>, in_force: &'a InForce) -> Crossing<'a> {
        Crossing { ground, listed, in_force, only: None }
    }

    /// The same, whose findings tell only of lists of these codes, or of all. No expression that it is asked
    /// may speak of others.
    pub fn telling(self, only: Option<&'a BTreeSet<String>>) -> Crossing<'a> {
        Crossing { only, ..self }
    }

    /// The subjects that an expression asks for. Cost: that of its sets, milliseconds for millions; a pass
    /// over all entries for each part that asks for more than lists and kinds.
    pub fn subjects(&self, expression: &Expression) -> SubjectSet {
        self.sets(expression).asked.into_owned()
    }

    /// The same; and how many subjects with entries that it speaks of, on either side of any sign, are known
    /// by a name or hidden digits alone: they were compared with nobody.
    pub fn subjects_and_unidentified(&self, expression: &Expression) -> (SubjectSet, u64) {
        let Sets { asked, spoken_of } = self.sets(expression);
        (asked.into_owned(), spoken_of.common(self.in_force.unidentified()))
    }

    /// Some of its subjects, to be compared with those of another view.
    pub fn side<'s>(&'s self, subjects: &'s SubjectSet) -> Side<'s> {
        Side { ground: self.ground, listed: self.listed, subjects }
    }

    fn sets(&self, expression: &Expression) -> Sets<'a> {
        let (a, b, pair): (_, _, fn(&SubjectSet, &SubjectSet) -> SubjectSet) = match expression {
            Expression::Entry(filters) => {
                let asked = self.set(expression, filters);
                return Sets { spoken_of: asked.clone(), asked };
            }
            Expression::Both(a, b) => (a, b, |a, b| a & b),
            Expression::Any(a, b) => (a, b, |a, b| a | b),
            Expression::Without(a, b) => (a, b, |a, b| a - b),
        };
        let (a, b) = (self.sets(a), self.sets(b));
        Sets {
            asked: Cow::Owned(pair(&a.asked, &b.asked)),
            spoken_of: Cow::Owned(&*a.spoken_of | &*b.spoken_of),
        }
    }

    fn set(&self, expression: &Expression, filters: &[Filter]) -> Cow<'a, SubjectSet> {
        match filters {
            [Filter::List(list)] => Cow::Borrowed(self.in_force.list(*list)),
            [Filter::Kind(kind)] => Cow::Borrowed(self.in_force.kind(*kind)),
            [Filter::All] => {
                let kinds = ListKind::ALL.iter().map(|&kind| self.in_force.kind(kind));
                Cow::Owned(kinds.fold(SubjectSet::default(), |all, kind| &all | kind))
            }
            _ => Cow::Owned(self.with_entry(expression)),
        }
    }

    /// Subjects with an entry in force that an expression asks for.
    fn with_entry(&self, expression: &Expression) -> SubjectSet {
        let entries = self.listed.entries();
        let wanted = entries.filter(|entry| self.list_of(entry, &[expression]).is_some());
        let subjects = wanted.map(|entry| entry.subject());
        subjects.map(|subject| self.listed.joined(subject).unwrap_or(subject)).collect()
    }

    /// The list of an entry in force that one of these asks for.
    fn list_of(&self, entry: &EntryView, wanted: &[&Expression]) -> Option<&'a List> {
        if !entry.counts_on(self.in_force.day()) {
            return None;
        }
        let no = self.ground.list(entry.list())?;
        let list = self.ground.catalogue.list(no);
        wanted.iter().any(|wanted| wanted.asks_for(entry, no, list)).then_some(list)
    }

    /// A subject with its entries in force and what follows; `None` where none is. Cost: microseconds.
    pub fn finding(&self, expression: &Expression, subject: SubjectNo) -> Option<Finding<'a>> {
        let (first, rest) = expression.sides();
        let entries: Vec<EntryView> = self.listed.entries_of(subject).collect();
        let met = |wanted: &[&Expression]| -> Vec<Met<'a>> {
            let met =
                entries.iter().filter_map(|entry| Some((*entry, self.list_of(entry, wanted)?)));
            met.collect()
        };
        let everything = Expression::Entry(vec![Filter::All]);
        let mut all = met(&[&everything]);
        // Whoever is a person by any entry is masked as one.
        let is_person = all.iter().any(|(entry, _)| entry.kind() == SubjectKind::NaturalPerson);
        all.retain(|(_, list)| self.only.is_none_or(|only| only.contains(&list.code)));
        let (shown, _) = all.first()?;
        let black = all.iter().find(|(_, list)| list.kind.is_black());
        let red = all.iter().filter(|(_, list)| list.kind == ListKind::Red);
        Some(Finding {
            subject,
            kind: if is_person { SubjectKind::NaturalPerson } else { shown.kind() },
            name: shown.name(),
            identifiers: self.listed.identifiers_of(subject).collect(),
            left: met(&first),
            right: met(&rest),
            withdrawn: black
                .map(|black| red.map(|red| (*red, *black)).collect())
                .unwrap_or_default(),
        })
    }
}
