//! The vocabulary: who may be listed, by what they are identified, and what a list says of them.
//!
//! Pure: no clock, file, socket, thread or randomness.
//!
//! | file | noun |
//! |---|---|
//! | [`identifier`] | a normalised identifier: recognise, verify, derive, agree, mask |
//! | [`sound`] | one that decides and with which nothing is wrong, told at a glance |
//! | [`check`] | the check digits of the national standards |
//! | [`packed`] | an identifier as one sortable integer, for the index |
//! | [`masked`] | an identifier with hidden digits |
//! | `word` | eight characters, looked at together |
//! | [`region`] | administrative division codes |
//! | [`day`] | a calendar day in Asia/Shanghai, and the instant of a question |
//! | [`subject`] | an organisation, person or vehicle with names, identifiers, related persons |
//! | [`entry`] | one record on one list, its term and its state |
//! | [`change`] | a change to one entry, as its owner sends it |
//! | [`standing`] | what changes say of an entry, as far as the feeds do not say it yet |
//! | [`limits`] | every bound on outside input, in one place |

pub mod change;
pub mod check;
pub mod day;
pub mod entry;
pub mod identifier;
pub mod limits;
pub mod masked;
pub mod packed;
pub mod region;
pub mod sound;
pub mod standing;
pub mod subject;
mod word;

pub use change::{Act, Change, Field, Sender};
pub use day::{Day, Instant};
pub use entry::{Entry, ListKind, Provenance, State, Term};
pub use identifier::{Agreement, Family, Identifier, IdentifierError, IdentifierKind, Quality};
pub use masked::MaskedIdentifier;
pub use packed::Packed;
pub use sound::Sound;
pub use standing::{End, Refusal, Standing, Stood};
pub use subject::{FormerName, Related, Role, Subject, SubjectKind};
