//! One subject against one index, one catalogue, one instant. Pure: no clock, file, socket or thread.
//!
//! ```text
//! Question ─► find (identifiers, names, relations) ─► hits ─► decide (measures, verdict) ─► Decision
//!                         ▲                                        ▲
//!                       Index                                  Catalogue
//!                         └──────────────── Ground ────────────────┘
//! ```
//!
//! | file | noun |
//! |---|---|
//! | [`question`] | who is asked about |
//! | [`ground`] | an index and a catalogue that belong together, and how fresh each list is |
//! | [`hit`] | an entry that the subject meets, how, and how surely |
//! | [`find`] | question → hits |
//! | [`decision`] | hits → measures, incentives, conflicts, verdict |

pub mod decision;
pub mod find;
pub mod ground;
pub mod hit;
pub mod question;

pub use decision::{Applied, Conflict, Decision, SubjectDecision, Verdict, check};
pub use ground::{Ground, Lag, Stale};
pub use hit::{Grade, Hit};
pub use question::Question;
