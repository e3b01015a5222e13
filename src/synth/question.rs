//! Subjects to ask for, listed or not.

use super::draw::{Draw, Topic};
use super::number::{NUMBERS, Realm};
use super::{City, rates};
use crate::record::{Subject, SubjectKind};

/// A subject as a handler would give it, and where the city lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// Real name and full identifiers.
    pub subject: Subject,
    /// An entry of this subject; `None`: no entry has its identifiers, though one may have its name.
    pub listed: Option<u64>,
}

/// Question `i` of a mixed load: mostly misses, [`rates::QUESTIONS_LISTED`] hits.
pub fn question(city: &City, i: u64) -> Question {
    let mut draw = Draw::new(city.plan().seed, Topic::Question, i);
    if draw.of_10k(rates::QUESTIONS_LISTED) {
        listed(city, draw.below(city.len()))
    } else {
        clean(city, i)
    }
}

/// The subject of an entry, by its real name and all its numbers. It may be on further entries, and
/// the entry may be out of force or a row that is rejected.
pub fn listed(city: &City, number: u64) -> Question {
    let listing = city.listing(number);
    let name = listing.real_name().to_owned();
    let subject = Subject {
        name,
        ids: listing.real_ids,
        other_names: Vec::new(),
        masked: None,
        related: Vec::new(),
        ..listing.entry.subject
    };
    Question { subject, listed: Some(number) }
}

/// A subject whose identifiers are valid and on no entry; `i` counts modulo 50 million.
pub fn clean(city: &City, i: u64) -> Question {
    let number = i % NUMBERS;
    let person = Draw::new(city.plan().seed, Topic::Question, !number).of_10k(3_000);
    let kind = if person { SubjectKind::NaturalPerson } else { SubjectKind::Organisation };
    let party = city.party(Realm::Clean, number, kind);
    let subject = Subject {
        kind,
        name: party.name,
        other_names: Vec::new(),
        ids: vec![party.id],
        masked: None,
        related: Vec::new(),
    };
    Question { subject, listed: None }
}
