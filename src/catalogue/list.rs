//! A list: what being on it says, whose it is, and how old its data may be.

use super::row::Row;
use crate::record::ListKind;

/// The position of a list in the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ListNo(pub u16);

/// What follows when a list's data is older than it may be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenStale {
    /// Nothing found on it is no answer: the check is undetermined.
    Undetermined,
    /// The answer stands and carries a warning.
    Warn,
}

impl WhenStale {
    const ALL: [WhenStale; 2] = [WhenStale::Undetermined, WhenStale::Warn];

    /// The word used in the catalogue and the API.
    pub fn code(self) -> &'static str {
        match self {
            WhenStale::Undetermined => "undetermined",
            WhenStale::Warn => "warn",
        }
    }
}

/// A list (DOMAIN 3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// Its code, as entries name it.
    pub code: String,
    /// Its name, as published.
    pub name: String,
    /// What being on it says of a subject.
    pub kind: ListKind,
    /// Who keeps it.
    pub authority: String,
    /// The legal basis of keeping it.
    pub basis: String,
    /// Days after which its data is too old.
    pub max_age_days: u32,
    /// What follows then.
    pub when_stale: WhenStale,
}

/// Days beyond which an age is surely a slip: ten years.
const AGE_DAYS_MAX: u32 = 3660;

pub(super) const FIELDS: &[&str] =
    &["code", "name", "kind", "authority", "basis", "max_age_days", "when_stale"];

pub(super) fn read(row: &mut Row<'_, '_, '_>) -> (String, List) {
    let list = List {
        code: row.text("code").to_owned(),
        name: row.text("name").to_owned(),
        kind: row.word("kind", &ListKind::ALL, ListKind::code).unwrap_or(ListKind::Record),
        authority: row.text("authority").to_owned(),
        basis: row.text("basis").to_owned(),
        max_age_days: row.count("max_age_days", AGE_DAYS_MAX),
        when_stale: row
            .word("when_stale", &WhenStale::ALL, WhenStale::code)
            .unwrap_or(WhenStale::Undetermined),
    };
    (list.code.clone(), list)
}
