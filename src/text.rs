//! Names: folding into keys. Pure; what is stored and shown is never rewritten.
//!
//! | file | noun |
//! |---|---|
//! | [`mod@fold`] | stage K1: width, case, spaces, invisible characters, brackets, dots |
//! | [`mod@unify`] | stage K2: simplified characters, equal legal forms, numbers, no marks |
//! | [`keys`] | the keys of a name |
//! | [`parts`] | places, core, legal form of a company's name |
//! | [`name`] | a name made ready to be compared, and the keys by which its likes are found |
//! | [`packed`] | a name made ready, as bytes |
//! | [`alike`] | how alike two characters are |
//! | [`edits`] | what was done to one text to make another of it |
//! | [`likeness`] | how likely two names mean one subject, and why |
//! | [`glance`] | how likely they can be at most, before a name is taken apart |
//! | [`han`] | what is known of single characters: simplified form, sounds, shape |
//! | [`place`] | names of provinces, prefectures and counties |
//! | [`company`] | a branch and its parent |
//! | [`surname`] | surnames that registers write in two ways |

pub mod alike;
pub mod company;
pub mod edits;
pub mod fold;
pub mod glance;
pub mod han;
pub mod keys;
pub mod likeness;
pub mod name;
pub mod packed;
pub mod parts;
pub mod place;
pub mod surname;
pub mod unify;

/// Version of the folding. Stamped into snapshots: keys of another version do not meet.
pub const VERSION: u32 = 4;

pub use company::{parent_of_branch, without_legal_form};
pub use fold::fold;
pub use keys::Keys;
pub use likeness::Likeness;
pub use name::Name;
pub use parts::{Form, Parts};
pub use unify::unify;

/// Make the tables by which names are compared, which are otherwise made when first asked for. Cost: 0.4 s.
pub fn prepare() {
    han::prepare();
    place::prepare();
}
