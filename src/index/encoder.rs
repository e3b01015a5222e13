//! Entry → what the builder appends. Pure; one encoder a thread.

use super::EntryNo;
use super::entries::{self, write_text};
use super::identifiers::text_key;
use super::names::Mention;
use crate::record::{Entry, Identifier, MaskedIdentifier, Packed};
use crate::text::{self, Keys};
use std::collections::HashMap;
use std::fmt::Write as _;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// An identifier as an entry carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Carries<Key> {
    pub key: Key,
    pub entry: u32,
    /// [`DIRECT`], or a role.
    pub how: u8,
}

/// The entry's subject itself carries it, nobody related.
pub(super) const DIRECT: u8 = 0xff;

/// Encoded entries, to be appended in order.
#[derive(Default)]
pub struct Encoded {
    pub(super) text: Vec<u8>,
    pub(super) rows: Vec<entries::Row>,
    pub(super) id_hashes: Vec<u128>,
    pub(super) packed: Vec<Carries<u128>>,
    pub(super) texts: Vec<Carries<Vec<u8>>>,
    pub(super) keys: Vec<u8>,
    pub(super) names: Vec<(u32, Mention)>,
    pub(super) masks: Vec<(MaskedIdentifier, u32)>,
    pub(super) authorities: Vec<String>,
}

impl Encoded {
    /// Entries in it.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// None in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Encodes entries: pure, one a thread.
#[derive(Default)]
pub struct Encoder {
    out: Encoded,
    authority_numbers: HashMap<String, u32>,
    keys: Keys,
    id: String,
}

impl Encoder {
    /// Encode an entry of a list and a file, by their numbers.
    pub fn push(&mut self, entry: &Entry, list: u16, file: u16) {
        let no = self.out.rows.len() as u32;
        self.id.clear();
        write_id(entry, &mut self.id);
        let start = self.out.text.len();
        write_text(entry, &self.id, &mut self.out.text);
        let authority = self.authority(&entry.authority);
        self.out.rows.push(entries::Row {
            text_start: start as u64,
            text_length: (self.out.text.len() - start) as u32,
            list,
            file,
            authority,
            ..entries::Row::of(entry)
        });
        self.out.id_hashes.push(id_hash(&entry.list, &self.id));
        for id in &entry.subject.ids {
            self.carry(id, no, DIRECT);
            if let Some(derived) = id.derived() {
                self.carry(&derived, no, DIRECT);
            }
        }
        for related in &entry.subject.related {
            if let Some(id) = &related.id {
                self.carry(id, no, related.role as u8);
            }
        }
        if let Some(masked) = &entry.subject.masked {
            self.out.masks.push((masked.clone(), no));
        }
        self.name(&entry.subject.name, no, false);
        for other in &entry.subject.other_names {
            self.name(&other.name, no, true);
        }
    }

    /// The hash of list and id of the entry encoded last.
    pub fn last_id_hash(&self) -> Option<u128> {
        self.out.id_hashes.last().copied()
    }

    /// What was encoded since the last call.
    pub fn take(&mut self) -> Encoded {
        self.authority_numbers.clear();
        std::mem::take(&mut self.out)
    }

    fn authority(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.authority_numbers.get(name) {
            return number;
        }
        let number = self.out.authorities.len() as u32;
        self.out.authorities.push(name.to_owned());
        self.authority_numbers.insert(name.to_owned(), number);
        number
    }

    fn carry(&mut self, id: &Identifier, entry: u32, how: u8) {
        match Packed::pack(id) {
            Some(Packed(key)) => self.out.packed.push(Carries { key, entry, how }),
            None => self.out.texts.push(Carries { key: text_key(id), entry, how }),
        }
    }

    fn name(&mut self, name: &str, entry: u32, former: bool) {
        self.keys.of(name);
        let key = &self.keys.unified;
        if !key.is_empty() {
            self.out.keys.extend_from_slice(key.as_bytes());
            self.out.names.push((key.len() as u32, Mention { entry: EntryNo(entry), former }));
        }
    }
}

/// The entry's stable id: the source's, or one derived from list, document number and subject; where
/// there is no document number, day and reason stand for it.
pub fn id_of(entry: &Entry) -> String {
    let mut id = String::new();
    write_id(entry, &mut id);
    id
}

fn write_id(entry: &Entry, id: &mut String) {
    if !entry.id.is_empty() {
        id.push_str(&entry.id);
        return;
    }
    let subject = &entry.subject;
    let mut parts = String::new();
    match (subject.ids.iter().min(), &subject.masked) {
        (Some(id), _) => parts.push_str(id.text()),
        (None, masked) => {
            text::fold(&subject.name, &mut parts);
            parts.push('\u{1}');
            parts.push_str(masked.as_ref().map_or("", MaskedIdentifier::text));
        }
    }
    // Writing into a string cannot fail.
    let _ = write!(parts, "\u{0}{}\u{0}{}", entry.list, entry.document);
    if entry.document.is_empty() {
        let _ = write!(parts, "\u{0}{:?}\u{0}{}", entry.term.from, entry.reason);
    }
    let digest = xxh3_128(parts.as_bytes()) >> 48;
    let _ = write!(id, "{}-{digest:020x}", entry.list);
}

/// An entry by its list and its id: sources number their records each for itself.
pub fn id_hash(list: &str, id: &str) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(list.as_bytes());
    hash.update(&[0]);
    hash.update(id.as_bytes());
    hash.digest128()
}
