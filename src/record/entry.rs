//! One record on one list: its term and its state.

use super::{Day, Subject};

/// What being on a list says of a subject.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ListKind {
    /// 严重失信主体名单: seriously dishonest.
    Black = 0,
    /// 禁入, 禁业: shut out of a market or a profession.
    Ban = 1,
    /// 重点关注, 经营异常: to be watched.
    Focus = 2,
    /// 守信激励: to be favoured.
    Red = 3,
    /// A public record that is neither (行政许可): shown, and nothing follows from it.
    Record = 4,
}

impl ListKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [ListKind; 5] =
        [ListKind::Black, ListKind::Ban, ListKind::Focus, ListKind::Red, ListKind::Record];

    /// The word used in the API, the catalogue and the documents.
    pub fn code(self) -> &'static str {
        match self {
            ListKind::Black => "black",
            ListKind::Ban => "ban",
            ListKind::Focus => "focus",
            ListKind::Red => "red",
            ListKind::Record => "record",
        }
    }

    /// Being on it counts against a subject.
    pub fn is_adverse(self) -> bool {
        !matches!(self, ListKind::Red | ListKind::Record)
    }

    /// A black list or a ban: what stands against a place on a red list.
    pub fn is_black(self) -> bool {
        matches!(self, ListKind::Black | ListKind::Ban)
    }
}

/// From when to when an entry counts, ends inclusive. The term is a property of each record and is
/// never computed from a general rule.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Term {
    /// First day; `None`: always so far.
    pub from: Option<Day>,
    /// Last day; `None`: permanent.
    pub to: Option<Day>,
}

impl Term {
    /// The day lies within the term.
    pub fn covers(self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// Where an entry stands in its life (DOMAIN 5).
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In force as long as its term lasts.
    #[default]
    InForce,
    /// Measures lifted for a time (a court-approved restructuring): not a delisting.
    Suspended(Term),
    /// Taken off the list on a day, which is the first on which it no longer counts.
    Exited(Option<Day>),
    /// Repaired: stop publishing, stop sharing and using. Never returned again, for any day.
    Repaired,
    /// Void from the beginning. Never returned, for any day.
    Revoked,
}

impl State {
    /// In force on a day, the term apart.
    pub fn in_force_on(self, day: Day) -> bool {
        match self {
            State::InForce => true,
            State::Suspended(pause) => !pause.covers(day),
            State::Exited(Some(on)) => day < on,
            State::Exited(None) | State::Repaired | State::Revoked => false,
        }
    }
}

/// Where an entry came from.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Provenance {
    /// Code of the source (the mapping).
    pub source: String,
    /// File name, without its folder.
    pub file: String,
    /// Row in the file: 1 is the first row of data.
    pub row: u64,
}

/// One record on one list.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// Stable id: from the source, or empty to have it derived from list, document number and subject.
    pub id: String,
    /// Code of the list.
    pub list: String,
    /// Who is listed.
    pub subject: Subject,
    /// Why.
    pub reason: String,
    /// Document number or case number.
    pub document: String,
    /// Who decided.
    pub authority: String,
    /// Six digits of GB/T 2260, 0 where unknown.
    pub region: u32,
    /// Day of the decision.
    pub decided: Option<Day>,
    /// Day of publication.
    pub published: Option<Day>,
    /// When it counts.
    pub term: Term,
    /// Last day of publication.
    pub publicity_until: Option<Day>,
    /// Where it stands.
    pub state: State,
    /// An objection is noted: the mark travels with every answer.
    pub objection: bool,
    /// The term was extended.
    pub extended: bool,
    /// Where it came from.
    pub provenance: Provenance,
}

impl Entry {
    /// Counts on a day: within its term and in force.
    pub fn counts_on(&self, day: Day) -> bool {
        self.term.covers(day) && self.state.in_force_on(day)
    }
}
