//! Entries → the sections of a snapshot.
//!
//! Encoding an entry (folding, packing, writing its text) is pure and runs on all cores; appending
//! is in order, so equal input gives equal bytes. Texts stream into the file as they come; what
//! stays in memory is about 200 bytes an entry until [`Builder::finish`] sorts and writes the rest.

use super::EntryNo;
use super::distinct::Distinct;
use super::encoder::{Carries, Encoded};
use super::entries;
use super::meta::{FileMeta, ListMeta, Meta, SetMeta, SourceMeta};
use super::names::{Mention, NamesBuilder};
use super::order::{DROPPED, Order};
use super::sets::{SetKey, SetsBuilder};
use super::{keys, points, similar};
use crate::record::{ListKind, Stood, limits};
use crate::snapshot::Writer;
use crate::text;
use rayon::prelude::*;
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::io::{self, Seek, Write};
use xxhash_rust::xxh3::xxh3_64;
use zerocopy::IntoBytes;

const _: () = assert!(limits::ENTRIES_MAX < DROPPED as usize);

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
    /// What changes say beyond the feeds, in the order of lists and ids.
    pub standing: Vec<Stood>,
    /// The keys of the latest changes in it, sorted.
    pub keys: Vec<keys::Row>,
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
        let (superseded, ids) = self.drop_superseded();
        self.packed.par_sort_unstable();
        self.texts.sort_unstable();
        let distinct = Distinct::of(&self.packed, &self.texts);

        step("subjects");
        let (grouped, shared) = distinct.group(self.rows.len());
        let order = Order::of(&self.rows, &grouped);
        drop(grouped.first_identifier);

        step("points");
        let hashes: Vec<(u64, u32)> = distinct.hashes();
        self.writer.section("points", points::build(hashes).as_bytes())?;

        step("dictionary");
        distinct.write(&order, &mut self.writer)?;
        let identifiers = distinct.len() as u64;
        drop(distinct);
        (self.packed, self.texts) = (Vec::new(), Vec::new());

        let ids = ids.into_iter().map(|(id, entry)| (id, order.number_of[entry as usize]));
        self.writer.section("entry.ids", points::build(ids.collect()).as_bytes())?;

        step("suspects");
        let numbers = &order.number_of;
        self.name_hashes.retain(|&(_, entry)| {
            let (entry, kind) = (entry as usize, self.rows[entry as usize].kind());
            numbers[entry] != DROPPED && !grouped.decided[entry].tells(kind)
        });
        let mut suspects: Vec<(u64, u32)> = std::mem::take(&mut self.name_hashes)
            .into_iter()
            .map(|(hash, entry)| (hash, numbers[entry as usize]))
            .collect();
        suspects.sort_unstable();
        suspects.dedup();
        write_suspects(&suspects, &mut self.writer)?;

        step("names");
        self.names.renumber(&order.number_of);
        let names = std::mem::take(&mut self.names).sorted();
        names.write(&mut self.writer, "names")?;
        self.masks.renumber(&order.number_of);
        std::mem::take(&mut self.masks).sorted().write(&mut self.writer, "masks")?;

        step("similar names");
        similar::write(&names.distinct(), &mut self.writer)?;
        drop(names);

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
        let standing = serde_json::to_vec(&described.standing).map_err(io::Error::other)?;
        self.writer.section("standing", &standing)?;
        self.writer.section("changes.keys", described.keys.as_bytes())?;
        let json = serde_json::to_vec(&meta).map_err(io::Error::other)?;
        self.writer.section("meta", &json)?;
        let (out, _) = self.writer.finish()?;
        Ok((out, meta))
    }

    /// Of entries with one id the last stays. The row of another is marked by its subject. Answers
    /// how many those are, and the hashed ids of the rest.
    fn drop_superseded(&mut self) -> (u64, Vec<(u64, u32)>) {
        let hashes = std::mem::take(&mut self.id_hashes);
        let mut order: Vec<(u128, u32)> =
            hashes.into_iter().enumerate().map(|(no, hash)| (hash, no as u32)).collect();
        order.par_sort_unstable();
        let mut ids = Vec::with_capacity(order.len());
        for same in order.chunk_by(|a, b| a.0 == b.0) {
            if let Some((last, others)) = same.split_last() {
                ids.push((points::hash(last.0 as u64), last.1));
                others.iter().for_each(|(_, no)| self.rows[*no as usize].subject = DROPPED);
            }
        }
        let dropped = self.rows.len() - ids.len();
        if dropped > 0 {
            let rows = &self.rows;
            let alive = |entry: u32| rows[entry as usize].subject != DROPPED;
            self.packed.retain(|carries| alive(carries.entry));
            self.texts.retain(|carries| alive(carries.entry));
        }
        (dropped as u64, ids)
    }
}

/// Names of subjects whom no identifier tells from others of their kind: hash → entries, behind a table of their own.
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
) -> io::Result<(Vec<ListMeta>, Vec<SetMeta>)> {
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
