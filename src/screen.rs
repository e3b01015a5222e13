//! One subject against one index, one catalogue, one instant. Pure: no clock, file, socket or thread.
//!
//! ```text
//! Question ─► find (identifiers, names, likes, relations) ─► hits ─► decide (measures, verdict) ─► Decision
//!                         ▲                                        ▲
//!                  Index ─┴─ Overlay                           Catalogue
//!                         └──────────────── Basis ─────────────────┘
//! ```
//!
//! | file | noun |
//! |---|---|
//! | [`question`] | who is asked about |
//! | [`ground`] | an index and a catalogue that belong together, and how fresh each list is |
//! | [`basis`] | a ground and the changes since: what a check is decided on |
//! | [`hit`] | an entry that the subject meets, how, and how surely |
//! | [`find`] | question → hits |
//! | [`alone`] | many, each by one number alone |
//! | [`decision`] | hits → measures, incentives, conflicts, verdict |

pub mod alone;
pub mod basis;
pub mod decision;
pub mod find;
pub mod ground;
pub mod hit;
pub mod question;

pub use basis::Basis;
pub use decision::{
    Applied, Conflict, Decision, MustSearch, SubjectDecision, Verdict, check, decide_hits,
    verdict_of_clear,
};
pub use ground::{Ground, Lag, Stale};
pub use hit::{Grade, Hit};
pub use question::{Question, Unaskable};
