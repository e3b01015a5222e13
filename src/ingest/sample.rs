//! Entries by which a snapshot is asked whether it knows what was delivered.

use crate::index::{EntryNo, Index, Owner, id_of};
use crate::record::{Entry, Identifier};
use std::collections::BTreeMap;

/// Entries kept of each list.
const KEPT: usize = 8;

/// Of each list those few entries whose ids hash lowest, as they were delivered last: the same ones
/// however the work was cut.
#[derive(Default)]
pub struct Sample {
    lists: BTreeMap<String, BTreeMap<u128, Entry>>,
}

impl Sample {
    /// Look at an entry, by the hash of its list and id.
    pub fn see(&mut self, hash: Option<u128>, entry: &Entry) {
        let Some(hash) = hash else { return };
        match self.lists.get_mut(&entry.list) {
            Some(kept)
                if kept.len() == KEPT && kept.last_key_value().is_some_and(|(k, _)| *k < hash) => {}
            Some(kept) => {
                kept.insert(hash, entry.clone());
                kept.split_off(&nth(kept));
            }
            None => {
                self.lists.insert(entry.list.clone(), BTreeMap::from([(hash, entry.clone())]));
            }
        }
    }

    /// Take a later sample in.
    pub fn merge(&mut self, later: Sample) {
        for (list, entries) in later.lists {
            let kept = self.lists.entry(list).or_default();
            kept.extend(entries);
            kept.split_off(&nth(kept));
        }
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.lists.values().map(BTreeMap::len).sum()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Ask an index for each entry by its id and by each of its identifiers.
    ///
    /// # Errors
    ///
    /// What it does not know, or knows otherwise; without the subject's data.
    pub fn prove(&self, index: &Index) -> Result<(), String> {
        for (list, entries) in &self.lists {
            for entry in entries.values() {
                knows(index, list, entry).map_err(|why| {
                    let (file, row) = (&entry.provenance.file, entry.provenance.row);
                    format!("快照校验失败 / the snapshot does not know {file}, row {row}: {why}")
                })?;
            }
        }
        Ok(())
    }
}

/// Whether an index holds an entry as it is, and every identifier of it leads to it.
fn knows(index: &Index, list: &str, entry: &Entry) -> Result<(), &'static str> {
    let no = index.entry_no(list, &id_of(entry)).ok_or("it is not found by its id")?;
    let known = index.record(no).ok_or("it cannot be read")?;
    let is_same = (known.term, known.state, known.objection)
        == (entry.term, entry.state, entry.objection)
        && (&known.document, &known.reason) == (&entry.document, &entry.reason)
        && (known.subject.kind, &known.subject.name) == (entry.subject.kind, &entry.subject.name);
    if !is_same {
        return Err("it says something else");
    }
    if !entry.subject.ids.iter().all(|id| leads_to(index, id, no)) {
        return Err("one of its identifiers does not lead to it");
    }
    Ok(())
}

fn leads_to(index: &Index, id: &Identifier, no: EntryNo) -> bool {
    let mut leads = false;
    index.identify(id, |number, _, _| {
        for owner in index.owners(number) {
            if let Owner::Subject(subject) = owner {
                leads |= index.entries_of(subject).any(|entry| entry.no == no);
            }
        }
    });
    leads
}

/// The key from which on too many are kept.
fn nth(kept: &BTreeMap<u128, Entry>) -> u128 {
    kept.keys().nth(KEPT).copied().unwrap_or(u128::MAX)
}
