//! What was built from what, and when: one JSON document in the snapshot.

use super::sets::SetKey;
use crate::record::{Instant, ListKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// See the [module](self).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Meta {
    /// Id of the snapshot, `20261122T0200Z-4f1c…`: when it was built and a digest of its sources.
    pub id: String,
    /// When it was built, seconds since 1970.
    pub built: i64,
    /// The last change it contains.
    pub change: u64,
    /// Version of the folding its name keys were made with ([`crate::text::VERSION`]).
    pub folding: u32,
    /// Lists, in the order of their snapshot numbers.
    pub lists: Vec<ListMeta>,
    /// Sources read.
    pub sources: Vec<SourceMeta>,
    /// Files read, in the order of their numbers.
    pub files: Vec<FileMeta>,
    /// Authorities, in the order of their numbers.
    pub authorities: Vec<String>,
    /// Where each set lies.
    pub sets: Vec<SetMeta>,
    /// Entries.
    pub entries: u64,
    /// Subjects.
    pub subjects: u64,
    /// Distinct identifiers.
    pub identifiers: u64,
    /// Entries that a later one of the same id replaced.
    pub superseded: u64,
    /// Identifiers that two subjects carry, who are nevertheless not one (each has a number of its own).
    pub shared_identifiers: u64,
}

/// A list as delivered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ListMeta {
    /// Its code.
    pub code: String,
    /// Its kind at the time of the build.
    pub kind: ListKind,
    /// How old its oldest part is: seconds since 1970.
    pub as_of: i64,
    /// Entries in it.
    pub entries: u64,
}

/// A source as read.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SourceMeta {
    /// Code of the mapping.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Rows read.
    pub rows: u64,
    /// Rows rejected.
    pub rejects: u64,
    /// Fields left out of rows that were used.
    pub warnings: u64,
    /// Rows decided or published after the day of the build.
    pub future: u64,
    /// The layouts of its files, by list: the headings of each in order, each layout once.
    pub layouts: BTreeMap<String, BTreeSet<Vec<String>>>,
    /// Rows that were used, by list.
    pub lists: BTreeMap<String, u64>,
    /// Age of the oldest file: seconds since 1970.
    pub as_of: i64,
}

impl SourceMeta {
    /// A source of which nothing is read yet.
    pub fn new(code: &str, name: &str, as_of: Instant) -> SourceMeta {
        SourceMeta {
            code: code.to_owned(),
            name: name.to_owned(),
            rows: 0,
            rejects: 0,
            warnings: 0,
            future: 0,
            layouts: BTreeMap::new(),
            lists: BTreeMap::new(),
            as_of: as_of.0,
        }
    }
}

/// A file as read.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FileMeta {
    /// Code of the source.
    pub source: String,
    /// Name, without its folder.
    pub name: String,
    /// Rows read.
    pub rows: u64,
    /// XXH3-64 of its bytes.
    pub hash: String,
}

/// Where a set lies in its section.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SetMeta {
    /// What its subjects have in common.
    pub key: SetKey,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub length: u64,
    /// How many subjects.
    pub subjects: u64,
}
