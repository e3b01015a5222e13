//! Names: folding into keys. Pure; what is stored and shown is never rewritten.
//!
//! | file | noun |
//! |---|---|
//! | [`mod@fold`] | stage K1: width, case, spaces, invisible characters, brackets, dots |
//! | [`company`] | the few parts of a company's name that decisions need now: a branch and its parent |

pub mod company;
pub mod fold;

/// Version of the folding. Stamped into snapshots: keys of another version do not meet.
pub const VERSION: u32 = 1;

pub use company::{parent_of_branch, without_legal_form};
pub use fold::fold;
