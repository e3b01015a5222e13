//! What one fetch remembers for the next.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the last accepted fetch remembered: marks of its files, the watermark of its table. Opaque to
/// its keeper, who stores it as JSON, say, beside the delivery; the default remembers nothing. Holds no
/// credentials and no rows; of a table the highest watermark.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Which origin it is about: another's files say nothing.
    pub(super) origin: Option<u64>,
    /// Of the delivery.
    pub(super) hash: Option<u64>,
    /// Its files, and others whose marks count, such as a manifest.
    pub(super) files: BTreeMap<String, Remembered>,
    /// Where reading a table stopped.
    pub(super) position: Option<Position>,
    /// When the oldest file was written, seconds since 1970, where that is known.
    pub(super) written: Option<i64>,
}

/// A file of the delivery.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// Its bytes.
    pub bytes: u64,
    /// XXH3-64 of its content.
    pub hash: u64,
    /// As its origin marked it; none where an equal mark would not prove equal content.
    pub mark: Option<Mark>,
}

/// How an origin tells one version of a file from another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Mark {
    /// Of a file of a folder.
    File {
        bytes: u64,
        /// Nanoseconds since 1970: of the content.
        modified_ns: i64,
        /// Nanoseconds since 1970: of content, name or owner; nobody sets it back.
        changed_ns: i64,
        inode: u64,
    },
    /// Of an HTTP answer: `ETag` and `Last-Modified` as they came.
    Answer { etag: Option<String>, last_modified: Option<String> },
    /// Of an object.
    Object { bytes: u64, e_tag: String },
}

/// Where reading a table stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Position {
    /// The highest watermark that was seen, as text.
    pub watermark: String,
    /// Count and sum of hashes of the rows that the next increment will begin with.
    pub window: String,
    /// Increments since the last full copy.
    pub increments: u32,
}

impl Memory {
    pub(super) fn is_of(&self, origin: u64) -> bool {
        self.origin == Some(origin)
    }

    /// The last delivery had this file, and its origin marked it just so.
    pub(super) fn knows(&self, name: &str, mark: &Mark) -> bool {
        self.mark(name) == Some(mark)
    }

    pub(super) fn mark(&self, name: &str) -> Option<&Mark> {
        self.files.get(name)?.mark.as_ref()
    }
}
