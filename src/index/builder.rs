//! Entries → the sections of a snapshot.
//!
//! Encoding an entry (folding, packing, writing its text) is pure and runs on all cores; appending
//! is in order, so equal input gives equal bytes. Texts stream into the file as they come; what
//! stays in memory is about 200 bytes an entry until [`Builder::finish`] sorts and writes the rest.

use super::EntryNo;
use super::entries::{self, write_text};
use super::identifiers::{BlocksBuilder, MANY, text_key};
use super::meta::{FileMeta, ListMeta, Meta, SourceMeta};
use super::names::{Mention, NamesBuilder};
use super::points;
use super::sets::{SetKey, SetsBuilder};
use super::subjects::{self, Carried, Grouping};
use crate::record::{Entry, Identifier, ListKind, MaskedIdentifier, Packed, Role, limits};
use crate::snapshot::Writer;
use crate::text;
use rayon::prelude::*;
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Seek, Write};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};
use zerocopy::IntoBytes;

/// The number of an entry that another replaced.
pub(super) const DROPPED: u32 = (1 << 31) - 1;

const _: () = assert!(limits::ENTRIES_MAX < DROPPED as usize);

/// An identifier as an entry carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Carries<Key> {
    key: Key,
    entry: u32,
    /// [`DIRECT`], or a role.
    how: u8,
}

const DIRECT: u8 = 0xff;

/// Encoded entries, to be appended in order.
#[derive(Default)]
pub struct Encoded {
    text: Vec<u8>,
    rows: Vec<entries::Row>,
    id_hashes: Vec<u128>,
    packed: Vec<Carries<u128>>,
    texts: Vec<Carries<Vec<u8>>>,
    keys: Vec<u8>,
    names: Vec<(u32, Mention)>,
    masks: Vec<(MaskedIdentifier, u32)>,
    authorities: Vec<String>,
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
    key: String,
    id: String,
}

impl Encoder {
    /// Encode an entry of a list and a file, by their numbers.
    pub fn push(&mut self, entry: &Entry, list: u16, file: u16) {
        let no = self.out.rows.len() as u32;
        self.derive_id(entry);
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
        self.out.id_hashes.push(xxh3_128(self.id.as_bytes()));
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

    /// What was encoded since the last call.
    pub fn take(&mut self) -> Encoded {
        self.authority_numbers.clear();
        std::mem::take(&mut self.out)
    }

    /// The source's id, or one derived from list, document number and subject; where there is no
    /// document number, day and reason stand for it.
    fn derive_id(&mut self, entry: &Entry) {
        self.id.clear();
        if !entry.id.is_empty() {
            self.id.push_str(&entry.id);
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
        let _ = write!(self.id, "{}-{digest:020x}", entry.list);
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
        text::fold(name, &mut self.key);
        if !self.key.is_empty() {
            self.out.keys.extend_from_slice(self.key.as_bytes());
            self.out.names.push((self.key.len() as u32, Mention { entry: EntryNo(entry), former }));
        }
    }
}

/// What the builder is told about the whole.
pub struct Described {
    /// Id of the snapshot.
    pub id: String,
    /// When it was built, seconds since 1970.
    pub built: i64,
    /// The last change it contains.
    pub change: u64,
    /// Lists in the order of their numbers; their `entries` are counted here.
    pub lists: Vec<ListMeta>,
    /// Sources read.
    pub sources: Vec<SourceMeta>,
    /// Files in the order of their numbers.
    pub files: Vec<FileMeta>,
}

/// Collects encoded entries and writes a snapshot. See the [module](self).
pub struct Builder<W: Write + Seek> {
    writer: Writer<W>,
    rows: Vec<entries::Row>,
    id_hashes: Vec<u128>,
    packed: Vec<Carries<u128>>,
    texts: Vec<Carries<Vec<u8>>>,
    names: NamesBuilder,
    name_hashes: Vec<(u64, u32)>,
    masks: NamesBuilder,
    authorities: Vec<String>,
    authority_numbers: HashMap<String, u32>,
}

impl<W: Write + Seek> Builder<W> {
    /// Begin a snapshot in a new file.
    pub fn new(out: W) -> io::Result<Builder<W>> {
        let mut writer = Writer::new(out)?;
        writer.begin("text")?;
        Ok(Builder {
            writer,
            rows: Vec::new(),
            id_hashes: Vec::new(),
            packed: Vec::new(),
            texts: Vec::new(),
            names: NamesBuilder::default(),
            name_hashes: Vec::new(),
            masks: NamesBuilder::default(),
            authorities: Vec::new(),
            authority_numbers: HashMap::new(),
        })
    }

    /// Entries so far.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// None so far.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Append encoded entries. Errors when the file cannot be written or there are too many entries.
    pub fn append(&mut self, encoded: &Encoded) -> io::Result<()> {
        if self.rows.len() + encoded.len() > limits::ENTRIES_MAX {
            return Err(io::Error::other(format!("more than {} entries", limits::ENTRIES_MAX)));
        }
        let first = self.rows.len() as u32;
        let text_start = self.writer.section_length();
        self.writer.write_all(&encoded.text)?;
        let authorities: Vec<u32> =
            encoded.authorities.iter().map(|name| self.authority(name)).collect();
        self.rows.extend(encoded.rows.iter().map(|row| entries::Row {
            text_start: row.text_start + text_start,
            authority: authorities[row.authority as usize],
            ..*row
        }));
        self.id_hashes.extend_from_slice(&encoded.id_hashes);
        self.packed.extend(encoded.packed.iter().map(|c| Carries { entry: c.entry + first, ..*c }));
        self.texts.extend(encoded.texts.iter().map(|c| Carries {
            key: c.key.clone(),
            entry: c.entry + first,
            how: c.how,
        }));
        let mut keys = &encoded.keys[..];
        for (length, mention) in &encoded.names {
            let (key, rest) = keys.split_at(*length as usize);
            keys = rest;
            let mention = Mention { entry: EntryNo(mention.entry.0 + first), ..*mention };
            self.names.push(key, mention);
            self.name_hashes.push((xxh3_64(key), mention.entry.0));
        }
        for (mask, entry) in &encoded.masks {
            let mention = Mention { entry: EntryNo(entry + first), former: false };
            self.masks.push(mask.text().as_bytes(), mention);
        }
        Ok(())
    }

    fn authority(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.authority_numbers.get(name) {
            return number;
        }
        let number = self.authorities.len() as u32;
        self.authorities.push(name.to_owned());
        self.authority_numbers.insert(name.to_owned(), number);
        number
    }

    /// Sort, group, number and write. `step` is told what is being done, for progress.
    pub fn finish(
        mut self,
        described: Described,
        step: &dyn Fn(&'static str),
    ) -> io::Result<(W, Meta)> {
        step("identifiers");
        let superseded = self.drop_superseded();
        self.packed.par_sort_unstable();
        self.texts.sort_unstable();
        let distinct = Distinct::of(&self.packed, &self.texts);

        step("subjects");
        let (grouped, shared) = distinct.group(self.rows.len());
        let order = Order::of(&self.rows, &grouped, &distinct);
        drop(grouped.first_identifier);

        step("points");
        let hashes: Vec<(u64, u32)> = distinct.hashes();
        self.writer.section("points", points::build(hashes).as_bytes())?;

        step("dictionary");
        distinct.write(&order, &mut self.writer)?;
        let identifiers = distinct.len() as u64;
        drop(distinct);
        (self.packed, self.texts) = (Vec::new(), Vec::new());

        step("suspects");
        let decided = &grouped.decided;
        let numbers = &order.number_of;
        self.name_hashes
            .retain(|(_, entry)| numbers[*entry as usize] != DROPPED && !decided[*entry as usize]);
        let mut suspects: Vec<(u64, u32)> = std::mem::take(&mut self.name_hashes)
            .into_iter()
            .map(|(hash, entry)| (hash, numbers[entry as usize]))
            .collect();
        suspects.sort_unstable();
        suspects.dedup();
        write_suspects(&suspects, &mut self.writer)?;

        step("names");
        self.names.renumber(&order.number_of);
        self.names.write(&mut self.writer, "names")?;
        self.masks.renumber(&order.number_of);
        self.masks.write(&mut self.writer, "masks")?;

        step("entries");
        let (lists, sets) = write_entries(
            &self.rows,
            &order,
            described.lists,
            &self.authorities,
            &mut self.writer,
        )?;
        let meta = Meta {
            id: described.id,
            built: described.built,
            change: described.change,
            folding: text::VERSION,
            lists,
            sources: described.sources,
            files: described.files,
            authorities: self.authorities,
            sets,
            entries: order.entries.len() as u64,
            subjects: order.subjects as u64,
            identifiers,
            superseded,
            shared_identifiers: shared,
        };
        let json = serde_json::to_vec(&meta).map_err(io::Error::other)?;
        self.writer.section("meta", &json)?;
        let (out, _) = self.writer.finish()?;
        Ok((out, meta))
    }

    /// Of entries with one id the last stays. Its row is marked by its subject.
    fn drop_superseded(&mut self) -> u64 {
        let hashes = std::mem::take(&mut self.id_hashes);
        let mut order: Vec<(u128, u32)> =
            hashes.into_iter().enumerate().map(|(no, hash)| (hash, no as u32)).collect();
        order.par_sort_unstable();
        let mut dropped = 0;
        for pair in order.windows(2) {
            if pair[0].0 == pair[1].0 {
                self.rows[pair[0].1 as usize].subject = DROPPED;
                dropped += 1;
            }
        }
        if dropped > 0 {
            let rows = &self.rows;
            let alive = |entry: u32| rows[entry as usize].subject != DROPPED;
            self.packed.retain(|carries| alive(carries.entry));
            self.texts.retain(|carries| alive(carries.entry));
        }
        dropped
    }
}

/// Distinct identifiers in dictionary order, with who carries them.
struct Distinct<'a> {
    packed: Vec<&'a [Carries<u128>]>,
    texts: Vec<&'a [Carries<Vec<u8>>]>,
}

/// Entries with their subjects' roots.
struct Grouped {
    root: Vec<u32>,
    /// By root: the smallest number of its identifiers.
    first_identifier: Vec<u32>,
    /// By entry: its subject carries an identifier that decides.
    decided: Vec<bool>,
}

impl<'a> Distinct<'a> {
    fn of(packed: &'a [Carries<u128>], texts: &'a [Carries<Vec<u8>>]) -> Distinct<'a> {
        Distinct {
            packed: packed.chunk_by(|a, b| a.key == b.key).collect(),
            texts: texts.chunk_by(|a, b| a.key == b.key).collect(),
        }
    }

    fn len(&self) -> usize {
        self.packed.len() + self.texts.len()
    }

    fn get(&self, number: u32) -> Identifier {
        let number = number as usize;
        let identifier = match self.packed.get(number) {
            Some(carries) => Packed(carries[0].key).unpack(),
            None => identifier_of_text(&self.texts[number - self.packed.len()][0].key),
        };
        identifier.expect("packed and written by this program")
    }

    fn hashes(&self) -> Vec<(u64, u32)> {
        (0..self.len() as u32)
            .into_par_iter()
            .map(|number| (points::hash(self.get(number).family().0), number))
            .collect()
    }

    /// Entry and how it carries the identifier.
    fn carriers(&self, number: u32) -> Vec<(u32, u8)> {
        let number = number as usize;
        match self.packed.get(number) {
            Some(carries) => carries.iter().map(|c| (c.entry, c.how)).collect(),
            None => {
                self.texts[number - self.packed.len()].iter().map(|c| (c.entry, c.how)).collect()
            }
        }
    }

    fn direct(&self, number: u32) -> Vec<u32> {
        let mut entries: Vec<u32> = self
            .carriers(number)
            .into_iter()
            .filter(|(_, how)| *how == DIRECT)
            .map(|(e, _)| e)
            .collect();
        entries.dedup();
        entries
    }

    fn group(&self, entries: usize) -> (Grouped, u64) {
        let get = |number| self.get(number);
        let mut grouping = Grouping::new(entries, &get);
        let mut weak = Vec::new();
        let mut first_identifier = vec![u32::MAX; entries];
        for number in 0..self.len() as u32 {
            let direct = self.direct(number);
            for &entry in &direct {
                let first = &mut first_identifier[entry as usize];
                *first = (*first).min(number);
            }
            let carried = Carried { number, identifier: self.get(number), entries: &direct };
            grouping.note(&carried);
            if !carried.identifier.kind().is_decisive() {
                weak.push(number);
            }
        }
        let mut next_weak = weak.iter().copied().peekable();
        for number in 0..self.len() as u32 {
            if next_weak.next_if_eq(&number).is_some() {
                continue;
            }
            let direct = self.direct(number);
            if direct.len() > 1 {
                grouping.join(&Carried { number, identifier: self.get(number), entries: &direct });
            }
        }
        self.join_families(&mut grouping);
        for number in weak {
            let direct = self.direct(number);
            if direct.len() > 1 {
                grouping.join(&Carried { number, identifier: self.get(number), entries: &direct });
            }
        }
        let root: Vec<u32> = (0..entries as u32).map(|entry| grouping.root(entry)).collect();
        for entry in 0..entries {
            let first = first_identifier[entry];
            let of_root = &mut first_identifier[root[entry] as usize];
            *of_root = (*of_root).min(first);
        }
        let decided = root.iter().map(|&root| grouping.is_decided(root)).collect();
        (Grouped { root, first_identifier, decided }, grouping.shared)
    }

    fn join_families<Get: Fn(u32) -> Identifier>(&self, grouping: &mut Grouping<'_, Get>) {
        let mut families: Vec<(u64, u32)> = (0..self.len() as u32)
            .into_par_iter()
            .map(|number| (self.get(number).family().0, number))
            .collect();
        families.par_sort_unstable();
        for family in families.chunk_by(|a, b| a.0 == b.0).filter(|family| family.len() > 1) {
            let direct: Vec<Vec<u32>> =
                family.iter().map(|(_, number)| self.direct(*number)).collect();
            let carried: Vec<Carried> = family
                .iter()
                .zip(&direct)
                .map(|((_, number), entries)| Carried {
                    number: *number,
                    identifier: self.get(*number),
                    entries,
                })
                .collect();
            grouping.join_family(&carried);
        }
    }

    /// The dictionary, the owners of each identifier, and the identifiers of each subject.
    fn write<W: Write + Seek>(&self, order: &Order, writer: &mut Writer<W>) -> io::Result<()> {
        let mut blocks = BlocksBuilder::default();
        self.packed.iter().for_each(|carries| blocks.push(Packed(carries[0].key)));
        blocks.finish();
        writer.section("ids.blocks", &blocks.blocks)?;
        writer.section("ids.starts", blocks.starts.as_bytes())?;
        let mut texts = fst::MapBuilder::memory();
        for (number, carries) in self.texts.iter().enumerate() {
            texts.insert(&carries[0].key, number as u64).map_err(io::Error::other)?;
        }
        writer.section("ids.texts", &texts.into_inner().map_err(io::Error::other)?)?;
        writer
            .section("ids.count", [self.packed.len() as u32, self.texts.len() as u32].as_bytes())?;

        let (mut owners, mut many, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..self.len() as u32 {
            let carriers = self.carriers(number);
            let is_direct = |how: u8| how == DIRECT;
            let mut subjects: Vec<u32> = carriers
                .iter()
                .filter(|(_, how)| is_direct(*how))
                .map(|(entry, _)| order.subject_of[*entry as usize])
                .collect();
            subjects.sort_unstable();
            subjects.dedup();
            ids.extend(subjects.iter().map(|&subject| (subject, number)));
            let mut related: Vec<(u32, u32)> = carriers
                .iter()
                .filter(|(_, how)| !is_direct(*how))
                .map(|(entry, how)| (u32::from(*how), order.number_of[*entry as usize]))
                .collect();
            related.sort_unstable_by_key(|&(role, entry)| (entry, role));
            related.dedup();
            if let (&[subject], []) = (&*subjects, &*related) {
                owners.push(subject);
                continue;
            }
            owners.push(MANY | many.len() as u32);
            many.push(subjects.len() as u32);
            many.extend_from_slice(&subjects);
            many.push(related.len() as u32);
            many.extend(related.iter().flat_map(|&(role, entry)| [role, entry]));
        }
        writer.section("ids.owners", owners.as_bytes())?;
        writer.section("ids.many", many.as_bytes())?;
        ids.par_sort_unstable();
        write_subjects(&ids, order, writer)
    }
}

fn identifier_of_text(key: &[u8]) -> Option<Identifier> {
    let (&kind, text) = key.split_first()?;
    let kind = crate::record::IdentifierKind::from_number(kind)?;
    Some(Identifier::trusted(kind, std::str::from_utf8(text).ok()?.into()))
}

/// The final order of entries: by subject, list, first day, arrival.
struct Order {
    /// Old numbers in the new order.
    entries: Vec<u32>,
    /// New number by old, [`DROPPED`] for superseded ones.
    number_of: Vec<u32>,
    /// Subject by old number.
    subject_of: Vec<u32>,
    subjects: usize,
}

impl Order {
    fn of(rows: &[entries::Row], grouped: &Grouped, distinct: &Distinct) -> Order {
        // Subjects in the order of their first identifier; those without one come last.
        debug_assert!(distinct.len() < u32::MAX as usize);
        let mut entries: Vec<u32> =
            (0..rows.len() as u32).filter(|&no| rows[no as usize].subject != DROPPED).collect();
        entries.par_sort_unstable_by_key(|&no| {
            let root = grouped.root[no as usize];
            let row = &rows[no as usize];
            (grouped.first_identifier[root as usize], root, row.list_and_from(), no)
        });
        let mut number_of = vec![DROPPED; rows.len()];
        let mut subject_of = vec![DROPPED; rows.len()];
        let (mut subjects, mut last) = (0, None);
        for (number, &no) in entries.iter().enumerate() {
            let root = grouped.root[no as usize];
            if last != Some(root) {
                last = Some(root);
                subjects += 1;
            }
            number_of[no as usize] = number as u32;
            subject_of[no as usize] = subjects as u32 - 1;
        }
        Order { entries, number_of, subject_of, subjects }
    }
}

fn write_subjects<W: Write + Seek>(
    ids: &[(u32, u32)],
    order: &Order,
    writer: &mut Writer<W>,
) -> io::Result<()> {
    let mut rows = vec![subjects::Row::default(); order.subjects + 1];
    let mut last = None;
    for (number, &no) in order.entries.iter().enumerate() {
        let subject = order.subject_of[no as usize];
        if last != Some(subject) {
            rows[subject as usize].first_entry = number as u32;
            last = Some(subject);
        }
    }
    let mut at = 0;
    for (subject, row) in rows.iter_mut().enumerate() {
        row.first_id = at as u32;
        while ids.get(at).is_some_and(|(of, _)| *of as usize == subject) {
            at += 1;
        }
    }
    rows[order.subjects].first_entry = order.entries.len() as u32;
    writer.section("subjects", rows.as_bytes())?;
    let numbers: Vec<u32> = ids.iter().map(|(_, number)| *number).collect();
    writer.section("subject.ids", numbers.as_bytes())
}

/// Names of subjects that no identifier decides: hash → entries, behind a table of their own.
fn write_suspects<W: Write + Seek>(
    suspects: &[(u64, u32)],
    writer: &mut Writer<W>,
) -> io::Result<()> {
    let (mut keys, mut post) = (Vec::new(), Vec::new());
    for group in suspects.chunk_by(|a, b| a.0 == b.0) {
        keys.push((points::hash(group[0].0), post.len() as u32));
        post.push(group.len() as u32);
        post.extend(group.iter().map(|(_, entry)| *entry));
    }
    writer.section("suspects", points::build(keys).as_bytes())?;
    writer.section("suspects.post", post.as_bytes())
}

fn write_entries<W: Write + Seek>(
    rows: &[entries::Row],
    order: &Order,
    mut lists: Vec<ListMeta>,
    authorities: &[String],
    writer: &mut Writer<W>,
) -> io::Result<(Vec<ListMeta>, Vec<super::meta::SetMeta>)> {
    let mut by_list = vec![RoaringBitmap::new(); lists.len()];
    let mut by_authority = vec![RoaringBitmap::new(); authorities.len()];
    let mut by_region: HashMap<u32, RoaringBitmap> = HashMap::new();
    writer.begin("entries")?;
    let mut chunk = Vec::with_capacity(4096);
    for numbers in order.entries.chunks(4096) {
        chunk.clear();
        for &no in numbers {
            let subject = order.subject_of[no as usize];
            let row = entries::Row { subject, ..rows[no as usize] };
            lists[usize::from(row.list)].entries += 1;
            by_list[usize::from(row.list)].insert(subject);
            by_authority[row.authority as usize].insert(subject);
            by_region.entry(row.region).or_default().insert(subject);
            chunk.push(row);
        }
        writer.write_all(chunk.as_bytes())?;
    }
    let mut sets = SetsBuilder::default();
    for kind in ListKind::ALL {
        let of_kind = lists.iter().zip(&by_list).filter(|(list, _)| list.kind == kind);
        let union = of_kind.fold(RoaringBitmap::new(), |union, (_, set)| union | set);
        sets.set(SetKey::Kind(kind.code().to_owned()), union);
    }
    for (list, set) in lists.iter().zip(by_list) {
        sets.set(SetKey::List(list.code.clone()), set);
    }
    for (authority, set) in authorities.iter().zip(by_authority) {
        sets.set(SetKey::Authority(authority.clone()), set);
    }
    for (region, set) in by_region {
        sets.set(SetKey::Region(region), set);
    }
    let (bytes, metas) = sets.finish()?;
    writer.section("sets", &bytes)?;
    Ok((lists, metas))
}

/// The role of a relation's number.
pub(super) fn role(number: u32) -> Option<Role> {
    Role::from_number(u8::try_from(number).ok()?)
}
