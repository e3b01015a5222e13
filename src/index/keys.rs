//! The keys of the changes that a snapshot contains, so that one sent again is known.
//!
//! ```text
//! changes.keys = row*                 sorted by key
//! row          = key(16) number(u64) contents(u64)
//! ```

use crate::record::Change;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Keys that a snapshot remembers, those of the latest changes: four mebibytes.
pub const KEYS_MAX: usize = 1 << 17;

/// See the [module](self).
#[derive(
    FromBytes, IntoBytes, Immutable, KnownLayout, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug,
)]
#[repr(C)]
pub struct Row {
    key: [u64; 2],
    number: u64,
    contents: u64,
}

impl Row {
    /// The row of a change under its number.
    pub(super) fn of(number: u64, change: &Change) -> Row {
        // A change is plain data: writing it cannot fail.
        let contents = serde_json::to_vec(change).unwrap_or_default();
        Row { key: halves(hash_of(change)), number, contents: xxh3_64(&contents) }
    }

    /// Number of the change.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The same change, not only the same key.
    pub(super) fn is(&self, change: &Change) -> bool {
        *self == Row::of(self.number, change)
    }
}

/// The key of a change, hashed.
pub(super) fn hash_of(change: &Change) -> u128 {
    xxh3_128(change.key.as_bytes())
}

fn halves(hash: u128) -> [u64; 2] {
    [(hash >> 64) as u64, hash as u64]
}

/// The row of a change's key, where it is among these.
pub(super) fn find<'a>(rows: &'a [Row], change: &Change) -> Option<&'a Row> {
    let key = halves(hash_of(change));
    let at = rows.binary_search_by(|row| row.key.cmp(&key)).ok()?;
    rows.get(at)
}

/// The latest of these rows that one snapshot remembers, sorted.
pub(super) fn latest(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.number));
    rows.truncate(KEYS_MAX);
    rows.sort_unstable();
    rows
}
