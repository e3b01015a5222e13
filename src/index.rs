//! Immutable structures over the sections of a snapshot. `fst` and `roaring` live only here.
//!
//! | file | noun | sections |
//! |---|---|---|
//! | [`points`] | hash → candidate numbers in about one cache-line read | `points`, `suspects` |
//! | [`identifiers`] | the ordered dictionary of identifiers | `ids.*` |
//! | [`names`] | the ordered dictionary of names by their K2 keys, and of masked identifiers | `names.*`, `masks.*` |
//! | [`similar`] | names made ready to be compared, and what they tell of characters | `similar.*` |
//! | [`postings`] | names by the sounds of their cores | `similar.*` |
//! | [`beginnings`] | names by their first two characters, for what is two edits away | `begin.*` |
//! | [`entries`] | one row an entry, and its text | `entries`, `entry.ids`, `text` |
//! | [`subjects`] | which entries are of one subject | `subjects`, `subject.ids` |
//! | [`sets`] | roaring bitmaps of subjects per list, kind, region, authority | `sets` |
//! | [`subject_set`] | sets of subjects while they are compared | |
//! | [`meta`] | what was built from what, when | `meta`, `standing` |
//! | [`keys`] | the keys of the changes in it | `changes.keys` |
//! | [`encoder`] | an entry → what the builder appends | |
//! | [`builder`] | encoded entries → a snapshot file | all |
//! | `distinct`, `order` | identifiers and subjects while it is built | |
//! | [`reader`] | a snapshot → answers | all |
//! | [`overlay`] | the changes since, in memory | |
//! | `sieve` | what the overlay surely does not know | |
//! | [`listed`] | a snapshot and the changes since → answers | |
//! | [`likes`] | who bears a name like this one, and how likely | |
//! | [`completions`] | names of bodies that begin so | |
//!
//! ```text
//! identifier ─► family ─► points ─► identifier numbers ─► identifiers (verified) ─► owners
//!                                                                                    │
//! name ─► keys ─► names | suspects ─────────────► entries ◄── subjects ◄─────────────┘
//! ```

pub mod beginnings;
pub mod builder;
pub mod completions;
mod distinct;
pub mod encoder;
pub mod entries;
pub mod identifiers;
pub mod keys;
pub mod likes;
pub mod listed;
pub mod meta;
pub mod names;
mod order;
pub mod overlay;
pub mod points;
pub mod postings;
pub mod reader;
pub mod sets;
mod sieve;
pub mod similar;
pub mod subject_set;
pub mod subjects;

pub use builder::Builder;
pub use completions::{Completion, Completions};
pub use encoder::{Encoded, Encoder, id_of};
pub use entries::{Borne, EntryView};
pub use likes::{Distance, Like, Likes};
pub use listed::{Listed, Spot};
pub use meta::{ListMeta, Meta, SourceMeta};
pub use names::Mention;
pub use overlay::{Overlay, Unfit};
pub use reader::{Index, Owner};
pub use subject_set::SubjectSet;

/// The number of an entry. Entries of one subject have neighbouring numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntryNo(pub u32);

/// The number of a subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SubjectNo(pub u32);

/// The number of a distinct identifier, in dictionary order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IdentifierNo(pub u32);

/// The number of a list in a snapshot (not in the catalogue, which may be newer).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SnapshotListNo(pub u16);
