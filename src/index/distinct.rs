//! Distinct identifiers while a snapshot is built: who carries each, and which entries are of one
//! subject.

use super::encoder::{Carries, DIRECT};
use super::identifiers::{BlocksBuilder, MANY};
use super::order::Order;
use super::points;
use super::subjects::{Carried, Decided, Grouping};
use crate::record::{Identifier, Packed};
use crate::snapshot::Writer;
use rayon::prelude::*;
use std::io::{self, Seek, Write};
use zerocopy::IntoBytes;

/// Distinct identifiers in dictionary order, with who carries them.
pub(super) struct Distinct<'a> {
    packed: Vec<&'a [Carries<u128>]>,
    texts: Vec<&'a [Carries<Vec<u8>>]>,
    /// The family of each, by number.
    families: Vec<u64>,
}

/// Entries with their subjects' roots.
pub(super) struct Grouped {
    pub root: Vec<u32>,
    /// By root: the smallest number of its identifiers.
    pub first_identifier: Vec<u32>,
    /// By entry: what the identifiers of its subject decide.
    pub decided: Vec<Decided>,
}

impl<'a> Distinct<'a> {
    pub fn of(packed: &'a [Carries<u128>], texts: &'a [Carries<Vec<u8>>]) -> Distinct<'a> {
        let mut distinct = Distinct {
            packed: packed.chunk_by(|a, b| a.key == b.key).collect(),
            texts: texts.chunk_by(|a, b| a.key == b.key).collect(),
            families: Vec::new(),
        };
        let numbers = (0..distinct.len() as u32).into_par_iter();
        distinct.families = numbers.map(|number| distinct.get(number).family().0).collect();
        distinct
    }

    pub fn len(&self) -> usize {
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

    pub fn hashes(&self) -> Vec<(u64, u32)> {
        self.families.iter().map(|&family| points::hash(family)).zip(0..).collect()
    }

    /// Entry and how it carries the identifier, in order.
    fn carriers(&self, number: u32) -> impl Iterator<Item = (u32, u8)> {
        let number = number as usize;
        let packed = self.packed.get(number).copied().unwrap_or_default();
        let text = number.checked_sub(self.packed.len()).map_or(&[][..], |at| self.texts[at]);
        let packed = packed.iter().map(|carries| (carries.entry, carries.how));
        packed.chain(text.iter().map(|carries| (carries.entry, carries.how)))
    }

    /// The entries whose subject itself carries it, into `entries`, which is reused.
    fn direct(&self, number: u32, entries: &mut Vec<u32>) {
        entries.clear();
        entries.extend(self.carriers(number).filter(|(_, how)| *how == DIRECT).map(|(e, _)| e));
        entries.dedup();
    }

    /// Join the entries of each of these identifiers.
    fn join<Get: Fn(u32) -> Identifier>(
        &self,
        numbers: impl Iterator<Item = u32>,
        grouping: &mut Grouping<'_, Get>,
    ) {
        let mut direct = Vec::new();
        for number in numbers {
            self.direct(number, &mut direct);
            if direct.len() > 1 {
                grouping.join(&Carried { number, identifier: self.get(number), entries: &direct });
            }
        }
    }

    pub fn group(&self, entries: usize) -> (Grouped, u64) {
        let get = |number| self.get(number);
        let mut grouping = Grouping::new(entries, &get);
        let (mut decisive, mut weak, mut direct) = (Vec::new(), Vec::new(), Vec::new());
        let mut first_identifier = vec![u32::MAX; entries];
        for number in 0..self.len() as u32 {
            self.direct(number, &mut direct);
            for &entry in &direct {
                let first = &mut first_identifier[entry as usize];
                *first = (*first).min(number);
            }
            let carried = Carried { number, identifier: self.get(number), entries: &direct };
            grouping.note(&carried);
            let numbers =
                if carried.identifier.kind().is_decisive() { &mut decisive } else { &mut weak };
            numbers.push(number);
        }
        self.join(decisive.into_iter(), &mut grouping);
        self.join_families(&mut grouping);
        self.join(weak.into_iter(), &mut grouping);
        let root: Vec<u32> = (0..entries as u32).map(|entry| grouping.root(entry)).collect();
        for entry in 0..entries {
            let first = first_identifier[entry];
            let of_root = &mut first_identifier[root[entry] as usize];
            *of_root = (*of_root).min(first);
        }
        let decided = root.iter().map(|&root| grouping.decided(root)).collect();
        (Grouped { root, first_identifier, decided }, grouping.shared)
    }

    fn join_families<Get: Fn(u32) -> Identifier>(&self, grouping: &mut Grouping<'_, Get>) {
        let mut families: Vec<(u64, u32)> = self.families.iter().copied().zip(0..).collect();
        families.par_sort_unstable();
        for family in families.chunk_by(|a, b| a.0 == b.0).filter(|family| family.len() > 1) {
            let direct: Vec<Vec<u32>> = family
                .iter()
                .map(|(_, number)| {
                    let mut entries = Vec::new();
                    self.direct(*number, &mut entries);
                    entries
                })
                .collect();
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
    pub fn write<W: Write + Seek>(&self, order: &Order, writer: &mut Writer<W>) -> io::Result<()> {
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
        let (mut subjects, mut related) = (Vec::new(), Vec::new());
        for number in 0..self.len() as u32 {
            subjects.clear();
            related.clear();
            for (entry, how) in self.carriers(number) {
                let entry = entry as usize;
                match how {
                    DIRECT => subjects.push(order.subject_of[entry]),
                    role => related.push((u32::from(role), order.number_of[entry])),
                }
            }
            subjects.sort_unstable();
            subjects.dedup();
            ids.extend(subjects.iter().map(|&subject| (subject, number)));
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
        order.write_subjects(&ids, writer)
    }
}

fn identifier_of_text(key: &[u8]) -> Option<Identifier> {
    let (&kind, text) = key.split_first()?;
    let kind = crate::record::IdentifierKind::from_number(kind)?;
    Some(Identifier::trusted(kind, std::str::from_utf8(text).ok()?.into()))
}
