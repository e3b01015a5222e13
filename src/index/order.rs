//! The final order of entries and subjects.

use super::distinct::Grouped;
use super::{entries, subjects};
use crate::snapshot::Writer;
use rayon::prelude::*;
use std::io::{self, Seek, Write};
use zerocopy::IntoBytes;

/// The number of an entry that another replaced.
pub(super) const DROPPED: u32 = (1 << 31) - 1;

/// The final order of entries: by subject, list, first day, arrival.
pub(super) struct Order {
    /// Old numbers in the new order.
    pub entries: Vec<u32>,
    /// New number by old, [`DROPPED`] for superseded ones.
    pub number_of: Vec<u32>,
    /// Subject by old number.
    pub subject_of: Vec<u32>,
    /// How many subjects.
    pub subjects: usize,
}

impl Order {
    pub fn of(rows: &[entries::Row], grouped: &Grouped) -> Order {
        // Subjects in the order of their first identifier; those without one come last.
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

    /// The rows of subjects: where the entries and the identifiers of each begin. `ids` are pairs of
    /// subject and identifier, sorted.
    pub fn write_subjects<W: Write + Seek>(
        &self,
        ids: &[(u32, u32)],
        writer: &mut Writer<W>,
    ) -> io::Result<()> {
        let mut rows = vec![subjects::Row::default(); self.subjects + 1];
        let mut last = None;
        for (number, &no) in self.entries.iter().enumerate() {
            let subject = self.subject_of[no as usize];
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
        rows[self.subjects].first_entry = self.entries.len() as u32;
        writer.section("subjects", rows.as_bytes())?;
        let numbers: Vec<u32> = ids.iter().map(|(_, number)| *number).collect();
        writer.section("subject.ids", numbers.as_bytes())
    }
}
