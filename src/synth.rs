//! A synthetic city: lists of invented subjects with every difficulty of real ones, and the truth
//! about each row.
//!
//! Everything follows from [`Plan`]: entry `i` is computed from the seed and `i` alone, in constant
//! memory, so a test can ask for any entry at any time and a bench can stream ten million of them.
//! No clock, and no randomness outside the seed. No real person is in it: every person is born in
//! 1900, and documents without a birth date have numbers that are never issued. Organisation codes
//! are drawn; where one is a real company's, name and record beside it are still invented.
//!
//! ```text
//! seed, i ─► draw ─► number, party ─► city: Listing ─► row ─► file (csv, jsonl, xlsx, parquet)
//!                     who                 Entry + truth              └─► truth.jsonl, README.md
//! ```
//!
//! | file | noun |
//! |---|---|
//! | [`rates`] | how often each trap occurs |
//! | [`trap`] | what is difficult about a row |
//! | [`feed`] | the lists with their layouts, formats and shares |
//! | [`cast`] | the few subjects made by hand, for examples |
//! | [`city`](mod@city) | the entries: what a reader should make of each row |
//! | [`question`](mod@question) | subjects to ask for, listed or not |
//! | [`file`](mod@file) | the city on disk |

pub mod cast;
pub mod city;
mod draw;
pub mod feed;
pub mod file;
mod number;
mod party;
pub mod question;
pub mod rates;
mod row;
#[cfg(test)]
mod tests;
pub mod trap;
mod words;

use crate::record::Day;

pub use city::{City, Expect, Listing};
pub use file::{Summary, write};
pub use question::{Question, question};
pub use trap::{Trap, Traps};

/// In which formats the feeds of a city are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Formats {
    /// Every feed in a format and encoding of its own, as in the field.
    #[default]
    Varied,
    /// CSV in UTF-8 for all.
    Csv,
}

/// What a city follows from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Rows of all lists together, those to be rejected included. Default 1,200; brought into
    /// [`City::ENTRIES_MIN`]..=[`City::ENTRIES_MAX`].
    pub entries: usize,
    /// Another seed, another city. Default 1.
    pub seed: u64,
    /// The day on which terms are in force, expired or yet to come. Default 2026-11-01.
    pub today: Day,
    /// Formats of the files. Default: varied.
    pub formats: Formats,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan { entries: 1_200, seed: 1, today: Day(20_758), formats: Formats::Varied }
    }
}

/// The city of a plan.
pub fn city(plan: &Plan) -> City {
    City::new(plan)
}
