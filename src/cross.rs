//! Lists against lists: who is on this one and that one, and what follows.
//!
//! ```text
//! view, day ─► in force: a set of subjects a list, and all lists against all
//! text ─► expression ──┐      │
//!                      └─► crossing ─► subjects ─► findings: both sides' entries, what is to be withdrawn
//! an earlier view ─────────► crossing ─────────► since: who is new, who is gone
//! ```
//!
//! Entries count on the day that is asked about, with their terms and states, as in a check. Subjects are
//! those of the index and of the changes since: entries with identifiers that agree. One known by a name
//! alone is nobody else's equal, so it is counted, not compared: see [`Crossing::subjects_and_unidentified`].
//!
//! | file | noun |
//! |---|---|
//! | [`expression`] | what is asked: `red & black`, `list:court - ban`, `black[region:3205]` |
//! | [`in_force`] | who is on which list on a day, and the matrix of all lists |
//! | [`crossing`] | an expression on a day: its subjects, each with its entries and what follows |
//! | [`since`] | all that is found, and what has changed since an earlier snapshot |

pub mod crossing;
pub mod expression;
pub mod in_force;
pub mod since;

pub use crossing::{Crossing, Finding};
pub use expression::{Expression, ExpressionError};
pub use in_force::InForce;
pub use since::{Change, Findings, Since};
