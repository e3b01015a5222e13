//! Who is listed: names, identifiers, related persons.

use super::{Day, Identifier, MaskedIdentifier};

/// What a subject is.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum SubjectKind {
    /// A legal person or other organisation.
    Organisation = 0,
    /// 个体工商户: a USCC of its own and a natural person behind it.
    IndividualBusiness = 1,
    /// A natural person.
    NaturalPerson = 2,
    /// A vehicle, on transport lists.
    Vehicle = 3,
}

impl SubjectKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [SubjectKind; 4] = [
        SubjectKind::Organisation,
        SubjectKind::IndividualBusiness,
        SubjectKind::NaturalPerson,
        SubjectKind::Vehicle,
    ];

    /// The word used in the API, the mappings and the documents.
    pub fn code(self) -> &'static str {
        match self {
            SubjectKind::Organisation => "organisation",
            SubjectKind::IndividualBusiness => "individual_business",
            SubjectKind::NaturalPerson => "natural_person",
            SubjectKind::Vehicle => "vehicle",
        }
    }

    /// An organisation or an individual business, which feeds do not tell apart.
    pub fn is_body(self) -> bool {
        matches!(self, SubjectKind::Organisation | SubjectKind::IndividualBusiness)
    }

    /// The kind of a code, or `None`.
    pub fn from_code(code: &str) -> Option<SubjectKind> {
        SubjectKind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The kind of a number, or `None`.
    pub fn from_number(number: u8) -> Option<SubjectKind> {
        SubjectKind::ALL.get(usize::from(number)).copied()
    }
}

/// How a person or body is related to a subject.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// 法定代表人
    LegalRepresentative = 0,
    /// 主要负责人, 直接责任人
    PersonInCharge = 1,
    /// 实际控制人
    Controller = 2,
    /// The body whose branch the subject is.
    Parent = 3,
    /// A branch of the subject.
    Branch = 4,
}

impl Role {
    /// Every role, in the order of their numbers.
    pub const ALL: [Role; 5] = [
        Role::LegalRepresentative,
        Role::PersonInCharge,
        Role::Controller,
        Role::Parent,
        Role::Branch,
    ];

    /// The word used in the API, the mappings, the catalogue and the documents.
    pub fn code(self) -> &'static str {
        match self {
            Role::LegalRepresentative => "legal_representative",
            Role::PersonInCharge => "person_in_charge",
            Role::Controller => "controller",
            Role::Parent => "parent",
            Role::Branch => "branch",
        }
    }

    /// The role of a code, or `None`.
    pub fn from_code(code: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }

    /// The role of a number, or `None`.
    pub fn from_number(number: u8) -> Option<Role> {
        Role::ALL.get(usize::from(number)).copied()
    }
}

/// A name that a subject bore until a day (曾用名), or bears beside its own (`until` is `None`).
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct FormerName {
    /// The name as recorded.
    pub name: String,
    /// The last day it was borne; `None` where no day is recorded.
    pub until: Option<Day>,
}

/// A person or body related to a subject, as an entry names it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Related {
    /// How it is related.
    pub role: Role,
    /// Its name, empty where none is recorded.
    pub name: String,
    /// Its identifier, where one is recorded in full.
    pub id: Option<Identifier>,
}

/// Who an entry lists. Names are as recorded: folding makes keys only.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// The name as recorded.
    pub name: String,
    /// Former names and aliases.
    pub other_names: Vec<FormerName>,
    /// Full identifiers.
    pub ids: Vec<Identifier>,
    /// An identifier with hidden digits, where that is all that was published.
    pub masked: Option<MaskedIdentifier>,
    /// Related persons and bodies.
    pub related: Vec<Related>,
}
