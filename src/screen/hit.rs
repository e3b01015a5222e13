//! An entry that the subject meets, how, and how surely.

use super::Ground;
use crate::catalogue::{ListNo, MatterNo};
use crate::index::{EntryNo, EntryView};
use crate::record::{IdentifierKind, Role};

/// How a subject meets an entry, strongest first (DESIGN 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Grade {
    /// A full identifier is equal, directly or by derivation. The only one that decides.
    Identifier,
    /// The names are equal and the full identifier fits the hidden one.
    MaskedIdentifier,
    /// The names are equal, if need be but for script and legal form, and nothing contradicts.
    Name,
    /// The names are alike, and nothing contradicts.
    SimilarName,
}

impl Grade {
    /// Every grade, strongest first.
    pub const ALL: [Grade; 4] =
        [Grade::Identifier, Grade::MaskedIdentifier, Grade::Name, Grade::SimilarName];

    /// The word used in the API.
    pub fn code(self) -> &'static str {
        match self {
            Grade::Identifier => "identifier",
            Grade::MaskedIdentifier => "masked_identifier",
            Grade::Name => "name",
            Grade::SimilarName => "similar_name",
        }
    }
}

/// See the [module](self).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// The entry.
    pub entry: EntryNo,
    /// Its list, in the catalogue.
    pub list: ListNo,
    /// How surely.
    pub grade: Grade,
    /// The kind of the identifier that is equal.
    pub on: Option<IdentifierKind>,
    /// What the asked subject is to the listed one; `None`: it is the listed one.
    pub relation: Option<Role>,
    /// The matter consults the list; others are kept for the conflict of red and black alone.
    pub consulted: bool,
    /// The identifier is equal by derivation only.
    pub derived: bool,
    /// How like the names are, where they are only that: its place in
    /// [`SubjectDecision::likenesses`](super::SubjectDecision::likenesses).
    pub likeness: Option<usize>,
    /// The identifier is equal and the name very different.
    pub name_differs: bool,
    /// The names are equal but for script, legal form or how a person's surname is written.
    pub name_variant: bool,
    /// The name met is a former one or an alias.
    pub former_name: bool,
    /// It was given up and is another listed subject's now: nothing but a reminder follows.
    pub name_taken_over: bool,
}

impl Hit {
    /// A plain hit of an entry, `None` where the catalogue does not know its list.
    pub fn of(ground: &Ground, matter: MatterNo, entry: &EntryView, grade: Grade) -> Option<Hit> {
        let list = ground.list(entry.list())?;
        Some(Hit::plain(entry.no, list, grade, ground.catalogue.consults(matter, list)))
    }

    /// A hit of an entry on a list, of which nothing else is to be known.
    pub fn plain(entry: EntryNo, list: ListNo, grade: Grade, consulted: bool) -> Hit {
        Hit {
            entry,
            list,
            grade,
            on: None,
            relation: None,
            consulted,
            derived: false,
            likeness: None,
            name_differs: false,
            name_variant: false,
            former_name: false,
            name_taken_over: false,
        }
    }

    /// Strongest first: oneself before relations, then the grade.
    pub fn rank(&self) -> (Option<Role>, Grade, bool, EntryNo) {
        (self.relation, self.grade, self.derived, self.entry)
    }

    /// The subject itself, by an identifier.
    pub fn is_confirmed(&self) -> bool {
        self.grade == Grade::Identifier && self.relation.is_none()
    }
}
